"""Events of other nodes: read, and published on this node's bus under the names that they have here.

They come from other machines: at most so many wait, and they are read in a share of the turn, so that a flood from one node does
not hold up what is done here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define
from twisted.logger import Logger

from netd.bus.subject import covers, is_own_subject, matches
from netd.cluster.address import CUSTOM, instance_at, subject_at, wanted_parts
from netd.cluster.eventwire import BadEvents, FarEvent, FarEvents, MoreOfEvent, NewestEvent, read_events
from netd.cluster.farmessage import FarBatch, FarMessage, FarSamples, read
from netd.cluster.nodes import Nodes
from netd.codec.jsontext import encode
from netd.connection.shares import TurnShare
from netd.interfaces import IBus, ISubscription
from netd.log import LogLimiter, told_of
from netd.message import Batch, Demand, Described, Want

__all__ = ["Arrivals", "Receiving"]

MOST_WAITING = 1 << 23
"""Bytes of messages that wait to be read, of all nodes. Above, the oldest are dropped, and their events count as lost."""

STEP = 32
"""Events that are published in one step of the share."""

LAST_STATES = {"session": "ended", "room": "over"}
"""The state that the events of sessions and rooms tell when these are no more, by kind."""

MOST_SEQUENCES = 10_000
"""Subjects of NATS whose numbers are remembered. Above, all begin anew, without a hole."""

MOST_KNOWN = 20_000
"""Subjects of a node that are remembered, with their names here. Above, all are looked up again."""


@define(eq=False)
class _Sequence:
    """What comes under one subject of NATS.

    :ivar lost: the pattern of what is lost where numbers are missing.
    :ivar last: the number of the last event, of the process *epoch* of *node*; None before the first.
    """

    node: str
    lost: str
    epoch: str = ""
    last: int | None = None


class Arrivals:
    """The subjects whose events have come while their node is asked for its newest ones: what it answers of them is older."""

    def __init__(self) -> None:
        self._open: dict[str, list[set[str]]] = {}

    def begin(self, node: str) -> set[str]:
        """Return the set of the subjects whose events come from *node* from now on."""
        subjects: set[str] = set()
        self._open.setdefault(node, []).append(subjects)
        return subjects

    def end(self, node: str, subjects: set[str]) -> None:
        """Add no more to *subjects*."""
        rest = [other for other in self._open.get(node, ()) if other is not subjects]
        if rest:
            self._open[node] = rest
        else:
            self._open.pop(node, None)

    def stop(self) -> None:
        """End all."""
        self._open.clear()

    def note(self, node: str, subject: str) -> None:
        """Note that an event of *node* has come."""
        if self._open:
            for subjects in self._open.get(node, ()):
                subjects.add(subject)


class Receiving:
    """Receives what is wanted.

    :ivar arrivals: whose events have come while their node is asked for its newest ones.
    :param share: the share of the turn for what comes.
    :param missed: called with a node, some of whose events are lost.
    :ivar taken: events that came, and were published here; without the newest, which were asked for.
    :ivar lost: events that are known to be lost, by node.
    :ivar doubled: events that came a second time.
    :ivar refused: messages that did not count, by reason.
    """

    _log = Logger()

    def __init__(
        self, nodes: Nodes, bus: IBus, share: TurnShare, seconds: Callable[[], float], missed: Callable[[str], Any]
    ) -> None:
        self.taken = 0
        self.arrivals = Arrivals()
        self.lost: dict[str, int] = {}
        self.doubled = 0
        self.refused = {"bad events": 0, "unknown node": 0, "too many": 0}
        self._nodes = nodes
        self._bus = bus
        self._share = share
        self._missed = missed
        self._limiter = LogLimiter(seconds)
        self._wants: dict[str, Demand] = {}
        self._accepted: tuple[str, ...] = ()
        self._subscriptions: dict[str, ISubscription] = {}
        self._sequences: dict[str, _Sequence] = {}
        self._names: dict[str, dict[str, str | None]] = {}
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._size = 0
        self._is_reading = False

    def follow(self, wants: Mapping[str, Demand], accepted: tuple[str, ...]) -> None:
        """Receive what *wants* ask for from now on; under ``custom`` what *accepted* takes of it."""
        gone = [pattern for pattern in self._wants if pattern not in wants]
        self._wants, self._accepted = dict(wants), accepted
        self._names.clear()
        subjects = {part.subject for pattern in wants for part in wanted_parts(pattern)}
        subjects = {one for one in subjects if not any(one != other and covers(other, one) for other in subjects)}
        for subject in sorted(subjects - self._subscriptions.keys()):
            self._subscriptions[subject] = self._nodes.link.subscribe(f"{self._nodes.root}.{subject}", self._came)
        for subject in self._subscriptions.keys() - subjects:
            self._subscriptions.pop(subject).cancel()
        # What does not come any more has no hole when it comes again, and its newest events would be taken for today's.
        root = len(self._nodes.root) + 1
        for name in [name for name in self._sequences if not any(covers(one, name[root:]) for one in subjects)]:
            del self._sequences[name]
        if gone:
            self._share.start(self._forget_unwanted(gone))

    def stop(self) -> None:
        """Receive nothing more."""
        self._share.stop()
        self._waiting.clear()
        self._size, self._is_reading = 0, False
        self.follow({}, ())

    def end(self, node: str) -> None:
        """Tell that the sessions and rooms of *node* that are known here have ended, because it is gone."""
        for kind, last in LAST_STATES.items():
            for message in self._bus.last(f"{kind}.>"):
                if message.origin == node and isinstance(message.event, dict) and "state" in message.event:
                    ended = {**message.event, "state": last, "reason": f"node {node} is gone"}
                    self._bus.publish(FarMessage(message.subject, encode(ended), self._bus.wall(), node))

    def forget(self, node: str) -> None:
        """Drop all that is kept of *node*, which is no more."""
        self._names.pop(node, None)
        self._sequences = {subject: sequence for subject, sequence in self._sequences.items() if sequence.node != node}
        for message in self._bus.last(">"):
            if message.origin == node and "@" in message.subject:
                self._bus.forget(message.subject)

    def take_newest(self, node: str, events: list[NewestEvent], arrived: set[str]) -> Iterator[None]:
        """Publish those of the newest *events* of *node* that have not come here; in steps.

        :param arrived: the subjects of which something newer has come meanwhile.
        """
        for at, event in enumerate(events, 1):
            name = self._name(node, event.subject)
            if name is not None and name not in arrived:
                self._describe(name, event.described)
                known = self._bus.last(name)
                # Under custom, several nodes publish the same subject. Of one node, what it has now is the newest.
                if not known or (event.time > known[0].time if name == event.subject else event.time != known[0].time):
                    self._bus.publish(FarMessage(name, event.text, event.time, node))
            if at % STEP == 0:
                yield

    def _came(self, subject: str, body: bytes, _reply: str) -> None:
        self._waiting.append((subject, body))
        self._size += len(body)
        while self._size > MOST_WAITING:
            self._size -= len(self._waiting.popleft()[1])
            self.refused["too many"] += 1
        if not self._is_reading:
            self._is_reading = True
            self._share.start(self._read_all())

    def _read_all(self) -> Iterator[None]:
        try:
            while self._waiting:
                subject, body = self._waiting.popleft()
                self._size -= len(body)
                yield from self._read(subject, body)
                yield
        finally:
            self._is_reading = False

    def _read(self, subject: str, body: bytes) -> Iterator[None]:
        sequence = self._sequences.get(subject) or self._sequence(subject)
        node = sequence.node
        try:
            found = read_events(body)
        except BadEvents as error:
            self._refuse("bad events", node, f"sends what holds no events: {error}")
            return
        member = self._nodes.members.get(node)
        if member is None or member.epoch != found.epoch:
            self.refused["unknown node"] += 1  # its hello comes within a second, and its newest events are asked for then
            return
        if subject not in self._sequences and len(self._sequences) >= MOST_SEQUENCES:
            self._sequences.clear()
        self._sequences[subject] = sequence
        if self._is_new(sequence, found):
            origin = member.name
            for at, event in enumerate(found.events, 1):
                self._publish(origin, event)
                if at % STEP == 0:
                    yield

    def _sequence(self, subject: str) -> _Sequence:
        place, node, *rest = subject[len(self._nodes.root) + 1 :].split(".")
        if place == CUSTOM:
            return _Sequence(node, f"{CUSTOM}.>")
        return _Sequence(node, f"{rest[0]}.{instance_at(rest[1], node)}.>")

    def _is_new(self, sequence: _Sequence, found: FarEvents) -> bool:
        """Whether *found* has not come before. Numbers that are missing before it are told."""
        count = sum([event.number for event in found.events])
        if sequence.epoch != found.epoch:
            sequence.epoch, sequence.last = found.epoch, None
        last, sequence.last = sequence.last, found.last
        if last is None:
            return True
        if found.last <= last:
            sequence.last = last
            self.doubled += count
            return False
        missing = found.last - count - last
        if missing > 0:
            self.lost[sequence.node] = self.lost.get(sequence.node, 0) + missing
            self._bus.lose(sequence.lost, missing)
            self._missed(sequence.node)
        return True

    def _publish(self, node: str, event: FarEvent) -> None:
        names = self._names.get(node)
        subject = event.subject
        name = names[subject] if names is not None and subject in names else self._name(node, subject)
        if name is None:
            return
        self.arrivals.note(node, name)
        text, time, more = bytes(event.event), event.time, event.more
        if more is None:
            self._bus.publish(FarMessage(name, text, time, node))
            self.taken += 1
            return
        if more.label is not None:
            self._describe(name, Described(more.label, more.unit))
        batch = _batch(text, more)
        self.taken += 1 if batch is None else len(batch)
        if batch is not None and self._bus.wants(name) is Want.EACH:
            for one in batch:
                self._bus.publish(FarMessage(name, encode(one), time, node))
        else:
            self._bus.publish(FarMessage(name, text, time, node, batch))

    def _describe(self, name: str, described: Described) -> None:
        if described != self._bus.described(name):
            self._bus.describe(name, described)

    def _name(self, node: str, subject: str) -> str | None:
        """Return the name that *subject* of *node* has here; None if it is not wanted."""
        names = self._names.setdefault(node, {})
        if len(names) >= MOST_KNOWN:
            names.clear()
        names[subject] = name = self._found_name(node, subject)
        return name

    def _found_name(self, node: str, subject: str) -> str | None:
        if not is_own_subject(subject):
            self._refuse("bad events", node, f"publishes under {subject!r:.80}, which is no subject")
            return None
        name = subject_at(subject, node)
        if name is None or not any(matches(pattern, name) for pattern in self._wants):
            return None
        if name == subject and not any(matches(pattern, name) for pattern in self._accepted):
            return None
        return name

    def _forget_unwanted(self, gone: list[str]) -> Iterator[None]:
        """Drop the newest events under the patterns that are *gone*, unless others still want them."""
        for pattern in gone:
            for message in self._bus.last(pattern):
                subject = message.subject
                if "@" in subject and not any(matches(other, subject) for other in self._wants):
                    self._bus.forget(subject)
            yield

    def _refuse(self, kind: str, node: str, what: str) -> None:
        self.refused[kind] += 1
        skipped = self._limiter.admit(kind, node)
        if skipped is not None:
            self._log.warn("cluster: node {node!r} {what}{more}", node=node, what=what, more=told_of(skipped))


def _batch(text: bytes, more: MoreOfEvent) -> Batch | None:
    if more.values and len(more.values) > 1:
        newest = read(text)
        return FarSamples(newest, more.values, more.agent_times) if isinstance(newest, dict) else None
    return FarBatch([bytes(one) for one in more.batch]) if more.batch else None

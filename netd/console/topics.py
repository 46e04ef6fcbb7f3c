"""The bus for console connections: one stream of numbered events for each pattern that is subscribed to, shared by all who do.

An event becomes a JSON text once for each topic, is framed once for each kind of connection, and leaves in one write a connection
and turn. The newest events of each subject are kept for a while, so that whoever lost a connection can go on where it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from netd.console.link import ConsoleLink, Frame
from netd.console.subscription import SlowPolicy, Subscription
from netd.errors import InvalidArguments, OperationFailed
from netd.interfaces import IBus, ISubscription
from netd.message import Message
from netd.wire.fanout import Fanout, Item
from netd.wire.jsontext import encode
from netd.wire.turn import Turn

__all__ = ["MOST_SUBSCRIPTIONS", "Topic", "Topics"]

MOST_SUBSCRIPTIONS = 256
"""Subscriptions of one connection."""

MOST_TOPICS = 1024
"""Different streams at a time."""

MOST_SUBJECTS = 10_000
"""Subjects of one topic whose newest events are kept."""

IDLE = 120.0
"""Seconds for which a topic is kept that nobody subscribes to any more."""

MOST_IDLE = 64
"""Topics that are kept so at a time."""


@frozen
class _Kept:
    """An event that was sent: its number, and its text."""

    seq: int
    text: bytes


class Topic:
    """The stream of all who subscribe to *pattern* with the same *every*.

    :ivar epoch: names this stream: its numbers mean nothing in another.
    :ivar seq: the number of its newest event, 0 before the first.
    """

    def __init__(self, topics: Topics, pattern: str, every: float | None, epoch: str) -> None:
        self._topics = topics
        self.pattern = pattern
        self.every = every
        self.epoch = epoch
        self.seq = 0
        self._rings: dict[str, deque[_Kept]] = {}
        self._fanouts: dict[Frame, Fanout] = {}
        self._held: dict[str, Message] = {}
        self._timer: Any = None
        self._head = b'{"jsonrpc":"2.0","method":"event","params":{"pattern":"%b","seq":' % pattern.encode()
        self._source: ISubscription = topics.bus.subscribe(pattern, self._receive)

    @property
    def is_idle(self) -> bool:
        """Whether nobody subscribes to it."""
        return not any(fanout.members for fanout in self._fanouts.values())

    def join(self, member: Subscription, frame: Frame) -> None:
        """Let *member* have all events from now on."""
        fanout = self._fanouts.get(frame)
        if fanout is None:
            fanout = self._fanouts[frame] = Fanout(self._topics.turn)
        fanout.flush()  # what was published before is not for the new member
        fanout.members[member] = None

    def leave(self, member: Subscription) -> None:
        """Let *member* have nothing more."""
        for frame, fanout in list(self._fanouts.items()):
            fanout.members.pop(member, None)
            if not fanout.members:
                del self._fanouts[frame]

    def missed(self, seq: int) -> tuple[list[_Kept], dict[str, int] | None]:
        """What came after number *seq*: the events that are kept, in order; the first and the last number that are not."""
        found = sorted((kept for ring in self._rings.values() for kept in ring if kept.seq > seq), key=lambda kept: kept.seq)
        if len(found) == self.seq - seq:
            return found, None
        first = next((number for number, kept in enumerate(found, seq + 1) if kept.seq != number), seq + 1 + len(found))
        backwards = enumerate(reversed(found))
        last = next((self.seq - back for back, kept in backwards if kept.seq != self.seq - back), self.seq - len(found))
        return found, {"from": first, "to": last}

    def newest(self, count: int) -> list[tuple[str, bytes]]:
        """Up to *count* of the newest events of each subject, oldest first: subject and text."""
        found: list[tuple[float, int, str, bytes]] = []
        for message in self._topics.bus.last(self.pattern):
            ring = self._rings.get(message.subject)
            if not ring:
                found.append((message.time, 0, message.subject, self._text(message, b"null")))
        for subject, ring in self._rings.items():
            found += [(float("inf"), kept.seq, subject, kept.text) for kept in list(ring)[-count:]]
        return [(subject, text) for _, _, subject, text in sorted(found)]

    def shorten(self) -> int:
        """Forget the older half of what is kept of each subject.

        :returns: how many bytes that were.
        """
        forgotten = 0
        for subject, ring in list(self._rings.items()):
            for _ in range((len(ring) + 1) // 2):
                forgotten += len(ring.popleft().text)
            if not ring:
                del self._rings[subject]
        return forgotten

    def end(self) -> int:
        """Listen no more.

        :returns: how many bytes were kept.
        """
        self._source.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return sum(len(kept.text) for ring in self._rings.values() for kept in ring)

    def _receive(self, message: Message) -> None:
        if self.every is None:
            self._emit(message)
        elif self._timer is None:
            self._emit(message)
            self._timer = self._topics.clock.callLater(self.every, self._tick)
        elif message.subject in self._held or len(self._held) < MOST_SUBJECTS:
            self._held[message.subject] = message

    def _tick(self) -> None:
        self._timer = None
        if self._held and self.every is not None:
            self._timer = self._topics.clock.callLater(self.every, self._tick)
            held, self._held = self._held, {}
            for message in held.values():
                self._emit(message)

    def _emit(self, message: Message) -> None:
        text = self._text(message, b"%d" % (self.seq + 1))
        self.seq += 1
        subject = message.subject
        ring = self._rings.get(subject)
        if ring is None and len(self._rings) < MOST_SUBJECTS:
            ring = self._rings[subject] = deque()
        if ring is not None:
            self._topics.keep(ring, _Kept(self.seq, text))
        for frame, fanout in self._fanouts.items():
            fanout.add(frame(text), subject)

    def _text(self, message: Message, seq: bytes) -> bytes:
        middle = f',"time":{message.time!r},"subject":"{message.subject}","data":'
        return b"".join((self._head, seq, middle.encode(), message.encoded(encode), b"}}"))


@define(eq=False)
class Topics:
    """All topics, and who subscribes to them.

    :ivar turn: what subscribers are sent is collected in it.
    :ivar new_epoch: a name that was never used before, without a colon.
    :ivar keep_events: of each subject in each topic.
    :ivar keep_size: bytes of all that is kept.
    """

    bus: IBus
    clock: IReactorTime
    turn: Turn
    new_epoch: Callable[[], str]
    keep_events: int
    keep_size: int
    _topics: dict[tuple[str, float | None], Topic] = field(factory=dict, init=False)
    _idle: dict[Topic, Any] = field(factory=dict, init=False)
    _links: dict[ConsoleLink, dict[str, tuple[Topic, Subscription]]] = field(factory=dict, init=False)
    _kept: int = field(default=0, init=False)

    def subscribe(
        self, link: ConsoleLink, pattern: str, every: float | None, replay: int, policy: SlowPolicy, since: str | None
    ) -> dict[str, Any]:
        """Let *link* have the events of *pattern*; instead of what it had of the same pattern before.

        :returns: the answer of ``bus.subscribe`` (gateway protocol, "Subscriptions").
        :raises InvalidArguments: when *since* is no position.
        :raises OperationFailed: when there are too many subscriptions.
        """
        position = None if since is None else _position(since)
        mine = self._subscriptions(link)
        if pattern in mine:
            self.unsubscribe(link, pattern)
        if len(mine) >= MOST_SUBSCRIPTIONS:
            raise OperationFailed(f"a connection has at most {MOST_SUBSCRIPTIONS} subscriptions; end one with bus.unsubscribe")
        topic = self._topic(pattern, every)
        subscription = Subscription(link, pattern, policy)
        offset, recovered, gap = topic.seq, None, None
        first: list[Item] = []
        if position is not None:
            found, gap = self._resume(topic, *position)
            if found is not None:
                recovered = len(found)
                first = [(link.frame(kept.text), kept.seq) for kept in found]
        if recovered is None and replay:
            first = [(link.frame(text), number) for number, (_, text) in enumerate(topic.newest(replay))]
        mine[pattern] = (topic, subscription)
        topic.join(subscription, link.frame)
        if first:
            self.turn.after(lambda: self._begin(link, pattern, subscription, first))
        return {"pattern": pattern, "position": f"{topic.epoch}:{offset}", "recovered": recovered, "gap": gap}

    def unsubscribe(self, link: ConsoleLink, pattern: str) -> bool:
        """Let *link* have nothing more of *pattern*; False when it had nothing."""
        topic, subscription = self._links.get(link, {}).pop(pattern, (None, None))
        if topic is None or subscription is None:
            return False
        subscription.end()
        topic.leave(subscription)
        if topic.is_idle:
            self._rest(topic)
        return True

    def keep(self, ring: deque[_Kept], kept: _Kept) -> None:
        """Put an event into *ring*, within all bounds."""
        ring.append(kept)
        self._kept += len(kept.text)
        if len(ring) > self.keep_events:
            self._kept -= len(ring.popleft().text)
        if self._kept > self.keep_size:
            for topic in self._topics.values():
                self._kept -= topic.shorten()

    def _subscriptions(self, link: ConsoleLink) -> dict[str, tuple[Topic, Subscription]]:
        mine = self._links.get(link)
        if mine is None:
            mine = self._links[link] = {}
            link.when_lost(lambda: self._lost(link))
        return mine

    def _lost(self, link: ConsoleLink) -> None:
        for pattern in list(self._links.get(link, ())):
            self.unsubscribe(link, pattern)
        self._links.pop(link, None)

    def _begin(self, link: ConsoleLink, pattern: str, subscription: Subscription, first: list[Item]) -> None:
        _, current = self._links.get(link, {}).get(pattern, (None, None))
        if current is subscription:
            subscription.spill(first)

    def _topic(self, pattern: str, every: float | None) -> Topic:
        topic = self._topics.get((pattern, every))
        if topic is None:
            if len(self._topics) >= MOST_TOPICS:
                raise OperationFailed(f"there are {MOST_TOPICS} different subscriptions already; use one of a wider pattern")
            topic = self._topics[pattern, every] = Topic(self, pattern, every, self.new_epoch())
        resting = self._idle.pop(topic, None)
        if resting is not None:
            resting.cancel()
        return topic

    def _rest(self, topic: Topic) -> None:
        if len(self._idle) >= MOST_IDLE:
            self._end(next(iter(self._idle)))
        self._idle[topic] = self.clock.callLater(IDLE, self._end, topic)

    def _end(self, topic: Topic) -> None:
        resting = self._idle.pop(topic, None)
        if resting is not None and resting.active():
            resting.cancel()
        del self._topics[topic.pattern, topic.every]
        self._kept -= topic.end()

    @staticmethod
    def _resume(topic: Topic, epoch: str, seq: int) -> tuple[list[_Kept] | None, dict[str, int | None] | None]:
        if epoch != topic.epoch or seq > topic.seq:
            return None, {"from": seq + 1, "to": None}
        found, gap = topic.missed(seq)
        return found, None if gap is None else {"from": gap["from"], "to": gap["to"]}


def _position(since: str) -> tuple[str, int]:
    epoch, colon, offset = since.rpartition(":")
    if not (colon and offset.isascii() and offset.isdecimal() and len(offset) < 20):
        raise InvalidArguments(f"since: {since!r:.80} is no position; it is epoch:seq, as in the answer and the events")
    return epoch, int(offset)

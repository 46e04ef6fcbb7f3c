"""Events of this node on their way to the others: one message for those of a turn, a kind and an instance.

What nobody asks for is not even subscribed to, and so not built. Only what this node has published itself is forwarded: neither
subjects with an ``@`` nor messages with an origin. So events cannot run in circles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from attrs import define, field

from netd.cluster.address import CUSTOM, subject_at
from netd.cluster.eventwire import LONGEST_WORD, event_item, events_bodies
from netd.cluster.interest import AskedPart, demand_for, merged
from netd.cluster.nodes import Nodes
from netd.codec.jsontext import BadJSON, encode
from netd.connection.shares import TurnShare
from netd.connection.turn import Turn
from netd.console.interval import Interval
from netd.interfaces import IBus, ISubscription
from netd.message import UNDESCRIBED, Demand, Described, Message, Want

__all__ = ["Forwarding"]

MOST_COLLECTED = 2000
"""Messages that wait for the end of a turn or of ``linger``. Above, they are sent at once."""

MOST_WEIGHT = 1 << 22
"""Bytes of peers' own words in these."""

MOST_KNOWN = 20_000
"""Subjects that are remembered, with what is to be done with them. Above, all are looked up again."""


@define(eq=False)
class _Group:
    """A subject of NATS, with what waits for it, and the number of the last event that was sent."""

    subject: str
    waiting: list[tuple[_Way, Message]] = field(factory=list)
    last: int = 0


@define(eq=False)
class _Way:
    """A subject of the bus on its way: its group, the interval that it waits for, and the description that was told of it."""

    head: bytes
    group: _Group
    interval: Interval | None
    told: Described = UNDESCRIBED


class Forwarding:
    """Forwards what others ask for.

    :param turn: the turn of the reactor, at whose end events are sent without *linger*.
    :param share: the share of the turn for events that an interval has held back.
    :param linger: seconds that events wait for others.
    :ivar share: that share.
    :ivar sent: events that were sent.
    :ivar unfit: events that could not be sent, by reason.
    """

    def __init__(self, nodes: Nodes, bus: IBus, reactor: Any, share: TurnShare, linger: float) -> None:
        self.linger = linger
        self.sent = 0
        self.unfit = {"no JSON": 0, "too long": 0}
        self._nodes = nodes
        self._bus = bus
        self._reactor = reactor
        self._turn = Turn(reactor.callLater)
        self.share = share
        self._parts: dict[tuple[str, bool], AskedPart] = {}
        self._subscriptions: dict[tuple[str, Demand], ISubscription] = {}
        self._intervals: dict[float, Interval] = {}
        self._groups: dict[str, _Group] = {}
        self._ways: dict[str, _Way | None] = {}
        self._busy: list[_Group] = []
        self._collected = 0
        self._weight = 0
        self._timer: Any = None
        self._last: Message | None = None

    def follow(self, parts: Mapping[tuple[str, bool], AskedPart]) -> None:
        """Forward what *parts* ask for from now on.

        What intervals hold back passes now, if it is still asked for: its subject may have another interval, or none, and what is
        newer must not overtake it.
        """
        self._parts = dict(parts)
        self._ways.clear()
        self._pass_all()
        wanted: dict[str, Demand] = {}
        for part in parts.values():  # a pattern that is asked for with ``system`` and without is one for the bus
            wanted[part.pattern] = merged(wanted.get(part.pattern), part.demand)
        keys = set(wanted.items())
        for key in keys - self._subscriptions.keys():
            self._subscriptions[key] = self._bus.subscribe(key[0], self._take, key[1].want, key[1].every, is_local=True)
        for key in self._subscriptions.keys() - keys:
            self._subscriptions.pop(key).cancel()
        intervals = {demand.every for demand in wanted.values() if demand.want is Want.NEWEST}
        for every in self._intervals.keys() - intervals:
            self._intervals.pop(every).end()

    def stop(self) -> None:
        """Forward nothing more. Events are numbered anew when this node joins again."""
        self.follow({})
        self.flush()
        self._groups.clear()

    def finish(self) -> None:
        """Send what waits, whatever for: this node is about to leave."""
        self._pass_all()
        self.flush()

    def _pass_all(self) -> None:
        for interval in self._intervals.values():
            interval.pass_all()

    def flush(self) -> None:
        """Send what has been collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._collected = self._weight = 0
        busy, self._busy = self._busy, []
        for group in busy:
            waiting, group.waiting = group.waiting, []
            items = list(self._items(waiting))
            last = group.last
            group.last += sum([count for _, count in items])
            self.unfit["too long"] += group.last - last
            for body, count in events_bodies(self._nodes.epoch, last, items):
                self._nodes.link.post(group.subject, body)
                self.sent += count
                self.unfit["too long"] -= count

    def _take(self, message: Message) -> None:
        if message is self._last or message.origin:  # several patterns may take it, and it then comes several times in a row
            return
        self._last = message
        subject = message.subject
        way = self._ways[subject] if subject in self._ways else self._learn(subject)
        if way is None:
            return
        if way.interval is not None:
            way.interval.receive(message)
        else:
            self._collect(way, message)

    def _learn(self, subject: str) -> _Way | None:
        if len(self._ways) >= MOST_KNOWN:
            self._ways.clear()
        way = self._ways[subject] = self._way(subject)
        return way

    def _way(self, subject: str) -> _Way | None:
        demand = demand_for(subject, self._parts.values())
        if demand is None or subject_at(subject, self._nodes.name) is None:
            return None
        kind, instance, *_ = subject.split(".", 2)
        place = CUSTOM if kind == CUSTOM else "turn"
        name = f"{self._nodes.root}.{place}.{self._nodes.name}" + ("" if kind == CUSTOM else f".{kind}.{instance}")
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(name)
        interval = self._interval(demand.every) if demand.want is Want.NEWEST else None
        return _Way(encode(subject), group, interval)

    def _interval(self, every: float) -> Interval:
        interval = self._intervals.get(every)
        if interval is None:
            interval = self._intervals[every] = Interval(self._reactor, every, self.share, self._pass_on, lambda: None)
        return interval

    def _pass_on(self, message: Any) -> None:
        """Take an event that its interval has let pass."""
        subject = message.subject
        way = self._ways[subject] if subject in self._ways else self._learn(subject)
        if way is not None:
            self._collect(way, message)

    def _collect(self, way: _Way, message: Message) -> None:
        group = way.group
        if not group.waiting:
            if not self._busy:
                self._flush_soon()
            self._busy.append(group)
        group.waiting.append((way, message))
        self._collected += 1
        self._weight += message.weight
        if self._collected >= MOST_COLLECTED or self._weight >= MOST_WEIGHT:
            self.flush()

    def _flush_soon(self) -> None:
        if self.linger:
            self._timer = self._reactor.callLater(self.linger, self._lingered)
        else:
            self._turn.after(self.flush)

    def _lingered(self) -> None:
        self._timer = None
        self.flush()

    def _items(self, waiting: list[tuple[_Way, Message]]) -> Iterator[tuple[bytes, int]]:
        described = self._bus.described
        for way, message in waiting:
            more: dict[str, object] | None = None
            known = described(message.subject)
            if known is not way.told:
                way.told = known
                more = {"label": known.label[:LONGEST_WORD], "unit": known.unit[:LONGEST_WORD]}
            count = 1
            batch: Any = message.batch
            try:
                if batch is not None and way.interval is None:
                    count = len(batch)
                    more = {**(more or {}), **_told_of(batch)}
                yield event_item(way.head, message.time, message.encoded(encode), more), count
            except BadJSON:
                self.unfit["no JSON"] += count


def _told_of(batch: Any) -> dict[str, object]:
    """Return what a message says of *batch*. Batches of samples have their values as a column."""
    values = getattr(batch, "values", None)
    if values is None or not all(map(isfinite, values)):
        return {"batch": list(batch)}
    return {"values": values, "agent_times": batch.agent_times} if batch.agent_times else {"values": values}

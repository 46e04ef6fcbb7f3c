"""Messages from this node to devices of others: each is published once, and has exactly one last outcome.

Of a message that failed, this node knows that it was not handed over to the device (``no``), as long as it has not left. Whether
it was (``yes``), the other node tells. In between stands ``maybe``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from netd.carriage import UNSENT, CarriedReport, DevicePlace
from netd.cluster.freight import LONGEST, LONGEST_SPAN, BadFreight, FreightPieces, pack, unpack
from netd.cluster.interfaces import ILink
from netd.cluster.member import Member
from netd.cluster.nodes import Nodes
from netd.interfaces import ISubscription

__all__ = ["Sending"]

PATIENCE = 10.0
"""Seconds within which a message without a deadline has its first outcome."""

LATE = 1.0
"""Seconds for which an outcome may be on its way: after its deadline and these, a message has expired."""

SWEEP = 0.25
"""Seconds between two looks for messages that have expired."""

MOST_OPEN = 10_000
"""Messages to one node that have no last outcome."""

LAST = frozenset({"sent", "acknowledged", "failed", "expired"})
NOT_LAST = frozenset({"queued", "sent"})
KNOWN = frozenset({"", "no", "maybe", "yes"})


@define(eq=False, slots=True)
class _Sent:
    """A message without its last outcome. It expires *until*, by the monotonic clock."""

    report: CarriedReport
    until: float


class _Road:
    """The messages to one process of a node.

    :ivar number: of the newest message.
    :ivar rows: the messages of this turn.
    :ivar open: the messages without a last outcome, by number.
    """

    def __init__(self, node: str, epoch: str, number: int) -> None:
        self.node = node
        self.epoch = epoch
        self.number = number
        self.rows: list[tuple[tuple[Any, ...], bytes]] = []
        self.open: dict[int, _Sent] = {}
        self.pieces = FreightPieces()


class Sending:
    """Sends messages to other nodes, and takes their outcomes.

    :param after_turn: calls at the end of the turn.
    :ivar counts: of messages, and of outcomes that came too late.
    """

    def __init__(self, nodes: Nodes, link: ILink, reactor: Any, after_turn: Callable[[Callable[[], None]], None]) -> None:
        self._nodes = nodes
        self._link = link
        self._reactor = reactor
        self._after_turn = after_turn
        self._roads: dict[str, _Road] = {}
        self._waiting: list[_Road] = []
        self._sweep: Any = None
        self._subscriptions: list[ISubscription] = []
        self.counts = {"carried": 0, "answers_dropped": 0, "bad freight": 0}

    def start(self) -> None:
        """Take outcomes from now on."""
        own = f"{self._nodes.root}.node.{self._nodes.name}"
        self._subscriptions = [
            self._link.subscribe(f"{own}.outcome", self._outcomes),
            self._link.subscribe(f"{own}.unheard.>", self._unheard),
        ]

    def stop(self) -> None:
        """Take no more outcomes: all messages that wait for one have failed."""
        for subscription in self._subscriptions:
            subscription.cancel()
        for road in self._roads.values():
            self._fail_all(road, "this node has left the cluster")
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    @property
    def waiting(self) -> int:
        """How many messages have no last outcome yet."""
        return sum(len(road.open) for road in self._roads.values())

    def carry(
        self, place: DevicePlace, payload: bytes, sender: str, who: str, seconds: float | None, report: CarriedReport
    ) -> None:
        """See :meth:`netd.interfaces.ICarrier.carry`."""
        member = self._nodes.members.get(place.node)
        why = ""
        if not self._link.is_up:
            why = f"node {place.node} cannot be reached, because this one has no connection to NATS"
        elif member is None or not member.is_there:
            why = f"node {place.node} is not there"
        elif len(payload) > LONGEST:
            why = f"{len(payload)} bytes are too many for another node"
        elif len(self._road(member).open) >= MOST_OPEN:
            why = f"{MOST_OPEN} messages to node {place.node} have no outcome yet"
        if why or member is None:
            report(UNSENT, True, b"", f"{why}; nothing was sent", "no")
            return
        road = self._road(member)
        road.number += 1
        if not road.rows:
            self._waiting.append(road)
            if len(self._waiting) == 1:
                self._after_turn(self._flush)
        road.rows.append(((road.number, place.instance, place.target, sender, who, seconds), payload))
        until = self._reactor.seconds() + (PATIENCE if seconds is None else seconds) + LATE
        road.open[road.number] = _Sent(report, until)
        self.counts["carried"] += 1
        if self._sweep is None:
            self._sweep = self._reactor.callLater(SWEEP, self._look)

    def _road(self, member: Member) -> _Road:
        """Return the road to this process of the node.

        The numbers go on where those to the process before it ended: an outcome of that one may still come.
        """
        road = self._roads.get(member.name)
        if road is None or road.epoch != member.epoch:
            number = 0
            if road is not None:
                self._fail_all(road, f"node {member.name} was started again")
                number = road.number
            road = self._roads[member.name] = _Road(member.name, member.epoch, number)
        return road

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        own, root = self._nodes.name, self._nodes.root
        for road in waiting:
            rows, road.rows = road.rows, []
            for body, numbers in pack(own, self._nodes.epoch, rows):
                unheard = f"{root}.node.{own}.unheard.{road.node}.{numbers[0]}-{numbers[-1]}"
                if not self._link.send(f"{root}.node.{road.node}.carry", body, unheard):
                    lost, full = (
                        "this node has just lost its connection to NATS",
                        "NATS takes no more for now, or nothing as long",
                    )
                    self._fail(road, numbers, f"{full if self._link.is_up else lost}; nothing was sent", "no")

    def _fail(self, road: _Road, numbers: Any, why: str, known: str) -> None:
        for number in numbers:
            sent = road.open.pop(number, None)
            if sent is not None:
                sent.report(UNSENT if known == "no" else "failed", True, b"", why, known)

    def _fail_all(self, road: _Road, why: str) -> None:
        """Let all messages fail. Those that this turn has not sent yet certainly were not handed over."""
        unsent, road.rows = road.rows, []
        if road in self._waiting:
            self._waiting.remove(road)
        self._fail(road, [values[0] for values, _ in unsent], f"{why}; nothing was sent", "no")
        self._fail(road, list(road.open), f"{why}, after this was sent there", "maybe")

    # What becomes of them

    def _outcomes(self, _subject: str, body: bytes, _reply: str) -> None:
        try:
            freight = unpack(body, 6)
        except BadFreight:
            self.counts["bad freight"] += 1
            return
        road = self._roads.get(freight.node)
        if road is None or freight.epoch != self._nodes.epoch:
            self.counts["answers_dropped"] += len(freight.pieces)
            return
        for piece in freight.pieces:
            payload = road.pieces.add(piece.values, piece)
            if payload is not None:
                self._take(road, piece.values, payload)

    def _take(self, road: _Road, values: tuple[Any, ...], payload: bytes) -> None:
        number, status, is_final, error, known, left = values
        are_words = isinstance(status, str) and isinstance(known, str) and isinstance(error, str)
        if (
            not are_words
            or known not in KNOWN
            or status not in (LAST if is_final is True else NOT_LAST)
            or type(number) is not int
        ):
            self.counts["bad freight"] += 1
            return
        sent = road.open.get(number)
        if sent is None:
            self.counts["answers_dropped"] += 1
            return
        if is_final is True:
            del road.open[number]
        elif type(left) in (int, float) and 0 <= left < LONGEST_SPAN:
            sent.until = self._reactor.seconds() + left + LATE
        sent.report(status, is_final is True, payload, error, known)

    def _unheard(self, subject: str, _body: bytes, _reply: str) -> None:
        """NATS says that nobody takes the messages to a node, and names them by the subject for answers."""
        *_, node, span = subject.split(".")
        first, _, last = span.partition("-")
        road = self._roads.get(node)
        if road is not None and first.isdecimal() and last.isdecimal():
            wanted = [number for number in road.open if int(first) <= number <= int(last)]
            self._fail(road, wanted, f"node {node} is not there; nothing was sent", "no")

    def gone(self, member: Member, reason: str) -> None:
        """Let the messages to a node that is gone fail. What was sent may have been handed over."""
        road = self._roads.get(member.name)
        if road is not None:
            self._fail_all(road, f"node {member.name} is gone ({reason})")

    def unreachable(self) -> None:
        """Let all messages fail: this node has lost NATS. What was sent may have been handed over."""
        for road in self._roads.values():
            self._fail_all(road, f"node {road.node} cannot be reached: this one has lost its connection to NATS")

    def _look(self) -> None:
        self._sweep, now = None, self._reactor.seconds()
        for road in self._roads.values():
            for number in [number for number, sent in road.open.items() if sent.until <= now]:
                road.open.pop(number).report("expired", True, b"", f"node {road.node} has not told in time", "maybe")
        if any(road.open for road in self._roads.values()) and self._sweep is None:
            self._sweep = self._reactor.callLater(SWEEP, self._look)

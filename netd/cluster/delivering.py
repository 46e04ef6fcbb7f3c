"""Messages of other nodes to devices of this one: each is handed to its relay once, and its outcomes are sent back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from netd.carriage import Carriage
from netd.cluster.freight import LONGEST_SPAN, BadFreight, Freight, FreightPieces, pack, unpack
from netd.cluster.interfaces import ILink
from netd.cluster.nodes import Nodes
from netd.cluster.numbers import SeenNumbers
from netd.interfaces import ISubscription

__all__ = ["Delivering"]

EARLY = 0.005
"""Seconds in which ``sent`` and ``queued`` wait for a later outcome. Most devices answer sooner: then one message is enough."""

AfterTurn = Callable[[Callable[[], None]], None]
"""Calls at the end of a turn."""

GRANTS = ("operator", "admin")
"""What a node has to grant for this."""

MOST_OPEN = 10_000
"""Messages of one node that have no last outcome."""


class Delivering:
    """Hands messages to the relays of this node.

    :param grant: the most that callers of other nodes may do here.
    :param after_turn: calls at the end of the turn.
    """

    def __init__(
        self,
        nodes: Nodes,
        link: ILink,
        carriage: Carriage,
        grant: str,
        reactor: Any,
        after_turn: AfterTurn,
    ) -> None:
        self._nodes = nodes
        self._link = link
        self._carriage = carriage
        self._grant = grant
        self._seconds = reactor.seconds
        self._later = reactor.callLater
        self._timer: Any = None
        self._early: dict[tuple[str, str, int], tuple[tuple[Any, ...], bytes]] = {}
        self._after_turn = after_turn
        self._seen = SeenNumbers()
        self._pieces: dict[str, FreightPieces] = {}
        self._open: dict[str, int] = {}
        self._rows: dict[tuple[str, str], list[tuple[tuple[Any, ...], bytes]]] = {}
        self._subscription: ISubscription | None = None
        self.counts = {"delivered": 0, "doubles": 0, "bad freight": 0, "outcomes lost": 0}

    def start(self) -> None:
        """Take messages from now on."""
        self._subscription = self._link.subscribe(f"{self._nodes.root}.node.{self._nodes.name}.carry", self._carried)

    def stop(self) -> None:
        """Take no more."""
        if self._subscription is not None:
            self._subscription.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def gone(self, node: str) -> None:
        """Drop the payload of which *node* has sent only some pieces."""
        self._pieces.pop(node, None)

    def _carried(self, _subject: str, body: bytes, _reply: str) -> None:
        try:
            freight = unpack(body, 6)
        except BadFreight:
            self.counts["bad freight"] += 1
            return
        turns = [host.turn for host in self._carriage.hosts.values()]
        for turn in turns:
            turn.open()
        try:
            self._take(freight)
        finally:
            for turn in turns:
                turn.end()

    def _take(self, freight: Freight) -> None:
        node, epoch = freight.node, freight.epoch
        pieces = self._pieces.get(node) or FreightPieces()
        for piece in freight.pieces:
            number = piece.values[0]
            if not _is_sound(piece.values):
                self.counts["bad freight"] += 1
            elif piece.start == 0 and not self._seen.is_new(f"{node} {epoch}", number, self._seconds()):
                self.counts["doubles"] += 1
            else:
                payload = pieces.add((epoch, number), piece)
                if payload is not None:
                    self._deliver(node, epoch, piece.values, payload)
        if pieces.is_waiting:
            self._pieces[node] = pieces
        else:
            self._pieces.pop(node, None)

    def _deliver(self, node: str, epoch: str, values: tuple[Any, ...], payload: bytes) -> None:
        number, instance, to, sender, who, seconds = values
        host = self._carriage.hosts.get(instance)
        delivery = _Carried(self, node, epoch, number, host, seconds is None)
        self._open[node] = self._open.get(node, 0) + 1
        why = ""
        if self._grant not in GRANTS:
            why = f"node {self._nodes.name} grants other nodes the role {self._grant}, and sending needs operator"
        elif self._open[node] > MOST_OPEN:
            why = f"{MOST_OPEN} messages of node {node} wait here already"
        elif host is None:
            why = f"node {self._nodes.name} has no relay {instance}"
        if host is None or why:
            delivery.told("failed", True, b"", why, "no")
            return
        self.counts["delivered"] += 1
        host.deliver(to, payload, sender, f"{who}, node {node}", seconds, delivery.told)

    def owe(self, node: str, epoch: str, row: tuple[Any, ...], payload: bytes, host: Any) -> None:
        """Send an outcome: the last one when the turn ends, another one unless it is outdated soon."""
        key = (node, epoch, row[0])
        if row[2]:
            self._open[node] -= 1
            if not self._open[node]:
                del self._open[node]
            self._early.pop(key, None)
            self._send((node, epoch), row, payload, self._after_turn if host is None else host.turn.after)
        else:
            self._early[key] = (row, payload)
            if self._timer is None:
                self._timer = self._later(EARLY, self._send_early)

    def _send_early(self) -> None:
        self._timer = None
        early, self._early = self._early, {}
        for (node, epoch, _), (row, payload) in early.items():
            self._send((node, epoch), row, payload, self._after_turn)

    def _send(self, to: tuple[str, str], row: tuple[Any, ...], payload: bytes, after_turn: AfterTurn) -> None:
        if not self._rows:
            after_turn(self._flush)
        self._rows.setdefault(to, []).append((row, payload))

    def _flush(self) -> None:
        collected, self._rows = self._rows, {}
        for (node, epoch), rows in collected.items():
            for body, numbers in pack(self._nodes.name, epoch, rows):
                if not self._link.send(f"{self._nodes.root}.node.{node}.outcome", body):
                    self.counts["outcomes lost"] += len(numbers)


@define(eq=False, slots=True)
class _Carried:
    """One message.

    :ivar host: its relay; None if there is none.
    :ivar is_endless: whether the message has no deadline.
    """

    delivering: Delivering
    node: str
    epoch: str
    number: int
    host: Any
    is_endless: bool

    def told(self, status: str, is_final: bool, payload: bytes, error: str, known: str) -> None:
        """Take an outcome."""
        left = None if is_final or not self.is_endless else self.host.lasts(status)
        self.delivering.owe(self.node, self.epoch, (self.number, status, is_final, error, known, left), payload, self.host)


def _is_sound(values: tuple[Any, ...]) -> bool:
    number, *words, seconds = values
    is_span = seconds is None or (type(seconds) in (int, float) and 0 < seconds < LONGEST_SPAN)
    return type(number) is int and number > 0 and is_span and all(isinstance(word, str) for word in words)

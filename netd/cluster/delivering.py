"""Messages of other nodes to devices of this one: each is handed to its relay once, and its outcomes are sent back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from netd.carriage import Carriage
from netd.cluster.freight import BadFreight, FreightPieces, pack, unpack
from netd.cluster.interfaces import ILink
from netd.cluster.nodes import Nodes
from netd.cluster.numbers import SeenNumbers
from netd.interfaces import ISubscription

__all__ = ["Delivering"]

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
        seconds: Callable[[], float],
        after_turn: Callable[[Callable[[], None]], None],
    ) -> None:
        self._nodes = nodes
        self._link = link
        self._carriage = carriage
        self._grant = grant
        self._seconds = seconds
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

    def _carried(self, _subject: str, body: bytes, _reply: str) -> None:
        try:
            freight = unpack(body, 6)
        except BadFreight:
            self.counts["bad freight"] += 1
            return
        node, epoch = freight.node, freight.epoch
        pieces = self._pieces.setdefault(node, FreightPieces())
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

    def _deliver(self, node: str, epoch: str, values: tuple[Any, ...], payload: bytes) -> None:
        number, instance, to, sender, who, seconds = values
        host = self._carriage.hosts.get(instance)
        delivery = _Carried(self, node, epoch, number, host if seconds is None else None)
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

    def owe(self, node: str, epoch: str, row: tuple[Any, ...], payload: bytes) -> None:
        """Send an outcome when the turn ends."""
        if row[2]:
            self._open[node] -= 1
        if not self._rows:
            self._after_turn(self._flush)
        self._rows.setdefault((node, epoch), []).append((row, payload))

    def _flush(self) -> None:
        collected, self._rows = self._rows, {}
        for (node, epoch), rows in collected.items():
            for body, numbers in pack(self._nodes.name, epoch, rows):
                if not self._link.send(f"{self._nodes.root}.node.{node}.outcome", body):
                    self.counts["outcomes lost"] += len(numbers)


@define(eq=False, slots=True)
class _Carried:
    """One message.

    :ivar host: its relay, if the message has no deadline.
    """

    delivering: Delivering
    node: str
    epoch: str
    number: int
    host: Any

    def told(self, status: str, is_final: bool, payload: bytes, error: str, known: str) -> None:
        """Take an outcome."""
        left = None if is_final or self.host is None else self.host.lasts(status)
        self.delivering.owe(self.node, self.epoch, (self.number, status, is_final, error, known, left), payload)


def _is_sound(values: tuple[Any, ...]) -> bool:
    number, *words, seconds = values
    is_span = seconds is None or (type(seconds) in (int, float) and seconds > 0)
    return type(number) is int and number > 0 and is_span and all(isinstance(word, str) for word in words)

"""The same items to many connections: one joined write to each that keeps up, item by item to the others' outboxes.

Pure. The work comes as a generator, so that a caller with thousands of connections does a part of it in each reactor turn.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Protocol

__all__ = ["BLOCK", "FanoutMember", "Item", "hand_out"]

BLOCK = 1 << 16
"""Bytes that are joined into one block at most; more than that goes to the outboxes, which write it in slices."""

STEP = 8
"""Members that are served between two yields: reading the clock for each would cost as much as the write."""

Item = tuple[bytes, Hashable]
"""A framed message, and its key for the outbox's policy: a subject, or a round's number."""


class FanoutMember(Protocol):
    """One of the connections."""

    def offer(self, block: bytes) -> bool:
        """Write *block* now. Return False, and write nothing, if it would have to wait."""

    def spill(self, items: Sequence[Item]) -> None:
        """Put *items* into the outbox one by one, so that its policy can choose among them."""

    def fail(self) -> None:
        """Log the exception that is being handled, which :meth:`offer` or :meth:`spill` raised, and cut this connection."""


def hand_out(items: Sequence[Item], members: Iterable[FanoutMember]) -> Iterator[None]:
    """Hand *items* to each of *members*, and yield now and then. A member that raises does not affect the others.

    :param members: read one at a time, as the work goes on; it must leave out connections that have ended meanwhile.
    """
    # Joined once for all members: for a thousand readers, joining per outbox is what a fan-out would spend its time on.
    block = b"".join([item for item, _ in items]) if sum([len(item) for item, _ in items]) <= BLOCK else b""
    for position, member in enumerate(members, 1):
        try:
            if not (block and member.offer(block)):
                member.spill(items)
        except Exception:
            member.fail()
        if not position % STEP:
            yield

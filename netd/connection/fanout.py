"""The last step to many connections: the same bytes to each, one write where it keeps up, item by item where it does not.

Pure, and in steps: who has thousands of members hands out some of it in each turn.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Protocol

__all__ = ["BLOCK", "FanoutMember", "Item", "hand_out"]

BLOCK = 1 << 16
"""Bytes that a member is handed at once; of more than that it takes the items, in portions of its own."""

STEP = 8
"""Members that are handed something before whoever paces it may look at the clock."""

Item = tuple[bytes, Hashable]
"""What is sent, framed; and its key for the policies of outboxes: a subject, or a round's number."""


class FanoutMember(Protocol):
    """A connection, or what stands for it."""

    def offer(self, block: bytes) -> bool:
        """Write *block* now; False when it would have to wait, and was not taken."""

    def spill(self, items: Sequence[Item]) -> None:
        """Take *items*, or what the member's policy leaves of them, for later."""

    def fail(self) -> None:
        """An exception is being handled that one of the others raised: log it, and give this connection up."""


def hand_out(items: Sequence[Item], members: Iterable[FanoutMember]) -> Iterator[None]:
    """Hand *items* to each of *members*, in steps between which others can be served. One that fails leaves the others theirs.

    :param members: each is asked for when it is its turn: who has left by then is not to be among them any more.
    """
    block = b"".join([item for item, _ in items]) if sum([len(item) for item, _ in items]) <= BLOCK else b""
    for position, member in enumerate(members, 1):
        try:
            if not (block and member.offer(block)):
                member.spill(items)
        except Exception:
            member.fail()
        if not position % STEP:
            yield

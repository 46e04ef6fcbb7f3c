"""One thing said to many connections: framed once, joined once a turn, written once to each.

What is added during a reactor turn is collected. At its end all of it is one block of bytes, the same for every member that keeps
up, and costs each of them one write. A member that does not keep up gets the items one by one, and decides what of them to keep.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from attrs import define, field

from netd.wire.turn import Turn

__all__ = ["Fanout", "Item", "Member"]

BLOCK = 1 << 16
"""Bytes that a member is handed at once; of more than that it takes the items, in portions of its own."""

Item = tuple[bytes, Hashable]
"""What is sent, framed; and its key for the policies of outboxes: a subject, or a round's number."""


class Member(Protocol):
    """A connection, or what stands for it."""

    @property
    def is_full(self) -> bool:
        """Whether what is sent would have to wait."""

    def put(self, block: bytes) -> bool:
        """Write *block* now. Called only while the member is not full."""

    def spill(self, items: Sequence[Item]) -> None:
        """Take *items*, or what the member's policy leaves of them, for later."""


@define(eq=False)
class Fanout:
    """Items on their way to the same members.

    :ivar members: who gets what is added, in the order of joining.
    """

    _turn: Turn
    members: dict[Member, None] = field(factory=dict, init=False)
    _items: list[Item] = field(factory=list, init=False)
    _sources: list[Member | None] = field(factory=list, init=False)

    def add(self, item: bytes, key: Hashable = None, source: Member | None = None) -> None:
        """Send *item* when the turn ends.

        :param key: for the policies of members that read slowly.
        :param source: the member that does not get it: who said it.
        """
        if not self._items:
            self._turn.after(self.flush)
        self._items.append((item, key))
        self._sources.append(source)

    def flush(self) -> None:
        """Send what was added so far; at the turn's end this is done without being asked for."""
        items, self._items = self._items, []
        sources, self._sources = self._sources, []
        if not items or not self.members:
            return
        block = b"".join([item for item, _ in items])
        is_small = len(block) <= BLOCK
        apart = set(sources)
        apart.discard(None)
        for member in list(self.members):
            if member in apart:
                others = [item for item, source in zip(items, sources, strict=True) if source is not member]
                if others:
                    self._hand(member, others)
            elif is_small and not member.is_full:
                member.put(block)
            else:
                member.spill(items)

    @staticmethod
    def _hand(member: Member, items: list[Item]) -> None:
        block = b"".join([item for item, _ in items])
        if len(block) <= BLOCK and not member.is_full:
            member.put(block)
        else:
            member.spill(items)

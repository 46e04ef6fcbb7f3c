"""One thing said to many connections: framed once, joined once a turn, written once to each.

What is added during a reactor turn is collected. At its end all of it is one block of bytes, the same for every member that keeps
up, and costs each of them one write. A member that does not keep up gets the items one by one, and decides what of them to keep.
"""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define, field

from netd.wire.handout import BLOCK, Item, Member, hand_out
from netd.wire.turn import Turn

__all__ = ["BLOCK", "Fanout", "Item", "Member"]


@define(eq=False)
class Fanout:
    """Items on their way to the same members.

    :ivar members: who gets what is added, in the order of joining.
    """

    _turn: Turn
    members: dict[Member, None] = field(factory=dict, init=False)
    _items: list[Item] = field(factory=list, init=False)

    def add(self, item: bytes, key: Hashable = None) -> None:
        """Send *item* when the turn ends.

        :param key: for the policies of members that read slowly.
        """
        if not self._items:
            self._turn.after(self.flush)
        self._items.append((item, key))

    def flush(self) -> None:
        """Send what was added so far; at the turn's end this is done without being asked for."""
        items, self._items = self._items, []
        if items and self.members:
            for _ in hand_out(items, list(self.members), self.members):
                pass

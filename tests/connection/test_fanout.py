"""The same bytes for many connections."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.fanout import BLOCK, STEP, Item, hand_out


class Reader:
    """A member that writes down what it gets."""

    def __init__(self, is_full: bool = False) -> None:
        self.is_full = is_full
        self.blocks: list[bytes] = []
        self.spilled: list[list[Item]] = []
        self.failures: list[BaseException | None] = []

    def offer(self, block: bytes) -> bool:
        if not self.is_full:
            self.blocks.append(block)
        return not self.is_full

    def spill(self, items: Sequence[Item]) -> None:
        self.spilled.append(list(items))

    def fail(self) -> None:
        self.failures.append(sys.exc_info()[1])


class HandoutTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.quick, self.slow = Reader(), Reader(is_full=True)
        self.members: dict[Reader, None] = {self.quick: None, self.slow: None}

    def hand_out(self, *items: Item) -> int:
        """Hand *items* to all members; in how many steps."""
        return sum(1 for _ in hand_out(items, (member for member in list(self.members) if member in self.members)))

    def test_one_write(self) -> None:
        """Those who keep up get one block, the very same one; who does not gets the items."""
        other = Reader()
        self.members[other] = None
        self.hand_out((b"a", 1), (b"b", 2), (b"c", 3))
        self.assertEqual(([b"abc"], []), (self.quick.blocks, self.quick.spilled))
        self.assertIs(self.quick.blocks[0], other.blocks[0])
        self.assertEqual(([], [[(b"a", 1), (b"b", 2), (b"c", 3)]]), (self.slow.blocks, self.slow.spilled))

    def test_too_much_for_one_write(self) -> None:
        """A block over the limit is nobody's to take whole: each takes the items, and paces them."""
        half = b"x" * (BLOCK // 2 + 1)
        self.hand_out((half, 1), (half, 2))
        self.assertEqual(([], [[(half, 1), (half, 2)]]), (self.quick.blocks, self.quick.spilled))

    def test_member_that_leaves(self) -> None:
        """A member that is lost while others are written to gets nothing any more, and the others get theirs."""

        class Closer(Reader):
            def offer(this, block: bytes) -> bool:  # noqa: N805 - the test's own self is meant below
                del self.members[self.slow]
                return super().offer(block)

        closer = Closer()
        self.members = {closer: None, self.slow: None, self.quick: None}
        self.hand_out((b"a", 1))
        self.assertEqual(([b"a"], [], [b"a"]), (closer.blocks, self.slow.spilled, self.quick.blocks))

    def test_member_that_fails(self) -> None:
        """A member with a fault of its own is told that it has one; the others get theirs."""
        fault = ZeroDivisionError("the test's own")

        class Broken(Reader):
            def offer(self, block: bytes) -> bool:
                raise fault

        broken = Broken()
        self.members = {broken: None, self.quick: None}
        self.hand_out((b"a", 1))
        self.assertEqual(([fault], [b"a"]), (broken.failures, self.quick.blocks))

    def test_steps(self) -> None:
        """Between some members and the next, others can be served."""
        self.members = {Reader(): None for _ in range(3 * STEP + 1)}
        self.assertEqual(3, self.hand_out((b"a", 1)))

"""One thing said to many connections."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.fanout import BLOCK, Fanout, Item
from netd.wire.turn import Turn


class Reader:
    """A member that writes down what it gets."""

    def __init__(self, is_full: bool = False) -> None:
        self.is_full = is_full
        self.blocks: list[bytes] = []
        self.spilled: list[list[Item]] = []

    def put(self, block: bytes) -> bool:
        self.blocks.append(block)
        return True

    def spill(self, items: Sequence[Item]) -> None:
        self.spilled.append(list(items))


class FanoutTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.fanout = Fanout(Turn(self.clock.callLater))
        self.quick, self.slow = Reader(), Reader(is_full=True)
        for reader in (self.quick, self.slow):
            self.fanout.members[reader] = None

    def test_one_write_a_turn(self) -> None:
        """What a turn brings is one block for all who keep up, the very same one; who does not keep up gets the items."""
        other = Reader()
        self.fanout.members[other] = None
        for item in (b"a", b"b", b"c"):
            self.fanout.add(item, item)
        self.assertEqual([], self.quick.blocks)
        self.clock.advance(0)
        self.assertEqual(([b"abc"], []), (self.quick.blocks, self.quick.spilled))
        self.assertIs(self.quick.blocks[0], other.blocks[0])
        self.assertEqual(([], [[(b"a", b"a"), (b"b", b"b"), (b"c", b"c")]]), (self.slow.blocks, self.slow.spilled))

    def test_next_turn(self) -> None:
        """The next turn's items are another block, and a turn without any writes nothing."""
        self.fanout.add(b"a")
        self.clock.advance(0)
        self.clock.advance(0)
        self.fanout.add(b"b")
        self.clock.advance(0)
        self.assertEqual([b"a", b"b"], self.quick.blocks)

    def test_too_much_for_one_write(self) -> None:
        """A block over the limit is nobody's to take whole: each takes the items, and paces them."""
        half = b"x" * (BLOCK // 2 + 1)
        self.fanout.add(half, 1)
        self.fanout.add(half, 2)
        self.clock.advance(0)
        self.assertEqual(([], [[(half, 1), (half, 2)]]), (self.quick.blocks, self.quick.spilled))

    def test_member_that_leaves(self) -> None:
        """A member that is lost while others are written to gets nothing more, and the others get theirs."""

        class Leaver(Reader):
            def put(this, block: bytes) -> bool:  # noqa: N805 - the test's own self is meant below
                del self.fanout.members[this]
                return super().put(block)

        leaver = Leaver()
        self.fanout.members = {leaver: None, **self.fanout.members}
        for item in (b"a", b"b"):
            self.fanout.add(item)
            self.clock.advance(0)
        self.assertEqual(([b"a"], [b"a", b"b"]), (leaver.blocks, self.quick.blocks))

    def test_nobody(self) -> None:
        """Without members, what is added is gone."""
        self.fanout.members.clear()
        self.fanout.add(b"a")
        self.clock.advance(0)
        self.fanout.members[self.quick] = None
        self.fanout.add(b"b")
        self.clock.advance(0)
        self.assertEqual([b"b"], self.quick.blocks)

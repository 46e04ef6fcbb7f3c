"""Tests of ``netd.connection.intake``: connections that take turns."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.fairness import TURN_SHARE, Lane, Standing, Turns
from netd.connection.intake import PORTION, SMALL_READ, Intake
from netd.connection.shares import TurnShares

BYTE = 1.0001 * TURN_SHARE / 4 / PORTION
"""Seconds that a byte takes: four portions are a turn."""


class FakeReader:
    """A connection that writes down what it is given; each portion takes as long as its bytes are many."""

    def __init__(self, tests: IntakeTests, intake: Intake) -> None:
        self.tests = tests
        self.portions: list[bytes] = []
        self.is_paused = False
        self.intake = intake
        self.leaves = False
        self.stops = False
        self.leaving: list[bytes] = []

    portion = PORTION

    def read_portion(self, received: bytes) -> bytes | None:
        """Write *received* down; leave, be held, or take less, in the middle, if the test says so."""
        self.portions.append(received)
        self.tests.now += len(received) * BYTE
        if self.leaves:
            self.intake.forget(self)
        if self.stops:
            self.intake.hold(self, True)
        return self.leaving.pop(0) if self.leaving else None

    def pause(self, paused: bool) -> None:
        """Write it down."""
        self.is_paused = paused

    def standing(self) -> Standing:
        """That of somebody on this machine."""
        return Lane.UNKNOWN, "127.0.0.1"


class IntakeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 0.0
        self.later: list[Callable[[], None]] = []
        shares = TurnShares(lambda: self.now, lambda _delay, call: self.later.append(call))
        self.intake = Intake(Turns(shares.share("receive", TURN_SHARE), lambda: self.now))
        self.flooder, self.other = self.reader(), self.reader()

    def reader(self) -> FakeReader:
        """Another connection."""
        return FakeReader(self, self.intake)

    def turn(self) -> None:
        """The next turn. A real reactor would not run what is asked for meanwhile; a ``Clock`` does."""
        later, self.later[:] = list(self.later), []
        for call in later:
            call()

    def turns(self) -> int:
        """All turns that there are; how many that was."""
        count = 0
        while self.later:
            self.turn()
            count += 1
        return count

    def test_little_is_taken_at_once(self) -> None:
        """Ordinary messages wait for nothing, and cost no turn of their own, however late it is."""
        self.now = 1000.0
        for reader in (self.flooder, self.other):
            self.intake.take(reader, b"hello")
            self.assertEqual((reader.portions, self.later), ([b"hello"], []))

    def test_waiting(self) -> None:
        """What waits for a connection is known; nothing does for one that is only held, or not known."""
        self.intake.hold(self.other, True)
        self.intake.take(self.flooder, b"x" * 2000)
        self.intake.take(self.flooder, b"y")
        waiting = [self.intake.waiting(reader) for reader in (self.flooder, self.other, self.reader())]
        self.assertEqual(waiting, [2001, 0, 0])

    def test_much_is_taken_in_portions(self) -> None:
        """A long read is taken in order, some of it in each turn; its connection is not read from meanwhile."""
        received = bytes(range(256)) * 40
        self.intake.take(self.flooder, received)
        self.assertEqual((self.flooder.portions, self.flooder.is_paused), ([], True))
        self.turn()
        self.assertEqual(sum(map(len, self.flooder.portions)), 4 * PORTION)
        self.intake.take(self.flooder, b"tail")
        self.assertEqual(self.turns(), len(received) // PORTION // 4)
        self.assertEqual(b"".join(self.flooder.portions), received + b"tail")
        self.assertLessEqual(max(map(len, self.flooder.portions)), PORTION)
        self.assertFalse(self.flooder.is_paused)

    def test_flood_of_little(self) -> None:
        """A flood of little pieces is bounded like any other: what they take at once in a turn, and what in the turns after."""
        readers = [self.reader() for _ in range(100)]
        for size in (100, 100):
            for reader in readers:
                self.intake.take(reader, b"x" * size)
        at_once = self.now
        self.assertLess(at_once, TURN_SHARE + 100 * BYTE)
        self.turn()
        self.assertLess(self.now - at_once, TURN_SHARE + PORTION * BYTE)
        self.turns()
        self.assertEqual({b"".join(reader.portions) for reader in readers}, {b"x" * 200})

    def test_ordinary_messages_beside_a_flood(self) -> None:
        """Beside those that flood, the message of one that was there before is the first thing of the next turn."""
        self.intake.take(self.other, b"hello")
        self.now += 1.0
        for _ in range(30):
            self.intake.take(self.reader(), b"x" * 60_000)
        self.turn()
        self.other.portions.clear()
        self.intake.take(self.other, b"z" * 100)
        self.assertEqual((self.other.portions, self.other.is_paused), ([], True))
        before = self.now
        self.turn()
        self.assertEqual((self.other.portions, self.other.is_paused), ([b"z" * 100], False))
        self.assertLess(self.now - before, TURN_SHARE + PORTION * BYTE)

    def test_longer_messages(self) -> None:
        """More than a little at a time is never taken at once, even where nobody waits."""
        for size, is_paused in ((SMALL_READ, False), (SMALL_READ + 1, True)):
            reader = self.reader()
            self.intake.take(reader, b"x" * size)
            self.assertEqual(reader.is_paused, is_paused)
            self.turns()

    def test_hold(self) -> None:
        """A connection that is held gets nothing, not even of what was read before; let go, it goes on where it was."""
        self.flooder.stops = True
        received = bytes(range(256)) * 8
        self.intake.take(self.flooder, received)
        self.turns()
        self.assertEqual((b"".join(self.flooder.portions), self.flooder.is_paused), (received[:PORTION], True))
        self.intake.take(self.flooder, b"tail")
        self.flooder.stops = False
        for is_held in (True, False, False, True, False):
            self.intake.hold(self.flooder, is_held)
        self.turns()
        self.assertEqual((b"".join(self.flooder.portions), self.flooder.is_paused), (received + b"tail", False))

    def test_hold_while_waiting(self) -> None:
        """Who is held while it waits is passed over, and loses nothing; whoever waits behind it does not wait for it."""
        self.intake.take(self.flooder, b"x" * 2000)
        self.intake.take(self.other, b"y" * 2000)
        self.intake.hold(self.flooder, True)
        self.turns()
        self.assertEqual((self.flooder.portions, b"".join(self.other.portions)), ([], b"y" * 2000))
        self.intake.hold(self.flooder, False)
        self.turns()
        self.assertEqual(b"".join(self.flooder.portions), b"x" * 2000)

    def test_hold_without_anything_waiting(self) -> None:
        """A connection that is held is not read from; what comes all the same waits; held after its last portion, it stays so."""
        self.intake.hold(self.other, True)
        self.assertTrue(self.other.is_paused)
        self.intake.take(self.other, b"hello")
        self.turns()
        self.assertEqual(self.other.portions, [])
        self.other.stops = True
        self.intake.hold(self.other, False)
        self.turns()
        self.assertEqual((self.other.portions, self.other.is_paused), ([b"hello"], True))
        self.intake.hold(self.other, False)
        self.assertFalse(self.other.is_paused)

    def test_leaving(self) -> None:
        """A connection that ends in the middle gets nothing more, and nothing is left of it."""
        self.flooder.leaves = True
        self.intake.take(self.flooder, b"x" * 60_000)
        self.intake.take(self.other, b"y" * 2000)
        self.intake.forget(self.other)
        self.intake.forget(self.other)
        self.turns()
        self.assertEqual((len(self.flooder.portions), self.other.portions), (1, []))
        self.assertEqual((self.intake._unread, self.later), ({}, []))
        self.assertEqual({0}, {key.members for key in self.intake._turns._keys.values()})

    def test_what_is_left(self) -> None:
        """A reader may take less than it was given, also of a read that it gets at once; the rest comes before all else."""
        self.flooder.leaving = [b"23", b"3"]
        self.intake.take(self.flooder, b"123")
        self.assertTrue(self.flooder.is_paused)
        self.intake.take(self.flooder, b"4")
        self.turns()
        self.assertEqual(([b"123", b"234", b"3"], False), (self.flooder.portions, self.flooder.is_paused))

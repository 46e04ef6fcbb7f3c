"""Tests of ``netd.connection.intake``: connections that take turns."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.fairness import MEAL, Lane, Standing, Turns
from netd.connection.intake import BITE, MODEST, Intake

BYTE = MEAL / 4 / BITE
"""Seconds that a byte takes: four bites are a turn."""


class FakeEater:
    """A connection that writes down what it is given; each bite takes as long as its bytes are many."""

    def __init__(self, tests: IntakeTests, intake: Intake) -> None:
        self.tests = tests
        self.bites: list[bytes] = []
        self.is_paused = False
        self.intake = intake
        self.leaves = False
        self.stops = False

    def bite(self, received: bytes) -> None:
        """Write *received* down; leave, or be held, in the middle, if the test says so."""
        self.bites.append(received)
        self.tests.now += len(received) * BYTE
        if self.leaves:
            self.intake.forget(self)
        if self.stops:
            self.intake.hold(self, True)

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
        self.intake = Intake(Turns(lambda delay, call: self.later.append(call), lambda: self.now))
        self.flooder, self.other = self.eater(), self.eater()

    def eater(self) -> FakeEater:
        """Another connection."""
        return FakeEater(self, self.intake)

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
        for eater in (self.flooder, self.other):
            self.intake.take(eater, b"hello")
            self.assertEqual((eater.bites, self.later), ([b"hello"], []))

    def test_waiting(self) -> None:
        """What waits for a connection is known; nothing does for one that is only held, or not known."""
        self.intake.hold(self.other, True)
        self.intake.take(self.flooder, b"x" * 2000)
        self.intake.take(self.flooder, b"y")
        waiting = [self.intake.waiting(eater) for eater in (self.flooder, self.other, self.eater())]
        self.assertEqual(waiting, [2001, 0, 0])

    def test_much_is_taken_in_bites(self) -> None:
        """A long read is taken in order, some of it in each turn; its connection is not read from meanwhile."""
        received = bytes(range(256)) * 40
        self.intake.take(self.flooder, received)
        self.assertEqual((self.flooder.bites, self.flooder.is_paused), ([], True))
        self.turn()
        self.assertEqual(sum(map(len, self.flooder.bites)), 4 * BITE)
        self.intake.take(self.flooder, b"tail")
        self.assertEqual(self.turns(), len(received) // BITE // 4)
        self.assertEqual(b"".join(self.flooder.bites), received + b"tail")
        self.assertLessEqual(max(map(len, self.flooder.bites)), BITE)
        self.assertFalse(self.flooder.is_paused)

    def test_flood_of_little(self) -> None:
        """A flood of little pieces is bounded like any other: what they take at once in a turn, and what in the turns after."""
        eaters = [self.eater() for _ in range(100)]
        for size in (100, 100):
            for eater in eaters:
                self.intake.take(eater, b"x" * size)
        at_once = self.now
        self.assertLess(at_once, MEAL + 100 * BYTE)
        self.turn()
        self.assertLess(self.now - at_once, MEAL + BITE * BYTE)
        self.turns()
        self.assertEqual({b"".join(eater.bites) for eater in eaters}, {b"x" * 200})

    def test_ordinary_messages_beside_a_flood(self) -> None:
        """Beside those that flood, the message of one that was there before is the first thing of the next turn."""
        self.intake.take(self.other, b"hello")
        self.now += 1.0
        for _ in range(30):
            self.intake.take(self.eater(), b"x" * 60_000)
        self.turn()
        self.other.bites.clear()
        self.intake.take(self.other, b"z" * 100)
        self.assertEqual((self.other.bites, self.other.is_paused), ([], True))
        before = self.now
        self.turn()
        self.assertEqual((self.other.bites, self.other.is_paused), ([b"z" * 100], False))
        self.assertLess(self.now - before, MEAL + BITE * BYTE)

    def test_longer_messages(self) -> None:
        """More than a little at a time is never taken at once, even where nobody waits."""
        for size, is_paused in ((MODEST, False), (MODEST + 1, True)):
            eater = self.eater()
            self.intake.take(eater, b"x" * size)
            self.assertEqual(eater.is_paused, is_paused)
            self.turns()

    def test_hold(self) -> None:
        """A connection that is held gets nothing, not even of what was read before; let go, it goes on where it was."""
        self.flooder.stops = True
        received = bytes(range(256)) * 8
        self.intake.take(self.flooder, received)
        self.turns()
        self.assertEqual((b"".join(self.flooder.bites), self.flooder.is_paused), (received[:BITE], True))
        self.intake.take(self.flooder, b"tail")
        self.flooder.stops = False
        for is_held in (True, False, False, True, False):
            self.intake.hold(self.flooder, is_held)
        self.turns()
        self.assertEqual((b"".join(self.flooder.bites), self.flooder.is_paused), (received + b"tail", False))

    def test_hold_while_waiting(self) -> None:
        """Who is held while it waits is passed over, and loses nothing; whoever waits behind it does not wait for it."""
        self.intake.take(self.flooder, b"x" * 2000)
        self.intake.take(self.other, b"y" * 2000)
        self.intake.hold(self.flooder, True)
        self.turns()
        self.assertEqual((self.flooder.bites, b"".join(self.other.bites)), ([], b"y" * 2000))
        self.intake.hold(self.flooder, False)
        self.turns()
        self.assertEqual(b"".join(self.flooder.bites), b"x" * 2000)

    def test_hold_without_anything_waiting(self) -> None:
        """A connection that is held is not read from; what comes all the same waits; held at its last bite, it stays so."""
        self.intake.hold(self.other, True)
        self.assertTrue(self.other.is_paused)
        self.intake.take(self.other, b"hello")
        self.turns()
        self.assertEqual(self.other.bites, [])
        self.other.stops = True
        self.intake.hold(self.other, False)
        self.turns()
        self.assertEqual((self.other.bites, self.other.is_paused), ([b"hello"], True))
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
        self.assertEqual((len(self.flooder.bites), self.other.bites), (1, []))
        self.assertEqual((self.intake._plates, self.later), ({}, []))
        self.assertEqual({0}, {key.members for key in self.intake._turns._keys.values()})

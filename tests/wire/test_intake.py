"""Tests of ``netd.wire.intake``: connections that take turns."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.intake import BITE, MEAL, MORSEL, Intake


class FakeEater:
    """A connection that writes down what it is given."""

    def __init__(self, intake: Intake) -> None:
        self.bites: list[bytes] = []
        self.is_paused = False
        self.intake = intake
        self.leaves = False

    def bite(self, received: bytes) -> None:
        """Write *received* down; leave in the middle, if the test says so."""
        self.bites.append(received)
        if self.leaves:
            self.intake.forget(self)

    def pause(self, paused: bool) -> None:
        """Write it down."""
        self.is_paused = paused


class IntakeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.later: list[Callable[[], None]] = []
        self.intake = Intake(lambda delay, call: self.later.append(call))
        self.flooder, self.other = FakeEater(self.intake), FakeEater(self.intake)

    def turn(self) -> None:
        """The next turn of the reactor. A real one would not run what is asked for meanwhile; a ``Clock`` does."""
        later, self.later[:] = list(self.later), []
        for call in later:
            call()

    def test_little_is_taken_at_once(self) -> None:
        """An ordinary message waits for nothing."""
        self.intake.take(self.other, b"hello")
        self.assertEqual(self.other.bites, [b"hello"])
        self.turn()
        self.assertEqual(self.later, [])

    def test_much_is_taken_in_bites(self) -> None:
        """A long read is taken in order, some of it in each turn; its connection is not read from meanwhile."""
        received = bytes(range(256)) * 40
        self.intake.take(self.flooder, received)
        self.assertEqual((self.flooder.bites, self.flooder.is_paused), ([], True))
        self.turn()
        self.assertEqual(sum(map(len, self.flooder.bites)), MEAL)
        self.intake.take(self.flooder, b"tail")
        for _turn in range(len(received) // MEAL):
            self.turn()
        self.assertEqual(b"".join(self.flooder.bites), received + b"tail")
        self.assertLessEqual(max(map(len, self.flooder.bites)), BITE)
        self.assertFalse(self.flooder.is_paused)

    def test_turns(self) -> None:
        """Beside those that flood, an ordinary message is taken at once, and a longer one after a turn or two."""
        for _flooder in range(5):
            self.intake.take(FakeEater(self.intake), b"x" * 60_000)
        self.turn()
        self.intake.take(self.other, b"z" * MORSEL)
        self.assertEqual(self.other.bites.pop(), b"z" * MORSEL)

    def test_longer_messages(self) -> None:
        """A longer message waits for its turns, not for the end of a flood."""
        self.intake.take(self.flooder, b"x" * 60_000)
        self.turn()
        self.intake.take(self.other, b"y" * (BITE + 1))
        self.turn()
        self.turn()
        self.assertEqual(b"".join(self.other.bites), b"y" * (BITE + 1))
        self.assertLess(sum(map(len, self.flooder.bites)), 60_000)

    def test_many_small_floods(self) -> None:
        """What many connections send in one turn is bounded as well: the rest waits for the next."""
        eaters = [FakeEater(self.intake) for _ in range(10)]
        for eater in eaters:
            self.intake.take(eater, b"x" * BITE)
        self.assertEqual(sum(len(eater.bites) for eater in eaters), MEAL // BITE)
        for _turn in range(10 * BITE // MEAL):
            self.turn()
        self.assertEqual({len(eater.bites) for eater in eaters}, {1})

    def test_leaving(self) -> None:
        """A connection that ends in the middle gets nothing more, and nothing is left of it."""
        self.flooder.leaves = True
        self.intake.take(self.flooder, b"x" * 60_000)
        self.turn()
        self.turn()
        self.assertEqual(len(self.flooder.bites), 1)
        self.assertEqual(self.later, [])

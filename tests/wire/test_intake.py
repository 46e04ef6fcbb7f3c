"""Tests of ``netd.wire.intake``: connections that take turns."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.intake import BITE, LATELY, MEAL, MODEST, Intake


class FakeEater:
    """A connection that writes down what it is given."""

    def __init__(self, intake: Intake) -> None:
        self.bites: list[bytes] = []
        self.is_paused = False
        self.intake = intake
        self.leaves = False
        self.stops = False

    def bite(self, received: bytes) -> None:
        """Write *received* down; leave, or be held, in the middle, if the test says so."""
        self.bites.append(received)
        if self.leaves:
            self.intake.forget(self)
        if self.stops:
            self.intake.hold(self, True)

    def pause(self, paused: bool) -> None:
        """Write it down."""
        self.is_paused = paused


class IntakeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.later: list[Callable[[], None]] = []
        self.intake = Intake(lambda delay, call: self.later.append(call))
        self.flooder, self.other = FakeEater(self.intake), FakeEater(self.intake)

    def turn(self) -> None:
        """The next turn. A real reactor would not run what is asked for meanwhile; a ``Clock`` does."""
        later, self.later[:] = list(self.later), []
        for call in later:
            call()

    def flood(self, count: int, size: int = 60_000) -> list[FakeEater]:
        """So many connections that have sent as much, and have had some bites of it."""
        eaters = [FakeEater(self.intake) for _ in range(count)]
        for eater in eaters:
            self.intake.take(eater, b"x" * size)
        while not all(len(eater.bites) > 3 for eater in eaters):
            self.turn()
        return eaters

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
        self.turn()
        self.assertEqual(self.later, [])

    def test_ordinary_messages_do_not_wait(self) -> None:
        """Beside those that flood, an ordinary message is taken at once, and so is a newcomer's handshake."""
        self.flood(30)
        self.intake.take(self.other, b"z" * 100)
        self.assertEqual(self.other.bites, [b"z" * 100])
        newcomer = FakeEater(self.intake)
        self.turn()
        self.intake.take(newcomer, b"y" * 700)
        self.assertEqual(newcomer.bites, [b"y" * 700])

    def test_longer_messages(self) -> None:
        """A longer message, though of one who has had little, waits for a turn or two, not for the end of a flood."""
        self.flood(30)
        self.intake.take(self.other, b"y" * (MODEST + 1))
        self.assertEqual(self.other.bites, [])
        for _turn in range(2):
            self.turn()
        self.assertEqual(b"".join(self.other.bites), b"y" * (MODEST + 1))

    def test_flood_of_little(self) -> None:
        """A flood of little pieces is bounded like any other: what is taken at once in a turn, and what of those who wait."""
        eaters = [FakeEater(self.intake) for _ in range(100)]
        for size in (100, 100):
            for eater in eaters:
                self.intake.take(eater, b"x" * size)
        at_once = sum(sum(map(len, eater.bites)) for eater in eaters)
        self.assertLessEqual(at_once, MODEST)
        self.turn()
        self.assertLessEqual(sum(sum(map(len, eater.bites)) for eater in eaters) - at_once, MEAL + BITE)
        for _turn in range(100 * 200 // MEAL + 1):
            self.turn()
        self.assertEqual({b"".join(eater.bites) for eater in eaters}, {b"x" * 200})

    def test_who_has_had_least_goes_first(self) -> None:
        """A connection that talks on and on stands behind one that has only begun, even with little pieces."""
        for _turn in range(MODEST // 100):
            self.intake.take(self.flooder, b"x" * 100)
            self.turn()
        self.flooder.bites.clear()
        self.intake.take(self.flooder, b"x" * 100)
        self.assertTrue(self.flooder.is_paused)
        self.intake.take(self.other, b"y" * (MODEST + 1))
        self.turn()
        self.assertEqual((len(self.flooder.bites), len(self.other.bites)), (0, 2))
        self.turn()
        self.assertEqual(len(self.flooder.bites), 1)

    def test_what_was_long_ago_is_forgiven(self) -> None:
        """What a connection had in busy times counts less and less, and in the end not at all."""
        self.intake.take(self.flooder, b"x" * 2 * MODEST)
        for _turn in range(2 * LATELY):
            self.turn()
            self.intake.take(self.other, b"")
        self.flooder.bites.clear()
        self.intake.take(self.flooder, b"x" * 400)
        self.assertEqual(self.flooder.bites, [b"x" * 400])
        for _turn in range(16 * LATELY):
            self.turn()
            self.intake.take(self.other, b"")
        self.assertNotIn(self.flooder, self.intake._had)

    def test_hold(self) -> None:
        """A connection that is held gets nothing, not even of what was read before; let go, it goes on where it was."""
        self.flooder.stops = True
        received = bytes(range(256)) * 8
        self.intake.take(self.flooder, received)
        for _turn in range(3):
            self.turn()
        self.assertEqual((b"".join(self.flooder.bites), self.flooder.is_paused, self.later), (received[:BITE], True, []))
        self.intake.take(self.flooder, b"tail")
        self.flooder.stops = False
        for is_held in (True, False, False, True, False):
            self.intake.hold(self.flooder, is_held)
        for _turn in range(3):
            self.turn()
        self.assertEqual((b"".join(self.flooder.bites), self.flooder.is_paused), (received + b"tail", False))

    def test_hold_while_waiting(self) -> None:
        """Who is held while it waits is passed over, and loses nothing; whoever waits behind it does not wait for it."""
        self.intake.take(self.flooder, b"x" * 2000)
        self.intake.take(self.other, b"y" * 2000)
        self.intake.hold(self.flooder, True)
        for _turn in range(3):
            self.turn()
        self.assertEqual((self.flooder.bites, b"".join(self.other.bites)), ([], b"y" * 2000))
        self.intake.hold(self.flooder, False)
        for _turn in range(2):
            self.turn()
        self.assertEqual(b"".join(self.flooder.bites), b"x" * 2000)

    def test_hold_without_anything_waiting(self) -> None:
        """A connection that is held is not read from; what comes all the same waits; held at its last bite, it stays so."""
        self.intake.hold(self.other, True)
        self.assertTrue(self.other.is_paused)
        self.intake.take(self.other, b"hello")
        self.turn()
        self.assertEqual(self.other.bites, [])
        self.other.stops = True
        self.intake.hold(self.other, False)
        self.turn()
        self.assertEqual((self.other.bites, self.other.is_paused), ([b"hello"], True))
        self.intake.hold(self.other, False)
        self.assertFalse(self.other.is_paused)

    def test_leaving(self) -> None:
        """A connection that ends in the middle gets nothing more, and nothing is left of it."""
        self.flooder.leaves = True
        self.intake.take(self.flooder, b"x" * 60_000)
        self.intake.take(self.other, b"y" * 2000)
        self.intake.forget(self.other)
        self.turn()
        self.turn()
        self.assertEqual((len(self.flooder.bites), self.other.bites), (1, []))
        self.assertEqual(self.later, [])

"""Tests of ``netd.session.pacing``: work that would make others wait."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.session.pacing import BUDGET, SWEEP_BUDGET, SWEEP_EVERY, Pacer, Sweep


class PacerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 0.0
        self.calls: list[Callable[[], None]] = []
        self.pacer = Pacer(lambda: self.now, lambda _, call: self.calls.append(call))
        self.done: list[str] = []

    def _piece(self, name: str, seconds: float, times: int = 1) -> None:
        """Work that takes so long, and adds itself again until it was done so many times."""

        def work() -> None:
            self.now += seconds
            self.done.append(name)
            if self.done.count(name) < times:
                self.pacer.add(work)

        self.pacer.add(work)

    def _turn(self) -> str:
        """What one turn does."""
        before = len(self.done)
        [call] = self.calls
        self.calls.clear()
        call()
        return "".join(self.done[before:])

    def test_order(self) -> None:
        """Pieces are done in order, all in one turn when they fit, and none at once."""
        for name in "abc":
            self._piece(name, 0)
        self.assertEqual(self.done, [])
        self.assertEqual(self._turn(), "abc")
        self.assertEqual(self.calls, [])

    def test_budget(self) -> None:
        """When the time of a turn is over, the rest waits for the next."""
        for name in "abcd":
            self._piece(name, BUDGET * 0.6)
        self.assertEqual([self._turn(), self._turn()], ["ab", "cd"])

    def test_everybody_in_turn(self) -> None:
        """What adds itself again comes after the others, and in a later turn."""
        self._piece("a", 0, times=2)
        self._piece("b", 0)
        self.assertEqual([self._turn(), self._turn()], ["ab", "a"])

    def test_failure(self) -> None:
        """A piece that fails is done with, and the others get their turn."""
        self.pacer.add(lambda: self.done[0].nonsense)  # type: ignore[attr-defined]
        self._piece("a", 0)
        self.assertRaises(IndexError, self._turn)
        self.assertEqual(self._turn(), "a")

    def test_work_at_once(self) -> None:
        """Work at once has its share of a turn, whoever does it; with the next turn there is time again."""
        self.pacer.spend(BUDGET * 0.9)
        self.assertTrue(self.pacer.has_time)
        self.pacer.spend(BUDGET * 0.1)
        self.assertFalse(self.pacer.has_time)
        self._turn()
        self.assertTrue(self.pacer.has_time)
        self.assertEqual(self.calls, [])

    def test_little_work_at_once(self) -> None:
        """A little work at once costs no turn of its own."""
        self.pacer.spend(BUDGET * 0.4)
        self.assertEqual(self.calls, [])


class Keeper:
    """Has something to count for so many sweeps, each of which takes so long."""

    def __init__(self, clock: Clock, times: int = 1, seconds: float = 0) -> None:
        self.settled: list[float] = []
        self._clock = clock
        self._times = times
        self._seconds = seconds

    def settle(self, now: float) -> bool:
        self.settled.append(now)
        self._clock.rightNow += self._seconds
        return len(self.settled) < self._times


class SweepTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock.seconds, self.clock.callLater)

    def test_one_timer(self) -> None:
        """One timer serves all, and runs only while somebody keeps something."""
        keepers = [Keeper(self.clock), Keeper(self.clock, times=2)]
        for keeper in keepers:
            self.sweep.add(keeper)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([SWEEP_EVERY] * 3)
        self.assertEqual([keeper.settled for keeper in keepers], [[1], [1, 2]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """Very many are settled a few in a turn."""
        keepers = [Keeper(self.clock, seconds=SWEEP_BUDGET / 2) for _ in range(10)]
        for keeper in keepers:
            self.sweep.add(keeper)
        [call] = self.clock.getDelayedCalls()
        begin = call.func
        call.cancel()
        begin()
        self.assertEqual(sum(bool(keeper.settled) for keeper in keepers), 2)
        self.clock.advance(0.1)
        self.assertTrue(all(keeper.settled for keeper in keepers))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """One that fails does not keep the others from being settled."""
        keeper = Keeper(self.clock)
        self.sweep.add(keeper.settled)  # type: ignore[arg-type]  # the test's own fault
        self.sweep.add(keeper)
        self.assertRaises(AttributeError, self.clock.advance, SWEEP_EVERY)
        self.clock.advance(0)
        self.assertEqual(keeper.settled, [1])

    def test_stop(self) -> None:
        """A service that stops leaves no timer, whether there was one or not."""
        self.sweep.stop()
        self.sweep.add(Keeper(self.clock))
        self.sweep.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

"""Tests of ``netd.session.pacing``: the count of many sessions."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.session.pacing import SWEEP_BUDGET, SWEEP_EVERY, Sweep


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

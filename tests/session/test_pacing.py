"""Tests of ``netd.session.pacing``: the count of many sessions."""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.shares import own_share
from netd.session.pacing import COUNTING, SWEEP_EVERY, Sweep


class Keeper:
    """Has something to count for so many sweeps, each of which takes so long."""

    def __init__(self, clock: Clock, times: int = 1, seconds: float = 0, every: float = SWEEP_EVERY) -> None:
        self.count_every = every
        self.settled: list[float] = []
        self._clock = clock
        self._times = times
        self._seconds = seconds

    def settle(self, now: float) -> bool:
        self.settled.append(now)
        self._clock.rightNow += self._seconds
        return len(self.settled) < self._times


class Failing(Keeper):
    """Cannot be settled."""

    def settle(self, now: float) -> bool:
        raise ZeroDivisionError


class SweepTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(own_share(self.clock, "count", COUNTING), self.clock.seconds, self.clock.callLater)

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
        keepers = [Keeper(self.clock, seconds=COUNTING / 2) for _ in range(10)]
        for keeper in keepers:
            self.sweep.add(keeper)
        [call] = self.clock.getDelayedCalls()
        begin, arguments = call.func, call.args
        call.cancel()
        begin(*arguments)
        self.assertEqual(sum(bool(keeper.settled) for keeper in keepers), 2)
        self.clock.advance(0.1)
        self.assertTrue(all(keeper.settled for keeper in keepers))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_intervals(self) -> None:
        """Who is watched closely is settled within its own interval; a timer serves all of about the same one."""
        keepers = [Keeper(self.clock, times=20, every=every) for every in (0.05, 0.06, 0.25, SWEEP_EVERY, 3.0)]
        for keeper in keepers:
            self.sweep.add(keeper)
        self.assertEqual(len(self.clock.getDelayedCalls()), 3)
        self.clock.pump([1 / 64] * 64)
        for keeper in keepers[:3]:
            times = [0.0, *keeper.settled]
            self.assertTrue(all(0 < late - early <= keeper.count_every for early, late in pairwise(times)), times)
        self.assertEqual([keeper.settled for keeper in keepers[3:]], [[1], [1]])

    def test_failure(self) -> None:
        """One that fails does not keep the others from being settled."""
        keeper = Keeper(self.clock)
        self.sweep.add(Failing(self.clock))
        self.sweep.add(keeper)
        self.clock.advance(SWEEP_EVERY)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(keeper.settled, [1])

    def test_stop(self) -> None:
        """A service that stops leaves no timer, whether there was one or not."""
        self.sweep.stop()
        self.sweep.add(Keeper(self.clock))
        self.sweep.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

"""The reactor's clock: no timer notices what the wall clock does."""

from __future__ import annotations

from twisted.internet.base import ReactorBase
from twisted.internet.task import Clock, LoopingCall
from twisted.trial.unittest import SynchronousTestCase

from netd.clock import make_monotonic


class IdleReactor(ReactorBase):
    """What all of Twisted's reactors have in common: timers."""

    def installWaker(self) -> None:  # noqa: N802 - Twisted's name
        """Nobody wakes it."""


class MakeMonotonicTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.wall, self.monotonic = Clock(), Clock()
        self.wall.advance(1_700_000_000)
        self.monotonic.advance(50)
        self.reactor = IdleReactor()  # type: ignore[no-untyped-call]
        self.reactor.seconds = self.wall.seconds  # type: ignore[method-assign]
        self.calls: list[str] = []

    def make_monotonic(self) -> None:
        make_monotonic(self.reactor, self.monotonic.seconds)

    def run_for(self, seconds: float) -> list[str]:
        """What is called within so many seconds, of the monotonic clock."""
        self.monotonic.advance(seconds)
        self.reactor.runUntilCurrent()
        called = self.calls[:]
        self.calls.clear()
        return called

    def test_wall_clock_that_is_set(self) -> None:
        """A call comes after its seconds, wherever the wall clock is set meanwhile, and so does the reactor's sleep end."""
        self.make_monotonic()
        for step in (-3600, 7200):
            call = self.reactor.callLater(5, self.calls.append, "five")
            self.assertEqual((call.getTime(), self.reactor.timeout()), (self.monotonic.seconds() + 5, 5))
            self.wall.rightNow += step
            self.assertEqual(self.run_for(4), [])
            self.assertEqual(self.reactor.timeout(), 1)
            self.assertEqual(self.run_for(1), ["five"])

    def test_pending_calls(self) -> None:
        """Calls from before keep the seconds that they have left and their order; those that were cancelled stay so."""
        for seconds in (30, 5, 20, 0, 10):
            self.reactor.callLater(seconds, self.calls.append, f"after {seconds}")
        self.reactor.callLater(7, self.calls.append, "never").cancel()
        self.reactor.timeout()  # which sorts them in
        self.reactor.callLater(15, self.calls.append, "after 15")
        moved = self.reactor.callLater(1, self.calls.append, "moved")
        moved.delay(24)
        self.wall.advance(5)
        self.make_monotonic()
        self.assertEqual(self.reactor.timeout(), 0)
        self.assertEqual(moved.getTime(), self.monotonic.seconds() + 20)
        self.assertEqual(
            [self.run_for(seconds) for seconds in (0, 5, 5, 5, 5, 5)],
            [["after 0", "after 5"], ["after 10"], ["after 15"], ["after 20"], ["moved"], ["after 30"]],
        )

    def test_a_call_from_before_that_is_moved(self) -> None:
        """So they do when they are moved later, or sooner."""
        calls = [self.reactor.callLater(seconds, self.calls.append, str(seconds)) for seconds in (10, 20)]
        self.make_monotonic()
        calls[0].reset(30)
        calls[1].reset(2)
        self.assertEqual([self.run_for(seconds) for seconds in (2, 27, 1)], [["20"], [], ["10"]])

    def test_before_the_wall_clock_is_known(self) -> None:
        """A machine without a clock that was just switched on begins in 1970: then the monotonic clock may be ahead."""
        self.wall.rightNow = 3.0
        self.reactor.callLater(5, self.calls.append, "five")
        self.make_monotonic()
        self.assertEqual([self.run_for(seconds) for seconds in (4, 1)], [[], ["five"]])

    def test_looping_call(self) -> None:
        """What Twisted builds on timers goes by the same clock."""
        loop = LoopingCall(self.calls.append, "tick")
        loop.clock = self.reactor
        self.make_monotonic()
        loop.start(2, now=False)
        self.wall.rightNow -= 3600
        self.assertEqual([self.run_for(2) for _ in range(3)], [["tick"]] * 3)
        loop.stop()

"""Work for many, spread over turns."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.pace import Pace


class SlowClock(Clock):
    """A clock on which looking at it takes time, if the test says so."""

    look = 0.0

    def seconds(self) -> float:
        """The time; later at each look."""
        self.rightNow += self.look
        return super().seconds()


class PaceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = SlowClock()
        self.pace = Pace(self.clock.seconds, self.clock.callLater)
        self.done: list[str] = []

    def work(self, name: str, steps: int) -> Iterator[None]:
        """So many steps."""
        for step in range(steps):
            self.done.append(f"{name}{step}")
            yield

    def test_little_is_done_at_once(self) -> None:
        """Work that fits into a turn does not wait for the next."""
        self.pace.start(self.work("a", 3))
        self.assertEqual(self.done, ["a0", "a1", "a2"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_much_is_spread(self) -> None:
        """Work that takes long is done over several turns, in order, and other work after it."""
        self.clock.look = 0.004
        self.pace.start(self.work("a", 4))
        self.pace.start(self.work("b", 1))
        self.assertEqual(self.done, ["a0", "a1", "a2"])
        self.clock.advance(0)
        self.assertEqual(self.done, ["a0", "a1", "a2", "a3", "b0"])

    def test_work_that_starts_work(self) -> None:
        """What is started by the work itself comes after it."""

        def work() -> Iterator[None]:
            self.pace.start(self.work("b", 1))
            self.done.append("a")
            yield

        self.pace.start(work())
        self.assertEqual(self.done, ["a", "b0"])

    def test_failure(self) -> None:
        """Work that fails is logged, and does not keep other work from being done; nor does it in a hurry."""

        def work() -> Iterator[None]:
            yield
            raise ZeroDivisionError

        self.pace.start(work())
        self.pace.start(self.work("b", 1))
        self.assertEqual((self.done, len(self.flushLoggedErrors(ZeroDivisionError))), (["b0"], 1))
        self.clock.look = 0.02
        self.pace.start(work())
        self.pace.start(self.work("c", 1))
        self.pace.finish()
        self.assertEqual((self.done, len(self.flushLoggedErrors(ZeroDivisionError))), (["b0", "c0"], 1))

    def test_finish(self) -> None:
        """Where there is too much of it, all of it is done, in order; and nothing of it a second time."""
        self.clock.look = 0.004
        self.pace.start(self.work("a", 4))
        self.pace.start(self.work("b", 1))
        self.pace.finish()
        self.assertEqual(self.done, ["a0", "a1", "a2", "a3", "b0"])
        self.clock.advance(0)
        self.assertEqual(self.done, ["a0", "a1", "a2", "a3", "b0"])

"""Work for many, spread over turns that all kinds of work share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.shares import MOST, TurnShares


class SlowClock(Clock):
    """A clock on which looking at it takes time, if the test says so."""

    look = 0.0

    def seconds(self) -> float:
        """The time; later at each look."""
        self.rightNow += self.look
        return super().seconds()


class TurnShareTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = SlowClock()
        self.shares = TurnShares(self.clock.seconds, self.clock.callLater)
        self.share = self.shares.share("a", 0.01)
        self.done: list[str] = []

    def work(self, name: str, steps: int) -> Iterator[None]:
        """So many steps."""
        for step in range(steps):
            self.done.append(f"{name}{step}")
            yield

    def test_little_is_done_at_once(self) -> None:
        """Work that fits into a turn does not wait for the next."""
        self.share.start(self.work("a", 3))
        self.assertEqual(self.done, ["a0", "a1", "a2"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_much_is_spread(self) -> None:
        """Work that takes long is done over several turns, in order, and other work after it."""
        self.clock.look = 0.004
        self.share.start(self.work("a", 4))
        self.share.start(self.work("b", 1))
        self.assertEqual(self.done, ["a0", "a1", "a2"])
        self.clock.advance(0)
        self.assertEqual(self.done, ["a0", "a1", "a2", "a3", "b0"])

    def test_many_in_one_turn(self) -> None:
        """Pieces that start in one turn, each of them short, have the time of one turn together; the rest comes in the next."""
        self.clock.look = 0.002
        for name in "abcdef":
            self.share.start(self.work(name, 1))
        self.assertEqual(self.done, ["a0", "b0", "c0"])
        self.clock.advance(0)
        self.assertEqual(self.done, ["a0", "b0", "c0", "d0", "e0", "f0"])
        self.share.start(self.work("g", 1))
        self.assertEqual("g0", self.done[-1])

    def test_work_that_starts_work(self) -> None:
        """What is started by the work itself comes after it."""

        def work() -> Iterator[None]:
            self.share.start(self.work("b", 1))
            self.done.append("a")
            yield

        self.share.start(work())
        self.assertEqual(self.done, ["a", "b0"])

    def test_failure(self) -> None:
        """Work that fails is logged, and does not keep other work from being done; nor does it in a hurry."""

        def work() -> Iterator[None]:
            yield
            raise ZeroDivisionError

        self.share.start(work())
        self.share.start(self.work("b", 1))
        self.assertEqual((self.done, len(self.flushLoggedErrors(ZeroDivisionError))), (["b0"], 1))
        self.clock.look = 0.02
        self.share.start(work())
        self.share.start(self.work("c", 1))
        self.share.finish()
        self.assertEqual((self.done, len(self.flushLoggedErrors(ZeroDivisionError))), (["b0", "c0"], 1))

    def test_finish(self) -> None:
        """Where there is too much of it, all of it is done, in order; and nothing of it a second time."""
        self.clock.look = 0.004
        self.share.start(self.work("a", 4))
        self.share.start(self.work("b", 1))
        self.share.finish()
        self.assertEqual(self.done, ["a0", "a1", "a2", "a3", "b0"])
        self.clock.advance(0)
        self.assertEqual(self.done, ["a0", "a1", "a2", "a3", "b0"])

    def test_later(self) -> None:
        """Work may be put off to the next turn; it does not hold up the caller."""
        self.share.start_later(self.work("a", 2))
        self.assertEqual(self.done, [])
        self.clock.advance(0)
        self.assertEqual((self.done, self.clock.getDelayedCalls()), (["a0", "a1"], []))

    def test_stop(self) -> None:
        """What is left of the work of a service that stops is not done."""
        self.share.start_later(self.work("a", 2))
        self.share.stop()
        self.clock.advance(0)
        self.assertEqual((self.done, self.clock.getDelayedCalls()), ([], []))


class TurnSharesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 0.0
        self.later: list[Callable[[], None]] = []
        self.shares = TurnShares(lambda: self.now, lambda _seconds, call: self.later.append(call))
        self.done: list[str] = []

    def work(self, name: str, seconds: float, steps: int = 1000) -> Iterator[None]:
        """So many steps, each of which takes so long."""
        for _ in range(steps):
            self.now += seconds
            self.done.append(name)
            yield

    def turn(self) -> dict[str, int]:
        """The next turn; how many steps of each were done."""
        self.done.clear()
        later, self.later = self.later, []
        for call in later:
            call()
        return dict(Counter(self.done))

    def test_alone(self) -> None:
        """A share that alone has work gets its own time and no more: others are served in between, if not by a share."""
        self.shares.share("idle", 0.01)
        self.shares.share("a", 0.003).start_later(self.work("a", 0.0005))
        self.assertEqual([{"a": 6}, {"a": 6}], [self.turn() for _ in range(2)])

    def test_together(self) -> None:
        """All shares together have a bound; each has its part of it, by what it may have, and in the long run no one is first."""
        for name, seconds in (("a", 0.01), ("b", 0.01), ("c", 0.005)):
            self.shares.share(name, seconds).start_later(self.work(name, 0.0001))
        total: Counter[str] = Counter()
        for _ in range(9):
            began = self.now
            total.update(self.turn())
            self.assertTrue(MOST - 0.0005 < self.now - began < MOST + 0.0005)
        self.assertTrue(0.9 < total["a"] / total["b"] < 1.1, total)
        self.assertTrue(1.8 < total["a"] / total["c"] < 2.2, total)

    def test_leaves_some(self) -> None:
        """What one share leaves of its part, those after it have."""
        self.shares.share("a", 0.01).start_later(self.work("a", 0.0001, 5))
        self.shares.share("b", 0.01).start_later(self.work("b", 0.0001))
        done = self.turn()
        self.assertEqual(5, done["a"])
        self.assertGreater(done["b"], 90)

    def test_spent(self) -> None:
        """The time of each kind of work is counted, of all services that have it, and of those that are gone."""
        one, other = self.shares.share("a", 0.01), TurnShares(lambda: self.now, lambda *_: None).share("a", 0.01)
        self.shares.adopt(other)
        one.start(self.work("a", 0.25, 2))
        other.start(self.work("a", 0.5, 1))
        self.shares.share("b", 0.01).spent += 0.125
        self.assertEqual({"a": 0.25 + 0.5, "b": 0.125}, self.shares.spent())
        self.turn()
        self.shares.let_go(other)
        self.assertEqual({"a": 1.0, "b": 0.125}, self.shares.spent())

    def test_adopted(self) -> None:
        """A share that was made on its own takes part in the turns of the daemon that has its service."""
        share = TurnShares(lambda: self.now, lambda *_: self.fail("these turns are nobody's any more")).share("a", 0.003)
        self.shares.adopt(share)
        self.shares.share("b", 0.003).start_later(self.work("b", 0.001, 1))
        share.start_later(self.work("a", 0.001, 1))
        self.assertEqual({"a": 1, "b": 1}, self.turn())
        self.assertEqual([], self.later)

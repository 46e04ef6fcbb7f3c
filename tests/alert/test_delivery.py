"""Deliveries: bounded, a few at a time, within a time limit, and again where that may help."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.alert.events import AlertChanged
from netd.log import LogLimiter
from netd.reaction.actions import Publish, Target
from netd.reaction.delivery import AT_ONCE, MOST_WAITING, TIME_LIMIT, TRIES, Deliveries, DeliveryFailed

EVENT = AlertChanged("hot", "custom.x", "firing", "fired", 31, "custom.x > 30", 0.0, "", 0.0)
TARGET = Publish("custom.alarm")


class DeliveryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.tried: list[Deferred[None]] = []
        self.deliveries = Deliveries("alert:hot", self.clock, self._attempt, lambda: 1.0, LogLimiter(self.clock.seconds))
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.deliveries.stop)

    def _attempt(self, _target: Target, _event: AlertChanged) -> Deferred[None]:
        self.tried.append(Deferred())
        return self.tried[-1]

    def fail_(self, may_pass: bool = True) -> None:
        """The newest try fails."""
        self.tried.pop().errback(DeliveryFailed("no answer", may_pass))

    def test_sent(self) -> None:
        """What succeeds is counted, and what waits is begun."""
        for _ in range(AT_ONCE + 1):
            self.deliveries.add(TARGET, EVENT)
        self.assertEqual((len(self.tried), self.deliveries.waiting), (AT_ONCE, 1))
        self.tried[0].callback(None)
        self.assertEqual((len(self.tried), self.deliveries.waiting, self.deliveries.counts["sent"]), (AT_ONCE + 1, 0, 1))
        for tried in self.tried[1:]:
            tried.callback(None)

    def test_retries(self) -> None:
        """A failure that may pass is tried again, after waits that double; then it is given up, and told."""
        self.deliveries.add(TARGET, EVENT)
        waits = []
        with capturedLogs() as logged:
            for _ in range(TRIES - 1):
                self.fail_()
                [call] = self.clock.getDelayedCalls()
                waits.append(call.getTime() - self.clock.seconds())
                self.assertEqual(self.deliveries.waiting, 1)
                self.clock.advance(waits[-1])
            self.fail_()
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256])
        self.assertEqual(dict(self.deliveries.counts), {"retried": TRIES - 1, "failed": 1})
        self.assertEqual(self.deliveries.last_failure, "publish custom.alarm: no answer")
        self.assertEqual(len(logged), 1)

    def test_final_failure(self) -> None:
        """A failure that would come again is not tried again."""
        self.deliveries.add(TARGET, EVENT)
        self.fail_(may_pass=False)
        self.assertEqual(dict(self.deliveries.counts), {"failed": 1})

    def test_time_limit(self) -> None:
        """A try that does not end is cancelled, and counts as a failure that may pass."""
        self.deliveries.add(TARGET, EVENT)
        self.clock.advance(TIME_LIMIT)
        self.assertEqual(dict(self.deliveries.counts), {"retried": 1})

    def test_fault(self) -> None:
        """A fault of netd's own is logged with its traceback, and not tried again."""
        self.deliveries.add(TARGET, EVENT)
        self.tried.pop().errback(ZeroDivisionError("x"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.deliveries.last_failure, "publish custom.alarm: internal error (ZeroDivisionError)")

    def test_bounds(self) -> None:
        """However often an alert fires, so many deliveries wait; the others are dropped, counted, and logged once."""
        with capturedLogs() as logged:
            for _ in range(AT_ONCE + MOST_WAITING + 50):
                self.deliveries.add(TARGET, EVENT)
        self.assertEqual((self.deliveries.waiting, self.deliveries.counts["dropped"]), (MOST_WAITING, 50))
        self.assertEqual(len(logged), 1)

    def test_stop(self) -> None:
        """At the end, nothing is tried again, whatever became of it."""
        for _ in range(AT_ONCE + 2):
            self.deliveries.add(TARGET, EVENT)
        self.fail_()
        self.deliveries.stop()
        self.assertEqual(self.deliveries.waiting, 0)

    def test_once(self) -> None:
        """A test tries once, and tells what came of it."""
        outcomes: list[Any] = []
        for _ in range(3):
            self.deliveries.try_once(TARGET, EVENT).addCallback(outcomes.append)
        first, second, _third = self.tried
        self.clock.advance(1.5)
        first.callback(None)
        second.errback(DeliveryFailed("no answer"))
        self.clock.advance(TIME_LIMIT)
        self.assertEqual(outcomes, [("done", "", 1.5), ("failed", "no answer", 1.5), ("failed", "not done within 30 s", 31.5)])
        self.assertIsNone(self.deliveries.last_failure)

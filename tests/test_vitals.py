"""How the daemon says how it does."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.testing import RecordingBus
from netd.vitals import SUBJECT, Vitals, VitalsService


class VitalsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.bus = Clock(), RecordingBus()
        self.lags: list[float] = []
        self.service = VitalsService(self.clock, self.bus, self.lags.append, self.take)
        self.service.startService()

    def take(self) -> Vitals:
        return Vitals(self.bus.wall(), 0.0, 1.0, 2, 3, 4, self.lags[-1])

    def test_once_a_second(self) -> None:
        """Once a second the lag is told; the vitals are published only where somebody wants them."""
        self.clock.pump([0.1] * 10)
        self.assertEqual(([0.0], []), ([round(lag, 6) for lag in self.lags], self.bus.messages))
        self.bus.subscribe("system.>", lambda message: None)
        self.clock.pump([0.1] * 10)
        (published,) = self.bus.events(SUBJECT)
        self.assertEqual(self.take(), published)

    def test_lag(self) -> None:
        """The longest lateness within a second is that second's lag."""
        self.clock.pump([0.1] * 4)
        self.clock.advance(0.35)
        self.clock.pump([0.1] * 5)
        self.clock.pump([0.1] * 10)
        self.assertEqual([0.25, 0.0], [round(lag, 6) for lag in self.lags])

    def test_stop(self) -> None:
        """Stopped, it leaves no timer."""
        self.service.stopService()
        self.assertEqual([], self.clock.getDelayedCalls())
        VitalsService(self.clock, self.bus, self.lags.append, self.take).stopService()

"""Tests of :mod:`netd.cli.signals`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.cli.signals import Signals


class SignalsTests(SynchronousTestCase):
    def test_signals(self) -> None:
        """The signals are such that a doctor would not worry."""
        for chance in (0.0, 0.5, 0.99):
            signals = Signals(lambda chance=chance: chance, 0.2)  # type: ignore[misc]
            for _ in range(1000):
                self.assertTrue(55 < signals.heart() < 80)
                self.assertTrue(0 <= signals.breathing() < 0.6)
                self.assertTrue(0 <= signals.movement() < 1)

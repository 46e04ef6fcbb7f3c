"""Tests of :mod:`netd.client.again`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.client.again import Backoff
from netd.client.token import Denial


class BackoffTests(SynchronousTestCase):
    def test_delays(self) -> None:
        """Attempts come ever more rarely, half a minute apart at most, and soon again after a connection that lasted."""
        backoff = Backoff(lambda: 0.5, 2.0, 0.5)
        self.assertEqual([backoff.delay(0) for _ in range(7)], [1.5, 3, 6, 12, 22.5, 22.5, 22.5])
        self.assertEqual(backoff.delay(10), 1.5)

    def test_chance(self) -> None:
        """Many clients that lose a server at the same moment do not come back at the same moment."""
        for chance, delay in ((0.0, 1.0), (1.0, 2.0)):
            self.assertEqual(Backoff(lambda: chance, 2.0, 0.5).delay(0), delay)  # noqa: B023 - called at once

    def test_denied(self) -> None:
        """A client that is not let in asks again after a minute or so, however long it was connected before."""
        for chance, delay in ((0.0, 60.0), (1.0, 75.0)):
            self.assertEqual(Backoff(lambda: chance, 2.0, 0.5).delay(100, Denial("no")), delay)  # noqa: B023 - called at once

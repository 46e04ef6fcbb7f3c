"""Waits between attempts: they double, have an end, and are spread by chance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.backoff import Backoff


class BackoffTests(SynchronousTestCase):
    def test_doubles(self) -> None:
        """Each failure doubles the longest wait, until there is no longer one; chance halves it at most."""
        backoff = Backoff(1.0, 60.0)
        almost = 0.999999
        self.assertEqual([round(backoff.delay(failures, almost)) for failures in range(8)], [1, 2, 4, 8, 16, 32, 60, 60])
        self.assertEqual([backoff.delay(failures, 0.0) for failures in (0, 1, 100)], [0.5, 1.0, 30.0])

    @given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True), st.floats(0.01, 3600), st.floats(0.01, 86400))
    def test_bounds(self, failures: int, chance: float, first: float, longest: float) -> None:
        """No wait is longer than the longest, however often a remote was not there, nor shorter than half of the first."""
        delay = Backoff(first, longest).delay(failures, chance)
        self.assertTrue(min(first, longest) / 2 <= delay <= longest, delay)

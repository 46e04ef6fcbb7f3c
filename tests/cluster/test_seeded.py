"""Hundreds of runs in which everything goes wrong that can, each repeatable by its seed."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.seeded import SeededWorld

SEEDS = int(os.environ.get("SEEDS", "500"))
"""How many runs."""


class SeededTests(SynchronousTestCase):
    def test_whatever_happens(self) -> None:
        """Never two final outcomes, never acknowledged without the device, and all nodes see the same 5 s after the faults."""
        only = os.environ.get("SEED")
        for seed in [int(only)] if only else range(SEEDS):
            wrong = SeededWorld(seed).run()
            self.assertEqual([], wrong, f"run it again with SEED={seed}")

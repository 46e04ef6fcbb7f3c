"""Hundreds of runs in which everything goes wrong that can, each repeatable by its seed."""

from __future__ import annotations

import gc
import os

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.seeded import SeededWorld

SEEDS = int(os.environ.get("SEEDS", "200"))
"""How many runs; ``make soak`` does thousands."""

RUNS = 20
"""Runs after which what they leave behind is collected."""


class SeededTests(SynchronousTestCase):
    def test_whatever_happens(self) -> None:
        """Never two final outcomes, never acknowledged without the device, and all nodes see the same 5 s after the faults."""
        only = os.environ.get("SEED")
        gc.disable()  # it would look through all that the suite has imported, for each node anew
        self.addCleanup(gc.enable)
        for seed in [int(only)] if only else range(SEEDS):
            if seed % RUNS == 0:
                gc.collect()
            wrong = SeededWorld(seed).run()
            self.assertEqual([], wrong, f"run it again with SEED={seed}")

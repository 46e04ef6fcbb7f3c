"""What is handed over, gathered by series."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.blocks import Columns
from netd.recorder.intake import EventTaken, SeriesName, merged, samples_in, weight_of
from tests.recorder.reads import ReadTaken, gather

X, Y = SeriesName("session.main.a.x"), SeriesName("session.main.a.y", "Y", "V")


class GatherTests(SynchronousTestCase):
    def test_gather(self) -> None:
        """All samples of a read have its time; reads of a series follow each other."""
        reads = [ReadTaken(X, 10, [1, 2.5]), ReadTaken(Y, 10, (3.0,)), ReadTaken(X, 20, [4.0])]
        self.assertEqual({X: Columns([10, 10, 20], [1, 2.5, 4.0]), Y: Columns([10], [3.0])}, gather(reads))

    def test_agent_times(self) -> None:
        """The agent's own times come as microseconds, and are None for reads without. What is no time is none."""
        reads = [ReadTaken(X, 10, [1.0]), ReadTaken(X, 20, [2.0, 3.0], [0.5, None]), ReadTaken(X, 30, [4.0])]
        self.assertEqual({X: Columns([10, 20, 20, 30], [1.0, 2.0, 3.0, 4.0], [None, 500000, None, None])}, gather(reads))
        odd = gather([ReadTaken(X, 10, [1.0, 2.0, 3.0], [float("nan"), float("inf"), 1e-7])])
        self.assertEqual([None, None, 0], odd[X].agent_times)

    def test_merged(self) -> None:
        """Batches that are written together are put together in their order, and stay as they are for another attempt."""
        batches = [gather([ReadTaken(X, 10, [1.0])]), gather([ReadTaken(Y, 20, [2.0]), ReadTaken(X, 20, [3.0])])]
        for _attempt in range(2):
            self.assertEqual({X: Columns([10, 20], [1.0, 3.0]), Y: Columns([20], [2.0])}, merged(batches))

    def test_weight(self) -> None:
        """What waits is weighed by its samples and texts."""
        samples = gather([ReadTaken(X, 1, [1.0] * 1000), ReadTaken(Y, 1, (1.0,))])
        self.assertEqual(1001, samples_in(samples))
        self.assertGreater(weight_of(samples, [], 1001), 32_000)
        self.assertGreater(weight_of({}, [EventTaken(X, 1, b"x" * 1000)], 0), 1000)

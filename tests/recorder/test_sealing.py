"""Where blocks are cut: no sample is lost, none is twice, and headers tell the truth about what is in them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.blocks import Columns
from netd.recorder.micros import HOUR
from netd.recorder.sealing import LEAST, BlockSummary, next_length, seal_plan, summary_of

TIMES = st.lists(st.integers(0, 4 * HOUR), min_size=1, max_size=300)


def numbered(times: list[int]) -> Columns:
    """Samples at *times*, each with a value of its own."""
    return Columns(times, [float(index) for index in range(len(times))])


class PlanTests(SynchronousTestCase):
    @given(TIMES, st.integers(1, 40), st.none() | st.integers(0, 4), st.sampled_from([LEAST, 1, 1000]))
    def test_nothing_is_lost(self, times: list[int], length: int, hour: int | None, least: int) -> None:
        """Each sample is in one block, or stays open. A block is sorted, of one hour, and no longer than it may be."""
        blocks, rest = seal_plan(numbered(times), length, hour, least)
        found = [value for block in blocks for value in block.values] + (rest.values if rest else [])
        self.assertEqual([float(index) for index in range(len(times))], sorted(found))
        for block in blocks:
            self.assertEqual(sorted(block.times), block.times)
            self.assertEqual(1, len({time // HOUR for time in block.times}))
            self.assertTrue(1 <= len(block) <= length)
        self.assertTrue(rest is None or (hour is not None and len(rest)))

    def test_few_stay_open(self) -> None:
        """A series with few samples stays open, until the part is closed: blocks of a few samples would waste pages."""
        few = numbered([*range(LEAST - 1)])
        self.assertEqual(([], few), seal_plan(few, 512, 5))
        self.assertEqual(([few], None), seal_plan(few, 512, None))

    def test_hours_that_are_over(self) -> None:
        """Of the hour that goes on, a short end stays open. An hour that is over is sealed whole, in equal blocks."""
        samples = numbered([*range(900), *range(HOUR, HOUR + 600)])
        blocks, rest = seal_plan(samples, 512, 1, 512)
        self.assertEqual([450, 450, 512], [len(block) for block in blocks])
        assert rest is not None
        self.assertEqual(88, len(rest))
        blocks, rest = seal_plan(samples, 512, 1)
        self.assertEqual([450, 450, 300, 300], [len(block) for block in blocks])
        self.assertIsNone(rest)

    def test_clock_set_back(self) -> None:
        """Samples of an hour that is still to come, by a clock that was wrong, are sealed with the others."""
        blocks, rest = seal_plan(numbered([*range(3 * HOUR, 3 * HOUR + 100), *range(100)]), 512, 0, 512)
        self.assertEqual([100], [len(block) for block in blocks])
        assert rest is not None
        self.assertEqual(100, len(rest))


class SummaryTests(SynchronousTestCase):
    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**61), 2**61), min_size=1, max_size=50))
    def test_summary(self, values: list[float]) -> None:
        """The header has the bounds and the sum of the block, all of them numbers that JSON has."""
        found = summary_of(Columns([*range(len(values))], values))
        self.assertEqual((0, len(values) - 1, len(values)), (found.first, found.last, found.samples))
        self.assertEqual((float(min(values)), float(max(values))), (found.low, found.high))
        json.dumps(found, allow_nan=False)

    def test_overflow(self) -> None:
        """The sum of the greatest numbers is the greatest number: JSON has no infinity to give back."""
        self.assertEqual(1.7976931348623157e308, summary_of(Columns([1, 2], [1.7e308, 1.7e308])).total)

    def test_length(self) -> None:
        """The next block is as long as fills a page, within bounds; a short block says nothing about that."""
        self.assertEqual(550, next_length(BlockSummary(0, 1, 512, 0, 1, 1), 3584, 512))
        self.assertEqual(1024, next_length(BlockSummary(0, 1, 512, 0, 1, 1), 60, 512))
        self.assertEqual(128, next_length(BlockSummary(0, 1, 512, 0, 1, 1), 60000, 512))
        self.assertEqual(300, next_length(BlockSummary(0, 1, 64, 0, 1, 1), 3000, 300))

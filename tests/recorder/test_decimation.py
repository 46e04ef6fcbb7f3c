"""Points of many samples, against a list that is looked through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.decimation import Decimation, bucket_width

VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)
SAMPLES = st.lists(st.tuples(st.integers(0, 1000), VALUES), max_size=60)


class DecimationTests(SynchronousTestCase):
    @given(SAMPLES, st.integers(0, 900), st.integers(1, 500), st.integers(1, 50))
    def test_against_a_list(self, samples: list[tuple[int, float]], begin: int, length: int, points: int) -> None:
        """Each point is made of exactly the samples of its time; no other has a sample in the range."""
        end = begin + length
        decimation = Decimation(begin, end, points)
        samples.sort(key=lambda sample: sample[0])
        for start in range(0, len(samples), 7):
            block = samples[start : start + 7]
            times, values = [time for time, _ in block], [value for _, value in block]
            if decimation.holds(times[0], times[-1]):
                decimation.add_header(times[0], len(block), min(values), max(values), sum(values))
            else:
                decimation.add_samples(times, values)
        expected: dict[int, list[float]] = {}
        for time, value in samples:
            if begin <= time < end:
                expected.setdefault(begin + (time - begin) // decimation.width * decimation.width, []).append(value)
        found = decimation.buckets()
        self.assertEqual([time for time, _ in found], sorted(expected))
        for time, bucket in found:
            values = expected[time]
            self.assertEqual((bucket.count, bucket.low, bucket.high), (len(values), min(values), max(values)))
            self.assertTrue(bucket.low <= bucket.mean <= bucket.high, bucket)
        self.assertLessEqual(len(found), points)

    def test_width(self) -> None:
        """So many points as were asked for cover the time, and not one more is needed."""
        self.assertEqual([bucket_width(0, end, 10) for end in (1, 10, 11, 100, 101)], [1, 1, 2, 10, 11])

    def test_headers_alone(self) -> None:
        """Points of headers are at the time of their first sample, within the time that was asked for."""
        decimation = Decimation(100, 200, 10)
        decimation.is_exact = False
        decimation.add_header(90, 5, 1, 2, 8)
        decimation.add_header(107, 1, -4, -4, -4)
        decimation.add_header(155, 2, 0, 1, 1)
        found = [(time, bucket.count, bucket.low, bucket.high, bucket.mean) for time, bucket in decimation.buckets()]
        self.assertEqual(found, [(100, 6, -4, 2, 4 / 6), (155, 2, 0, 1, 0.5)])

    def test_overflow(self) -> None:
        """The mean of values whose sum is no number any more lies between them."""
        decimation = Decimation(0, 10, 1)
        decimation.add_samples([1, 2, 3], [1.7e308, 1.7e308, 1.6e308])
        decimation.add_samples([4, 5], [-1.7e308, -1.7e308])
        [(_, bucket)] = decimation.buckets()
        self.assertTrue(-1.7e308 <= bucket.mean <= 1.7e308)

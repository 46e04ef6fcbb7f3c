"""Many samples made into few points: least, greatest and mean value of each of so many stretches of time.

A block of samples has a header with its count, least, greatest and total value. A block that lies within one stretch, which is
called a bucket here, gives its header; only the samples of others are looked at. Where there are more blocks than a picture has
points to show them, headers alone are enough (:attr:`Decimation.is_exact`). A bucket without samples is absent, and never zero.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from attrs import define

__all__ = ["Bucket", "Decimation", "bucket_width"]


def bucket_width(begin: int, end: int, points: int) -> int:
    """Return the length of a bucket, in microseconds, of which *points* at most cover the time from *begin* to *end*."""
    return max(1, -((begin - end) // points))


@define(eq=False)
class Bucket:
    """The samples of one stretch of time.

    :ivar time: when the first of them came, in microseconds since the epoch.
    """

    time: int
    count: int
    low: float
    high: float
    total: float

    @property
    def mean(self) -> float:
        """The mean value. The sum of large values can overflow: the mean is between the least and the greatest all the same."""
        return min(self.high, max(self.low, self.total / self.count))


class Decimation:
    """The points of one series from *begin* to before *end*, in microseconds since the epoch.

    :ivar width: the length of a bucket, in microseconds.
    :ivar is_exact: False once samples were counted in the bucket of the first sample of their block.
    """

    def __init__(self, begin: int, end: int, points: int) -> None:
        self._begin = begin
        self._end = end
        self._buckets: dict[int, Bucket] = {}
        self.width = bucket_width(begin, end, points)
        self.is_exact = True

    def __bool__(self) -> bool:
        """Whether there are samples."""
        return bool(self._buckets)

    def holds(self, first: int, last: int) -> bool:
        """Whether samples from *first* to *last* lie within one bucket, so that their header says enough."""
        begin, width = self._begin, self.width
        return first >= begin and last < self._end and (first - begin) // width == (last - begin) // width

    def add_header(self, first: int, count: int, low: float, high: float, total: float) -> None:
        """Add the samples of a block to the bucket in which the first of them lies."""
        first = max(first, self._begin)
        self._add((first - self._begin) // self.width, first, count, low, high, total)

    def add_samples(self, times: Sequence[int], values: Sequence[float]) -> None:
        """Add those samples of *times*, which ascend, that lie in the range."""
        begin, width = self._begin, self.width
        at, stop = bisect_left(times, begin), bisect_left(times, self._end)
        while at < stop:
            index = (times[at] - begin) // width
            after = bisect_left(times, begin + (index + 1) * width, at, stop)
            some = values[at:after]
            self._add(index, times[at], after - at, min(some), max(some), sum(some))
            at = after

    def buckets(self) -> list[tuple[int, Bucket]]:
        """Return the buckets that have samples, in order, each with its time.

        The time is the begin of the bucket; where the points are not exact, it is that of the first sample in it.
        """
        begin, width, is_exact = self._begin, self.width, self.is_exact
        return [(begin + index * width if is_exact else found.time, found) for index, found in sorted(self._buckets.items())]

    def _add(self, index: int, time: int, count: int, low: float, high: float, total: float) -> None:
        bucket = self._buckets.get(index)
        if bucket is None:
            self._buckets[index] = Bucket(time, count, low, high, total)
            return
        bucket.time = min(bucket.time, time)
        bucket.count += count
        bucket.low = min(bucket.low, low)
        bucket.high = max(bucket.high, high)
        bucket.total += total

"""The regular grid of Graphite's answers: a value, or none, for each step of time. Pure.

The recorder makes points of a width that the grid chooses, so that each point falls on a place of the grid. Where the recorder
goes by the headers of blocks, its points are farther apart than the grid's places: the grid is made wider for them, because a
line with a hole between each two points is drawn as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import ceil, floor

from attrs import frozen

__all__ = ["LEAST_POINTS", "MOST_POINTS", "Points", "RenderGrid"]

LEAST_POINTS, MOST_POINTS = 10, 10_000
"""Fewest and most points that can be asked for."""

MANY = 9 / 10
"""The share of gaps between points that a place of the grid is at least as long as."""


@frozen
class Points:
    """The points of one series, as ``history.query`` gives them; times are seconds since the epoch.

    :ivar is_exact: whether the times are those of the grid that was asked for.
    """

    times: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    mean: Sequence[float]
    count: Sequence[int]
    is_exact: bool


@frozen
class RenderGrid:
    """Places of *step* seconds each.

    :ivar begin: seconds since the epoch, a multiple of *step*.
    :ivar points: how many places there are.
    """

    begin: int
    step: int
    points: int

    @classmethod
    def over(cls, begin: float, end: float, most: int) -> RenderGrid:
        """Return the grid from *begin* to *end*, seconds since the epoch, of *most* places at most."""
        most = min(max(most, LEAST_POINTS), MOST_POINTS)
        step = max(1, ceil((end - begin) / most))
        first = floor(begin / step) * step
        if ceil((end - first) / step) > most:  # it begins earlier than was asked for, and ends with a place too many
            step = max(1, ceil((end - begin) / (most - 1)))
            first = floor(begin / step) * step
        return cls(first, step, max(LEAST_POINTS, ceil((end - first) / step)))

    @property
    def end(self) -> int:
        """The end, in seconds since the epoch."""
        return self.begin + self.step * self.points

    def line(self, value: float) -> list[list[float | None]]:
        """Return the points of a series that is *value* at all times."""
        return [[value, time] for time in range(self.begin, self.end, self.step)]

    def place(self, points: Points, consolidation: str) -> list[list[float | None]]:
        """Return the points of a series, each with its time: ``[value or None, seconds]``."""
        step = self.step if points.is_exact else self.step * _gap(points.times, self.step)
        begin = self.begin // step * step
        values: list[float | None] = [None] * -((begin - self.end) // step)
        for place, members in _places(points.times, begin, step):
            if 0 <= place < len(values):
                values[place] = _CONSOLIDATE[consolidation](points, members)
        return [[value, begin + number * step] for number, value in enumerate(values)]


def _gap(times: Sequence[float], step: int) -> int:
    """Return how many places the gap between two points is long, for most points."""
    gaps = sorted(after - before for before, after in pairwise(times))
    return max(1, ceil(gaps[int(MANY * (len(gaps) - 1))] / step)) if gaps else 1


def _places(times: Sequence[float], begin: int, step: int) -> Iterator[tuple[int, range]]:
    """Yield each place that has points, with the indices of these."""
    at = 0
    while at < len(times):
        place, start = int((times[at] - begin) // step), at
        while at < len(times) and int((times[at] - begin) // step) == place:
            at += 1
        yield place, range(start, at)


def _average(points: Points, members: range) -> float:
    count = sum(points.count[index] for index in members)
    return sum(points.mean[index] * (points.count[index] / count) for index in members)


def _sum(points: Points, members: range) -> float:
    return sum(points.mean[index] * points.count[index] for index in members)


_CONSOLIDATE: dict[str, Callable[[Points, range], float]] = {
    "average": _average,
    "min": lambda points, members: min(points.low[index] for index in members),
    "max": lambda points, members: max(points.high[index] for index in members),
    "sum": _sum,
    "last": lambda points, members: points.mean[members[-1]],
}

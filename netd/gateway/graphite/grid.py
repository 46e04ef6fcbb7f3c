"""The regular grid of Graphite's answers: a value, or none, for each step of time. Pure.

The recorder makes points of a width that the grid chooses, so that each point falls on a place of the grid. Where the recorder
goes by the headers of blocks, its points are farther apart than the grid's places: the grid is made wider for them, because a
line with a hole between each two points is drawn as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from math import ceil, floor
from operator import mul

from attrs import frozen

__all__ = ["LEAST_POINTS", "MOST_POINTS", "Points", "RenderGrid"]

LEAST_POINTS, MOST_POINTS = 10, 10_000
"""Fewest and most points that the recorder can be asked for."""

LEAST_PLACES = 2
"""A time rarely begins at a multiple of its own length: it may need two places."""

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
        most = min(max(most, LEAST_PLACES), MOST_POINTS)
        step = max(1, ceil((end - begin) / most))
        first = floor(begin / step) * step
        if ceil((end - first) / step) > most:  # it begins earlier than was asked for, and ends with a place too many
            step = max(1, ceil((end - begin) / (most - 1)))
            first = floor(begin / step) * step
        return cls(first, step, max(1, ceil((end - first) / step)))

    @property
    def asked(self) -> int:
        """How many points to ask the recorder for: one for each place, or several where the places are too few."""
        return self.points * ceil(LEAST_POINTS / self.points)

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
        places = [int((time - begin) // step) for time in points.times]
        if len(set(places)) == len(places):  # a point each: a fifth of the time
            found: Iterator[tuple[int, float]] = zip(places, _SINGLE[consolidation](points), strict=True)
        else:
            found = ((place, _CONSOLIDATE[consolidation](points, members)) for place, members in _members(places))
        for place, value in found:
            if 0 <= place < len(values):
                values[place] = value
        return [[value, begin + number * step] for number, value in enumerate(values)]


def _gap(times: Sequence[float], step: int) -> int:
    """Return how many places the gap between two points is long, for most points."""
    gaps = sorted(after - before for before, after in pairwise(times))
    return max(1, ceil(gaps[int(MANY * (len(gaps) - 1))] / step)) if gaps else 1


def _members(places: Sequence[int]) -> Iterator[tuple[int, range]]:
    """Yield each place that has points, with the indices of these."""
    at = 0
    while at < len(places):
        start = at
        while at < len(places) and places[at] == places[start]:
            at += 1
        yield places[start], range(start, at)


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

_SINGLE: dict[str, Callable[[Points], Iterable[float]]] = {
    "average": lambda points: points.mean,
    "min": lambda points: points.low,
    "max": lambda points: points.high,
    "sum": lambda points: map(mul, points.mean, points.count),
    "last": lambda points: points.mean,
}
"""The same, where each place has one point at most."""

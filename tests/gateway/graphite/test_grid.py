"""Tests of ``netd.gateway.graphite.grid``: points on regular times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.graphite.grid import Points, RenderGrid

NOW = 1_795_892_400


def points(*pairs: tuple[float, float], is_exact: bool = True) -> Points:
    """Points of one sample each."""
    values = [value for _, value in pairs]
    return Points([time for time, _ in pairs], values, values, values, [1] * len(pairs), is_exact)


class GridTests(SynchronousTestCase):
    @given(st.integers(0, NOW), st.floats(0, 1e8), st.integers(-5, 20_000))
    def test_over(self, begin: int, length: float, most: int) -> None:
        """A grid covers the time that was asked for in whole steps, with no more places than were asked for, or two."""
        grid = RenderGrid.over(begin, begin + length, most)
        self.assertEqual(grid.begin % grid.step, 0)
        self.assertLessEqual(grid.begin, begin)
        self.assertGreater(grid.begin, begin - grid.step)
        self.assertGreaterEqual(grid.end, begin + length)
        self.assertTrue(1 <= grid.points <= min(max(most, 2), 10_000), grid)
        self.assertTrue(10 <= grid.asked <= 10_000 and grid.asked % grid.points == 0, grid)

    def test_line(self) -> None:
        """A constant line has its value at each place."""
        grid = RenderGrid.over(NOW - 3600, NOW, 100)
        line = grid.line(100.0)
        self.assertEqual((len(line), line[0], line[-1][1]), (100, [100.0, NOW - 3600], NOW - 36))

    def test_holes(self) -> None:
        """A place without a point is empty, and never zero; points beside the grid are not shown."""
        grid = RenderGrid(100, 10, 10)
        placed = grid.place(points((95.0, 9.0), (100.0, 1.0), (120.0, 3.0), (190.0, 4.0), (200.0, 5.0)), "average")
        self.assertEqual([value for value, _ in placed], [1.0, None, 3.0, None, None, None, None, None, None, 4.0])
        self.assertEqual([time for _, time in placed], list(range(100, 200, 10)))

    def test_consolidation(self) -> None:
        """Several points of one place become one, each weighed by its samples."""
        several = Points([100.0, 104.0], [1.0, 0.0], [7.0, 9.0], [4.0, 8.0], [3, 1], True)
        for way, value in (("average", 5.0), ("min", 0.0), ("max", 9.0), ("sum", 20.0), ("last", 8.0)):
            [first, *_] = RenderGrid(100, 10, 10).place(several, way)
            self.assertEqual(first, [value, 100], way)

    def test_large_values(self) -> None:
        """The mean of huge values does not overflow."""
        [first, *_] = RenderGrid(100, 10, 10).place(points((100.0, 1.7e308), (101.0, 1.7e308)), "average")
        self.assertEqual(first[0], 1.7e308)

    def test_far_points(self) -> None:
        """Points that are farther apart than the places make the grid wider, so that a line connects them."""
        placed = RenderGrid(1000, 10, 100).place(
            points(*((1003.0 + 25 * number, 1.0) for number in range(38)), is_exact=False), "average"
        )
        self.assertEqual(placed[1][1] - placed[0][1], 30)
        self.assertNotIn(None, [value for value, _ in placed[1:31]])

    def test_nothing(self) -> None:
        """A series without points is empty."""
        self.assertEqual({value for value, _ in RenderGrid(100, 10, 10).place(points(is_exact=False), "max")}, {None})

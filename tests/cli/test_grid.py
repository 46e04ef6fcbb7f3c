"""Tests of :mod:`netd.cli.grid`: tables of any width in terminals of any width."""

from __future__ import annotations

import io
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.grid import Grid, Row, fit


def lines(columns: Sequence[str], rows: Sequence[Row], width: int) -> list[str]:
    """What a terminal of so many columns shows."""
    out = io.StringIO()
    Console(file=out, width=width, markup=False, highlight=False, emoji=False, _environ={}).print(Grid(columns, rows))
    return [line.rstrip() for line in out.getvalue().splitlines()]


class FitTests(SynchronousTestCase):
    def test_fit(self) -> None:
        """The widest columns give way first and equally, none below twelve; then the last ones are left out."""
        for widths, room, fitted in (
            ([7, 6, 9], 80, [7, 6, 9]),
            ([10, 60], 40, [10, 28]),
            ([30, 30, 5], 50, [20, 21, 5]),
            ([10, 30, 200], 60, [10, 23, 23]),
            ([12, 12, 12], 30, [12, 12]),
            ([50], 20, [20]),
            ([5, 5], 3, [3]),
        ):
            self.assertEqual(fit(widths, room), dict(enumerate(fitted)))

    def test_kept(self) -> None:
        """What says which thing it is stays whole while others are cut, or left out; alone, or very long, it gives way."""
        for widths, kept, room, fitted in (
            ([12, 40, 8], {0}, 40, {0: 12, 1: 16, 2: 8}),
            ([20, 21, 12, 12], {0, 1}, 50, {0: 20, 1: 21}),
            ([12, 20, 12], {1}, 35, {0: 12, 1: 20}),
            ([300, 10, 10], {0}, 60, {0: 36, 1: 10, 2: 10}),
            ([30, 30], {0, 1}, 40, {0: 19, 1: 19}),
            ([12, 12], {0, 1}, 20, {0: 12}),
        ):
            self.assertEqual(fit(widths, room, kept), fitted)

    @given(st.lists(st.integers(0, 300), min_size=1, max_size=12), st.integers(1, 200), st.sets(st.integers(0, 11)))
    def test_always(self, widths: list[int], room: int, kept: set[int]) -> None:
        """Whatever the widths, what is shown fits, no column becomes wider, and the first of those that count is there."""
        fitted = fit(widths, room, kept)
        self.assertIn(min((at for at in kept if at < len(widths)), default=0), fitted)
        self.assertLessEqual(sum(fitted.values()) + 2 * (len(fitted) - 1), room)
        self.assertTrue(all(now <= widths[at] for at, now in fitted.items()))


class GridTests(SynchronousTestCase):
    def test_columns(self) -> None:
        """Each thing is a line, whatever the terminal's width: what is too long is cut, and says so."""
        rows = [Row(["a", "x" * 40, "5"]), Row(["bb", "y", "66"])]
        self.assertEqual(lines(["name", "what_it_is", "n"], rows, 30), [
            "NAME  WHAT IT IS            N",
            "a     xxxxxxxxxxxxxxxxxxx…  5",
            "bb    y                     66",
        ])  # fmt: skip

    def test_left_out(self) -> None:
        """Columns that find no place are named, with what shows them."""
        shown = lines(["first", "second", "third_one"], [Row(["x" * 12, "y" * 12, "z" * 12])], 27)
        self.assertEqual(shown[:2], ["FIRST         SECOND", "xxxxxxxxxxxx  yyyyyyyyyyyy"])
        self.assertIn("not shown: third one;", shown[3])

    def test_identity(self) -> None:
        """At 80 columns the subscribers of a feed have their whole names and addresses; what finds no place is named."""
        columns = ["client", "address", "dialect", "since", "types", "block", "locale", "seed", "interval"]
        row = ["temperature-panel", "192.168.100.20:50412", "newer", "22:13:20", "name, address", "10", "en_US", "12345", "0.5"]
        title, line, *_, left_out = lines(columns, [Row(row)], 80)
        self.assertTrue(line.startswith("temperature-panel  192.168.100.20:50412  "), line)
        self.assertEqual((title.split()[:2], "interval" in left_out), (["CLIENT", "ADDRESS"], True))

    def test_below(self) -> None:
        """What hangs on a row stands below it, named and in line; a long text goes on there, three lines at most."""
        row = Row(["1"], [("heart", "72 bpm"), ("x", "so " * 60)])
        shown = lines(["session"], [row, Row(["2"])], 40)
        self.assertEqual(shown[1:4], ["1", "  heart  72 bpm", "  x      so so so so so so so so so so"])
        self.assertTrue(shown[5].startswith("         so") and shown[5].endswith("…"), shown)
        self.assertEqual(shown[6:], ["2"])

    @given(
        st.lists(st.text(), min_size=1, max_size=3), st.lists(st.tuples(st.text(), st.text()), max_size=3), st.integers(12, 90)
    )
    def test_hostile(self, cells: list[str], below: list[tuple[str, str]], width: int) -> None:
        """Whatever peers have put in, no line is wider than the terminal, and nothing drives it."""
        for line in lines(["a"] * len(cells), [Row(cells, below)], width):
            self.assertLessEqual(cell_len(line), width)
            self.assertNotIn("\x1b", line)

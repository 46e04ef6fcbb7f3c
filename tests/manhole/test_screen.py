"""The place of a line on a screen, checked against a terminal that is played."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.manhole.screen import MOST_WIDTH, Screen, clean

WIDTH = 20
LETTERS = st.text("ab é日\u0301", max_size=70)


class Played:
    """A terminal of :data:`WIDTH` columns, as far as it is used. A wide letter stands in two cells."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], str] = {}
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        """Show *text*."""
        for code, letter in re.findall(r"\x1b\[(\d*[ACJ])|(.)", text, re.DOTALL):
            count = int(code[:-1] or 0) if code else 0
            if code.endswith("A"):
                self.row -= count
            elif code.endswith("C"):
                self.column += count
            elif code.endswith("J"):
                self.cells = {at: cell for at, cell in self.cells.items() if at < (self.row, self.column)}
            elif letter == "\r":
                self.column = 0
            elif letter == "\n":
                self.row += 1
            elif letter != "\u0301":
                self.put(letter, 2 if letter == "日" else 1)

    def put(self, letter: str, cells: int) -> None:
        """Show one letter; at the end of a row, the cursor waits behind it for the next one."""
        if self.column + cells > WIDTH:
            self.row, self.column = self.row + 1, 0
        self.cells[self.row, self.column] = letter
        self.column += cells

    def text(self) -> str:
        """All that is shown."""
        return "".join(self.cells[at] for at in sorted(self.cells))


class ScreenTests(SynchronousTestCase):
    @given(st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=5))
    def test_any_lines(self, lines: list[tuple[str, str]]) -> None:
        """Whatever was shown before, the line alone stands there, and the cursor in its place."""
        played, screen = Played(), Screen()
        screen.resize(WIDTH)
        played.feed("above\r\n")
        for before, after in lines:
            played.feed(screen.line(before, after))
            self.assertEqual(played.text(), "above" + (before + after).replace("\u0301", ""))
        there = Played()
        there.feed("above\r\n" + before)
        expected = (there.row, there.column) if there.column < WIDTH else (there.row + 1, 0)
        self.assertEqual((played.row, played.column), expected)

    def test_prompt(self) -> None:
        """A line that begins with a prompt of several rows is shown from its first row."""
        screen = Screen()
        screen.resize(WIDTH)
        screen.wrote("x" * 45)
        self.assertTrue(screen.line("y").startswith("\x1b[2A\r\x1b[J"))

    def test_widths(self) -> None:
        """A client without a screen, or with an absurd one, is taken for a usual terminal."""
        for columns, width in ((0, 80), (5, 80), (132, 132), (1 << 31, MOST_WIDTH)):
            screen = Screen()
            screen.resize(columns)
            screen.line("x" * width)
            self.assertIn("\x1b[1A", screen.line(""), columns)
            screen.line("x" * (width - 1))
            self.assertNotIn("\x1b[1A", screen.line(""), columns)

    def test_controls(self) -> None:
        """No control character of a pasted line reaches the terminal."""
        self.assertEqual(clean("a\tb\x07\x9b\x7f"), "a    b???")

"""The place of an unfinished line on a screen of some width, so that it can be shown again when a key has changed it.

A terminal breaks a line that is too long for one row, but a carriage return goes to the beginning of the last row alone. So one
has to know how many rows the line has taken.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["Screen", "clean"]

LEAST_WIDTH, MOST_WIDTH = 20, 1000
"""Columns of a screen that are believed; clients without a screen say 0."""

USUAL_WIDTH = 80

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Return *text* as it is shown: no control character of a pasted line reaches the terminal."""
    return _UNSEEN.sub("?", text.replace("\t", "    "))


class Screen:
    """The screen of one terminal."""

    def __init__(self) -> None:
        self._width = USUAL_WIDTH
        self._row = 0  # the row of the cursor, counted from the first row of the line that it is in

    def resize(self, columns: int) -> None:
        """The screen has so many columns from now on."""
        self._width = min(columns, MOST_WIDTH) if columns >= LEAST_WIDTH else USUAL_WIDTH

    def wrote(self, text: str) -> None:
        """Note that *text* stands before the cursor, in the line that the cursor is in."""
        self._row = self._place_after(text)[0]

    def line(self, before: str, after: str = "") -> str:
        """Return what shows *before* and *after* in place of the line that the cursor is in, and puts the cursor between them."""
        row, column = self._place_after(before)
        end_row, end_column = self._place_after(before + after)
        up = f"\x1b[{self._row}A" if self._row else ""
        # A row that is just full leaves the cursor behind its last column: where it goes next is up to the terminal.
        end = "\r\n" if end_row and not end_column else ""
        back = f"\x1b[{end_row - row}A" if end_row > row else ""
        along = f"\x1b[{column}C" if column else ""
        self._row = row
        return f"{up}\r\x1b[J{before}{after}{end}" + (f"{back}\r{along}" if after else "")

    def _place_after(self, text: str) -> tuple[int, int]:
        row = column = 0
        for character in text:
            cells = _cells(character)
            if column + cells > self._width:
                row, column = row + 1, 0
            column += cells
            if column == self._width:
                row, column = row + 1, 0
        return row, column


def _cells(character: str) -> int:
    """Return the columns that *character* takes."""
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

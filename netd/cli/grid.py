"""Tables that stay tables on a narrow terminal: cells are cut before lines are folded, and what finds no place is named.

For results whose columns nobody has chosen. One thing is one line, and what hangs on it stands below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from netd.cli.text import escaped

__all__ = ["Grid", "Row", "fit"]

_GAP = 2
"""Blanks between two columns, and before what hangs on a row."""

_LEAST = 12
"""Columns of the terminal to which a cell is cut to make room for others."""

_MOST_LINES = 3
"""Lines of what hangs on a row, at most."""


@dataclass(frozen=True)
class Row:
    """One thing.

    :ivar cells: a text for each column.
    :ivar below: what hangs on it, each with its name.
    """

    cells: Sequence[str]
    below: Sequence[tuple[str, str]] = field(default=())


def fit(widths: Sequence[int], room: int) -> list[int]:
    """How wide each column becomes where there are *room* columns: the widest are cut first, then the last are left out."""
    fitted = [min(width, room) for width in widths]
    while sum(fitted) + _GAP * (len(fitted) - 1) > room and max(fitted) > _LEAST:
        widest = max(fitted)
        spare = sum(fitted) + _GAP * (len(fitted) - 1) - room
        next_widest = widest - 1 if fitted.count(widest) > 1 else max((one for one in fitted if one < widest), default=0)
        fitted[fitted.index(widest)] = max(_LEAST, widest - spare, next_widest)
    while len(fitted) > 1 and sum(fitted) + _GAP * (len(fitted) - 1) > room:
        fitted.pop()
    return fitted


class Grid:
    """*rows* below the names of their *columns*, for rich to show."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._columns = columns
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        titles = [_text(name.upper().replace("_", " "), "bold") for name in self._columns]
        lines = [[_text(cell) for cell in row.cells] for row in self._rows]
        widths = fit([max(cell_len(one[at].plain) for one in (titles, *lines)) for at in range(len(titles))], room)
        yield _line(titles, widths)
        for row, cells in zip(self._rows, lines, strict=True):
            yield _line(cells, widths)
            yield from _below(row.below, console, room)
        left_out = [name.replace("_", " ") for name in self._columns[len(widths) :]]
        if left_out:
            yield Text(f"\nnot shown: {escaped(', '.join(left_out))}; a wider terminal shows more, --json all", style="dim")


def _text(text: str, style: str = "") -> Text:
    return Text(escaped(text), style=style, no_wrap=True, overflow="ellipsis")


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for at, (cell, width) in enumerate(zip(cells, widths, strict=False)):
        is_last = at == len(widths) - 1
        cell.truncate(width, overflow="ellipsis", pad=not is_last)
        line.append_text(cell).append("" if is_last else " " * _GAP)
    return line


def _below(things: Sequence[tuple[str, str]], console: Console, room: int) -> RenderResult:
    names = [_text(name, "cyan") for name, _ in things]
    width = min(max((cell_len(name.plain) for name in names), default=0), max(1, room // 3))
    indent = _GAP + width + _GAP
    for name, (_, said) in zip(names, things, strict=True):
        name.truncate(width, overflow="ellipsis", pad=True)
        start = Text(" " * _GAP).append_text(name).append(" " * _GAP)
        lines = list(Text(escaped(said)).wrap(console, max(1, room - indent)))
        if len(lines) > _MOST_LINES:
            lines[_MOST_LINES - 1].append("…").truncate(max(1, room - indent), overflow="ellipsis")
        for line in lines[:_MOST_LINES]:
            line.rstrip()
            yield Text(no_wrap=True, overflow="ellipsis").append_text(start).append_text(line)
            start = Text(" " * indent)

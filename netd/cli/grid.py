"""Tables that stay tables on a narrow terminal: cells are cut before lines are folded, and what finds no place is named.

For results whose columns nobody has chosen. One thing is one line, and what hangs on it stands below.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

_LEAST_KEPT = 32
"""The same, of a cell that says which thing it is: the address of an IPv4 peer, or a name of some length, stays whole."""

_IDENTITIES = frozenset({"id", "name", "client", "device", "address", "host"})
"""Columns that say which thing it is: what is left of them serves for nothing else that one could type."""

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


def fit(widths: Sequence[int], room: int, kept: Collection[int] = ()) -> dict[int, int]:
    """How wide each column that is shown becomes where there are *room* columns of the terminal.

    The widest are cut first, then the last are left out; those in *kept*, by their places, last of all.
    """
    fitted = {at: min(width, room) for at, width in enumerate(widths)}
    _cut(fitted, room, {at: _LEAST_KEPT if at in kept else _LEAST for at in fitted})
    _leave_out(fitted, room, [at for at in fitted if at not in kept])
    _cut(fitted, room, dict.fromkeys(fitted, _LEAST))
    _leave_out(fitted, room, list(fitted))
    return fitted


def _excess(fitted: Mapping[int, int], room: int) -> int:
    return sum(fitted.values()) + _GAP * (len(fitted) - 1) - room


def _cut(fitted: dict[int, int], room: int, least: Mapping[int, int]) -> None:
    """Make the widest columns narrower, none below its *least*, until all fit."""
    while (excess := _excess(fitted, room)) > 0:
        able = [at for at, width in fitted.items() if width > least[at]]
        if not able:
            return
        widest = max(able, key=fitted.__getitem__)
        others = [fitted[at] for at in able if at != widest]
        next_widest = min(max(others, default=0), fitted[widest] - 1)
        fitted[widest] = max(least[widest], fitted[widest] - excess, next_widest)


def _leave_out(fitted: dict[int, int], room: int, places: list[int]) -> None:
    """Take away the last of the columns at *places* until all others fit; one stays."""
    while places and len(fitted) > 1 and _excess(fitted, room) > 0:
        del fitted[places.pop()]


class Grid:
    """*rows* below the names of their *columns*, for rich to show."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._columns = columns
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        titles = [_text(name.upper().replace("_", " "), "bold") for name in self._columns]
        lines = [[_text(cell) for cell in row.cells] for row in self._rows]
        wide = [max(cell_len(one[at].plain) for one in (titles, *lines)) for at in range(len(titles))]
        widths = fit(wide, room, {at for at, name in enumerate(self._columns) if name in _IDENTITIES})
        yield _line(titles, widths)
        for row, cells in zip(self._rows, lines, strict=True):
            yield _line(cells, widths)
            yield from _below(row.below, console, room)
        left_out = [name.replace("_", " ") for at, name in enumerate(self._columns) if at not in widths]
        if left_out:
            yield Text(f"\nnot shown: {escaped(', '.join(left_out))}; a wider terminal shows more, --json all", style="dim")


def _text(text: str, style: str = "") -> Text:
    return Text(escaped(text), style=style, no_wrap=True, overflow="ellipsis")


def _line(cells: Sequence[Text], widths: Mapping[int, int]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for at, width in widths.items():
        cell, is_last = cells[at], at == max(widths)
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

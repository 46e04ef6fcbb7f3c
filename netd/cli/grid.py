"""Tables that fit a narrow terminal: cells are shortened, then columns are left out and named below; no line is folded.

They are for results whose columns come from the data. Each row is one line; nested values stand on lines below it.
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
"""Blanks between two columns, and before the lines below a row."""

_LEAST = 12
"""Width to which a cell is shortened to make room for others."""

_LEAST_KEPT = 32
"""The same for a cell that identifies its row: the address of an IPv4 peer or a long name stays whole."""

_IDENTITIES = frozenset({"id", "name", "client", "device", "address", "host"})
"""Columns that identify their row. People type their content into commands, so a shortened one would be useless."""

_MOST_LINES = 3
"""Lines at most for one value below a row."""


@dataclass(frozen=True)
class Row:
    """One row.

    :ivar cells: a text for each column.
    :ivar below: names and texts of the lines below it.
    """

    cells: Sequence[str]
    below: Sequence[tuple[str, str]] = field(default=())


def fit(widths: Sequence[int], room: int, kept: Collection[int] = ()) -> dict[int, int]:
    """The width of each column that is shown on a terminal *room* columns wide.

    The widest columns are shortened first. Then columns are left out from the right; those in *kept* last.
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
    """Shorten the widest columns until all fit; none becomes narrower than its *least* width."""
    while (excess := _excess(fitted, room)) > 0:
        able = [at for at, width in fitted.items() if width > least[at]]
        if not able:
            return
        widest = max(able, key=fitted.__getitem__)
        others = [fitted[at] for at in able if at != widest]
        next_widest = min(max(others, default=0), fitted[widest] - 1)
        fitted[widest] = max(least[widest], fitted[widest] - excess, next_widest)


def _leave_out(fitted: dict[int, int], room: int, places: list[int]) -> None:
    """Leave out columns at *places*, from the right, until the others fit; at least one stays."""
    while places and len(fitted) > 1 and _excess(fitted, room) > 0:
        del fitted[places.pop()]


class Grid:
    """A table of *rows* under the names of *columns*, which rich can print."""

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

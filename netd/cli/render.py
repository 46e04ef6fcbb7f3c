"""Results for a person: tables, trees and lines, through rich.

Everything that is shown goes through :func:`netd.cli.text.escaped`, and never through rich's markup.
Colour is rich's own decision: none off a terminal, none with ``NO_COLOR``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from netd.cli.grid import Grid, Row
from netd.cli.text import escaped
from netd.cli.words import Words, is_empty, records

__all__ = ["Cell", "cell_text", "show", "show_grid", "show_table", "table"]

Cell = str | tuple[str, str]
"""What stands in a table: text, or text and its style."""

_UNFOLDED = 1 << 20
"""Columns where nobody looks: what reads a pipe wants one line for each row, and all of it."""

_DEEPEST = 20

_WHOLE = frozenset({"data", "result", "default"})
"""Members that stay on the line of their thing, whatever is in them."""

_PROSE = frozenset({"reason", "error", "remarks"})
"""Members of a thing that are sentences: they hang below its line, for a column would cut them."""


def _print(renderable: RenderableType) -> None:
    """Write it as wide as the terminal; where there is none, unfolded, and without the blanks that fill up its columns."""
    console = Console(markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        console.print(renderable)
        return
    console.width = _UNFOLDED
    with console.capture() as capture:
        console.print(renderable)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def _text(cell: Cell) -> Text:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(escaped(text), style=style, overflow="fold")


def cell_text(value: object) -> str:
    """A JSON value on one line: text as it is, all else in JSON; nothing for null."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write *rows* below the names of their *columns*."""
    _print(table(columns, rows))


def show_grid(columns: Sequence[str], rows: Sequence[tuple[Sequence[str], Sequence[tuple[str, str]]]]) -> None:
    """Write *rows* below the names of their *columns*: the cells of each, and what hangs below them, each with a name."""
    _print(Grid(columns, [Row(cells, below) for cells, below in rows]))


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """*rows* below the names of their *columns*, to be shown with other things."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(_text(name.upper().replace("_", " ")), overflow="fold")
    for row in rows:
        made.add_row(*(_text(cell) for cell in row))
    return made


def show(value: object, words: Words) -> None:
    """Write any JSON value in the form that suits it: things as a table, facts as a list or a tree, anything else as it is."""
    _print(_renderable(value, words))


def _renderable(value: object, words: Words) -> RenderableType:
    if value is None:
        return Text("done")
    if isinstance(value, dict) and value:
        if all(_is_line(one) for one in value.values()):
            return _pairs(value, words)
        return _grow(Tree("", hide_root=True), value, words, 1)
    if isinstance(value, list):
        return _list(value, words)
    return _text(cell_text(value))


def _is_plain(value: object) -> bool:
    return not isinstance(value, (dict, list)) or not value


def _is_line(value: object) -> bool:
    """Whether *value* is said on one line: it is plain, or a list of what is."""
    return _is_plain(value) or (isinstance(value, list) and all(_is_plain(one) for one in value))


def _pairs(value: dict[str, Any], words: Words) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, one in value.items():
        table.add_row(_text(name.replace("_", " ")), _text(words.value(name, one)))
    return table


def _list(value: list[Any], words: Words) -> RenderableType:
    if not value:
        return Text("none")
    if all(isinstance(one, dict) and one for one in value):
        return _grid(value, words)
    return Text("\n").join(_text(cell_text(one)) for one in value)


def _grid(things: list[dict[str, Any]], words: Words) -> Grid:
    """A table of *things* with the columns that say something; the things that they hold hang below each."""
    names = list(dict.fromkeys(name for one in things for name in one))
    full = [name for name in names if not all(is_empty(one.get(name)) for one in things)]
    told = [name for name in full if name in _PROSE]
    nested = [name for name in full if _is_nested(name, things)]
    columns = [name for name in full if name not in {*told, *nested} and not _is_echo(name, full, things)]
    rows = []
    for thing in things:
        below = [(name, words.value(name, thing[name])) for name in told if not is_empty(thing.get(name))]
        for name in nested:
            title = f"{name} " if len(nested) > 1 else ""
            below += [(f"{title}{label}", words.line(one)) for label, one in records(thing.get(name))]
        rows.append(Row([_cell(name, thing, words) for name in columns], below))
    return Grid(columns, rows)


def _cell(name: str, thing: dict[str, Any], words: Words) -> str:
    if name == "data" and "subject" in thing:
        return words.event(thing["subject"], thing.get("time"), thing.get("data"))
    return words.value(name, thing.get(name))


def _is_nested(name: str, things: list[dict[str, Any]]) -> bool:
    return name not in _WHOLE and all(is_empty(one.get(name)) or records(one.get(name)) for one in things)


def _is_echo(name: str, names: list[str], things: list[dict[str, Any]]) -> bool:
    """Whether a column holds the texts that stand in one before it, all of them, and so says nothing."""
    before = names[: names.index(name)]
    return any(all(isinstance(one.get(name), str) and one.get(name) == one.get(other) for one in things) for other in before)


def _grow(tree: Tree, value: dict[str, Any], words: Words, depth: int) -> Tree:
    for name, one in value.items():
        title = _text((name.replace("_", " "), "bold"))
        if isinstance(one, dict) and one and depth < _DEEPEST:
            _grow(tree.add(title), one, words, depth + 1)
        elif isinstance(one, list) and not _is_line(one):
            tree.add(title).add(_list(one, words))
        else:
            tree.add(Text(": ").join([title, _text(words.value(name, one))]))
    return tree

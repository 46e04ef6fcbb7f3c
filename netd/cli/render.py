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

from netd.cli.text import escaped

__all__ = ["Cell", "cell_text", "show", "show_table", "table"]

Cell = str | tuple[str, str]
"""What stands in a table: text, or text and its style."""

_UNFOLDED = 4096
"""Columns where nobody looks: what reads a pipe wants one line for each row."""

_DEEPEST = 20


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


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """*rows* below the names of their *columns*, to be shown with other things."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(_text(name.upper().replace("_", " ")), overflow="fold")
    for row in rows:
        made.add_row(*(_text(cell) for cell in row))
    return made


def show(value: object) -> None:
    """Write any JSON value in the form that suits it."""
    _print(_renderable(value))


def _renderable(value: object) -> RenderableType:
    if value is None:
        return Text("done")
    if isinstance(value, dict) and value:
        return _pairs(value) if all(_is_plain(one) for one in value.values()) else _grow(Tree("", hide_root=True), value, 1)
    if isinstance(value, list):
        return _list(value)
    return _text(cell_text(value))


def _is_plain(value: object) -> bool:
    return not isinstance(value, (dict, list)) or not value


def _pairs(value: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, one in value.items():
        table.add_row(_text(name), _text(cell_text(one)))
    return table


def _list(value: list[Any]) -> RenderableType:
    if not value:
        return Text("none")
    if all(isinstance(one, dict) for one in value):
        columns = list(dict.fromkeys(name for one in value for name in one))
        return table(columns, [[cell_text(one.get(name)) for name in columns] for one in value])
    return Text("\n").join(_text(cell_text(one)) for one in value)


def _grow(tree: Tree, value: dict[str, Any], depth: int) -> Tree:
    for name, one in value.items():
        if isinstance(one, dict) and one and depth < _DEEPEST:
            _grow(tree.add(_text((name, "bold"))), one, depth + 1)
        elif isinstance(one, list) and one:
            tree.add(_text((name, "bold"))).add(_list(one))
        else:
            tree.add(Text(": ").join([_text((name, "bold")), _text(cell_text(one))]))
    return tree

"""Results for a person: tables, trees and lines, through rich.

Everything that is shown goes through :func:`netd.cli.text.escaped`, and never through rich's markup.
Colour is rich's own decision: none off a terminal, none with ``NO_COLOR``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from netd.cli.grid import Grid, Row
from netd.cli.text import escaped
from netd.codec.schemas import ANYTHING, branch_of, items_of, member_of
from netd.codec.words import Words, is_empty, is_page, page_line, records

__all__ = ["Cell", "cell_text", "show", "show_grid", "show_table", "table"]

Cell = str | tuple[str, str]
"""The content of a table's cell: a text, or a text and its style."""

_UNFOLDED = 1 << 20
"""Width of output that is no terminal: a program that reads a pipe wants each row whole, on one line."""

_DEEPEST = 20


def _print(renderable: RenderableType) -> None:
    """Print it as wide as the terminal. Off a terminal, print it unfolded and without trailing blanks."""
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
    """A JSON value on one line: text as it is, anything else as JSON, null as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table of *rows* under the names of *columns*."""
    _print(table(columns, rows))


def show_grid(columns: Sequence[str], rows: Sequence[tuple[Sequence[str], Sequence[tuple[str, str]]]]) -> None:
    """Write a table of *rows* under the names of *columns*. A row is its cells, and named texts for the lines below it."""
    _print(Grid(columns, [Row(cells, below) for cells, below in rows]))


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """A table of *rows* under the names of *columns*, as a part of a larger output."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(_text(name.upper().replace("_", " ")), overflow="fold")
    for row in rows:
        made.add_row(*(_text(cell) for cell in row))
    return made


def show(value: object, words: Words, schema: Mapping[str, Any] = ANYTHING) -> None:
    """Write a JSON value: a list of objects as a table, an object as a list or a tree, anything else as it is.

    :param schema: describes the value.
    """
    _print(_renderable(value, words, branch_of(schema, value)))


def _renderable(value: object, words: Words, schema: Mapping[str, Any]) -> RenderableType:
    if value is None:
        return Text("done")
    if isinstance(value, dict) and is_page(value):
        rows = _renderable(value["rows"], words, member_of(schema, "rows"))
        return Group(rows, _text((page_line(value), "dim"))) if value["counts"] else rows
    if isinstance(value, dict) and value:
        if all(_is_line(one) for one in value.values()):
            return _pairs(value, words, schema)
        return _grow(Tree("", hide_root=True), value, words, schema, 1)
    if isinstance(value, list):
        return _list(value, words, items_of(schema))
    return _text(cell_text(value))


def _is_plain(value: object) -> bool:
    return not isinstance(value, (dict, list)) or not value


def _is_line(value: object) -> bool:
    """Return True if *value* fits on one line: it is a plain value, or a list of plain values."""
    return _is_plain(value) or (isinstance(value, list) and all(_is_plain(one) for one in value))


def _pairs(value: dict[str, Any], words: Words, schema: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, one in value.items():
        table.add_row(_text(name.replace("_", " ")), _text(words.value(one, member_of(schema, name))))
    return table


def _list(value: list[Any], words: Words, schema: Mapping[str, Any]) -> RenderableType:
    if not value:
        return Text("none")
    if all(isinstance(one, dict) and one for one in value):
        return _grid(value, words, schema)
    return Text("\n").join(_text(cell_text(one)) for one in value)


def _grid(things: list[dict[str, Any]], words: Words, schema: Mapping[str, Any]) -> Grid:
    """A table of *things*, without empty columns. Objects inside of them, and sentences, stand on lines below the row."""
    schemas = [branch_of(schema, thing) for thing in things]
    names = list(dict.fromkeys(name for one in things for name in one))
    full = [name for name in names if not all(is_empty(one.get(name)) for one in things)]
    told = [name for name in full if any(_is_prose(member_of(one, name)) for one in schemas)]
    nested = [name for name in full if _is_nested(name, things, schemas)]
    columns = [name for name in full if name not in {*told, *nested} and not _is_echo(name, full, things)]
    rows = []
    for thing, own in zip(things, schemas, strict=True):
        sentences = {name: words.value(thing[name], member_of(own, name)) for name in told if not is_empty(thing.get(name))}
        below = [(name, " ".join(said.split())) for name, said in sentences.items()]
        for name in nested:
            title, inner = f"{name} " if len(nested) > 1 else "", _inner(member_of(own, name))
            below += [(f"{title}{label}", words.line(one, inner)) for label, one in records(thing.get(name))]
        rows.append(Row([_cell(name, thing, words, own) for name in columns], below))
    return Grid(columns, rows)


def _cell(name: str, thing: dict[str, Any], words: Words, schema: Mapping[str, Any]) -> str:
    if name == "data" and "subject" in thing:
        return words.event(thing["subject"], thing.get("time"), thing.get("data"))
    return words.value(thing.get(name), member_of(schema, name))


def _is_prose(schema: Mapping[str, Any]) -> bool:
    """Return True if a member holds sentences. They stand below the row, because a column would cut them."""
    return any(branch_of(one, "").get("format") == "prose" for one in (schema, items_of(schema)))


def _is_nested(name: str, things: list[dict[str, Any]], schemas: list[Mapping[str, Any]]) -> bool:
    """Return True if a member holds objects for the lines below. A member without a description stays on the row."""
    members = [member_of(schema, name) for schema in schemas]
    is_told = not any(schemas) or any(member and member.get("format") != "schema" for member in members)
    return is_told and all(is_empty(one.get(name)) or records(one.get(name)) for one in things)


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the objects in a member that is a list or a mapping of them."""
    return items_of(schema) or member_of(schema, "")


def _is_echo(name: str, names: list[str], things: list[dict[str, Any]]) -> bool:
    """Return True if a column repeats the texts of an earlier one."""
    before = names[: names.index(name)]
    return any(all(isinstance(one.get(name), str) and one.get(name) == one.get(other) for one in things) for other in before)


def _grow(tree: Tree, value: dict[str, Any], words: Words, schema: Mapping[str, Any], depth: int) -> Tree:
    for name, one in value.items():
        title, member = _text((name.replace("_", " "), "bold")), branch_of(member_of(schema, name), one)
        if isinstance(one, dict) and one and depth < _DEEPEST:
            _grow(tree.add(title), one, words, member, depth + 1)
        elif isinstance(one, list) and not _is_line(one):
            tree.add(title).add(_list(one, words, items_of(member)))
        else:
            tree.add(Text(": ").join([title, _text(words.value(one, member))]))
    return tree

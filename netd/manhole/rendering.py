"""Renders values for people at a terminal: as tables, as ``key: value``, or in plain words.

Pure. Nothing that a peer ever said can reach the terminal as a control character: each text is escaped where it is laid out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.codec.jsontext import encode
from netd.codec.schemas import ANYTHING, branch_of, items_of, member_of
from netd.codec.words import Words, is_page, page_line
from netd.plaintext import is_shown

__all__ = ["MAX_CHARACTERS", "escape", "render"]

MAX_CHARACTERS = 1 << 17
"""Characters of one result that are shown at most. A last line then tells how many lines are missing."""

_CELL = 60
_INDENT = "  "

_MEASURED = frozenset({"bytes", "epoch", "measured", "rate", "seconds"})
"""The formats of numbers that are put into words."""


def escape(text: str) -> str:
    """*text* with everything escaped that does not print: control characters, line ends, changes of writing direction."""
    return "".join(character if is_shown(character) else _escaped(character) for character in text)


def render(value: object, words: Words, schema: Mapping[str, Any] = ANYTHING) -> str:
    """*value*, made of plain JSON values and bytes, as lines without a last line end.

    A list of objects becomes a table, an object ``key: value`` lines, nothing the word ``done``.

    :param words: puts moments, spans and the like.
    :param schema: what *value* is.
    """
    lines = []
    left = MAX_CHARACTERS
    laid_out = _lines(_said(value, schema, words))
    for number, line in enumerate(laid_out):
        left -= len(line) + 1
        if left < 0:
            lines.append(f"… and {len(laid_out) - number} more lines: too much to show here")
            break
        lines.append(line)
    return "\n".join(lines)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _lines(value: object) -> list[str]:
    if value is None:
        return ["done"]
    if isinstance(value, str):
        return [escape(line) for line in value.splitlines()] or [""]
    if isinstance(value, dict) and is_page(value):
        return [*_lines(value["rows"]), *([escape(page_line(value))] if value["counts"] else [])]
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _member(escape(str(key)), item)] or ["nothing"]
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and item for item in value):
            return _table(list(value))
        return [_inline(item) for item in value] or ["nothing"]
    return [_inline(value)]


def _said(value: Any, schema: Mapping[str, Any], words: Words, unit: object = None) -> Any:
    """*value* with the numbers in it, wherever they are, as people say them."""
    schema = branch_of(schema, value)
    if isinstance(value, dict):
        own = value.get("unit")
        return {name: _said(one, member_of(schema, name), words, own) for name, one in value.items()}
    if isinstance(value, list):
        return [_said(one, items_of(schema), words, unit) for one in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return words.value(value, schema, unit=unit) if is_number and schema.get("format") in _MEASURED else value


def _member(key: str, item: object) -> list[str]:
    if isinstance(item, (dict, list, tuple)) and item:
        return [f"{key}:", *(_INDENT + line for line in _lines(item))]
    return [f"{key}: {_inline(item)}"]


def _inline(item: object) -> str:
    """*item* on one line; containers as JSON."""
    if isinstance(item, str):
        return escape(item)
    if isinstance(item, bytes):
        return escape(item.decode("utf-8", "backslashreplace"))
    if isinstance(item, (dict, list, tuple)) and not item:
        return "none"
    return escape(encode(item).decode("utf-8"))


def _table(rows: list[dict[Any, object]]) -> list[str]:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    heads = [_cell(str(key)) for key in keys]
    cells = [[_cell(row[key]) if key in row else "" for key in keys] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    rule = ["-" * width for width in widths]
    return [
        _INDENT.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (heads, rule, *cells)
    ]


def _cell(item: object) -> str:
    text = _brief(item)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _brief(item: object) -> str:
    """*item* in one cell: an object as ``key: value, …``, a list as ``one, two``, objects in a list apart by semicolons."""
    if isinstance(item, dict) and item:
        return ", ".join(f"{escape(str(key))}: {_bracketed(value)}" for key, value in item.items())
    if isinstance(item, (list, tuple)) and item:
        return ("; " if isinstance(item[0], dict) else ", ").join(_brief(one) for one in item)
    return _inline(item)


def _bracketed(item: object) -> str:
    """*item* inside an object that is in one cell."""
    if isinstance(item, dict) and item:
        return f"{{{_brief(item)}}}"
    return f"[{_brief(item)}]" if isinstance(item, (list, tuple)) and item else _inline(item)

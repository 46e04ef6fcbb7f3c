"""How values are shown to a person at a terminal: tables, ``key: value``, plain words.

Pure. Nothing that a peer ever said can reach the terminal as a control character: each text is escaped where it is laid out.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from netd.codec.jsontext import encode
from netd.plaintext import is_shown

__all__ = ["MAX_CHARACTERS", "escape", "render"]

MAX_CHARACTERS = 1 << 17
"""Characters of one result that are shown at most. A last line then tells how many lines are missing."""

_CELL = 60
_INDENT = "  "
_MOMENTS = ("since", "last_seen", "time")
"""Keys of seconds since 1970, which are beyond 2001; an agent's own time may be any number."""
_YEAR_2001 = 978_307_200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def escape(text: str) -> str:
    """*text* with everything escaped that does not print: control characters, line ends, changes of writing direction."""
    return "".join(character if is_shown(character) else _escaped(character) for character in text)


def render(value: object) -> str:
    """*value*, made of plain JSON values, as lines without a last line end.

    A list of objects becomes a table, an object ``key: value`` lines, nothing the word ``done``.  Moments and uptimes, which are
    known by their keys, are written as people say them.
    """
    lines = []
    left = MAX_CHARACTERS
    laid_out = _lines(value)
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
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _member(escape(str(key)), _said(key, item))] or ["nothing"]
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(item, dict) and item for item in value):
            return _table(list(value))
        return [_inline(item) for item in value] or ["nothing"]
    return [_inline(value)]


def _said(key: object, item: object) -> object:
    """*item* as people say what stands under *key*."""
    if isinstance(item, bool) or not isinstance(item, (int, float)) or not math.isfinite(item):
        return item
    if key in _MOMENTS and item >= _YEAR_2001:
        return _moment(item)
    return _duration(item) if key == "uptime" else item


def _moment(seconds: float) -> object:
    """Seconds since 1970 as local time, to the second; as they are where no calendar reaches."""
    try:
        return (_EPOCH + timedelta(seconds=int(seconds))).astimezone().isoformat(" ")
    except (OverflowError, ValueError, OSError):
        return seconds


def _duration(seconds: float) -> str:
    """*seconds* in the largest unit that fits, and the next: ``9 s``, ``2 min 5 s``, ``4 h``."""
    left = max(0, int(seconds))
    counts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        counts.append((count, unit))
    first = next((place for place, (count, _) in enumerate(counts) if count), len(counts) - 1)
    said = [f"{count} {unit}" for count, unit in counts[first : first + 2] if count]
    return " ".join(said) or "0 s"


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
    cells = [[_cell(_said(key, row[key])) if key in row else "" for key in keys] for row in rows]
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
        return ", ".join(f"{escape(str(key))}: {_bracketed(_said(key, value))}" for key, value in item.items())
    if isinstance(item, (list, tuple)) and item:
        return ("; " if isinstance(item[0], dict) else ", ").join(_brief(one) for one in item)
    return _inline(item)


def _bracketed(item: object) -> str:
    """*item* inside an object that is in one cell."""
    if isinstance(item, dict) and item:
        return f"{{{_brief(item)}}}"
    return f"[{_brief(item)}]" if isinstance(item, (list, tuple)) and item else _inline(item)

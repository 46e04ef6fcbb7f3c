"""What counts as text: the characters that a name may hold, those that a terminal may be shown, and the padding around a field.

Names are chosen by people and by programs in any language, so only control characters are refused: the joiners inside an emoji or
a Persian word, no-break spaces and ideographic ones are text.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

__all__ = ["BOM", "duration", "is_shown", "is_text", "moment", "short_address", "unpadded"]

_NOT_TEXT = frozenset({"Cc", "Cs"})
"""Unicode's categories of controls and of lone surrogates, which stand for bytes that are not UTF-8."""

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of what a terminal obeys instead of showing: controls, directions, lone surrogates, separators."""

_JOINERS = "\u200c\u200d"
"""Format characters that change how their neighbours are drawn, and nothing else."""

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""

_OLD_SPELLING = re.compile(r"\('([^':]+)', ([0-9]+)\)")

_PADDING = b"\0 \t\n\r\x0b\x0c"


def is_text(text: str) -> bool:
    """Return True if *text* holds neither control characters nor lone surrogates."""
    return text.isprintable() or not any(unicodedata.category(character) in _NOT_TEXT for character in text)


def is_shown(character: str) -> bool:
    """Return True if a terminal draws *character*, and does nothing else with it."""
    return character in _JOINERS or unicodedata.category(character) not in _NOT_SHOWN


def moment(seconds: float) -> str:
    """A moment, in seconds since the epoch, as messages write it: ``2026-11-28 10:01:12 UTC``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def short_address(address: str) -> str:
    """``('127.0.0.1', 50412)`` in the spelling that needs no quotes in a shell; any other as it is."""
    match = _OLD_SPELLING.fullmatch(address)
    return f"{match[1]}:{match[2]}" if match else address


def duration(seconds: float) -> str:
    """*seconds* in the largest unit that fits, and the next: ``3 s``, ``2 min 5 s``, ``4 h``. Below zero it is ``0 s``."""
    left = max(0, int(seconds))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for unit, size in units:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def unpadded(field: bytes) -> bytes:
    """*field* without the white space, NULs and byte order marks around it.

    Programs in C send a whole buffer of which the text fills the beginning; streams of .NET and editors on Windows begin with the
    mark.
    """
    field = field.strip(_PADDING)
    while field.startswith(BOM) or field.endswith(BOM):
        field = field.removeprefix(BOM).removesuffix(BOM).strip(_PADDING)
    return field

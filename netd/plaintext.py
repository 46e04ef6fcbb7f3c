"""Rules for text: the characters that names may hold, the characters that terminals may be sent, and the padding of fields.

People and programs choose names in any language, so only control characters are refused in them. The joiners in an emoji or a
Persian word, no-break spaces and ideographic spaces are allowed.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

__all__ = ["BOM", "duration", "is_shown", "is_text", "moment", "short_address", "unpadded"]

_NOT_TEXT = frozenset({"Cc", "Cs"})
"""The Unicode categories of control characters and of lone surrogates, which stand for bytes that are not UTF-8."""

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""The Unicode categories of characters that a terminal acts on, or that have no glyph: controls, directions, separators, …"""

_JOINERS = "\u200c\u200d"
"""Format characters that only change how their neighbours are drawn."""

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""

_OLD_SPELLING = re.compile(r"\('([^':]+)', ([0-9]+)\)")

_PADDING = b"\0 \t\n\r\x0b\x0c"


def is_text(text: str) -> bool:
    """Return True if *text* holds neither control characters nor lone surrogates."""
    return text.isprintable() or not any(unicodedata.category(character) in _NOT_TEXT for character in text)


def is_shown(character: str) -> bool:
    """Return True if a terminal only draws *character*."""
    return character in _JOINERS or unicodedata.category(character) not in _NOT_SHOWN


def moment(seconds: float) -> str:
    """Write a time, in seconds since the epoch, as messages do: ``2026-11-28 10:01:12 UTC``."""
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
    """Return *field* without the white space, NULs and byte order marks around it.

    Programs in C send a whole buffer, of which the text fills the beginning. Streams of .NET, and files of editors on Windows,
    begin with a byte order mark.
    """
    field = field.strip(_PADDING)
    while field.startswith(BOM) or field.endswith(BOM):
        field = field.removeprefix(BOM).removesuffix(BOM).strip(_PADDING)
    return field

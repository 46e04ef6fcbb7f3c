"""Rules for text: the characters that names may hold, the characters that terminals may be sent, and the padding of fields.

People and programs choose names in any language, so only control characters are refused in them. The joiners in an emoji or a
Persian word, no-break spaces and ideographic spaces are allowed.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

__all__ = ["BOM", "is_shown", "is_text", "moment", "unpadded"]

_NOT_TEXT = frozenset({"Cc", "Cs"})
"""The Unicode categories of control characters and of lone surrogates, which stand for bytes that are not UTF-8."""

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""The Unicode categories of characters that a terminal acts on, or that have no glyph: controls, directions, separators, …"""

_JOINERS = "\u200c\u200d"
"""Format characters that only change how their neighbours are drawn."""

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""

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


def unpadded(field: bytes) -> bytes:
    """Return *field* without the white space, NULs and byte order marks around it.

    Programs in C send a whole buffer, of which the text fills the beginning. Streams of .NET, and files of editors on Windows,
    begin with a byte order mark.
    """
    field = field.strip(_PADDING)
    while field.startswith(BOM) or field.endswith(BOM):
        field = field.removeprefix(BOM).removesuffix(BOM).strip(_PADDING)
    return field

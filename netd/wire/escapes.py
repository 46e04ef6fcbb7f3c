"""Bytes as the configuration writes them: text with escapes. The same escapes hold wherever a wire names bytes."""

from __future__ import annotations

import re

__all__ = ["unescape"]

_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "\\": b"\\", "{": b"{", "}": b"}"}
_PARTS = re.compile(r"[^\\]++|\\x[0-9A-Fa-f]{2}|\\.|\\", re.DOTALL)


def unescape(text: str, encoding: str = "utf-8") -> bytes:
    r"""Return the bytes that *text* means: characters in *encoding*, and ``\n \r \t \0 \xHH \\ \{ \}``.

    :raises ValueError: when another character follows a backslash, or *encoding* lacks a character.
    """
    return b"".join(_bytes_of(part, encoding) for part in _PARTS.findall(text))


def _bytes_of(part: str, encoding: str) -> bytes:
    if not part.startswith("\\"):
        try:
            return part.encode(encoding)
        except UnicodeEncodeError as error:
            raise ValueError(f"{encoding} has no {part[error.start]!r}; write its bytes as \\xHH") from None
    if len(part) == 4:
        return bytes.fromhex(part[2:])
    known = _ESCAPES.get(part[1:])
    if known is None:
        raise ValueError(
            f"{part or chr(92)} is no escape; there are \\n \\r \\t \\0 \\xHH (two hexadecimal digits) \\\\ \\{{ \\}}"
        )
    return known

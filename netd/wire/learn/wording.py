"""Bytes as text: what is text at all, and how a literal is written in a rule."""

from __future__ import annotations

import re

__all__ = ["decoded", "encoding_of", "escaped", "guarded", "is_plain", "is_text", "literal", "without_arrows"]

_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": r"\0", "\\": "\\\\", "{": r"\{", "}": r"\}"}
_ARROW = re.compile(r"(?<!\S)=>(?!\S)")
"""What stands between a pattern and its reply."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_UNDEFINED = frozenset({0x81, 0x8D, 0x8F, 0x90, 0x9D})
"""Bytes that are no characters of cp1252."""
_MOST_FOREIGN = 0.15
"""Share of bytes of a text without UTF-8 that may be no ASCII: degree signs and umlauts, not numbers in binary."""


def decoded(data: bytes, encoding: str = "utf-8") -> str:
    """Return *data* as text. Bytes that are none become U+FFFD, as in the wire itself."""
    return data.decode(encoding, "replace")


def is_plain(data: bytes) -> bool:
    """Whether *data* is UTF-8 without control characters, except for tabs, escapes and ends of lines."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return _CONTROLS.search(data) is None


def is_text(data: bytes) -> bool:
    """Whether *data* is text of UTF-8 or of one byte a character."""
    if _CONTROLS.search(data) is not None:
        return False
    return is_plain(data) or sum(byte > 0x7E for byte in data) <= _MOST_FOREIGN * len(data)


def encoding_of(messages: list[bytes]) -> str:
    """Return the encoding of *messages*: UTF-8 unless they are text and one of them is no UTF-8."""
    if all(map(is_plain, messages)) or not all(map(is_text, messages)):
        return "utf-8"
    high = {byte for message in messages for byte in message if 0x80 <= byte < 0xA0}
    return "cp1252" if high and not high & _UNDEFINED else "latin-1"


def escaped(data: bytes) -> str:
    """Return *data* as it is written in a frame, a pattern or a reply."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in "\\{}" else f"\\x{byte:02x}" for byte in data)
    return literal(text)


def literal(text: str) -> str:
    """Return *text* as a literal of a rule."""
    out = "".join(_ESCAPES.get(char, char if char.isprintable() else _bytewise(char)) for char in text)
    return without_arrows(out)


def without_arrows(written: str) -> str:
    """Return a pattern that is *written* already, with each arrow escaped that its parts made together."""
    return _ARROW.sub(r"=\\x3e", written)


def guarded(written: str) -> str:
    """Return *written* as it stands in a line of an option: its ends are escaped where they would be cut off."""
    inner = written.strip(" ")
    if inner[:1] in {";", "#"}:
        inner = f"\\x{ord(inner[0]):02x}{inner[1:]}"  # a line that begins so is a comment
    lead = len(written) - len(written.lstrip(" "))
    return r"\x20" * lead + inner + r"\x20" * (len(written) - len(written.rstrip(" "))) if inner else r"\x20" * len(written)


def _bytewise(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))

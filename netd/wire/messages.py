"""A message while rules are tried on it: its bytes, its text and what it is as JSON, each made once for all of them."""

from __future__ import annotations

from typing import Any

__all__ = ["NO_JSON", "WireMessage", "as_shown", "check_encoding"]

NO_JSON = object()
"""Stands for the value of a message that is no JSON."""

_UNREAD = object()


class WireMessage:
    """A message.

    :ivar raw: its bytes.
    :ivar text: its characters. Bytes that are none in its encoding are lone surrogates, so that a pattern can name them.
    :ivar is_garbled: whether there are such bytes.
    """

    __slots__ = ("_json", "is_garbled", "raw", "text")

    def __init__(self, raw: bytes, text: str, is_garbled: bool) -> None:
        self.raw = raw
        self.text = text
        self.is_garbled = is_garbled
        self._json: Any = _UNREAD

    @classmethod
    def of(cls, raw: bytes, encoding: str) -> WireMessage:
        """Return the message that *raw* is."""
        try:
            return cls(raw, raw.decode(encoding), False)
        except UnicodeDecodeError:
            return cls(raw, raw.decode(encoding, "surrogateescape"), True)

    def part(self, text: str) -> WireMessage:
        """Return the message that *text*, a piece of this one, is by itself."""
        return WireMessage(self.raw, text, self.is_garbled)

    def clean(self, text: str) -> str:
        """Return a part of *text* as others may see it."""
        return as_shown(text) if self.is_garbled else text

    @property
    def json(self) -> Any:
        """What the message is as JSON; :data:`NO_JSON` if it is none."""
        if self._json is _UNREAD:
            self._json = _decoded(self.clean(self.text).encode())
        return self._json


def as_shown(text: str) -> str:
    """Return *text* with U+FFFD in place of bytes that are no characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def check_encoding(name: str) -> str:
    """Return *name* if it is an encoding of texts whose ASCII characters are one byte each, as they are in frames.

    :raises ValueError: if it is not.
    """
    plain = bytes(range(128))
    try:
        is_usable = plain.decode(name) == plain.decode("ascii") and plain.decode("ascii").encode(name) == plain
    except (LookupError, ValueError, TypeError):
        is_usable = False
    if not is_usable:
        raise ValueError(f"{name!r} is no encoding of text in which ASCII stays as it is; write utf-8, latin-1, cp1252, …")
    return name


def _decoded(text: bytes) -> Any:
    from netd.codec.jsontext import BadJSON, decode, decode_object_with_nan  # noqa: PLC0415 - `netd check` starts without it

    try:
        return decode(text)
    except BadJSON:
        pass
    if b"NaN" in text or b"Infinity" in text:  # as Python's json writes them
        try:
            return decode_object_with_nan(text)
        except BadJSON:
            pass
    return NO_JSON

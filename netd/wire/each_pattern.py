"""Patterns of messages that consist of any number of pieces: ``each , {channel}={value}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.wire.escapes import unescape
from netd.wire.fields import Field, Match
from netd.wire.messages import WireMessage
from netd.wire.text_pattern import ENDS, TextPattern

__all__ = ["SPACE", "EachPattern", "parse_separator"]

SPACE = "space"
"""The word for a separator of any blanks."""


def parse_separator(written: str, encoding: str) -> str | None:
    """Return the separator that *written* is; None for any blanks.

    :raises ValueError: for an escape that there is not.
    """
    return None if written == SPACE else unescape(written, encoding).decode(encoding, "surrogateescape")


class EachPattern:
    """A pattern of the pieces of a message. Pieces that it does not match are passed over; one must match.

    :ivar separator: what is between two pieces; None for any blanks.
    :ivar inner: the pattern of a piece, which may be of this kind itself.
    :ivar fields: those of a piece.
    """

    takes_everything = False
    first = None

    def __init__(self, separator: str | None, inner: TextPattern | EachPattern) -> None:
        self.separator = separator
        self.inner = inner
        self.fields: tuple[Field, ...] = inner.fields
        self._has_pairs = {"channel", "value"} <= {field.name for field in inner.fields}

    def match(self, message: WireMessage) -> Match | None:
        """Return what the pieces of *message* have, together; None if no piece matches."""
        found = []
        for text in message.text.split(self.separator):
            if text.strip(ENDS):
                one = self.inner.match(message.part(text))
                if one is not None:
                    found.append(one)
        return self._joined(found) if found else None

    def _joined(self, found: list[Match]) -> Match:
        readings = [reading for one in found for reading in one.readings]
        times = [one.time for one in found if one.time is not None]
        return Match(self._values(found), readings, times[-1] if times else None)

    def _values(self, found: list[Match]) -> dict[str, Any]:
        """Join the values of pieces. A channel and its value are a member; what several pieces have is a list."""
        joined: dict[str, Any] = {}
        counts: dict[str, int] = {}
        for one in found:
            values = one.values
            if self._has_pairs:
                values = _member_of(values)
            for name, value in values.items():
                count = counts[name] = counts.get(name, 0) + 1
                if count == 1:
                    joined[name] = value
                elif count == 2:
                    joined[name] = [joined[name], value]
                else:
                    joined[name].append(value)
        return joined


def _member_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values* with the value under its channel; without the channel if it has no value."""
    members = {name: value for name, value in values.items() if name not in ("channel", "value")}
    if "channel" in values and "value" in values:
        members[str(values["channel"])] = values["value"]
    return members

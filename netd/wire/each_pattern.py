"""Patterns of messages that consist of any number of pieces: ``each , {channel}={value}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.wire.escapes import unescape
from netd.wire.fields import Field, Match
from netd.wire.messages import WireMessage
from netd.wire.text_pattern import ENDS, TextPattern

__all__ = ["PIECES", "SPACE", "EachPattern", "parse_separator"]

SPACE = "space"
"""The word for a separator of any blanks."""

PIECES = "*"
"""The name under which a head has found the pieces."""


def parse_separator(written: str, encoding: str) -> str | None:
    """Return the separator that *written* is; None for any blanks.

    :raises ValueError: for an escape that there is not.
    """
    return None if written == SPACE else unescape(written, encoding).decode(encoding, "surrogateescape")


class EachPattern:
    """A pattern of the pieces of a message. Pieces that it does not match are passed over; one must match.

    :ivar separator: what is between two pieces; None for any blanks.
    :ivar inner: the pattern of a piece, which may be of this kind itself.
    :ivar head: the pattern of the whole message, where only a part of it, its ``{*}``, consists of pieces.
    :ivar fields: those of the head and of a piece.
    """

    takes_everything = False

    def __init__(self, separator: str | None, inner: TextPattern | EachPattern, head: TextPattern | None = None) -> None:
        self.separator = separator
        self.inner = inner
        self.head = head
        around = () if head is None else tuple(field for field in head.fields if field.name != PIECES)
        self.fields: tuple[Field, ...] = (*around, *inner.fields)
        self.first = None if head is None else head.first
        self._has_pairs = {"channel", "value"} <= {field.name for field in inner.fields}

    def match(self, message: WireMessage) -> Match | None:
        """Return what the pieces of *message* have, together; None if no piece matches."""
        if self.head is None:
            return self._joined(self._found(message))
        around = self.head.match(message)
        if around is None:
            return None
        values = dict(around.values)
        pieces = self._joined(self._found(message.part(values.pop(PIECES))))
        return None if pieces is None else _around(around._replace(values=values), pieces)

    def _found(self, message: WireMessage) -> list[Match]:
        found = []
        for text in message.text.split(self.separator):
            if text.strip(ENDS):
                one = self.inner.match(message.part(text))
                if one is not None:
                    found.append(one)
        return found

    def _joined(self, found: list[Match]) -> Match | None:
        if not found:
            return None
        readings = [reading for one in found for reading in one.readings]
        times = [one.time for one in found if one.time is not None]
        names = [one.name for one in found if one.name is not None]
        return Match(self._values(found), readings, times[-1] if times else None, names[-1] if names else None)

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


def _around(around: Match, pieces: Match) -> Match:
    """Return what both have. The name and the time around the pieces are theirs, too, where they have none."""
    readings = [
        reading._replace(
            name=around.name if reading.name is None else reading.name,
            time=around.time if reading.time is None else reading.time,
        )
        for reading in pieces.readings
    ]
    time = around.time if pieces.time is None else pieces.time
    name = around.name if pieces.name is None else pieces.name
    return Match({**pieces.values, **around.values}, [*around.readings, *readings], time, name)

"""Samples of numbers in their usual spelling: one expression reads a message, whose values stay text until they are wanted.

Most samples are only counted, and the newest of them shown. An object for each costs several times as much as the line itself, so
that messages stay what came until somebody wants each value. The expression knows the usual spellings alone. A message with any
other, such as ``nan``, is for the rule itself, which reads these the same.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

from netd.wire.fields import Field, FieldType, WireReading
from netd.wire.rules import Rule, Verb
from netd.wire.text_pattern import TextPart, TextPattern
from netd.wire.values import read_time, scaled

__all__ = ["BlockColumn", "PlainReader", "SampleBlock", "SampleRows", "plain_reader"]

_BLANK = rb" {1,8}+"
_PAD = rb" {0,8}+"
_WHOLE = rb"[+-]?+[0-9]{1,15}+"
_NUMBER = rb"[+-]?+[0-9]{1,15}+(?:\.[0-9]{0,15}+)?+"
_TIME = rb"[0-9]{9,15}+(?:\.[0-9]{0,9}+)?+"
_SKIPPED = 100
"""Characters of a skipped field, at most."""

_NUMERIC = b"+-.0123456789"
_NUMBERS_GO_ON = tuple(bytes((byte,)) for byte in b"+-.0123456789eE")
_PRINTED = bytes(range(32, 127))
_GREATEST_TIME = 1e11
"""A time below is in seconds, see :func:`netd.wire.values.read_time`."""

Row = Sequence[bytes]
"""The numbers of one message, as it writes them."""


class BlockColumn(NamedTuple):
    """The values of one channel in a block, oldest first."""

    channel: str
    unit: str
    values: Sequence[float]


class SampleBlock(ABC):
    """Messages that came together, each with one sample of each channel.

    :ivar reader: what reads their values; the same for all messages of a rule.
    :ivar count: the number of messages.
    """

    __slots__ = ("count", "reader")

    def __init__(self, reader: PlainReader, count: int) -> None:
        self.reader = reader
        self.count = count

    @abstractmethod
    def newest(self) -> Sequence[WireReading]:
        """Return the readings of the last message, as its rule would."""

    @abstractmethod
    def columns(self) -> tuple[Sequence[BlockColumn], Sequence[float | None]]:
        """Return all values by channel, and the time that the peer gave for each message; no times where it gave none."""


class SampleRows(SampleBlock):
    """Messages that came between others, and were read one by one."""

    __slots__ = ("_rows",)

    def __init__(self, reader: PlainReader, rows: Sequence[Row]) -> None:
        super().__init__(reader, len(rows))
        self._rows = rows

    def newest(self) -> Sequence[WireReading]:
        return self.reader.newest(self._rows[-1])

    def columns(self) -> tuple[Sequence[BlockColumn], Sequence[float | None]]:
        return self.reader.columns(list(zip(*self._rows, strict=True)))


class PlainReader:
    """Reads the messages of one rule.

    :ivar rule: the rule.
    :ivar source: the expression of a message, with a group for each number.
    :ivar bare: the same without groups.
    :ivar longest: bytes of a message that it takes, at most.
    :ivar match: matches a whole message.
    """

    def __init__(self, rule: Rule, fields: Sequence[Field], message: _PlainMessage) -> None:
        self.rule = rule
        self.source = message.source(is_grouped=True)
        self.bare = message.source(is_grouped=False)
        self.longest = message.longest
        self.match: Callable[[bytes], re.Match[bytes] | None] = re.compile(self.source).fullmatch
        self._channels = [
            (place, field.name or "", field.unit, field if field.scale is not None or field.offset else None)
            for place, field in enumerate(fields)
            if field.type is not FieldType.TIME
        ]
        self._time = next((place for place, field in enumerate(fields) if field.type is FieldType.TIME), None)

    @property
    def channels(self) -> frozenset[str]:
        """The names of its channels."""
        return frozenset(name for _, name, _, _ in self._channels)

    def newest(self, row: Row) -> Sequence[WireReading]:
        """Return the readings of one message."""
        time = None if self._time is None else read_time(row[self._time].decode())
        return [
            WireReading(None, name, float(row[place]) if scale is None else _scaled(scale, row[place]), unit, time)
            for place, name, unit, scale in self._channels
        ]

    def columns(self, texts: Sequence[Sequence[bytes]]) -> tuple[Sequence[BlockColumn], Sequence[float | None]]:
        """See :meth:`SampleBlock.columns`.

        :param texts: the numbers of all messages, by field.
        """
        columns = [
            BlockColumn(
                name, unit, list(map(float, texts[place])) if scale is None else [_scaled(scale, one) for one in texts[place]]
            )
            for place, name, unit, scale in self._channels
        ]
        if self._time is None:
            return columns, ()
        times = list(map(float, texts[self._time]))
        return columns, times if max(times) < _GREATEST_TIME else list(map(read_time, times))


def plain_reader(rule: Rule, encoding: str, ending: bytes = b"") -> PlainReader | None:
    """Return the reader of a rule; None if its messages have to be read by the rule itself.

    :param ending: what ends a message, where many are read at once.
    """
    pattern = rule.pattern
    if rule.verb is not Verb.SAMPLE or rule.reply is not None or not isinstance(pattern, TextPattern):
        return None
    message = _PlainMessage(pattern.parts, ending, encoding)
    return PlainReader(rule, pattern.kept, message) if message.is_fit else None


class _PlainMessage:
    """The expression of one message, while it is written.

    It takes nothing that the pattern would not take, and reads the same from it: each number ends where a character comes that no
    number has, and no part of a message can hold the end of one.
    """

    def __init__(self, parts: Sequence[TextPart], ending: bytes, encoding: str) -> None:
        self._parts = parts
        self._ending = ending
        self._encoding = encoding
        literals = b"".join(self._bytes(part) for part in parts if isinstance(part, str))
        # A field that is skipped holds no byte of an end, either: the class of its characters leaves them out.
        self.is_fit = (
            not any(ending.startswith(ending[place:]) for place in range(1, len(ending)))
            and not set(ending) & set(literals + _NUMERIC + b" ")
            and not set(literals) & set(b"\n\r\0")
            and all(self._is_fit(part, self._behind(place)) for place, part in enumerate(parts) if isinstance(part, Field))
            and sum(isinstance(part, Field) and part.type is FieldType.TIME for part in parts) < 2
        )
        self.longest = sum(_SKIPPED + 8 if isinstance(part, Field) else 8 * len(self._bytes(part)) for part in parts) + 16

    def source(self, is_grouped: bool) -> bytes:
        """Write the expression, with a group for each field that counts if it *is_grouped*."""
        return _PAD + b"".join(self._written(place, is_grouped) for place in range(len(self._parts))) + _PAD

    def _bytes(self, literal: str) -> bytes:
        return literal.encode(self._encoding, "surrogateescape")

    def _behind(self, place: int) -> bytes | None:
        """Return the literal behind a field: empty at the end of the message, None before another field."""
        if place + 1 == len(self._parts):
            return b""
        part = self._parts[place + 1]
        return self._bytes(part) if isinstance(part, str) else None

    def _is_fit(self, field: Field, behind: bytes | None) -> bool:
        if field.width is not None or behind is None:
            return False
        if field.type in (FieldType.SKIP, FieldType.REST):
            return not field.is_kept
        is_number = field.type in (FieldType.NUM, FieldType.INT) and field.is_reading
        return (is_number or (field.type is FieldType.TIME and field.is_kept)) and not behind.startswith(_NUMBERS_GO_ON)

    def _written(self, place: int, is_grouped: bool) -> bytes:
        part = self._parts[place]
        if isinstance(part, str):
            chunks = re.split(b"( +)", self._bytes(part))
            return b"".join(_BLANK if chunk[:1] == b" " else re.escape(chunk) for chunk in chunks)
        behind = self._behind(place) or b""
        if not part.is_kept:
            taken = bytes(byte for byte in _PRINTED if byte not in self._ending + behind[:1])
            return b"[%b]{0,%d}+" % (re.escape(taken), _SKIPPED)
        shape = {FieldType.INT: _WHOLE, FieldType.TIME: _TIME}.get(part.type, _NUMBER)
        return _PAD + (b"(%b)" % shape if is_grouped else shape) + (b"" if behind.startswith(b" ") or not behind else _PAD)


def _scaled(field: Field, text: bytes) -> float:
    value = scaled(field, float(text))
    assert value is not None, "fifteen digits overflow with no scale that can be written"
    return float(value)

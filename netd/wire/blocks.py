"""Samples by the block: the read of a wire whose only rule is a ``sample`` of numbers, checked by one expression.

Most samples are only counted, and the newest of them shown. An object for each costs several times as much as the line itself, so
that lines stay the bytes that came, until somebody wants each value. The expression knows the usual spellings alone. A block with
any other line, such as a blank one or ``nan``, is for the rules, which read each line by itself; they read these the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from attrs import frozen

from netd.wire.ended import EndedDecoder, EndedFrame
from netd.wire.fields import Field, FieldType, WireReading
from netd.wire.frame import Frame, FrameDecoder
from netd.wire.rules import RuleSet, Verb
from netd.wire.text_pattern import TextPart, TextPattern
from netd.wire.values import read_time, scaled

__all__ = ["BlockColumn", "BlockReader", "SampleBlock", "block_reader"]

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


class BlockColumn(NamedTuple):
    """The values of one channel in a block, oldest first."""

    channel: str
    unit: str
    values: Sequence[float]


class SampleBlock:
    """Whole messages that came together, each with one sample of each channel.

    :ivar count: the number of messages.
    """

    __slots__ = ("_data", "_reader", "count")

    def __init__(self, reader: BlockReader, data: bytes) -> None:
        self._reader = reader
        self._data = data
        self.count = data.count(reader.ending)

    def newest(self) -> Sequence[WireReading]:
        """Return the readings of the last message, as its rule would."""
        return self._reader.newest(self._data)

    def columns(self) -> tuple[Sequence[BlockColumn], Sequence[float | None]]:
        """Return all values by channel, and the time that the peer gave for each message; no times where it gave none."""
        return self._reader.columns(self._data)

    def messages(self, decoder: FrameDecoder) -> list[bytes]:
        """Return the messages, for the rules, which count them again.

        :param decoder: the decoder that the block was fed to.
        """
        return self._reader.messages(decoder, self._data, self.count)


@frozen
class BlockReader:
    """What the blocks of a section are read by. All its connections share it.

    :ivar ending: the end of a message.
    """

    ending: bytes
    _channels: Sequence[tuple[int, str, str, Field | None]]  # group, name, unit; the field if it has a scale or an offset
    _time: int | None
    _all: re.Pattern[bytes]
    _each: re.Pattern[bytes]
    _taken: list[int]

    def feed(self, decoder: FrameDecoder, received: bytes) -> SampleBlock | list[bytes]:
        """Return what *received* completes: a block, or the messages that are for the rules.

        :raises FramingFailed: as :meth:`FrameDecoder.feed` does.
        """
        if not isinstance(decoder, EndedDecoder) or decoder.is_opening:
            return decoder.feed(received)
        block = decoder.gather(received)
        if not block:
            return []
        if self._all.fullmatch(block) is None:
            return decoder.feed_whole(block)
        found = SampleBlock(self, block)
        self._taken[0] += found.count
        return found

    def messages(self, decoder: FrameDecoder, block: bytes, count: int) -> list[bytes]:
        """See :meth:`SampleBlock.messages`."""
        assert isinstance(decoder, EndedDecoder), "others bring no blocks"
        self._taken[0] -= count
        return decoder.feed_whole(block)

    def newest(self, block: bytes) -> Sequence[WireReading]:
        """See :meth:`SampleBlock.newest`."""
        before = block.rfind(self.ending, 0, -len(self.ending))
        found = self._each.match(block, 0 if before < 0 else before + len(self.ending))
        assert found is not None, "the block has been checked"
        texts = found.groups()
        time = None if self._time is None else read_time(texts[self._time].decode())
        return [
            WireReading(None, name, float(texts[place]) if scale is None else _scaled(scale, texts[place]), unit, time)
            for place, name, unit, scale in self._channels
        ]

    def columns(self, block: bytes) -> tuple[Sequence[BlockColumn], Sequence[float | None]]:
        """See :meth:`SampleBlock.columns`."""
        rows = self._each.findall(block)
        texts = list(zip(*rows, strict=True)) if self._each.groups > 1 else [rows]
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


def block_reader(rules: RuleSet, frame: Frame, limit: int) -> BlockReader | None:
    """Return the reader of a section's blocks; None if its messages have to be read one by one.

    :param limit: the longest message, in bytes.
    """
    if not isinstance(frame, EndedFrame) or frame.check is not None or len(rules.rules) != 1:
        return None
    rule, pattern = rules.rules[0], rules.rules[0].pattern
    if rule.verb is not Verb.SAMPLE or rule.reply is not None or not isinstance(pattern, TextPattern):
        return None
    message = _PlainMessage(pattern.parts, frame.ending, rules.encoding)
    if not message.is_fit or message.longest > limit:
        return None
    before, behind = (b"", b"\r?+") if frame.is_line and frame.ending == b"\n" else (b"\n?+" if frame.is_line else b"", b"")
    ending = behind + re.escape(frame.ending)
    every = before + message.source(is_grouped=False) + ending
    each = before + message.source(is_grouped=True) + ending
    channels = [
        (place, field.name or "", field.unit, field if field.scale is not None or field.offset else None)
        for place, field in enumerate(pattern.kept)
        if field.type is not FieldType.TIME
    ]
    time = next((place for place, field in enumerate(pattern.kept) if field.type is FieldType.TIME), None)
    return BlockReader(frame.ending, channels, time, re.compile(b"(?:%b)*+" % every), re.compile(each), rules.taken)


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

"""Samples by the block: the read of a wire whose only rule is a ``sample`` of numbers, checked by one expression.

The lines of a read that are such samples stay the bytes that came; see :mod:`netd.wire.plain`. Any other line, such as a blank
one or ``nan``, is for the rule, and ends the block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from netd.wire.ended import EndedDecoder, EndedFrame
from netd.wire.fields import WireReading
from netd.wire.frame import Frame, FrameDecoder
from netd.wire.plain import BlockColumn, PlainReader, SampleBlock, plain_reader
from netd.wire.rules import RuleSet

__all__ = ["FEW", "BlockReader", "SampleLines", "TakenRead", "block_reader"]

FEW = 1 << 8
"""Bytes of other lines that are cut into messages at once: each of these costs as much as many in a block do."""


class TakenRead(NamedTuple):
    """What became of a read: a block or messages.

    :ivar messages: what is for the rules.
    :ivar left: bytes behind both, which have not been looked at.
    """

    block: SampleLines | None
    messages: Sequence[bytes]
    left: bytes


class SampleLines(SampleBlock):
    """Whole lines, with their ends."""

    __slots__ = ("_blocks", "_data")

    def __init__(self, blocks: BlockReader, data: bytes, count: int) -> None:
        super().__init__(blocks.reader, count)
        self._blocks = blocks
        self._data = data

    def newest(self) -> Sequence[WireReading]:
        return self._blocks.newest(self._data)

    def columns(self) -> tuple[Sequence[BlockColumn], Sequence[float | None]]:
        return self._blocks.columns(self._data)

    def first(self, count: int) -> SampleLines:
        """Return the first *count* of them, as a block."""
        rest = self._data.split(self._blocks.ending, count)[-1]
        return SampleLines(self._blocks, self._data[: len(self._data) - len(rest)], count)


class BlockReader:
    """What the blocks of a section are read by. All its connections share it.

    :ivar reader: reads the values of each message.
    :ivar ending: the end of a message.
    """

    def __init__(self, reader: PlainReader, frame: EndedFrame) -> None:
        is_line = frame.is_line
        before, behind = (b"", b"\r?+") if is_line and frame.ending == b"\n" else (b"\n?+" if is_line else b"", b"")
        ending = behind + re.escape(frame.ending)
        self.reader = reader
        self.ending = frame.ending
        self._all = re.compile(b"(?:%b)*+" % (before + reader.bare + ending))
        self._each = re.compile(before + reader.source + ending)

    def feed(self, decoder: FrameDecoder, received: bytes) -> TakenRead:
        """Return what *received* completes.

        :raises FramingFailed: as :meth:`FrameDecoder.feed` does.
        """
        if not isinstance(decoder, EndedDecoder) or decoder.is_opening:
            return TakenRead(None, decoder.feed(received[:FEW]), received[FEW:])
        whole = decoder.gather(received)
        if not whole:
            return TakenRead(None, (), b"")
        found = self._all.match(whole)
        assert found is not None, "it matches nothing as well"
        end = found.end()
        if end == len(whole):
            return TakenRead(SampleLines(self, whole, whole.count(self.ending)), (), b"")
        rest = whole[end:] + decoder.give_back()
        if end:
            return TakenRead(SampleLines(self, whole[:end], whole.count(self.ending, 0, end)), (), rest)
        return TakenRead(None, decoder.feed(rest[:FEW]), rest[FEW:])

    def newest(self, block: bytes) -> Sequence[WireReading]:
        """See :meth:`SampleBlock.newest`."""
        before = block.rfind(self.ending, 0, -len(self.ending))
        found = self._each.match(block, 0 if before < 0 else before + len(self.ending))
        assert found is not None, "the block has been checked"
        return self.reader.newest(found.groups())

    def columns(self, block: bytes) -> tuple[Sequence[BlockColumn], Sequence[float | None]]:
        """See :meth:`SampleBlock.columns`."""
        rows = self._each.findall(block)
        return self.reader.columns(list(zip(*rows, strict=True)) if self._each.groups > 1 else [rows])


def block_reader(rules: RuleSet, frame: Frame, limit: int) -> BlockReader | None:
    """Return the reader of a section's blocks; None if its messages have to be read one by one.

    :param limit: the longest message, in bytes.
    """
    if not isinstance(frame, EndedFrame) or frame.check is not None or len(rules.rules) != 1:
        return None
    reader = plain_reader(rules.rules[0], rules.encoding, frame.ending)
    return None if reader is None or reader.longest > limit else BlockReader(reader, frame)

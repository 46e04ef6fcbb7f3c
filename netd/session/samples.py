"""Samples as the readers of both dialects pass them on, and the grammar of numbers.

A *block* is a run of whole samples that have been checked, as the bytes that came. Most samples are only counted, and counting a
block costs a fraction of what an object for each sample would cost. So samples stay blocks until somebody wants them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple, Protocol

__all__ = ["LONGEST", "NUMBER", "PLAIN_NUMBER", "Column", "Sample", "SampleBatch", "SampleReader", "Summary", "number_of"]

LONGEST = 1000
"""Bytes in a token of the first dialect, or in a line of the newer one, at most."""

PLAIN_NUMBER = rb"[+-]?+[0-9]{1,200}+(?:\.[0-9]{0,200}+)?+(?:[eE][+-]?[0-9]{1,2}+)?+"
"""The usual spellings of a number. All of them are finite: 200 digits and an exponent of two digits cannot overflow."""

NUMBER = rb"[+-]?+(?:[0-9]{1,200}+(?:\.[0-9]{0,200}+)?+|\.[0-9]{1,200}+)(?:[eE][+-]?[0-9]{1,4}+)?+"
"""All spellings of a number. None spells NaN or an infinity, but some overflow: :func:`number_of` refuses those."""

_NUMBER = re.compile(NUMBER)


class Sample(NamedTuple):
    """One sample.

    :ivar time: the time that the agent gave, in seconds since the epoch; None where it gave none.
    """

    channel: str
    value: float
    time: float | None = None


class Column(NamedTuple):
    """All samples of one channel in a block, in order.

    :ivar times: the time that the agent gave for each; empty where it gave none.
    """

    values: Sequence[float]
    times: Sequence[float | None] = ()


class Summary(NamedTuple):
    """The samples of one channel in a block.

    :ivar samples: how many they are.
    :ivar last: the newest value; *time* is the time that the agent gave for it.
    :ivar span: the least and the greatest value; None where they were not asked for.
    """

    channel: str
    samples: int
    last: float
    time: float | None = None
    span: tuple[float, float] | None = None


class SampleBatch(NamedTuple):
    """The contents of one read.

    :ivar block: the samples.
    :ivar announced: place (1 is the first channel) and id of each announced channel; in the first dialect only.
    :ivar bad: how many tokens were no sample: not a number, or of no channel.
    :ivar excerpt: the first of them.
    """

    block: bytes = b""
    announced: tuple[tuple[int, int], ...] = ()
    bad: int = 0
    excerpt: bytes = b""


class SampleReader(Protocol):
    """Turns the reads of a connection into batches, wherever the reads were cut.

    :ivar is_waiting: True while a token has begun that only silence will end.
    """

    is_waiting: bool

    def feed(self, received: bytes) -> SampleBatch:
        """The samples and announcements that *received* completes."""

    def finish(self) -> SampleBatch:
        """The rest, at the end of the connection."""

    def summarise(self, block: bytes, spans: bool = True) -> list[Summary]:
        """One entry for each channel in *block*. With *spans*, this costs several times as much."""

    def samples(self, block: bytes) -> Iterator[Sample]:
        """The samples in *block*, in order."""

    def columns(self, block: bytes) -> dict[str, Column]:
        """The samples in *block* by channel, at a fraction of the cost of :meth:`samples`."""


def number_of(text: bytes) -> float | None:
    """The number that *text* spells; None where it spells none, or an infinite one."""
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if isfinite(value) else None

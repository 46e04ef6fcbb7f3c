"""What both dialects' readers say of the samples that they have read, and what a number is.

A *block* is a run of whole samples, checked, as the bytes they came as. Readers keep blocks instead of objects: most samples are
only ever counted, and a block is counted at a fraction of what its samples would cost one by one.
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
"""The usual spellings of a number, finite by their look: 200 digits and an exponent of two cannot overflow."""

NUMBER = rb"[+-]?+(?:[0-9]{1,200}+(?:\.[0-9]{0,200}+)?+|\.[0-9]{1,200}+)(?:[eE][+-]?[0-9]{1,4}+)?+"
"""A number. NaN and infinities have no spelling; :func:`number_of` refuses what would become one."""

_NUMBER = re.compile(NUMBER)


class Sample(NamedTuple):
    """One sample.

    :ivar time: seconds since the epoch, where the agent said it.
    """

    channel: str
    value: float
    time: float | None = None


class Column(NamedTuple):
    """All samples of one channel in a block, in order.

    :ivar times: the agent's own for each; empty where it said none.
    """

    values: Sequence[float]
    times: Sequence[float | None] = ()


class Summary(NamedTuple):
    """What a block holds of one channel.

    :ivar last: the newest value; ``time`` is the agent's own for it, where it said one.
    :ivar span: the least and the greatest value, where they were asked for.
    """

    channel: str
    samples: int
    last: float
    time: float | None = None
    span: tuple[float, float] | None = None


class SampleBatch(NamedTuple):
    """What a read brought.

    :ivar block: its samples.
    :ivar announced: first dialect: the place (1 is the first channel) and the id of each channel that was announced.
    :ivar bad: how many samples were no numbers, or of no channel.
    :ivar excerpt: one of those.
    """

    block: bytes = b""
    announced: tuple[tuple[int, int], ...] = ()
    bad: int = 0
    excerpt: bytes = b""


class SampleReader(Protocol):
    """Bytes in, batches out, however the bytes are cut.

    :ivar is_waiting: something has begun that only silence can end.
    """

    is_waiting: bool

    def feed(self, received: bytes) -> SampleBatch:
        """What *received* completes."""

    def finish(self) -> SampleBatch:
        """What was begun, taken as complete: the connection has ended."""

    def summarise(self, block: bytes, spans: bool = True) -> list[Summary]:
        """What *block* holds, one entry for each channel in it; *spans* costs several times the rest."""

    def samples(self, block: bytes) -> Iterator[Sample]:
        """The samples in *block*, in order."""

    def columns(self, block: bytes) -> dict[str, Column]:
        """The samples in *block* by channel: for a fraction of what :meth:`samples` costs each."""


def number_of(text: bytes) -> float | None:
    """The finite number that *text* spells, or None."""
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if isfinite(value) else None

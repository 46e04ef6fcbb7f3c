"""Cuts samples into blocks, and makes the header of each block.

A block holds samples of one UTC hour, in order of time, so that an hourly summary is one ``GROUP BY`` over the headers of blocks.
It has as many samples as fill a page of the database, which differs from series to series: the length follows the blocks before.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from netd.recorder.blocks import Columns
from netd.recorder.micros import HOUR

__all__ = ["LEAST", "LENGTH", "BlockSummary", "next_length", "seal_plan", "summary_of"]

LEAST = 64
"""Samples of a series that are worth a block. Fewer stay open."""

LENGTH = 512
"""Samples in a block of a series of which nothing is known yet."""

SHORTEST, LONGEST = 128, 1024
"""Bounds of the length of a block. A longer one would make a question for a few samples dear."""

PAGE = 3850
"""Bytes of a block that fills a page of 4,096 bytes, with some to spare for a block that comes out longer than the one before."""


class BlockSummary(NamedTuple):
    """The header of a block: facts that need no look at its samples.

    :ivar first: the time of the oldest sample, *last* that of the newest, in microseconds since the epoch.
    :ivar low: the least value, *high* the greatest; *total* is the sum.
    """

    first: int
    last: int
    samples: int
    low: float
    high: float
    total: float


def summary_of(columns: Columns) -> BlockSummary:
    """Return the summary of a block of *columns*, which are in order."""
    values = columns.values
    total = min(max(float(sum(values)), -sys.float_info.max), sys.float_info.max)  # SQLite would give an infinity back, JSON not
    return BlockSummary(columns.times[0], columns.times[-1], len(values), float(min(values)), float(max(values)), total)


def next_length(summary: BlockSummary, size: int, before: int) -> int:
    """Return the length of the next block of a series whose last block had *summary* and *size* bytes.

    A short block says little: zlib has had nothing to find. *before*, the length until now, then stays.
    """
    if summary.samples < SHORTEST:
        return before
    return max(SHORTEST, min(LONGEST, PAGE * summary.samples // size))


def seal_plan(columns: Columns, length: int, hour: int | None, least: int = LEAST) -> tuple[list[Columns], Columns | None]:
    """Return the blocks of a series, and the samples that stay open, if any.

    :param length: samples in a block, at most.
    :param hour: the hour since the epoch that is going on: its last samples may stay open. None seals everything.
    :param least: samples at the end of the hour that are worth a block of their own.
    """
    if hour is not None and len(columns) < LEAST:
        return [], columns
    blocks: list[Columns] = []
    rest = None
    for one in _by_hour(columns.in_order()):
        whole = len(one)
        if one.times[0] // HOUR == hour and (whole % length) < least:
            whole -= whole % length
            rest = one.part(whole, len(one)) if whole < len(one) else None
        blocks += _even_parts(one, whole, length)
    return blocks, rest


def _by_hour(columns: Columns) -> Iterator[Columns]:
    """Yield the samples of each hour; *columns* are in order."""
    times, start = columns.times, 0
    while start < len(times):
        end = len(times)
        bound = (times[start] // HOUR + 1) * HOUR
        if times[-1] >= bound:
            end = bisect_left(times, bound, start)
        yield columns.part(start, end) if start or end < len(times) else columns
        start = end


def _even_parts(columns: Columns, count: int, length: int) -> Iterator[Columns]:
    """Cut the first *count* samples into as few parts as possible, of about the same length: a short last one wastes a page."""
    parts = -(-count // length)
    for number in range(parts):
        yield columns.part(count * number // parts, count * (number + 1) // parts)

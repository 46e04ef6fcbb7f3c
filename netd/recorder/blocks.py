"""Samples as the bytes that a part keeps: blocks of one series, and rows of the journal with samples of many.

Both are JSON, compressed by zlib, so that any language reads them without netd. A block is
``{"t": [first, differences…], "v": [values…], "a": [first, differences…]}``. Times are whole microseconds since the epoch, as the
bus stamped them; ``a`` are the agent's own, and left out where it gave none for any sample of the block. Where it gave none for
some, these are null, and the next difference counts from the one before them. A row of the journal is a block of several series,
one after the other: ``{"s": [their numbers], "n": [samples of each], "t": …, "v": …, "a": …}``. Differences go on from one series
to the next, so that samples of one moment cost a digit each.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from itertools import accumulate, chain, pairwise
from math import isfinite
from operator import sub
from typing import Any

from attrs import define

from netd.codec.jsontext import BadJSON, decode, encode
from netd.recorder.micros import FARTHEST

__all__ = [
    "BadBlock",
    "Columns",
    "are_fractions",
    "joined",
    "pack_block",
    "pack_journal",
    "sound",
    "unpack_block",
    "unpack_journal",
]

LARGEST = 1 << 28
"""Bytes of JSON in a block or a row, at most. A damaged file could otherwise ask for any amount of memory."""

LEVEL = 1
"""The level of zlib. Level 6 saves 3 % of the bytes and costs twice the time."""


class BadBlock(ValueError):
    """Bytes are no block, or no row of the journal: the file is damaged."""


@define(eq=True, slots=True)
class Columns:
    """Samples of one series, oldest first as they came.

    :ivar times: when they arrived, in microseconds since the epoch.
    :ivar agent_times: the time that the agent gave for each, likewise, or None; None where it gave none for any.
    """

    times: list[int]
    values: list[float]
    agent_times: list[int | None] | None = None

    def __len__(self) -> int:
        return len(self.times)

    def add(self, other: Columns) -> None:
        """Append the samples of *other*."""
        if self.agent_times is None and other.agent_times is not None:
            self.agent_times = [None] * len(self.times)
        if self.agent_times is not None:
            self.agent_times += [None] * len(other.times) if other.agent_times is None else other.agent_times
        self.times += other.times
        self.values += other.values

    def copy(self) -> Columns:
        """Return columns of the same samples, to add others to."""
        return self.part(0, len(self.times))

    def part(self, start: int, end: int) -> Columns:
        """Return the samples from index *start* to before *end*."""
        agent_times = None if self.agent_times is None else self.agent_times[start:end]
        return Columns(self.times[start:end], self.values[start:end], agent_times)

    def in_order(self) -> Columns:
        """Return the samples sorted by time; those of one time keep their order."""
        times = self.times
        if times == sorted(times):  # a few ns each, where they are
            return self
        order = sorted(range(len(times)), key=times.__getitem__)
        said = self.agent_times
        agent_times = None if said is None else [said[index] for index in order]
        return Columns([times[index] for index in order], [self.values[index] for index in order], agent_times)


def sound(columns: Columns) -> Columns:
    """Return *columns* without the samples that are no finite numbers; whole numbers that SQLite cannot hold become fractions.

    Sessions let neither through, but a third party's service may. One such sample would otherwise refuse a whole flush.
    """
    if _are_numbers(columns.values) and (columns.agent_times is None or _are_times(columns.agent_times)):
        return columns
    kept: list[tuple[int, float, int | None]] = []
    for index, value in enumerate(columns.values):
        number = _number(value)
        if number is not None:
            said = None if columns.agent_times is None else columns.agent_times[index]
            kept.append((columns.times[index], number, said if said is None or -FARTHEST < said < FARTHEST else None))
    agent_times = [said for _, _, said in kept]
    has_times = any(said is not None for said in agent_times)
    return Columns([time for time, _, _ in kept], [value for _, value, _ in kept], agent_times if has_times else None)


def joined(every: Collection[Columns]) -> Columns:
    """Return the samples of several series, one series after the other.

    What is then done for all of them at once takes half the time that it takes for one series after the other.
    """
    said: list[int | None] | None = None
    if any(columns.agent_times is not None for columns in every):
        said = list(chain.from_iterable(columns.agent_times or [None] * len(columns) for columns in every))
    times = list(chain.from_iterable([columns.times for columns in every]))
    return Columns(times, list(chain.from_iterable([columns.values for columns in every])), said)


def are_fractions(columns: Columns) -> bool:
    """Return True if all samples are finite fractions without an agent's time, as most are. They are then sound."""
    values = columns.values
    if columns.agent_times is not None or set(map(type, values)) - {float}:
        return False
    return isfinite(sum(values))  # neither NaN nor an infinity is lost in a sum


def _are_numbers(values: list[float]) -> bool:
    """Whether all of *values* can be kept as they are. Of some that can, it says no: they are then looked at one by one."""
    types = set(map(type, values))
    if types == {float}:
        return isfinite(sum(values))
    return types == {int} and min(values) > -FARTHEST and max(values) < FARTHEST


def _are_times(agent_times: list[int | None]) -> bool:
    """Whether some of *agent_times* are known, and all of these can be kept."""
    known = [time for time in agent_times if time is not None]
    return bool(known) and min(known) > -FARTHEST and max(known) < FARTHEST


def _number(value: object) -> float | None:
    """Return *value* as a block can keep it; None if it is no finite number."""
    if type(value) is float:
        return value if isfinite(value) else None
    if type(value) is int and -FARTHEST < value < FARTHEST:
        return value
    try:
        number = float(value)  # type: ignore[arg-type] # what is no number raises TypeError
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def pack_block(columns: Columns) -> bytes:
    """Return *columns*, at least one sample, as a block."""
    return zlib.compress(encode(_members(columns.times, columns.values, columns.agent_times)), LEVEL)


def unpack_block(data: bytes) -> Columns:
    """Return the samples of a block.

    :raises BadBlock: if it is damaged.
    """
    return _columns(_unpack(data))


def pack_journal(batch: Mapping[int, Columns], every: Columns) -> bytes:
    """Return the samples of many series, by the number of the series, as one row of the journal.

    :param every: all samples of *batch*, as :func:`joined` returns them.
    """
    counts = [len(columns.times) for columns in batch.values()]
    row = {"s": list(batch), "n": counts, **_members(every.times, every.values, every.agent_times)}
    return zlib.compress(encode(row), LEVEL)


def unpack_journal(data: bytes) -> dict[int, Columns]:
    """Return the samples of a row of the journal by the number of their series.

    :raises BadBlock: if it is damaged.
    """
    row = _unpack(data)
    columns = _columns(row)
    try:
        ends = list(accumulate(row["n"], initial=0))
        if ends[-1] != len(columns) or ends != sorted(ends):
            raise BadBlock("a row of the journal has more samples than its series, or fewer")
        return {int(one): _own(columns.part(*span)) for one, span in zip(row["s"], pairwise(ends), strict=True)}
    except (TypeError, KeyError, ValueError) as error:
        raise error if isinstance(error, BadBlock) else BadBlock(f"no row of a journal: {error!r}") from None


def _unpack(data: bytes) -> Any:
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(data, LARGEST)
        if not inflate.eof:
            raise BadBlock("a block is cut off, or has more than a block can have")
        return decode(text)
    except (zlib.error, BadJSON) as error:
        raise BadBlock(f"no block: {error}") from None


def _members(times: list[int], values: list[float], said: list[int | None] | None) -> dict[str, object]:
    differences = list(map(sub, times, chain((0,), times)))
    members: dict[str, object] = {"t": differences, "v": values}
    if said is not None:
        members["a"] = _sparse_differences(said)
    return members


def _own(columns: Columns) -> Columns:
    """Return *columns*, without agents' times if there are none: those of the row are of other series."""
    said = columns.agent_times
    return columns if said is None or said.count(None) < len(said) else Columns(columns.times, columns.values)


def _columns(members: Any) -> Columns:
    try:
        times, values, said = members["t"], members["v"], members.get("a")
        agent_times = None if said is None else _sparse_sums(said)
        if not len(times) == len(values) == len(times if agent_times is None else agent_times):
            raise BadBlock("a block has more times than values, or fewer")
        return Columns(list(accumulate(times)), values, agent_times)
    except (TypeError, KeyError, AttributeError) as error:
        raise BadBlock(f"no block: {error!r}") from None


def _sparse_differences(times: Iterable[int | None]) -> list[int | None]:
    last, found = 0, list[int | None]()
    for time in times:
        found.append(None if time is None else time - last)
        last = last if time is None else time
    return found


def _sparse_sums(differences: Iterable[int | None]) -> list[int | None]:
    last, found = 0, list[int | None]()
    for difference in differences:
        if difference is not None:
            last += difference
        found.append(None if difference is None else last)
    return found

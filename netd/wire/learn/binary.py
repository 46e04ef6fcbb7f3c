"""Frames of bytes that are no text: lengths in binary, and records of one size."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import gcd

from attrs import frozen

from netd.wire.learn.wording import is_text

__all__ = ["binary_lengths", "filled_records", "records"]

_SIZES = (4, 2, 8, 1)
_FURTHEST = 6
"""The last offset at which a length is looked for."""
_LONGEST = 1 << 20
_FEWEST_MARKS = 4
_SHORTEST_BUFFER, _LONGEST_BUFFER = 8, 1024
_LONGEST_TAIL = 8
"""Bytes behind what a length counts: check bytes and an end mark."""


@frozen
class _Length:
    """A candidate: a length of *size* bytes at the offset *at*, to which *add* is added."""

    size: int
    order: str
    at: int
    add: int

    def frames(self, data: bytes) -> list[bytes] | None:
        """The frames of *data*, or None if it does not end with one."""
        found = []
        place, head = 0, self.at + self.size
        while place < len(data):
            end_of_head = place + head
            value = int.from_bytes(data[place + self.at : end_of_head], "big" if self.order == "big" else "little")
            end = end_of_head + value + self.add
            if end_of_head > len(data) or not end_of_head <= end <= min(len(data), place + _LONGEST) or end == place:
                return None
            found.append(data[place:end])
            place = end
        return found

    def written(self, start: bytes) -> str:
        """The option ``frame``."""
        parts = ["length", str(self.size)] + ([self.order] if self.order else [])
        parts += [f"at={self.at}"] if self.at else []
        parts += [f"add={self.add}"] if self.add else []
        parts += [f"start={start.hex()}"] if start and self.at else []
        return ":".join(parts)


def binary_lengths(streams: Sequence[bytes], turns: Sequence[Sequence[bytes]]) -> Iterator[str]:
    """The lengths that *streams* may begin their frames with, the likeliest first.

    :param turns: what each stream said without a pause.
    """
    yield from _marked_lengths([run for one in turns for run in one])
    lengths = list(_lengths(streams, turns))
    varied = [(one, frames) for one, frames in lengths if len({len(frame) for frame in frames}) > 1]
    for one, frames in varied:
        yield one.written(_common_start(frames, one.at))
    for one, _ in lengths:
        if not one.at and not one.add and one.size > 1:
            yield one.written(b"")


def _lengths(streams: Sequence[bytes], turns: Sequence[Sequence[bytes]]) -> Iterator[tuple[_Length, list[bytes]]]:
    runs = [run for one in turns for run in one]
    shapes = [(size, at) for at in range(_FURTHEST + 1) for size in _SIZES]
    for size, at in shapes:
        for order in ("big", "little"):
            for add in _additions(size, at, order, runs):
                if size == 1 and order == "little":
                    continue
                length = _Length(size, order, at, add)
                cut = [length.frames(data) for data in streams]
                frames = [frame for one in cut if one is not None for frame in one]
                if None not in cut and len(frames) >= 2 and _agree(cut, turns):
                    yield length, frames


def _agree(cut: Sequence[list[bytes] | None], turns: Sequence[Sequence[bytes]]) -> bool:
    """Whether frames end where the program made a pause. Where it does not, a length fits by chance."""
    pauses, agreed = 0, 0
    for frames, runs in zip(cut, turns, strict=True):
        ends = set(itertools.accumulate(map(len, frames or ())))
        places = list(itertools.accumulate(map(len, runs)))
        pauses += len(places)
        agreed += sum(place in ends for place in places)
    return agreed * 10 >= pauses * 9


def _additions(size: int, at: int, order: str, runs: Sequence[bytes]) -> list[int]:
    """What may have to be added to a length: as much as makes some run one frame. Most often that is nothing."""
    found = []
    for run in runs[:20]:
        value = int.from_bytes(run[at : at + size], "big" if order == "big" else "little")
        add = len(run) - at - size - value
        if -at - size <= add <= _LONGEST_TAIL and add not in found:
            found.append(add)
    return sorted(found, key=abs)


def _common_start(frames: Sequence[bytes], at: int) -> bytes:
    """The bytes before the length that are the same in each frame, at most two: by them the beginning is found again."""
    first = frames[0][: min(at, 2)]
    same = 0
    while same < len(first) and all(frame[same] == first[same] for frame in frames):
        same += 1
    return first[:same]


def _marked_lengths(runs: Sequence[bytes]) -> Iterator[str]:
    """Lengths behind the same two bytes, where the first frame is torn or some are damaged: as long as what was said at once."""
    mark = _mark(runs)
    frames = [run for run in runs if mark and run.startswith(mark)]
    if len({len(frame) for frame in frames}) < 2:
        return
    for size, at in itertools.product(_SIZES, range(2, _FURTHEST + 1)):
        for order in ("big", "little")[: 1 if size == 1 else 2]:
            rest = Counter(
                len(frame) - at - size - int.from_bytes(frame[at : at + size], "big" if order == "big" else "little")
                for frame in frames
            )
            add, often = rest.most_common(1)[0]
            if often * 10 >= len(frames) * 9 and -at - size < add <= _LONGEST_TAIL:
                yield _Length(size, order, at, add).written(mark)


def _mark(runs: Sequence[bytes]) -> bytes:
    """The two bytes that most runs begin with; empty if there are none."""
    marks = Counter(run[:2] for run in runs if len(run) > 2)
    mark, count = marks.most_common(1)[0] if marks else (b"", 0)
    return mark if count >= _FEWEST_MARKS and count * 2 >= len(runs) and mark.strip(b"\0") else b""


def _marked_records(streams: Sequence[bytes], runs: Sequence[bytes]) -> Iterator[str]:
    """Records that begin with the same two bytes; some bytes between them may be lost or strange."""
    mark = _mark(runs)
    if not mark:
        return
    gaps: Counter[int] = Counter()
    for data in streams:
        places = [found.start() for found in re.finditer(re.escape(mark), data)]
        gaps.update(later - sooner for sooner, later in itertools.pairwise(places))
    size, often = gaps.most_common(1)[0] if gaps else (0, 0)
    if size > 2 and often * 10 >= gaps.total() * 8:
        yield f"bytes:{size}:start={mark.hex()}"


def records(streams: Sequence[bytes], runs: Sequence[bytes]) -> Iterator[str]:
    """Records of one size: by the two bytes that all begin with, else the greatest that divides every run and every stream."""
    yield from _marked_records(streams, runs)
    size = 0
    for one in (*streams, *runs):
        size = gcd(size, len(one))
    if not 2 <= size <= 1024 or sum(map(len, streams)) < 2 * size:
        return
    cut = [data[place : place + size] for data in streams for place in range(0, len(data), size)]
    start = _common_start(cut, 2)
    yield f"bytes:{size}" + (f":start={start.hex()}" if start and start.strip(b"\0") else "")


def filled_records(streams: Sequence[bytes], runs: Sequence[bytes]) -> str | None:
    """Texts in buffers of one size, each filled up with zeros; the size is the least by which no buffer is empty."""
    common = gcd(*map(len, (*streams, *runs)))
    for size in (one for one in range(_SHORTEST_BUFFER, min(common, _LONGEST_BUFFER) + 1) if common % one == 0):
        buffers = [data[place : place + size] for data in streams for place in range(0, len(data), size)]
        texts = [buffer.rstrip(b"\0") for buffer in buffers]
        if len(texts) > 1 and all(map(is_text, texts)) and all(texts) and any(len(text) + 1 < size for text in texts):
            return f"bytes:{size}"
    return None

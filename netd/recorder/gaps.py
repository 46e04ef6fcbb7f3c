"""Gaps: the times in which nothing was recorded, or not everything, as the marks in the parts tell them."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from netd.codec.jsontext import BadJSON, decode_object
from netd.recorder.archive import Archive
from netd.recorder.reading import Mark, ReadablePart

__all__ = ["FoundGap", "gaps"]

SHORTEST = 100_000
"""A shorter gap, in microseconds, is none: when a day ends, recording stops and goes on in the next file."""

_ENDED = {"stopped": "netd was stopped", "crashed": "netd ended without being stopped"}


@frozen
class FoundGap:
    """A time in which nothing was recorded, or not everything.

    :ivar begin: in microseconds since the epoch.
    :ivar end: likewise; None where it goes on.
    """

    begin: int
    end: int | None
    reason: str


def gaps(archive: Archive, begin: int, end: int) -> list[FoundGap]:
    """Return the gaps that have a part from *begin* to before *end*, in microseconds, in order.

    Parts that cannot be read are gaps, too.

    :raises NotFinished: if the question was given up.
    """
    marks: list[tuple[str, Mark]] = []
    try:
        for name in archive.names_around(begin, end):
            with archive.reading(name) as part:
                if part is not None:
                    marks += [(name, mark) for mark in part.kept(ReadablePart.marks)]
    finally:
        archive.settle()
    found = [*_gaps_of(marks), *_unreadable(archive)]
    found.sort(key=lambda gap: gap.begin)
    return [gap for gap in found if gap.begin < end and (gap.end is None or gap.end > begin)]


def _gaps_of(marks: list[tuple[str, Mark]]) -> Iterator[FoundGap]:
    """Yield the gaps that *marks* tell, each with the name of its part.

    A clock that was ahead has left a part of tomorrow, which may have stopped when that of today had already started.
    """
    going: set[str] = set()
    ended: tuple[int, str] | None = None
    for name, mark in sorted(marks, key=lambda one: one[1].time):
        if mark.kind in _ENDED:
            going.discard(name)
            if ended is None and not going:  # a part that was left open is closed later: that it ended is known since
                ended = mark.time, _ENDED[mark.kind]
        elif mark.kind == "started":
            going.add(name)
            if ended is not None and mark.time - ended[0] >= SHORTEST:
                yield FoundGap(ended[0], mark.time, ended[1])
            ended = None
        elif mark.kind in ("dropped", "full"):
            yield _gap_told(mark)
    if ended is not None:
        yield FoundGap(ended[0], None, ended[1])


def _gap_told(mark: Mark) -> FoundGap:
    """Return the gap that a mark tells."""
    try:
        told = decode_object(mark.data.encode())
    except BadJSON:
        told = {}
    until, reason = told.get("until"), told.get("reason")
    if not isinstance(reason, str):
        samples, events = told.get("samples", 0), told.get("events", 0)
        reason = f"more came than could be written: {samples} samples and {events} events were dropped"
    return FoundGap(mark.time, until if isinstance(until, int) else mark.time, reason)


def _unreadable(archive: Archive) -> Iterator[FoundGap]:
    for name, why in [*archive.unreadable.items(), *archive.damaged.items()]:
        begin, end = archive.day(name)
        yield FoundGap(begin, end, f"{name} cannot be read: {why}")

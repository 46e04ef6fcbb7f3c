"""The past in the order of time, in pieces of a bounded length. Replays are made of this. All of it runs in the reader's thread.

Pages of :mod:`netd.recorder.paging` are in the order of time within a block alone. A piece is a time that is short enough to be
sorted. What has the same time stays together, in the order of its series and then of its events, however long the pieces are.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.codec.jsontext import decode
from netd.recorder.answers import Asked
from netd.recorder.archive import Archive
from netd.recorder.blocks import Columns
from netd.recorder.micros import DAY, HOUR, MICRO
from netd.recorder.paging import Reading, read
from netd.recorder.reading import StoredEvent, StoredSeries

__all__ = ["FIRST_WIDTH", "PastMoment", "Piece", "read_piece"]

FEW, MANY = 1000, 20_000
"""Samples and events of a piece: with fewer, the next piece takes twice the time; with more, this one takes half of it."""

FIRST_WIDTH = MICRO
"""The time that the first piece takes, in microseconds."""

PAGE = 4096


@frozen
class PastMoment:
    """A sample or an event.

    :ivar time: when it was published, in microseconds since the epoch.
    :ivar event: the event; of a sample, its value and the agent's time.
    :ivar text: the event as JSON; None for a sample.
    """

    time: int
    series: StoredSeries
    event: Any
    text: bytes | None


@frozen
class Piece:
    """A piece of the past.

    :ivar moments: in the order of time.
    :ivar end: where the next piece begins, in microseconds since the epoch.
    :ivar width: the time that the next one should take.
    :ivar is_last: whether nothing comes behind it.
    """

    moments: list[PastMoment]
    end: int
    width: int
    is_last: bool


def read_piece(archive: Archive, asked: Asked, begin: int | None, width: int) -> Piece:
    """Return the next piece that has something in it; an empty one behind the last.

    :param asked: without a run.
    :param begin: where it begins, in microseconds since the epoch; None for the beginning.
    :raises NotFinished: if the question was given up.
    """
    at = asked.begin if begin is None else begin
    while at < asked.end:
        end = min(at + width, asked.end)
        moments = _moments(archive, asked, at, end)
        if moments is None:
            width = max(1, width // 2)
            continue
        if len(moments) < FEW:
            width = min(2 * width, HOUR)
        if moments:
            return Piece(moments, end, width, end >= asked.end)
        at = max(end, _next_part(archive, end, asked.end))
    return Piece([], asked.end, width, True)


def _next_part(archive: Archive, begin: int, end: int) -> int:
    """Return a time before which no part has anything: years of silence would otherwise be gone through hour by hour."""
    archive.check()
    names = archive.names(begin, end)
    return archive.day(names[0])[0] - DAY if names else end


def _moments(archive: Archive, asked: Asked, begin: int, end: int) -> list[PastMoment] | None:
    """Return all from *begin* to *end*; None if that would be too much, and a shorter time may be asked for."""
    found: list[PastMoment] = []
    after: str | None = None
    while True:
        page = read(archive, Reading(asked.patterns, begin, end, PAGE, asked.sees), after)
        for series, item in page.items:
            if isinstance(item, StoredEvent):
                text = item.data.encode()
                found.append(PastMoment(item.time, series, decode(text), text))
            else:
                found += _samples(series, item)
        if len(found) > MANY and end - begin > 1:
            return None
        after = page.after
        if after is None:
            return sorted(found, key=_time)


def _samples(series: StoredSeries, columns: Columns) -> list[PastMoment]:
    said = columns.agent_times or [None] * len(columns)
    return [
        PastMoment(time, series, (value, None if told is None else told / MICRO), None)
        for time, value, told in zip(columns.times, columns.values, said, strict=True)
    ]


def _time(moment: PastMoment) -> int:
    return moment.time

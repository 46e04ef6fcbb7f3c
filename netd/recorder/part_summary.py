"""The summary of a part, which the catalog keeps when the part is deleted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from attrs import frozen

from netd.recorder.database import read_only, telling_damage

__all__ = ["HourRow", "PartSummary", "summarise", "summary_of_part"]

_SPAN = """
SELECT min(first), max(last) FROM (SELECT min(first) AS first, max(last) AS last FROM block
                                   UNION ALL SELECT min(time), max(time) FROM event)
"""


_HOURS = """
SELECT subject, label, unit, first / 3600000000, sum(count), min(low), max(high), total(total)
FROM block JOIN series ON series.id = block.series WHERE chunk > ? GROUP BY series.id, first / 3600000000
"""


class HourRow(NamedTuple):
    """The blocks of one series in one hour, the *hour* counted from the epoch."""

    subject: str
    label: str
    unit: str
    hour: int
    samples: int
    low: float
    high: float
    total: float


@frozen
class PartSummary:
    """The summary of a part that has ended.

    :ivar chunk: the number of its last block.
    :ivar first: the time of the oldest sample or event, *last* that of the newest; None where there is none.
    :ivar hours: a row for each series and hour, of the blocks that were not counted before.
    """

    chunk: int
    first: int | None
    last: int | None
    samples: int
    events: int
    hours: tuple[HourRow, ...]


def summarise(database: sqlite3.Connection, after: int) -> PartSummary:
    """Return the summary of the part in *database*; its hours are those of the blocks after number *after*."""
    first, last = database.execute(_SPAN).fetchone()
    (samples,) = database.execute("SELECT coalesce(sum(count), 0) FROM block").fetchone()
    (events,) = database.execute("SELECT count(*) FROM event").fetchone()
    (chunk,) = database.execute("SELECT coalesce(max(chunk), 0) FROM block").fetchone()
    hours = tuple(HourRow(*row) for row in database.execute(_HOURS, (after,)))
    return PartSummary(chunk, first, last, samples, events, hours)


def summary_of_part(path: Path) -> PartSummary:
    """Return the summary of the closed part at *path*.

    :raises DamagedPart: if it cannot be read.
    """
    with telling_damage(), read_only(path) as database:
        return summarise(database, 0)

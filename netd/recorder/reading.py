"""One part, as a reader sees it: an SQLite file that another connection, or another process, may be writing.

The schema is that of :mod:`netd.recorder.part_file`. Nothing here writes, and nothing here knows the daemon: ``netd export``
reads parts with this module whether the daemon runs or not.

The samples of a part are in sealed blocks, and, while the part is open, in rows of its journal. One read transaction shows a
state of both in which no sample is missing and none is there twice (:meth:`ReadablePart.hold`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import quote

from attrs import define, frozen

from netd.bus.subject import matches
from netd.recorder.blocks import BadBlock, Columns, unpack_block, unpack_journal
from netd.recorder.micros import FARTHEST, HOUR

__all__ = ["BlockHeader", "Mark", "ReadablePart", "StoredEvent", "StoredSeries", "connect_to_read", "under"]

Kept = TypeVar("Kept")

STEPS = 10_000
"""Instructions of SQLite after which a question may be given up."""

BUSY = 5.0
"""Seconds to wait for a writer that has the whole file, as when a part is closed."""

_HEADERS = """SELECT first, chunk, last, count, low, high, total FROM block
 WHERE series = ? AND first >= ? AND first < ? AND last >= ? ORDER BY first, chunk LIMIT ?"""

_GROUPS = """SELECT min(max(first, ?2)), sum(count), min(low), max(high), sum(total) FROM block
 WHERE series = ?1 AND first >= ?2 - 3600000000 AND first < ?3 AND last >= ?2 AND chunk > ?5
 GROUP BY (max(first, ?2) - ?2) / ?4"""


@frozen
class StoredSeries:
    """One series of a part.

    :ivar id: its number in this part alone.
    """

    id: int
    subject: str
    label: str
    unit: str

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it in all parts: subject and unit."""
        return self.subject, self.unit


@frozen
class BlockHeader:
    """The header of a block. Times are in microseconds since the epoch."""

    first: int
    chunk: int
    last: int
    count: int
    low: float
    high: float
    total: float


@frozen
class StoredEvent:
    """One event.

    :ivar data: the event as JSON.
    """

    id: int
    time: int
    series: int
    data: str


@frozen
class Mark:
    """Something that happened to the recording: ``started``, ``stopped``, ``crashed``, ``dropped``, ``full``, ``clock``.

    :ivar data: the facts as JSON.
    """

    time: int
    kind: str
    data: str


def under(patterns: Iterable[str], sees: Callable[[str], bool], series: Iterable[StoredSeries]) -> list[StoredSeries]:
    """Return those of *series* under one of *patterns* whose subject *sees* admits."""
    wanted = tuple(patterns)
    return [one for one in series if any(matches(pattern, one.subject) for pattern in wanted) and sees(one.subject)]


def connect_to_read(path: Path, is_over: Callable[[], bool]) -> sqlite3.Connection:
    """Return a connection to the file at *path*, by which nothing can be changed.

    :param is_over: asked often while SQLite works; True gives the question up with ``sqlite3.OperationalError``.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)
    db.set_progress_handler(is_over, STEPS)
    return db


@define
class _Journal:
    """The open samples of a part, decoded once: the rows that were seen, and what tells that they are still the first ones."""

    samples: dict[int, Columns]
    seen: int = 0
    stamp: tuple[object, ...] = ()


class ReadablePart:
    """A part that is open for reading.

    :ivar name: the name of the file.
    :ivar is_closed: whether nothing is written to it any more, ever.
    :ivar is_held: whether one state of it is looked at.
    :raises sqlite3.Error: from all methods, when the file is no part, is damaged, or cannot be read by this user.
    """

    def __init__(self, path: Path, is_over: Callable[[], bool]) -> None:
        self.name = path.name
        self._db = connect_to_read(path, is_over)
        self._series: dict[int, StoredSeries] = {}
        self._journal = _Journal({})
        self._kept: dict[object, object] = {}
        self.is_held = False
        (mode,) = self._db.execute("PRAGMA journal_mode").fetchone()
        self.is_closed = mode != "wal"

    def kept(self, work: Callable[[ReadablePart], Kept]) -> Kept:
        """Return what *work* makes of this part. Of a part that is closed, it is made once."""
        if not self.is_closed:
            return work(self)
        if work not in self._kept:
            self._kept[work] = work(self)
        return cast(Kept, self._kept[work])

    @property
    def collects(self) -> bool:
        """Whether it has something of other nodes."""
        return self._db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'received'").fetchone() is not None

    def hold(self) -> None:
        """Look at one state of an open part until :meth:`let_go`."""
        if not self.is_closed and not self.is_held:
            self._db.execute("BEGIN")
            self.is_held = True

    def let_go(self) -> None:
        """Look at newer states again. As long as a state is held, the writer's log cannot be shortened."""
        if self.is_held:
            self.is_held = False
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def examine(self) -> None:
        """Look through the whole file.

        :raises BadBlock: if SQLite finds that it is not sound.
        """
        (found,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise BadBlock(str(found))

    def series(self) -> Collection[StoredSeries]:
        """Return all series of the part."""
        if not self._series or not self.is_closed:
            for row in self._db.execute("SELECT id, subject, label, unit FROM series ORDER BY id"):
                if self._series.get(row[0]) is None or self._series[row[0]].label != row[2]:
                    self._series[row[0]] = StoredSeries(*row)
        return self._series.values()

    def matching(self, patterns: Iterable[str], sees: Callable[[str], bool]) -> list[StoredSeries]:
        """Return the series under one of *patterns* whose subject *sees* admits, by number."""
        return under(patterns, sees, self.series())

    # Samples

    def headers(self, series: int, begin: int, end: int, most: int) -> list[BlockHeader]:
        """Return the headers of the first *most* blocks of *series* with samples from *begin* to before *end*."""
        rows = self._db.execute(_HEADERS, (series, begin - HOUR, end, begin, most))
        return [BlockHeader(*row) for row in rows]

    def groups(self, series: int, begin: int, end: int, width: int, after: int) -> list[tuple[int, int, float, float, float]]:
        """Return time, count, least, greatest and total value of the blocks in each bucket of *width*, by their headers alone.

        :param after: the number of a chunk; blocks up to it are left out.
        """
        return self._db.execute(_GROUPS, (series, begin, end, width, after)).fetchall()

    def chunk(self, number: int) -> Columns:
        """Return the samples of a block, sorted by time.

        :raises BadBlock: if they are damaged.
        """
        (data,) = self._db.execute("SELECT data FROM chunk WHERE id = ?", (number,)).fetchone()
        return unpack_block(data)

    def chunks_after(self, series: int, hour: int, after: int) -> list[tuple[int, int]]:
        """Return number and count of the blocks of *series* in the hour that begins at *hour*, in the order of their sealing.

        :param after: the number of a chunk; blocks up to it are left out.
        """
        sql = "SELECT chunk, count FROM block WHERE series = ? AND first >= ? AND first < ? AND chunk > ? ORDER BY chunk"
        return self._db.execute(sql, (series, hour, hour + HOUR, after)).fetchall()

    def next_hour(self, series: Iterable[int], at: int) -> int | None:
        """Return the first hour from *at* on that has samples of one of *series*, sealed or open; None if there is none."""
        sql = "SELECT min(first) FROM block WHERE series = ? AND first >= ?"
        found = []
        for one in series:
            (first,) = self._db.execute(sql, (one, at)).fetchone()
            if first is not None:
                found.append(first)
            columns = self.open_samples(one)
            if columns is not None:
                found += [min((time for time in columns.times if time >= at), default=FARTHEST)]
        earliest = min(found, default=FARTHEST)
        return None if earliest == FARTHEST else earliest - earliest % HOUR

    def open_samples(self, series: int) -> Columns | None:
        """Return the samples of *series* that are in no block yet, as they came; None if there are none."""
        if self.is_closed:
            return None
        self._follow_journal()
        return self._journal.samples.get(series)

    def _follow_journal(self) -> None:
        """Decode the rows that are new. When the rows before them are gone, they have become blocks: begin anew."""
        journal = self._journal
        stamp = self._db.execute(
            "SELECT (SELECT min(id) FROM journal), (SELECT length(data) FROM journal ORDER BY id LIMIT 1),"
            " (SELECT max(id) FROM chunk)"
        ).fetchone()
        if stamp != journal.stamp:
            journal.samples, journal.seen, journal.stamp = {}, 0, stamp
        for number, data in self._db.execute("SELECT id, data FROM journal WHERE id > ? ORDER BY id", (journal.seen,)):
            for series, columns in unpack_journal(data).items():
                before = journal.samples.get(series)
                if before is None:
                    journal.samples[series] = columns
                else:
                    before.add(columns)
            journal.seen = number

    # Events and marks

    def events(self, series: Collection[int], begin: int, end: int, after: int, most: int) -> Iterator[StoredEvent]:
        """Yield the first *most* events of *series* from *begin* to before *end*, in the order in which they came.

        Each is read when it is needed.

        :param after: the number of an event; those up to it are left out.
        """
        return self._events(series, "time >= ? AND time < ? AND id > ? ORDER BY id LIMIT ?", (begin, end, after, most))

    def next_hour_of_events(self, series: Collection[int], at: int) -> int | None:
        """Return the first hour from *at* on that has events of one of *series*; None if there is none."""
        if not series:
            return None
        sql = f"SELECT min(time) FROM event WHERE series IN ({_numbers(series)}) AND time >= ?"  # noqa: S608
        (first,) = self._db.execute(sql, (at,)).fetchone()
        return None if first is None else first - first % HOUR

    def newest_events(
        self, series: Collection[int], begin: int, end: int, contains: str | None, most: int
    ) -> Iterator[StoredEvent]:
        """Yield the newest *most* events of *series* from *begin* to before *end*, newest first.

        :param contains: a text that their JSON must have in it, in whichever case.
        """
        if contains is None:
            return self._events(series, "time >= ? AND time < ? ORDER BY id DESC LIMIT ?", (begin, end, most))
        like = "%" + "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in contains) + "%"
        where = "time >= ? AND time < ? AND data LIKE ? ESCAPE '\\' ORDER BY id DESC LIMIT ?"
        return self._events(series, where, (begin, end, like, most))

    def marks(self) -> list[Mark]:
        """Return what happened to the recording, in order."""
        return [Mark(*row) for row in self._db.execute("SELECT time, kind, data FROM mark ORDER BY time, rowid")]

    # Sums

    def sample_sums(self) -> Iterator[tuple[int, int, int, int]]:
        """Return series, first time, last time and count of the sealed and the open samples; a series may come twice."""
        yield from self._db.execute("SELECT series, min(first), max(last), sum(count) FROM block GROUP BY series").fetchall()
        if not self.is_closed:
            self._follow_journal()
            for series, columns in self._journal.samples.items():
                yield series, min(columns.times), max(columns.times), len(columns)

    def event_sums(self) -> list[tuple[int, int, int, int]]:
        """Return series, first time, last time and count of the events."""
        return self._db.execute("SELECT series, min(time), max(time), count(*) FROM event GROUP BY series").fetchall()

    def _events(self, series: Collection[int], where: str, values: tuple[object, ...]) -> Iterator[StoredEvent]:
        if not series:
            return
        sql = f"SELECT id FROM event WHERE series IN ({_numbers(series)}) AND {where}"  # noqa: S608
        # SQLite would hold the text of all of them, to bring them into order.
        for number in self._db.execute(sql, values).fetchall():
            yield StoredEvent(*self._db.execute("SELECT id, time, series, data FROM event WHERE id = ?", number).fetchone())


def _numbers(series: Iterable[int]) -> str:
    """Return the numbers as a list in SQL: there can be more than SQLite takes parameters. They are of this file's own table."""
    return ", ".join(str(int(one)) for one in series)

"""The catalog: runs, notes, and the summary of each hour, which stays when the part is deleted.

All but runs and notes can be built again from the parts. Every commit is on the disk when a method returns: what was answered is
never lost. All of this blocks, and is called in the writer's thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from netd.codec.jsontext import decode, encode
from netd.errors import NoSuchTarget, OperationFailed
from netd.formats import CATALOG
from netd.recorder.database import FileFormat, connect, telling_damage, transaction
from netd.recorder.part_summary import PartSummary

__all__ = ["Catalog", "RecordedNote", "RecordedRun", "open_catalog"]

SCHEMA = """
CREATE TABLE run    (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, begin INTEGER NOT NULL, end INTEGER,
                     patterns TEXT NOT NULL, facts TEXT NOT NULL, who TEXT NOT NULL) STRICT;
CREATE TABLE note   (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, until INTEGER, subject TEXT, text TEXT NOT NULL, run INTEGER,
                     who TEXT NOT NULL) STRICT;
CREATE TABLE series (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, label TEXT NOT NULL, unit TEXT NOT NULL,
                     UNIQUE (subject, unit)) STRICT;
CREATE TABLE hour   (series INTEGER NOT NULL, hour INTEGER NOT NULL, count INTEGER NOT NULL, low REAL NOT NULL,
                     high REAL NOT NULL, total REAL NOT NULL, PRIMARY KEY (series, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE part   (name TEXT PRIMARY KEY, chunk INTEGER NOT NULL, first INTEGER, last INTEGER, samples INTEGER NOT NULL,
                     events INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
"""``part`` has the closed ones. ``chunk`` is the last of a part that ``hour`` has counted, so that none is counted twice."""

FORMAT = FileFormat(CATALOG, SCHEMA)
"""The format of the catalog that is written here."""

_COUNT_SERIES = """
INSERT INTO series (subject, label, unit) VALUES (?, ?, ?)
ON CONFLICT (subject, unit) DO UPDATE SET label = excluded.label WHERE label != excluded.label
"""

_COUNT_HOUR = """
INSERT INTO hour (series, hour, count, low, high, total)
VALUES ((SELECT id FROM series WHERE subject = ? AND unit = ?), ?, ?, ?, ?, ?)
ON CONFLICT (series, hour) DO UPDATE SET count = count + excluded.count, low = min(low, excluded.low),
    high = max(high, excluded.high), total = total + excluded.total
"""


@frozen
class RecordedRun:
    """A run: a time that has a name. Times are microseconds since the epoch; *end* is None while the run is open.

    :ivar patterns: the subjects that belong to it.
    :ivar facts: whatever its beginner wanted to be kept with it.
    """

    number: int
    name: str
    begin: int
    end: int | None
    patterns: tuple[str, ...]
    facts: dict[str, Any]
    who: str


@frozen
class RecordedNote:
    """A note at a time, or from a time *until* another, in microseconds since the epoch; about a subject, a run, or all."""

    id: int
    time: int
    until: int | None
    subject: str | None
    text: str
    run: int | None
    who: str


class Catalog:
    """The open catalog. It is made by :func:`open_catalog`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def begin_run(self, name: str, begin: int, patterns: Sequence[str], facts: Mapping[str, object], who: str) -> RecordedRun:
        """Note that a run has begun."""
        row = (name, begin, encode(patterns).decode(), encode(facts).decode(), who)
        with transaction(self._database, is_full=True):
            self._database.execute("INSERT INTO run (name, begin, patterns, facts, who) VALUES (?, ?, ?, ?, ?)", row)
            return self._runs("ORDER BY number DESC LIMIT 1")[0]

    def finish_run(self, number: int | None, end: int) -> RecordedRun:
        """Note that a run has ended; None is the one that is open.

        :raises NoSuchTarget: if there is no such run, or none that is open.
        :raises OperationFailed: if the run has ended before, or several are open.
        """
        with transaction(self._database, is_full=True):
            if number is None:
                found = self._runs("WHERE end IS NULL ORDER BY number DESC")
                if len(found) > 1:
                    raise OperationFailed(f"several runs are open: say which of {', '.join(str(run.number) for run in found)}")
            else:
                found = self._runs("WHERE number = ?", number)
            if not found:
                raise NoSuchTarget("no run is open") if number is None else no_such_run(number)
            if found[0].end is not None:
                raise OperationFailed(f"run {number} has ended already")
            self._database.execute("UPDATE run SET end = ? WHERE number = ?", (end, found[0].number))
            return self._runs("WHERE number = ?", found[0].number)[0]

    def run(self, number: int) -> RecordedRun:
        """Return the run of that *number*.

        :raises NoSuchTarget: if there is none.
        """
        found = self._runs("WHERE number = ?", number)
        if not found:
            raise no_such_run(number)
        return found[0]

    def runs(
        self, contains: str | None = None, newest: int = 50, sees: Callable[[str], bool] = lambda _: True
    ) -> list[RecordedRun]:
        """Return the newest runs whose patterns *sees* admits, newest first.

        :param contains: a text that name or facts must have in them, in whichever case.
        """
        found = self._runs(
            "WHERE ?1 IS NULL OR instr(lower(name), lower(?1)) OR instr(lower(facts), lower(?1)) ORDER BY number DESC", contains
        )
        return [run for run in found if all(map(sees, run.patterns))][:newest]

    def annotate(self, time: int, until: int | None, subject: str | None, text: str, run: int | None, who: str) -> RecordedNote:
        """Keep a note."""
        with transaction(self._database, is_full=True):
            made = self._database.execute(
                "INSERT INTO note (time, until, subject, text, run, who) VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
                (time, until, subject, text, run, who),
            ).fetchall()
            return RecordedNote(*made[0])

    def notes(self, begin: int, end: int, newest: int = 1000) -> list[RecordedNote]:
        """Return the newest of the notes between two times, in order of time."""
        rows = self._database.execute(
            "SELECT * FROM note WHERE time < ? AND coalesce(until, time) >= ? ORDER BY time DESC, id DESC LIMIT ?",
            (end, begin, newest),
        )
        return [RecordedNote(*row) for row in rows][::-1]

    def counted(self) -> dict[str, int]:
        """Return the closed parts whose hours have been counted, each with the number of the last block that was."""
        return dict(self._database.execute("SELECT name, chunk FROM part"))

    def count(self, name: str, summary: PartSummary) -> None:
        """Add what the part *name* has to the hourly summary.

        :param summary: has of the hours what was not counted before.
        """
        with telling_damage(), transaction(self._database, is_full=True):
            self._database.executemany(_COUNT_SERIES, {row[:3] for row in summary.hours})
            self._database.executemany(_COUNT_HOUR, [(row.subject, row.unit, *row[3:]) for row in summary.hours])
            row = (name, summary.chunk, summary.first, summary.last, summary.samples, summary.events)
            self._database.execute("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?, ?)", row)

    def spans(self) -> dict[str, tuple[int, int]]:
        """Return when the first and the last thing came of each closed part that has one, in microseconds since the epoch."""
        rows = self._database.execute("SELECT name, first, last FROM part WHERE first IS NOT NULL")
        return {name: (first, last) for name, first, last in rows}

    def series(self) -> list[tuple[int, str, str, str]]:
        """Return number, subject, label and unit of each series of the hourly summary."""
        return self._database.execute("SELECT id, subject, label, unit FROM series ORDER BY id").fetchall()

    def hours(self, series: int, first: int, last: int) -> list[tuple[int, int, float, float, float]]:
        """Return hour, count, least, greatest and total value of the hours *first* to *last* of the series of that number."""
        sql = "SELECT hour, count, low, high, total FROM hour WHERE series = ? AND hour >= ? AND hour <= ? ORDER BY hour"
        return self._database.execute(sql, (series, first, last)).fetchall()

    def sums(self, but: Iterable[int]) -> list[tuple[str, str, str, int, int, int]]:
        """Return subject, unit, label, first hour, last hour and count of each series of the hourly summary.

        :param but: the first hours of the days that are left out.
        """
        days = ", ".join(str(int(hour)) for hour in sorted(but))
        return self._database.execute(
            "SELECT subject, unit, label, min(hour), max(hour), sum(count)"  # noqa: S608 - numbers
            f" FROM hour JOIN series ON series.id = hour.series WHERE hour - hour % 24 NOT IN ({days}) GROUP BY series.id"
        ).fetchall()

    def forget_part(self, name: str) -> None:
        """Note that a part has gone. Its hours stay."""
        with transaction(self._database, is_full=True):
            self._database.execute("DELETE FROM part WHERE name = ?", (name,))

    def forget_hours(self, before: int) -> None:
        """Delete the summary of all hours before *before*, counted from the epoch. Nothing is written where there is none."""
        if self._database.execute("SELECT 1 FROM hour WHERE hour < ? LIMIT 1", (before,)).fetchone():
            with transaction(self._database, is_full=True):
                self._database.execute("DELETE FROM hour WHERE hour < ?", (before,))

    def close(self) -> None:
        """Close the database as it is."""
        self._database.close()

    def settle(self) -> None:
        """Make one file of the catalog, if nobody reads it, and close it."""
        try:
            self._database.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:  # somebody reads it
            pass
        finally:
            self._database.close()

    def _runs(self, clause: str, *values: object) -> list[RecordedRun]:
        rows = self._database.execute(f"SELECT * FROM run {clause}", values)  # noqa: S608 - clauses are constants of this class
        return [
            RecordedRun(number, name, begin, end, tuple(decode(patterns.encode())), decode(facts.encode()), who)
            for number, name, begin, end, patterns, facts, who in rows
        ]


def no_such_run(number: int) -> NoSuchTarget:
    """Return the error for a run that is not there. One that a caller may not see gets the same."""
    return NoSuchTarget(f"there is no run {number}")


def open_catalog(path: Path) -> Catalog:
    """Open the catalog at *path*, which is made if it is not there.

    :raises DamagedPart: if it cannot be read.
    :raises OtherFormat: if another netd has made it.
    """
    database = connect(path)
    try:
        with telling_damage():
            database.execute("PRAGMA journal_mode=WAL")
            (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if not tables:
                FORMAT.make(database)
            FORMAT.check(database, path)
    except BaseException:
        database.close()
        raise
    return Catalog(database)

"""One part: a database with all that was recorded on a UTC day, or in a piece of one. It needs no other file to be read.

While a part is open, each flush is one transaction with one row of the journal, which saves an SD card. The samples of the
journal are held in memory, too. When an hour is over, or many are open, they are sealed: blocks in, journal out. A closed part is
sealed to the last sample, indexed, and no longer in WAL mode, so that a user who may not write to it can read it.

All of this blocks. It is called in the writer's thread. After an exception, a part is good for
:meth:`PartFile.open_samples` and :meth:`PartFile.close` alone: what it holds in memory may be ahead of the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from netd.codec.jsontext import encode
from netd.formats import PART
from netd.recorder.blocks import Columns, are_fractions, joined, pack_block, pack_journal, sound, unpack_journal
from netd.recorder.database import FileFormat, connect, telling_damage, transaction
from netd.recorder.intake import EventTaken, SeriesName, samples_in
from netd.recorder.part_summary import PartSummary, summarise
from netd.recorder.sealing import LENGTH, next_length, seal_plan, summary_of
from netd.recorder.shipment import Received

__all__ = ["MOST_OPEN", "MOST_SERIES", "MarkMade", "PartFile", "open_part", "received_in"]

MOST_OPEN = 65536
"""Samples that are held open; more are sealed. They take some 5 MB."""

PAGE_SIZE = 4096
"""Bytes in a page of the database."""

MOST_SERIES = 65536
"""Series in a part. What comes of further ones is left out: a peer that makes up names would otherwise fill the memory."""

SCHEMA = """
CREATE TABLE series  (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, label TEXT NOT NULL, unit TEXT NOT NULL,
                      UNIQUE (subject, unit)) STRICT;
CREATE TABLE journal (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE block   (series INTEGER NOT NULL, first INTEGER NOT NULL, chunk INTEGER NOT NULL, last INTEGER NOT NULL,
                      count INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, total REAL NOT NULL,
                      PRIMARY KEY (series, first, chunk)) STRICT, WITHOUT ROWID;
CREATE TABLE chunk   (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE event   (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, series INTEGER NOT NULL, data TEXT NOT NULL) STRICT;
CREATE TABLE mark    (time INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL) STRICT;
"""
"""The columns of the key stand first: SQLite 3.40 reports sound files as damaged where the key of such a table is spread."""

RECEIVED = "CREATE TABLE IF NOT EXISTS received (sender TEXT PRIMARY KEY, blocks TEXT NOT NULL) STRICT"
"""A further table of a node that keeps the history of others."""

FORMAT = FileFormat(PART, SCHEMA)
"""The format of the parts that are written here."""

_LAST_KNOWN = """
SELECT max(time) FROM (SELECT max(last) AS time FROM block UNION ALL SELECT max(time) FROM mark
                       UNION ALL SELECT time FROM event WHERE id = (SELECT max(id) FROM event))
"""


class MarkMade(NamedTuple):
    """Something about the recording itself.

    :ivar time: when it was, or began, in microseconds since the epoch.
    :ivar kind: ``started``, ``stopped``, ``crashed``, ``dropped``, ``full`` or ``clock``.
    """

    time: int
    kind: str
    data: Mapping[str, object] = {}


class PartFile:
    """A part that is open for writing. It is made by :func:`open_part`.

    :ivar held: samples that are open.
    :ivar refused: samples that were no numbers, and samples and events of too many series, since the part was opened.
    :ivar size: bytes of the database after the last write, without its WAL; 0 before.
    :ivar received: which blocks of other nodes are here or in earlier parts, by their sender.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self.held = 0
        self.refused = 0
        self.size = 0
        self._database = database
        self._series: dict[tuple[str, str], tuple[int, str]] = {}  # number and label, by subject and unit
        self._numbers: dict[SeriesName, int] = {}  # the same, by the whole name that a series has now
        self._open: dict[int, Columns] = {}
        self._lengths: dict[int, int] = {}
        self._chunk = 0
        self._row = 0
        self._event = 0
        self._full_at = MOST_OPEN
        self.received: dict[str, Received] = {}

    @property
    def is_full(self) -> bool:
        """Whether so many samples are open that they should be sealed."""
        return self.held >= self._full_at

    @property
    def position(self) -> tuple[int, int]:
        """The numbers of the newest row of the journal and of the newest event: each flush makes one of them greater."""
        return self._row, self._event

    def prepare(self) -> bool:
        """Make the tables, or read what is open in a part that is there.

        :returns: False for a part whose recording had not been stopped.
        :raises OtherFormat: for a part of another netd, which is left as it is.
        :raises DamagedPart: if it cannot be read.
        """
        with telling_damage():
            database = self._database
            (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables:
                FORMAT.check(database, self.path)
            else:
                database.execute(f"PRAGMA page_size={PAGE_SIZE}")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA wal_autocheckpoint=256")
            if tables:
                was_stopped = self._read_open()
                database.execute("DROP INDEX IF EXISTS event_by_series")
                return was_stopped
            FORMAT.make(database)
            return True

    def append(
        self,
        batch: Mapping[SeriesName, Columns],
        events: Iterable[EventTaken] = (),
        marks: Iterable[MarkMade] = (),
        is_full: bool = False,
        received: Mapping[str, Received] = {},
    ) -> None:
        """Write all of this in one transaction. The columns of *batch* are then the part's own.

        :param is_full: whether it is on the disk afterwards, with all that was appended before.
        :param received: what is new of :attr:`received`.
        """
        with telling_damage(), transaction(self._database, is_full):
            numbered, every = self._numbered(batch)
            rows = self._event_rows(events)
            if numbered:
                self._enter(numbered, every)
            if rows:
                self._database.executemany("INSERT INTO event VALUES (?, ?, ?, ?)", rows)
                self._event = rows[-1][0]
            for mark in marks:
                self._mark(mark)
            if received:
                self._note_received(received)
            self._measure()
        self._hold(numbered)
        self.received |= received

    def seal(self, hour: int | None) -> None:
        """Turn the open samples into blocks, in one transaction.

        :param hour: the hour since the epoch that goes on, whose last samples stay open; None seals everything.
        """
        with telling_damage():
            blocks, rest = self._blocks(hour)
            rows, chunks = [], []
            for number, (series, columns) in enumerate(blocks, self._chunk + 1):
                data = pack_block(columns)
                summary = summary_of(columns)
                self._lengths[series] = next_length(summary, len(data), self._lengths.get(series, LENGTH))
                rows.append((series, summary.first, number, *summary[1:]))
                chunks.append((number, data))
            if blocks:
                with transaction(self._database, is_full=False):
                    self._database.execute("DELETE FROM journal")  # first: the blocks then take its pages
                    self._database.executemany("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
                    self._database.executemany("INSERT INTO chunk VALUES (?, ?)", chunks)
                    if rest:
                        self._enter(rest, joined(rest.values()))
                    self._measure()
                self._chunk += len(rows)
                self._open = {}
                self.held = 0
                self._hold(rest)
            self._full_at = max(MOST_OPEN, 2 * self.held)  # else many series of few samples are gone through at each flush

    def sync(self) -> None:
        """Bring all that was appended to the disk."""
        with telling_damage(), transaction(self._database, is_full=True):
            self._database.execute(f"PRAGMA user_version={FORMAT.version}")  # a commit without a change would not reach the disk

    def last_known(self) -> int:
        """Return the time of the newest thing in the part; 0 if there is nothing."""
        with telling_damage():
            (last,) = self._database.execute(_LAST_KNOWN).fetchone()
            return max([last or 0, *(columns.times[-1] for columns in self._open.values())])

    def open_samples(self) -> dict[SeriesName, Columns]:
        """Return the samples that are open, to be written elsewhere when the file has turned out to be damaged."""
        names = {number: SeriesName(subject, label, unit) for (subject, unit), (number, label) in self._series.items()}
        return {names[number]: columns for number, columns in self._open.items()}

    def finish(self, now: int | None) -> None:
        """Seal everything, and index the events. Note that recording stopped at *now*, if it had not been stopped before."""
        with telling_damage():
            if self._open:
                self.seal(None)
            with transaction(self._database, is_full=True):
                if now is not None:
                    self._mark(MarkMade(now, "stopped"))
                self._database.execute("CREATE INDEX IF NOT EXISTS event_by_series ON event (series, time)")

    def summary(self, after: int) -> PartSummary:
        """Return the summary of the part; its hours are those of the blocks after number *after*."""
        with telling_damage():
            return summarise(self._database, after)

    def settle(self) -> bool:
        """Make one file of the part, which nobody has to write to for reading it, and close it.

        :returns: False while somebody reads it; then it is still open, and to be settled later.
        """
        with telling_damage():
            try:
                self._database.execute("PRAGMA busy_timeout=0")  # recording does not wait for readers
                self._database.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                return False
            self._database.close()
            return True

    def close(self) -> None:
        """Close the database as it is; nothing that was committed is lost."""
        self._database.close()

    def _read_open(self) -> bool:
        """Read what a part holds in memory. Return whether its recording was stopped."""
        database = self._database
        for number, subject, label, unit in database.execute("SELECT id, subject, label, unit FROM series"):
            self._series[subject, unit] = number, label
        for self._row, data in database.execute("SELECT id, data FROM journal ORDER BY id"):
            self._hold(unpack_journal(data))
        (self._chunk,) = database.execute("SELECT coalesce(max(id), 0) FROM chunk").fetchone()
        (self._event,) = database.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()
        self.received = received_in(database)
        newest = database.execute(
            "SELECT kind FROM mark WHERE kind IN ('started', 'stopped', 'crashed') ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        return bool(newest == ("stopped",))

    def _note_received(self, received: Mapping[str, Received]) -> None:
        """Write which blocks have come. Only a node that collects has the table."""
        self._database.execute(RECEIVED)
        rows = [(sender, one.text) for sender, one in received.items()]
        self._database.executemany("INSERT OR REPLACE INTO received VALUES (?, ?)", rows)

    def _numbered(self, batch: Mapping[SeriesName, Columns]) -> tuple[dict[int, Columns], Columns]:
        """Return the samples that can be written by the number of their series, and all of them one after the other."""
        every = joined(batch.values())
        are_sound = are_fractions(every)
        numbers = [*map(self._numbers.get, batch)]
        if are_sound and None not in numbers:  # as nearly always: what follows would take a tenth of the time of a flush
            return dict(zip(numbers, batch.values(), strict=True)), every  # type: ignore[arg-type] # none of them is None
        found: dict[int, Columns] = {}
        for name, taken in batch.items():
            columns = taken if are_sound else sound(taken)
            number = self._number(name)
            self.refused += len(taken) - (0 if number is None else len(columns))
            if number is None or not columns:
                continue
            if number in found:  # two labels of one series; the batch is offered again if it cannot be written
                found[number] = found[number].copy()
                found[number].add(columns)
            else:
                found[number] = columns
        return found, joined(found.values())

    def _event_rows(self, events: Iterable[EventTaken]) -> list[tuple[int, int, int, str]]:
        rows: list[tuple[int, int, int, str]] = []
        for name, time, text in events:
            number = self._number(name)
            if number is None:
                self.refused += 1
            else:
                rows.append((self._event + len(rows) + 1, time, number, text.decode("utf-8", "replace")))
        return rows

    def _number(self, name: SeriesName) -> int | None:
        """Return the number of a series, which is written if it is new or has another label; None if there are too many."""
        known = self._numbers.get(name)
        if known is not None:
            return known
        subject, label, unit = name
        found = self._series.get((subject, unit))
        if found is None:
            if len(self._series) >= MOST_SERIES:
                return None
            number = len(self._series) + 1
            self._database.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (number, subject, label, unit))
        else:
            number, before = found
            self._numbers.pop(SeriesName(subject, before, unit), None)
            if before != label:
                self._database.execute("UPDATE series SET label = ? WHERE id = ?", (label, number))
        self._series[subject, unit] = number, label
        self._numbers[name] = number
        return number

    def _enter(self, batch: Mapping[int, Columns], every: Columns) -> None:
        """Write a row of the journal. Readers tell by its number, which only grows, whether they have seen it."""
        self._row += 1
        self._database.execute("INSERT INTO journal VALUES (?, ?)", (self._row, pack_journal(batch, every)))

    def _hold(self, batch: Mapping[int, Columns]) -> None:
        opened = self._open
        self.held += samples_in(batch)
        for number, columns in batch.items():
            held = opened.get(number)
            if held is None:
                opened[number] = columns
            elif held.agent_times is None and columns.agent_times is None:  # a call for each series would cost as much again
                held.times += columns.times
                held.values += columns.values
            else:
                held.add(columns)

    def _blocks(self, hour: int | None) -> tuple[list[tuple[int, Columns]], dict[int, Columns]]:
        """The blocks to be made of the open samples, and what stays open."""
        for is_squeezed in (False, True):
            blocks: list[tuple[int, Columns]] = []
            rest: dict[int, Columns] = {}
            for number, columns in self._open.items():
                length = self._lengths.get(number, LENGTH)
                whole, left = seal_plan(columns, length, hour, *(() if is_squeezed else (length,)))
                blocks += [(number, one) for one in whole]
                if left is not None:
                    rest[number] = left
            if sum(map(len, rest.values())) <= MOST_OPEN // 2:  # else short blocks are better than none
                break
        return blocks, rest

    def _measure(self) -> None:
        """Called within a transaction: outside of one, SQLite reads the state of the WAL anew for this question alone."""
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        self.size = int(pages) * PAGE_SIZE

    def _mark(self, mark: MarkMade) -> None:
        time, kind, data = mark
        self._database.execute("INSERT INTO mark VALUES (?, ?, ?)", (time, kind, encode(data).decode()))


def received_in(database: sqlite3.Connection) -> dict[str, Received]:
    """Return which blocks of other nodes a part has noted, by their sender."""
    if database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'received'").fetchone() is None:
        return {}
    return {sender: Received.read(blocks) for sender, blocks in database.execute("SELECT sender, blocks FROM received")}


def open_part(path: Path) -> PartFile:
    """Open the file at *path*; :meth:`PartFile.prepare` comes next.

    :raises OSError: if there can be no such file.
    """
    return PartFile(path, connect(path))

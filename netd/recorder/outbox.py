"""What this node has recorded and another node is to keep, too: blocks in a file, until NATS has acknowledged each of them.

A block has a number, which is never used again, and the file has an epoch: number and epoch together name a block for ever. All
of this is called in the writer's thread, and waits for the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netd.errors import OperationFailed, text_of
from netd.formats import OUTBOX_FILE
from netd.recorder.database import DamagedPart, FileFormat, OtherFormat, connect, transaction
from netd.recorder.intake import EventTaken, SamplesTaken
from netd.recorder.shipment import pack_shipment

__all__ = ["OUTBOX", "HistoryOutbox"]

OUTBOX = "outbox.db"
"""The name of the file, beside the catalog."""

MOST_KEPT = 256 << 20
"""Bytes of blocks that wait. Above, the oldest go: they are still in this node's own history."""

AT_ONCE = 64
"""Blocks that are read at a time."""

SCHEMA = """
CREATE TABLE block (number INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL) STRICT;
CREATE TABLE epoch (name TEXT NOT NULL) STRICT;
"""

FORMAT = FileFormat(OUTBOX_FILE, SCHEMA)


class HistoryOutbox:
    """The blocks that wait.

    :param make_epoch: returns a name that no other file has.
    :param most_kept: bytes of blocks that wait, at most.
    :ivar is_on: whether what is recorded comes here, too. Once it does, it does after each restart.
    :ivar dropped: blocks that were dropped because too many waited, or the disk refused them.
    """

    def __init__(self, path: Path, make_epoch: Callable[[], str], most_kept: int = MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._path = path
        self._make_epoch = make_epoch
        self._database: sqlite3.Connection | None = None
        self._epoch = ""
        self._size = 0
        self.is_on = path.exists()
        self.dropped = 0

    def pack(self, samples: SamplesTaken, events: Sequence[EventTaken]) -> list[bytes]:
        """Return blocks of what is about to be written; none while nothing is shipped. The part takes the columns afterwards."""
        return list(pack_shipment(samples, events)) if self.is_on else []

    def add(self, blocks: Sequence[bytes]) -> None:
        """Let *blocks* wait. What the disk refuses is dropped, and recording goes on."""
        if not blocks:
            return
        try:
            database = self._opened()
            with transaction(database, is_full=False):
                database.executemany("INSERT INTO block (data) VALUES (?)", [(block,) for block in blocks])
                size = self._size + sum(map(len, blocks))
                while size > self._most_kept:
                    number, length = database.execute("SELECT number, length(data) FROM block ORDER BY number LIMIT 1").fetchone()
                    database.execute("DELETE FROM block WHERE number = ?", (number,))
                    size -= length
                    self.dropped += 1
            self._size = size
        except (sqlite3.Error, OSError, DamagedPart, OtherFormat):
            self.close()
            self.dropped += len(blocks)

    def waiting(self) -> tuple[str, list[tuple[int, bytes]]]:
        """Return the epoch, and the oldest blocks with their numbers.

        :raises OperationFailed: when the disk refuses, or the file is damaged.
        """
        if not self.is_on:
            return "", []
        with self._telling():
            rows = self._opened().execute("SELECT number, data FROM block ORDER BY number LIMIT ?", (AT_ONCE,)).fetchall()
        return self._epoch, rows

    def forget(self, epoch: str, number: int) -> None:
        """Forget the blocks up to *number*, which are acknowledged.

        :raises OperationFailed: as :meth:`waiting`.
        """
        with self._telling():
            database = self._opened()
            if epoch == self._epoch:
                with transaction(database, is_full=False):  # all that are left would be read for their size, each time
                    sizes = database.execute("DELETE FROM block WHERE number <= ? RETURNING length(data)", (number,)).fetchall()
                self._size -= sum(size for (size,) in sizes)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, DamagedPart, OtherFormat) as error:
            self.close()
            raise OperationFailed(
                f"{self._path}: {text_of(error)}: see to the disk, or remove the file; what waits there is in this node's history"
            ) from None

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            database = connect(self._path)
            try:
                self._prepare(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _prepare(self, database: sqlite3.Connection) -> None:
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables:
            FORMAT.check(database, self._path)
        database.execute("PRAGMA journal_mode=WAL")
        if not tables:
            FORMAT.make(database)
        found = database.execute("SELECT name FROM epoch").fetchone()
        if found is None:
            with transaction(database, is_full=True):
                found = (self._make_epoch(),)
                database.execute("INSERT INTO epoch VALUES (?)", found)
        self._epoch = found[0]
        (self._size,) = database.execute("SELECT coalesce(sum(length(data)), 0) FROM block").fetchone()

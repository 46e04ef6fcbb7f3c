"""The file of the state database: one table of entries in SQLite, each under its owner, its table and its key.

Values are JSON text, so that any SQLite shell can show them. The file is read when the daemon starts, by the reactor's thread.
All later calls come from one other thread (:mod:`netd.state.state`), because each commit waits for the disk.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from netd.errors import NetdError
from netd.formats import NEWER, STATE, StoredFormat, bring_up, numbers_in

__all__ = ["STATE_FILE", "Disk", "Kept", "Row", "StateFile", "StateUnusable", "objection"]

STATE_FILE = "state.db"
"""Name of the file inside the state directory."""

MOST_PAGES = 1 << 17
"""Pages of 4 KiB that the file can have. A write over it fails as on a full disk."""

CHECKED = 1 << 26
"""Bytes of a file up to which it is checked as a whole at each start."""

IDLE_PAGES = 1024
"""Pages without content that a file may have when it is opened. More are given back to the file system."""

PRAGMAS = (
    "auto_vacuum = INCREMENTAL",  # which counts in a new file, before anything else is written into it
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 256",
    f"max_page_count = {MOST_PAGES}",
)

SCHEMA = """
CREATE TABLE entry (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, time REAL NOT NULL,
                    data TEXT NOT NULL, UNIQUE (owner, kind, key)) STRICT;
"""

Row = tuple[str, str, str, float, str | None]
"""Owner, table, key, time of writing, and JSON text, which is None for an entry to be removed."""

Kept = tuple[str, str, float, str]
"""Table, key, time of writing, and JSON text."""


class Disk(Protocol):
    """The file as :class:`netd.state.state.State` needs it. All methods may block; all but *open* are called in the thread."""

    trouble: str
    size: int

    @property
    def name(self) -> str:
        """Its path, for people."""

    def open(self) -> None:
        """Open it."""

    def load(self, owner: str, table: str | None = None) -> list[Kept]:
        """Return the entries of an owner."""

    def read(self, owner: str, table: str, key: str) -> str | None:
        """Return one entry."""

    def commit(self, rows: Iterable[Row]) -> None:
        """Write entries."""

    def close(self) -> None:
        """Close it."""


class StateUnusable(NetdError):
    """The state database cannot be used. The message names the file and the remedy."""


class _Damaged(Exception):
    """The file is no sound database."""


class StateFile:
    """The file at *path*. One of an older version is brought up when it is opened.

    :param stored: the format that is written.
    :ivar trouble: why the file is not used, or what was wrong with it at the start; empty if all is well.
    :ivar size: bytes of the file after the last commit.
    """

    def __init__(self, path: Path, stored: StoredFormat = STATE) -> None:
        self._path = path
        self._stored = stored
        self.trouble = ""
        self.size = 0
        self._connection: sqlite3.Connection | None = None

    @property
    def name(self) -> str:
        """The path, for people."""
        return str(self._path)

    def open(self) -> None:
        """Open the file, which is made if it is missing. A damaged file is renamed to ``….damaged``, and a new one begun.

        A file that cannot be used for another reason, such as a full disk, stays closed: :attr:`trouble` says why, and all later
        commits fail.

        :raises StateUnusable: when the file is another program's, or a newer netd's.
        """
        try:
            try:
                self._open()
            except _Damaged as damage:
                aside = self._put_aside()
                self._open()
                self.trouble = f"{self.name} was damaged ({damage}); it is {aside.name} now, and a new one has been begun"
        except (OSError, sqlite3.Error) as error:
            self._disconnect()
            self.trouble = (
                f"{self.name} cannot be opened: {getattr(error, 'strerror', None) or error}; "
                "see to the disk and the rights of the file, then start netd again"
            )

    def load(self, owner: str, table: str | None = None) -> list[Kept]:
        """Return the entries of *owner*, of one table or of all, in the order in which they were written.

        :raises sqlite3.Error: when the file cannot be read.
        """
        if self._connection is None:
            return []
        found = self._connection.execute(
            "SELECT kind, key, time, data FROM entry WHERE owner = ? AND kind = coalesce(?, kind) ORDER BY id", (owner, table)
        )
        return found.fetchall()

    def read(self, owner: str, table: str, key: str) -> str | None:
        """Return the text of one entry, or None if there is none.

        :raises sqlite3.Error: when the file cannot be read.
        """
        connection = self._connected()
        one = "SELECT data FROM entry WHERE owner = ? AND kind = ? AND key = ?"
        found = connection.execute(one, (owner, table, key)).fetchone()
        return None if found is None else str(found[0])

    def commit(self, rows: Iterable[Row]) -> None:
        """Write *rows* in one transaction, which is on the disk when this returns.

        :raises sqlite3.Error: when that fails. The file is as it was before.
        :raises OSError: likewise.
        """
        connection = self._connected()
        try:
            connection.execute("BEGIN IMMEDIATE")
            for owner, table, key, written, text in rows:
                if text is None:
                    connection.execute("DELETE FROM entry WHERE owner = ? AND kind = ? AND key = ?", (owner, table, key))
                else:
                    connection.execute(
                        "INSERT OR REPLACE INTO entry (owner, kind, key, time, data) VALUES (?, ?, ?, ?, ?)",
                        (owner, table, key, written, text),
                    )
            connection.execute("COMMIT")
        except BaseException:
            self._disconnect()  # which rolls back, and empties the write-ahead log: a full disk gets its space back
            raise
        self.size = _number(connection, "page_count") * _number(connection, "page_size")

    def close(self) -> None:
        """Close the file; the write-ahead log is put into it."""
        self._disconnect()

    def _open(self) -> None:
        _make_private(self._path)
        try:
            self._connection = self._connect()
            self._prepare(self._connection)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._disconnect()
            raise _Damaged(str(error)) from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        application, version = _number(connection, "application_id"), _number(connection, "user_version")
        if not _number(connection, "schema_version"):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(SCHEMA)
            connection.execute(f"PRAGMA application_id = {self._stored.application}")
            connection.execute(f"PRAGMA user_version = {self._stored.version}")
            connection.execute("COMMIT")
        elif why := _unfit(self.name, application, version, self._stored):
            self._disconnect()
            raise StateUnusable(why)
        else:
            bring_up(connection, self._stored)
        self.size = _number(connection, "page_count") * _number(connection, "page_size")
        if self.size <= CHECKED:
            [answer] = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                self._disconnect()
                raise _Damaged(str(answer))
        if _number(connection, "freelist_count") > IDLE_PAGES:
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` would take one step, which frees one page

    def _connected(self) -> sqlite3.Connection:
        """Return the connection, made anew if the last commit has failed.

        :raises OSError: when the file could not be opened at the start: a new one in its place would hide what it holds.
        """
        if self._connection is None:
            if self.trouble and self.size == 0:
                raise OSError(self.trouble)
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _put_aside(self) -> Path:
        """Rename the file, and the write-ahead log beside it, which ``sqlite3 FILE .recover`` needs."""
        aside = self._path.with_name(f"{self._path.stem}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.db.damaged")
        for suffix in ("", "-wal", "-shm"):
            beside = Path(f"{self._path}{suffix}")
            if beside.exists():
                beside.replace(f"{aside}{suffix}")
        return aside


def objection(path: Path) -> str:
    """A sentence that says why the file at *path* cannot be used; empty if it can. Nothing is changed, nor is SQLite asked."""
    try:
        with path.open("rb") as file:
            numbers = numbers_in(file.read(100))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    if numbers is None or (not any(numbers) and Path(f"{path}-wal").exists()):
        return ""  # an empty file, one that the daemon will put aside, or a new one whose header is in its journal as yet
    return _unfit(str(path), *numbers, STATE)


def _unfit(name: str, application: int, version: int, stored: StoredFormat) -> str:
    """Why a file with these numbers in its header is not for this netd; empty if it is."""
    if application != stored.application:
        return f"{name} is not netd's: move the file away, or choose another state directory"
    return "" if version <= stored.version else f"{name} {NEWER}, or move the file away: what it holds is then not known here"


def _make_private(path: Path) -> None:
    """Make the file if it is missing, and let no other user read it. SQLite gives the files beside it the same mode."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    [number] = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)

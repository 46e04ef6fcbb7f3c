"""Databases of the recorder: opened, written in transactions, and what SQLite says of a damaged one."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from netd.formats import NEWER, StoredFormat, bring_up
from netd.recorder.blocks import BadBlock

__all__ = ["DamagedPart", "FileFormat", "OtherFormat", "connect", "read_only", "telling_damage", "transaction"]


class DamagedPart(Exception):
    """A file is no database, or no part, or cannot be read to its end. The message says why."""


class OtherFormat(Exception):
    """A file was written by a netd of another format. It is never written to. The message names the file and the remedy."""


@contextmanager
def telling_damage() -> Iterator[None]:
    """Raise what SQLite and zlib say of a damaged file as :class:`DamagedPart`."""
    try:
        yield
    except BadBlock as error:
        raise DamagedPart(str(error)) from None
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise DamagedPart(str(error)) from None
        raise


def connect(path: Path) -> sqlite3.Connection:
    """Open the database at *path*, which is made if it is not there, for its owner alone."""
    # One that is there is not touched: closing any descriptor of it would end the locks that SQLite has of it in this process.
    # Another program that opens it would then take itself for the only one, and delete the write-ahead log that netd writes to.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
    return sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)


@contextmanager
def transaction(database: sqlite3.Connection, is_full: bool) -> Iterator[None]:
    """Commit what is done within, or roll it back.

    :param is_full: whether it is on the disk afterwards, with all that was committed before.
    """
    database.execute(f"PRAGMA synchronous={'FULL' if is_full else 'NORMAL'}")
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@frozen
class FileFormat:
    """The format of one kind of file, with its tables.

    :ivar stored: its numbers, and the steps from older versions.
    :ivar schema: statements in SQL.
    """

    stored: StoredFormat
    schema: str

    @property
    def version(self) -> int:
        """The version that is written."""
        return self.stored.version

    def make(self, database: sqlite3.Connection) -> None:
        """Make the tables of an empty file, in one transaction."""
        with transaction(database, is_full=True):
            for statement in self.schema.split(";\n"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id={self.stored.application}")
            database.execute(f"PRAGMA user_version={self.version}")

    def check(self, database: sqlite3.Connection, path: Path) -> None:
        """Check that the file at *path* has this format. One of an older version is brought up.

        :raises DamagedPart: if it is a database of something else.
        :raises OtherFormat: if a newer netd has made it, or one that is too old.
        """
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != self.stored.application:
            raise DamagedPart(f"it is a database, but no {self.stored.kind} of a recorder")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > self.version:
            raise OtherFormat(f"{path} {NEWER}, or move it away, and another is made")
        if not bring_up(database, self.stored):
            raise OtherFormat(
                f"{path}: its format is {version}, and this netd writes {self.version}: move it away, and another is made"
            )


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database at *path* for a look."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2, isolation_level=None)
    try:
        yield database
    finally:
        database.close()

"""The formats of netd's files: their numbers, and the steps from an older version to the one of today.

Each database says in its header whose it is (``application_id``) and which version it has (``user_version``). An older version is
brought up when the file is opened for writing. A newer one is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from sqlite3 import Connection

from attrs import field, frozen

__all__ = ["CATALOG", "FORMATS", "NEWER", "OUTBOX_FILE", "PART", "STATE", "StoredFormat", "bring_up", "numbers_in"]

NEWER = "was written by a newer netd; run that one again, or `netd restore` a backup of before the upgrade"
"""Why a file is not touched, with the remedy; behind its name."""

HEADER = 100
"""Bytes of the header of an SQLite file."""


@frozen
class StoredFormat:
    """The format of one kind of database.

    :ivar kind: what people call it.
    :ivar application: the number of its kind, four letters of ASCII.
    :ivar version: the version that this netd writes.
    :ivar steps: for each older version, the statements of SQL that make the next one of it.
    """

    kind: str
    application: int
    version: int
    steps: Mapping[int, str] = field(factory=dict)


STATE = StoredFormat("state database", 0x6E647374, 1)
PART = StoredFormat("part", 0x6E657464, 1)
CATALOG = StoredFormat("catalog", 0x6E657463, 1)
OUTBOX_FILE = StoredFormat("outbox", 0x6E65746F, 1)

FORMATS = {one.application: one for one in (STATE, PART, CATALOG, OUTBOX_FILE)}
"""All formats by their numbers."""


def bring_up(database: Connection, stored: StoredFormat) -> bool:
    """Bring an older file up to the version of today, in one transaction.

    :returns: False if no steps lead there: nothing was done.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    steps = range(version, stored.version)
    if any(step not in stored.steps for step in steps):
        return False
    if steps:
        database.execute("BEGIN IMMEDIATE")
        try:
            for step in steps:
                for statement in stored.steps[step].split(";\n"):
                    database.execute(statement)
            database.execute(f"PRAGMA user_version={stored.version}")
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
    return True


def numbers_in(header: bytes) -> tuple[int, int] | None:
    """Return application and version in the first 100 bytes of a file; None if they are not those of an SQLite database."""
    if len(header) < HEADER or not header.startswith(b"SQLite format 3\0"):
        return None
    return int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big")

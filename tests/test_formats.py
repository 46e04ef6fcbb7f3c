"""Tests of ``netd.formats``: files of older versions are brought up, all or nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.formats import FORMATS, StoredFormat, bring_up, numbers_in
from netd.recorder.database import FileFormat, OtherFormat
from netd.state.file import StateFile, StateUnusable

STEPS = {
    1: "ALTER TABLE entry ADD COLUMN who TEXT NOT NULL DEFAULT 'nobody'",
    2: "CREATE TABLE more (x);\nCREATE INDEX y ON more (x)",
}


class BringUpTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.today = StoredFormat("state database", 0x6E647374, 3, STEPS)
        old = StateFile(self.path)
        old.open()
        old.commit([("relay.main", "device", "pump", 1.0, "{}")])
        old.close()

    def test_brought_up(self) -> None:
        """What an older netd has written is there after the upgrade, with what the steps have added; the older one refuses it."""
        file = StateFile(self.path, self.today)
        file.open()
        self.assertEqual(("", [("device", "pump", 1.0, "{}")]), (file.trouble, file.load("relay.main")))
        file.close()
        with closing(sqlite3.connect(self.path)) as database:
            self.assertEqual([("pump", "nobody")], database.execute("SELECT key, who FROM entry").fetchall())
        error = self.assertRaises(StateUnusable, StateFile(self.path).open)
        self.assertIn("was written by a newer netd; run that one again, or `netd restore` a backup", str(error))

    def test_all_or_nothing(self) -> None:
        """A step that fails leaves the file as it was, for the netd of before."""
        bad = StoredFormat("state database", 0x6E647374, 3, STEPS | {2: "CREATE TABLE more (x);\nNONSENSE"})
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            self.assertRaises(sqlite3.OperationalError, bring_up, database, bad)
        file = StateFile(self.path)
        file.open()
        self.assertEqual(("", 1), (file.trouble, len(file.load("relay.main"))))
        file.close()

    def test_too_old(self) -> None:
        """A part of the recorder for which there are no steps any more is not written to; one that is newer neither."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            for version in (7, 0):
                stored = StoredFormat("part", 0x6E647374, version, {})
                self.assertRaises(OtherFormat, FileFormat(stored, "").check, database, self.path)
            FileFormat(self.today, "").check(database, self.path)
            self.assertEqual((3,), database.execute("PRAGMA user_version").fetchone())

    def test_header(self) -> None:
        """The numbers are read without SQLite; anything else has none."""
        self.assertEqual((0x6E647374, 1), numbers_in(self.path.read_bytes()[:100]))
        self.assertEqual([None, None], [numbers_in(b""), numbers_in(b"?" * 100)])
        self.assertEqual({b"ndst", b"netd", b"netc", b"neto"}, {number.to_bytes(4, "big") for number in FORMATS})

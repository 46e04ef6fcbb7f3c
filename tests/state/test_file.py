"""The file of the state database: real files, whole, damaged, full and foreign."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.formats import NEWER
from netd.state.file import STATE_FILE, Row, StateFile, StateUnusable, objection

HELLO: Row = ("relay.main", "devices", "greenhouse", 7.0, '{"host":"10.0.0.7"}')


class StateFileTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / STATE_FILE

    def open(self) -> StateFile:
        """The file, as the next daemon finds it."""
        file = StateFile(self.path)
        file.open()
        self.addCleanup(file.close)
        return file


class KeepingTests(StateFileTestCase):
    def test_entries_outlive_the_process(self) -> None:
        """What was committed is there without a close: so it is after kill -9."""
        self.open().commit([HELLO, ("relay.main", "queue", "1", 8.0, "{}"), ("session.main", "devices", "x", 9.0, "1")])
        file = self.open()
        self.assertEqual([("devices", "greenhouse", 7.0, HELLO[4])], file.load("relay.main", "devices"))
        self.assertEqual(2, len(file.load("relay.main")))
        self.assertEqual([], file.load("relay.lab2"))
        self.assertEqual((HELLO[4], None), (file.read(*HELLO[:3]), file.read("relay.main", "devices", "other")))
        self.assertEqual("", file.trouble)

    def test_order_of_writing(self) -> None:
        """An entry that is written again is the newest one."""
        file = self.open()
        file.commit([("a", "b", key, 1.0, "0") for key in ("one", "two", "three")])
        file.commit([("a", "b", "one", 2.0, "0"), ("a", "b", "two", 2.0, None)])
        self.assertEqual(["three", "one"], [key for _, key, _, _ in self.open().load("a", "b")])

    def test_only_its_user_reads_it(self) -> None:
        """A file that others could read is made private, and so are the files beside it."""
        self.path.touch(mode=0o644)
        self.open().commit([HELLO])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in self.folder.iterdir()}
        self.assertEqual({"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}, modes)

    def test_every_commit_is_synced(self) -> None:
        """A promise holds through a power cut as well."""
        connection = self.open()._connected()
        found = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("journal_mode", "synchronous")]
        self.assertEqual([("wal",), (2,)], found)

    def test_emptied_file_becomes_small(self) -> None:
        """The space of entries that are gone is given back at a start."""
        file = self.open()
        file.commit([("a", "b", str(number), 1.0, "0" * 100_000) for number in range(100)])
        file.commit([("a", "b", str(number), 1.0, None) for number in range(100)])
        file.close()
        self.open().close()
        self.assertLess(self.path.stat().st_size, 1_000_000)


class TroubleTests(StateFileTestCase):
    def test_damaged_file(self) -> None:
        """A file that is no database is renamed, and a new one begins; what was in it can still be looked into."""
        self.path.write_bytes(b"not a database at all, and longer than its header is" * 100)
        file = self.open()
        file.commit([HELLO])
        [aside] = self.folder.glob("*.damaged")
        self.assertIn(f"was damaged (file is not a database); it is {aside.name} now", file.trouble)
        self.assertEqual(1, len(self.open().load("relay.main", "devices")))

    def test_flipped_bytes(self) -> None:
        """A page that was overwritten is found at the start, and not when a promise is made."""
        file = self.open()
        file.commit([("a", "b", str(number), 1.0, "0" * 1000) for number in range(100)])
        file.close()
        content = bytearray(self.path.read_bytes())
        content[8192:12288] = bytes(range(256)) * 16
        self.path.write_bytes(content)
        self.assertIn("was damaged", self.open().trouble)

    def test_full_disk(self) -> None:
        """A commit that does not fit changes nothing, and the next one that fits is written."""
        file = self.open()
        file.commit([HELLO])
        file._connected().execute("PRAGMA max_page_count = 10")
        error = self.assertRaises(sqlite3.OperationalError, file.commit, [("a", "b", "long", 1.0, "0" * 100_000)])
        self.assertEqual("database or disk is full", str(error))
        file.commit([("a", "b", "short", 1.0, "0")])
        self.assertEqual((1, 1), (len(file.load("relay.main")), len(self.open().load("a"))))

    def test_newer_and_foreign_files(self) -> None:
        """A file that this netd does not understand stays as it is, and the daemon says what to do."""
        newer = f"{NEWER}, or move the file away: what it holds is then not known here"
        foreign = "is not netd's: move the file away, or choose another state directory"
        for pragma, why in (("user_version = 2", newer), ("application_id = 7", foreign)):
            self.open().close()
            connection = sqlite3.connect(self.path)
            connection.execute(f"PRAGMA {pragma}")
            connection.close()
            said = str(self.assertRaises(StateUnusable, self.open))
            self.assertEqual(f"{self.path} {why}", said)
            self.assertEqual(said, objection(self.path))
            self.path.unlink()

    def test_foreseen(self) -> None:
        """`netd check` objects to a file that it cannot read, and to none that is sound, missing, or will be put aside."""
        self.assertEqual("", objection(self.path))
        self.open().close()
        self.assertEqual("", objection(self.path))
        self.path.write_bytes(b"x" * 200)
        self.assertEqual("", objection(self.path))
        self.assertEqual(f"{self.folder} cannot be read: Is a directory", objection(self.folder))

    def test_foreseen_beside_a_daemon(self) -> None:
        """The first header of a file that a daemon has just made is in its journal: `netd check` beside it does not object."""
        file = self.open()
        self.addCleanup(file.close)
        self.assertEqual("", objection(self.path))

    def test_file_that_cannot_be_opened(self) -> None:
        """The daemon starts without it, and nothing is promised; no second file is begun beside the first."""
        self.path.symlink_to("elsewhere.db")
        file = self.open()
        self.assertIn(f"{self.path} cannot be opened: Too many levels of symbolic links; see to the disk", file.trouble)
        self.assertRaises(OSError, file.commit, [HELLO])
        self.assertEqual([], file.load("relay.main"))
        self.assertEqual([self.path], list(self.folder.iterdir()))

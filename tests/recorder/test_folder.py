"""The directory of a recorder: what is in it, and who may write there."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.folder import RecorderFolder
from netd.recorder.part_names import PartName

NAME = PartName("2026-11-28")


class RecorderFolderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = RecorderFolder(Path(self.mktemp()) / "recorder" / "main")
        self.folder.make()

    def test_files_of_a_part(self) -> None:
        """The size of a part is that of all its files; what is left of one that was deleted is no part."""
        for name, size in (
            ("2026-11-28.db", 10),
            ("2026-11-28.db-wal", 5),
            ("2026-11-27.db-wal", 7),
            ("2026-11-28.db.damaged", 9),
        ):
            (self.folder.parts / name).write_bytes(b"x" * size)
        self.assertEqual([(NAME, 15)], self.folder.list_parts())
        self.folder.remove(NAME)
        self.assertEqual({"2026-11-27.db-wal", "2026-11-28.db.damaged"}, {path.name for path in self.folder.parts.iterdir()})

    def test_links(self) -> None:
        """A link to a file elsewhere is no part: it is neither read nor deleted nor written to."""
        target = self.folder.path / "precious"
        target.write_text("mine")
        (self.folder.parts / str(NAME)).symlink_to(target)
        self.assertEqual([], self.folder.list_parts())

    def test_closed(self) -> None:
        """A part is closed when its header says so; an empty file is none."""
        path = self.folder.path_of(NAME)
        for content, is_closed in ((b"", False), (b"\0" * 18 + b"\1\1", True), (b"\0" * 18 + b"\2\2", False)):
            path.write_bytes(content)
            self.assertEqual(is_closed, self.folder.is_closed(NAME))

    def test_cut_off(self) -> None:
        """A part whose closing was cut off is not closed: its journal is still there, by which SQLite takes the end back."""
        path = self.folder.path_of(NAME)
        path.write_bytes(b"\0" * 18 + b"\1\1")
        path.with_name(f"{path.name}-journal").touch()
        self.assertFalse(self.folder.is_closed(NAME))

    def test_lock(self) -> None:
        """One recorder at a time writes to a directory; locking and unlocking twice is harmless."""
        other = RecorderFolder(self.folder.path)
        self.folder.lock()
        self.folder.lock()
        error = self.assertRaises(OSError, other.lock)
        self.assertIn("give one of them another folder", str(error))
        self.folder.unlock()
        self.folder.unlock()
        other.lock()
        other.unlock()

    def test_modes(self) -> None:
        """No other user enters."""
        self.assertEqual([0o700] * 2, [path.stat().st_mode & 0o777 for path in (self.folder.path, self.folder.parts)])

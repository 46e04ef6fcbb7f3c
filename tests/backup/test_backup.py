"""Tests of ``netd.backup``: what is saved comes back to the last byte, and nothing else is put in its place."""

from __future__ import annotations

import fcntl
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.backup.manifest import CONFIGURATION, MANIFEST, BackupRefused, Manifest, SavedFile
from netd.backup.restoring import LOCK, Restored, restore
from netd.backup.saving import save
from netd.formats import STATE
from netd.state.file import STATE_FILE, StateFile

NOW = 1_800_000_000.0


class BackupBench(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.state = self.folder / "state"
        self.state.mkdir(parents=True, mode=0o700)
        (self.state / "tokens").write_text("ops admin 9f86\n")
        (self.state / "tokens").chmod(0o600)
        self.file = StateFile(self.state / STATE_FILE)
        self.file.open()
        self.addCleanup(self.file.close)
        self.put("pump", '{"is": "known"}')

    def put(self, key: str, text: str) -> None:
        """Write an entry of the state, as the daemon does."""
        self.file.commit([("relay.main", "device", key, 1.0, text)])

    def save(self, **elsewhere: Path) -> bytes:
        """A backup."""
        out = io.BytesIO()
        save(out, self.state, elsewhere, None, "1.0", NOW, self.folder)
        return out.getvalue()

    def restore(self, archive: bytes, replaces: bool = False, name: str = "restored") -> Restored:
        """Put a backup back, by default into a directory that is not there."""
        return restore(io.BytesIO(archive), self.folder / name, replaces, NOW)

    def keys(self, directory: Path) -> list[str]:
        """The keys of the entries in the state database below *directory*."""
        with closing(sqlite3.connect(directory / STATE_FILE)) as database:
            return [key for (key,) in database.execute("SELECT key FROM entry ORDER BY id")]

    def everything(self) -> list[Path]:
        """All files that there are, but for locks."""
        return sorted(path for path in self.folder.rglob("*") if path.name != LOCK)

    def refused(self, archive: bytes, **options: Any) -> str:
        """Why a backup is not put back; nothing is left of it, and nothing has changed."""
        before = self.everything()
        error = self.assertRaises(BackupRefused, self.restore, archive, **options)
        self.assertEqual(self.everything(), before)
        return str(error)


class RoundTests(BackupBench):
    def test_while_it_runs(self) -> None:
        """A database that is open, with all in its write-ahead log, is saved whole; later changes are not in it."""
        archive = self.save()
        self.put("late", "1")
        done = self.restore(archive)
        restored = self.folder / "restored"
        self.assertEqual(self.keys(restored), ["pump"])
        self.assertEqual((restored / "tokens").read_text(), "ops admin 9f86\n")
        self.assertEqual([file.path for file in done.manifest.files], ["state.db", "tokens"])
        self.assertEqual([path.stat().st_mode & 0o777 for path in (restored, restored / "tokens")], [0o700, 0o600])
        self.assertIsNone(done.before)
        again = StateFile(restored / STATE_FILE)
        again.open()
        self.assertEqual((again.trouble, again.load("relay.main")), ("", [("device", "pump", 1.0, '{"is": "known"}')]))
        again.close()

    def test_left_out(self) -> None:
        """Sockets, locks, drafts, damaged files and links are of no use to the next daemon."""
        for name in ("control.sock", "netd.lock", ".tokens.x1", "state-1.db.damaged", "recorder/main/lock"):
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        (self.state / "link").symlink_to("/etc/passwd")
        names = [file.path for file in self.restore(self.save()).manifest.files]
        self.assertEqual(names, ["state.db", "tokens"])

    def test_history_elsewhere(self) -> None:
        """The directory of a recorder that is somewhere else is in the backup, and its place is told."""
        place = self.folder / "history"
        (place / "parts").mkdir(parents=True)
        (place / "parts" / "day").write_bytes(b"1")
        done = self.restore(self.save(**{"recorder/main": place}))
        self.assertEqual(done.manifest.elsewhere, {"recorder/main": str(place)})
        self.assertEqual((self.folder / "restored/recorder/main/parts/day").read_bytes(), b"1")
        self.assertEqual((self.folder / "restored/recorder").stat().st_mode & 0o777, 0o700)

    def test_configuration(self) -> None:
        """The configuration is in it, and is no file of the state directory."""
        ini = self.folder / "netd.ini"
        ini.write_text("[relay]\n")
        out = io.BytesIO()
        save(out, self.state, {}, ini, "1.0", NOW, self.folder)
        self.assertEqual(self.restore(out.getvalue()).configuration, b"[relay]\n")
        self.assertFalse((self.folder / "restored" / CONFIGURATION).exists())

    def test_unreadable(self) -> None:
        """A file that cannot be saved fails the backup, which names it."""
        (self.state / "tokens").unlink()
        (self.state / "broken").write_bytes(b"SQLite format 3\0" + b"?" * 5000)
        self.assertIn("cannot be made", str(self.assertRaises(BackupRefused, self.save)))


class PlaceTests(BackupBench):
    def test_files_are_there(self) -> None:
        """Files that are there are not touched, unless that is said; then they are moved beside, and all is exchanged."""
        archive = self.save()
        self.put("late", "1")
        self.file.close()
        self.assertIn("--replace", self.refused(archive, name="state"))
        done = self.restore(archive, replaces=True, name="state")
        assert done.before is not None
        self.assertEqual((self.keys(self.state), self.keys(done.before)), (["pump"], ["pump", "late"]))
        self.assertEqual(done.before, self.folder / "state.before-20270115T080000Z")

    def test_daemon_runs(self) -> None:
        """A daemon that runs keeps its files, whatever is said."""
        archive = self.save()
        lock = os.open(self.state / LOCK, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.assertIn("stop it first", self.refused(archive, replaces=True, name="state"))

    def test_may_not_be_written_to(self) -> None:
        """A directory that the user may not write to is named with the remedy, and not the backup."""
        said = str(self.assertRaises(BackupRefused, restore, io.BytesIO(self.save()), Path("/proc"), True, NOW))
        self.assertIn("/proc cannot be written to", said)
        self.assertIn("as root, or as the user that owns it", said)

    def test_file_system_of_its_own(self) -> None:
        """A mounted directory, such as a container's volume, cannot be exchanged: the remedy is told, and nothing is unpacked."""
        self.patch(Path, "is_mount", lambda path: path.name == "volume")
        (self.folder / "volume").mkdir()
        self.assertIn("volume/restored", self.refused(self.save(), name="volume"))
        self.restore(self.save(), name="volume/restored")
        self.assertEqual(self.keys(self.folder / "volume" / "restored"), ["pump"])

    def test_empty_directory(self) -> None:
        """The directory that a package or systemd has made is as good as none."""
        (self.folder / "restored").mkdir()
        self.assertIsNone(self.restore(self.save()).before)
        self.assertEqual(self.keys(self.folder / "restored"), ["pump"])


class DamageTests(BackupBench):
    def edited(self, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]) -> bytes:
        """A backup whose members were changed."""
        with tarfile.open(fileobj=io.BytesIO(self.save())) as archive:
            members = [(member, (archive.extractfile(member) or io.BytesIO()).read()) for member in archive]
        change(members)
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for member, content in members:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return out.getvalue()

    def test_cut_off(self) -> None:
        """A backup of which the end is missing is not put back, wherever it was cut."""
        archive = self.save()
        for size in range(0, len(archive) - 2 * tarfile.BLOCKSIZE, 4096):
            self.assertRegex(self.refused(archive[:size]), "no backup, or only|ends early|cannot be put back")

    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def test_one_byte(self, data: st.DataObject) -> None:
        """One byte that is another in the content of a file is found."""
        archive = bytearray(self.save())
        at = data.draw(st.integers(tarfile.BLOCKSIZE, tarfile.BLOCKSIZE + 4000))
        archive[at] ^= 0x10
        self.assertIn("damaged", self.refused(bytes(archive)))

    def test_paths(self) -> None:
        """An archive that somebody else has made writes nowhere but below the state directory."""
        for name in ("../evil", "/tmp/evil", "a/../../evil"):

            def lead_out(members: list[tuple[tarfile.TarInfo, bytes]], name: str = name) -> None:
                members[1][0].name = name

            self.assertIn("leads out", self.refused(self.edited(lead_out)))

        def link(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
            members[1][0].type, members[1][0].linkname = tarfile.SYMTYPE, "/etc/passwd"

        self.assertIn("is no file", self.refused(self.edited(link)))

    def test_newer(self) -> None:
        """A backup of a newer netd is not put back: of the archive, or of a database in it."""

        def raise_version(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
            text = json.loads(members[-1][1])
            text["files"][0]["version"] = STATE.version + 1
            members[-1] = (members[-1][0], json.dumps(text).encode())

        said = self.refused(self.edited(raise_version))
        self.assertIn("state.db in this backup, the state database, was made by a newer netd", said)
        self.assertRaises(BackupRefused, Manifest.decode, b'{"version": 99}')
        for text in (b"", b"[]", b'{"version": 1}', b'{"version": 1, "netd": "1", "made": 1, "files": [1], "elsewhere": {}}'):
            self.assertRaises(BackupRefused, Manifest.decode, text)

    def test_hostile_manifest(self) -> None:
        """A manifest whose values are of other types, too large or too deep is refused as one that cannot be read."""
        file = {"path": "a", "size": 1, "sum": "00"}
        whole = {"version": 1, "netd": "1", "made": 1, "elsewhere": {}}
        wrong: list[dict[str, object]] = [{"path": ["a"]}, {"application": [1]}, {"version": "2"}, {"size": None}, {"sum": 0}]
        texts = [json.dumps({**whole, "files": [{**file, **one}]}).encode() for one in wrong]
        for text in (*texts, b'{"version": 1e999}', b"[" * 100_000):
            self.assertRaises(BackupRefused, Manifest.decode, text)

    def test_manifest(self) -> None:
        """A manifest is read as it was written."""
        manifest = Manifest("1.0", NOW, (SavedFile("a/b", 3, "00", 1, 2),), {"recorder/main": "/data"})
        self.assertEqual(Manifest.decode(manifest.encode()), manifest)
        self.assertEqual(MANIFEST, "MANIFEST.json")

"""Tests of ``netd backup`` and ``netd restore``: the files, what is asked of a running daemon, and what is said."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from unittest import SkipTest

from netd.client.control import NotRunning
from tests.cli.fakes import CommandTests


class BackupTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.state = self.folder / "state"
        self.state.mkdir(parents=True)
        (self.state / "tokens").write_text("ops admin 00\n")
        self.ini = self.folder / "netd.ini"
        self.ini.write_text("[relay]\n")
        self.file = self.folder / "netd.tar"
        self.control.broken = NotRunning("not there")

    def names(self) -> list[str]:
        """What is in the backup."""
        with tarfile.open(self.file) as archive:
            return archive.getnames()

    def test_running(self) -> None:
        """A daemon that runs writes first what waits for the disk, and tells where the rest is."""
        elsewhere = self.folder / "history"
        elsewhere.mkdir()
        (elsewhere / "catalog.db").write_bytes(b"")
        self.control.broken = None
        recorder = {"kind": "recorder", "instance": "main", "directory": str(elsewhere)}
        inside = {"kind": "recorder", "instance": "two", "directory": str(self.state / "recorder" / "two")}
        self.control.answers["system.status"] = {"configuration": str(self.ini), "services": [recorder, inside]}
        self.control.answers["history.flush"] = {"seconds": 0.0}
        told = self.netd("--state", str(self.state), "backup", str(self.file))
        self.assertEqual(told.exit_code, 0, told.output)
        self.assertIn(("history.flush", {"instance": "main"}), self.control.calls)
        self.assertEqual(self.names(), ["tokens", "recorder/main/catalog.db", "configuration.ini", "MANIFEST.json"])
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertIn(f"2 files of {self.state}, 0.0 MiB and the configuration are in {self.file}", told.stderr)

    def test_there_and_back(self) -> None:
        """What is saved is put back; files that are there stay, unless --replace moves them beside."""
        self.netd("--state", str(self.state), "backup", str(self.file), "--config", str(self.ini))
        told = self.netd("--state", str(self.state), "restore", str(self.file))
        self.assertEqual((told.exit_code, "--replace" in told.stderr), (1, True))
        written = self.folder / "restored.ini"
        told = self.netd("--state", str(self.state), "restore", str(self.file), "--replace", "--config", str(written))
        self.assertEqual(told.exit_code, 0, told.output)
        self.assertIn(f"what was there before is in {self.state}.before-20231114T221320Z", told.stdout)
        self.assertEqual(written.read_text(), "[relay]\n")
        again = self.netd("--state", str(self.state), "restore", str(self.file), "--replace", "--config", str(written))
        self.assertIn("is there already", again.stderr)

    def test_configuration_for_the_service(self) -> None:
        """What root writes is for the group of the state directory; without one, for all. Others write for themselves."""
        self.netd("--state", str(self.state), "backup", str(self.file), "--config", str(self.ini))
        is_root = os.geteuid() == 0
        for group, mode in ((7, 0o640), (0, 0o644)) if is_root else ((os.getegid(), 0o600),):
            state, written = self.folder / f"state{group}", self.folder / f"{group}.ini"
            state.mkdir()
            os.chown(state, -1, group)
            told = self.netd("--state", str(state), "restore", str(self.file), "--config", str(written))
            self.assertEqual(told.exit_code, 0, told.output)
            self.assertEqual((written.stat().st_gid, written.stat().st_mode & 0o777), (group, mode))

    def test_authority_of_root(self) -> None:
        """The authority's key that root keeps for itself is left out, and that is said; netd's user can make the backup."""
        if os.geteuid() != 0:
            raise SkipTest("only root can keep a file from another user")
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))  # trial's own is closed to others
        self.addCleanup(shutil.rmtree, self.folder)
        self.state, self.file = self.folder / "state", self.folder / "netd.tar"
        self.state.mkdir()
        (self.state / "ca.key").write_text("key")
        (self.state / "tokens").touch()
        for path in (self.folder, self.state, self.state / "tokens"):
            os.chown(path, 7, 7)
        self.netd("--state", str(self.state), "backup", str(self.file))
        self.assertEqual(self.names(), ["ca.key", "tokens", "MANIFEST.json"])
        self.file.unlink()
        os.seteuid(7)
        self.addCleanup(os.seteuid, 0)
        told = self.netd("--state", str(self.state), "backup", str(self.file))
        self.assertEqual((told.exit_code, self.names()), (0, ["tokens", "MANIFEST.json"]))
        self.assertIn("ca.key is not in it: only its owner can read the authority's key", told.stderr)

    def test_through_pipes(self) -> None:
        """The backup goes to standard output, and comes from standard input."""
        told = self.netd("--state", str(self.state), "backup", "-")
        self.file.write_bytes(told.stdout_bytes)
        self.assertEqual(self.names(), ["tokens", "MANIFEST.json"])
        other = self.folder / "other"
        back = self.netd("--state", str(other), "--json", "restore", "-", input=told.stdout_bytes)
        self.assertEqual(json.loads(back.stdout), {"directory": str(other), "files": 1, "before": None})
        self.assertEqual((other / "tokens").read_text(), "ops admin 00\n")

    def test_to_a_device(self) -> None:
        """What is there and no file, such as a tape or a pipe, is written to: no file takes its place."""
        os.mkfifo(self.file)
        reader = os.open(self.file, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        told = self.netd("--state", str(self.state), "backup", str(self.file))
        self.assertEqual((told.exit_code, self.file.is_fifo()), (0, True))
        self.assertIn(b"MANIFEST.json", os.read(reader, 1 << 16))

    def test_refused(self) -> None:
        """No half file is left where a backup cannot be made, and the place is named."""
        self.assertIn("no state directory", self.netd("--state", str(self.folder / "no"), "backup", str(self.file)).stderr)
        told = self.netd("--state", str(self.state), "backup", str(self.folder / "no" / "x.tar"))
        self.assertIn("cannot be written: No such file or directory", told.stderr)
        (self.state / "broken").write_bytes(b"SQLite format 3\0" + b"?" * 5000)
        self.assertEqual(self.netd("--state", str(self.state), "backup", str(self.file)).exit_code, 1)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["netd.ini", "state"])
        self.file.write_bytes(b"?" * 2000)
        self.assertIn("no backup", self.netd("--state", str(self.folder / "new"), "restore", str(self.file)).stderr)

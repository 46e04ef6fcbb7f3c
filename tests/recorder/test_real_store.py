"""The recorder's guarantees, with real processes, a real disk that is full, and a user who may not write."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any

from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.blocks import unpack_block, unpack_journal
from netd.recorder.part_file import open_part
from tests.debian import program
from tests.process import CHECKOUT, PATIENCE
from tests.recorder import full_disk
from tests.recorder.live import NAMES, SAMPLES
from tests.recorder.place import StoreTestCase, X
from tests.recorder.reads import gather

KILLS = int(os.environ.get("KILLS", "20"))
"""How often a recorder is killed."""

LONGEST = 0.3
"""Seconds after which it is killed, at most."""

ON_ONE = 5
"""Kills of the same files, one after the other."""


def found_in(part: Path) -> tuple[Counter[tuple[int, float]], Counter[int], str]:
    """How often each sample and event is in the file, and what SQLite says of it."""
    database = sqlite3.connect(part)
    samples, events = Counter[tuple[int, float]](), Counter[int]()
    for series, data in database.execute("SELECT series, data FROM block JOIN chunk ON id = chunk"):
        samples.update((series, value) for value in unpack_block(data).values)
    for (data,) in database.execute("SELECT data FROM journal"):
        for series, columns in unpack_journal(data).items():
            samples.update((series, value) for value in columns.values)
    events.update(int(text) for (text,) in database.execute("SELECT data FROM event"))
    (integrity,) = database.execute("PRAGMA integrity_check").fetchone()
    database.close()
    return samples, events, integrity


class OtherProgramTests(StoreTestCase):
    def test_locks(self) -> None:
        """Another program that reads the open part and ends leaves netd its write-ahead log, whatever netd did."""
        store = self.make()
        store.append(gather([self.read(X, 1.0)]), [])
        self.clock.advance(7200)
        store.append(gather([self.read(X, 2.0)]), [])
        self.clock.advance(1)
        self.successResultOf(store.delete([], 0.0))
        self.successResultOf(store.ask(lambda catalog: catalog.annotate(self.now(), None, None, "", None, "")))
        for path in (*self.directory.glob("parts/*.db"), self.directory / "catalog.db"):
            self.assertTrue(path.with_name(f"{path.name}-wal").exists(), path.name)
            ask = f"import sqlite3; sqlite3.connect({str(path)!r}).execute('SELECT count(*) FROM sqlite_schema').fetchone()"
            subprocess.run([sys.executable, "-c", ask], check=True, timeout=PATIENCE)
            self.assertTrue(path.with_name(f"{path.name}-wal").exists(), path.name)
        self.close(store)


class KillTests(SynchronousTestCase):
    def test_kill(self) -> None:
        """Whenever netd is killed, all that a flush had answered for is found, each once, and nothing by half."""
        chance, answered = random.Random(6), 0
        for turn in range(0, KILLS, ON_ONE):
            directory = Path(self.mktemp()).absolute()
            acknowledged = self.kill_often(directory, min(ON_ONE, KILLS - turn), chance)
            (part,) = (directory / "parts").glob("*.db")
            samples, events, integrity = found_in(part)
            self.assertEqual("ok", integrity)
            self.assertEqual(set(), acknowledged - set(events))
            self.assertEqual({1}, {*samples.values(), *events.values()})
            self.assertEqual(len(events) * len(NAMES) * SAMPLES, len(samples))
            self.assertEqual(set(events), {int(value) // SAMPLES for _, value in samples})
            answered += len(acknowledged)
        self.assertGreater(answered, KILLS)

    def kill_often(self, directory: Path, kills: int, chance: random.Random) -> set[int]:
        """Let a process record, and kill it, several times. Return the batches that were answered for."""
        command = [sys.executable, "-m", "tests.recorder.live", str(directory), "0"]
        with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as forks:
            assert forks.stdin is not None
            assert forks.stdout is not None
            acknowledged = set()
            for _ in range(kills):
                acknowledged |= self.kill_once(forks.stdin, forks.stdout, LONGEST * chance.random())
            forks.stdin.close()
            self.assertEqual(0, forks.wait(PATIENCE))
        return acknowledged

    def kill_once(self, orders: IO[bytes], said: IO[bytes], seconds: float) -> set[int]:
        orders.write(b"\n")
        orders.flush()
        number = int(said.readline())
        first = said.readline()  # it records
        time.sleep(seconds)
        os.kill(number, signal.SIGKILL)
        lines = iter(said.readline, b"end\n")
        return {int(line) for line in [first, *lines]}


class ThreadTests(SynchronousTestCase):
    def test_sync_in_the_thread(self) -> None:
        """The reactor's thread waits for no disk: another one syncs, once for each flush that is asked for."""
        directory = Path(self.mktemp()).absolute()
        log = Path(f"{directory}.trace")
        trace = [program("strace"), "-f", "-y", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o", str(log)]
        command = [*trace, sys.executable, "-m", "tests.recorder.live", str(directory), "40"]
        ended = subprocess.run(command, cwd=CHECKOUT, input=b"\n", stdout=subprocess.PIPE, check=True, timeout=3 * PATIENCE)
        lines = ended.stdout.decode().split()
        self.assertEqual("end", lines.pop())
        reactor, *flushed = lines
        calls = re.findall(r"^(\d+) +f(?:data)?sync\(\d+<([^>]*)>", log.read_text(), re.MULTILINE)
        self.assertEqual([], [path for thread, path in calls if thread == reactor])
        synced = Counter(path.rpartition("/")[2].partition(".db")[2] for _, path in calls)
        self.assertEqual(20, len(flushed))
        self.assertGreaterEqual(synced["-wal"], len(flushed))
        self.assertLess(synced["-wal"], 2 * len(flushed) + 20, synced)


class FullDiskTests(SynchronousTestCase):
    def run_on_a_full_disk(self) -> dict[str, Any]:
        """What the process found, on a small file system of its own if one can be mounted, else with a limit for files."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True)
        mount = 'mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"'
        command = [str(directory), sys.executable, "-m", "tests.recorder.full_disk", str(directory)]
        own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        mounted = [*own, "sh", "-c", mount]
        if subprocess.run([*mounted, str(directory), "true"], capture_output=True, check=False).returncode == 0:
            command = [*mounted, *command, "ballast"]
        else:
            command = [*command[1:], "limit"]
        ended = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, check=True, timeout=3 * PATIENCE)
        return dict(json.loads(ended.stdout))

    def test_full_disk(self) -> None:
        """A full disk pauses the recording; it goes on when there is room, with what waited, and tells what it had to drop."""
        self.check(self.run_on_a_full_disk())

    def test_limit(self) -> None:
        """The same, where a write fails because of the size of the file."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True)
        command = [sys.executable, "-m", "tests.recorder.full_disk", str(directory), "limit"]
        ended = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, check=True, timeout=3 * PATIENCE)
        self.check(json.loads(ended.stdout))

    def check(self, found: dict[str, Any]) -> None:
        self.assertRegex(
            found["paused"], "nothing is recorded: (the disk of [^ ]+ is full: free some space|[^ ]+: disk I/O error)"
        )
        self.assertTrue(found["still"])
        self.assertGreater(found["before"], 3)
        self.assertTrue(0 < found["waiting"] <= 1 << 20)
        self.assertGreater(found["dropped"], 0)
        self.assertEqual(("", [], "ok"), (found["after"]["paused"], found["after"]["damaged"], found["integrity"]))
        batches = found["events"]
        self.assertEqual(sorted(set(batches)), batches)
        self.assertEqual(full_disk.SAMPLES * len(batches), found["samples"])
        lost = set(range(found["sent"])) - set(batches)
        self.assertEqual(found["dropped"], len(lost) * (full_disk.SAMPLES + 1))
        self.assertTrue(lost <= set(range(found["before"], found["before"] + 25)))
        marks = dict(found["marks"])
        self.assertEqual({"started", "full", "dropped", "stopped"}, set(marks))
        self.assertEqual(len(lost), marks["dropped"]["events"])


class ReadOnlyTests(StoreTestCase):
    def test_reader_without_rights(self) -> None:
        """A user who may not write to a closed part, nor beside it, reads it; a part that was not closed could not be read so."""
        store = self.make()
        store.append(gather([self.read(X, 1, 2, 3)]), [])
        self.clock.advance(1)
        self.close(store)
        public = Path(tempfile.mkdtemp(prefix="netd-test-"))
        self.addCleanup(shutil.rmtree, public)
        shutil.copy(self.directory / "parts" / "2026-11-30.db", public / "closed.db")
        part = open_part(public / "open.db")
        part.prepare()
        shutil.copy(public / "open.db", public / "left.db")
        part.close()
        for path in public.iterdir():
            path.chmod(0o444)
        public.chmod(0o555)
        self.become_nobody()
        self.assertEqual([(3,)], self.count(public / "closed.db"))
        self.assertRaises(sqlite3.OperationalError, self.count, public / "left.db")

    def become_nobody(self) -> None:
        """Have the rights of nobody until the test ends, where that is possible; else those of a user with a read-only file."""
        if os.geteuid() == 0:
            self.addCleanup(os.seteuid, 0)
            os.seteuid(65534)

    def count(self, path: Path) -> list[Any]:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return database.execute("SELECT sum(count) FROM block").fetchall()
        finally:
            database.close()

"""Tests of ``netd.cli.export``: what was recorded, in all formats, from files and from a daemon."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import random
import resource
import shutil
import sqlite3
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy
import pandas
from pyarrow import parquet

from netd.cli.contexts import Context, Contexts, contexts_file, write_contexts
from netd.cli.export import _shown
from netd.cli.export_formats import FILES, ExportFacts, Hdf5File
from netd.client.control import NotRunning
from netd.client.history_sources import Samples
from tests.cli.fakes import CommandTests
from tests.client.night import COUNT, DOOR, EVENING, TEMP, make_night
from tests.client.test_history import Daemon

ALL = ("--begin", str(EVENING), "--end", str(EVENING + COUNT))


class ExportTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        make_night(self.folder / "recorder" / "main")
        self.control.answers["history.events"] = NotRunning("no daemon")

    def export(self, *arguments: str, name: str = "") -> Path:
        """Export into a file of that name; return its path."""
        path = self.folder / name
        done = self.netd("export", "--state", str(self.folder), "-o", str(path), *arguments)
        self.assertEqual(done.exit_code, 0, done.output)
        self.assertEqual([one.name for one in self.folder.iterdir() if one.name.startswith(".")], [])
        self.told = done.stderr
        return path

    def test_csv(self) -> None:
        """The ending of the file names the format; what is in it is told."""
        path = self.export(*ALL, name="night.csv")
        frame = pandas.read_csv(path)
        self.assertEqual((list(frame.columns), len(frame)), (["time", "subject", "value", "unit"], COUNT + 2))
        size = path.stat().st_size
        self.assertEqual(
            self.told,
            "netd: 1,202 samples of 2 subjects, without 2 events, for which only jsonl has a place; "
            f"in {path} ({size:,} bytes)\n",
        )
        self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o700, 0o600)

    def test_standard_output(self) -> None:
        """Without a file, text goes to standard output, for the next program of a pipe."""
        done = self.netd("export", "--state", str(self.folder), DOOR.subject, *ALL)
        rows = list(csv.reader(done.stdout.splitlines()))
        self.assertEqual(rows[:2], [["time", "subject", "value", "unit"], [f"{EVENING + 5}.250000", DOOR.subject, "1", ""]])
        self.assertEqual(done.stderr, "netd: 2 samples of 1 subject written\n")

    def test_json_lines(self) -> None:
        """JSON lines have events as well, and the agents' own times."""
        lines = [
            json.loads(line) for line in self.export(*ALL, DOOR.subject, "relay.>", name="night.jsonl").read_text().splitlines()
        ]
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[0]["agent_time"], EVENING + 4.25)
        self.assertEqual(sum(line.get("data") == {"text": "on", "by": "éva"} for line in lines), 2)
        self.assertIn("2 samples of 1 subject and 2 events in ", self.told)

    def test_run(self) -> None:
        """A run is exported by its number."""
        path = self.export("--run", "1", "session.>", name="run.csv")
        self.assertEqual(len(path.read_text().splitlines()), 301)

    def test_parquet(self) -> None:
        """Parquet has its four columns in their types, and units beside them."""
        path = self.export(*ALL, name="night.parquet")
        table = parquet.read_table(path)
        self.assertEqual(
            {field.name: str(field.type) for field in table.schema},
            {
                "subject": "dictionary<values=string, indices=int32, ordered=0>",
                "time": "timestamp[us, tz=UTC]",
                "value": "double",
                "agent_time": "timestamp[us, tz=UTC]",
            },
        )
        self.assertEqual(json.loads(table.schema.metadata[b"netd.units"])[TEMP.subject], "°C")
        frame = pandas.read_parquet(path)
        door = frame[frame.subject == DOOR.subject]
        self.assertEqual((len(frame), str(door.time.iloc[0])), (COUNT + 2, "2026-11-28 23:50:05.250000+00:00"))
        self.assertEqual(str(door.agent_time.iloc[0]), "2026-11-28 23:50:04.250000+00:00")
        self.assertEqual(int(frame.agent_time.notna().sum()), 2)

    def test_hdf5(self) -> None:
        """HDF5 has a group a series, with unit, label and run."""
        path = self.export("--run", "1", name="night.h5")
        with h5py.File(path) as file:
            group = file["session/main/greenhouse/temp"]
            self.assertEqual((group["time"].shape, group["time"][0], group["value"][0]), ((300,), EVENING + 300.25, 23.0))
            self.assertEqual(dict(group.attrs), {"unit": "°C", "label": "Temperature", "run": "1"})
            self.assertNotIn("agent_time", group)
        with h5py.File(self.export(*ALL, name="all.hdf5")) as file:
            self.assertEqual(list(file["session/main/greenhouse/door/agent_time"]), [EVENING + 4.25, EVENING + 604.25])

    def test_long_files(self) -> None:
        """Many samples are written in portions, and read back whole."""
        times = [EVENING + number / 10 for number in range(70_000)]
        early = Samples(TEMP.subject, "V", times, [1.0] * len(times))
        late = Samples(TEMP.subject, "V", [time + 7000 for time in times], [2.0] * len(times), [None, *times[1:]])
        facts = ExportFacts("", [])
        for name, kind in (("long.parquet", "parquet"), ("long.h5", "hdf5")):
            file = FILES[kind](self.folder / name, facts)
            file.add(early)
            file.add(late)
            file.close()
        frame = pandas.read_parquet(self.folder / "long.parquet")
        self.assertEqual((len(frame), int(frame.agent_time.notna().sum())), (140_000, 69_999))
        with h5py.File(self.folder / "long.h5") as opened:
            group = opened["session/main/greenhouse/temp"]
            self.assertEqual((group["value"].shape, group["value"][-1], group["time"][0]), ((140_000,), 2.0, EVENING))
            agent = group["agent_time"][:]
            self.assertEqual((int(numpy.isnan(agent).sum()), agent[-1]), (70_001, times[-1]))

    def test_two_units(self) -> None:
        """A subject that has had two units has two groups in HDF5."""
        file = FILES["hdf5"](self.folder / "two.h5", ExportFacts("", []))
        for unit in ("°C", "K"):
            file.add(Samples(TEMP.subject, unit, [EVENING], [1.0]))
        file.close()
        with h5py.File(self.folder / "two.h5") as opened:
            folder = opened["session/main/greenhouse"]
            self.assertEqual({name: group.attrs["unit"] for name, group in folder.items()}, {"temp": "°C", "temp-2": "K"})

    def test_progress(self) -> None:
        """A terminal shows how much of the time is written."""
        terminal = Terminal()
        with contextlib.redirect_stderr(terminal), _shown(EVENING, EVENING + 100) as show:
            show(EVENING + 50)
        self.assertIn("writing", terminal.getvalue())

    def test_sqlite(self) -> None:
        """SQLite has one table of rows."""
        path = self.export(*ALL, name="night.sqlite")
        database = sqlite3.connect(path)
        self.addCleanup(database.close)
        query = "SELECT subject, count(*), min(time), max(value) FROM sample GROUP BY subject ORDER BY subject"
        self.assertEqual(
            database.execute(query).fetchall(),
            [(DOOR.subject, 2, EVENING + 5.25, 1.0), (TEMP.subject, COUNT, EVENING + 0.25, 20 + (COUNT - 1) / 100)],
        )

    def test_nothing(self) -> None:
        """A time without samples makes a file without rows, in each format."""
        for name in ("no.csv", "no.jsonl", "no.parquet", "no.h5", "no.sqlite"):
            self.assertTrue(self.export("--begin", "2020-01-01", "--end", "2020-01-02", name=name).exists())
            self.assertIn("0 samples of 0 subjects in ", self.told)

    def test_daemon(self) -> None:
        """With a context, the daemon of another machine is asked, and the file is the same."""
        home = self.folder / "home"
        self.environ["HOME"] = str(home)
        write_contexts(contexts_file(self.environ), Contexts({"lab": Context("lab", "http://lab:8080", None, None)}, None))
        daemon = Daemon(self.folder / "recorder" / "main")
        self.addCleanup(daemon.close)
        self.control.call = daemon.call  # type: ignore[method-assign]
        path = self.folder / "night.csv"
        done = self.netd("export", "--context", "lab", *ALL, "-o", str(path))
        self.assertEqual(done.exit_code, 0, done.output)
        self.assertIn("history.read", daemon.calls)
        rows = sorted(path.read_text().splitlines())
        self.assertEqual(rows, sorted(self.export(*ALL, name="own.csv").read_text().splitlines()))

    def test_confined(self) -> None:
        """A token that is confined to some subjects exports these, without naming them."""
        daemon = Daemon(self.folder / "recorder" / "main")
        self.addCleanup(daemon.close)
        daemon.subjects = [TEMP.subject]
        self.environ["HOME"] = str(self.folder / "home")
        write_contexts(contexts_file(self.environ), Contexts({"lab": Context("lab", "http://lab:8080", None, None)}, None))
        self.control.call = daemon.call  # type: ignore[method-assign]
        path = self.folder / "mine.csv"
        done = self.netd("export", "--context", "lab", *ALL, "-o", str(path))
        self.assertEqual(done.exit_code, 0, done.output)
        subjects = {row["subject"] for row in csv.DictReader(path.read_text().splitlines())}
        self.assertEqual(subjects, {TEMP.subject})

    def test_all_nodes(self) -> None:
        """What other nodes have recorded is asked of the daemon, of all recorders: with the flag, and for their subjects."""
        daemon = Daemon(self.folder / "recorder" / "main")
        self.addCleanup(daemon.close)
        asked: list[Any] = []

        def call(method: str, **params: Any) -> Any:
            asked.append(params.get("instance"))
            return daemon.call(method, **params, instance="main")

        self.control.call = call  # type: ignore[method-assign]
        for words in (("--all-nodes",), ("session.main@north.>",)):
            self.assertEqual(0, self.netd("export", *words, *ALL, "-o", str(self.folder / "all.csv")).exit_code)
        self.assertEqual({None}, set(asked))

    def test_running_daemon(self) -> None:
        """A daemon of this machine that runs is asked to write what it has in memory."""
        self.control.answers["history.events"] = []
        self.export(*ALL, name="night.csv")
        self.assertEqual(self.control.calls, [("history.events", {"begin": "1s", "newest": 1, "instance": "main"})])

    def test_unknown_ending(self) -> None:
        """An ending that names no format is refused with those that do; nothing is written."""
        done = self.netd("export", "--state", str(self.folder), *ALL, "-o", str(self.folder / "night.foo"))
        self.assertEqual((done.exit_code, "night.foo" in [one.name for one in self.folder.iterdir()]), (2, False))
        self.assertIn("no format has the ending .foo. Use one of .csv, .jsonl, ", done.stderr)
        self.export(*ALL, "--format", "csv", name="night.foo")

    def test_relative_directory(self) -> None:
        """The directory of a copy is named as any other, whether with a slash or without."""
        copy = Path("copy")
        copy.symlink_to(self.folder / "recorder" / "main")
        self.addCleanup(copy.unlink)
        for name in ("copy", "./copy"):
            done = self.netd("export", "--state", "/nowhere", "--recorder", name, DOOR.subject, *ALL)
            self.assertEqual((done.exit_code, done.stderr), (0, "netd: 2 samples of 1 subject written\n"))

    def test_times(self) -> None:
        """A time that ends before it begins, and a run that does not exist, are refused."""
        for words, code, why in (
            (("--begin", "now", "--end", "8h"), 2, "begin: now is not before the end, 8h."),
            (("--begin", "noon"), 2, "begin: 'noon' is no time"),
            (("--run", "44"), 3, "there is no run 44"),
        ):
            done = self.netd("export", "--state", str(self.folder), *words)
            self.assertEqual((done.exit_code, done.stdout), (code, ""), words)
            self.assertIn(why, done.stderr)

    def test_missing_library(self) -> None:
        """A format whose library is not installed says which command installs it, and leaves no file."""
        for library, name in (("pyarrow", "night.parquet"), ("h5py", "night.h5")):
            with self.hidden(library):
                done = self.netd("export", "--state", str(self.folder), *ALL, "-o", str(self.folder / name))
            self.assertEqual(done.exit_code, 1)
            self.assertIn(
                f"needs {library}, which is not installed here: {sys.executable} -m pip install h5py numpy pyarrow", done.stderr
            )
            self.assertEqual([one.name for one in self.folder.iterdir()], ["recorder"])

    def test_interrupted(self) -> None:
        """What is interrupted leaves the file of before under its name."""
        path = self.folder / "night.h5"
        path.write_text("before")
        with self.hidden("numpy"):
            done = self.netd("export", "--state", str(self.folder), *ALL, "-o", str(path))
        self.assertEqual((done.exit_code, path.read_text()), (1, "before"))
        self.assertEqual(sorted(one.name for one in self.folder.iterdir()), ["night.h5", "recorder"])

    def test_full_disk(self) -> None:
        """HDF5 on a disk that is full ends with the reason. Its library would end the whole process, at the latest at exit."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        file = Hdf5File(self.folder / "night.h5", ExportFacts("", []))
        chance = random.Random(7)
        with self.assertRaises(OSError) as raised:
            for _ in range(20):
                file.add(Samples("session.main.a.x", "V", [*map(float, range(10_000))], [chance.random() for _ in range(10_000)]))
            file.close()
        self.assertEqual(raised.exception.errno, errno.EFBIG)

    def test_no_file(self) -> None:
        """A pipe, a device and a link stay what they are: the text goes through them. Other formats need a file."""
        pipe, link = self.folder / "pipe", self.folder / "link.csv"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        few = ("--begin", str(EVENING), "--end", str(EVENING + 10))
        self.export(*few, "--format", "csv", name="pipe")
        self.assertTrue(os.read(reader, 1 << 16).startswith(b"time,subject,value,unit\n"))
        self.assertTrue(pipe.is_fifo())
        done = self.netd("export", "--state", str(self.folder), *few, "--format", "sqlite", "-o", str(pipe))
        self.assertEqual(done.exit_code, 1)
        self.assertIn("it is no regular file", done.stderr)
        link.symlink_to(self.folder / "night.csv")
        self.export(*few, name="link.csv")
        self.assertTrue(link.is_symlink() and (self.folder / "night.csv").is_file())

    def test_gaps(self) -> None:
        """What is missing in the file is told, with the reason."""
        (self.folder / "recorder" / "main" / "parts" / "2026-11-29.db").write_bytes(b"no database" * 500)
        self.export(*ALL, name="night.csv")
        self.assertIn("netd: 601 samples of 2 subjects", self.told)
        self.assertIn("netd: not in it: 2026-11-29 00:00:00 UTC to ", self.told)

    def test_wrong(self) -> None:
        """What cannot be is refused with the reason: 1 for the file, 2 for the words, 3 for what is not there."""
        for arguments, code, told in (
            ((), 2, "say which time: --run NUMBER, or --begin TIME"),
            (("--run", "1", "--begin", "-8h"), 2, "a run has its own times"),
            (("--begin", "whenever"), 2, "'whenever' is no time"),
            (("--begin", "-8h", "--format", "hdf5"), 2, "hdf5 needs a file: -o FILE"),
            (("--run", "9"), 3, "there is no run 9"),
            (("--begin", "-8h", "--recorder", "audit"), 3, "nothing is recorded in "),
            (("--begin", "-8h", "-o", "/nowhere/x.csv"), 1, "cannot write /nowhere/x.csv: No such file or directory"),
        ):
            done = self.netd("export", "--state", str(self.folder), *arguments)
            self.assertEqual(done.exit_code, code, done.output)
            self.assertIn(told, " ".join(done.stderr.split()), arguments)

    def test_directory(self) -> None:
        """A copy of the files is read from wherever it lies."""
        done = self.netd("export", "--recorder", str(self.folder / "recorder" / "main"), *ALL)
        self.assertEqual((done.exit_code, len(done.stdout.splitlines())), (0, COUNT + 3))

    def hidden(self, module: str) -> Any:
        """A context in which *module* cannot be imported."""
        return _Hidden(module)


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


class _Hidden:
    def __init__(self, module: str) -> None:
        self._module = module

    def __enter__(self) -> None:
        self._before = sys.modules.get(self._module)
        sys.modules[self._module] = None  # type: ignore[assignment] # how Python is told that there is none

    def __exit__(self, *_: object) -> None:
        del sys.modules[self._module]
        if self._before is not None:
            sys.modules[self._module] = self._before

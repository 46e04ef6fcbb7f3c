"""The catalog on a real file: runs, notes, hours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from attrs import astuple
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import NoSuchTarget, OperationFailed
from netd.recorder.catalog import Catalog, open_catalog
from netd.recorder.database import DamagedPart, OtherFormat
from netd.recorder.part_summary import HourRow, PartSummary


class CatalogTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.catalog = self.open()

    def open(self) -> Catalog:
        catalog = open_catalog(self.path)
        self.addCleanup(catalog.close)
        return catalog

    def rows(self, sql: str) -> list[object]:
        database = sqlite3.connect(self.path)
        self.addCleanup(database.close)
        return database.execute(sql).fetchall()


class RunTests(CatalogTestCase):
    def test_runs(self) -> None:
        """Runs may overlap, are found by name and facts in any case, newest first, and are still there after a restart."""
        first = self.catalog.begin_run("cool down", 10, [">"], {"operator": "Ann"}, "ann")
        self.assertEqual((1, "cool down", 10, None, (">",), {"operator": "Ann"}, "ann"), astuple(first))
        self.catalog.begin_run("scan", 20, ["session.>", "room.>"], {}, "bob")
        self.assertEqual(30, self.catalog.finish_run(1, 30).end)
        self.catalog.close()
        catalog = self.open()
        self.assertEqual([2, 1], [run.number for run in catalog.runs()])
        self.assertEqual([2], [run.number for run in catalog.runs(newest=1)])
        self.assertEqual([1], [run.number for run in catalog.runs("ANN")])
        self.assertEqual([2], [run.number for run in catalog.runs("sCa")])
        self.assertEqual([], catalog.runs("%"))
        self.assertEqual(("session.>", "room.>"), catalog.run(2).patterns)

    def test_finish_the_open_one(self) -> None:
        """Without a number, the one open run ends; with several or none open, the message says what to do."""
        self.assertRaises(NoSuchTarget, self.catalog.finish_run, None, 5)
        self.catalog.begin_run("a", 1, [], {}, "")
        self.catalog.begin_run("b", 2, [], {}, "")
        error = self.assertRaises(OperationFailed, self.catalog.finish_run, None, 5)
        self.assertIn("2, 1", str(error))
        self.catalog.finish_run(2, 6)
        ended = self.catalog.finish_run(None, 7)
        self.assertEqual((1, 7), (ended.number, ended.end))

    def test_finish_twice(self) -> None:
        """A run that has ended keeps its end; a number that was never given is no run."""
        self.catalog.begin_run("a", 1, [], {}, "")
        self.catalog.finish_run(1, 6)
        self.assertRaises(OperationFailed, self.catalog.finish_run, 1, 8)
        self.assertRaises(NoSuchTarget, self.catalog.finish_run, 9, 8)
        self.assertRaises(NoSuchTarget, self.catalog.run, 9)
        self.assertEqual(6, self.catalog.run(1).end)


class NoteTests(CatalogTestCase):
    def test_notes(self) -> None:
        """Notes of a time are those that begin before its end, and end after its begin."""
        self.catalog.annotate(10, None, None, "pump on", None, "ann")
        made = self.catalog.annotate(20, 40, "session.main.a.x", "noisy", 3, "bob")
        self.assertEqual((2, 20, 40, "session.main.a.x", "noisy", 3, "bob"), astuple(made))
        self.assertEqual(["pump on", "noisy"], [note.text for note in self.catalog.notes(0, 100)])
        self.assertEqual(["noisy"], [note.text for note in self.catalog.notes(0, 100, newest=1)])
        self.assertEqual(["noisy"], [note.text for note in self.catalog.notes(30, 35)])
        self.assertEqual(["pump on"], [note.text for note in self.catalog.notes(10, 20)])


class HourTests(CatalogTestCase):
    def summary(self, chunk: int, *hours: HourRow) -> PartSummary:
        return PartSummary(chunk, 1, 2, 3, 4, hours)

    def test_hours(self) -> None:
        """Two parts of one hour count together; a part that ended twice is counted with what was new the second time."""
        self.catalog.count("a", self.summary(5, HourRow("x", "X", "V", 100, 10, 1.0, 5.0, 20.0)))
        self.assertEqual({"a": 5}, self.catalog.counted())
        self.catalog.count("a", self.summary(7, HourRow("x", "X", "V", 100, 1, -1.0, 2.0, 2.0)))
        self.catalog.count(
            "b", self.summary(3, HourRow("x", "X2", "V", 100, 2, 3.0, 6.0, 9.0), HourRow("x", "X", "mV", 101, 1, 0, 0, 0))
        )
        self.assertEqual(
            [("x", "V", 100, 13, -1.0, 6.0, 31.0), ("x", "mV", 101, 1, 0.0, 0.0, 0.0)],
            self.rows("SELECT subject, unit, hour, count, low, high, total FROM hour JOIN series ON id = series ORDER BY hour"),
        )
        self.assertEqual({"a": 7, "b": 3}, self.catalog.counted())
        self.assertEqual([("X2",), ("X",)], self.rows("SELECT label FROM series ORDER BY id"))

    def test_parts_that_go(self) -> None:
        """The hours of a part that goes stay, until they are too old themselves."""
        self.catalog.count("a", self.summary(5, *(HourRow("x", "", "", hour, 1, 0, 0, 0) for hour in range(100, 110))))
        self.catalog.forget_part("a")
        self.assertEqual({}, self.catalog.counted())
        self.catalog.forget_hours(105)
        self.catalog.forget_hours(105)
        self.assertEqual([(105,)], self.rows("SELECT min(hour) FROM hour"))


class CatalogFileTests(CatalogTestCase):
    def test_one_file(self) -> None:
        """A catalog that was closed is one file of its owner's."""
        self.catalog.settle()
        self.assertEqual([self.path.name], [path.name for path in self.path.parent.glob(f"{self.path.name}*")])
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)

    def test_settled_while_read(self) -> None:
        """A catalog that somebody reads is closed all the same."""
        self.catalog.begin_run("a", 1, [], {}, "")
        self.rows("SELECT * FROM run")
        self.catalog.settle()
        self.assertEqual(1, self.open().run(1).number)

    def test_other_files(self) -> None:
        """What is no catalog is refused, each with its reason."""
        self.path = Path(self.mktemp())
        self.path.write_bytes(b"no database at all, although it is long enough" * 100)
        self.assertRaises(DamagedPart, self.open)
        self.path = Path(self.mktemp())
        self.rows("CREATE TABLE t (x)")
        self.assertRaises(DamagedPart, self.open)
        self.path = Path(self.mktemp())
        self.open().close()
        self.rows("PRAGMA user_version=2")
        self.assertRaises(OtherFormat, self.open)

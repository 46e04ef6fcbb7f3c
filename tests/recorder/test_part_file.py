"""A part on a real file: what is appended is found again after sealing, after reopening, and by a reader meanwhile."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.blocks import Columns, unpack_block, unpack_journal
from netd.recorder.database import DamagedPart, OtherFormat
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import HOUR
from netd.recorder.part_file import MOST_OPEN, MOST_SERIES, MarkMade, PartFile, open_part
from netd.recorder.part_summary import HourRow, summary_of_part

X, Y = SeriesName("session.main.a.x", "X", "V"), SeriesName("session.main.a.y")


def ramp(count: int, start: int = 0, step: int = 1000) -> Columns:
    """Samples whose values tell their places."""
    return Columns([start + step * index for index in range(count)], [float(index) for index in range(count)])


class PartTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.part = self.open()

    def open(self) -> PartFile:
        part = open_part(self.path)
        self.addCleanup(part.close)
        self.was_stopped = part.prepare()
        return part

    def reopen(self) -> PartFile:
        self.part.close()
        self.part = self.open()
        return self.part

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        database = sqlite3.connect(self.path)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def found(self) -> dict[str, list[tuple[int, float]]]:
        """All samples in the file, sorted, by subject."""
        found: dict[str, list[tuple[int, float]]] = {}
        subjects = dict(self.rows("SELECT id, subject FROM series"))
        blocks = [
            (series, unpack_block(data)) for series, data in self.rows("SELECT series, data FROM block JOIN chunk ON id = chunk")
        ]
        for (data,) in self.rows("SELECT data FROM journal"):
            blocks += unpack_journal(data).items()
        for series, columns in blocks:
            found.setdefault(subjects[series], []).extend(zip(columns.times, columns.values, strict=True))
        return {subject: sorted(rows) for subject, rows in found.items()}

    def count(self, table: str) -> object:
        return self.rows(f"SELECT count(*) FROM {table}")[0][0]


class AppendTests(PartTestCase):
    def test_schema(self) -> None:
        """The file says what it is, and holds what the documentation promises."""
        self.assertEqual(
            [(0x6E657464, 1, "wal", 4096)],
            self.rows("SELECT * FROM pragma_application_id, pragma_user_version, pragma_journal_mode, pragma_page_size"),
        )
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)

    def test_series(self) -> None:
        """A series is a subject with a unit. A new label is kept, and begins no new series."""
        self.part.append({X: ramp(1), X._replace(unit="mV"): ramp(2), X._replace(label="Voltage"): ramp(3)})
        self.assertEqual([(1, X.subject, "Voltage", "V"), (2, X.subject, "X", "mV")], self.rows("SELECT * FROM series"))
        self.reopen().append({X: ramp(1), Y: ramp(1)})
        self.assertEqual(["X", "X", ""], [label for (label,) in self.rows("SELECT label FROM series ORDER BY id")])
        self.assertEqual(4 + 1 + 2 + 1, self.part.held)

    def test_labels_of_a_refused_batch(self) -> None:
        """A batch that could not be written stays as it was, so that another attempt writes each sample once."""
        batch = {X: ramp(1), X._replace(label="Voltage"): ramp(1, 5000)}
        self.assertRaises(AttributeError, self.part.append, batch, [EventTaken(Y, 1, "no bytes")])
        self.reopen().append(batch)
        self.assertEqual({X.subject: [(0, 0.0), (5000, 0.0)]}, self.found())

    def test_too_many_series(self) -> None:
        """A peer that makes up names fills neither disk nor memory; what it sends is counted."""
        self.part._series = dict.fromkeys(((str(number), "") for number in range(MOST_SERIES)), (1, ""))
        self.part.append({X: ramp(3)}, [EventTaken(X, 1, b"{}")])
        self.assertEqual((4, 0, 0), (self.part.refused, self.count("series"), self.count("event")))

    def test_no_numbers(self) -> None:
        """What is no number is left out and counted; the others of the flush are written."""
        self.part.append({X: Columns([1, 2], [float("nan"), 5.0]), Y: Columns([1], ["x"])})  # type: ignore[list-item]
        self.assertEqual(({X.subject: [(2, 5.0)]}, 2), (self.found(), self.part.refused))

    def test_events_and_marks(self) -> None:
        """Events have growing numbers, also after a restart; text that is no UTF-8 refuses nothing."""
        self.part.append({}, [EventTaken(X, 5, b'{"a":1}'), EventTaken(Y, 6, b"\xff")], [MarkMade(7, "clock", {"from": 9})])
        self.reopen().append({}, [EventTaken(X, 4, b"{}")])
        self.assertEqual([(1, 5, 1, '{"a":1}'), (2, 6, 2, "\ufffd"), (3, 4, 1, "{}")], self.rows("SELECT * FROM event"))
        ((time, kind, data),) = self.rows("SELECT * FROM mark")
        self.assertEqual((7, "clock", {"from": 9}), (time, kind, json.loads(str(data))))

    def test_all_or_nothing(self) -> None:
        """A flush that fails leaves nothing behind."""
        self.part.append({X: ramp(1)})
        self.rows("DROP TABLE mark")
        self.assertRaises(
            sqlite3.OperationalError, self.part.append, {X: ramp(5), Y: ramp(5)}, [EventTaken(X, 5, b"1")], [MarkMade(7, "clock")]
        )
        self.assertEqual(({X.subject: [(0, 0.0)]}, 1, 0), (self.found(), self.count("series"), self.count("event")))
        self.assertEqual({X: ramp(1)}, self.part.open_samples())

    def test_position(self) -> None:
        """Each flush of samples or events moves the position, which a part that is opened again has, too."""
        positions = [self.part.position]
        for batch, events in (({X: ramp(1)}, []), ({}, [EventTaken(X, 1, b"1")]), ({X: ramp(1)}, [EventTaken(X, 1, b"1")])):
            self.part.append(batch, events)
            positions.append(self.part.position)
        self.assertEqual([(0, 0), (1, 0), (1, 1), (2, 2)], positions)
        self.assertEqual((2, 2), self.reopen().position)


class SealTests(PartTestCase):
    def test_seal(self) -> None:
        """Sealed samples are those that were appended, in blocks in order of time; few stay in one row of the journal."""
        for start in range(0, 2000, 100):
            self.part.append({X: ramp(100, start * 1000), Y: ramp(2, start)})
        before = self.found()
        self.part.seal(1)
        self.assertEqual(before, self.found())
        self.assertEqual((4, 1, 40), (self.count("block"), self.count("journal"), self.part.held))
        self.assertEqual([(0, 499_000), (500_000, 999_000)], self.rows("SELECT first, last FROM block ORDER BY first LIMIT 2"))
        self.assertEqual(before, (self.reopen(), self.found())[1])
        self.assertEqual(40, self.part.held)

    def test_agent_times(self) -> None:
        """The agent's own times are sealed with the samples, in the same order."""
        self.part.append({X: Columns([30, 10, 20], [3.0, 1.0, 2.0], [300, None, 200])})
        self.part.seal(None)
        ((data,),) = self.rows("SELECT data FROM chunk")
        assert isinstance(data, bytes)
        self.assertEqual(Columns([10, 20, 30], [1.0, 2.0, 3.0], [None, 200, 300]), unpack_block(data))

    def test_length_follows(self) -> None:
        """Blocks that come out small are followed by longer ones, so that each fills a page."""
        for _ in range(3):
            self.part.append({X: Columns([0] * 2000, [1.5] * 2000)})
            self.part.seal(None)
        self.assertEqual([(500,)] * 4 + [(1000,)] * 4, self.rows("SELECT count FROM block ORDER BY chunk"))

    def test_nothing_to_seal(self) -> None:
        """While all series are short, sealing writes nothing."""
        self.part.append({X: ramp(3)})
        self.part.append({X: ramp(3)})
        self.part.seal(1)
        self.assertEqual((0, 2, 6), (self.count("block"), self.count("journal"), self.part.held))

    def test_many_short_series(self) -> None:
        """Many series with few samples each do not keep more open than is meant to be: short blocks are better than none."""
        names = [SeriesName(f"s.{number}") for number in range(900)]
        self.part.append({name: ramp(80) for name in names})
        self.assertTrue(self.part.is_full)
        self.part.seal(0)
        self.assertEqual((900, 0), (self.count("block"), self.part.held))

    def test_tails_stay_open(self) -> None:
        """In the middle of an hour, the end of a series waits for a block of full length."""
        self.part.append({SeriesName(f"s.{number}"): ramp(600) for number in range(4)})
        self.part.seal(0)
        self.assertEqual((4, 4 * 88), (self.count("block"), self.part.held))

    def test_very_many_series(self) -> None:
        """Series too short for any block stay open, and are not gone through with each flush."""
        self.part.append({SeriesName(f"s.{number}"): Columns([1] * 60, [1.0] * 60) for number in range(1100)})
        self.assertTrue(self.part.is_full)
        self.part.seal(0)
        self.assertEqual((0, 66000), (self.count("block"), self.part.held))
        self.assertFalse(self.part.is_full)
        self.assertGreater(self.part.held, MOST_OPEN)

    def test_rows_of_the_journal_keep_growing(self) -> None:
        """Whoever reads the journal tells by the number of a row whether it is new, also after sealing."""
        for _ in range(2):
            self.part.append({X: ramp(1100), Y: ramp(2)})
            self.part.seal(0)
        self.assertEqual([(4,)], self.rows("SELECT id FROM journal"))


class ClosingTests(PartTestCase):
    def test_closed(self) -> None:
        """A closed part is one file, sealed to the last sample, with an index of its events."""
        self.part.append({X: ramp(100), Y: ramp(3)}, [EventTaken(X, 5, b"1")])
        before = self.found()
        self.part.finish(9)
        self.assertTrue(self.part.settle())
        self.assertEqual([self.path.name], [path.name for path in self.path.parent.glob(f"{self.path.name}*")])
        self.assertEqual((before, 0, [("delete",)]), (self.found(), self.count("journal"), self.rows("PRAGMA journal_mode")))
        self.assertEqual([(9, "stopped", "{}")], self.rows("SELECT * FROM mark"))
        self.assertIn("event_by_series", str(self.rows("EXPLAIN QUERY PLAN SELECT * FROM event WHERE series = 1 AND time > 3")))
        self.assertEqual([("ok",)], self.rows("PRAGMA integrity_check"))

    def test_goes_on(self) -> None:
        """A closed part that goes on has no index while it is open, and all that it had before when it is closed again."""
        self.part.append({X: ramp(10)}, [EventTaken(X, 5, b"1")])
        self.part.finish(9)
        self.part.settle()
        self.part = self.open()
        self.assertTrue(self.was_stopped)
        self.assertEqual(0, self.rows("SELECT count(*) FROM sqlite_schema WHERE name = 'event_by_series'")[0][0])
        self.part.append({X: ramp(10)})
        self.part.finish(10)
        self.assertTrue(self.part.settle())
        self.assertEqual(20, len(self.found()[X.subject]))

    def test_while_somebody_reads(self) -> None:
        """A part that somebody reads cannot be made one file; it can be later."""
        self.part.append({X: ramp(10)})
        reader = sqlite3.connect(self.path)
        self.addCleanup(reader.close)
        reader.execute("SELECT count(*) FROM series").fetchone()
        self.part.finish(9)
        self.assertFalse(self.part.settle())
        reader.close()
        self.assertTrue(self.part.settle())

    def test_summary(self) -> None:
        """What is kept of a part are its hours, and when its first and last things were."""
        self.part.append({X: ramp(100), Y: ramp(3, HOUR)}, [EventTaken(X, 3 * HOUR, b"1")])
        self.part.finish(9)
        found = self.part.summary(0)
        self.assertEqual((2, 0, 3 * HOUR, 103, 1), (found.chunk, found.first, found.last, found.samples, found.events))
        hours = (HourRow(*X, 0, 100, 0.0, 99.0, 4950.0), HourRow(*Y, 1, 3, 0.0, 2.0, 3.0))
        self.assertEqual(hours, found.hours)
        self.assertEqual(hours[1:], self.part.summary(1).hours)
        self.part.settle()
        self.assertEqual(found, summary_of_part(self.path))

    def test_empty(self) -> None:
        """A part without a sample has no first and no last time."""
        self.part.finish(9)
        found = self.part.summary(0)
        self.assertEqual(
            (0, None, None, 0, 0, ()), (found.chunk, found.first, found.last, found.samples, found.events, found.hours)
        )


class RecoveryTests(PartTestCase):
    def test_not_stopped(self) -> None:
        """A part whose recording was never stopped says so, and knows the time of the newest thing in it."""
        self.part.append({}, marks=[MarkMade(5, "started")])
        self.assertEqual(5, self.part.last_known())
        self.part.append({X: ramp(100, 0, 1)}, [EventTaken(X, 70, b"1"), EventTaken(X, 60, b"1")])
        self.reopen()
        self.assertFalse(self.was_stopped)
        self.assertEqual(99, self.part.last_known())
        self.part.seal(None)
        self.assertEqual(99, self.part.last_known())
        self.part.append({}, [EventTaken(X, 500, b"1")])
        self.assertEqual(500, self.part.last_known())

    def test_sync(self) -> None:
        """A sync writes one page, so that SQLite has something to bring to the disk."""
        self.part.append({X: ramp(3)})
        wal = self.path.with_name(f"{self.path.name}-wal")
        before = wal.stat().st_size
        self.part.sync()
        self.assertEqual(4096 + 24, wal.stat().st_size - before)

    def test_other_format(self) -> None:
        """A part of another netd is left alone."""
        self.part.close()
        self.rows("PRAGMA user_version=2")
        content = self.path.read_bytes()
        self.assertRaises(OtherFormat, self.open)
        self.assertEqual(content, self.path.read_bytes())

    def test_other_database(self) -> None:
        """A database of somebody else's is no part."""
        self.part.close()
        self.rows("PRAGMA application_id=7")
        self.assertRaises(DamagedPart, self.open)

    def test_damaged_journal(self) -> None:
        """A row of the journal that cannot be read is damage, and so is a file that is no database."""
        self.part.append({X: ramp(3)})
        self.rows("DELETE FROM series")
        database = sqlite3.connect(self.path)
        database.execute("UPDATE journal SET data = x'00'")
        database.commit()
        database.close()
        self.assertRaises(DamagedPart, self.reopen)
        self.part.close()
        self.path.write_bytes(b"x" * 8192)
        self.assertRaises(DamagedPart, self.open)

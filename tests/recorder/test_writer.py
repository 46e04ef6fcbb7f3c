"""Days, sizes, clocks, retention, damage: what the store does by itself, on real files with a fake clock."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

from netd.recorder.archive import Archive
from netd.recorder.clock_watch import TRUSTED_AFTER
from netd.recorder.gaps import gaps
from netd.recorder.intake import SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.store import LOOK_EVERY, RETRY, Store
from tests.recorder.place import DAY, MORNING, StoreTestCase, X, Y
from tests.recorder.reads import ReadTaken, gather

PART, NEXT = "2026-11-30.db", "2026-12-01.db"
NOON = DAY / 2


class DayTests(StoreTestCase):
    def test_midnight(self) -> None:
        """At midnight, UTC, a part ends, sealed and readable, and another begins, without a gap between them."""
        store = self.make()
        for _ in range(3):
            store.append(gather([self.read(X, *range(100))]), [])
            self.clock.advance(NOON / 2)
        self.assertEqual([PART, NEXT], self.parts())
        self.assertEqual(200, len(self.values(PART)[X.subject]))
        self.assertEqual([("delete",)], self.query(PART, "PRAGMA journal_mode"))
        self.assertEqual([(0,)], self.query(PART, "SELECT count(*) FROM journal"))
        self.assertEqual([(NOON, "started", {}), (DAY, "stopped", {})], self.marks(PART))
        self.assertEqual([(DAY, "started", {})], self.marks(NEXT))
        self.assertIn(PART, self.let_go)
        self.close(store)
        self.assertEqual(300, sum(map(len, self.values().values())))

    def test_days_in_a_row(self) -> None:
        """Each day is a part, also where what comes is the first that notices the midnight."""
        store = self.make()
        for day in range(4):
            store.append(gather([self.read(X, day)]), [])
            self.ahead += DAY
        self.assertEqual(("", 4, {X.subject: [0, 1, 2, 3]}), (store.state().paused, store.state().parts, self.values()))
        self.close(store)

    def test_midnight_while_nothing_comes(self) -> None:
        """A day ends although nothing comes; the next part begins with what comes next, and knows of no gap."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.clock.pump([LOOK_EVERY] * int(NOON / LOOK_EVERY + 10))
        self.assertEqual([PART], self.parts())
        self.assertEqual([("delete",)], self.query(PART, "PRAGMA journal_mode"))
        store.append(gather([self.read(X, 2)]), [])
        self.assertEqual(([(DAY, "stopped", {})], [(DAY, "started", {})]), (self.marks(PART)[1:], self.marks(NEXT)))
        self.close(store)

    def test_hours(self) -> None:
        """Each hour is sealed when it is over, and its summary is kept when its part has ended."""
        store = self.make()
        for minute in range(125):
            store.append(gather([self.read(X, minute, 1)]), [])
            self.clock.advance(60)
        self.assertEqual([(2,)], self.query(PART, "SELECT count(*) FROM block"))
        self.assertEqual(10, store.state().open_samples)
        self.close(store)
        hour = int(MORNING + NOON) // 3600
        self.assertEqual(
            [(hour, 120, 0.0, 59.0), (hour + 1, 120, 1.0, 119.0), (hour + 2, 10, 1.0, 124.0)],
            self.query("catalog.db", "SELECT hour, count, low, high FROM hour"),
        )

    def test_hour_while_nothing_comes(self) -> None:
        """An hour is sealed although nothing comes after it."""
        store = self.make()
        store.append(gather([self.read(X, *range(500))]), [])
        self.clock.advance(3600)
        self.assertEqual(0, store.state().open_samples)
        self.close(store)

    def test_restart_on_one_day(self) -> None:
        """A part that goes on after a restart is counted once in the summary."""
        for _ in range(3):
            store = self.make()
            store.append(gather([self.read(X, 1, 2)]), [])
            self.close(store)
        self.assertEqual([(6, 9.0)], self.query("catalog.db", "SELECT count, total FROM hour"))
        self.assertEqual([(PART, 6)], self.query("catalog.db", "SELECT name, samples FROM part"))


class SizeTests(StoreTestCase):
    def noise(self, count: int = 4000) -> ReadTaken:
        chance = random.Random(3)
        return self.read(X, *(chance.random() for _ in range(count)))

    def test_cut(self) -> None:
        """A part is cut at an eighth of keep_size, and the oldest go when all together are too large."""
        store = self.make(keep_size=1 << 20)
        for _ in range(40):
            store.append(gather([self.noise()]), [])
            self.clock.advance(1)
        self.clock.advance(LOOK_EVERY)
        parts = store.state().parts
        self.assertTrue(3 <= parts <= 8, parts)
        self.assertLess(store.state().size, 1 << 20)
        self.assertNotIn(PART, self.parts())
        self.assertTrue(all(name.startswith("2026-11-30.") for name in self.parts()))
        self.close(store)
        self.assertEqual([(160_000,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))

    def test_large_part_after_a_restart(self) -> None:
        """A part that is as large as it may be does not go on."""
        store = self.make()
        store.append(gather([self.noise(20_000)]), [])
        self.close(store)
        store = self.make(keep_size=1 << 20)
        self.assertEqual("2026-11-30.1.db", store.state().part)
        self.close(store)


class ClockTests(StoreTestCase):
    def test_hour_back_and_forth(self) -> None:
        """A clock that is set back an hour, and forth again, costs no sample; each step is marked."""
        store = self.make()
        for step in (0, -3600, 3600):
            self.ahead += step
            for value in range(80):
                store.append(gather([self.read(X, value)]), [])
                self.clock.advance(1)
        self.close(store)
        found = self.samples()[X.subject]
        self.assertEqual(240, len(found))
        self.assertEqual(
            [("clock", NOON + 80 - 3600, NOON + 80), ("clock", NOON + 160, NOON + 160 - 3600)],
            [(kind, time, data["from"] / MICRO - MORNING) for time, kind, data in self.marks(PART) if kind == "clock"],
        )
        self.assertEqual([(240,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))

    def test_back_over_midnight(self) -> None:
        """A clock that falls back into yesterday goes on with the part of that day, and then with that of today."""
        store = self.make()
        for step in (0, NOON, -3600, 3600):
            self.ahead += step
            store.append(gather([self.read(X, step)]), [])
        self.assertEqual([PART, NEXT], self.parts())
        self.close(store)
        self.assertEqual({X.subject: [-3600, 0, 3600, NOON]}, {X.subject: sorted(self.values()[X.subject])})
        self.assertEqual([(4,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))

    def test_ahead_until_it_is_right(self) -> None:
        """A clock that was a day ahead when netd started, and is then set right, leaves no gap over what is recorded since."""
        right = self.ahead
        self.ahead += DAY
        store = self.make()
        for ahead in (right + DAY, right):
            self.ahead = ahead
            store.append(gather([self.read(X, 1)]), [])
            self.clock.advance(10)
        self.assertEqual([PART, NEXT], self.parts())
        archive = Archive(self.directory)
        self.addCleanup(archive.close)
        self.assertEqual([], gaps(archive, round(right * MICRO), self.now()))
        self.close(store)

    def test_board_without_a_battery(self) -> None:
        """A clock that starts in 1970 or far ahead deletes nothing, until it has not been set for a while."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.close(store)
        right, self.ahead = self.ahead, 4e9
        store = self.make(keep=DAY, keep_hourly=DAY)
        store.append(gather([self.read(X, 2)]), [])
        self.clock.advance(TRUSTED_AFTER / 2)
        self.ahead = right
        store.append(gather([self.read(X, 3)]), [])
        self.clock.advance(TRUSTED_AFTER - 1)
        self.assertIn(PART, self.parts())
        self.ahead += 3 * DAY
        self.clock.pump([LOOK_EVERY] * 12)
        self.assertNotIn(PART, self.parts())
        self.close(store)

    def test_day_of_no_calendar(self) -> None:
        """A part whose day is in no calendar is older than all others."""
        store = self.make(keep=DAY)
        (self.directory / "parts" / "2026-13-41.db").write_bytes(b"\0" * 18 + b"\1\1")
        self.clock.pump([LOOK_EVERY] * 12)
        self.assertEqual([PART], self.parts())
        self.close(store)


class RetentionTests(StoreTestCase):
    def test_keep(self) -> None:
        """Parts go when they are too old, their hours stay."""
        store = self.make(keep=2.0 * DAY)
        for _ in range(6):
            store.append(gather([self.read(X, 1)]), [])
            self.clock.advance(DAY)
        self.assertEqual(["2026-12-04.db", "2026-12-05.db"], self.parts())
        self.assertEqual([(6,)], self.query("catalog.db", "SELECT count(*) FROM hour"))
        self.assertEqual([(2,)], self.query("catalog.db", "SELECT count(*) FROM part"))
        self.close(store)

    def test_keep_hourly(self) -> None:
        """The hourly summary goes only if somebody asks for that."""
        store = self.make(keep_hourly=2.0 * DAY)
        for _ in range(6):
            store.append(gather([self.read(X, 1)]), [])
            self.clock.advance(DAY)
        self.assertEqual([(2,)], self.query("catalog.db", "SELECT count(*) FROM hour"))
        self.close(store)

    def test_little_room(self) -> None:
        """While the file system is nearly full, the oldest parts go; when there are none, recording pauses and says why."""
        store = self.make()
        for _ in range(3):
            store.append(gather([self.read(X, 1)]), [])
            self.clock.advance(DAY)
        store.append(gather([self.read(X, 2)]), [])
        store.apply(self.settings(min_free=1.0))
        store.append(gather([self.read(X, 3)]), [])
        self.assertRegex(store.state().paused, "only [0-9.]+% of the file system of .* is free: free some space")
        self.assertEqual(["2026-12-03.db"], self.parts())
        self.clock.advance(LOOK_EVERY)
        store.apply(self.settings(min_free=0.0))
        self.clock.advance(RETRY)
        self.assertEqual("", store.state().paused)
        self.assertEqual({X.subject: [2, 3]}, self.values())
        self.close(store)

    def test_other_files(self) -> None:
        """Files of others in the directory are neither read nor deleted."""
        store = self.make(keep=1.0)
        (self.directory / "parts" / "1999-01-01.txt").write_text("mine")
        (self.directory / "parts" / "1999-01-01.db").mkdir()
        self.clock.advance(DAY)
        self.assertEqual("", store.state().paused)
        self.assertTrue((self.directory / "parts" / "1999-01-01.db").exists())
        self.close(store)


class CrashTests(StoreTestCase):
    def crash(self, store: Store) -> None:
        """End *store* as kill -9 does."""
        for call in [*self.clock.getDelayedCalls()]:
            call.cancel()
        part = store._writer._part
        assert part is not None
        part.file._database.close()
        store._writer.shelf.folder.unlock()

    def test_same_day(self) -> None:
        """After a crash, nothing that was committed is missing; the part says when it was last alive, and asks to be checked."""
        store = self.make()
        store.append(gather([self.read(X, 1, 2)]), [self.event()])
        self.crash(store)
        self.clock.advance(100)
        store = self.make()
        self.assertEqual(PART, store.state().unchecked)
        store.append(gather([self.read(X, 3)]), [])
        self.assertEqual({X.subject: [1, 2, 3]}, self.values())
        self.assertEqual([(NOON, "crashed", {}), (NOON + 100, "started", {})], self.marks(PART)[1:])
        self.close(store)

    def test_other_day(self) -> None:
        """A part that a crash left open on another day is closed with the next start."""
        store = self.make()
        store.append(gather([self.read(X, 1, 2)]), [])
        self.crash(store)
        self.clock.advance(3 * DAY)
        store = self.make()
        self.assertEqual([PART, "2026-12-03.db"], self.parts())
        self.assertEqual([("delete",)], self.query(PART, "PRAGMA journal_mode"))
        self.assertEqual([(NOON, "started", {}), (NOON, "crashed", {})], self.marks(PART))
        self.assertEqual([(2,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))
        self.close(store)

    def test_begun_and_never_made(self) -> None:
        """A file that a crash left empty is made a part."""
        (self.directory / "parts").mkdir(parents=True)
        for name in (PART, "2026-11-01.db"):
            (self.directory / "parts" / name).touch()
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.assertEqual(("", {X.subject: [1]}), (store.state().paused, self.values(PART)))
        self.close(store)

    def test_older_format(self) -> None:
        """A part of an older netd is left as it is, and another begins. On another day it is closed, without a change."""
        for days in (0, 1):
            store = self.make()
            store.append(gather([self.read(X, 1)]), [])
            self.crash(store)
            part = Path(self.directory / "parts" / store.state().part)
            database = sqlite3.connect(part)
            database.execute("PRAGMA user_version=0")
            database.close()
            self.clock.advance(days * DAY)
        store = self.make()
        self.assertEqual(["2026-11-30.1.db", PART, NEXT], self.parts())
        self.assertEqual([("delete",)] * 2, [self.query(name, "PRAGMA journal_mode")[0] for name in (PART, "2026-11-30.1.db")])
        self.assertEqual([(1,)], self.query(PART, "SELECT count(*) FROM journal"))
        self.close(store)


class DamageTests(StoreTestCase):
    def spoil(self, name: str, flips: int = 200) -> None:
        """Flip bytes of a file at random."""
        path = self.directory / "parts" / name if name != "catalog.db" else self.directory / name
        chance, content = random.Random(11), bytearray(path.read_bytes())
        for _ in range(flips):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)

    def test_no_database(self) -> None:
        """A part that is no database is set aside, and recording goes on in another."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.close(store)
        (self.directory / "parts" / PART).write_bytes(b"x" * 10000)
        store = self.make()
        store.append(gather([self.read(X, 2)]), [])
        self.assertEqual((["2026-11-30.1.db"], {X.subject: [2]}), (self.parts(), self.values()))
        self.assertEqual((f"{PART}.damaged",), store.state().damaged)
        self.assertIn("2026-11-30.db is damaged (file is not a database)", store.state().error)
        self.close(store)

    def test_flipped_bytes(self) -> None:
        """Whatever bytes of a part flip, recording goes on, and what comes next is found."""
        for round_number in range(5):
            store = self.make()
            series = [SeriesName(f"session.main.a.{number}") for number in range(20)]
            for _ in range(10):
                store.append(gather([self.read(name, *range(100)) for name in series]), [self.event()] * 10)
            self.close(store)
            self.spoil(store.state().part)
            store = self.make()
            store.append(gather([self.read(Y, round_number)]), [self.event()])
            self.clock.advance(RETRY)
            self.assertEqual(("", 0), (store.state().paused, store.waiting))
            self.close(store)
            self.assertEqual(("", 1), (store.state().paused, store.state().samples))
            self.clock.advance(DAY)

    def test_damage_while_open(self) -> None:
        """A part that becomes unreadable while it is open is replaced; what is in memory of it is not lost."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [self.event()] * 2000)
        self.clock.advance(1)
        store.append(gather([self.read(X, 2)]), [])
        path = self.directory / "parts" / PART
        part = store._writer._part
        assert part is not None
        part.file._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        part.file._database.execute("PRAGMA shrink_memory")
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        store.append(gather([self.read(X, 3)]), [self.event()])
        self.assertEqual(("", (f"{PART}.damaged",)), (store.state().paused, store.state().damaged))
        self.assertEqual({X.subject: [1, 2, 3]}, self.values())
        self.close(store)

    def test_catalog(self) -> None:
        """A damaged catalog is made again of the parts; runs and notes are lost, and that is said."""
        store = self.make()
        for _ in range(3):
            store.append(gather([self.read(X, 1, 2)]), [])
            self.clock.advance(DAY)
        self.successResultOf(store.ask(lambda catalog: catalog.begin_run("a", 1, [], {}, "")))
        self.close(store)
        before = self.query("catalog.db", "SELECT * FROM hour")
        (self.directory / "catalog.db").write_bytes(b"y" * 5000)
        store = self.make()
        self.assertIn("catalog.db is damaged", store.state().error)
        self.assertEqual([], self.successResultOf(store.ask(lambda catalog: catalog.runs())))
        self.close(store)
        self.assertEqual(before, self.query("catalog.db", "SELECT * FROM hour"))
        self.assertEqual(3, len(before))

    def test_catalog_while_open(self) -> None:
        """A catalog that becomes unreadable while it is open is replaced as well."""
        store = self.make()
        store.append(gather([self.read(X, 1, 2)]), [])
        self.clock.advance(DAY)
        store.append(gather([self.read(X, 1, 2)]), [])
        path = self.directory / "catalog.db"
        catalog = store._writer.shelf._catalog
        assert catalog is not None
        catalog._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        catalog._database.execute("PRAGMA shrink_memory")
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        self.assertEqual([], self.successResultOf(store.ask(lambda catalog: catalog.runs())))
        self.assertEqual(1, self.successResultOf(store.ask(lambda catalog: catalog.begin_run("a", 1, [], {}, ""))).number)
        self.close(store)
        self.assertEqual([(4,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))

    def test_missing_catalog(self) -> None:
        """A catalog that is missing is made again, and parts that were put there by hand are counted."""
        store = self.make()
        store.append(gather([self.read(X, 1, 2)]), [])
        self.clock.advance(DAY)
        store.append(gather([self.read(X, 1, 2)]), [])
        self.close(store)
        (self.directory / "catalog.db").unlink()
        (self.directory / "parts" / "2026-11-02.db").write_bytes(b"no part" * 1000)
        (self.directory / "parts" / PART).rename(self.directory / "parts" / "2026-11-03.db")
        store = self.make()
        self.close(store)
        self.assertEqual([(4,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))
        self.assertEqual(["2026-11-03.db", NEXT], self.parts())

    def test_many_damaged(self) -> None:
        """A disk that spoils each file is not filled with spoilt ones: the newest eight stay."""
        for _ in range(12):
            store = self.make()
            store.append(gather([self.read(X, 1)]), [])
            self.close(store)
            (self.directory / "parts" / store.state().part).write_bytes(b"x" * 10000)
            self.clock.advance(1)
        store = self.make()
        self.assertEqual(8, len(store.state().damaged))
        self.close(store)

    def test_damaged_twice(self) -> None:
        """Two damaged files of one name are both kept."""
        for _ in range(2):
            self.close(self.make())
            for name in self.parts():
                (self.directory / "parts" / name).rename(self.directory / "parts" / PART)
            (self.directory / "parts" / PART).write_bytes(b"x" * 10000)
        store = self.make()
        self.assertEqual({f"{PART}.damaged", f"{PART}.damaged.1"}, set(store.state().damaged))
        self.close(store)

    def test_damage_of_one_that_was_left_open(self) -> None:
        """A damaged part of another day, left open by a crash, is set aside, and so is one of zeros."""
        (self.directory / "parts").mkdir(parents=True)
        (self.directory / "parts" / "2026-11-01.db").write_bytes(b"x" * 10000)
        (self.directory / "parts" / "2026-11-02.db").write_bytes(b"SQLite format 3\0\x10\0\1\1" + b"\0" * 10000)
        store = self.make()
        self.assertEqual({"2026-11-01.db.damaged", "2026-11-02.db.damaged"}, set(store.state().damaged))
        self.assertEqual("", store.state().paused)
        self.close(store)


class HandsTests(StoreTestCase):
    def test_deleted_by_hand(self) -> None:
        """When somebody deletes the file that is written to, another begins within a minute, with what was open."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        for path in (self.directory / "parts").iterdir():
            path.unlink()
        self.clock.advance(LOOK_EVERY)
        store.append(gather([self.read(X, 2)]), [])
        self.assertEqual(({X.subject: [1, 2]}, ""), (self.values(), store.state().paused))
        self.assertIn("was deleted or moved", store.state().error)
        self.close(store)

    def test_moved_by_hand(self) -> None:
        """When somebody moves the whole directory away, recording begins anew in its place."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.directory.rename(self.directory.with_name("moved"))
        self.clock.advance(LOOK_EVERY)
        self.assertEqual({X.subject: [1]}, self.values())
        self.assertEqual([], self.successResultOf(store.ask(lambda catalog: catalog.runs())))
        self.close(store)
        self.assertEqual([(1,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))

    def test_two_recorders(self) -> None:
        """Of two recorders with one directory, the second pauses and says why, until the first has ended."""
        first = self.make()
        second = self.make()
        self.assertIn("another recorder writes to", second.state().paused)
        second.append(gather([self.read(X, 2)]), [])
        first.append(gather([self.read(X, 1)]), [])
        self.close(first)
        self.clock.advance(RETRY)
        self.assertEqual(("", {X.subject: [1, 2]}), (second.state().paused, self.values()))
        self.close(second)

    def test_newer_catalog(self) -> None:
        """The catalog of a newer netd is not written to, and the message says what to do."""
        self.close(self.make())
        database = sqlite3.connect(self.directory / "catalog.db")
        database.execute("PRAGMA user_version=2")
        database.close()
        store = self.make()
        self.assertIn("catalog.db was written by a newer netd; run that one again", store.state().paused)
        (self.directory / "catalog.db").unlink()
        self.clock.advance(LOOK_EVERY)
        self.assertEqual("", store.state().paused)
        self.close(store)

    def test_file_that_cannot_be_read(self) -> None:
        """A file that somebody has put there, and that netd cannot read now, is told, and does not stop the recording."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.close(store)
        (self.directory / "parts" / PART).rename(self.directory / "parts" / "2026-11-02.db")
        holder = sqlite3.connect(self.directory / "parts" / "2026-11-02.db", isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("BEGIN EXCLUSIVE")
        store = self.make()
        store.append(gather([self.read(X, 2)]), [])
        self.assertIn("2026-11-02.db is not in the summary: database is locked", store.state().error)
        self.assertEqual(("", 1), (store.state().paused, store.state().samples))
        holder.close()
        self.close(store)
        self.close(self.make())
        self.assertEqual([("2026-11-02.db",), (PART,)], self.query("catalog.db", "SELECT name FROM part ORDER BY name"))


class ReaderTests(StoreTestCase):
    def test_part_that_is_read(self) -> None:
        """A part that somebody reads at midnight is closed when they have let it go; recording does not wait."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        reader = sqlite3.connect(self.directory / "parts" / PART)
        self.addCleanup(reader.close)
        reader.execute("SELECT count(*) FROM series").fetchone()
        self.clock.advance(DAY)
        store.append(gather([self.read(X, 2)]), [])
        self.assertEqual((2, ""), (store.state().samples, store.state().paused))
        self.assertTrue((self.directory / "parts" / f"{PART}-wal").exists())
        reader.close()
        self.clock.advance(LOOK_EVERY)
        self.assertFalse((self.directory / "parts" / f"{PART}-wal").exists())
        self.close(store)

    def test_part_that_is_read_at_the_end(self) -> None:
        """A part that is still read when the daemon stops is closed with the next start."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        reader = sqlite3.connect(self.directory / "parts" / PART)
        self.addCleanup(reader.close)
        reader.execute("SELECT count(*) FROM series").fetchone()
        self.close(store)
        reader.close()
        self.clock.advance(DAY)
        store = self.make()
        self.assertEqual([("delete",)], self.query(PART, "PRAGMA journal_mode"))
        self.assertEqual([(NOON, "started", {}), (NOON, "stopped", {})], self.marks(PART))
        self.close(store)

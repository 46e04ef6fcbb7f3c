"""The store on real files, with a fake clock: what is handed over is found again, and what cannot be written waits."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import formatEvent, globalLogPublisher

from netd.errors import NoSuchTarget, OperationFailed
from netd.recorder.backlog import AT_ONCE
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.part_file import PartFile, open_part
from netd.recorder.store import MOST_ASKED, RETRY, Store
from tests.recorder.place import MORNING, ON, StoreTestCase, X, Y
from tests.recorder.reads import ReadTaken, gather

PART = "2026-11-30.db"


class FlushTests(StoreTestCase):
    def test_flush(self) -> None:
        """Samples and events are in the file as soon as they are handed over, one row of the journal for each time."""
        store = self.make()
        store.append(gather([self.read(X, 1, 2), self.read(Y, 50.5), self.read(X, 3)]), [self.event('{"on":true}')])
        store.append(gather([self.read(X, 4.25)]), [])
        self.assertEqual([PART], self.parts())
        self.assertEqual({X.subject: [1, 2, 3, 4.25], Y.subject: [50.5]}, self.values())
        self.assertEqual([(2,)], self.query(PART, "SELECT count(*) FROM journal"))
        self.assertEqual([(self.now(), '{"on":true}')], self.query(PART, "SELECT time, data FROM event"))
        self.assertEqual([tuple(X), tuple(Y), tuple(ON)], self.query(PART, "SELECT subject, label, unit FROM series"))
        self.assertEqual((5, 1, 5), (store.state().samples, store.state().events, store.state().open_samples))
        self.close(store)

    def test_reopened(self) -> None:
        """After a restart, the part of the day goes on, and says from when to when nothing was recorded."""
        store = self.make()
        store.append(gather([self.read(X, 1, 2)]), [self.event()])
        self.clock.advance(5)
        self.close(store)
        self.clock.advance(100)
        store = self.make()
        store.append(gather([self.read(X, 3)]), [])
        self.assertEqual({X.subject: [1, 2, 3]}, self.values())
        self.assertEqual([(43200, "started", {}), (43205, "stopped", {}), (43305, "started", {})], self.marks(PART))
        self.close(store)
        self.assertEqual(([PART], ""), (self.parts(), store.state().unchecked))

    def test_nothing(self) -> None:
        """Nothing is written while nothing comes."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.clock.advance(20)
        before = self.stamps()
        for _ in range(300):
            store.append({}, [])
            self.clock.advance(1)
        self.assertEqual(before, self.stamps())
        self.close(store)

    def stamps(self) -> list[tuple[Path, int]]:
        return [(path, path.stat().st_mtime_ns) for path in sorted(self.directory.rglob("*"))]

    def test_others_may_not_look(self) -> None:
        """Files are for the user alone that netd runs as, directories too."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        modes = {path.name: path.stat().st_mode & 0o777 for path in [self.directory, *self.directory.rglob("*")]}
        self.close(store)
        self.assertEqual({"main", "parts"}, {name for name, mode in modes.items() if mode == 0o700})
        self.assertEqual({0o600, 0o700}, set(modes.values()))
        self.assertIn(f"{PART}-wal", modes)

    def test_numbers_of_the_state(self) -> None:
        """The state tells what is on the disk, and what was left out."""
        store = self.make()
        store.append(gather([self.read(X, 1, float("nan"))]), [])
        self.clock.advance(60)
        state = store.state()
        self.assertEqual((PART, 1, PART, 1), (state.part, state.parts, state.oldest, state.refused))
        self.assertEqual(sum(path.stat().st_size for path in (self.directory / "parts").iterdir()), state.size)
        self.close(store)


class SyncTests(StoreTestCase):
    def test_sync(self) -> None:
        """A commit that is due is a full one; so is all, some seconds after the last, when nothing comes any more."""
        store = self.make(sync=10.0)
        synced = []
        for _ in range(25):
            self.clock.advance(1)
            store.append(gather([self.read(X, 1)]), [])
            synced.append(store.state().is_synced)
        self.assertEqual([10, 20], [index + 1 for index, is_synced in enumerate(synced) if is_synced])
        self.clock.advance(10)
        self.assertTrue(store.state().is_synced)
        self.close(store)

    def test_off(self) -> None:
        """Without sync, nothing is synced but on demand."""
        store = self.make(sync=None)
        store.append(gather([self.read(X, 1)]), [])
        self.clock.advance(1000)
        self.assertFalse(store.state().is_synced)
        self.successResultOf(store.flush())
        self.assertTrue(store.state().is_synced)
        self.close(store)

    def test_flush_on_demand(self) -> None:
        """A flush answers when all that was handed over before it is on the disk, in one full commit."""
        store = self.make()
        self.threads.is_held = True
        store.append(gather([self.read(X, 1)]), [])
        store.append(gather([self.read(X, 2)]), [])
        flushed = store.flush()
        self.assertNoResult(flushed)
        self.threads.work()
        self.successResultOf(flushed)
        self.assertEqual(({X.subject: [1, 2]}, True), (self.values(), store.state().is_synced))
        self.threads.is_held = False
        self.successResultOf(store.flush())
        self.close(store)


class WaitingTests(StoreTestCase):
    def test_one_batch_at_a_time(self) -> None:
        """While the disk is slow, what comes waits, and is then written in few transactions."""
        store = self.make()
        self.threads.is_held = True
        for value in range(5):
            store.append(gather([self.read(X, value)]), [])
        self.assertEqual(1, len(self.threads.held))
        self.threads.work()
        self.assertEqual([(2,)], self.query(PART, "SELECT count(*) FROM journal"))
        self.assertEqual(({X.subject: [0, 1, 2, 3, 4]}, 0), (self.values(), store.waiting))
        self.threads.is_held = False
        self.close(store)

    def test_much_is_written_in_pieces(self) -> None:
        """A transaction has only so many samples, so that what else wants the thread need not wait for long."""
        store = self.make()
        self.threads.is_held = True
        store.append(gather([self.read(X, 0)]), [])
        for _ in range(3):
            store.append(gather([ReadTaken(X, self.now(), [1.0] * (AT_ONCE // 2))]), [])
        self.threads.is_held = False
        self.threads.work()
        self.assertEqual(1 + AT_ONCE // 2 * 3, store.state().samples)
        self.assertEqual(1 + 3, self.threads.ran)
        self.close(store)

    def test_too_much(self) -> None:
        """What comes above the bound is dropped, newest first, counted, and marked with the time that it covers."""
        store = self.make(most_waiting=1700)
        self.threads.is_held = True
        store.append(gather([self.read(X, 1)]), [])
        store.append(gather([self.read(X, *range(10))]), [])
        self.clock.advance(2)
        store.append(gather([self.read(X, *range(10))]), [self.event(), self.event()])
        self.clock.advance(3)
        store.append(gather([self.read(X, *range(10))]), [])
        self.assertEqual(22, store.dropped)
        self.threads.is_held = False
        self.threads.work()
        store.append(gather([self.read(X, 9)]), [])
        self.assertEqual(
            [(43202, "dropped", {"until": (MORNING + 43205) * MICRO, "samples": 20, "events": 2})], self.marks(PART)[1:]
        )
        self.assertEqual({X.subject: [1, *range(10), 9]}, self.values())
        self.close(store)

    def test_one_that_is_too_large(self) -> None:
        """What is handed over while nothing waits is taken, however much it is."""
        store = self.make(most_waiting=10)
        store.append(gather([self.read(X, *range(100))]), [])
        self.assertEqual((100, 0), (len(self.values()[X.subject]), store.dropped))
        self.close(store)

    def test_too_many_questions(self) -> None:
        """Questions that wait for a slow disk are bounded; samples are written all the same."""
        store = self.make()
        self.threads.is_held = True
        asked = [store.ask(lambda catalog: catalog.runs()) for _ in range(MOST_ASKED + 1)]
        self.failureResultOf(asked.pop(), OperationFailed)
        store.append(gather([self.read(X, 1)]), [])
        self.threads.is_held = False
        self.threads.work()
        self.assertEqual([[]] * MOST_ASKED, [self.successResultOf(one) for one in asked])
        self.assertEqual({X.subject: [1]}, self.values())
        self.close(store)

    def test_work_for_people_on_a_slow_disk(self) -> None:
        """Deletions are bounded like questions: places in the queue stay for samples, for their sync, and for the end."""
        store = self.make()
        self.threads.is_held = True
        self.clock.advance(86400)  # looks that are due do not pile up, either
        asked: list[Deferred[Any]] = [store.delete(["none"]) for _ in range(MOST_ASKED)]
        self.assertLessEqual(len(self.threads.held), MOST_ASKED)
        self.failureResultOf(store.delete(["none"]), OperationFailed)
        self.failureResultOf(store.set_aside("none", "damaged"), OperationFailed)
        store.append(gather([self.read(X, 1)]), [])
        self.threads.is_held = False
        self.threads.work()
        for one in asked[:-1]:
            self.failureResultOf(one, NoSuchTarget)
        self.failureResultOf(asked[-1], OperationFailed)
        self.assertEqual({X.subject: [1]}, self.values())
        self.close(store)

    def test_given_up(self) -> None:
        """Whoever waits no longer for a disk that hangs leaves nothing behind, and others are told."""
        store = self.make()
        self.threads.is_held = True
        store.append(gather([self.read(X, 1)]), [])
        for _ in range(100):
            given_up = store.commit()
            given_up.cancel()
            self.failureResultOf(given_up, CancelledError)
        self.assertEqual([0], [len(one.callers) for one in store._backlog._queue])
        first, second = store.commit(), store.commit()
        first.addCallback(lambda _: second.cancel())
        self.threads.is_held = False
        self.threads.work()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.close(store)

    def test_settings_while_it_runs(self) -> None:
        """Other settings count from the next batch on."""
        store = self.make(most_waiting=10)
        store.apply(self.settings(most_waiting=10_000))
        self.threads.is_held = True
        store.append(gather([self.read(X, 1)]), [])
        store.append(gather([self.read(X, 2)]), [])
        self.assertEqual(0, store.dropped)
        self.threads.is_held = False
        self.threads.work()
        self.close(store)


class Disk:
    """Opens parts that fail when the test says so, before their commit or after it."""

    def __init__(self) -> None:
        self.fails = ""

    def open(self, path: Path) -> PartFile:
        part = open_part(path)
        append, prepare, settle = part.append, part.prepare, part.settle

        def preparing() -> bool:
            if self.fails == "prepare":
                raise sqlite3.OperationalError("disk I/O error")
            return prepare()

        def settling() -> bool:
            if self.fails == "settle":
                raise sqlite3.OperationalError("disk I/O error")
            return settle()

        def failing(*arguments: Any, **keywords: Any) -> None:
            if self.fails == "before":
                raise sqlite3.OperationalError("disk I/O error")
            append(*arguments, **keywords)
            if self.fails == "after":
                raise sqlite3.OperationalError("disk I/O error")

        # What a disk does cannot be had otherwise.
        part.append = failing  # type: ignore[method-assign]
        part.prepare = preparing  # type: ignore[method-assign]
        part.settle = settling  # type: ignore[method-assign]
        return part


class FailingDiskTests(StoreTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.disk = Disk()
        self.logged: list[str] = []

        def observer(event: Any) -> None:
            self.logged.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def make(self, **options: Any) -> Store:
        return super().make(open_file=self.disk.open, **options)

    def test_pause(self) -> None:
        """While the disk takes nothing, all waits; the pause is told once, and marked as soon as recording goes on."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.disk.fails = "before"
        self.clock.advance(1)
        for value in (2, 3):
            store.append(gather([self.read(X, value)]), [])
        flushed = store.flush()
        self.clock.pump([RETRY] * 5)
        self.assertIn("disk I/O error", str(self.failureResultOf(flushed, OperationFailed).value))
        self.assertEqual((MORNING + 43201, True), (store.state().paused_since, bool(store.waiting)))
        self.assertIn("disk I/O error", store.state().paused)
        self.assertEqual({X.subject: [1]}, self.values())
        self.disk.fails = ""
        self.clock.advance(RETRY)
        self.assertEqual(({X.subject: [1, 2, 3]}, 0, ""), (self.values(), store.waiting, store.state().paused))
        [paused, goes_on] = self.logged
        self.assertRegex(paused, "^Recorder: nothing is recorded: .*/main: disk I/O error: see to the disk, or name another ")
        self.assertEqual("Recorder: recording goes on", goes_on)
        self.clock.advance(1)
        self.close(store)
        _, full, _ = self.marks(PART)
        self.assertEqual((43201, "full", (MORNING + 43207) * MICRO), (*full[:2], full[2]["until"]))

    def test_committed_all_the_same(self) -> None:
        """A batch whose commit was said to have failed, and is found in the file, is not written twice."""
        store = self.make()
        for reads, events in (([self.read(X, 1, 2)], []), ([], [self.event()])):
            self.disk.fails = "after"
            store.append(gather(reads), events)
            self.assertIn("disk I/O error", store.state().paused)
            self.disk.fails = ""
            self.clock.advance(RETRY)
            self.assertEqual("", store.state().paused)
        self.assertEqual(({X.subject: [1, 2]}, [(1,)]), (self.values(), self.query(PART, "SELECT count(*) FROM event")))
        self.close(store)

    def test_sync_that_fails(self) -> None:
        """A sync that fails pauses, too; the next look finds out that the disk is there again."""
        store = self.make(sync=None)
        store.append(gather([self.read(X, 1)]), [])
        self.disk.fails = "before"
        store.append(gather([self.read(X, 2)]), [])
        self.clock.advance(60)
        self.disk.fails = ""
        self.clock.advance(60)
        self.assertEqual(("", {X.subject: [1, 2]}), (store.state().paused, self.values()))
        self.close(store)

    def test_paused_at_the_end(self) -> None:
        """A daemon that stops while the disk takes nothing says what is lost, and ends."""
        store = self.make()
        self.disk.fails = "before"
        store.append(gather([self.read(X, 1)]), [])
        self.close(store)
        self.assertTrue(any(line.startswith("What is not yet recorded is lost: nothing is recorded: ") for line in self.logged))
        self.assertTrue(self.threads.is_stopped)

    def test_from_the_start(self) -> None:
        """A disk that takes nothing when netd starts pauses the recording; all begins when it is there."""
        for fails in ("before", "prepare"):
            self.disk.fails = fails
            store = self.make()
            store.append(gather([self.read(X, 1)]), [])
            self.assertIn("disk I/O error", store.state().paused)
            self.disk.fails = ""
            self.clock.advance(RETRY)
            self.assertEqual(("", 1), (store.state().paused, store.state().samples))
            self.close(store)
        self.assertEqual({X.subject: [1, 1]}, self.values())

    def test_part_of_yesterday(self) -> None:
        """A part that a crash left open, and that cannot be read now, is closed when it can be."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        for call in [*self.clock.getDelayedCalls()]:
            call.cancel()
        store._writer._put_down()
        store._writer.shelf.folder.unlock()
        self.clock.advance(86400)
        self.disk.fails = "prepare"
        store = self.make()
        self.assertIn("disk I/O error", store.state().paused)
        self.disk.fails = ""
        self.clock.advance(60)
        self.assertEqual(("", [("delete",)]), (store.state().paused, self.query(PART, "PRAGMA journal_mode")))
        self.close(store)

    def test_end_that_fails(self) -> None:
        """A part that cannot be closed for another reason than a reader pauses the recording, as any error does."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.disk.fails = "settle"
        self.clock.advance(86400)
        self.assertIn("disk I/O error", store.state().paused)
        self.disk.fails = ""
        self.clock.advance(60)
        self.assertEqual(("", [("delete",)]), (store.state().paused, self.query(PART, "PRAGMA journal_mode")))
        store.append(gather([self.read(X, 2)]), [])
        self.close(store)
        self.assertEqual([(2,)], self.query("catalog.db", "SELECT sum(count) FROM hour"))
        self.assertEqual({X.subject: [1, 2]}, self.values())

    def test_no_directory(self) -> None:
        """A directory that cannot be made pauses the recording from the start; it begins when it can."""
        self.directory.parent.mkdir(parents=True)
        self.directory.write_text("a file stands in the way")
        store = self.make()
        self.assertIn("main: is no directory", store.state().paused)
        store.append(gather([self.read(X, 1)]), [])
        self.failureResultOf(store.ask(lambda catalog: catalog.runs()), OperationFailed)
        self.directory.unlink()
        self.clock.advance(RETRY)
        self.assertEqual(("", {X.subject: [1]}), (store.state().paused, self.values()))
        self.close(store)

    def test_mistake_of_ours(self) -> None:
        """A batch that nothing can write is given up and logged, and does not stand in the way of the next."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [EventTaken(ON, self.now(), "no bytes")])  # type: ignore[arg-type]
        self.assertEqual(1, len(self.flushLoggedErrors(AttributeError)))
        self.assertEqual((2, 0), (store.dropped, store.waiting))
        store.append(gather([self.read(X, 1)]), [])
        self.assertEqual({X.subject: [1]}, self.values())
        self.close(store)


class QuestionTests(StoreTestCase):
    def test_catalog(self) -> None:
        """Questions to the catalog are answered by what they return, or raise."""
        store = self.make()
        made = self.successResultOf(store.ask(lambda catalog: catalog.begin_run("cool down", 10, [">"], {}, "ann")))
        self.assertEqual(1, made.number)
        self.failureResultOf(store.ask(lambda catalog: catalog.finish_run(7, 40)), NoSuchTarget)
        self.close(store)

    def test_delete(self) -> None:
        """Closed parts can be deleted by name, or by day; the open one cannot, and neither can what is no part."""
        store = self.make()
        for _ in range(4):
            store.append(gather([self.read(X, 1)]), [])
            self.clock.advance(86400)
        store.append(gather([self.read(X, 1)]), [])
        for name in (store.state().part, "../catalog.db", "2020-01-01.db", ""):
            self.failureResultOf(store.delete([name]), NoSuchTarget)
        self.assertEqual(["2026-12-01.db"], self.successResultOf(store.delete(["2026-12-01.db"])))
        self.assertEqual(["2026-11-30.db"], self.successResultOf(store.delete(before=MORNING + 2 * 86400)))
        self.assertEqual(["2026-12-02.db", "2026-12-03.db", "2026-12-04.db"], self.parts())
        self.assertEqual(3, store.state().parts)
        self.assertIn("2026-11-30.db", self.let_go)
        self.assertEqual([], self.successResultOf(store.delete(before=0)))
        self.close(store)

    def test_set_aside(self) -> None:
        """A part that a reader finds to be damaged is renamed; what was open of it in memory goes on in another."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.clock.advance(86400)
        store.append(gather([self.read(X, 2)]), [])
        for name in (PART, "2026-12-01.db", "../catalog.db", "2020-01-01.db"):
            self.successResultOf(store.set_aside(name, "a page is bad"))
        store.append(gather([self.read(X, 3)]), [])
        self.assertEqual((["2026-12-01.db"], {X.subject: [2, 3]}), (self.parts(), self.values()))
        self.assertEqual({f"{PART}.damaged", "2026-12-01.db.damaged"}, set(store.state().damaged))
        self.close(store)


class ThreadTests(StoreTestCase):
    def test_other_series(self) -> None:
        """Series are told apart by subject and unit, through restarts."""
        store = self.make()
        store.append(gather([self.read(X, 1), self.read(SeriesName(X.subject, "", "K"), 2)]), [])
        self.close(store)
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.close(store)
        self.assertEqual(
            [("°C", 2), ("K", 1)], self.query(PART, "SELECT unit, sum(count) FROM block JOIN series ON id = series GROUP BY id")
        )

    def test_flush_and_close(self) -> None:
        """All that was handed over before the end is in the file after it."""
        store = self.make()
        self.threads.is_held = True
        ends: list[Deferred[None]] = []
        for value in range(3):
            store.append(gather([self.read(X, value)]), [])
        ends.append(store.close())
        self.threads.is_held = False
        self.threads.work()
        self.successResultOf(ends[0])
        self.assertEqual({X.subject: [0, 1, 2]}, self.values())

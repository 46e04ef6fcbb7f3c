"""The state of the daemon: what is promised, what is noted, in which commits, and what a full disk does to both."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netd.interfaces import IStateful, IStatePart, IStateTable
from netd.state.state import LAST, LAZILY, NotKept, State
from netd.testing import MemoryDisk, MemoryState, WallClock, result_of

FULL = OSError(28, "database or disk is full")


@implementer(IStateful)
class Owner:
    """Something with a table."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Any]] = []

    def use_state(self, part: IStatePart) -> None:
        self.part = part
        self.table = part.table("things")
        self.found = self.table.load(most=3, keep_for=1000.0)


class StateTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.wall = WallClock(self.clock)
        self.disk = MemoryDisk()
        self.restart()

    def restart(self) -> None:
        """The next daemon, after a crash of the one before."""
        self.state, self.owner = MemoryState(self.clock, self.wall, self.disk), Owner()
        self.state.join("pump.main", self.owner)
        self.table = self.owner.table

    def found(self) -> dict[str, Any]:
        """What the next daemon finds."""
        self.restart()
        return dict(self.owner.found)


class PromiseTests(StateTestCase):
    def test_answer_waits_for_the_disk(self) -> None:
        """An entry is promised when it is on the disk, at the end of the turn; before, a crash loses it."""
        done = self.table.put("a", {"x": 1})
        self.assertNoResult(done)
        self.clock.advance(0)
        result_of(done)
        self.assertEqual({"a": {"x": 1}}, self.found())

    def test_one_commit_a_turn(self) -> None:
        """All that a turn has put and removed is one commit, in which the last word on a key counts."""
        results = [self.table.put("a", 1), self.table.put("b", 1), self.table.remove("a"), self.table.put("b", 2)]
        self.clock.advance(0)
        for done in results:
            result_of(done)
        self.assertEqual((1, {"b": 2}), (len(self.disk.commits), self.found()))

    def test_removed(self) -> None:
        """An entry that was removed does not come back."""
        self.table.put("a", 1)
        self.clock.advance(0)
        self.table.remove("a")
        self.clock.advance(0)
        self.assertEqual({}, self.found())

    def test_full_disk(self) -> None:
        """What was to be promised is refused, with the reason; the state says so until a commit succeeds."""
        self.disk.refuses = FULL
        with capturedLogs() as logs:
            done = self.table.put("a", 1)
            self.clock.advance(0)
            error = self.failureResultOf(done, NotKept).value
            again = self.table.put("a", 2)
            self.clock.advance(0)
            self.failureResultOf(again, NotKept)
        trouble = "memory cannot be used: [Errno 28] database or disk is full"
        self.assertEqual(f"{trouble}; nothing is promised until that is mended", str(error))
        self.assertEqual((trouble, 1), (self.state.facts().trouble, len(logs)))
        self.disk.refuses = None
        self.table.put("b", 1)
        self.clock.advance(0)
        self.assertEqual(("", {"b": 1}), (self.state.facts().trouble, self.found()))


class NoteTests(StateTestCase):
    def test_notes_are_written_together(self) -> None:
        """A value that changes often is written once a minute, with its newest value."""
        for number in range(50):
            self.table.note("a", number)
            self.table.note("b", number)
            self.clock.advance(1)
        self.assertEqual([], self.disk.commits)
        self.assertEqual(2, self.state.facts().waiting)
        self.clock.advance(LAZILY)
        self.assertEqual((1, {"a": 49, "b": 49}), (len(self.disk.commits), self.found()))

    def test_sooner(self) -> None:
        """A note that is in a hurry takes the others along; a later one that is not does not hold it up."""
        self.table.note("a", 1)
        self.table.note("b", 2, 1.0)
        self.table.note("c", 3)
        self.clock.advance(1)
        self.assertEqual({"a": 1, "b": 2, "c": 3}, self.found())

    def test_dropped(self) -> None:
        """What is dropped is gone with the end of the turn, also if it was not written yet."""
        result = self.table.put("a", 1)
        self.table.note("b", 1)
        self.clock.advance(0)
        result_of(result)
        self.table.drop("a")
        self.table.drop("b")
        self.clock.advance(0)
        self.assertEqual({}, self.found())

    def test_promise_after_a_note(self) -> None:
        """A promise replaces an older note of its key, which would otherwise be written later."""
        self.table.note("a", "old")
        self.table.put("a", "new")
        self.clock.advance(LAZILY)
        self.assertEqual({"a": "new"}, self.found())

    def test_full_disk(self) -> None:
        """Notes are tried again, unless there is a newer word on their keys by then."""
        self.disk.refuses = FULL
        with capturedLogs() as logs:
            self.table.note("a", 1, 0)
            self.table.note("b", 1, 0)
            self.clock.advance(0)
            self.table.note("b", 2)
            self.disk.refuses = None
            self.clock.advance(LAZILY)
        self.assertEqual({"a": 1, "b": 2}, self.found())
        self.assertEqual("memory is written again", formatEvent(logs[-1]))


class LoadingTests(StateTestCase):
    def test_bounds(self) -> None:
        """The newest entries are loaded, and none that is too old by the wall clock. The others are removed."""
        for key in "abcde":
            self.table.put(key, key)
            self.clock.advance(100)
        self.assertEqual(["c", "d", "e"], list(self.found()))
        self.wall.step(800)
        self.assertEqual(["d", "e"], list(self.found()))
        self.clock.advance(LAZILY)
        self.assertEqual(["d", "e"], [key for _, key, _, _ in self.disk.load("pump.main")])

    def test_entry_that_is_no_json(self) -> None:
        """It is left out, and told."""
        self.disk.commit([("pump.main", "things", "a", self.wall(), "{"), ("pump.main", "things", "b", self.wall(), "1")])
        with capturedLogs() as logs:
            self.assertEqual({"b": 1}, self.found())
        self.assertIn("memory: an entry of things of pump.main is left out: not JSON", formatEvent(logs[0]))

    def test_file_in_trouble(self) -> None:
        """What is wrong with the file is told loudly at the start, and in the status from then on."""
        self.disk.trouble = "memory was damaged; it is memory.damaged now"
        with capturedLogs() as logs:
            self.restart()
        self.assertEqual([self.disk.trouble], [formatEvent(event) for event in logs])
        self.assertEqual(self.disk.trouble, self.state.facts().trouble)

    def test_page_that_cannot_be_read(self) -> None:
        """An owner whose entries cannot be read begins without, and the status says why."""
        self.disk.unreadable = sqlite3.DatabaseError("database disk image is malformed")
        with capturedLogs():
            self.assertEqual({}, self.found())
        self.assertEqual("memory cannot be used: database disk image is malformed", self.state.facts().trouble)

    def test_reading_one(self) -> None:
        """One entry can be asked for, also before it is on the disk."""
        self.table.put("a", 1)
        self.assertEqual(1, result_of(self.table.read("a")))
        self.clock.advance(0)
        self.table.note("b", 2)
        self.assertEqual([1, 2, None], [result_of(self.table.read(key)) for key in "abc"])
        self.table.drop("a")
        self.assertIsNone(result_of(self.table.read("a")))

    def test_interfaces(self) -> None:
        """Third parties can go by the interfaces."""
        verifyObject(IStateful, self.owner)
        verifyObject(IStatePart, self.owner.part)
        verifyObject(IStateTable, self.table)

    def test_others_are_left_alone(self) -> None:
        """A service that keeps nothing has no part."""
        self.state.join("room.main", object())

    def test_owner_that_joins_later(self) -> None:
        """A section that a reload adds finds what was read for it before, without waiting for the disk."""
        self.table.put("a", 1)
        self.clock.advance(0)
        result_of(self.state.fetch(["pump.main", "pump.lab2"]))
        self.disk.load = None  # type: ignore[assignment,method-assign]
        owner = Owner()
        self.state.join("pump.main", owner)
        self.assertEqual([("a", 1)], owner.found)

    def test_owner_that_left_changes(self) -> None:
        """An owner that joins again finds what the one before it has not written yet."""
        for key in "abc":
            self.table.put(key, 1)
        self.clock.advance(0)
        result_of(self.state.fetch(["pump.main"]))
        self.table.note("a", 2)
        self.table.put("d", 2)
        self.table.drop("b")
        owner = Owner()
        self.state.join("pump.main", owner)
        self.assertEqual([("c", 1), ("d", 2), ("a", 2)], owner.found)

    def test_joined_before_the_start(self) -> None:
        """Owners that are built before the file is open get their parts when it is."""
        state, owner = SlowState(self.clock, self.wall, self.disk), Owner()
        state._is_open = False
        state.join("pump.main", owner)
        self.assertFalse(hasattr(owner, "part"))
        state.open()
        self.assertEqual([], owner.found)


class SlowState(MemoryState):
    """A state whose thread is busy until :meth:`work`."""

    def __init__(self, clock: Clock, wall: Callable[[], float], disk: MemoryDisk) -> None:
        super().__init__(clock, wall, disk)
        self.waiting: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
        self._run = self.wait

    def wait(self, function: Callable[[], Any], report: Callable[[Any], None]) -> None:
        self.waiting.append((function, report))

    def work(self) -> None:
        """Do what waits."""
        waiting, self.waiting = self.waiting, []
        for function, report in waiting:
            report(function())


class SlowDiskTests(StateTestCase):
    def restart(self) -> None:
        self.slow, self.owner = SlowState(self.clock, self.wall, self.disk), Owner()
        self.slow.join("pump.main", self.owner)
        self.table = self.owner.table

    def test_changes_gather_meanwhile(self) -> None:
        """While a commit is under way, all that comes makes the next one."""
        first = self.table.put("a", 1)
        self.clock.advance(0)
        others = []
        for number in range(10):
            others.append(self.table.put(f"b{number}", number))
            self.clock.advance(0.001)
        self.slow.work()
        result_of(first)
        self.assertNoResult(others[0])
        self.slow.work()
        for done in others:
            result_of(done)
        self.assertEqual([1, 10], [len(rows) for rows in self.disk.commits])

    def test_stop_writes_everything(self) -> None:
        """At the end, notes are written as well, after the commit that is under way; then the file is closed."""
        self.table.put("a", 1)
        self.clock.advance(0)
        self.table.note("b", 2)
        closed = self.slow.close()
        self.failureResultOf(self.table.put("c", 3), NotKept)
        self.table.note("d", 4)
        for _ in range(3):
            self.assertNoResult(closed)
            self.slow.work()
        result_of(closed)
        self.failureResultOf(self.table.put("e", 5), NotKept)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual({"a": 1, "b": 2}, self.found())

    def test_stop_with_a_dead_disk(self) -> None:
        """The daemon ends, whatever the disk does."""
        self.table.put("a", 1).addErrback(lambda _: None)
        closed = self.slow.close()
        with capturedLogs() as logs:
            self.clock.advance(LAST)
        result_of(closed)
        self.assertIn("takes too long", formatEvent(logs[0]))
        for _ in range(2):
            self.slow.work()

    def test_stop_without_a_start(self) -> None:
        """A daemon that could not start has nothing to close."""
        state = State(self.disk, self.slow.wait, self.clock, self.wall)
        result_of(state.close())
        self.assertEqual([], self.slow.waiting)

    def test_unreadable_entry(self) -> None:
        """Whoever asks for an entry is told that the file cannot be read."""
        read: Deferred[Any] = self.table.read("a")
        [(_, report)] = self.slow.waiting
        report(Failure(FULL))
        self.assertIn("memory cannot be read: ", str(self.failureResultOf(read, NotKept).value))

    def test_unreadable_section(self) -> None:
        """A section whose entries cannot be read begins without."""
        done = self.slow.fetch(["pump.lab2"])
        [(_, report)] = self.slow.waiting
        with capturedLogs() as logs:
            report(Failure(FULL))
        result_of(done)
        self.assertEqual(1, len(logs))
        self.slow.join("pump.lab2", Owner())

"""Boards: what is kept, who sees them, and that two writers lose nothing."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.boards.layout import MOST_TILES, subjects_of_board
from netd.boards.operations import BOARDS, Boards
from netd.boards.results import BoardChanged, BoardFacts
from netd.boards.shelf import MOST_BOARDS, MOST_BYTES, MOST_DELETED, MOST_VERSIONS
from netd.console.dispatch import Dispatcher
from netd.errors import InvalidArguments, NetdError, NoSuchTarget, NotPermitted, OperationFailed, Outdated
from netd.operations import OperationTable, Role
from netd.state.state import NotKept
from netd.testing import MemoryDisk, MemoryState, RecordingBus, WallClock, make_caller, result_of

TILE = {"id": "a1", "kind": "plot", "x": 0, "y": 0, "w": 6, "h": 5, "subjects": ["session.main.cryo.t1"]}


def board(title: str = "Cryostat", *tiles: dict[str, Any]) -> dict[str, Any]:
    """A board."""
    return {"title": title, "window": 600, "tiles": list(tiles) or [TILE]}


class BoardsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.disk = MemoryDisk()
        self.restart()
        self.caller = make_caller(Role.OPERATOR)

    def restart(self) -> None:
        """The next daemon, after a crash of the one before."""
        self.bus = RecordingBus(WallClock(self.clock))
        self.boards = Boards(self.bus)
        MemoryState(self.clock, self.bus.wall, self.disk).join(BOARDS, self.boards)

    def write(self, name: str, version: int, written: dict[str, Any] | None = None) -> Any:
        """Write a board, and wait for the disk."""
        done = self.boards.write(self.caller, name, version, written or board())
        self.clock.advance(0)
        return result_of(done)

    def titles(self, name: str) -> list[tuple[int, str, bool]]:
        """The versions of a board, newest first."""
        return [(one.version, one.title, one.deleted) for one in self.boards.versions(self.caller, name)]


class KeepingTests(BoardsTestCase):
    def test_written_board(self) -> None:
        """A board is there after a restart, with all members, also those that netd does not know."""
        strange = board("Cryostat", TILE, {**TILE, "id": "b", "kind": "hologram", "depth": [1, {"x": None}]})
        self.write("cryo", 0, strange | {"future": True})
        self.restart()
        content = result_of(self.boards.read(self.caller, "cryo"))
        self.assertEqual(strange | {"future": True, "version": 1}, content.board)
        self.assertEqual(("cryo", 1, "test"), (content.name, content.version, content.who))
        [listed] = self.boards.list_boards(self.caller)
        self.assertEqual(BoardFacts("cryo", "Cryostat", 1, self.bus.wall(), "test", 2), listed)

    def test_answer_waits_for_the_disk(self) -> None:
        """A board that is not on the disk is neither acknowledged nor shown nor published."""
        done = self.boards.write(self.caller, "cryo", 0, board())
        self.assertNoResult(done)
        self.assertEqual(([], []), (self.boards.list_boards(self.caller), self.bus.messages))
        self.clock.advance(0)
        self.assertEqual(1, result_of(done).version)
        self.assertEqual([BoardChanged("cryo", 1, "Cryostat", "test", False)], self.bus.events("board.main.cryo"))

    def test_full_disk(self) -> None:
        """A board that does not fit on the disk is refused, and the version before stays."""
        self.write("cryo", 0)
        self.disk.refuses = OSError("database or disk is full")
        done = self.boards.write(self.caller, "cryo", 1, board("New"))
        self.clock.advance(0)
        self.failureResultOf(done, NotKept)
        self.disk.refuses = None
        self.assertEqual([(1, "Cryostat", False)], self.titles("cryo"))
        self.assertEqual(2, self.write("cryo", 1, board("New")).version)

    def test_versions(self) -> None:
        """The newest versions are kept. Each can be read and made the newest again, also after a restart."""
        for version in range(MOST_VERSIONS + 5):
            self.write("cryo", version, board(f"Title {version + 1}"))
        self.restart()
        newest = MOST_VERSIONS + 5
        self.assertEqual(list(range(newest, 5, -1)), [number for number, _, _ in self.titles("cryo")])
        self.assertEqual("Title 6", result_of(self.boards.read(self.caller, "cryo", 6)).board["title"])
        self.assertEqual(newest, result_of(self.boards.read(self.caller, "cryo", newest)).version)
        self.assertRaises(NoSuchTarget, self.boards.read, self.caller, "cryo", 5)
        self.assertEqual(MOST_VERSIONS, len(self.disk.load(BOARDS)))
        restored = self.boards.restore(self.caller, "cryo", 7)
        self.clock.advance(0)
        result = result_of(restored)
        self.assertEqual(("Title 7", newest + 1), (result.title, result.version))
        self.assertRaises(OperationFailed, self.boards.restore, self.caller, "cryo", newest + 1)

    def test_version_that_is_lost(self) -> None:
        """A version that is listed and not on the disk is told to be gone."""
        self.write("cryo", 0)
        self.write("cryo", 1)
        self.disk.commit([(BOARDS, "earlier", "cryo.1", 0.0, None)])
        self.failureResultOf(self.boards.read(self.caller, "cryo", 1), NoSuchTarget)

    def test_deleted(self) -> None:
        """A deletion can be taken back; until then the board is neither listed nor read."""
        self.write("cryo", 0)
        deleted = self.boards.delete(self.caller, "cryo")
        self.clock.advance(0)
        self.assertEqual(2, result_of(deleted).version)
        self.restart()
        self.assertEqual([], self.boards.list_boards(self.caller))
        self.assertRaises(NoSuchTarget, self.boards.read, self.caller, "cryo")
        self.assertRaises(NoSuchTarget, self.boards.read, self.caller, "cryo", 2)
        self.assertRaises(NoSuchTarget, self.boards.delete, self.caller, "cryo")
        self.assertEqual([(2, "Cryostat", True), (1, "Cryostat", False)], self.titles("cryo"))
        restored = self.boards.restore(self.caller, "cryo", 1)
        self.clock.advance(0)
        self.assertEqual(3, result_of(restored).version)
        self.assertEqual(board() | {"version": 3}, result_of(self.boards.read(self.caller, "cryo")).board)

    def test_deletion_is_published(self) -> None:
        """Pages learn of a deletion; nobody who comes later does."""
        self.write("cryo", 0)
        self.boards.delete(self.caller, "cryo")
        self.clock.advance(0)
        self.assertEqual(BoardChanged("cryo", 2, "Cryostat", "test", True), self.bus.events("board.main.cryo")[-1])
        self.assertEqual([], self.bus.last("board.>"))

    def test_written_without_a_state(self) -> None:
        """Without a state database, boards live as long as the process, and only in their newest version."""
        self.boards = Boards(self.bus)
        self.write("cryo", 0)
        self.write("cryo", 1)
        self.failureResultOf(self.boards.read(self.caller, "cryo", 1), NoSuchTarget)


class TwoWritersTests(BoardsTestCase):
    def refused(self, name: str, version: int) -> Outdated:
        """The refusal of a write."""
        return self.assertRaises(Outdated, self.boards.write, self.caller, name, version, board("Mine"))

    def test_older_version(self) -> None:
        """Who has read an older version is told who has written which one, and when, in words and as data."""
        self.write("cryo", 0)
        self.clock.advance(60)
        self.write("cryo", 1)
        error = self.refused("cryo", 1)
        self.assertEqual(
            "the board 'cryo' has version 2, by test at 2023-11-14 22:14:20 UTC; what you have is of version 1", str(error)
        )
        self.assertEqual({"version": 2, "who": "test", "time": 1_700_000_060.0, "deleted": False}, error.data)
        self.assertEqual({"version": 2}, {"version": self.refused("cryo", 0).data["version"]})

    def test_board_that_is_gone(self) -> None:
        """A page that has a deleted board still open does not bring it back by accident; a new board of that name is fine."""
        self.assertEqual({"version": 0}, self.refused("cryo", 3).data)
        self.write("cryo", 0)
        self.boards.delete(self.caller, "cryo")
        self.clock.advance(0)
        error = self.refused("cryo", 1)
        self.assertIn("the board 'cryo' was deleted, by test", str(error))
        self.assertTrue(error.data["deleted"])
        self.assertEqual(3, self.write("cryo", 0).version)
        self.boards.delete(self.caller, "cryo")
        self.clock.advance(0)
        self.assertEqual(5, self.write("cryo", 4).version)

    def test_writing_at_the_same_moment(self) -> None:
        """Of two writes of one turn, the first counts, and the second is told of it."""
        first = self.boards.write(self.caller, "cryo", 0, board())
        self.assertEqual(1, self.refused("cryo", 0).data["version"])
        self.assertRaises(OperationFailed, self.boards.write, self.caller, "cryo", 1, board())
        self.clock.advance(0)
        result_of(first)

    def test_over_the_wire(self) -> None:
        """JSON-RPC carries the data beside the message."""
        table = OperationTable()
        table.add(self.boards.operations())
        self.write("cryo", 0)
        request = {"jsonrpc": "2.0", "id": 1, "method": "board.write", "params": {"name": "cryo", "version": 0, "board": board()}}
        answered = Dispatcher(table, self.clock.seconds, self.bus).handle(json.dumps(request).encode(), self.caller)
        error = json.loads(result_of(answered))["error"]
        self.assertEqual(-32004, error["code"])
        self.assertEqual({"version": 1, "who": "test", "time": 1_700_000_000.0, "deleted": False}, error["data"])


class LimitTests(BoardsTestCase):
    def test_names(self) -> None:
        """A name is one token of a subject."""
        for name in ("", "a.b", "a b", "x" * 64):
            self.assertRaises(InvalidArguments, self.boards.write, self.caller, name, 0, board())

    def test_malformed_boards(self) -> None:
        """A board that could not be shown is refused; the message names the place."""
        for wrong, why in (
            ([], "board: an object with `title` and `tiles`"),
            ({"tiles": []}, "board: `title` is a text of 1 to 100 characters"),
            ({"title": "x", "tiles": {}}, "board: `tiles` is a list"),
            ({"title": "x", "tiles": [TILE] * (MOST_TILES + 1)}, "board: 61 tiles; at most 60 are kept"),
            (board("x", TILE, TILE), "board: two tiles have the id 'a1'"),
            (board("x", []), "board: tile 1 is an object"),  # type: ignore[arg-type]
            (board("x", TILE | {"id": 1}), "board: tile 1: `id` is a text of 1 to 100 characters"),
            (board("x", TILE | {"kind": ""}), "board: tile 1: `kind` is a text of 1 to 100 characters"),
            (board("x", TILE | {"x": 1.5}), "board: tile 1: `x` is a whole number from 0 to 11"),
            (board("x", TILE | {"h": True}), "board: tile 1: `h` is a whole number from 1 to 1000"),
            (board("x", TILE | {"x": 7}), "board: tile 1: `x` and `w` reach beyond the 12 columns"),
            (board("x", TILE | {"subjects": "a"}), "board: tile 1: `subjects` is a list of at most 20 subjects or patterns"),
            (board("x", TILE | {"device": 7}), "board: tile 1: `device` is a text of 1 to 100 characters"),
        ):
            error = self.assertRaises(InvalidArguments, self.boards.write, self.caller, "cryo", 0, wrong)  # type: ignore[arg-type]
            self.assertTrue(str(error).startswith(why), (str(error), why))
        for pattern in ("a b", 7, ""):
            wrong = board("x", TILE | {"subjects": [pattern]})
            error = self.assertRaises(InvalidArguments, self.boards.write, self.caller, "cryo", 0, wrong)
            self.assertIn("board: tile 1: `subjects`: subject pattern", str(error))

    def test_too_long(self) -> None:
        """A board is 64 KiB of JSON at most."""
        long = board() | {"note": "x" * MOST_BYTES}
        error = self.assertRaises(OperationFailed, self.boards.write, self.caller, "cryo", 0, long)
        self.assertIn("bytes of JSON; at most 65536 are kept", str(error))

    def test_too_many(self) -> None:
        """There are 200 boards at most. Deleted ones do not count, and of these the oldest is forgotten."""
        for number in range(MOST_BOARDS):
            self.write(f"board{number}", 0)
        error = self.assertRaises(OperationFailed, self.boards.write, self.caller, "more", 0, board())
        self.assertIn("there are 200 boards", str(error))
        for number in range(MOST_DELETED + 1):
            self.boards.delete(self.caller, f"board{number}")
            self.clock.advance(1)
        self.assertRaises(NoSuchTarget, self.boards.versions, self.caller, "board0")
        self.assertEqual(2, len(self.boards.versions(self.caller, "board1")))
        self.write("more", 0)
        self.restart()
        self.assertEqual(MOST_BOARDS - MOST_DELETED, len(self.boards.list_boards(self.caller)))
        self.assertRaises(NoSuchTarget, self.boards.versions, self.caller, "board0")


class ConfinedTests(BoardsTestCase):
    def test_subjects_of_tiles(self) -> None:
        """What a tile shows or acts on is known by its members, whatever its kind."""
        for tile, subjects in (
            ({"kind": "plot", "subjects": ["session.main.*.t1"]}, ["session.main.*.t1"]),
            ({"kind": "device", "device": "cryo"}, ["relay.main.*.cryo"]),
            ({"kind": "device", "device": "('1.2.3.4', 5)", "instance": "lab2"}, ["relay.lab2.*.1-2-3-4-5"]),
            ({"kind": "command", "operation": "relay.send", "instance": "lab2"}, ["relay.lab2.>"]),
            ({"kind": "device", "device": "pump", "instance": "main@north"}, ["relay.main@north.*.pump"]),
            ({"kind": "state", "service": "relay:main@north"}, ["relay.main@north.>"]),
            ({"kind": "state", "service": "feed:two"}, ["feed.two.>"]),
            ({"kind": "state", "service": "feed"}, ["feed.main.>"]),
            ({"kind": "state", "session": "cryo"}, ["session.main.cryo", "session.main.cryo.>"]),
            ({"kind": "room", "room": 3}, ["room.main.>"]),
            ({"kind": "note", "text": "hello"}, []),
            ({"kind": "hologram"}, [">"]),
            ({"kind": "hologram", "subjects": ["custom.x"]}, ["custom.x"]),
        ):
            self.assertEqual(subjects, list(subjects_of_board({"tiles": [tile]})), tile)

    def test_what_a_confined_caller_sees(self) -> None:
        """A token sees the boards all of whose subjects it covers, and neither names nor versions of others."""
        self.write("cryo", 0)
        self.write("all", 0, board("All", TILE, TILE | {"id": "b", "subjects": ["custom.secret"]}))
        confined = make_caller(Role.OPERATOR, ("session.main.cryo.>",))
        self.assertEqual(["cryo"], [one.name for one in self.boards.list_boards(confined)])
        self.assertEqual(1, result_of(self.boards.read(confined, "cryo")).version)
        for refused in (
            lambda: self.boards.read(confined, "all"),
            lambda: self.boards.versions(confined, "all"),
            lambda: self.boards.delete(confined, "all"),
        ):
            error = self.assertRaises(NetdError, refused)
            self.assertEqual("no board 'all'; `board.list` lists them", str(error))
        error = self.assertRaises(NotPermitted, self.boards.write, confined, "all", 1, board())
        self.assertEqual("the board 'all' shows subjects that this token is not for; choose another name", str(error))

    def test_earlier_version(self) -> None:
        """A version that shows more than the token may see is not read, and not restored."""
        self.write("cryo", 0, board("Open", TILE | {"subjects": ["custom.secret"]}))
        self.write("cryo", 1)
        confined = make_caller(Role.OPERATOR, ("session.main.cryo.>",))
        self.failureResultOf(self.boards.read(confined, "cryo", 1), NoSuchTarget)
        self.failureResultOf(self.boards.restore(confined, "cryo", 1), NoSuchTarget)

    def test_what_a_confined_caller_writes(self) -> None:
        """A token writes boards of its own subjects alone."""
        self.caller = make_caller(Role.OPERATOR, ("session.main.cryo.>",))
        self.write("mine", 0)
        other = board("x", TILE | {"subjects": ["custom.secret"]})
        self.assertRaises(NotPermitted, self.boards.write, self.caller, "other", 0, other)

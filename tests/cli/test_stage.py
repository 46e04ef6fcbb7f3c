"""Tests of :mod:`netd.cli.stage`: lines, threads, and their end."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from netd.cli.stage import Board, Play, Tell, shown


class Player:
    """An actor whose part is a function."""

    def __init__(self, name: str, part: Callable[[Player, Tell], None]) -> None:
        self.name = name
        self.closed = threading.Event()
        self.began = threading.Semaphore(0)
        self._part = part

    def run(self, tell: Tell) -> None:
        """Play it."""
        self.began.release()
        self._part(self, tell)

    def close(self) -> None:
        """Let it end."""
        self.closed.set()


def wait(player: Player, tell: Tell) -> None:
    """A part that lasts as long as it may."""
    tell("here")
    player.closed.wait()


def fail(_player: Player, _tell: Tell) -> None:
    """A part that cannot be played."""
    raise OSError("no such place")


class PlayTests(SynchronousTestCase):
    def test_everybody_leaves(self) -> None:
        """All play at once, and all are gone in the end."""
        players = [Player("a", wait), Player("b", wait)]
        heard = threading.Semaphore(0)
        board = Board(["a", "b"], lambda name, text: heard.release())
        play = Play(players, board)
        play.start()
        for _ in players:
            self.assertTrue(heard.acquire(timeout=10))
        self.assertEqual(board.lines(), [("a", "here"), ("b", "here")])
        self.assertTrue(play.end())

    def test_begins_anew(self) -> None:
        """A part that ends or fails begins anew; its line says what went wrong, even where the error has no words."""

        def empty(_player: Player, _tell: Tell) -> None:
            raise KeyError

        players = [Player("a", lambda player, tell: None), Player("b", fail), Player("c", empty)]
        board = Board(["a", "b", "c"])
        play = Play(players, board, pause=0.001)
        play.start()
        for player in players:
            for _ in range(3):
                self.assertTrue(player.began.acquire(timeout=10))
        self.assertTrue(play.end())
        self.assertEqual(board.lines(), [("a", ""), ("b", "no such place; trying again"), ("c", "KeyError; trying again")])

    def test_fails_in_the_end(self) -> None:
        """What an actor says because it was closed is no news."""

        def part(player: Player, _tell: Tell) -> None:
            player.closed.wait()
            raise OSError("closed")

        board, player = Board(["a"]), Player("a", part)
        play = Play([player], board)
        play.start()
        self.assertTrue(player.began.acquire(timeout=10))
        self.assertTrue(play.end())
        self.assertEqual(board.lines(), [("a", "")])


class BoardTests(SynchronousTestCase):
    def test_escaped(self) -> None:
        """No peer drives the terminal."""
        board = Board(["a"])
        board.tell("a", "\x1b[2J\n")
        self.assertEqual(board.lines(), [("a", "\\x1b[2J\\n")])

    def test_plain(self) -> None:
        """Off a terminal each change is a line, at most one of each actor every two seconds."""
        now = [0.0]
        out = io.StringIO()
        with contextlib.redirect_stdout(out), shown(["a", "b"], False, threading.Event(), lambda: now[0]) as board:
            for moment, name, text in ((0, "a", "1"), (1, "a", "2"), (1, "b", "1"), (2, "a", "3"), (4, "a", "3"), (4, "a", "4")):
                now[0] = moment
                board.tell(name, text)
        self.assertEqual(out.getvalue(), "a: 1\nb: 1\na: 3\na: 4\n")

    def test_terminal(self) -> None:
        """On a terminal there is one line for each, and at the end it says the last word."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), shown(["device", "agent"], True, threading.Event()) as board:
            board.tell("device", "waits")
            board.tell("device", "answers [bold]")
        lines = out.getvalue().splitlines()
        self.assertIn("device  answers [bold]", [line.strip() for line in lines])
        self.assertNotIn("waits", out.getvalue().rpartition("device")[2])

    def test_nobody_reads(self) -> None:
        """When whoever read the lines has left, as `head` does, the play is told to end, and why; nothing more is written."""

        class Broken(io.StringIO):
            attempts = 0

            def write(self, text: str) -> int:
                self.attempts += 1
                raise BrokenPipeError(32, "Broken pipe")

        out, over = Broken(), threading.Event()
        with self.assertRaises(BrokenPipeError), contextlib.redirect_stdout(out), shown(["a", "b"], False, over) as board:
            board.tell("a", "1")
            attempts = out.attempts
            board.tell("b", "1")
        self.assertEqual((over.is_set(), out.attempts), (True, attempts))

    def test_names_are_whole(self) -> None:
        """However long the texts and narrow the terminal, each line says whose it is."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), shown(["feed latitude", "a"], True, threading.Event()) as board:
            board.tell("feed latitude", "x" * 200)
        self.assertIn("feed latitude  xxx", out.getvalue())
        self.assertLessEqual(max(len(line.strip()) for line in out.getvalue().splitlines()), 80)

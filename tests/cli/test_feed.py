"""Tests of :mod:`netd.cli.feed`."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from click.testing import Result
from rich.console import Console

from netd.cli.feed import BlockBar
from netd.cli.feed_port import FeedPorts, Order
from netd.cli.invocation import CliSurroundings
from netd.client.feed import Block, ConnectionLost, Feed, Sample, Welcome
from tests.cli.fakes import CommandTests, operation

FIRST = Block(1, (Sample("name", "Ada", 0.0, 1), Sample("city", "Lon\x1b[2Jdon", 1.5, 1)), 2.0375)
SECOND = Block(2, (Sample("session.x", {"value": 1}, 3.0, 2),), 0.5)


class FakeFeed:
    """A feed whose blocks are the test's; then what the test wants happens."""

    def __init__(self, *happens: Block | BaseException) -> None:
        self._happens = happens
        self.size = 0
        self.is_closed = False

    def blocks(self, size: int, collected: Callable[[int], object] | None = None) -> Iterator[Block]:
        """What happens, in order."""
        self.size = size
        for one in self._happens:
            if isinstance(one, BaseException):
                raise one
            yield one

    def close(self) -> None:
        """Write it down."""
        self.is_closed = True


class FeedCommandTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.feed = FakeFeed(FIRST, SECOND, KeyboardInterrupt())
        self.files: dict[Path, str] = {}
        self.order: Order | None = None
        self.welcome = Welcome("netd")

    def _surroundings(self) -> CliSurroundings:
        return dataclasses.replace(super()._surroundings(), feed=FeedPorts(self.open, self.append))

    def open(
        self, order: Order, on_connect: Callable[[Welcome], object], on_disconnect: Callable[[str, float], object]
    ) -> FakeFeed:
        """Stands in for :class:`netd.client.feed.Feed`."""
        if order.name == "bad":
            raise ValueError("that cannot be")
        self.order = order
        on_connect(self.welcome)
        on_disconnect("the server \x1bclosed the connection", 0.5)
        return self.feed

    def append(self, path: Path, text: str) -> None:
        """A file system in which one folder cannot be written to."""
        if path.parent == Path("/full"):
            raise OSError(28, "No space left on device")
        self.files[path] = self.files.get(path, "") + text

    def run_feed(self, *arguments: str) -> Result:
        """Run ``netd feed``."""
        return self.netd("feed", *arguments)


class FeedTests(FeedCommandTests):
    def test_terminal(self) -> None:
        """Without a file, samples and blocks are shown, harmlessly; Ctrl-C ends it cleanly."""
        result = self.run_feed("--block", "2")
        self.assertEqual(
            result.stdout.splitlines(),
            [
                "1970-01-01T00:00:00.000+00:00 name Ada",
                "1970-01-01T00:00:01.500+00:00 city Lon\\x1b[2Jdon",
                "block 1 received: 2 samples in 2.04 s",
                '1970-01-01T00:00:03.000+00:00 session.x {"value": 1}',
                "block 2 received: 1 sample in 0.50 s",
            ],
        )
        self.assertEqual(
            result.stderr.splitlines(),
            [
                "netd: connected",
                "netd: the server \\x1bclosed the connection; trying again in 0.5 s",
                "netd: the client has ended",
            ],
        )
        self.assertEqual((result.exit_code, self.feed.size, self.feed.is_closed), (0, 2, True))

    def test_no_such_year(self) -> None:
        """A time that no calendar has does not end the client: it is shown as the number that it is."""
        self.feed = FakeFeed(Block(1, (Sample("name", "Ada", 1e300, 1), Sample("name", "Bo", -1e17, 1)), 1.0))
        result = self.run_feed()
        self.assertEqual(result.stdout.splitlines()[:2], ["1e+300 name Ada", "-1e+17 name Bo"])
        self.assertEqual(result.exit_code, 0)

    def test_file(self) -> None:
        """With a file, each block is added to it, and the terminal says that it arrived."""
        result = self.run_feed("--log", "data1.txt", "--count", "1")
        self.assertEqual(result.stdout, "block 1 received: 2 samples in 2.04 s\n")
        self.assertEqual(
            self.files[Path("data1.txt")].splitlines()[:2],
            ["# " + result.stdout.strip(), "1970-01-01T00:00:00.000+00:00 name Ada"],
        )
        self.assertEqual(result.exit_code, 0)

    def test_full_disk(self) -> None:
        """A file that cannot be written ends the command with the reason."""
        result = self.run_feed("--log", "/full/data1.txt")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("cannot write to /full/data1.txt: No space left on device", result.stderr)
        self.assertTrue(self.feed.is_closed)

    def test_json(self) -> None:
        """With --json each block is one line."""
        first, second = map(json.loads, self.run_feed("--json").stdout.splitlines())
        self.assertEqual((first["block"], first["seconds"], first["samples"][0]["value"]), (1, 2.0375, "Ada"))
        self.assertEqual(second["samples"], [{"type": "session.x", "value": {"value": 1}, "time": 3.0, "seq": 2}])

    def test_order(self) -> None:
        """What is wanted is the person's choice; left out, it is the server's."""
        self.run_feed()
        self.assertEqual(self.order, Order("127.0.0.1", 8000, "netd", (), None, None, None, "auto"))
        arguments = "--host lab --port 7 --name n --type a --type b --interval 0.5 --locale de_DE --seed 0 --dialect old"
        self.run_feed(*arguments.split())
        self.assertEqual(self.order, Order("lab", 7, "n", ("a", "b"), 0.5, "de_DE", 0, "old"))

    def test_old_server(self) -> None:
        """At an old server the person learns what cannot be chosen."""
        self.welcome = Welcome("old")
        self.assertIn("connected to an old server: it has one interval for all", self.run_feed().stderr)

    def test_failures(self) -> None:
        """What the feed refuses ends the command; what cannot be is wrong usage."""
        self.feed = FakeFeed(ConnectionLost("the feed refused: no"))
        result = self.run_feed()
        self.assertEqual((result.exit_code, result.stderr.splitlines()[-1]), (1, "Error: the feed refused: no"))
        result = self.run_feed("--name", "bad")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("that cannot be.", result.stderr)

    def test_operations(self) -> None:
        """Behind the command are the operations of the running feed; its own help does not ask the daemon."""
        self.control.answers["system.operations"] = [operation("feed.reports")]
        self.control.answers["feed.reports"] = [{"client": "client-1"}]
        result = self.run_feed("reports")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("client-1", result.stdout)
        self.assertIsNone(self.order)
        for words, code, said in ((["repotrs"], 3, "did you mean reports?"), (["--bogus"], 2, "--bogus"), (["x"], 3, "feed.x")):
            result = self.run_feed(*words)
            self.assertEqual((result.exit_code, said in result.stderr), (code, True), result.output)
        self.assertEqual(self.run_feed("reports", "--state", "/there", "--json").exit_code, 0)
        self.assertEqual({str(path.parent) for path, _ in self.control.opened[-2:]}, {"/there"})
        self.control.answers.clear()
        result = self.run_feed("--help")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("netd feed reports", " ".join(result.stdout.split()))


class PortTests(FeedCommandTests):
    """The real ways out."""

    def test_open(self) -> None:
        """The order reaches the client, which does not connect before it is iterated."""
        opened: Any = FeedPorts().open_feed(Order("h", 7, "n", ("city",), 0.5, None, 3, "old"), print, print)
        assert isinstance(opened, Feed)
        opened.close()
        self.assertEqual(opened._client._wish[:3], (("city",), "n", 0.5))

    def test_append(self) -> None:
        """A file is made when it is not there, and added to when it is."""
        path = Path(self.mktemp())
        for text in ("é\n", "b\n"):
            FeedPorts().append(path, text)
        self.assertEqual(path.read_text(encoding="utf-8"), "é\nb\n")


class BarTests(FeedCommandTests):
    def test_bar(self) -> None:
        """On a terminal a bar shows how much of which block has come, and makes room for what is said of it."""
        terminal = io.StringIO()
        bar = BlockBar(Console(file=terminal, force_terminal=True, width=60), 2)
        for samples in (1, 2, 1):
            bar.collected(samples)
        bar.stop()
        shown = terminal.getvalue()
        for expected in ("block 1", "1/2", "2/2", "block 2"):
            self.assertIn(expected, shown)
        self.assertTrue(shown.endswith("\x1b[2K"), shown[-20:])

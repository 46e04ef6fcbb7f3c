"""The page about learning is followed: each command of it, and what it shows."""

from __future__ import annotations

import os
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from netd.wire.tools.__main__ import main
from netd.wire.tools.order import read_order
from netd.wire.tools.recorder import WireRecorder
from tests.cli.fakes import CommandTests
from tests.tutorials.page import Typed, blocks, pattern_of, typed
from tests.wire.tools.test_recorder import RecordingReactor

PAGE = Path(__file__).resolve().parents[3] / "docs" / "learn.md"


class LearnPageTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.python = Path("/python")
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.folder)

    def shown(self, line: str) -> str:
        """What a command line shows: the command itself, or the program that it becomes. A recording is begun in memory."""
        result = self.netd(*shlex.split(line.removeprefix("netd ")))
        self.assertEqual(0, result.exit_code, (line, result.output))
        if not self.executed:
            return result.output
        program = self.executed.pop()[0][4:]
        shown = StringIO()
        if program[0] == "learn" and read_order(program[1]).transcript is None:
            reactor = RecordingReactor()
            WireRecorder(read_order(program[1]), reactor, 0.0, lambda text: print(text, file=shown)).begin()
            reactor.call_hooks()
        else:
            with redirect_stdout(shown):
                self.assertEqual(0, main(program), line)
        return shown.getvalue()

    def follow(self, one: Typed) -> None:
        """Type a line; of a recording, the page shows more than its beginning."""
        lines = one.shown
        if "recording" in "".join(lines):
            lines = lines[: next(index for index, line in enumerate(lines) if line.startswith("recording")) + 1]
        self.assertRegex(self.shown(one.command), pattern_of(lines))

    def test_page(self) -> None:
        """What the page tells its reader to type does what it shows."""
        typed_lines = 0
        for block in blocks(PAGE.read_text(encoding="utf-8")):
            if block.language == "console":
                for one in typed(block.text):
                    self.follow(one)
                    typed_lines += 1
            else:
                (self.folder / block.file).write_text(block.text, encoding="utf-8")
        self.assertEqual(6, typed_lines)
        self.assertIn("\n    name hello {name} => welcome {name}\n", (self.folder / "shed.ini").read_text(encoding="utf-8"))

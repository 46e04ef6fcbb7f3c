"""A reader of a tutorial, who saves its files, types its lines, and compares what is shown."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from netd.config import load
from netd.errors import ConfigErrors
from netd.kinds import find_kinds
from tests.process import CHECKOUT, PATIENCE, PackagedTestCase, Program, add_command
from tests.tutorials.page import Block, Typed, blocks, merged, pattern_of, typed

__all__ = ["TutorialTestCase"]

TUTORIALS = CHECKOUT / "docs" / "tutorials"

_LOOKS = re.compile(
    r"netd (?:status|devices|history|doctor|bus last|bridge|alert list|forward|mqtt|(?:\w+ (?:list|peers|rules)))\b|cat |curl "
)
"""Lines that a reader types again if what should be there has not come yet."""


class TutorialTestCase(PackagedTestCase):
    """Tests that follow a tutorial, on the traditional ports.

    :ivar home: the directory in which everything is typed.
    :ivar bin: programs that stand in for those of the reader's machine; they come first on its path.
    """

    def setUp(self) -> None:
        super().setUp()
        self.home = self.folder / "home"
        self.state = self.home / ".local" / "state" / "netd"
        self.bin = self.folder / "bin"
        for folder in (self.home, self.bin):
            folder.mkdir()
        add_command(self.folder)
        place = f"NETD_STATE_DIRECTORY={self.state} PYTHONPATH={CHECKOUT}"  # also for programs that netd itself starts
        self.add_program("netd", f'{place} exec {self.folder / "netd"} "$@"')
        self.add_program("python3", f'exec {sys.executable} "$@"')
        self.env |= {
            "NETD_STATE_DIRECTORY": str(self.state),
            "HOME": str(self.home),
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "COLUMNS": "120",
        }

    def add_program(self, name: str, script: str) -> None:
        """Have the program *name*, a script for the shell."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)

    def follow(self, page: str, stand_ins: Mapping[str, str] | None = None) -> None:
        """Do what the page tells its reader to do.

        :param stand_ins: what stands in its text for a thing that this machine does not have, such as a serial port.
        """
        text = (TUTORIALS / page).read_text("utf-8")
        for ours, theirs in (stand_ins or {}).items():
            self.assertIn(ours, text, f"{page} has no {ours}")
            text = text.replace(ours, theirs)
        for block in blocks(text):
            self.do(block, f"{page}:{block.line}")

    def do(self, block: Block, place: str) -> None:
        """Do what one block says."""
        if block.language == "console":
            for line in typed(block.text):
                self.type(line, place)
        elif block.language == "ini":
            self.configure(self.inside(block.file or "netd.ini"), block.text, place)
        elif block.file:
            path = self.inside(block.file)
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.language == "python":
            program = self.run_python("-c", block.text, env=self.env)
            self.assertEqual(0, program.returncode, f"{place}: {program.stdout}{program.stderr}")

    def inside(self, file: str) -> Path:
        """The path of a file that the reader saves, which is nowhere else on this machine."""
        path = self.home / file
        self.assertTrue(path.is_relative_to(self.home), f"{file} needs a stand-in")
        return path

    def configure(self, path: Path, sections: str, place: str) -> None:
        """Save sections of an INI, in which there must be no mistake."""
        old = path.read_text("utf-8") if path.exists() else ""
        path.write_text(merged(old, sections), "utf-8")
        if path.suffix != ".ini":
            return
        kinds = {name: kind.config for name, kind in find_kinds().items()}
        try:
            load(path, kinds, {"NETD_STATE_DIRECTORY": str(self.state)}, os.getuid(), "lab")
        except ConfigErrors as errors:
            self.fail(f"{place}: {errors}")

    def type(self, line: Typed, place: str) -> None:
        """Type a line and compare what it shows. A line that shows nothing has to succeed.

        A reader who asks too early, before a sample has come, asks once more.
        """
        is_look = _LOOKS.match(line.command) is not None
        stays = not is_look and (line.runs_on or line.is_ended)
        pattern = pattern_of(line.shown, stays)
        until = time.monotonic() + PATIENCE
        while True:
            program = Program(["bash", "-c", _executed(line.command)], self.home, self.env)
            self.addCleanup(program.end)
            if stays:
                program.wait_for(pattern)
                if line.is_ended:
                    program.signal(signal.SIGINT)
                    program.wait()
                return
            status = program.wait()
            if re.match(pattern, program.output) and (line.shown or status == 0):
                return
            shown = "\n".join(line.shown)
            told = f"{place}: $ {line.command}\nended with {status} and shows:\n{program.output}\nThe page has:\n{shown}"
            self.assertTrue(is_look and time.monotonic() < until, told)
            time.sleep(0.1)


def _executed(command: str) -> str:
    """The command for bash, so that a signal reaches the program itself."""
    return command if re.search(r"[|;&<>]", command) else f"exec {command}"

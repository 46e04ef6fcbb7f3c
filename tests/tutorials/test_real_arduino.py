"""The tutorial of an Arduino over USB, with its sketch compiled for this machine and run at a pseudo terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import tty

from tests.debian import program
from tests.process import CHECKOUT
from tests.tutorials.page import Block
from tests.tutorials.reader import TutorialTestCase

SHIM = CHECKOUT / "tests" / "sdk" / "drivers" / "arduino" / "shim"
BOARD = CHECKOUT / "tests" / "tutorials" / "arduino"


class ArduinoTests(TutorialTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.board, self.port = pty.openpty()
        tty.setraw(self.board)
        for end in (self.board, self.port):
            self.addCleanup(os.close, end)

    def do(self, block: Block, place: str) -> None:
        """Upload the sketch, when it is saved."""
        super().do(block, place)
        if block.language == "cpp":
            sketch = self.home / "sketch"
            flags = [
                "-std=c++14",
                "-Wall",
                "-Wextra",
                "-Werror",
                f"-I{SHIM}",
                f"-I{BOARD}",
                f'-DSKETCH="{self.home / block.file}"',
            ]
            made = subprocess.run(
                [program("g++"), *flags, BOARD / "board.cpp", "-o", sketch], capture_output=True, text=True, check=False
            )
            self.assertEqual(0, made.returncode, f"{place}: {made.stderr}")
            board = subprocess.Popen([sketch], stdin=self.board, stdout=self.board)
            self.addCleanup(board.wait)
            self.addCleanup(board.kill)

    def test_page(self) -> None:
        """The sketch compiles, its lines are samples, and a text to the board turns its fan on."""
        self.follow("arduino-usb.md", {"/dev/ttyACM0": os.ttyname(self.port)})

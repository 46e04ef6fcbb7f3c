"""The tutorial of an Arduino over USB, with its sketch compiled for this machine and run at a pseudo terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import tty
from pathlib import Path

from tests.debian import program
from tests.process import CHECKOUT
from tests.sdk.clients import write
from tests.tutorials.page import Block
from tests.tutorials.reader import TutorialTestCase

SHIM = CHECKOUT / "tests" / "sdk" / "drivers" / "arduino" / "shim"
BOARD = CHECKOUT / "tests" / "tutorials" / "arduino"


class ArduinoTests(TutorialTestCase):
    def setUp(self) -> None:
        super().setUp()
        write("arduino", self.home)
        self.board, self.port = pty.openpty()
        tty.setraw(self.board)
        for end in (self.board, self.port):
            self.addCleanup(os.close, end)

    def do(self, block: Block, place: str) -> None:
        """Compile a sketch when it is saved, and upload that of the USB port."""
        super().do(block, place)
        if block.language == "cpp":
            is_alone = "Netd.h" not in block.text
            self.compile(self.home / block.file, place, *(("-o", self.home / "sketch") if is_alone else ("-fsyntax-only",)))
            if is_alone:
                self.upload()

    def compile(self, sketch: Path, place: str, *flags: str | Path) -> None:
        """Compile a sketch for this machine."""
        places = [f"-I{SHIM}", f"-I{BOARD}", f"-I{self.home}", f'-DSKETCH="{sketch}"']
        command = [program("g++"), "-std=c++14", "-Wall", "-Wextra", "-Werror", *places, BOARD / "board.cpp", *flags]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(0, made.returncode, f"{place}: {made.stderr}")

    def upload(self) -> None:
        """Start the board."""
        board = subprocess.Popen([self.home / "sketch"], stdin=self.board, stdout=self.board)
        self.addCleanup(board.wait)
        self.addCleanup(board.kill)

    def test_page(self) -> None:
        """The sketch compiles, its lines are samples, and a text to the board turns its fan on."""
        self.follow("arduino-usb.md", {"/dev/ttyACM0": os.ttyname(self.port)})

"""The tutorial of an ESP32, which MicroPython's port for Linux plays."""

from __future__ import annotations

import shutil

from tests.process import CHECKOUT
from tests.sdk.clients import installed
from tests.tutorials.reader import TutorialTestCase

MODULES = CHECKOUT / "tests" / "tutorials" / "esp32"
"""What MicroPython has on a board, and not on Linux."""

MPREMOTE = """\
cd "{home}"
case $1 in
cp) shift; for file; do [ "$file" = : ] || cp "$file" "{board}/"; done;;
run) cd "{board}" && exec "{micropython}" "$2";;
esac
"""


class BoardTests(TutorialTestCase):
    def test_page(self) -> None:
        """A board with tokens and TLS is a device and an agent, by the program of the page."""
        board = self.folder / "board"
        shutil.copytree(MODULES, board)
        self.add_program("mpremote", MPREMOTE.format(home=self.home, board=board, micropython=installed("micropython")))
        stand_ins = {"192.168.1.0/24": "127.0.0.0/8", "192.168.1.10": "127.0.0.1", "192.168.1.77": "127.0.0.1"}
        self.follow("esp32.md", {**stand_ins, "/home/ada/.local/state/netd": str(self.state)})

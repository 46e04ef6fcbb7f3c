"""The whole life of a real daemon, as a service manager hears it."""

from __future__ import annotations

import os
import signal
import socket
import time
from itertools import pairwise

from tests.process import LOOPBACK, PATIENCE, RealTestCase

HELD = 1.5
"""Seconds for which the loop is held."""

WATCHDOG = 0.9

FUNCTIONS = f"""\
import time
from netd.command import command

@command("hold")
def hold():
    time.sleep({HELD})
"""


class LifeTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.folder / "notify"))
        self.manager.settimeout(PATIENCE)

    def hear(self, assignment: str) -> list[str]:
        """The next message with *assignment*. Signs of life come all the time, so the wait for it has an end of its own."""
        end = time.monotonic() + PATIENCE
        message: list[str] = []
        while assignment not in message:
            self.assertLess(time.monotonic(), end, f"{assignment} never came")
            message = self.manager.recv(4096).decode().split("\n")
        return message

    def test_whole_life(self) -> None:
        """Ready with the port open, fed while the loop turns and not while it is held, reloaded, refused, and stopped."""
        functions = self.folder / "commands.py"
        functions.write_text(FUNCTIONS, encoding="utf-8")
        ini = self.write_ini(f"[command]\nlisten = {LOOPBACK}\nfunctions = {functions}\n")
        daemon = self.start(ini, env={"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": str(int(WATCHDOG * 1e6))})
        ready = self.hear("READY=1")
        self.assertIn(f"MAINPID={daemon.process.pid}", ready)
        self.assertIn("WATCHDOG=1", ready)
        controller = self.connect(daemon.port("command"))
        controller.sendall(b'{"command_id": "hold"}\n')
        heard = [time.monotonic()]
        for _ in range(5):
            self.hear("WATCHDOG=1")
            heard.append(time.monotonic())
        self.assertGreater(max(after - before for before, after in pairwise(heard)), HELD - 0.3)
        self.assertIn(b"success", controller.recv(100))

        ini.write_text(ini.read_text(encoding="utf-8") + "max_connections = 7\n", encoding="utf-8")
        os.kill(daemon.process.pid, signal.SIGHUP)
        self.assertTrue(self.hear("RELOADING=1")[1].startswith("MONOTONIC_USEC="))
        self.assertIn("; 1 option changed", "\n".join(self.hear("READY=1")))
        ini.write_text(ini.read_text(encoding="utf-8") + "max_conections = 7\n", encoding="utf-8")
        os.kill(daemon.process.pid, signal.SIGHUP)
        self.hear("RELOADING=1")
        self.assertIn(f"; refused: {ini}:7: [command] max_conections", "\n".join(self.hear("READY=1")))

        daemon.signal(signal.SIGTERM)
        self.assertIn("EXTEND_TIMEOUT_USEC=30000000", self.hear("STOPPING=1"))
        daemon.wait()

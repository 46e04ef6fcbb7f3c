"""Tests of the live commands in a real terminal, at a real netd, on its own machine and through its gateway."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.process import LOOPBACK, PATIENCE, RealTestCase, environment

COMMAND = (sys.executable, "-c", "from netd.cli.main import main; main()")


class Terminal:
    """A command in a terminal of 100 columns and 30 rows."""

    def __init__(self, folder: Path, *words: str | Path, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        env = {**environment(), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(folder), **environ}
        env.pop("COLUMNS", None)
        env.pop("LINES", None)
        self.process = subprocess.Popen([*COMMAND, *words], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Return once *text* was shown."""
        until = time.monotonic() + PATIENCE
        while text not in self.shown:
            ready = select.select([self._ours], [], [], max(0.0, until - time.monotonic()))[0]
            assert ready, f"it never showed {text!r}, but:\n{self.shown}"
            self.shown += os.read(self._ours, 65536).decode("utf-8", "replace")

    def interrupt(self) -> int:
        """Press Ctrl-C; its exit status."""
        self.process.send_signal(signal.SIGINT)
        while select.select([self._ours], [], [], PATIENCE)[0]:
            try:
                self.shown += os.read(self._ours, 65536).decode("utf-8", "replace")
            except OSError:  # the terminal has no user any more
                break
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


class TerminalTests(RealTestCase):
    def terminal(self, *words: str | Path, **environ: str) -> Terminal:
        """A command that is ended with the test."""
        terminal = Terminal(self.folder, *words, **environ)
        self.addCleanup(terminal.end)
        return terminal

    def netd(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return self.run_python(*COMMAND[1:], *words, env={"XDG_CONFIG_HOME": str(self.folder)})

    def test_live(self) -> None:
        """A plot grows in the terminal, the vitals pass by, lines have colour, unless it is not wanted; Ctrl-C is no failure."""
        daemon = self.start(self.write_ini("[room]\nlisten = " + LOOPBACK + "\n"))
        daemon.port("room")
        state = ("--state", self.state)
        plot = self.terminal("tail", "custom.>", "--plot", *state)
        lines = self.terminal("tail", "custom.>", *state)
        plain = self.terminal("tail", "custom.>", *state, NO_COLOR="1")
        top = self.terminal("top", *state)
        plot.wait_for("waiting for events")
        number = 0
        while not all("custom.heart" in one.shown for one in (plot, lines, plain)):
            number += 1
            daemon.call("bus.publish", subject="custom.heart", data={"value": 60 + number % 2})
            for one in (plot, lines, plain):
                if select.select([one._ours], [], [], 0.05)[0]:
                    one.shown += os.read(one._ours, 65536).decode("utf-8", "replace")
            self.assertLess(number, 400, plot.shown + lines.shown)
        daemon.call("bus.publish", subject="custom.heart", data={"value": 80})
        plot.wait_for("greatest 80")
        lines.wait_for("\x1b[36mcustom.heart\x1b[0m")
        top.wait_for("SERVICE")
        top.wait_for("lag ")
        self.assertEqual([one.interrupt() for one in (plot, lines, plain, top)], [0, 0, 0, 0])
        self.assertNotIn("\x1b[", plain.shown)
        self.assertTrue(any("\u2800" < one <= "\u28ff" for one in plot.shown), plot.shown)
        for one in (plot, top):
            self.assertIn("\x1b[?1049l", one.shown)  # the terminal is as it was

    def test_elsewhere(self) -> None:
        """With a context every command goes through the gateway, whose token is in a file: status, tail, top, and stop."""
        daemon = self.start(self.write_ini(f"[gateway]\nlisten = {LOOPBACK}\n"))
        url = f"http://127.0.0.1:{daemon.port('gateway')}"
        token = self.folder / "lab.token"
        token.touch(mode=0o600)
        token.write_text(self.netd("token", "add", "ada", "--role", "admin", "--state", self.state).stdout)
        self.assertEqual(self.netd("context", "add", "lab", "--url", url, "--token-file", token).returncode, 0)
        self.assertEqual(self.netd("context", "use", "lab").returncode, 0)
        self.assertIn(f" at {url}", self.netd("status").stdout)
        self.assertEqual(self.netd("bus", "publish", "custom.x", "--data", "5").returncode, 0)
        self.assertEqual(json.loads(self.netd("top", "--json").stdout)["services"][0]["kind"], "gateway")
        tail = self.terminal("tail", "custom.>", "--replay", "1", "--json")
        tail.wait_for('"subject":"custom.x"')
        self.assertEqual(tail.interrupt(), 0)
        self.assertEqual(self.netd("--context", "local", "status").returncode, 1)
        self.assertEqual(self.netd("relay", "devices").returncode, 3)
        self.assertEqual(self.netd("tail", "a b").returncode, 2)
        name = daemon.call("system.status")["name"]
        stopped = self.netd("stop")
        self.assertEqual(
            (stopped.returncode, stopped.stdout), (0, f"netd has stopped: {name} (at {url}, context lab)\n"), stopped.stderr
        )
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(self.netd("status").returncode, 1)

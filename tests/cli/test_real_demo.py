"""``netd demo`` as a process, against a daemon with everything."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.process import CHECKOUT, LOOPBACK, PATIENCE, Program, RealTestCase

KINDS = ("relay", "session", "feed", "command", "room")

COMMAND = (sys.executable, "-c", "from netd.cli.main import main; main()", "demo", "--state")


class DemoTests(RealTestCase):
    def on_a_terminal(self, command: Sequence[str | Path]) -> tuple[subprocess.Popen[bytes], int]:
        """A process on a terminal of its own, and what its screen can be read from."""
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
        os.close(terminal)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, screen

    def read_until(self, screen: int, pattern: bytes) -> bytes:
        """What is written to a screen until *pattern* is there, or it is closed."""
        seen = b""
        while re.search(pattern, seen) is None and select.select([screen], [], [], PATIENCE)[0]:
            try:
                seen += os.read(screen, 65536)
            except OSError:  # how Linux says that nobody has the terminal any more
                break
        return seen

    def test_terminal(self) -> None:
        """On a terminal there is one line for each actor, rewritten in place; Ctrl-C leaves the cursor as it was."""
        daemon = self.start(self.write_ini(f"[relay]\nlisten = {LOOPBACK}\n"))
        daemon.port("relay")
        demo, screen = self.on_a_terminal([*COMMAND, self.state])
        seen = self.read_until(screen, rb"1 requests answered")
        self.assertRegex(seen, rb"this netd has no \[room\]")
        self.assertIn(b"\x1b[1A", seen)
        demo.send_signal(signal.SIGINT)
        seen = self.read_until(screen, b"the demo has ended")
        self.assertIn(b"\x1b[?25h", seen)
        self.assertEqual(demo.wait(PATIENCE), 0)

    def test_nobody_reads(self) -> None:
        """`netd demo | head` ends with head, says nothing more, and leaves the daemon as it was."""
        daemon = self.start(self.write_ini(f"[relay]\nlisten = {LOOPBACK}\n"))
        daemon.port("relay")
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        demo = subprocess.Popen([*COMMAND, self.state], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.addCleanup(demo.wait)
        self.addCleanup(demo.kill)
        assert demo.stdout is not None
        assert demo.stderr is not None
        with demo.stdout, demo.stderr:
            self.assertTrue(demo.stdout.readline())
            demo.stdout.close()
            self.assertEqual(demo.wait(PATIENCE), 1)
            self.assertNotIn(b"Traceback", demo.stderr.read())
        self.assertEqual(daemon.stop(), 0)

    def test_demo(self) -> None:
        """Everybody has something to say; Ctrl-C ends it cleanly, and the daemon is left as it was."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            agent_port = free.getsockname()[1]
        sections = "".join(f"[{kind}]\nlisten = {LOOPBACK}\n" for kind in KINDS)
        daemon = self.start(self.write_ini(sections.replace("[session]", f"[session]\nagent_port = {agent_port}")))
        daemon.port("relay")
        demo = Program([*COMMAND, self.state], self.folder)
        self.addCleanup(demo.end)
        for pattern in (
            r"^device: \d+ requests answered",
            r"^agent: session \d+: heart [\d.]+, breathing [\d.]+, movement [\d.]+",
            r"^feed name: block 1: 1 sample in ",
            r"^feed country: block 1: 2 samples in ",
            r"^controller: light on: acknowledged",
            r"^command: add 1 \+ 2 = 3$",
            r"^bot Ada: (?!waits)",
            r"^bot Hal: (?!waits)",
        ):
            demo.wait_for(pattern)
        demo.signal(signal.SIGINT)
        self.assertEqual(demo.wait(), 0, demo.output)
        self.assertTrue(demo.output.endswith("netd: the demo has ended\n"))
        self.assertNotIn("Traceback", demo.output)
        self.assertEqual({session["state"] for session in daemon.call("session.list")["rows"]}, {"ended"})
        self.assertEqual(daemon.stop(), 0)

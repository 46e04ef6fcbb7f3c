"""What a real daemon does when more connect, or send more, than it has room for."""

from __future__ import annotations

import os
import signal
import socket
import time

from tests.process import LOOPBACK, Daemon, RealTestCase

CROWD = 300
"""Programs that connect at the same moment."""

KINDS = ("relay", "session", "feed", "command", "room", "gateway")


class BacklogTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.daemon: Daemon = self.start(self.write_ini("".join(f"[{kind}]\nlisten = {LOOPBACK}\n" for kind in KINDS)))

    def test_a_crowd(self) -> None:
        """While netd is busy, the operating system keeps hundreds of newcomers at each port: none waits a second."""
        ports = [self.daemon.port(kind) for kind in KINDS]
        self.daemon.signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.signal, signal.SIGCONT)
        os.waitid(os.P_PID, self.daemon.process.pid, os.WSTOPPED | os.WNOWAIT)
        started = time.monotonic()
        for port in ports:
            for _ in range(CROWD):
                self.addCleanup(socket.create_connection(("127.0.0.1", port), timeout=0.9).close)
        self.assertLess(time.monotonic() - started, 5)

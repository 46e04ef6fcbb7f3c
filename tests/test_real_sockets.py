"""Ports that a service manager holds: a daemon that is started again on them loses no connection attempt."""

from __future__ import annotations

import socket
import sys
import threading
from collections import Counter
from pathlib import Path

from tests.command.bench import SUCCESS, TEST
from tests.process import PATIENCE, TWISTD, Daemon, RealTestCase

RESTARTS = 3

CLIENTS = 4

HANDED = """\
import fcntl, os, sys
kept = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in sys.argv[1:3]]
for place, number in enumerate(kept, 3):
    os.dup2(number, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="command:relay")
os.execv(sys.argv[3], sys.argv[3:])
"""
"""A program that hands two sockets to the one that it becomes, as systemd does. A shell knows descriptors of one digit alone."""

INI = """\
[command]
listen = systemd:domain=INET:name=command
[relay]
listen = systemd:domain=INET:name=relay
"""


class Load:
    """Clients that call a command on a connection of its own each time, until they are told to stop.

    :ivar outcomes: how the calls have ended.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.outcomes: Counter[str] = Counter()
        self._address = address
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Return when the last call has ended."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self) -> None:
        while not self._is_over.is_set():
            self.outcomes[self._call()] += 1
            self._is_over.wait(0.002)

    def _call(self) -> str:
        try:
            connection = socket.create_connection(self._address, timeout=PATIENCE)
        except OSError as error:
            return f"not connected: {error}"
        with connection:
            try:
                connection.sendall(TEST)
                answer = connection.recv(1000)
            except OSError as error:
                return f"reset: {error}"
            return "answered" if answer == SUCCESS else f"answered {answer!r}"


class HeldPortTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ports = [socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(2)]
        for port in self.ports:
            self.addCleanup(port.close)
        self.ini = self.write_ini(INI)

    def begin(self) -> Daemon:
        """A daemon on the ports, up."""
        numbers = [str(port.fileno()) for port in self.ports]
        command: list[str | Path] = [sys.executable, "-c", HANDED, *numbers, TWISTD, "-n", "--pidfile=", "netd", "-c", self.ini]
        daemon = Daemon(command, self.folder, self.state, inherited=[port.fileno() for port in self.ports])
        self.addCleanup(daemon.end)
        daemon.wait_for("^Stop it with")
        return daemon

    def test_started_again_under_load(self) -> None:
        """Whoever connects while there is no netd waits in the port, and the next netd answers; nobody is refused or reset."""
        daemon = self.begin()
        for service, port in zip(("command", "relay"), self.ports, strict=True):
            self.assertEqual(port.getsockname()[1], daemon.port(service))
        load = Load(self.ports[0].getsockname())
        self.addCleanup(load.end)
        for _ in range(RESTARTS):
            self.assertEqual(0, daemon.stop(), daemon.output)
            daemon = self.begin()
        load.end()
        self.assertEqual({"answered"}, set(load.outcomes), load.outcomes)
        self.assertGreater(load.outcomes["answered"], 20 * RESTARTS)

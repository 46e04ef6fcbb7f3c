"""What a real daemon does when more connect, or send more, than it has room for."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from tests.process import LOOPBACK, PATIENCE, Daemon, RealTestCase, frame, read_frame

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


class DescriptorTests(RealTestCase):
    """A daemon with 256 descriptors, of which some twenty are in use when it is up."""

    def setUp(self) -> None:
        super().setUp()
        ini = self.write_ini(f"[relay]\nlisten = {LOOPBACK}\n[command]\nlisten = {LOOPBACK}\n")
        self.daemon = self.start(ini, most_descriptors=256)

    def flood(self, port: int, count: int, source: str = "127.0.0.2") -> list[socket.socket]:
        """Connections from *source* that say nothing."""
        made = []
        for _ in range(count):
            with contextlib.suppress(ConnectionResetError):  # refused, before this end knew that it was connected
                connection = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
                self.addCleanup(connection.close)
                made.append(connection)
        return made

    def ask(self, port: int) -> bytes:
        """What a controller on a new connection is told when it asks who is there."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(frame(b"python") + b"|no target|".ljust(64))
            return read_frame(connection)

    def test_control_socket(self) -> None:
        """With more idle connections than descriptors, `netd status` and `netd stop` work, and so do others' connections."""
        port = self.daemon.port()
        self.flood(port, 400)
        connections, gone = 0, 0
        while connections + gone < 400:  # as long as they are still being accepted
            relay = self.daemon.call("system.status")["services"][0]
            connections, gone = relay["connections"], sum(relay["counters"]["refused"].values())
        self.assertLess(connections, 64)
        self.assertEqual(self.ask(port), b"|no raspberrypies|")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertNotIn("Too many open files", self.daemon.output)

    def test_identified(self) -> None:
        """A device that is known stays, however many connect after it; when the flood is over, there is room again."""
        port = self.daemon.port()
        device = self.connect(port)
        device.sendall(frame(b"raspberrypi"))
        self.daemon.wait_for("device .* connected")
        for connection in self.flood(port, 400, "127.0.0.1"):
            connection.close()
        while self.daemon.call("system.status")["services"][0]["connections"] > 1:
            pass  # their ends are still being read
        self.assertIn(str(device.getsockname()[1]).encode(), self.ask(port))

    def test_at_the_door(self) -> None:
        """Where programs are answered before they become connections, they count all the same."""
        port = self.daemon.port("command")
        self.flood(port, 400)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as program:
            program.sendall(b'{"command_id": "nobody"}\n')
            self.assertIn(b"there is no command", program.recv(4096))
        self.assertLess(self.daemon.call("system.status")["services"][1]["connections"], 64)
        self.assertEqual(self.daemon.stop(), 0)

    def test_flood_from_many_addresses(self) -> None:
        """While hundreds connect each second from many addresses and say nothing, everybody who speaks gets in at once."""
        port = self.daemon.port()
        answers = []
        for number in range(20):
            self.flood(port, 20, f"127.1.{number}.1")
            started = time.monotonic()
            answers.append(self.ask(port))
            self.assertLess(time.monotonic() - started, 1)
        self.assertEqual({b"|no raspberrypies|"}, set(answers))


class SilenceTests(RealTestCase):
    def test_silent_then_speaks(self) -> None:
        """A program that connects when it starts and speaks when a person does is served on all wires; clocks start then."""
        short = "login_timeout = 300ms\n"
        daemon = self.start(
            self.write_ini(
                f"[relay]\nlisten = {LOOPBACK}\n{short}[room]\nlisten = {LOOPBACK}\n{short}"
                f"[command]\nlisten = {LOOPBACK}\nreceive_timeout = 300ms\n"
                f"[session]\nlisten = {LOOPBACK}\nannounce_timeout = 300ms\n"
                f"[feed]\nlisten = {LOOPBACK}\nhandshake_timeout = 300ms\n[gateway]\nlisten = {LOOPBACK}\n"
            )
        )
        said = {
            "relay": frame(b"python") + b"|no target|".ljust(64),
            "room": b"Lars\n",
            "command": b'{"command_id": "list"}\n',
            "session": b's11\n{"x": 1}\n',
            "feed": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "gateway": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        }
        silent = {kind: self.connect(daemon.port(kind)) for kind in said}
        begun = {kind: self.connect(daemon.port(kind)) for kind in ("relay", "command", "session", "feed")}
        for kind, connection in begun.items():
            connection.sendall(said[kind][:1])
        for connection in begun.values():  # which takes as long as their clocks
            while connection.recv(4096):
                pass
        for kind, connection in silent.items():
            connection.sendall(said[kind])
            if kind != "session":  # which closes what nobody waits for
                self.assertTrue(connection.recv(4096), kind)


HALF = 1 << 20
"""Bytes that a frame announces of which only a part comes."""


class MemoryTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        ini = self.write_ini(f"memory = 64MiB\n[relay]\nlisten = {LOOPBACK}\n")
        self.daemon = self.start(ini)

    def size(self) -> int:
        """MiB of memory that the daemon has."""
        status = Path(f"/proc/{self.daemon.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) >> 10

    def test_half_frames(self) -> None:
        """Half frames of strangers take no more than their part of the memory, and nothing when they are gone."""
        port = self.daemon.port()
        before = self.size()
        half = frame(b"python") + b"nowhere".ljust(64) + str(HALF).encode().ljust(64) + b"x" * (HALF - 1)
        senders = []
        for number in range(120):
            sender = socket.create_connection(("127.0.0.1", port), PATIENCE, (f"127.2.{number}.1", 0))
            self.addCleanup(sender.close)
            senders.append(sender)
            with contextlib.suppress(ConnectionError):
                sender.sendall(half)
        during = self.size()
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as honest:
            honest.sendall(frame(b"python") + b"|no target|".ljust(64))
            self.assertEqual(read_frame(honest), b"|no raspberrypies|")
        for sender in senders:
            sender.close()
        deadline = time.monotonic() + PATIENCE
        while self.daemon.call("system.status")["services"][0]["connections"]:
            self.assertLess(time.monotonic(), deadline)
        self.assertLess(during - before, 40)
        while self.size() - before >= 15:  # it is given back within two seconds
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

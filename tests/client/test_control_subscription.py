"""Tests of :mod:`netd.client.control_subscription`: lines over a pair of connected sockets."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import MAX_ANSWER, BadAnswer, Lost
from netd.client.control_subscription import LinePort, subscribe
from netd.client.events import Event, Wish
from netd.client.gateway_plan import NETD
from netd.client.way_sockets import SocketWay, Surroundings, carry_out
from tests.client.test_events import event, params_of, subscribed


class LinePortTests(SynchronousTestCase):
    def setUp(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.addCleanup(self.theirs.close)
        self.port = self.open(ours)

    def open(self, ours: socket.socket) -> LinePort:
        """A port over that socket."""
        self.way = SocketWay(Surroundings())
        self.addCleanup(self.way.close)
        return LinePort(self.way.keep(NETD, ours))

    def read(self, seconds: float) -> bytes | None:
        """The next message."""
        return carry_out(self.port.read(self.way.now() + seconds))

    def test_lines(self) -> None:
        """Messages are lines, however they are cut."""
        self.theirs.sendall(b"one\ntw")
        self.assertEqual(self.read(5), b"one")
        self.assertIsNone(self.read(0.01))
        self.theirs.sendall(b"o\n")
        self.assertEqual(self.read(5), b"two")
        carry_out(self.port.write(b"three"))
        self.assertEqual(self.theirs.recv(100), b"three\n")

    def test_end(self) -> None:
        """The end of the daemon is noticed, reading and writing."""
        self.theirs.close()
        self.assertRaises(Lost, self.read, 5)
        self.assertRaises(Lost, carry_out, self.port.write(b"x"))
        carry_out(self.port.leave())
        self.assertRaises(Lost, self.read, 5)

    def test_line_without_end(self) -> None:
        """A line without end does not fill the memory."""

        class Endless(socket.socket):
            def recv(self, size: int, flags: int = 0) -> bytes:
                return b"x" * (MAX_ANSWER // 2)

        ours, theirs = socket.socketpair()
        theirs.close()
        self.port = self.open(Endless(fileno=ours.detach()))
        self.assertRaises(BadAnswer, self.read, 5)

    def test_close_wakes(self) -> None:
        """Closing from another thread ends a read that waits."""
        closing = threading.Timer(0.05, self.way.close)
        closing.start()
        self.addCleanup(closing.join)
        self.assertRaises(Lost, self.read, 60)


class SubscribeTests(SynchronousTestCase):
    def test_subscribe(self) -> None:
        """The events of the daemon whose socket is named come."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        asked: list[tuple[Path, float]] = []

        def connect(path: Path, timeout: float) -> socket.socket:
            asked.append((path, timeout))
            return ours

        theirs.sendall(subscribed(1, "c:0") + b"\n" + event(1) + b"\n")
        with subscribe(Path("/state/control.sock"), Wish("a.>"), 3.0, connect=connect) as subscription:
            self.assertEqual(next(subscription), Event("a.b", 1, 5.0, 1))
        self.assertEqual(asked, [(Path("/state/control.sock"), 3.0)])
        self.assertEqual(params_of(theirs.recv(1000))["pattern"], "a.>")

"""Tests of ``netd.connection.liveness`` and of a peer's probe: real sockets, whose operating system is asked, and a clock."""

from __future__ import annotations

import socket
import struct
from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.liveness import PROBING, begin_probe
from netd.connection.peer import Peer, PeerContext
from netd.connection.turn import Turn
from tests.connection.transports import FakeTransport

OPTIONS = [getattr(socket, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")]


class DeafSocket(socket.socket):
    """A socket whose other side was heard *silence* milliseconds ago, and asked so often since then."""

    silence = 0
    asked = 4

    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:  # type: ignore[override]
        """What the system says, but for its facts about the connection."""
        if option == socket.TCP_INFO:
            return struct.pack("@8B13I", *[0] * 3, self.asked, *[0] * 15, self.silence, self.silence)
        return super().getsockopt(level, option)


class SocketTests(SynchronousTestCase):
    """Two ends of a connection."""

    def setUp(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.near = DeafSocket()
        self.near.connect(listener.getsockname())
        self.far, _ = listener.accept()
        for one in (listener, self.near, self.far):
            self.addCleanup(one.close)
        self.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)

    def options(self) -> list[int | bytes]:
        """How the system looks after the connection."""
        return [self.near.getsockopt(socket.IPPROTO_TCP, option) for option in OPTIONS]


class ProbeTests(SocketTests):
    """What the operating system is asked to do."""

    def test_asked_each_second(self) -> None:
        """While it is asked, four probes go unanswered within 5 s; afterwards everything is as it was."""
        before = self.options()
        finish = begin_probe(SimpleNamespace(socket=self.near))
        assert finish is not None
        self.assertEqual(self.options(), [1, 1, 4, 0])
        self.assertTrue(self.near.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        self.assertTrue(finish())
        self.assertEqual(self.options(), before)

    def test_a_sign_of_life(self) -> None:
        """An acknowledgement within the time is one; an older one is none."""
        for silence, is_alive in ((0, True), (4999, True), (5000, False), (3_600_000, False)):
            self.near.silence = silence
            finish = begin_probe(SimpleNamespace(socket=self.near))
            assert finish is not None
            self.assertEqual(finish(), is_alive, silence)

    def test_not_asked(self) -> None:
        """One that has answered all it was asked lives, however long ago that was: it may just not read."""
        self.near.silence, self.near.asked = 6000, 0
        finish = begin_probe(SimpleNamespace(socket=self.near))
        assert finish is not None
        self.assertTrue(finish())

    def test_what_the_system_says(self) -> None:
        """The facts are read where Linux has them: of a connection that has just been made, a moment ago."""
        finish = begin_probe(SimpleNamespace(socket=self.far))
        assert finish is not None
        self.assertTrue(finish())

    def test_nobody_to_ask(self) -> None:
        """A unix socket, whose end is always known, and a transport without a socket are not asked."""
        one, other = socket.socketpair()
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        self.assertIsNone(begin_probe(SimpleNamespace(socket=one)))
        self.assertIsNone(begin_probe(object()))


class SocketTransport(FakeTransport):
    """A transport with a socket."""

    socket: socket.socket


class PeerProbeTests(SocketTests):
    """The connection around it."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.transport = SocketTransport()
        self.transport.socket = self.near
        context = PeerContext(self.clock, Turn(self.clock.callLater), Traffic(), 30.0)
        owner = SimpleNamespace(expired=lambda: None, drained=lambda: None)
        self.peer = Peer(self.transport, context, Bounds(Policy.DISCONNECT, 1000), owner)

    def test_dead(self) -> None:
        """A connection without a sign of life is cut after 5 s, and its log line says why."""
        self.near.silence = 60_000
        self.peer.probe()
        self.peer.probe()
        self.clock.advance(PROBING - 0.1)
        self.assertEqual(self.transport.steps, [])
        self.clock.advance(0.1)
        self.assertEqual((self.transport.steps, self.peer.reason), (["abort"], "gave no sign of life"))

    def test_alive(self) -> None:
        """One that lives goes on, and can be asked again."""
        for _ in range(2):
            self.peer.probe()
            self.clock.advance(PROBING)
        self.assertEqual((self.transport.steps, self.clock.getDelayedCalls()), ([], []))
        self.assertNotEqual(self.options(), [1, 1, 4, 0])

    def test_lost_meanwhile(self) -> None:
        """A connection that is lost leaves no timer; one that has ended is not asked."""
        self.peer.probe()
        self.peer.lost()
        self.peer.probe()
        self.assertEqual(self.clock.getDelayedCalls(), [])

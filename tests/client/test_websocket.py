"""Tests of :mod:`netd.client.websocket`: whole messages over a connection that lives in memory."""

from __future__ import annotations

import socket
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import Lost
from netd.client.gateway_plan import NETD
from netd.client.way_sockets import SocketWay, Surroundings, carry_out
from netd.client.websocket import CLOSE, PING, PONG, WebSocket, encode_frame
from netd.codec.websocket import Opcode, frame, text_frame
from tests.client.sockets import MemorySocket, waiter


class SlowSocket(MemorySocket):
    """A server's side with a clock: what comes, each as one read; a number is so many seconds of silence."""

    def __init__(self, *says: bytes | float) -> None:
        super().__init__()
        self._says = list(says)
        self.now = 0.0

    def wait(self, seconds: float | None, is_writing: bool) -> bool:
        """Let a silence pass, as far as it is waited for."""
        said = self._says[0] if self._says else b""
        if is_writing or isinstance(said, bytes):
            return not is_writing
        assert seconds is not None
        del self._says[0]
        if said > seconds:
            self._says.insert(0, said - seconds)
        self.now += min(said, seconds)
        return said <= seconds and self.wait(seconds - said, is_writing)

    def recv(self, size: int) -> bytes:
        """The next that was written down."""
        said = self._says.pop(0) if self._says else b""
        assert isinstance(said, bytes), "this was not waited for"
        return said


class WebSocketTests(SynchronousTestCase):
    def open(self, *says: bytes | float, first: bytes = b"", limit: int = 1000) -> None:
        """A WebSocket at a server that says so."""
        self.socket = SlowSocket(*says)
        self.way = SocketWay(Surroundings(clock=lambda: self.socket.now, random_bytes=bytes, waiter=waiter))
        self.websocket = WebSocket(self.way.keep(NETD, cast("socket.socket", self.socket)), self.way, first, limit)

    def read(self, seconds: float = 86400.0) -> bytes | None:
        """The next message."""
        return carry_out(self.websocket.read(self.way.now() + seconds))

    def test_messages(self) -> None:
        """Text and bytes are given, pings are answered, all else is passed over; what came with the handshake comes first."""
        said = frame(Opcode.BINARY, b"b") + frame(Opcode.PONG, b"") + text_frame(b"two")
        self.open(said, first=text_frame(b"one") + frame(Opcode.PING, b"p"))
        self.assertEqual([self.read() for _ in range(3)], [b"one", b"b", b"two"])
        self.assertEqual(self.socket.sent, encode_frame(PONG, b"p", bytes(4)))

    def test_write(self) -> None:
        """What is sent is masked."""
        self.open()
        carry_out(self.websocket.write(b"x"))
        self.assertEqual(self.socket.sent, b"\x81\x81\0\0\0\0x")

    def test_close(self) -> None:
        """A farewell is answered in kind, and told; leaving is a farewell, too."""
        self.open(frame(Opcode.CLOSE, b"\x03\xe9netd stops"))
        with self.assertRaisesRegex(Lost, r"^netd closed the connection \(1001: netd stops\)$"):
            self.read()
        carry_out(self.websocket.leave())
        self.assertEqual(
            self.socket.sent, encode_frame(CLOSE, b"\x03\xe9", bytes(4)) + encode_frame(CLOSE, b"\x03\xe8", bytes(4))
        )

    def test_not_a_websocket(self) -> None:
        """What is no frame of a server, or too long, is an error."""
        for said in (b"HTTP/1.1", text_frame(b"x" * 1001)):
            self.open(said)
            self.assertRaises(Lost, self.read)

    def test_silence(self) -> None:
        """A silent server is pinged, once, and given up when it stays silent."""
        self.open(35.0, frame(Opcode.PONG, b""), 50.0, text_frame(b"x"), 61.0)
        self.assertEqual(self.read(), b"x")
        self.assertEqual(self.socket.sent, encode_frame(PING, b"", bytes(4)) * 2)
        with self.assertRaisesRegex(Lost, "gone silent"):
            self.read()

    def test_patience(self) -> None:
        """Reading ends in time, and the silence of the server is counted over several readings."""
        self.open(100.0)
        self.assertEqual([self.read(20.0), self.socket.now, self.socket.sent], [None, 20.0, b""])
        self.assertIsNone(self.read(20.0))
        self.assertEqual([self.socket.now, self.socket.sent], [40.0, encode_frame(PING, b"", bytes(4))])
        self.assertRaises(Lost, self.read, 30.0)

    def test_server_that_takes_nothing(self) -> None:
        """A server that does not take a pong is lost."""
        self.open(frame(Opcode.PING, b""))
        self.socket.broken = BlockingIOError()
        self.assertRaises(Lost, self.read, 5.0)

    def test_end(self) -> None:
        """The end of the connection is one."""
        self.open()
        self.assertRaises(Lost, self.read, 5.0)

"""WebSockets as clients have them (RFC 6455): frames, and whole messages over a connection."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable

from netd.client.way import CONNECT_TIMEOUT, Connection, Way

__all__ = [
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "SILENCE",
    "TEXT",
    "FrameDecoder",
    "NotWebSocket",
    "WebSocket",
    "accept_of",
    "encode_frame",
    "make_key",
    "masked",
    "read_close",
]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

GREATEST_MESSAGE = 16 * 1024 * 1024

SILENCE = 30.0
"""Seconds without a word from the server, after which it is pinged; after as many again the connection is given up."""

NORMAL = struct.pack("!H", 1000)
"""What a close frame says where nothing is wrong."""


class NotWebSocket(Exception):
    """What came is nothing that a WebSocket server says."""


def make_key(random_bytes: Callable[[int], bytes]) -> str:
    """What a client gives the server to answer."""
    return base64.b64encode(random_bytes(16)).decode("ascii")


def accept_of(key: str) -> str:
    """What a server answers to *key*."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode("ascii")).digest()  # noqa: S324 - RFC 6455 says so
    return base64.b64encode(digest).decode("ascii")


def masked(payload: bytes, mask: bytes) -> bytes:
    """*payload*, each byte combined with one of the four of *mask*; twice is as before."""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")


def encode_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """A whole frame as clients must send it, masked."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    return head + mask + masked(payload, mask)


class FrameDecoder:
    """Cuts a byte stream into messages and control frames, however it was cut into segments and frames.

    :param limit: bytes of the longest message.
    """

    def __init__(self, limit: int = GREATEST_MESSAGE) -> None:
        self._limit = limit
        self._received = bytearray()
        self._parts = bytearray()
        self._opcode = 0

    def feed(self, received: bytes) -> None:
        """Take in bytes as they came."""
        self._received += received

    def next_message(self) -> tuple[int, bytes] | None:
        """The next message or control frame, opcode and payload; None while it is not complete.

        :raises NotWebSocket: when what came is no frame of a server.
        """
        while True:
            frame = self._next_frame()
            if frame is None:
                return None
            is_last, opcode, payload = frame
            if opcode >= CLOSE:
                return opcode, payload
            if (opcode == 0) != (self._opcode != 0):
                raise NotWebSocket("the server mixes up the parts of its messages")
            self._opcode = self._opcode or opcode
            self._parts += payload
            if is_last:
                message = self._opcode, bytes(self._parts)
                self._opcode = 0
                self._parts.clear()
                return message

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        received = self._received
        if len(received) < 2:
            return None
        first, size = received[0], received[1]
        opcode, start = first & 15, 2
        if first & 0x70 or size & 0x80 or opcode not in (0, TEXT, BINARY, CLOSE, PING, PONG):
            raise NotWebSocket(f"not a WebSocket frame: it begins {bytes(received[:8])!r}")
        if opcode >= CLOSE and (size > 125 or not first & 0x80):
            raise NotWebSocket("the server's control frame is too long, or in parts")
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(received) < start:
                return None
            size = int.from_bytes(received[2:start], "big")
        if size + len(self._parts) > self._limit:
            raise NotWebSocket(f"a message of the server is over {self._limit} bytes long")
        if len(received) < start + size:
            return None
        payload = bytes(received[start : start + size])
        del received[: start + size]
        return bool(first & 0x80), opcode, payload


def read_close(payload: bytes) -> str:
    """What the server did, for people, when it sent this close frame."""
    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else "no code"
    reason = payload[2:].decode("utf-8", "replace")
    return f"closed the connection ({code}{': ' if reason else ''}{reason})"


class WebSocket:
    """Whole messages over a connection that has become a WebSocket. One plan reads; any other writes.

    Whoever is cancelled while reading has lost nothing: what has come waits for the next call.

    :param first: what came behind the handshake.
    :param limit: bytes of the longest message.
    :param silence: see :data:`SILENCE`.
    """

    def __init__(
        self, connection: Connection, way: Way, first: bytes = b"", limit: int = GREATEST_MESSAGE, silence: float = SILENCE
    ) -> None:
        self._connection = connection
        self._now = way.now
        self._random_bytes = way.random_bytes
        self._frames = FrameDecoder(limit)
        self._frames.feed(first)
        self._silence = silence
        self._heard = way.now()
        self._has_pinged = False
        connection.last_word = self._frame(CLOSE, NORMAL)

    async def write(self, text: bytes) -> None:
        """Send a text message."""
        await self._send(TEXT, text)

    async def read(self, end: float | None = None) -> bytes | None:
        """The next message. Pings are answered meanwhile, and a silent server is pinged.

        :returns: None when none has come before *end*, by the clock of the way.
        :raises Exception: ``server.lost`` when the connection has ended, is of no more use, or gives no sign of life.
        """
        while True:
            try:
                message = self._frames.next_message()
            except NotWebSocket as error:
                raise self._connection.server.lost(str(error)) from None
            if message is None:
                if not await self._wait(end):
                    return None
                continue
            opcode, payload = message
            if opcode in (TEXT, BINARY):
                return payload
            if opcode == PING:
                await self._send(PONG, payload)
            elif opcode == CLOSE:
                await self._send(CLOSE, payload[:2])
                raise self._connection.server.lost(f"{self._connection.server.name} {read_close(payload)}")

    async def leave(self) -> None:
        """Say goodbye and hang up. Twice is harmless."""
        await self._connection.leave()

    async def _wait(self, end: float | None) -> bool:
        """Take in what comes; False when it is too late."""
        silent_at = self._heard + self._silence
        until = silent_at if end is None else min(silent_at, end)
        received = await self._connection.receive(max(until - self._now(), 0.0))
        if received is not None:
            self._heard, self._has_pinged = self._now(), False
            self._frames.feed(received)
            return True
        if self._now() >= silent_at:
            if self._has_pinged:
                raise self._connection.given_up("has gone silent")
            self._heard, self._has_pinged = self._now(), True
            await self._send(PING, b"")
        return end is None or self._now() < end

    async def _send(self, opcode: int, payload: bytes) -> None:
        await self._connection.send(self._frame(opcode, payload), self._now() + CONNECT_TIMEOUT)

    def _frame(self, opcode: int, payload: bytes) -> bytes:
        return encode_frame(opcode, payload, self._random_bytes(4))

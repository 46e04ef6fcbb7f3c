"""A gateway that is not there: sockets over which comes what a test has written down."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from netd.client.feed import accept_of

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
"""Sixteen zero bytes: chance in these tests."""

UPGRADED = (
    f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept_of(KEY)}\r\nSec-WebSocket-Protocol: netd.v1\r\n\r\n"
).encode()


def response(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """A response of HTTP."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def rpc(request: int, result: Any = None, **error: Any) -> bytes:
    """The response to a call."""
    said = {"error": error} if error else {"result": result}
    return response(json.dumps({"jsonrpc": "2.0", "id": request, **said}).encode())


class Pairs:
    """Makes connections whose other end has said the next part of a script, and hangs up after it if that is wanted."""

    def __init__(self, *script: bytes, hangs_up: bool = False) -> None:
        self.script = list(script)
        self.hangs_up = hangs_up
        self.asked: list[tuple[str, int, float]] = []
        self.servers: list[socket.socket] = []

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Stands in for a connection to the gateway."""
        self.asked.append((host, port, timeout))
        ours, theirs = socket.socketpair()
        self.servers.append(theirs)
        theirs.sendall(self.script.pop(0))
        if self.hangs_up:
            theirs.shutdown(socket.SHUT_WR)
        return ours

    def close(self) -> None:
        """Leave nothing open."""
        for server in self.servers:
            server.close()


class SlowSocket:
    """A server's side with a clock: what comes, each as one read; a number is so many seconds of silence."""

    def __init__(self, *says: bytes | float) -> None:
        self._says = list(says)
        self._timeout = 0.0
        self.now = 0.0
        self.sent = b""
        self.takes = True

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def settimeout(self, seconds: float) -> None:
        """Keep it."""
        self._timeout = seconds

    def sendall(self, sent: bytes) -> None:
        """Keep it."""
        if not self.takes:
            raise TimeoutError
        self.sent += sent

    def recv(self, size: int) -> bytes:
        """The next that was written down."""
        said = self._says.pop(0) if self._says else b""
        if isinstance(said, bytes):
            return said
        self.now += min(said, self._timeout)
        if said > self._timeout:
            self._says.insert(0, said - self._timeout)
            raise TimeoutError
        return self.recv(size)


class Streams:
    """Reader and writer in one: the server's segments come one after the other; None is a silence that never ends."""

    def __init__(self, *segments: bytes | OSError | None) -> None:
        self._segments = list(segments)
        self.sent = b""
        self.is_closed = False
        self.has_ended = False
        self.transport = self
        self.breaks: OSError | None = None
        self._closed: asyncio.Event | None = None

    async def read(self, _size: int) -> bytes:
        """The next segment."""
        await asyncio.sleep(0)
        if self.is_closed:
            return b""
        segment = self._segments.pop(0) if self._segments else b""
        if isinstance(segment, OSError):
            raise segment
        if segment is not None:
            return segment
        self._segments.insert(0, None)
        self._closed = asyncio.Event()
        await self._closed.wait()
        return b""

    def write(self, content: bytes) -> None:
        """Write it down."""
        if self.breaks is not None:
            raise self.breaks
        self.sent += content

    def at_eof(self) -> bool:
        """Whether the other side has hung up."""
        return self.has_ended

    def is_closing(self) -> bool:
        """Whether this side has."""
        return self.is_closed

    async def drain(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Write it down, and wake who reads."""
        self.is_closed = True
        if self._closed is not None:
            self._closed.set()

    def abort(self) -> None:
        """It is closed already."""

    async def wait_closed(self) -> None:
        """As if the other side had been first."""
        raise OSError


class Opener:
    """Stands in for ``asyncio.open_connection``: one of *streams* after the other."""

    def __init__(self, *streams: Streams | OSError, at_end: Callable[[], object] = lambda: None) -> None:
        self._streams = list(streams)
        self._at_end = at_end
        self.asked: list[tuple[str, int, Any]] = []

    async def __call__(self, host: str, port: int, *, ssl: Any) -> Any:
        """The next connection."""
        self.asked.append((host, port, ssl))
        if not self._streams:
            self._at_end()
            raise ConnectionRefusedError(111, "Connection refused")
        streams = self._streams.pop(0)
        if isinstance(streams, OSError):
            raise streams
        return streams, streams

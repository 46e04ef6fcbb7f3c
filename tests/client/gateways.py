"""A gateway that is not there: sockets over which comes what a test has written down."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from netd.client.websocket import accept_of
from tests.client.transports import Transport

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


class ClientSocket(socket.socket):
    """The client's end of a pair; the other side hangs up as soon as this one has.

    :ivar server: the other end.
    """

    server: socket.socket

    def shutdown(self, how: int) -> None:
        """Hang up."""
        super().shutdown(how)
        self.server.shutdown(socket.SHUT_WR)


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
        one, theirs = socket.socketpair()
        ours = ClientSocket(fileno=one.detach())
        ours.server = theirs
        self.servers.append(theirs)
        theirs.sendall(self.script.pop(0))
        if self.hangs_up:
            theirs.shutdown(socket.SHUT_WR)
        return ours

    def close(self) -> None:
        """Leave nothing open."""
        for server in self.servers:
            server.close()


class Streams(Transport):
    """Reader and writer in one: the server's segments come one after the other.

    None is a silence that never ends, True one that ends with what is written next.
    """

    def __init__(self, *segments: bytes | OSError | bool | None) -> None:
        super().__init__()
        self._segments = list(segments)
        self.sent = b""
        self.breaks: OSError | None = None
        self._closed: asyncio.Event | None = None

    async def read(self, _size: int) -> bytes:
        """The next segment."""
        if self.is_closed or not self._segments:
            return b""
        await asyncio.sleep(0)
        segment = self._segments[0]
        if isinstance(segment, (OSError, bytes)):
            del self._segments[:1]
            if isinstance(segment, OSError):
                raise segment
            return segment
        self._closed = asyncio.Event()
        await self._closed.wait()
        return b""

    def write(self, content: bytes) -> None:
        """Write it down."""
        if self.breaks is not None:
            raise self.breaks
        self.sent += content
        if self._segments and self._segments[0] is True:
            del self._segments[0]

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

    def feed_eof(self) -> None:
        """Wake who reads."""
        self.close()

    async def wait_closed(self) -> None:
        """As if the other side had been first."""
        raise OSError


class Opener:
    """Stands in for ``asyncio.open_connection``: one of *streams* after the other."""

    def __init__(self, *streams: Streams | OSError, at_end: Callable[[], object] = lambda: None) -> None:
        self._streams = list(streams)
        self._at_end = at_end
        self.asked: list[tuple[str, int, Any]] = []

    async def __call__(self, host: str, port: int, *, ssl: Any = None) -> Any:
        """The next connection."""
        self.asked.append((host, port, ssl))
        if not self._streams:
            self._at_end()
            raise ConnectionRefusedError(111, "Connection refused")
        streams = self._streams.pop(0)
        if isinstance(streams, OSError):
            raise streams
        return streams, streams

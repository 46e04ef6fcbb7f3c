"""Subscriptions over the control socket, for programs of the daemon's own user on its own machine."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

from netd.client.control import MAX_ANSWER, BadAnswer, Lost, connect_unix
from netd.client.events import Stream, Wish
from netd.client.subscription import Hooks, Pacing, Subscription

__all__ = ["LinePort", "subscribe"]

_CHUNK = 64 * 1024


class LinePort:
    """Messages over the control socket: one a line."""

    def __init__(self, connection: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._received = bytearray()
        self._scanned = 0

    def write(self, text: bytes) -> None:
        """Send one message."""
        try:
            self._connection.sendall(text + b"\n")
        except OSError as error:
            raise Lost(f"the connection to netd broke: {error.strerror or error}") from error

    def read(self, seconds: float) -> bytes | None:
        """The next message, or None when none came in time."""
        until = self._clock() + seconds
        while (end := self._received.find(b"\n", self._scanned)) < 0:
            self._scanned = len(self._received)
            if self._scanned > MAX_ANSWER:
                raise BadAnswer(f"a line of netd's is longer than {MAX_ANSWER} bytes")
            if not self._receive(until - self._clock()):
                return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._scanned = 0
        return line

    def close(self) -> None:
        """Hang up; whoever reads is woken."""
        with contextlib.suppress(OSError):  # the other side was first
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _receive(self, seconds: float) -> bool:
        try:
            self._connection.settimeout(max(seconds, 0.001))
            received = self._connection.recv(_CHUNK)
        except TimeoutError:
            return False
        except OSError as error:
            raise Lost(f"the connection to netd broke: {error.strerror or error}") from error
        if not received:
            raise Lost("netd closed the connection")
        self._received += received
        return True


def subscribe(
    path: Path,
    wish: Wish,
    timeout: float = 30.0,
    *,
    hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    pacing: Pacing = Pacing(),  # noqa: B008 - likewise
    connect: Callable[[Path, float], socket.socket] = connect_unix,
) -> Subscription:
    """A subscription at the daemon whose control socket is *path*.

    :param timeout: seconds for the connection, and for the answer.
    """

    def open_port() -> LinePort:
        return LinePort(connect(path, timeout), pacing.clock)

    return Subscription(Stream(wish), open_port, timeout, hooks=hooks, pacing=pacing)

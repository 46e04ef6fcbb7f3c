"""The blocking client's connections: requests and responses, then whole messages, each within its time."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

from netd.client.control import Lost
from netd.client.feed import FAREWELL, leave
from netd.client.gateway_wire import Messages, Response, ResponseReader

__all__ = ["SILENCE", "Connection", "WebSocket"]

SILENCE = 30.0
"""Seconds without a word from netd, after which it is pinged; after as many again the connection is given up."""

_CHUNK = 64 * 1024


class Connection:
    """One socket to the gateway. Errors of the operating system are told as what they mean.

    :ivar is_kept: whether it goes on after what it was opened for.
    :ivar idle_since: when it was last put aside.
    """

    def __init__(self, connection: socket.socket, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self.is_kept = False
        self.idle_since = 0.0

    def send(self, content: bytes, seconds: float) -> None:
        """Send all of it; raises ``TimeoutError`` or ``Lost``."""
        try:
            self._connection.settimeout(max(seconds, 0.001))
            self._connection.sendall(content)
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:  # ValueError: closed in the middle of a TLS write
            raise Lost(f"the connection to netd broke: {error}") from error

    def receive(self, seconds: float) -> bytes:
        """What has come, nothing at the end; raises ``TimeoutError`` or ``Lost``."""
        try:
            self._connection.settimeout(max(seconds, 0.001))
            return self._connection.recv(_CHUNK)
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise Lost(f"the connection to netd broke: {error}") from error

    def read_response(self, until: float, limit: int) -> Response:
        """One whole response."""
        reader = ResponseReader(limit)
        while True:
            left = until - self._clock()
            if left <= 0:
                raise TimeoutError
            response = reader.feed(self.receive(left))
            if response is not None:
                return response

    def is_fit(self) -> bool:
        """Whether it may be used again: the server has not said anything, not even farewell."""
        return not select.select([self._connection], [], [], 0)[0]

    def leave(self, last_word: bytes) -> None:
        """Say *last_word*, and hang up once the server has read it, within a second. Nobody else may be reading."""
        end = self._clock() + FAREWELL
        with contextlib.suppress(Lost, TimeoutError):
            self.send(last_word, FAREWELL)
        leave(self._connection, end, self._clock)

    def close(self) -> None:
        """Hang up; whoever reads is woken. Twice is harmless."""
        with contextlib.suppress(OSError):  # the other side was first, or it is closed already
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)  # past TLS, which another thread may be using
        with contextlib.suppress(OSError):
            self._connection.close()


class WebSocket:
    """Whole messages over one WebSocket: a :class:`netd.client.subscription.MessagePort`."""

    def __init__(self, connection: Connection, messages: Messages, clock: Callable[[], float], timeout: float) -> None:
        self._connection = connection
        self._messages = messages
        self._clock = clock
        self._timeout = timeout
        self._using = threading.Lock()
        self._heard = clock()
        self._has_pinged = False

    def write(self, text: bytes) -> None:
        """Send one message."""
        with self._using:
            self._send(self._messages.text_frame(text))

    def read(self, seconds: float) -> bytes | None:
        """The next message, or None when none came in time. Pings are answered meanwhile, and a silent server is pinged."""
        until = self._clock() + seconds
        with self._using:
            while True:
                try:
                    message = self._messages.next_message()
                finally:
                    self._send(self._messages.replies())
                if message is not None:
                    return message
                if not self._wait(until):
                    return None

    def close(self) -> None:
        """Say goodbye, unless another thread is reading, and hang up: within a second. Twice is harmless."""
        if self._using.acquire(blocking=False):
            self._connection.leave(self._messages.close_frame())
            self._using.release()
        self._connection.close()

    def _wait(self, until: float) -> bool:
        """Take in what comes; False when it is too late."""
        now = self._clock()
        try:
            received = self._connection.receive(min(until, self._heard + SILENCE) - now)
        except TimeoutError:
            received = None
        if received == b"":
            raise Lost("netd closed the connection")
        if received is not None:
            self._heard, self._has_pinged = self._clock(), False
            self._messages.feed(received)
            return True
        if self._clock() >= self._heard + SILENCE:
            if self._has_pinged:
                raise Lost("netd has gone silent")
            self._heard, self._has_pinged = self._clock(), True
            self._send(self._messages.ping_frame())
        return self._clock() < until

    def _send(self, frames: bytes) -> None:
        if not frames:
            return
        try:
            self._connection.send(frames, self._timeout)
        except TimeoutError:
            raise Lost("netd does not take what is sent to it") from None

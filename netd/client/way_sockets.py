"""The way over sockets, for programs that block: each await of a plan blocks the thread that carries it out."""

from __future__ import annotations

import contextlib
import math
import os
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar, cast

from netd.client.way import CONNECT_TIMEOUT, Connection, Server, Way, tune

__all__ = ["SocketConnection", "SocketWay", "Surroundings", "carry_out", "open_socket", "wait_until_readable"]

T = TypeVar("T")


def carry_out(plan: Coroutine[Any, Any, T]) -> T:
    """Carry *plan* out in this thread.

    :raises RuntimeError: when it awaits something else than its way.
    """
    try:
        plan.send(None)
    except StopIteration as ended:
        return cast(T, ended.value)
    plan.close()
    raise RuntimeError("this client blocks: it cannot await what needs an event loop")


def open_socket(host: str, port: int, seconds: float = CONNECT_TIMEOUT) -> socket.socket:
    """A connected, tuned TCP socket.

    :raises OSError: when there is no connection in time.
    """
    connection = socket.create_connection((host, port), seconds)
    tune(connection)
    return connection


def wait_until_readable(connection: socket.socket, seconds: float) -> bool:
    """Wait until *connection* has something to read, or has ended, at most so many seconds; False when it has not."""
    # Not by the socket's own timeout: it has one, which is that of the threads that write. And not by epoll, which forgets a
    # descriptor that another thread closes, and would wait on; poll looks at it again when it is woken.
    number = connection.fileno()
    if number < 0:
        raise ConnectionAbortedError("this client has hung up")
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection], [], [], seconds)[0])
    waiting = select.poll()
    waiting.register(number, select.POLLIN)
    return bool(waiting.poll(math.ceil(1000 * seconds)))


class Surroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens a socket to host and port, within so many seconds.
    :ivar clock: seconds that only grow.
    :ivar wall_clock: seconds since the epoch.
    :ivar chance: a number from 0 up to 1.
    :ivar random_bytes: so many unpredictable bytes.
    :ivar pause: waits for the event, at most so many seconds.
    :ivar is_readable: waits until the socket has something to read, at most so many seconds; False when it has not.
    """

    connect: Callable[[str, int, float], socket.socket] = open_socket
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    random_bytes: Callable[[int], bytes] = os.urandom
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    is_readable: Callable[[socket.socket, float], bool] = wait_until_readable


class SocketConnection(Connection):
    """A connection by a socket; any thread sends and leaves."""

    def __init__(
        self,
        opened: socket.socket,
        server: Server,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        super().__init__(server, surroundings.clock)
        self._socket = opened
        self._is_readable = surroundings.is_readable
        self._pending: Callable[[], int] | None = getattr(opened, "pending", None)  # what TLS has decrypted, and nobody read yet
        self._sending = threading.Lock()
        self._receiving = self._sending if self._pending else threading.Lock()  # TLS does one thing at a time
        self._leaving = threading.Lock()

    @property
    def has_left(self) -> bool:
        """Whether this side has hung up, or begun to."""
        return self._leaving.locked()

    async def send(self, content: bytes, seconds: float | None = None) -> None:
        try:
            with self._sending:
                if self.has_left:
                    raise self.server.left()
                self._socket.settimeout(seconds)
                self._socket.sendall(content)
        except socket.timeout:  # noqa: UP041 - before Python 3.10 these are two
            raise self.given_up("does not take what is sent to it") from None
        except (OSError, ValueError) as error:  # ValueError: closed in the middle of a TLS write
            raise self.server.broke(error) from error

    async def receive(self, seconds: float | None = None) -> bytes | None:
        if seconds is None:
            received = None
            while received is None:  # a timeout of the socket is that of a thread that sends
                received = self._receive(None)
            return received
        try:
            is_readable = bool(self._pending and self._pending()) or self._is_readable(self._socket, seconds)
        except (OSError, ValueError) as error:
            raise self.server.broke(error) from error
        return self._receive(seconds) if is_readable else None

    def _receive(self, seconds: float | None) -> bytes | None:
        """What has come; None when nothing did within the socket's timeout."""
        try:
            with self._receiving:
                if self.has_left:
                    raise self.server.left()
                if self._pending:  # of a record of TLS, less than all may have come
                    self._socket.settimeout(None if seconds is None else max(seconds, 0.001))
                received = self._socket.recv(65536)
        except socket.timeout:  # noqa: UP041 - before Python 3.10 these are two
            return None
        except (OSError, ValueError) as error:
            raise self.server.broke(error) from error
        if not received:
            raise self.server.ended()
        return received

    async def leave(self) -> None:
        if not self._leaving.acquire(blocking=False):
            return  # nobody releases it: a connection is left once
        end = self._now() + self.patience
        is_whole = self._sending.acquire(timeout=self.patience)  # not in the middle of what another thread sends
        with contextlib.suppress(OSError, ValueError):  # the other side was first
            if is_whole and self.last_word:
                self._socket.settimeout(max(end - self._now(), 0.001))
                self._socket.sendall(self.last_word)
        with contextlib.suppress(OSError, ValueError):
            self._socket.shutdown(socket.SHUT_WR)
            self._discard(end)
        with contextlib.suppress(OSError, ValueError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if is_whole:
            self._sending.release()

    def _discard(self, end: float) -> None:
        """Read until the other side hangs up, or the clock says *end*."""
        left = end - self._now()
        while left > 0:
            self._socket.settimeout(left)
            if not self._socket.recv(65536):
                return
            left = end - self._now()


class SocketWay(Way):
    """Connections by sockets. Any thread closes it."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._connections: list[SocketConnection] = []

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    def now(self) -> float:
        return self._surroundings.clock()

    async def pause(self, seconds: float) -> None:
        self._surroundings.pause(self._closed, seconds)

    async def open(self, server: Server, host: str, port: int, seconds: float, tls: Any = None) -> Connection:
        opened = self._surroundings.connect(host, port, seconds)
        if tls is not None:
            try:
                opened.settimeout(seconds)
                opened = tls.wrap_socket(opened, server_hostname=host)
            except OSError:
                opened.close()
                raise
        connection = SocketConnection(opened, server, self._surroundings)
        with self._lock:
            self._connections = [*(one for one in self._connections if not one.has_left), connection]
        return connection

    def close(self) -> None:
        """Open no more, and leave each connection; whoever waits in another thread is woken, after a second at most."""
        self._closed.set()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            carry_out(connection.leave())

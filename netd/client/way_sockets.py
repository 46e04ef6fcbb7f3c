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
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

from netd.client.way import CONNECT_TIMEOUT, Connection, Program, Server, Way, tune

__all__ = ["Blocking", "SocketConnection", "SocketWay", "Surroundings", "carry_out", "open_socket", "waiter_for"]

T = TypeVar("T")
Self = TypeVar("Self", bound="Blocking")

TLS_WANTS = (2, 3)
"""``ssl.SSL_ERROR_WANT_READ`` and ``_WRITE``: numbers of errors by which TLS says that it would block."""


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


def waiter_for(connection: socket.socket) -> Callable[[float | None, bool], bool]:
    """What waits until *connection* can be read from, or written to, at most so many seconds; False when it cannot.

    Readable is an end as well, and writable what has ended.
    """
    if not hasattr(select, "poll"):  # Windows

        def wait(seconds: float | None, is_writing: bool) -> bool:
            waiting = [connection]
            return any(select.select([] if is_writing else waiting, waiting if is_writing else [], waiting, seconds))

        return wait
    # Not epoll: it forgets a descriptor that another thread closes, and would wait on. poll looks at it again when it is woken.
    polls = select.poll(), select.poll()
    for poll, event in zip(polls, (select.POLLIN, select.POLLOUT)):  # noqa: B905 - before Python 3.10, zip knows no strict
        poll.register(connection, event)
    return lambda seconds, is_writing: bool(polls[is_writing].poll(None if seconds is None else math.ceil(1000 * seconds)))


class Surroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens a socket to host and port, within so many seconds.
    :ivar clock: seconds that only grow.
    :ivar wall_clock: seconds since the epoch.
    :ivar chance: a number from 0 up to 1.
    :ivar random_bytes: so many unpredictable bytes.
    :ivar pause: waits for the event, at most so many seconds.
    :ivar waiter: makes what waits for a socket.
    """

    connect: Callable[[str, int, float], socket.socket] = open_socket
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    random_bytes: Callable[[int], bytes] = os.urandom
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    waiter: Callable[[socket.socket], Callable[[float | None, bool], bool]] = waiter_for


def in_turn(*functions: Callable[[Any], Any]) -> Iterator[Callable[[Any], Any]]:
    """*functions*, of which one thread calls one at a time: TLS has one state for both directions."""
    lock = threading.Lock()

    def alone(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(argument: Any) -> Any:
            with lock:
                return function(argument)

        return call

    return map(alone, functions)


class SocketConnection(Connection):
    """A connection by a socket; any thread sends and leaves.

    The socket itself never blocks: its one timeout would be that of the threads that read and of those that send. What waits is
    poll, for each its own time.
    """

    def __init__(
        self,
        opened: socket.socket,
        server: Server,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        super().__init__(server, surroundings.clock)
        self._socket = opened
        self._waiter = surroundings.waiter
        self._wait = self._waiter(opened)
        self._pending: Callable[[], int] | None = getattr(
            opened, "pending", None
        )  # bytes that TLS has decrypted, and that have not been read yet
        self._sending = threading.Lock()
        say_end = getattr(opened, "unwrap", lambda: None)  # of TLS: otherwise its end looks like that of a connection that broke
        calls: Iterable[Callable[[Any], Any]] = (opened.recv, opened.send, opened.shutdown, lambda _: say_end())
        self._take, self._give, self._shut, self._say_end = in_turn(*calls) if self._pending else calls
        self._leaving = threading.Lock()

    def fileno(self) -> int:
        """The number by which the operating system knows the socket, for who waits for several."""
        return self._socket.fileno()

    @property
    def has_left(self) -> bool:
        """Whether this side has hung up, or begun to."""
        return self._leaving.locked()

    @property
    def has_more(self) -> bool:
        """Whether TLS has decrypted what has not been read yet: the operating system does not tell of that."""
        return bool(self._pending and self._pending())

    async def send(self, content: bytes, end: float | None = None) -> None:
        with self._sending:
            if self.has_left:
                raise self.server.left()
            try:
                is_sent = self._send(content, end)
            except (OSError, ValueError) as error:  # ValueError: TLS that another thread has closed
                raise self.server.broke(error) from None
        if not is_sent:
            raise self.given_up("does not take what is sent to it")

    def _send(self, content: bytes, end: float | None) -> bool:
        """Hand over all of *content*, until the clock says *end*; False when that came first."""
        unsent = memoryview(content)
        while unsent:
            try:
                unsent = unsent[self._give(unsent) :]
            except OSError as error:
                if not self._would_block(error):
                    raise
                if not self._wait(None if end is None else max(end - self._now(), 0.0), True):
                    return False
        return True

    async def receive(self, seconds: float | None = None) -> bytes | None:
        if self.has_left:
            raise self.server.left()
        try:
            if seconds == 0 or self.has_more:
                received = self._receive()
            else:
                received, end = None, None if seconds is None else self._now() + seconds
                while received is None:
                    if not self._wait(None if end is None else max(end - self._now(), 0.0), False):
                        return None
                    received = self._receive()
        except (OSError, ValueError) as error:
            raise self.server.broke(error) from None
        if received == b"":
            raise self.server.ended()
        return received

    def _receive(self) -> bytes | None:
        """Return the bytes that have come, empty at the end of the stream; None if there are none, or too few for TLS."""
        try:
            received: bytes = self._take(65536)
        except OSError as error:
            if self._would_block(error):
                return None
            raise
        if self._pending and self.has_left:  # meanwhile: what comes now is not even decrypted any more
            raise self.server.left()
        return received

    def _would_block(self, error: OSError) -> bool:
        return isinstance(error, BlockingIOError) or (self._pending is not None and error.errno in TLS_WANTS)

    async def leave(self) -> None:
        if not self._leaving.acquire(blocking=False):
            return  # nobody releases it: a connection is left once
        end = self._now() + self.patience
        with contextlib.suppress(OSError, ValueError):  # the other side was first
            if self._sending.acquire(timeout=self.patience):  # not in the middle of what another thread sends
                try:
                    self._send(self.last_word, end)
                finally:
                    self._sending.release()
        with contextlib.suppress(OSError, ValueError):
            self._say_end(None)
        with contextlib.suppress(OSError, ValueError):
            self._shut(socket.SHUT_WR)
            wait = self._waiter(self._socket)  # another one: a thread that reads may still be waiting by the first
            while self._now() < end and wait(end - self._now(), False) and self._take(65536):
                pass  # until the other side has hung up, too
        with contextlib.suppress(OSError, ValueError):
            self._shut(socket.SHUT_RDWR)
        self._socket.close()


class SocketWay(Way):
    """Connections by sockets. Any thread closes it.

    :ivar turn: what threads wait for that do one thing after the other.
    """

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        surroundings = surroundings or Surroundings()
        super().__init__(surroundings.wall_clock, surroundings.chance, surroundings.random_bytes)
        self._surroundings = surroundings
        self.turn = threading.Lock()
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
        return self.keep(server, self.secure(self._surroundings.connect(host, port, seconds), host, tls))

    def secure(self, opened: socket.socket, host: str, tls: Any) -> socket.socket:
        """Return *opened* through TLS, where *tls* is a context; the handshake has the socket's timeout, that of connecting.

        :raises OSError: when there is no TLS to be had; the socket is closed then.
        """
        if tls is None:
            return opened
        try:
            secured: socket.socket = tls.wrap_socket(opened, server_hostname=host)
        except OSError:
            opened.close()
            raise
        return secured

    def keep(self, server: Server, opened: socket.socket) -> SocketConnection:
        """The connection by a socket that was opened elsewhere, which the way closes in the end."""
        opened.setblocking(False)
        connection = SocketConnection(opened, server, self._surroundings)
        with self._lock:
            self._connections = [*(one for one in self._connections if not one.has_left), connection]
        if self.is_closed:  # since when, nobody knows: close() may have come too early to find this one
            carry_out(connection.leave())
        return connection

    def close(self) -> None:
        """Open no more, and leave each connection; whoever waits in another thread is woken, after a second at most."""
        self._closed.set()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            carry_out(connection.leave())


class Blocking(Program[SocketWay]):
    """Base of all blocking clients, which any thread can close."""

    _make_way = SocketWay

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave for good, from any thread; whoever waits is woken, by a second later. An attempt to connect ends within 10 s.

        Returns when the server has read what was said last, after a second at most.
        """
        self._way.close()

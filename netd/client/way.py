"""What the clients stand on: plans, and the ways that carry them out.

A *plan* is a coroutine that awaits nothing but its *way*: connections that open, bytes that come and go, pauses. Thus a client
says once what it does. Over sockets (:mod:`netd.client.way_sockets`), each await blocks its thread, and no event loop is needed;
over asyncio (:mod:`netd.client.way_asyncio`), it suspends its task.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from netd.client.tls import ClientTls, tls_reason

__all__ = ["CONNECT_TIMEOUT", "FAREWELL", "Connection", "Program", "Server", "W", "Way", "check_choice", "check_port", "tune"]

CONNECT_TIMEOUT = 10.0
"""Seconds in which there must be a connection."""

FAREWELL = 1.0
"""Seconds that hanging up takes at most: until then, the other side may read what was said last, and hang up itself."""


class Server(NamedTuple):
    """The other side, as errors speak of it.

    :ivar name: for people, such as ``the relay``.
    :ivar unreachable: raised when there is no connection to be had.
    :ivar lost: raised when a connection ends or breaks.
    :ivar late: raised when an answer does not come in time, or nothing that is sent is taken.
    """

    name: str
    unreachable: type[Exception]
    lost: type[Exception]
    late: type[Exception]

    def broke(self, error: Exception) -> Exception:
        """What to raise when the operating system has raised *error*."""
        return self.lost(f"the connection to {self.name} broke: {tls_reason(error)}")

    def ended(self) -> Exception:
        """What to raise when the other side has hung up."""
        return self.lost(f"{self.name} closed the connection")

    def left(self) -> Exception:
        """What to raise when this side has hung up."""
        return self.lost(f"the connection to {self.name} is closed: this client has hung up")


class Connection(ABC):
    """A connection to a server. One plan reads; any plan or thread may send, and hang up.

    :ivar last_word: what is said when this side hangs up.
    :ivar patience: seconds that hanging up may take.
    """

    def __init__(self, server: Server, now: Callable[[], float]) -> None:
        self.server = server
        self.last_word = b""
        self.patience = FAREWELL
        self._now = now

    @abstractmethod
    async def send(self, content: bytes, end: float | None = None) -> None:
        """Hand *content* to the operating system, whole, and not mixed with what others send.

        :param end: when that must be done, by the clock of the way; None for ever.
        :raises Exception: ``server.lost`` when it cannot be done, ``server.late`` when it takes too long.
        """

    @abstractmethod
    async def receive(self, seconds: float | None = None) -> bytes | None:
        """What comes, as soon as anything does; None when nothing came in time.

        :param seconds: 0 for what has come already; None for ever.
        :raises Exception: ``server.lost`` when the connection has ended.
        """

    @abstractmethod
    async def leave(self) -> None:
        """Say the last word, and hang up without taking back what was said before; whoever reads is woken. Twice is harmless.

        Over sockets it returns when that is done, within a second; over asyncio the event loop sees to the rest.

        A connection that is closed while something that came is unread is reset, and a reset reaches the other side ahead of
        what it has not read yet. So this says that nothing more follows, and discards what comes until the other side has hung
        up, too.
        """

    async def receive_until(self, end: float | None) -> bytes | None:
        """What comes, as soon as anything does; None when nothing has before *end*, by the clock of the way (None: for ever)."""
        left = None if end is None else end - self._now()
        return None if left is not None and left <= 0 else await self.receive(left)

    async def receive_by(self, end: float | None) -> bytes:
        """As :meth:`receive_until`; raises ``server.late`` when nothing has come."""
        left = None if end is None else end - self._now()
        received = None if left is not None and left <= 0 else await self.receive(left)
        if received is None:
            raise self.given_up()
        return received

    def given_up(self, reason: str = "did not answer in time") -> Exception:
        """What to raise when the other side was waited for long enough. It is not waited for when this side hangs up, either."""
        self.patience = 0.0
        return self.server.late(f"{self.server.name} {reason}")


class Way(ABC):
    """The world around a plan, until it is closed.

    :ivar wall_clock: seconds since the epoch.
    :ivar chance: a number from 0 up to 1.
    :ivar random_bytes: so many unpredictable bytes.
    :ivar tls: the TLS of the connections that plans reach.
    """

    tls = ClientTls()

    def __init__(
        self, wall_clock: Callable[[], float], chance: Callable[[], float], random_bytes: Callable[[int], bytes]
    ) -> None:
        self.wall_clock = wall_clock
        self.chance = chance
        self.random_bytes = random_bytes

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether the program has closed its client: there are no more connections."""

    @abstractmethod
    def now(self) -> float:
        """Seconds that only grow."""

    @abstractmethod
    async def pause(self, seconds: float) -> None:
        """Return after so many seconds, or when the way is closed."""

    @abstractmethod
    async def open(self, server: Server, host: str, port: int, seconds: float, tls: Any = None) -> Connection:
        """A connection, which the way closes in the end: at once, where it has been closed meanwhile.

        :param tls: an ``ssl.SSLContext``, where the connection goes through TLS.
        :raises OSError: when there is none within *seconds*.
        :raises UnicodeError: when *host* cannot be a name.
        """

    async def reach(self, server: Server, host: str, port: int, seconds: float = CONNECT_TIMEOUT) -> Connection:
        """A connection, which the way closes in the end.

        :raises Exception: ``server.unreachable`` when there is none within *seconds*, or the way is closed.
        """
        self._refuse_closed(server)
        try:
            connection = await self.open(server, host, port, seconds, self.tls.context())
        except (OSError, UnicodeError) as error:
            reason = tls_reason(error, host) or "it did not answer in time"
            raise server.unreachable(f"cannot reach {server.name} at {host}:{port}: {reason}") from None
        self._refuse_closed(server)  # meanwhile: then the connection was left
        return connection

    def _refuse_closed(self, server: Server) -> None:
        if self.is_closed:
            raise server.unreachable("this client was closed")


W = TypeVar("W", bound=Way)


class Program(Generic[W]):
    """What a client is, whatever way it goes: the arguments that it is made with, and the plans that it makes of them.

    :param surroundings: the outside world, so that tests can hand in another.
    :param tls: how its connections use TLS; None for not at all.
    """

    _make_way: Callable[[Any], Any]

    def __init__(self, surroundings: Any = None, tls: ClientTls | None = None) -> None:
        self._way: W = self._make_way(surroundings)
        if tls is not None:
            self._way.tls = tls


def tune(connection: socket.socket) -> None:
    """Send at once, and find out within some 90 s that the other side is gone without a word."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Not every system has these. The last is in milliseconds; it holds where unsent bytes keep keepalive from probing.
    for option, amount in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 90_000)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), amount)


def check_port(port: int) -> None:
    """Refuse what is no port to connect to.

    :raises ValueError: when *port* is not between 1 and 65535.
    """
    if not 0 < port < 65536:
        raise ValueError(f"port: {port!r} is not between 1 and 65535")


def check_choice(argument: str, choice: str, *choices: str) -> None:
    """Refuse what is none of *choices*.

    :raises ValueError: naming the argument.
    """
    if choice not in choices:
        raise ValueError(f"{argument}: {choice!r} is none of {', '.join(choices)}")

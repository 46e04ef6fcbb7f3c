"""Dead peers, found by what the operating system knows (``TCP_INFO``), and the end of a connection in words.

A pulled cable sends no FIN. The operating system probes idle peers (keepalive), and tells how long ago the last byte and the last
acknowledgement came; :class:`Vigil` reads that now and then, which costs a system call and no traffic. The system's own time
limits are not enough: they count from the moment at which unacknowledged bytes were sent, however long the peer had been silent
before.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Protocol, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime, ISSLTransport
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

__all__ = ["DEAD_TIMEOUT", "Signs", "Vigil", "ask_for_signs", "describe_end", "signs_of", "silence_of"]

DEAD_TIMEOUT = 30.0
"""The default limit: seconds without a sign of life after which a connection counts as broken."""

RECEIVED_SHUTDOWN = 2
"""The bit of OpenSSL's for a ``close_notify`` of the peer (``SSL_RECEIVED_SHUTDOWN``)."""

LOOKS = 12
"""The number of looks at each connection within the limit."""

ASKED, ASKED_AGAIN = 3, 6
"""An idle peer is probed first after a third of the limit, then after each further sixth: three answers may get lost."""

DEAD = 5 / 6
"""The part of the limit after which a silent peer is cut: with the interval between two looks, that makes the whole limit."""

PORTION = 500
"""Connections looked at in one reactor turn; that takes half a millisecond."""

_TCP_INFO = struct.Struct("2xBB48xII")
"""Of ``struct tcp_info`` (linux/tcp.h) the members ``tcpi_retransmits``, ``tcpi_probes``, and in milliseconds
``tcpi_last_data_recv`` and ``tcpi_last_ack_recv``."""


class Signs(NamedTuple):
    """When the operating system heard last from a peer.

    :ivar byte: seconds since the last byte came, or since the connection was made.
    :ivar life: seconds since the last sign of life: a byte or an acknowledgement.
    :ivar unanswered: probes and retransmissions since then.
    """

    byte: float
    life: float
    unanswered: int

    def is_dead(self, limit: float) -> bool:
        """Return True if the peer gave no sign of life for *limit* seconds although it was probed.

        Without a probe, silence proves nothing: a peer that does not read is probed at ever longer intervals.
        """
        return self.unanswered > 0 and self.life >= limit


def signs_of(transport: Any) -> Signs | None:
    """Return the signs of *transport*'s peer; None without TCP, after the close, and on systems other than Linux."""
    option, handle = getattr(socket, "TCP_INFO", None), getattr(transport, "socket", None)
    if option is None or not isinstance(handle, socket.socket):
        return None
    try:
        sent_again, probes, byte, life = _TCP_INFO.unpack(handle.getsockopt(socket.IPPROTO_TCP, option, _TCP_INFO.size))
    except OSError:
        return None
    # The minimum, because Linux updates the time of the last acknowledgement only when something new is acknowledged: of a peer
    # that sends and is sent nothing, that time may be as old as the connection, though bytes come all the while.
    return Signs(byte / 1000, min(byte, life) / 1000, sent_again + probes)


def silence_of(transport: Any) -> float:
    """Return the seconds since the last byte came from *transport*'s peer; 0 if that is not known."""
    signs = signs_of(transport) or getattr(transport, "last_signs", None)
    return 0.0 if signs is None else signs.byte


def ask_for_signs(handle: socket.socket, limit: float, patience: float) -> None:
    """Have the operating system probe an idle peer so often that *limit* seconds without an answer prove it dead.

    :param patience: seconds for which a peer may accept no data while it answers probes. ``TCP_USER_TIMEOUT`` does not
        distinguish such a peer from a dead one, so it is set to the greater of the two times.
    """
    pause, wait = max(1, int(limit / ASKED)), max(1, int(limit / ASKED_AGAIN))
    for name, value in (
        ("TCP_KEEPIDLE", pause),
        ("TCP_KEEPINTVL", wait),
        ("TCP_KEEPCNT", ASKED_AGAIN),
        ("TCP_USER_TIMEOUT", int(max(limit, patience) * 1000)),
    ):
        if hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def describe_end(failure: Failure, transport: Any) -> str | None:
    """Say in words why a connection is gone; None if the peer has closed it in the ordinary way."""
    if failure.check(ConnectionDone) is not None or _has_said_goodbye(transport):
        return None
    code = getattr(transport, "errno", 0)
    if code == errno.ETIMEDOUT:
        signs = getattr(transport, "last_signs", None)
        return "no sign of life" if signs is None else f"no sign of life for {signs.life:.0f} s"
    if code in (errno.ECONNRESET, errno.EPIPE) or (not code and failure.value is CONNECTION_LOST):
        return "reset by the peer"
    return os.strerror(code) if code else failure.getErrorMessage()


def _has_said_goodbye(transport: Any) -> bool:
    """Whether the peer has ended TLS in order. It may reset TCP then, as it reads no answer any more."""
    if not ISSLTransport.providedBy(transport):
        return False
    return bool(cast(Any, transport).getHandle().get_shutdown() & RECEIVED_SHUTDOWN)


class Watched(Protocol):
    """A connection, as :class:`Vigil` sees it."""

    transport: Any

    def died(self, why: str) -> None:
        """Cut the connection: its peer gives no sign of life."""


class Vigil:
    """Looks for dead peers among *connections*, as long as there are connections.

    :ivar limit: seconds without a sign of life after which a peer counts as dead; it may be changed.
    """

    def __init__(self, clock: IReactorTime, limit: float, connections: Collection[Watched]) -> None:
        self._clock = clock
        self.limit = limit
        self._connections = connections
        self._due: list[Watched] = []
        self._timer: Any = None

    def begin(self) -> None:
        """Begin to look; called for each new connection."""
        if self._timer is None:
            self._wait(self.limit / LOOKS, self._begin)

    def end(self) -> None:
        """Stop looking: the last connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = self._clock.callLater(seconds, then)

    def _begin(self) -> None:
        self._due = list(self._connections)
        self._go_on()

    def _go_on(self) -> None:
        due, self._due = self._due[:PORTION], self._due[PORTION:]
        if self._due:
            self._wait(0, self._go_on)
        else:
            self._wait(self.limit / LOOKS, self._begin)
        for connection in due:
            signs = signs_of(connection.transport)
            if signs is not None and signs.is_dead(self.limit * DEAD):
                connection.died(f"no sign of life for {signs.life:.0f} s")

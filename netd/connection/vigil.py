"""Whether a peer's machine is still there, and how a connection ended: the operating system is asked, and reading costs nothing.

A cable that is pulled says nothing. The operating system asks idle peers whether they are there (keepalive), and tells how long
ago the last byte and the last sign of life came; :class:`Vigil` looks at that now and then. The system's own limits do not do:
they give unacknowledged bytes their full time from when they were sent, however long the peer had been silent by then.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Protocol

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

__all__ = ["DEAD_TIMEOUT", "Signs", "Vigil", "ask_for_signs", "describe_end", "signs_of", "silence_of"]

DEAD_TIMEOUT = 30.0
"""Seconds without a sign of life after which a connection counts as broken, where nothing else is said."""

LOOKS = 12
"""Looks within that time."""

ASKED, ASKED_AGAIN = 3, 6
"""Parts of that time after which an idle peer is asked first, and again: three answers may get lost."""

DEAD = 5 / 6
"""The part of it without a sign of life that is enough, so that all of it is enough to notice."""

PORTION = 500
"""Connections looked at in one turn of the reactor: half a millisecond."""

_TCP_INFO = struct.Struct("2xBB48xII")
"""Of ``struct tcp_info`` (linux/tcp.h) the members ``tcpi_retransmits``, ``tcpi_probes``, and in milliseconds
``tcpi_last_data_recv`` and ``tcpi_last_ack_recv``."""


class Signs(NamedTuple):
    """What the operating system knows of a peer.

    :ivar byte: seconds since the last byte came, or the connection was made.
    :ivar life: seconds since the last sign of life came, an acknowledgement at least.
    :ivar unanswered: how often the peer was asked since then, by a probe or by bytes that were sent again.
    """

    byte: float
    life: float
    unanswered: int

    def is_dead(self, limit: float) -> bool:
        """Whether the peer was asked, and gave no sign of life for *limit* seconds.

        One that is there and does not read is asked less and less often: no sign of life came because nobody asked.
        """
        return self.unanswered > 0 and self.life >= limit


def signs_of(transport: Any) -> Signs | None:
    """When *transport*'s peer was heard last; None where nobody knows: no TCP, closed, or not Linux."""
    option, handle = getattr(socket, "TCP_INFO", None), getattr(transport, "socket", None)
    if option is None or not isinstance(handle, socket.socket):
        return None
    try:
        sent_again, probes, byte, life = _TCP_INFO.unpack(handle.getsockopt(socket.IPPROTO_TCP, option, _TCP_INFO.size))
    except OSError:
        return None
    # Bytes are a sign of life, too. Linux may take them in without a look at what they acknowledge, where that is nothing new:
    # from a peer that is only listened to, the last acknowledgement may be as old as the connection.
    return Signs(byte / 1000, min(byte, life) / 1000, sent_again + probes)


def silence_of(transport: Any) -> float:
    """Seconds since the last byte came; 0 where nobody knows."""
    signs = signs_of(transport) or getattr(transport, "last_signs", None)
    return 0.0 if signs is None else signs.byte


def ask_for_signs(handle: socket.socket, limit: float, patience: float) -> None:
    """Have the operating system ask an idle peer so often that *limit* seconds without an answer mean something.

    :param patience: seconds for which a peer that answers may take nothing: the system's own limit does not tell the two apart.
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
    """Why a connection is gone, in words; None where the peer has closed it."""
    if failure.check(ConnectionDone) is not None:
        return None
    code = getattr(transport, "errno", 0)
    if code == errno.ETIMEDOUT:
        signs = getattr(transport, "last_signs", None)
        return "no sign of life" if signs is None else f"no sign of life for {signs.life:.0f} s"
    if code in (errno.ECONNRESET, errno.EPIPE) or (not code and failure.value is CONNECTION_LOST):
        return "reset by the peer"
    return os.strerror(code) if code else failure.getErrorMessage()


class Watched(Protocol):
    """A connection, as :class:`Vigil` sees it."""

    transport: Any

    def died(self, why: str) -> None:
        """The peer gives no sign of life: cut it."""


class Vigil:
    """Finds the dead among *connections*, while there are any.

    :ivar limit: seconds without a sign of life; it may change.
    """

    def __init__(self, clock: IReactorTime, limit: float, connections: Collection[Watched]) -> None:
        self._clock = clock
        self.limit = limit
        self._connections = connections
        self._due: list[Watched] = []
        self._timer: Any = None

    def begin(self) -> None:
        """There is a connection."""
        if self._timer is None:
            self._wait(self.limit / LOOKS, self._begin)

    def end(self) -> None:
        """There is none any more."""
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

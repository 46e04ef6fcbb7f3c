"""Subscriptions over the control socket, for programs of the daemon's own user on its own machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from netd.client.control import MAX_ANSWER, BadAnswer, connect_unix
from netd.client.events import Stream, Wish
from netd.client.gateway_plan import NETD
from netd.client.subscription import Hooks, Subscription
from netd.client.way import Connection
from netd.client.way_sockets import SocketWay, Surroundings

__all__ = ["LinePort", "subscribe"]


class LinePort:
    """Messages over the control socket: one a line."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._received = bytearray()
        self._scanned = 0

    async def write(self, text: bytes) -> None:
        """Send one message."""
        await self._connection.send(text + b"\n")

    async def read(self, end: float | None = None) -> bytes | None:
        """The next message, or None when none came before *end*, by the clock of the way."""
        while (found := self._received.find(b"\n", self._scanned)) < 0:
            self._scanned = len(self._received)
            if self._scanned > MAX_ANSWER:
                raise BadAnswer(f"a line of netd's is longer than {MAX_ANSWER} bytes")
            received = await self._connection.receive_until(end)
            if received is None:
                return None
            self._received += received
        line = bytes(self._received[:found])
        del self._received[: found + 1]
        self._scanned = 0
        return line

    async def leave(self) -> None:
        """Hang up; whoever reads is woken."""
        await self._connection.leave()


def subscribe(
    path: Path,
    wish: Wish,
    timeout: float = 30.0,
    *,
    hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    connect: Callable[[Path, float], socket.socket] = connect_unix,
    surroundings: Surroundings = Surroundings(),  # noqa: B008 - likewise
) -> Subscription:
    """A subscription at the daemon whose control socket is *path*.

    :param timeout: seconds for the connection, and for the answer.
    """
    way = SocketWay(surroundings)

    async def open_port() -> LinePort:
        return LinePort(way.keep(NETD, connect(path, timeout)))

    return Subscription(way, Stream(wish), open_port, timeout, hooks)

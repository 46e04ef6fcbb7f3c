"""A subscription: an iterator that connects again, and goes on where it was.

It knows no wire: a :class:`MessagePort` is a connection for whole messages, a WebSocket or the control socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Protocol

from netd.client.again import Backoff, Comeback
from netd.client.control import ControlError, ControlTimeout, RemoteError
from netd.client.events import Item, Stream
from netd.client.way import Way
from netd.client.way_sockets import SocketWay, carry_out

__all__ = ["Hooks", "MessagePort", "Subscription", "SubscriptionPlan"]


class MessagePort(Protocol):
    """A connection for whole messages."""

    async def write(self, text: bytes) -> None:
        """Send one message; raises a ``ControlError`` when that cannot be done."""

    async def read(self, end: float | None = None) -> bytes | None:
        """The next message, or None when none came before *end*, by the clock of the way.

        :raises ControlError: when the connection is of no more use.
        """

    async def leave(self) -> None:
        """Hang up. Twice is harmless."""


class Hooks(NamedTuple):
    """The functions that a subscription calls when its connection comes and goes.

    :ivar connected: called after each connection.
    :ivar disconnected: called with the reason, and the seconds until the next attempt.
    """

    connected: Callable[[], object] = lambda: None
    disconnected: Callable[[str, float], object] = lambda reason, delay: None


class SubscriptionPlan:
    """The plan of a subscription, for both ways.

    :param connect: makes a connection; raises a ``ControlError`` if it cannot.
    :param timeout: seconds that netd may take to answer the subscription.
    """

    def __init__(
        self, way: Way, stream: Stream, connect: Callable[[], Awaitable[MessagePort]], timeout: float, hooks: Hooks
    ) -> None:
        self._way = way
        self._stream = stream
        self._open = connect
        self._timeout = timeout
        self._hooks = hooks
        self._comeback = Comeback(way, Backoff(way.chance, 2.0, 0.5), hooks.disconnected)
        self._items: deque[Item] = deque()
        self._port: MessagePort | None = None
        self._was_connected = False

    async def take(self, end: float | None) -> Item | None:
        """Return the next item; None if none has come before *end*, or if the way is closed. Connecting may take longer.

        :raises RemoteError: if netd refuses the subscription, at any time.
        :raises ControlError: if the first connection cannot be made.
        """
        while not self._items and not self._way.is_closed:
            try:
                if self._port is None:
                    if not await self._comeback.until_next(end):
                        break
                    await self._connect()
                elif not await self._read(self._port, end):
                    break
            except ControlError as error:
                await self._hang_up()
                self._check(error)
                self._comeback.lost(error)
        return self._items.popleft() if self._items and not self._way.is_closed else None

    async def _read(self, port: MessagePort, end: float | None) -> bool:
        """Take in the next message; False when none came before *end*."""
        text = await port.read(end)
        if text is not None:
            self._items += self._stream.receive(text)
        return text is not None

    async def _connect(self) -> None:
        request = self._stream.open()
        self._port = await self._open()
        try:
            await self._port.write(request)
            end = self._way.now() + self._timeout
            while not self._stream.is_live:
                if not await self._read(self._port, end):
                    raise ControlTimeout(f"netd did not answer bus.subscribe within {self._timeout:g} s")
        finally:
            if not self._stream.is_live:  # or the next call would go on with a connection that nobody has subscribed
                await self._hang_up()
        self._was_connected = True
        self._comeback.connected()
        self._hooks.connected()

    def _check(self, error: ControlError) -> None:
        """Raise *error* where no further attempt would be better."""
        if not self._way.is_closed and (isinstance(error, RemoteError) or not self._was_connected):
            raise error

    async def _hang_up(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            await port.leave()


class Subscription:
    """Events of the bus, as they come: an iterator of ``Event``, ``Gap`` and ``Dropped``, until :meth:`close`.

    The first connection is made when the first item is asked for, and what goes wrong with it is raised. From then on a lost
    connection is made again for ever, with backoff; netd then sends what was missed, and a ``Gap`` tells what is gone for good.
    Nothing is read ahead: who takes long over an item is told by a ``Dropped`` what that cost. Used by one thread, closed by any.

    :param way: closed with the subscription.
    :param connect: see :class:`SubscriptionPlan`, as for *timeout*.
    """

    def __init__(
        self,
        way: SocketWay,
        stream: Stream,
        connect: Callable[[], Awaitable[MessagePort]],
        timeout: float,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._way = way
        self._plan = SubscriptionPlan(way, stream, connect, timeout, hooks)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._way.is_closed

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = carry_out(self._plan.take(None))
        if item is None:
            raise StopIteration
        return item

    def take(self, seconds: float) -> Item | None:
        """The next item; None when none came within *seconds*, or this subscription is closed. Connecting may take longer.

        :raises RemoteError: when netd refuses the subscription, at any time.
        :raises ControlError: when there never was a connection, and none can be made.
        """
        return carry_out(self._plan.take(self._way.now() + seconds))

    def close(self) -> None:
        """End it, from any thread; iterating ends. During an attempt to connect, it ends with that."""
        self._way.close()

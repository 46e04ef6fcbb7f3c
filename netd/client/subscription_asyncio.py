"""A subscription for asyncio: what :mod:`netd.client.subscription` is for programs that block."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from random import random
from types import TracebackType
from typing import NamedTuple, Protocol

from netd.client.control import ControlError, ControlTimeout, Lost, RemoteError
from netd.client.events import Item, Stream
from netd.client.feed import Backoff
from netd.client.subscription import Hooks

__all__ = ["AsyncMessagePort", "AsyncPacing", "AsyncSubscription"]


class AsyncMessagePort(Protocol):
    """A connection for whole messages; see :class:`netd.client.subscription.MessagePort`."""

    async def write(self, text: bytes) -> None: ...
    async def read(self) -> bytes: ...
    async def close(self) -> None: ...


async def _pause(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class AsyncPacing(NamedTuple):
    """Time and chance.

    :ivar clock: seconds that only grow.
    :ivar chance: a number from 0 up to 1.
    :ivar pause: waits for the event, at most so many seconds.
    """

    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random
    pause: Callable[[asyncio.Event, float], Awaitable[None]] = _pause


class AsyncSubscription:
    """Events of the bus, as they come: ``Event``, ``Gap`` and ``Dropped``, until :meth:`close`.

    It connects, and goes on after a lost connection, as :class:`netd.client.subscription.Subscription` does. Used by one task;
    to wait for an item no longer than so many seconds, wrap ``anext(subscription)`` into ``asyncio.wait_for``: nothing is lost.
    """

    def __init__(
        self,
        stream: Stream,
        connect: Callable[[], Awaitable[AsyncMessagePort]],
        timeout: float,
        hooks: Hooks,
        pacing: AsyncPacing,
    ) -> None:
        self._stream = stream
        self._open = connect
        self._timeout = timeout
        self._hooks = hooks
        self._pacing = pacing
        self._backoff = Backoff(pacing.chance)
        self._items: deque[Item] = deque()
        self._port: AsyncMessagePort | None = None
        self._was_connected = False
        self._connected_at = 0.0
        self._retry_at = 0.0
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed.is_set()

    async def __aenter__(self) -> AsyncSubscription:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        """The next item.

        :raises RemoteError: when netd refuses the subscription, at any time.
        :raises ControlError: when there never was a connection, and none can be made.
        """
        while not self._items and not self.is_closed:
            try:
                port = self._port or await self._connect()
                if not self._items:
                    self._receive(await port.read())
            except ControlError as error:
                await self._failed(error)
        if self.is_closed:
            raise StopAsyncIteration
        return self._items.popleft()

    async def close(self) -> None:
        """End it, from any task of the same loop; iterating ends, at the latest with the present attempt to connect."""
        self._closed.set()
        await self._hang_up()

    async def _connect(self) -> AsyncMessagePort:
        delay = self._retry_at - self._pacing.clock()
        if self._was_connected and delay > 0:
            await self._pacing.pause(self._closed, delay)
        if self.is_closed:
            raise Lost("this subscription was closed")
        request = self._stream.open()
        self._port = port = await self._open()
        try:
            await self._subscribe(port, request)
        except asyncio.CancelledError:
            await self._hang_up()  # or the next call would go on with a connection that nobody has subscribed
            raise
        self._was_connected = True
        self._connected_at = self._pacing.clock()
        self._hooks.connected()
        return port

    async def _subscribe(self, port: AsyncMessagePort, request: bytes) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await port.write(request)
                while not self._stream.is_live:
                    self._receive(await port.read())
        except TimeoutError:
            raise ControlTimeout(f"netd did not answer bus.subscribe within {self._timeout:g} s") from None

    def _receive(self, text: bytes) -> None:
        item = self._stream.receive(text)
        if item is not None:
            self._items.append(item)

    async def _failed(self, error: ControlError) -> None:
        """Go on after *error*, or raise it."""
        await self._hang_up()
        if self.is_closed:
            return
        if isinstance(error, RemoteError) or not self._was_connected:
            raise error
        now = self._pacing.clock()
        delay = self._backoff.delay(now - self._connected_at if self._stream.is_live else 0.0)
        self._stream.is_live = False
        self._retry_at = now + delay
        self._hooks.disconnected(str(error), delay)

    async def _hang_up(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            await port.close()

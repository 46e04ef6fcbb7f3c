"""A subscription for asyncio: what :mod:`netd.client.subscription` is for programs that block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType

from netd.client.events import Item, Stream
from netd.client.subscription import Hooks, MessagePort, SubscriptionPlan
from netd.client.way_asyncio import AsyncWay

__all__ = ["AsyncSubscription"]


class AsyncSubscription:
    """Events of the bus, as they come: ``Event``, ``Gap`` and ``Dropped``, until :meth:`close`.

    It connects, and goes on after a lost connection, as :class:`netd.client.subscription.Subscription` does. Used by one task;
    to wait for an item no longer than so many seconds, wrap ``anext(subscription)`` into ``asyncio.wait_for``: nothing is lost.
    """

    def __init__(
        self, way: AsyncWay, stream: Stream, connect: Callable[[], Awaitable[MessagePort]], timeout: float, hooks: Hooks
    ) -> None:
        self._way = way
        self._plan = SubscriptionPlan(way, stream, connect, timeout, hooks)

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._way.is_closed

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
        item = await self._plan.take(None)
        if item is None:
            raise StopAsyncIteration
        return item

    async def close(self) -> None:
        """End it, from any task of the same loop; iterating ends, at the latest with the present attempt to connect."""
        await self._way.aclose()

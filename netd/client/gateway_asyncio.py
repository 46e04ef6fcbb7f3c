"""The gateway's client for asyncio: the shape of :mod:`netd.client.gateway`, with ``await`` and ``async for``.

async with AsyncGateway("http://lab:8080", token_file="lab.token") as gateway:
    print(await gateway.call("relay.send", target="greenhouse", text="water"))
    async for item in gateway.subscribe("session.>", every=0.5):
        print(item)
"""

from __future__ import annotations

import asyncio
from typing import Any

from netd.client.events import DROP_OLDEST, Stream, Wish
from netd.client.gateway_plan import GatewayProgram
from netd.client.subscription import Hooks
from netd.client.subscription_asyncio import AsyncSubscription
from netd.client.way_asyncio import AsyncProgram, AsyncSurroundings, AsyncWay

__all__ = ["AsyncGateway", "AsyncSubscription", "AsyncSurroundings"]


class AsyncGateway(GatewayProgram[AsyncWay], AsyncProgram):
    """A gateway of netd; arguments and errors are those of :class:`netd.client.gateway.Gateway`.

    It may be used in one event loop after the other, and not in two at a time.
    """

    _subscriptions: tuple[AsyncSubscription, ...] = ()
    _loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """Hang up for good: subscriptions end, calls raise ``Lost``."""
        await asyncio.gather(self._way.aclose(), *(subscription.close() for subscription in self._subscriptions))

    aclose = close

    async def call(self, method: str, /, **params: Any) -> Any:
        """The result of one operation: plain JSON values; raises as :meth:`netd.client.gateway.Gateway.call` does."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the connections of the loop before have ended with it
            self._loop = loop
            self._plan.forget()
        return await self._plan.call(method, params, self.timeout)

    def subscribe(
        self,
        pattern: str,
        *,
        every: float | None = None,
        replay: int = 0,
        policy: str = DROP_OLDEST,
        fold: bool = False,
        together: bool = False,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> AsyncSubscription:
        """The events of all subjects that match *pattern*, as :meth:`netd.client.gateway.Gateway.subscribe` has them."""
        way, stream = AsyncWay(self._surroundings), Stream(Wish(pattern, every, replay, policy, fold, together))
        subscription = AsyncSubscription(way, stream, lambda: self._plan.open_websocket(way, self.timeout), self.timeout, hooks)
        self._subscriptions = (*(one for one in self._subscriptions if not one.is_closed), subscription)
        return subscription

"""The room's client side for asyncio: :class:`AsyncBot`, whose character may be a coroutine function."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from netd.client.room_plan import Exchange, RoomProgram
from netd.client.way_asyncio import Asynchronous, AsyncSurroundings, AsyncWay

__all__ = ["AsyncBot", "AsyncSurroundings"]


class AsyncBot(RoomProgram[AsyncWay], Asynchronous):
    """A bot for one room; arguments and errors are those of :class:`netd.client.room.Bot`. Cancel the task to leave.

    Leaving takes until the room has read what was said last, a second at most.

    :param character: may be a coroutine function, too.
    """

    async def run(self, on_exchange: Callable[[Exchange], object] | None = None) -> int:
        """Take a place, reply to everything, and return how many replies were given when the room is over."""
        replies = 0
        async for exchange in self.exchanges():
            replies += 1
            if on_exchange is not None:
                on_exchange(exchange)
        return replies

    async def exchanges(self) -> AsyncIterator[Exchange]:
        """Yield each message with the bot's reply to it, until the room is over."""
        try:
            while True:
                exchange = await self._part.next()
                if exchange is None:
                    return
                yield exchange
        finally:
            await self._part.leave()
            await self._way.parted()

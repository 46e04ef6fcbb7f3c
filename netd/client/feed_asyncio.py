"""The feed's client side for asyncio: :class:`AsyncFeed`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from netd.client.feed_messages import Block, Sample
from netd.client.feed_plan import FeedProgram
from netd.client.way_asyncio import Asynchronous, AsyncSurroundings, AsyncWay

__all__ = ["AsyncFeed", "AsyncSurroundings"]


class AsyncFeed(FeedProgram[AsyncWay], Asynchronous):
    """A client of the feed; connects again for ever, with backoff, until :meth:`close`.

    Iterating gives each :class:`netd.client.feed.Sample`; :meth:`blocks` gives blocks of them, and reports each to the server.
    The arguments are those of :class:`netd.client.feed.Feed`. Whoever takes more than some seconds over one sample must expect
    the server to take this client for dead; then it connects again.
    """

    def __aiter__(self) -> AsyncIterator[Sample]:
        """Each sample as it comes, over all connections, until :meth:`close`. Iterating anew goes on with the connection.

        :raises Refused: when the server does not have what is wanted.
        """
        return self

    async def __anext__(self) -> Sample:
        if not await self._client.fill():
            raise StopAsyncIteration
        return self._client.pending.popleft()

    async def blocks(self, size: int | None = None, collected: Callable[[int], object] | None = None) -> AsyncIterator[Block]:
        """Blocks of *size* samples, each reported to the server before it is given; see :meth:`netd.client.feed.Feed.blocks`."""
        collector = self._client.collector(size, collected)
        async for sample in self:
            block = await self._client.collect(collector, sample)
            if block is not None:
                yield block

    async def report(self, block: int, seconds: float) -> bool:
        """Tell the server that a block was received; see :meth:`netd.client.feed.Feed.report`."""
        return await self._client.report(block, seconds)

    async def remark(self, text: str) -> bool:
        """Tell the server something else, for its log. Returns as :meth:`report` does."""
        return await self._client.remark(text)

"""The feed's client side for asyncio: :class:`AsyncFeed`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from netd.client.feed import FeedClient
from netd.client.feed_messages import AUTO, Block, Sample, Welcome, Wish
from netd.client.way_asyncio import AsyncSurroundings, AsyncWay

__all__ = ["AsyncFeed", "AsyncSurroundings"]


class AsyncFeed:
    """A client of the feed; connects again for ever, with backoff, until :meth:`close`.

    Iterating gives each :class:`netd.client.feed.Sample`; :meth:`blocks` gives blocks of them, and reports each to the server.
    The arguments are those of :class:`netd.client.feed.Feed`. Whoever takes more than some seconds over one sample must expect
    the server to take this client for dead; then it connects again.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        types: Sequence[str] = (),
        name: str | None = None,
        *,
        interval: float | None = None,
        locale: str | None = None,
        seed: int | None = None,
        block: int = 1,
        path: str = "/",
        dialect: str = AUTO,
        on_connect: Callable[[Welcome], object] | None = None,
        on_disconnect: Callable[[str, float], object] | None = None,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._way = AsyncWay(surroundings)
        wish = Wish(tuple(types), name, interval, locale, seed, block)
        self._client = FeedClient(self._way, (host, port), path, wish, dialect, on_connect, on_disconnect)
        self.report = self._client.report
        self.remark = self._client.remark

    async def __aenter__(self) -> AsyncFeed:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

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

    def close(self) -> None:
        """Begin to leave for good; iterating ends. During an attempt to connect, it ends within 10 s.

        A program that ends right after that had better await :meth:`aclose`.
        """
        self._way.close()

    async def aclose(self) -> None:
        """Leave for good, and wait until the server has read what was said last: a second at most."""
        await self._way.aclose()

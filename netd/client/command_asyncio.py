"""The client side of JSON commands for asyncio: :class:`AsyncCaller`, and :func:`async_call` for one command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.client.command import HOST, PORT, TIMEOUT, CommandCalls
from netd.client.way_asyncio import AsyncSurroundings, AsyncWay

__all__ = ["AsyncCaller", "AsyncSurroundings", "async_call"]


class AsyncCaller:
    """Runs commands over one connection, which is kept where the server keeps it. One command at a time; tasks take turns.

    Arguments and promises are those of :class:`netd.client.command.Caller`.
    """

    def __init__(
        self,
        host: str = HOST,
        port: int = PORT,
        timeout: float = TIMEOUT,
        *,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._way = AsyncWay(surroundings)
        self._calls = CommandCalls(self._way, host, port, timeout)

    async def __aenter__(self) -> AsyncCaller:
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up for good; a call that waits ends at once."""
        self._way.close()

    async def call(self, __command_id: str, __arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Run a command and return its result; raises what :meth:`netd.client.command.Caller.call` raises."""
        async with self._way.turn():
            return await self._calls.call(__command_id, __arguments, more)

    async def commands(self) -> list[dict[str, Any]]:
        """What the server's commands are called and take; see :meth:`netd.client.command.Caller.commands`."""
        async with self._way.turn():
            return await self._calls.commands()


async def async_call(
    __command_id: str,
    __arguments: Mapping[str, Any] | None = None,
    *,
    host: str = HOST,
    port: int = PORT,
    timeout: float = TIMEOUT,
    **more: Any,
) -> Any:
    """Run one command over a connection of its own; see :func:`netd.client.command.call`."""
    async with AsyncCaller(host, port, timeout) as caller:
        return await caller.call(__command_id, __arguments, **more)

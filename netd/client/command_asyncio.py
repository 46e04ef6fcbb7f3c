"""The client side of JSON commands for asyncio: :class:`AsyncCaller`, and :func:`async_call` for one command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from netd.client.command_plan import HOST, PORT, TIMEOUT, CommandProgram
from netd.client.way_asyncio import Asynchronous, AsyncSurroundings, AsyncWay

__all__ = ["AsyncCaller", "AsyncSurroundings", "async_call"]


class AsyncCaller(CommandProgram[AsyncWay], Asynchronous):
    """Runs commands over one connection, which is kept where the server keeps it. One command at a time; tasks take turns.

    Arguments and promises are those of :class:`netd.client.command.Caller`.
    """

    async def call(self, __command_id: str, __arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Run a command and return its result; raises what :meth:`netd.client.command.Caller.call` raises."""
        async with self._way.turn():
            return await self._calls.call(__command_id, __arguments, more)

    async def commands(self) -> list[dict[str, Any]]:
        """Return the names and arguments of the server's commands; see :meth:`netd.client.command.Caller.commands`."""
        async with self._way.turn():
            return await self._calls.commands()


async def async_call(
    __command_id: str,
    __arguments: Mapping[str, Any] | None = None,
    *,
    host: str = HOST,
    port: int = PORT,
    timeout: float = TIMEOUT,
    token: str | None = None,
    token_file: str | os.PathLike[str] | None = None,
    cafile: str | os.PathLike[str] | None = None,
    **more: Any,
) -> Any:
    """Run one command over a connection of its own; see :func:`netd.client.command.call`."""
    async with AsyncCaller(host, port, timeout, token=token, token_file=token_file, cafile=cafile) as caller:
        return await caller.call(__command_id, __arguments, **more)

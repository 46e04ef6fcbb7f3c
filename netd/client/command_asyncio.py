"""The client side of JSON commands for asyncio: :func:`call` and :class:`AsyncCaller`.

The same promises as :mod:`netd.client.command`, whose pure parts it uses.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from netd.client.command import (
    HOST,
    LIST,
    PORT,
    TIMEOUT,
    AnswerDecoder,
    ConnectionLost,
    NotConnected,
    NotInTime,
    command_line,
    command_members,
    is_for,
    result_of,
)
from netd.client.streams_asyncio import is_idle

__all__ = ["AsyncCaller", "AsyncSurroundings", "call", "open_streams"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_streams(host: str, port: int) -> Streams:
    """Connected TCP streams that send at once.

    :raises OSError: when there is no connection.
    """
    reader, writer = await asyncio.open_connection(host, port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return reader, writer


class AsyncSurroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens streams to host and port.
    """

    connect: Callable[[str, int], Awaitable[Streams]] = open_streams


class AsyncCaller:
    """Runs commands over one connection, which is kept where the server keeps it. One command at a time; tasks take turns.

    The connection is made by the first call, and again by the next call after it was lost. A command is never sent twice.

    :param timeout: seconds to connect in, and seconds to be answered in.
    """

    def __init__(
        self,
        host: str = HOST,
        port: int = PORT,
        timeout: float = TIMEOUT,
        *,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._place = (host, port)
        self._timeout = timeout
        self._surroundings = surroundings
        self._turn = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._streams: Streams | None = None
        self._is_closed = False

    async def __aenter__(self) -> AsyncCaller:
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up for good; a call that waits ends at once."""
        self._is_closed = True
        self._hang_up()

    async def call(self, command_id: str, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Any:
        """Run a command and return its result; raises what :meth:`netd.client.command.Caller.call` raises."""
        number = next(self._numbers)
        line = command_line({**command_members(command_id, arguments, more), "id": number})
        async with self._turn:
            reader, writer = await self._ready()
            is_kept = False
            try:
                async with asyncio.timeout(self._timeout):
                    answer, is_alone = await self._exchange(reader, writer, line, number)
                is_kept = is_alone and "id" in answer  # an old server has none, and closes now
            except TimeoutError:
                raise NotInTime("the server did not answer in time") from None
            except OSError as error:
                raise ConnectionLost(f"the connection to the server broke: {error}") from error
            finally:
                if not is_kept:  # of what went wrong the answer may still come: to the next command, it would seem
                    self._hang_up()
        return result_of(answer)

    async def commands(self) -> list[dict[str, Any]]:
        """What the server's commands are called and take; see :meth:`netd.client.command.Caller.commands`."""
        listed = await self.call(LIST)
        return list(listed) if isinstance(listed, list) else []

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes, number: int
    ) -> tuple[dict[str, Any], bool]:
        """The answer, and whether nothing has come behind it."""
        answers = AnswerDecoder()
        writer.write(line)
        await writer.drain()
        while True:
            received = await reader.read(65536)
            if not received:
                raise ConnectionLost("the server closed the connection without an answer")
            answers.feed(received)
            answer = answers.next_answer()
            while answer is not None and not is_for(number, answer):
                answer = answers.next_answer()
            if answer is not None:
                return answer, answers.is_empty

    async def _ready(self) -> Streams:
        if self._streams is not None and (self._streams[1].is_closing() or not await is_idle(self._streams[0])):
            self._hang_up()
        self._refuse_closed()
        if self._streams is None:
            host, port = self._place
            try:
                async with asyncio.timeout(self._timeout):
                    self._streams = await self._surroundings.connect(host, port)
            except (OSError, UnicodeError, TimeoutError) as error:
                reason = str(error) or "it did not answer in time"
                raise NotConnected(f"cannot reach the command server at {host}:{port}: {reason}") from error
            self._refuse_closed()  # close() came meanwhile
        return self._streams

    def _refuse_closed(self) -> None:
        if self._is_closed:
            self._hang_up()
            raise NotConnected("this client was closed")

    def _hang_up(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()


async def call(
    command_id: str,
    arguments: Mapping[str, Any] | None = None,
    /,
    *,
    host: str = HOST,
    port: int = PORT,
    timeout: float = TIMEOUT,
    **more: Any,
) -> Any:
    """Run one command over a connection of its own; see :func:`netd.client.command.call`."""
    async with AsyncCaller(host, port, timeout) as caller:
        return await caller.call(command_id, arguments, **more)

"""The room's client side for asyncio: :class:`AsyncBot`, whose character may be a coroutine function.

What is said and understood is :mod:`netd.client.room`'s; here is only what waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

from netd.client.farewell_asyncio import hang_up
from netd.client.room import (
    CONNECT_TIMEOUT,
    GAP,
    GREATEST_MESSAGE,
    NETD,
    OLD,
    Character,
    Ear,
    Exchange,
    Heard,
    NotConnected,
    check_arguments,
    check_refusal,
    find_character,
    is_question,
    name_bytes,
    reply_bytes,
)

__all__ = ["AsyncBot", "AsyncCharacter"]

AsyncCharacter = Callable[[str, Heard], Awaitable[str]]
"""What a bot replies, given its name and what it heard."""

Connect = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class AsyncBot:
    """A bot for one room; arguments and errors are those of :class:`netd.client.room.Bot`. Cancel the task to leave.

    Leaving takes until the room has read what was said last, a second at most.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        character: str | Character | AsyncCharacter = "happy",
        *,
        dialect: str = OLD,
        connect: Connect = asyncio.open_connection,
        on_welcome: Callable[[str], object] = lambda welcome: None,
    ) -> None:
        self.welcome = ""
        self._name = check_arguments(port, name, dialect)
        self._place = (host, port)
        self._character: Character | AsyncCharacter = find_character(character) if isinstance(character, str) else character
        self._dialect = dialect
        self._connect = connect
        self._on_welcome = on_welcome
        self._received = b""

    async def run(self, on_exchange: Callable[[Exchange], object] | None = None) -> int:
        """Take a place, reply to everything, and return how many replies were given when the room is over."""
        replies = 0
        async for exchange in self.exchanges():
            replies += 1
            if on_exchange is not None:
                on_exchange(exchange)
        return replies

    async def exchanges(self) -> AsyncIterator[Exchange]:
        """What was heard and replied, as it happens, until the room is over."""
        reader, writer = await self._open()
        ear = Ear()
        try:
            writer.write(name_bytes(self._name, self._dialect))
            welcome = await self._read(reader)
            if welcome is not None and is_question(welcome):
                welcome = await self._read(reader)
            if welcome is None:
                raise NotConnected("the room closed the connection without a word")
            self.welcome = welcome.strip()
            self._on_welcome(self.welcome)
            while (message := await self._read(reader)) is not None:
                heard = ear.hear(message)
                reply = self._character(self._name, heard)
                spoken = await reply if inspect.isawaitable(reply) else reply
                writer.write(reply_bytes(spoken, self._dialect))
                await writer.drain()
                yield Exchange(heard, spoken)
            check_refusal(self.welcome, ear)
        except OSError as error:
            if not self.welcome:
                raise NotConnected(f"the room broke the connection off: {error}") from error
        finally:
            await hang_up(reader, writer).wait()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._place
        try:
            return await asyncio.wait_for(self._connect(host, port), CONNECT_TIMEOUT)
        except (TimeoutError, OSError, UnicodeError) as error:
            raise NotConnected(f"cannot reach the room at {host}:{port}: {str(error) or 'no answer in time'}") from error

    async def _read(self, reader: asyncio.StreamReader) -> str | None:
        message = await (self._read_line(reader) if self._dialect == NETD else self._read_until_silence(reader))
        return message.decode("utf-8", "replace") if message else None

    async def _read_line(self, reader: asyncio.StreamReader) -> bytes:
        while b"\n" not in self._received and len(self._received) < GREATEST_MESSAGE:
            received = await reader.read(65536)
            if not received:
                rest, self._received = self._received, b""
                return rest
            self._received += received
        line, newline, self._received = self._received.partition(b"\n")
        return line + newline

    @staticmethod
    async def _read_until_silence(reader: asyncio.StreamReader) -> bytes:
        message = await reader.read(65536)
        with contextlib.suppress(asyncio.TimeoutError):
            while message and len(message) < GREATEST_MESSAGE:
                received = await asyncio.wait_for(reader.read(65536), GAP)
                if not received:
                    break
                message += received
        return message

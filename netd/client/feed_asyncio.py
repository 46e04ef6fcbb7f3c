"""The feed's client side for asyncio: :class:`AsyncFeed`.

The same values, blocks, dialects and promises as :mod:`netd.client.feed`, whose pure parts it uses; here is only what waits.
Time is the event loop's, so that a test can hand in a loop with a clock of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, cast

from netd.client import feed
from netd.client.farewell_asyncio import Farewell, hang_up
from netd.client.feed import (
    AUTO,
    CLOSE,
    OLD,
    PING,
    SUBPROTOCOL,
    TEXT,
    Block,
    Collector,
    ConnectionLost,
    Conversation,
    FeedError,
    NotConnected,
    Refused,
    Sample,
    Welcome,
    Wish,
)

__all__ = ["AsyncFeed", "AsyncSurroundings", "open_streams"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_streams(host: str, port: int) -> Streams:
    """Connected, tuned TCP streams.

    :raises OSError: when there is no connection within 10 s.
    """
    async with asyncio.timeout(feed.CONNECT_TIMEOUT):
        reader, writer = await asyncio.open_connection(host, port)
    feed.tune(cast(socket.socket, writer.get_extra_info("socket")))
    return reader, writer


class AsyncSurroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens streams to host and port.
    :ivar wall_clock: seconds since the epoch.
    :ivar chance: a number from 0 up to 1.
    :ivar random_bytes: so many unpredictable bytes.
    """

    connect: Callable[[str, int], Awaitable[Streams]] = open_streams
    wall_clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    random_bytes: Callable[[int], bytes] = os.urandom


def _now() -> float:
    return asyncio.get_running_loop().time()


class AsyncWire:
    """Whole messages in and out of one WebSocket. One task reads; any task writes and closes.

    Whoever is cancelled while reading has lost nothing: what has come waits for the next call.
    """

    def __init__(self, streams: Streams, random_bytes: Callable[[int], bytes]) -> None:
        self._reader, self._writer = streams
        self._random_bytes = random_bytes
        self._frames = feed.FrameDecoder()
        self._farewell: Farewell | None = None

    async def open(self, place: str, path: str, subprotocol: str | None) -> str | None:
        """Do the handshake.

        :returns: the subprotocol that was agreed on.
        :raises FeedError: when the other side is no WebSocket, or wants none.
        """
        key = feed.make_key(self._random_bytes)
        self._writer.write(feed.request_head(place, path, key, subprotocol))
        received, outcome = b"", None
        try:
            async with asyncio.timeout(feed.CONNECT_TIMEOUT):
                while outcome is None:
                    received += await self._receive()
                    outcome = feed.end_of_handshake(received, key)
        except TimeoutError:
            raise ConnectionLost("the server did not answer the handshake in time") from None
        agreed, rest = outcome
        self._frames.feed(rest)
        return agreed

    async def write(self, text: bytes) -> None:
        """Send a text message; waits while much is still unsent.

        :raises ConnectionLost: when that cannot be done within 10 s.
        """
        if self._writer.is_closing():
            raise ConnectionLost("the connection to the feed is closed")
        try:
            self._send_frame(TEXT, text)
            async with asyncio.timeout(feed.CONNECT_TIMEOUT):
                await self._writer.drain()
        except OSError as error:  # what takes too long is one, too
            raise ConnectionLost(f"the connection to the feed broke: {str(error) or 'nothing is taken'}") from error

    async def read(self, patience: float = feed.SILENCE) -> bytes:
        """The next message. Pings are answered meanwhile.

        :param patience: seconds of silence after which the server is pinged; after as many again this gives up.
        :raises ConnectionLost: when the connection ended first.
        """
        has_pinged = False
        while True:
            message = self._frames.next_message()
            if message is not None:
                opcode, payload = message
                reply = feed.reply_to(opcode, payload)
                if reply is not None:
                    self._send_frame(*reply)
                if opcode == CLOSE:
                    raise ConnectionLost(feed.read_close(payload))
                if opcode in (TEXT, feed.BINARY):
                    return payload
                continue
            try:
                async with asyncio.timeout(patience):
                    received = await self._receive()
            except TimeoutError:
                if has_pinged:
                    raise ConnectionLost("the server has gone silent") from None
                has_pinged = True
                self._send_frame(PING, b"")
            else:
                has_pinged = False
                self._frames.feed(received)

    def close(self) -> Farewell:
        """Say goodbye and begin to hang up; whoever reads is woken. Twice is harmless.

        :returns: what can be waited for: within a second the server has read what was said, or never will.
        """
        if self._farewell is None:
            self._farewell = hang_up(self._reader, self._writer, self._frame(CLOSE, struct.pack("!H", 1000)))
        return self._farewell

    def _frame(self, opcode: int, payload: bytes) -> bytes:
        return feed.encode_frame(opcode, payload, self._random_bytes(4))

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        if self._farewell is not None:
            raise ConnectionLost("this client has hung up")
        self._writer.write(self._frame(opcode, payload))

    async def _receive(self) -> bytes:
        """What has come, as soon as anything has."""
        try:
            received = await self._reader.read(65536)
        except OSError as error:
            raise ConnectionLost(f"the connection to the feed broke: {error}") from error
        if not received:
            raise ConnectionLost("the server closed the connection")
        return received


class AsyncFeed:
    """A client of the feed; connects again for ever, with backoff, until :meth:`close`.

    Iterating gives each :class:`netd.client.feed.Sample`; :meth:`blocks` gives blocks of them, and reports each to the server.
    The arguments are those of :class:`netd.client.feed.Feed`. Whoever takes more than some seconds over one sample must expect
    the server to take this client for dead; then it connects again.
    """

    _log = logging.getLogger("netd.client.feed")

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
        self._wish = Wish(tuple(types), name, interval, locale, seed, block)
        feed.check_arguments(port, path, dialect, self._wish)
        self._place = (host, port)
        self._path = path
        self._dialect = dialect
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._surroundings = surroundings
        self._backoff = feed.Backoff(surroundings.chance)
        self._closed = asyncio.Event()
        self._wire: AsyncWire | None = None
        self._farewells: set[Farewell] = set()
        self._conversation: Conversation | None = None
        self._pending: list[Sample] = []
        self._connected_at: float | None = None

    async def __aenter__(self) -> AsyncFeed:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[Sample]:
        """Each sample as it comes, over all connections, until :meth:`close`. Iterating anew goes on with the connection.

        :raises Refused: when the server does not have what is wanted.
        """
        while not self._closed.is_set():
            try:
                if self._wire is None:
                    await self._connect()
                while not self._closed.is_set():
                    if not self._pending:
                        self._pending = await self._read()
                        continue
                    yield self._pending.pop(0)
            except Refused:
                self._hang_up()
                raise
            except FeedError as error:
                await self._disconnected(str(error))

    async def blocks(self, size: int | None = None, collected: Callable[[int], object] | None = None) -> AsyncIterator[Block]:
        """Blocks of *size* samples, each reported to the server before it is given.

        :param size: None for as many as the server was asked to send together.
        :param collected: called with the number of samples that the block has so far, after each of them.
        :raises ValueError: when *size* is below 1.
        :raises Refused: when the server does not have what is wanted.
        """
        collector = Collector(self._wish.block if size is None else size, _now, collected)
        async for sample in self:
            block = collector.add(sample, self._connected_at or 0.0)
            if block is not None:
                await self.report(block.number, block.seconds)
                yield block

    async def report(self, block: int, seconds: float) -> bool:
        """Tell the server that a block was received.

        :returns: False when there is no connection: reports are not kept.
        """
        return await self._try_to_write(lambda conversation: conversation.report(block, seconds))

    async def remark(self, text: str) -> bool:
        """Tell the server something else, for its log. Returns as :meth:`report` does."""
        return await self._try_to_write(lambda conversation: conversation.remark(text))

    def close(self) -> None:
        """Begin to leave for good; iterating ends. During an attempt to connect, it ends within 10 s.

        A program that ends right after that had better await :meth:`aclose`.
        """
        self._closed.set()
        self._hang_up()

    async def aclose(self) -> None:
        """Leave for good, and wait until the server has read what was said last: a second at most."""
        self.close()
        for farewell in tuple(self._farewells):
            await farewell.wait()

    async def _try_to_write(self, text_in: Callable[[Conversation], bytes]) -> bool:
        wire, conversation = self._wire, self._conversation
        if wire is None or conversation is None:
            return False
        try:
            await wire.write(text_in(conversation))
        except ConnectionLost:
            return False
        return True

    async def _connect(self) -> None:
        wire = self._wire = await self._dial()
        conversation = None
        try:
            conversation = await self._greet(wire)
        finally:
            if conversation is None:  # refused, silent, or this task was cancelled
                self._hang_up()
        self._conversation, self._pending = conversation, []
        self._connected_at = _now()
        self._log.info("connected, dialect %s", conversation.dialect)
        if self._on_connect is not None:
            self._on_connect(Welcome(conversation.dialect))

    async def _dial(self) -> AsyncWire:
        host, port = self._place
        try:
            wire = AsyncWire(await self._surroundings.connect(host, port), self._surroundings.random_bytes)
        except (OSError, UnicodeError) as error:
            reason = str(error) or "it did not answer in time"
            raise NotConnected(f"cannot reach the feed at {host}:{port}: {reason}") from error
        if self._closed.is_set():  # meanwhile
            self._part(wire)
            raise NotConnected("this client was closed")
        return wire

    async def _greet(self, wire: AsyncWire) -> Conversation:
        agreed = await wire.open(feed.place_text(*self._place), self._path, None if self._dialect == OLD else SUBPROTOCOL)
        conversation = Conversation(self._wish, self._dialect, agreed)
        greeting = conversation.greeting()
        if greeting is not None:
            await wire.write(greeting)
        while not conversation.has_begun:
            conversation.read(await wire.read(feed.CONNECT_TIMEOUT), 0.0)
        return conversation

    async def _read(self) -> list[Sample]:
        wire, conversation = self._wire, self._conversation
        if wire is None or conversation is None:
            raise NotConnected("this client was closed")
        return conversation.read(await wire.read(), self._surroundings.wall_clock())

    def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        self._conversation = None
        if wire is not None:
            self._part(wire)

    def _part(self, wire: AsyncWire) -> None:
        farewell = wire.close()
        self._farewells.add(farewell)
        farewell.call_at_end(lambda: self._farewells.discard(farewell))

    async def _disconnected(self, reason: str) -> None:
        lasted = 0.0 if self._connected_at is None else _now() - self._connected_at
        self._connected_at = None
        self._hang_up()
        if self._closed.is_set():
            return
        delay = self._backoff.delay(lasted)
        self._log.warning("%s; next attempt in %.1f s", reason, delay)
        if self._on_disconnect is not None:
            self._on_disconnect(reason, delay)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._closed.wait()

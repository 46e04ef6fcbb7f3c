"""The way over asyncio's streams: each await of a plan suspends its task. Time is the event loop's."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from netd.client.way import Connection, Program, Server, Way, tune

__all__ = [
    "AsyncProgram",
    "AsyncSurroundings",
    "AsyncWay",
    "Asynchronous",
    "Farewell",
    "StreamConnection",
    "open_streams",
    "within",
]

AsyncSelf = TypeVar("AsyncSelf", bound="AsyncProgram")

if TYPE_CHECKING:
    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Deadline:
    """``asyncio.timeout``, which Python has since 3.11, for those before: cancels what its block awaits after so many seconds."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._has_come = False

    async def __aenter__(self) -> Deadline:
        if self._seconds is not None:
            task = asyncio.current_task()
            assert task is not None
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._come, task)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._has_come and kind is asyncio.CancelledError:
            raise asyncio.TimeoutError  # noqa: UP041 - not the same before

    def _come(self, task: asyncio.Task[Any]) -> None:
        self._has_come = True
        task.cancel()


within = getattr(asyncio, "timeout", Deadline)


async def open_streams(host: str, port: int, **options: Any) -> Streams:
    """Connected, tuned TCP streams.

    :raises OSError: when there is no connection.
    """
    reader, writer = await asyncio.open_connection(host, port, **options)
    tune(cast(socket.socket, writer.get_extra_info("socket")))
    return reader, writer


class AsyncSurroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens streams to host and port, with the options of ``asyncio.open_connection``.
    :ivar wall_clock: seconds since the epoch.
    :ivar chance: a number from 0 up to 1.
    :ivar random_bytes: so many unpredictable bytes.
    """

    connect: Callable[..., Awaitable[Streams]] = open_streams
    wall_clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    random_bytes: Callable[[int], bytes] = os.urandom


class Farewell(asyncio.Protocol):
    """Takes a connection over from its streams until its end, which needs no task: the event loop sees to it.

    Whoever reads the streams reads their end. Nothing may be written from then on.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: asyncio.Future[None]) -> None:
        self._reader = reader
        self._writer = writer  # it would close the connection at once when nobody held it any more
        self._transport = cast(asyncio.Transport, writer.transport)
        self._streams = cast("asyncio.Protocol | None", self._transport.get_protocol())
        self._timer: asyncio.TimerHandle | None = None
        self._ended = ended

    def begin(self, last_word: bytes, patience: float) -> None:
        """Say *last_word* and that nothing follows; discard what comes until the other side hangs up, or *patience* is over."""
        if self._streams is None:  # the connection has ended
            self._ended.set_result(None)
            return
        if last_word:
            self._writer.write(last_word)
        self._timer = asyncio.get_running_loop().call_later(patience, self._transport.abort)
        self._transport.set_protocol(self)
        self._reader.feed_eof()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        elif not last_word:  # through TLS, nothing can be read behind the end; a last word makes the other side hang up
            self._transport.close()
        self._transport.pause_reading()
        self._transport.resume_reading()  # also tells anew of an end that the streams were told of

    async def wait(self) -> None:
        """Return when the connection has ended. Whoever is cancelled meanwhile ends it at once."""
        try:
            await asyncio.shield(self._ended)
        except asyncio.CancelledError:
            self._transport.abort()
            raise

    def pause_writing(self) -> None:
        """Much is unsent."""
        cast(asyncio.Protocol, self._streams).pause_writing()

    def resume_writing(self) -> None:
        """Much of it has been sent."""
        cast(asyncio.Protocol, self._streams).resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended; so it has for who waits to write."""
        if self._timer is not None:
            self._timer.cancel()
        cast(asyncio.Protocol, self._streams).connection_lost(error)
        if not self._ended.done():
            self._ended.set_result(None)


class StreamConnection(Connection):
    """A connection by streams. One task reads; any task sends and leaves.

    Whoever is cancelled while receiving has lost nothing: what has come waits for the next call.

    :ivar loop: the event loop that it belongs to.
    """

    def __init__(self, streams: Streams, server: Server) -> None:
        self.loop = asyncio.get_running_loop()
        super().__init__(server, self.loop.time)
        self._reader, self._writer = streams
        self._farewell: Farewell | None = None
        self._ended: asyncio.Future[None] = self.loop.create_future()
        self._ahead: asyncio.Task[bytes] | None = None

    async def send(self, content: bytes, end: float | None = None) -> None:
        if self._farewell is not None or self._writer.is_closing():
            raise self.server.left()
        try:
            self._writer.write(content)
            async with within(None if end is None else end - self._now()):
                await self._writer.drain()
        except asyncio.TimeoutError:  # noqa: UP041 - before Python 3.11 these are two
            raise self.given_up("does not take what is sent to it") from None
        except OSError as error:
            raise self.server.broke(error) from None

    async def receive(self, seconds: float | None = None) -> bytes | None:
        if self._farewell is not None:
            raise self.server.left()
        try:
            if self._ahead is not None:
                await asyncio.wait({self._ahead}, timeout=seconds)
                if not self._ahead.done():
                    return None
                ahead, self._ahead = self._ahead, None
                received = ahead.result()
            else:
                if seconds == 0:
                    for _ in range(2):  # in the first of them the event loop finds what has come, in the second the reader has it
                        await asyncio.sleep(0)
                async with within(seconds):
                    received = await self._reader.read(65536)
        except asyncio.TimeoutError:  # noqa: UP041 - before Python 3.11 these are two
            return None
        except OSError as error:
            raise self.server.broke(error) from None
        if self._farewell is not None:
            raise self.server.left()
        if not received:
            raise self.server.ended()
        return received

    def look_ahead(self) -> asyncio.Task[bytes]:
        """Return the task that reads the next bytes. The next :meth:`receive` returns them, too."""
        if self._ahead is None:
            self._ahead = asyncio.ensure_future(self._reader.read(65536))
        return self._ahead

    @property
    def has_ended(self) -> bool:
        """Whether both sides have hung up."""
        return self._ended.done()

    async def leave(self) -> None:
        self.begin_to_leave()  # the rest needs the event loop alone; who must wait for it does so by the way

    def begin_to_leave(self) -> None:
        """As :meth:`leave`; need not be awaited."""
        if self._farewell is None:
            self._farewell = Farewell(self._reader, self._writer, self._ended)
            self._farewell.begin(self.last_word, self.patience)

    async def end(self) -> None:
        """Return when the connection has ended, if this side has left it."""
        if self._farewell is not None:
            await self._farewell.wait()


class AsyncWay(Way):
    """Connections by asyncio's streams. It may be made where no event loop runs; each connection belongs to the loop of now."""

    def __init__(self, surroundings: AsyncSurroundings | None = None) -> None:
        surroundings = surroundings or AsyncSurroundings()
        super().__init__(surroundings.wall_clock, surroundings.chance, surroundings.random_bytes)
        self._surroundings = surroundings
        self._is_closed = False
        self._connections: list[StreamConnection] = []
        self._pauses: set[asyncio.Future[None]] = set()
        self._turn: asyncio.Lock | None = None

    def turn(self) -> asyncio.Lock:
        """Return a lock for tasks that take turns."""
        if self._turn is None:  # before Python 3.10, a lock belongs to the event loop in which it is made
            self._turn = asyncio.Lock()
        return self._turn

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def pause(self, seconds: float) -> None:
        if not self._is_closed:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._pauses.add(waiting)
            try:
                await asyncio.wait({waiting}, timeout=seconds)
            finally:
                self._pauses.discard(waiting)

    async def open(self, server: Server, host: str, port: int, seconds: float, tls: Any = None) -> Connection:
        try:
            async with within(seconds):
                streams = await self._surroundings.connect(host, port, **({} if tls is None else {"ssl": tls}))
        except asyncio.TimeoutError:  # noqa: UP041 - before Python 3.11 these are two
            raise TimeoutError("it did not answer in time") from None
        return self.keep(server, streams)

    def keep(self, server: Server, streams: Streams) -> StreamConnection:
        """The connection by streams that were opened elsewhere, which the way closes in the end."""
        connection = StreamConnection(streams, server)
        self._connections = [*(one for one in self._connections if not one.has_ended), connection]
        if self._is_closed:  # meanwhile
            connection.begin_to_leave()
        return connection

    def close(self) -> None:
        """Open no more, and begin to leave each connection; whoever waits is woken."""
        self._is_closed = True
        for waiting in self._pauses:
            if not waiting.done():
                waiting.set_result(None)
        for connection in self._here():
            connection.begin_to_leave()

    async def aclose(self) -> None:
        """As :meth:`close`; wait until the servers have read what was said last, a second at most."""
        self.close()
        await self.parted()

    async def parted(self) -> None:
        """Return when the connections that were left have ended: a second at most."""
        for connection in self._here():
            await connection.end()

    def _here(self) -> list[StreamConnection]:
        """The connections of this event loop, which has to run for this; those of others have ended with them."""
        if not self._connections:
            return []
        loop = asyncio.get_running_loop()
        return [one for one in self._connections if one.loop is loop and not one.has_ended]


class AsyncProgram(Program[AsyncWay]):
    """Base of all asyncio clients, which can be closed."""

    _make_way = AsyncWay

    async def __aenter__(self: AsyncSelf) -> AsyncSelf:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave for good, and wait until the server has read what was said last: a second at most."""
        await self._way.aclose()


class Asynchronous(AsyncProgram):
    """Base of most asyncio clients, which can also be closed without an await."""

    def close(self) -> None:
        """Begin to leave for good; whoever waits is woken. During an attempt to connect, that ends within 10 s.

        A program that ends right after that had better await :meth:`aclose`.
        """
        self._way.close()

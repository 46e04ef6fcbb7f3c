"""The agent's side of telemetry sessions for asyncio: :class:`AsyncAgent`.

The same channels, dialects and promises as :mod:`netd.client.session`, whose pure parts it uses; here a source may be a coroutine
function or an asynchronous iterable as well, and each has a task of its own: one that waits holds nobody up.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import socket
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, cast

from netd.client import session as blocking
from netd.client.farewell_asyncio import hang_up
from netd.client.session import AUTO, NETD, OLD, AgentError, Hooks, SessionLost, Value

__all__ = ["AsyncAgent", "AsyncSurroundings"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def listen(serve: Serve, host: str, port: int) -> asyncio.Server:
    """Listen for servers.

    :raises OSError: when the port is taken.
    """
    return await asyncio.start_server(serve, host or None, port)


async def connect(host: str, port: int, local: str) -> Streams:
    """Connected, tuned streams from the address *local*.

    :raises OSError: when there is no connection within 10 s.
    """
    async with asyncio.timeout(blocking.CONNECT_TIMEOUT):
        reader, writer = await asyncio.open_connection(host, port, local_addr=(local, 0))
    blocking.tune(cast(socket.socket, writer.get_extra_info("socket")))
    return reader, writer


class AsyncSurroundings(NamedTuple):
    """The outside world of an agent, so that tests can hand in another.

    :ivar listen: listens on host and port, serving each connection.
    :ivar connect: opens streams to host and port from a local address.
    """

    listen: Callable[[Serve, str, int], Awaitable[Any]] = listen
    connect: Callable[[str, int, str], Awaitable[Streams]] = connect


class AsyncAgent:
    """Listens for a server, connects back, and streams the channels, until :meth:`close`.

    The arguments are those of :class:`netd.client.session.Agent`; a source may be asynchronous, too. A server that dials while a
    session goes on waits for its end.
    """

    _log = logging.getLogger("netd.client.session")

    def __init__(
        self,
        channels: Mapping[str, Any],
        host: str = "127.0.0.1",
        port: int = blocking.AGENT_PORT,
        *,
        server_port: int = blocking.SERVER_PORT,
        every: float = 0.2,
        dialect: str = NETD,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - likewise
    ) -> None:
        self._channels = blocking.read_channels(channels, dialect)
        if not all(pause > 0 for pause in self._pauses(every).values()):
            raise ValueError("every: a number of seconds above 0")
        self._every = self._pauses(every)
        self._host = host
        self._server_port = server_port
        self._dialect = self._spoken = dialect
        self._hooks = hooks
        self._surroundings = surroundings
        self._closed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._unfinished = set(self._channels)
        self._pulled: dict[str, _Pulled] = {}
        self._data: asyncio.StreamWriter | None = None
        self._writable: asyncio.StreamWriter | None = None
        self._streaming = asyncio.Event()
        self._writing = asyncio.Lock()
        self._sessions: set[asyncio.Task[Any]] = set()
        self.port = port

    async def __aenter__(self) -> AsyncAgent:
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.close()

    async def run(self) -> None:
        """Serve one session after another, until :meth:`close`, or until every source is at its end.

        :raises OSError: when the port is taken.
        """
        pumps = []
        for name, channel in self._channels.items():
            source: Any = channel.source
            if isinstance(source, AsyncIterable):
                pumps.append(asyncio.create_task(self._pump(name, aiter(source))))
            elif source is not None:
                self._pulled[name] = _Pulled(source, self._every[name])
        server = await self._surroundings.listen(self._accepted, self._host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            await self._closed.wait()
        finally:
            server.close()
            sessions = [task for task in self._sessions if task is not asyncio.current_task()]
            for task in (*sessions, *pumps):
                task.cancel()
            await asyncio.gather(*sessions, *pumps, return_exceptions=True)

    async def say(self, name: str, value: Value) -> bool:
        """Say a value of a channel at once: see :meth:`netd.client.session.Agent.say`."""
        if name not in self._channels:
            raise ValueError(f"{name!r} is no channel of this agent")
        encoded = self._encode(name, value)
        data = self._data
        if data is None or encoded is None:
            return False
        try:
            await self._write(data, encoded)
        except (OSError, TimeoutError):
            return False
        return True

    def close(self) -> None:
        """End the session that goes on, and listen no more; :meth:`run` returns soon."""
        self._closed.set()

    def _encode(self, name: str, value: Value) -> bytes | None:
        return (blocking.old_sample if self._spoken == OLD else blocking.sample)(name, value)

    def _pauses(self, every: float) -> dict[str, float]:
        return {name: every if channel.every is None else channel.every for name, channel in self._channels.items()}

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            async with self._one_at_a_time:
                reason = await self._serve(reader, writer)
            self._log.info("the session has ended: %s", reason)
            self._hooks.stopped(reason)
        except asyncio.CancelledError:
            self._hooks.stopped(self._farewell())
        finally:
            self._sessions.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        host, local = writer.get_extra_info("peername")[0], writer.get_extra_info("sockname")[0]
        try:
            session = await self._read_id(reader)
            self._spoken = await self._choose(reader, writer)
            replies, data = await self._dial(host, local)
        except (AgentError, OSError, TimeoutError) as error:
            return str(error) or "the server said no session id in time"
        self._writable = data
        self._hooks.started(session, host)
        streaming = asyncio.create_task(self._stream(session, data))
        heeding = asyncio.create_task(self._heed(reader))
        listening = asyncio.create_task(_complaint(replies))
        tasks = {streaming, heeding, listening}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in (heeding, listening, streaming) if task in done).result()
        except (OSError, TimeoutError) as error:
            await asyncio.wait([heeding], timeout=blocking.ID_PAUSE)  # a server may hang up as soon as it has said stop
            return heeding.result() if heeding.done() else f"the data connection broke: {error}"
        finally:
            self._data = self._writable = None
            self._streaming.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await hang_up(replies, data).wait()

    async def _read_id(self, reader: asyncio.StreamReader) -> int:
        async with asyncio.timeout(blocking.ID_TIMEOUT):
            received = await reader.read(16)
        with contextlib.suppress(TimeoutError):
            while len(received) <= 16:
                async with asyncio.timeout(blocking.ID_PAUSE):
                    segment = await reader.read(16)
                if not segment:
                    break
                received += segment
        return blocking.read_id(received)

    async def _choose(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """The dialect of the session that begins: see :class:`netd.client.session.Agent`."""
        if self._dialect != AUTO:
            return self._dialect
        if not blocking.can_be_old(self._channels):
            return NETD
        writer.write(blocking.QUESTION)
        word = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(blocking.ANSWER_TIMEOUT):
                word = await reader.read(64)
        return blocking.dialect_of(word)

    async def _dial(self, host: str, local: str) -> Streams:
        try:
            return await self._surroundings.connect(host, self._server_port, local)
        except (OSError, TimeoutError) as error:
            reason = str(error) or "it did not answer in time"
            raise SessionLost(f"cannot connect back to {host} port {self._server_port}: {reason}") from error

    async def _heed(self, control: asyncio.StreamReader) -> str:
        while True:
            try:
                word = await control.read(64)
            except OSError:
                word = b""
            if not word:
                return "the server closed the control connection"
            if b"stop" in word:
                return "the server said stop"
            if b"ping" in word:
                self._hooks.pinged()

    async def _stream(self, session: int, data: asyncio.StreamWriter) -> str:
        if self._spoken == NETD:
            await self._write(data, blocking.hello(session, self._channels))
        else:
            for announcement in blocking.announcements(session):
                await self._write(data, announcement)
                await asyncio.sleep(blocking.ANNOUNCE_PAUSE - blocking.ID_PAUSE)
            await asyncio.sleep(blocking.START_PAUSE)
        self._data = data
        self._streaming.set()
        await asyncio.gather(*(self._tell(name, data) for name in tuple(self._pulled)))
        await self._closed.wait()
        return self._farewell()

    def _farewell(self) -> str:
        return "this agent was closed" if self._unfinished else "all channels are at their end"

    async def _tell(self, name: str, data: asyncio.StreamWriter) -> None:
        """Say the values of one channel until it is at its end; one that cannot be said is logged and left out."""
        while True:
            try:
                encoded = self._encode(name, await self._pulled[name].next_value())
            except StopAsyncIteration:
                del self._pulled[name]
                self._finish(name)
                return
            except Exception as error:
                blocking.tell_failure(self._log, name, error)
                await asyncio.sleep(self._every[name])
                continue
            if encoded is not None:
                await self._write(data, encoded)

    async def _pump(self, name: str, values: AsyncIterator[Value]) -> None:
        """Say what an asynchronous iterable gives, over all sessions; it is asked while one goes on."""
        while True:
            await self._streaming.wait()
            try:
                await self.say(name, await anext(values))
            except StopAsyncIteration:
                self._finish(name)
                return
            except Exception as error:
                blocking.tell_failure(self._log, name, error)
                await asyncio.sleep(self._every[name])

    def _finish(self, name: str) -> None:
        self._unfinished.discard(name)
        if not self._unfinished:
            self.close()

    async def _write(self, data: asyncio.StreamWriter, encoded: bytes) -> None:
        """Send it; in the old dialect, apart from what comes before and after."""
        async with self._writing:
            if self._writable is not data:
                raise ConnectionAbortedError("the session has ended")
            data.write(encoded)
            async with asyncio.timeout(blocking.CONNECT_TIMEOUT):
                await data.drain()
            if self._spoken == OLD:
                await asyncio.sleep(blocking.ID_PAUSE)


async def _complaint(replies: asyncio.StreamReader) -> str:
    """Why the server ended the data connection."""
    try:
        received = await replies.read(4096)
    except OSError:
        received = b""
    return str(blocking.read_complaint(received))


class _Pulled:
    """A source that is asked each *every* seconds: a function, a coroutine function, or an iterable."""

    def __init__(self, source: Any, every: float) -> None:
        self._source: Callable[[], Any] = source if callable(source) else iter(source).__next__
        self._every = every
        self._due: float | None = None

    async def next_value(self) -> Any:
        """The next value, when its time has come. What the source raises is raised here, and it may be asked again.

        :raises StopAsyncIteration: when it is at its end.
        """
        now = asyncio.get_running_loop().time()
        if self._due is not None and self._due > now:
            await asyncio.sleep(self._due - now)
        self._due = max(now, self._due or now) + self._every
        try:
            value = self._source()
        except StopIteration:
            raise StopAsyncIteration from None
        return await value if inspect.isawaitable(value) else value

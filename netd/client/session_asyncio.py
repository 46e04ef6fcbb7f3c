"""The agent's side of telemetry sessions for asyncio: :class:`AsyncAgent`.

Here a source may be a coroutine function or an asynchronous iterable as well; one that waits holds nobody up.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from netd.client.session_messages import (
    AGENT_PORT,
    NETD,
    SERVER_PORT,
    SESSION_SERVER,
    Channel,
    Hooks,
    Schedule,
    Value,
    read_channels,
    tell_failure,
)
from netd.client.session_plan import AgentPlan, AgentWay
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
from netd.client.way import CONNECT_TIMEOUT, FAREWELL, Connection
from netd.client.way_asyncio import AsyncSurroundings, AsyncWay, StreamConnection, within

if TYPE_CHECKING:
    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

__all__ = ["AsyncAgent", "AsyncSurroundings"]


async def listen(serve: Serve, host: str, port: int) -> Any:
    """Listen for servers.

    :raises OSError: when the port is taken.
    """
    return await asyncio.start_server(serve, host or None, port)


class AgentStreams(AsyncWay, AgentWay):
    """A way of streams that wakes by a bell."""

    _rings: asyncio.Future[None] | None = None

    async def wait_any(self, connections: Iterable[Connection], seconds: float) -> Collection[Connection]:
        self._rings = asyncio.get_running_loop().create_future()
        looks = {one.look_ahead(): one for one in connections if isinstance(one, StreamConnection)}
        waiting: set[asyncio.Future[Any]] = {self._rings, *looks}
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return [one for look, one in looks.items() if look.done()]

    def ring(self) -> None:
        if self._rings is not None and not self._rings.done():
            self._rings.set_result(None)

    async def dial(self, host: str, port: int, local: str) -> Connection:
        tls = self.tls.context()
        secured = {} if tls is None else {"ssl": tls}
        try:
            async with within(CONNECT_TIMEOUT):
                streams = await self._surroundings.connect(host, port, local_addr=(local, 0), **secured)
        except asyncio.TimeoutError:  # noqa: UP041 - before Python 3.11 these are two
            raise TimeoutError("it did not answer in time") from None
        return self.keep(SESSION_SERVER, streams)


class AsyncSchedule(Schedule):
    """A schedule whose sources may be coroutine functions: each has a task while it is waited for, and is not asked meanwhile.

    :ivar say: has a value sent.
    """

    say: Callable[[str, Value], Awaitable[bool]]

    def __init__(self, channels: Mapping[str, Channel], dialect: str, every: float) -> None:
        super().__init__(channels, dialect, every)
        self.tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def is_exhausted(self) -> bool:
        return super().is_exhausted and not self.tasks

    def ask(self, name: str) -> Value:
        value: Any = None if name in self.tasks else super().ask(name)
        if not inspect.isawaitable(value):
            return cast(Value, value)
        self.tasks[name] = asyncio.ensure_future(self._wait_for(name, value))
        return None

    async def _wait_for(self, name: str, value: Awaitable[Value]) -> None:
        try:
            await self.say(name, await value)
        except Exception as error:
            tell_failure(self._log, name, error)
        finally:
            del self.tasks[name]


class AsyncAgentPlan(AgentPlan):
    """A plan that wakes who has something to say."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._waiting: list[asyncio.Future[None]] = []

    async def changed(self) -> None:
        """Return when something was sent, or a session has begun or ended."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def notify(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)


class AsyncAgent:
    """Listens for a server, connects back, and streams the channels, until :meth:`close`.

    The arguments are those of :class:`netd.client.session.Agent`; a source may be asynchronous, too. A server that dials while a
    session goes on waits for its end.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        channels: Mapping[str, Any],
        host: str = "127.0.0.1",
        port: int = AGENT_PORT,
        *,
        server_port: int = SERVER_PORT,
        every: float = 0.2,
        dialect: str = NETD,
        name: str | None = None,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
        listen: Callable[[Serve, str, int], Awaitable[Any]] = listen,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - likewise
    ) -> None:
        known: dict[str, Any] = {**read_channels(channels, dialect)}
        self._iterables = {name: one.source for name, one in known.items() if isinstance(one.source, AsyncIterable)}
        known.update({name: known[name]._replace(source=None) for name in self._iterables})
        self._schedule = AsyncSchedule(known, dialect, every)
        self._schedule.say = self.say
        self._way = AgentStreams(surroundings)
        self._way.tls = ClientTls(cafile, certificate, key)
        proof = ClientToken(token, token_file)
        self._plan = AsyncAgentPlan(self._way, known, server_port, dialect, name, hooks, self._schedule, proof)
        self._host = host
        self._listen = listen
        self._sessions: set[asyncio.Task[Any]] = set()
        self._ended: asyncio.Future[None] | None = None
        self.port = port

    async def __aenter__(self) -> AsyncAgent:
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.close()

    async def run(self) -> None:
        """Serve one session after another, until :meth:`close`, or until every source is at its end.

        :raises OSError: when the port is taken.
        """
        self._ended = asyncio.get_running_loop().create_future()
        server = await self._listen(self._accepted, self._host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        pumps = [asyncio.ensure_future(self._pump(name, source.__aiter__())) for name, source in self._iterables.items()]
        try:
            if not self._plan.is_over:
                await self._ended
        finally:
            server.close()
            self._plan.close()
            if self._sessions:
                await asyncio.wait(self._sessions, timeout=FAREWELL)
            tasks = [*self._sessions, *pumps, *self._schedule.tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._way.aclose()

    async def say(self, name: str, value: Value) -> bool:
        """Say a value of a channel at once, and wait until it is sent: see :meth:`netd.client.session.Agent.say`."""
        is_taken = self._plan.say(name, value)
        if is_taken:
            await self._plan.changed()
            while self._plan.has_unsent:  # what was sent then had been said before
                await self._plan.changed()
        return is_taken and self._plan.is_streaming

    def close(self) -> None:
        """End the session that goes on, and listen no more; :meth:`run` returns soon."""
        self._plan.close()
        self._end()

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            host, local = writer.get_extra_info("peername")[0], writer.get_extra_info("sockname")[0]
            control = self._way.keep(SESSION_SERVER, (reader, writer))
            async with self._way.turn():
                if self._plan.is_over:
                    await control.leave()
                else:
                    await self._plan.serve(control, host, local)
                self._plan.notify()
        finally:
            self._sessions.discard(task)
        if self._plan.is_over:
            self._end()

    async def _pump(self, name: str, values: AsyncIterator[Value]) -> None:
        """Say what an asynchronous iterable gives, over all sessions; it is asked while one goes on."""
        while True:
            while not self._plan.is_streaming:
                await self._plan.changed()
            try:
                await self.say(name, await values.__anext__())
            except StopAsyncIteration:
                self._schedule.others -= 1
                self._way.ring()
                return
            except Exception as error:
                tell_failure(self._schedule._log, name, error)
                await asyncio.sleep(self._schedule.every[name])

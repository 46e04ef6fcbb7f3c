"""The gateway's client for asyncio: the shape of :mod:`netd.client.gateway`, with ``await`` and ``async for``.

async with AsyncGateway("http://lab:8080", token_file="lab.token") as gateway:
    print(await gateway.call("relay.send", target="greenhouse", text="water"))
    async for item in gateway.subscribe("session.>", every=0.5):
        print(item)
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from netd.client.control import (
    MAX_ANSWER,
    BadAnswer,
    ControlTimeout,
    Lost,
    encode_request,
    read_answer,
)
from netd.client.events import DROP_OLDEST, Stream, Wish
from netd.client.farewell_asyncio import FAREWELL, Farewell, hang_up
from netd.client.gateway_access import DEFAULT_URL, Access, connect_error
from netd.client.gateway_sockets import SILENCE
from netd.client.gateway_wire import (
    Messages,
    Response,
    ResponseReader,
    check_agreement,
    rpc_request,
    rpc_result,
    upgrade_request,
)
from netd.client.streams_asyncio import is_idle
from netd.client.subscription import Hooks
from netd.client.subscription_asyncio import AsyncPacing, AsyncSubscription

__all__ = ["AsyncGateway", "AsyncSubscription", "AsyncSurroundings"]

MOST_IDLE = 4
"""Connections that are kept for the next calls."""

IDLE = 4.0
"""Seconds for which a connection is kept for the next call: less than netd keeps one open."""

_CHUNK = 64 * 1024


class Connect(Protocol):
    """Opens a connection to host and port, with TLS where a context is given; see ``asyncio.open_connection``."""

    def __call__(
        self, host: str, port: int, *, ssl: ssl.SSLContext | None
    ) -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]: ...


class AsyncSurroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar random_bytes: so many unpredictable bytes.
    :ivar silence: seconds without a word from netd, after which it is pinged; after as many again the connection is given up.
    """

    connect: Connect = asyncio.open_connection
    pacing: AsyncPacing = AsyncPacing()
    random_bytes: Callable[[int], bytes] = os.urandom
    silence: float = SILENCE


class _Connection:
    """One connection. Errors of the operating system are told as what they mean."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._farewell: Farewell | None = None
        self.is_kept = False
        self.idle_since = 0.0
        self.loop = asyncio.get_running_loop()

    async def is_fit(self) -> bool:
        """Whether it can carry another call."""
        return not self._writer.is_closing() and await is_idle(self._reader)

    async def send(self, content: bytes) -> None:
        if self._farewell is not None:
            raise Lost("this client has hung up")
        try:
            self._writer.write(content)
            await self._writer.drain()
        except OSError as error:
            raise Lost(f"the connection to netd broke: {error}") from error

    async def receive(self) -> bytes:
        """What has come; nothing at the end."""
        try:
            return await self._reader.read(_CHUNK)
        except OSError as error:
            raise Lost(f"the connection to netd broke: {error}") from error

    async def read_response(self, limit: int) -> Response:
        reader, response = ResponseReader(limit), None
        while response is None:
            response = reader.feed(await self.receive())
        return response

    async def leave(self, last_word: bytes) -> None:
        """Say *last_word*, and hang up once netd has read it, within a second; whoever reads is woken. Twice is harmless."""
        if self._farewell is None:
            self._farewell = hang_up(self._reader, self._writer, last_word)
        await self._farewell.wait()

    async def close(self) -> None:
        """Hang up, politely as far as that takes no time."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self._writer.wait_closed()
        self._writer.transport.abort()


class _WebSocket:
    """Whole messages over one WebSocket."""

    def __init__(self, connection: _Connection, messages: Messages, silence: float) -> None:
        self._connection = connection
        self._messages = messages
        self._silence = silence

    async def write(self, text: bytes) -> None:
        await self._connection.send(self._messages.text_frame(text))

    async def read(self) -> bytes:
        """The next message. Pings are answered meanwhile, and a silent server is pinged."""
        while True:
            try:
                message = self._messages.next_message()
            finally:
                replies = self._messages.replies()
                if replies:
                    await self._connection.send(replies)
            if message is not None:
                return message
            self._messages.feed(await self._wait())

    async def _wait(self) -> bytes:
        for first in (True, False):
            try:
                async with asyncio.timeout(self._silence):
                    received = await self._connection.receive()
            except TimeoutError:
                if first:
                    await self._connection.send(self._messages.ping_frame())
                continue
            if not received:
                raise Lost("netd closed the connection")
            return received
        raise Lost("netd has gone silent")

    async def close(self) -> None:
        """Say goodbye and hang up; whoever reads is woken. Twice is harmless."""
        await self._connection.leave(self._messages.close_frame())


class AsyncGateway:
    """A gateway of netd; arguments and errors are those of :class:`netd.client.gateway.Gateway`.

    It may be used in one event loop after the other, and not in two at a time.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
        max_answer: int = MAX_ANSWER,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._access = Access(url, token, token_file, cafile)
        self.timeout = timeout
        self._max_answer = max_answer
        self._surroundings = surroundings
        self._is_closed = False
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._subscriptions: list[AsyncSubscription] = []
        self._last_id = 0

    def __repr__(self) -> str:
        return f"<AsyncGateway {self._access.address.url}>"

    async def __aenter__(self) -> AsyncGateway:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up for good: subscriptions end, calls raise ``Lost``."""
        self._is_closed = True
        await asyncio.gather(*(subscription.close() for subscription in self._subscriptions))
        idle, self._idle = self._idle, []
        for connection in [*idle, *self._busy]:
            if connection.loop is asyncio.get_running_loop():
                await connection.close()

    async def call(self, method: str, /, **params: Any) -> Any:
        """The result of one operation: plain JSON values; raises as :meth:`netd.client.gateway.Gateway.call` does."""
        self._last_id += 1
        request_id, address = self._last_id, self._access.address
        body = encode_request(request_id, method, params)[:-1]
        try:
            async with asyncio.timeout(self.timeout), self._connected(await self._reuse()) as connection:
                await connection.send(rpc_request(address, self._access.token(), body))
                response = await connection.read_response(self._max_answer)
                if not (response.is_last or response.rest or self._is_closed):
                    self._keep(connection)
        except TimeoutError as error:
            raise ControlTimeout(f"netd did not answer {method} within {self.timeout:g} s") from error
        is_answer, result = read_answer(rpc_result(address, response), request_id)
        if not is_answer:
            raise BadAnswer(f"the answer to {method} is that to another request")
        return result

    def subscribe(
        self,
        pattern: str,
        *,
        every: float | None = None,
        replay: int = 0,
        policy: str = DROP_OLDEST,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> AsyncSubscription:
        """The events of all subjects that match *pattern*, as :meth:`netd.client.gateway.Gateway.subscribe` has them."""
        stream = Stream(Wish(pattern, every, replay, policy))
        subscription = AsyncSubscription(stream, self._open_websocket, self.timeout, hooks, self._surroundings.pacing)
        self._subscriptions = [*(one for one in self._subscriptions if not one.is_closed), subscription]
        return subscription

    def _keep(self, connection: _Connection) -> None:
        """Use it for the next call."""
        if len(self._idle) < MOST_IDLE:
            connection.is_kept, connection.idle_since = True, connection.loop.time()
            self._idle.append(connection)

    async def _reuse(self) -> _Connection | None:
        """A connection of an earlier call; None where there is none that is still good."""
        while self._idle:
            connection = self._idle.pop(0)  # the oldest: none is kept for long
            connection.is_kept = False
            if connection.loop is not asyncio.get_running_loop():
                continue  # that loop has ended, and the connection with it
            is_fit = False
            try:
                is_fit = connection.loop.time() - connection.idle_since < IDLE and await connection.is_fit()
            finally:  # also for who is cancelled meanwhile
                if not is_fit:
                    await connection.close()
            if is_fit:
                return connection
        return None

    @asynccontextmanager
    async def _connected(self, kept: _Connection | None = None) -> AsyncIterator[_Connection]:
        """*kept*, or a new connection; closed in the end, unless it was kept."""
        connection = kept or await self._connect()
        self._busy.add(connection)
        try:
            if self._is_closed:
                raise Lost("this client was closed")
            yield connection
        finally:
            self._busy.discard(connection)
            if not connection.is_kept:
                await connection.close()

    async def _connect(self) -> _Connection:
        address, tls = self._access.address, self._access.tls()
        try:
            return _Connection(*await self._surroundings.connect(address.host, address.port, ssl=tls))
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise connect_error(address, error) from error

    async def _open_websocket(self) -> _WebSocket:
        address, token = self._access.address, self._access.token()
        key = base64.b64encode(self._surroundings.random_bytes(16)).decode("ascii")
        try:
            async with asyncio.timeout(self.timeout), self._connected() as connection:
                await connection.send(upgrade_request(address, token, key))
                response = await connection.read_response(self._max_answer)
                check_agreement(address, response, key)
                connection.is_kept = True
        except TimeoutError as error:
            raise ControlTimeout(f"{address.url} did not answer the handshake within {self.timeout:g} s") from error
        messages = Messages(response.rest, self._max_answer, self._surroundings.random_bytes)
        return _WebSocket(connection, messages, self._surroundings.silence)

"""The relay's client side for asyncio: :class:`AsyncDevice` and :class:`AsyncController`.

The same shapes, dialects and promises as :mod:`netd.client.relay`, whose pure parts it uses; here any number of requests may be
outstanding on one connection. Time is the event loop's, so that a test can hand in a loop with a clock of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple, cast

from netd.client import relay
from netd.client.farewell_asyncio import Farewell, hang_up
from netd.client.relay import (
    AUTO,
    NETD,
    OLD,
    ConnectionLost,
    DeviceInfo,
    FramingLost,
    NotConnected,
    NotInTime,
    NoWelcome,
    Outcome,
    RelayError,
    Welcome,
)

__all__ = ["AsyncController", "AsyncDevice", "AsyncMessage", "AsyncSurroundings", "open_streams"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Answer = bytes | str | None


async def open_streams(host: str, port: int) -> Streams:
    """Connected, tuned TCP streams.

    :raises OSError: when there is no connection within 10 s.
    """
    async with asyncio.timeout(relay.CONNECT_TIMEOUT):
        reader, writer = await asyncio.open_connection(host, port)
    relay.tune(cast(socket.socket, writer.get_extra_info("socket")))
    return reader, writer


class AsyncSurroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens streams to host and port.
    :ivar chance: a number from 0 up to 1.
    """

    connect: Callable[[str, int], Awaitable[Streams]] = open_streams
    chance: Callable[[], float] = random.random


def _now() -> float:
    return asyncio.get_running_loop().time()


class AsyncWire:
    """Whole frames in and out of one connection. One task reads; any task writes and closes.

    :ivar longest_silence: seconds that the server may say nothing while it is read from; None for ever.
    """

    def __init__(self, streams: Streams, dialect: str, forget: Callable[[AsyncWire], object]) -> None:
        self.dialect = dialect
        self.longest_silence: float | None = None
        self._reader, self._writer = streams
        self._forget = forget
        self._frames = relay.FrameDecoder()
        self._envelope: dict[str, Any] | None = None
        self._farewell: Farewell | None = None

    async def write(self, frames: bytes) -> None:
        """Send *frames*, all of them; waits while much is still unsent.

        :raises ConnectionLost: when that cannot be done.
        """
        if self._farewell is not None or self._writer.is_closing():
            raise ConnectionLost("the connection to the relay is closed")
        try:
            self._writer.write(frames)
            await self._writer.drain()
        except OSError as error:
            raise ConnectionLost(f"the connection to the relay broke: {error}") from error

    async def read(self) -> bytes:
        """The next payload.

        :raises ConnectionLost: when the connection ended first.
        :raises FramingLost: when what comes is no frame.
        """
        while True:
            payload = self._frames.next_frame()
            if payload is not None:
                return payload
            try:
                async with asyncio.timeout(self.longest_silence):
                    received = await self._reader.read(65536)
            except TimeoutError:
                raise relay.gone(self.longest_silence) from None
            except OSError as error:
                raise ConnectionLost(f"the connection to the relay broke: {error}") from error
            if not received:
                raise ConnectionLost("the relay closed the connection")
            self._frames.feed(received)

    async def read_message(self) -> tuple[dict[str, Any], bytes]:
        """The next envelope and its payload, unless it is a complaint; raises what :meth:`read` raises.

        Whoever is cancelled between the two has lost nothing: the envelope waits for the next call.
        """
        if self._envelope is None:
            self._envelope = relay.read_envelope(await self.read())
        payload = await self.read()
        envelope, self._envelope = self._envelope, None
        lost = relay.complaint(envelope)
        if lost is not None:
            raise lost
        return envelope, payload

    def close(self) -> Farewell:
        """Say goodbye where the dialect has a word for it, and begin to hang up; whoever reads is woken. Twice is harmless.

        :returns: what can be waited for: within a second the relay has read what was said, or never will.
        """
        if self._farewell is None:
            self._farewell = hang_up(self._reader, self._writer, relay.frame(relay.GOODBYE) if self.dialect == OLD else b"")
            self._farewell.call_at_end(lambda: self._forget(self))
        return self._farewell


class AsyncLine:
    """Opens wires to the relay, in the dialect that the server understands; closes all of them in the end."""

    def __init__(
        self, host: str, port: int, dialect: str, hello: bytes, old_type: bytes, surroundings: AsyncSurroundings
    ) -> None:
        relay.check_port(port)
        self.closed = asyncio.Event()
        self._place = (host, port)
        self._memory = relay.DialectMemory(dialect, _now)
        self._hello = hello
        self._old_type = old_type
        self._surroundings = surroundings
        self._wires: set[AsyncWire] = set()

    async def open(self) -> tuple[AsyncWire, Welcome]:
        """A fresh wire, greeted.

        :raises RelayError: when there is none to be had.
        """
        if self._memory.choice() == NETD:
            try:
                return await self._greeted(await self._dial(NETD))
            except NoWelcome:
                if not self._memory.no_welcome():
                    raise
        wire = await self._dial(OLD)
        if self._old_type:
            await wire.write(relay.frame(self._old_type))
        return wire, Welcome(OLD)

    async def _greeted(self, wire: AsyncWire) -> tuple[AsyncWire, Welcome]:
        welcome = None
        try:
            welcome = await self._greet(wire)
        finally:
            if welcome is None:  # refused, silent, or this task was cancelled
                wire.close()
        wire.longest_silence = relay.longest_silence(welcome)
        return wire, welcome

    async def _greet(self, wire: AsyncWire) -> Welcome:
        try:
            async with asyncio.timeout(relay.WELCOME_TIMEOUT):
                await wire.write(relay.frame(self._hello))
                envelope = relay.read_envelope(await wire.read())
                await wire.read()
        except (ConnectionLost, FramingLost, TimeoutError) as error:
            reason = str(error) or "it did not answer in time"
            raise NoWelcome(f"no welcome from the server, which may speak the old dialect only: {reason}") from error
        return relay.read_welcome(envelope)

    async def _dial(self, dialect: str) -> AsyncWire:
        if self.closed.is_set():
            raise NotConnected("this client was closed")
        host, port = self._place
        try:
            wire = AsyncWire(await self._surroundings.connect(host, port), dialect, self._wires.discard)
        except (OSError, UnicodeError) as error:
            self._memory.unreachable()
            reason = str(error) or "it did not answer in time"
            raise NotConnected(f"cannot reach the relay at {host}:{port}: {reason}") from error
        self._wires.add(wire)
        if self.closed.is_set():
            wire.close()
            raise NotConnected("this client was closed")
        return wire

    def close(self) -> None:
        """Begin to close all wires, and open none any more."""
        self.closed.set()
        for wire in tuple(self._wires):
            wire.close()

    async def aclose(self) -> None:
        """Close all wires, and wait until the relay has read what was said last: a second at most."""
        self.close()
        for wire in tuple(self._wires):
            await wire.close().wait()


class AsyncMessage:
    """What a controller sent to this device, to be answered once, at any time: see :class:`netd.client.relay.Message`."""

    def __init__(self, payload: bytes, wire: AsyncWire, envelope: dict[str, Any] | None = None) -> None:
        self.payload = payload
        self.sender: str | None = envelope.get("from") if envelope else None
        self.deadline: float | None = envelope.get("deadline") if envelope else None
        self._wire = wire
        self._id = envelope["id"] if envelope else None

    async def answer(self, payload: bytes | str = b"") -> bool:
        """Acknowledge with *payload*.

        :returns: False when the answer cannot travel: the connection that the message came by is gone, or is of the old dialect.
        """
        return await self._reply(relay.answer_frames(self._id, payload))

    async def fail(self, error: str, payload: bytes | str = b"") -> bool:
        """Refuse: the controller reads *error*. Returns as :meth:`answer` does."""
        return await self._reply(relay.refusal_frames(self._id, error, payload))

    async def _reply(self, frames: bytes) -> bool:
        if self._id is None:
            return False
        return await _try_to_write(self._wire, frames)


async def _try_to_write(wire: AsyncWire, frames: bytes) -> bool:
    try:
        await wire.write(frames)
    except ConnectionLost:
        return False
    return True


class AsyncDevice:
    """A device at the relay; connects again for ever, with backoff, until :meth:`close`.

    The arguments are those of :class:`netd.client.relay.Device`.
    """

    _log = logging.getLogger("netd.client.relay")

    def __init__(
        self,
        host: str,
        port: int,
        name: str | None = None,
        aliases: Sequence[str] = (),
        *,
        dialect: str = AUTO,
        on_connect: Callable[[Welcome], object] | None = None,
        on_disconnect: Callable[[str, float], object] | None = None,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._line = AsyncLine(host, port, dialect, relay.device_hello(name, aliases), b"raspberrypi", surroundings)
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._backoff = relay.Backoff(surroundings.chance)
        self._wire: AsyncWire | None = None
        self._connected_at = 0.0

    async def __aenter__(self) -> AsyncDevice:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def run(self, receive: Callable[[bytes], Answer | Awaitable[Answer]]) -> None:
        """Call (and await) *receive* with each payload, in order, until :meth:`close`.

        What it returns is the answer (None: an empty one). When it raises, the controller reads that it failed and why, the
        program's log has the traceback, and the next message is waited for.
        """
        async for message in self:
            try:
                answer = receive(message.payload)
                if inspect.isawaitable(answer):
                    answer = await answer
                await message.answer(b"" if answer is None else answer)
            except Exception as error:
                self._log.exception("a message could not be handled")
                await message.fail(relay.reason_of(error))

    async def __aiter__(self) -> AsyncIterator[AsyncMessage]:
        """Each message as it comes, over all connections, until :meth:`close`. Iterating anew goes on with the connection."""
        while not self._line.closed.is_set():
            try:
                wire = self._wire or await self._connect()
                while True:
                    yield await self._next_message(wire)
            except RelayError as error:
                await self._disconnected(error)

    async def say(self, payload: bytes | str, event: str | None = None) -> bool:
        """Publish news: the relay puts *payload* on the bus.

        :param event: what it is about; the old dialect cannot carry it.
        :returns: False when there is no connection: news is not kept.
        """
        wire = self._wire
        return wire is not None and await _try_to_write(wire, relay.news_frames(wire.dialect, payload, event))

    def close(self) -> None:
        """Begin to leave for good; iterating ends. During an attempt to connect, it ends within 10 s.

        A program that ends right after that had better await :meth:`aclose`.
        """
        self._line.close()

    async def aclose(self) -> None:
        """Leave for good, and wait until the relay has read what was said last: a second at most."""
        await self._line.aclose()

    async def _connect(self) -> AsyncWire:
        wire, welcome = await self._line.open()
        self._wire, self._connected_at = wire, _now()
        self._log.info("connected, dialect %s, name %r", welcome.dialect, welcome.name)
        if self._on_connect is not None:
            self._on_connect(welcome)
        return wire

    @staticmethod
    async def _next_message(wire: AsyncWire) -> AsyncMessage:
        if wire.dialect == OLD:
            return AsyncMessage(await wire.read(), wire)
        while True:
            envelope, payload = await wire.read_message()
            if "id" in envelope:
                return AsyncMessage(payload, wire, envelope)

    async def _disconnected(self, error: RelayError) -> None:
        lasted = 0.0
        if self._wire is not None:
            lasted = _now() - self._connected_at
            self._wire.close()
            self._wire = None
        if self._line.closed.is_set():
            return
        reason, delay = str(error), self._backoff.delay(lasted, error)
        self._log.warning("%s; next attempt in %.1f s", reason, delay)
        if self._on_disconnect is not None:
            self._on_disconnect(reason, delay)
        try:
            async with asyncio.timeout(delay):
                await self._line.closed.wait()
        except TimeoutError:
            pass


class Exchange:
    """One connection of a controller in the new dialect, with its outstanding requests."""

    def __init__(self, wire: AsyncWire) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)
        self._outstanding: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read answers."""
        self._reading = asyncio.create_task(self._read())

    @property
    def is_open(self) -> bool:
        """Whether the connection has not been found broken."""
        return self._reading is not None and not self._reading.done()

    async def request(self, members: dict[str, Any], payload: bytes, patience: float) -> tuple[dict[str, Any], bytes]:
        """The last envelope about this request, and its payload.

        :param patience: seconds to wait for it.
        :raises RelayError: when it does not come.
        """
        number = next(self._numbers)
        frames = relay.message_frames({"id": number, **members}, payload)
        answer: asyncio.Future[tuple[dict[str, Any], bytes]] = asyncio.get_running_loop().create_future()
        self._outstanding[number] = answer
        try:
            async with asyncio.timeout(patience):
                await self._wire.write(frames)
                return await answer
        except TimeoutError:
            raise NotInTime("the relay did not answer in time") from None
        finally:
            del self._outstanding[number]
            answer.cancel()

    async def _read(self) -> None:
        try:
            while True:
                envelope, payload = await self._wire.read_message()
                answer = self._find(envelope.get("id"))
                if answer is not None and not answer.done() and relay.is_last_word(envelope):
                    answer.set_result((envelope, payload))
        except RelayError as error:
            self._wire.close()
            self._fail_all(error)

    def _find(self, number: object) -> asyncio.Future[tuple[dict[str, Any], bytes]] | None:
        return self._outstanding.get(number) if isinstance(number, int) else None

    def _fail_all(self, error: RelayError) -> None:
        for answer in self._outstanding.values():
            if not answer.done():
                answer.set_exception(error)

    async def close(self) -> None:
        """Hang up; what is outstanding fails."""
        self._wire.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        self._fail_all(ConnectionLost("this client was closed"))


class AsyncController:
    """Sends to devices and says what became of it; any number of requests at a time, each told apart by its id.

    The promises are those of :class:`netd.client.relay.Controller`, as are the arguments.
    """

    def __init__(
        self,
        host: str,
        port: int,
        dialect: str = AUTO,
        *,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._line = AsyncLine(host, port, dialect, relay.CONTROLLER_HELLO, b"", surroundings)
        self._connecting = asyncio.Lock()
        self._exchange: Exchange | None = None

    async def __aenter__(self) -> AsyncController:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up for good; calls that wait end at once. Takes a second at most."""
        self._line.close()
        if self._exchange is not None:
            await self._exchange.close()
        await self._line.aclose()

    async def devices(self) -> list[DeviceInfo]:
        """The devices that the relay knows.

        :raises RelayError: when the list cannot be had.
        """
        way = await self._ready()
        if isinstance(way, AsyncWire):
            return relay.read_old_list(await self._event(way, relay.old_list))
        return relay.read_devices((await way.request({"list": True}, b"", relay.ANSWER_TIMEOUT))[0])

    async def connect(self, target: str | DeviceInfo) -> str:
        """Ask whether a device is there: see :meth:`netd.client.relay.Controller.connect`."""
        device = str(target)
        way = await self._ready()
        if isinstance(way, AsyncWire):
            return relay.read_old_connect(device, await self._event(way, lambda: relay.old_connect(device)))
        return relay.find_online((await way.request({"list": True}, b"", relay.ANSWER_TIMEOUT))[0], device)

    async def send(self, target: str | DeviceInfo, payload: bytes | str, deadline: float | None = None) -> Outcome:
        """Send *payload* to a device, and wait for what becomes of it: see :meth:`netd.client.relay.Controller.send`."""
        device, content = str(target), relay.as_bytes(payload)
        members = relay.request_members(device, deadline)
        relay.frame(content)  # too long: say so before there is a connection
        way = await self._ready()
        try:
            if isinstance(way, AsyncWire):
                return relay.read_old_outcome(await self._event(way, lambda: relay.old_send(device, content)))
            return relay.read_outcome(*await way.request(members, content, relay.ANSWER_TIMEOUT + (deadline or 0.0)))
        except (ConnectionLost, FramingLost, NotInTime) as error:
            return relay.unknown_fate(device, error)

    async def _ready(self) -> Exchange | AsyncWire:
        """The connection for all requests; or, in the old dialect, a wire for one event, which :meth:`_event` closes."""
        async with self._connecting:
            if self._exchange is not None and self._exchange.is_open:
                return self._exchange
            wire, welcome = await self._line.open()
            if welcome.dialect == OLD:
                return wire
            self._exchange = Exchange(wire)
            self._exchange.start()
            return self._exchange

    async def _event(self, wire: AsyncWire, event: Callable[[], bytes]) -> bytes:
        try:
            async with asyncio.timeout(relay.OLD_ANSWER_TIMEOUT):
                await wire.write(event())
                return await wire.read()
        except TimeoutError:
            raise NotInTime("the relay did not answer in time") from None
        finally:
            wire.close()

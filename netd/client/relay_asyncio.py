"""The relay's client side for asyncio: :class:`AsyncDevice`; :class:`AsyncController` has many requests on one connection."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from netd.client.relay_line import RelayWire
from netd.client.relay_messages import (
    AUTO,
    OLD,
    ConnectionLost,
    NotInTime,
    RelayError,
    is_last_word,
    message_frames,
)
from netd.client.relay_plan import DeviceProgram, RelayController, RelayMessage
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
from netd.client.way_asyncio import Asynchronous, AsyncSurroundings, AsyncWay, within

__all__ = ["AsyncController", "AsyncDevice", "AsyncMessage", "AsyncSurroundings"]

AsyncMessage = RelayMessage


class AsyncDevice(DeviceProgram[AsyncWay], Asynchronous):
    """A device at the relay; connects again for ever, with backoff, until :meth:`close`.

    The arguments are those of :class:`netd.client.relay.Device`.
    """

    async def run(self, receive: Callable[[bytes], bytes | str | Awaitable[bytes | str | None] | None]) -> None:
        """Call (and await) *receive* with each payload, in order; see :meth:`netd.client.relay.Device.run`."""
        await self._device.run(receive)

    def __aiter__(self) -> AsyncIterator[AsyncMessage]:
        """Each message as it comes, over all connections, until :meth:`close`. Iterating anew goes on with the connection."""
        return self

    async def __anext__(self) -> AsyncMessage:
        message = await self._device.next()
        if message is None:
            raise StopAsyncIteration
        return message

    async def say(self, payload: bytes | str, event: str | None = None) -> bool:
        """Publish news: the relay puts *payload* on the bus; see :meth:`netd.client.relay.Device.say`."""
        return await self._device.say(payload, event)


class AsyncController(RelayController):
    """Sends to devices and says what became of it; any number of requests at a time, each told apart by its id.

    The promises are those of :class:`netd.client.relay.Controller`, as are the arguments.
    """

    _way: AsyncWay

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        host: str,
        port: int,
        dialect: str = AUTO,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        surroundings: AsyncSurroundings = AsyncSurroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        super().__init__(AsyncWay(surroundings), host, port, dialect, ClientToken(token, token_file))
        self._way.tls = ClientTls(cafile, certificate, key)
        self._outstanding: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncController:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up for good; calls that wait end at once. Takes a second at most."""
        self._way.close()
        self._fail_all(ConnectionLost("this client was closed"))
        if self._reading is not None:
            await asyncio.wait({self._reading})
        await self._way.parted()

    async def _ready(self) -> RelayWire:
        """The wire for all requests; or, in the old dialect, one for one event."""
        async with self._way.turn():
            if self._wire is None:
                wire, welcome = await self._line.open()
                self.dialect = welcome.dialect
                if welcome.dialect == OLD:
                    return wire
                self._wire = wire
                self._reading = asyncio.ensure_future(self._read(wire))
            return self._wire

    async def _request(
        self, wire: RelayWire, members: dict[str, Any], payload: bytes, patience: float
    ) -> tuple[dict[str, Any], bytes]:
        number = next(self._numbers)
        frames = message_frames({"id": number, **members}, payload)
        answer: asyncio.Future[tuple[dict[str, Any], bytes]] = asyncio.get_running_loop().create_future()
        self._outstanding[number] = answer
        try:
            async with within(patience):
                await wire.write(frames)
                return await answer
        except asyncio.TimeoutError:  # noqa: UP041 - before Python 3.11 these are two
            raise NotInTime("the relay did not answer in time") from None
        finally:
            del self._outstanding[number]
            answer.cancel()

    async def _read(self, wire: RelayWire) -> None:
        try:
            while True:
                envelope, payload = await wire.read_about_requests()
                number = envelope.get("id")
                answer = self._outstanding.get(number) if isinstance(number, int) else None
                if answer is not None and not answer.done() and is_last_word(envelope):
                    answer.set_result((envelope, payload))
        except RelayError as error:
            await self._drop(wire)
            self._fail_all(error)

    def _fail_all(self, error: RelayError) -> None:
        for answer in self._outstanding.values():
            if not answer.done():
                answer.set_exception(error)

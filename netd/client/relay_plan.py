"""What devices and controllers do, whatever way they go."""

from __future__ import annotations

import inspect
import itertools
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from netd.client.again import Comeback
from netd.client.relay_line import RelayBackoff, RelayLine, RelayWire
from netd.client.relay_messages import (
    AUTO,
    OLD,
    PING,
    ConnectionLost,
    DeviceInfo,
    FramingLost,
    NotInTime,
    Outcome,
    RelayError,
    Welcome,
    answer_frames,
    as_bytes,
    check_device_names,
    check_ping,
    controller_hello,
    device_hello,
    find_online,
    frame,
    is_last_word,
    message_frames,
    news_frames,
    read_devices,
    read_outcome,
    refusal_frames,
    request_members,
    unknown_fate,
)
from netd.client.relay_old import old_connect, old_list, old_send, read_old_connect, read_old_list, read_old_outcome
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
from netd.client.way import Program, W, Way

__all__ = ["DeviceProgram", "RelayController", "RelayDevice", "RelayMessage"]

ANSWER_TIMEOUT = 60.0
"""Seconds that a controller waits for the server itself, beyond the deadline that it gave the device."""

OLD_ANSWER_TIMEOUT = 40.0
"""Seconds that a controller waits in the old dialect: somewhat more than the 30 s that a netd gives a device to take a frame."""


class RelayMessage:
    """What a controller sent to this device, to be answered once, at any time (nobody waits for an answer in the old dialect).

    :ivar payload: the bytes that the controller sent.
    :ivar sender: the controller's address; None in the old dialect.
    :ivar deadline: seconds, from the relay's receipt, that the controller waits; None where none is said.
    """

    def __init__(self, payload: bytes, wire: RelayWire, envelope: dict[str, Any] | None = None) -> None:
        self.payload = payload
        self.sender: str | None = envelope.get("from") if envelope else None
        self.deadline: float | None = envelope.get("deadline") if envelope else None
        self._wire = wire
        self._id = envelope["id"] if envelope else None

    async def answer(self, payload: bytes | str = b"") -> bool:
        """Acknowledge with *payload*.

        :returns: False when the answer cannot travel: the connection that the message came by is gone, or is of the old dialect.
        """
        return await self._reply(answer_frames(self._id, payload))

    async def fail(self, error: str, payload: bytes | str = b"") -> bool:
        """Refuse: the controller reads *error*. Returns as :meth:`answer` does."""
        return await self._reply(refusal_frames(self._id, error, payload))

    async def _reply(self, frames: bytes) -> bool:
        return self._id is not None and await self._wire.try_to_write(frames)


class RelayDevice:
    """What a device does, whatever way it goes: connect, receive, and connect again for ever, with backoff.

    The arguments are those of :class:`Device`.
    """

    _log = logging.getLogger("netd.client.relay")

    def __init__(
        self,
        way: Way,
        line: RelayLine,
        on_connect: Callable[[Welcome], object] | None,
        on_disconnect: Callable[[str, float], object] | None,
    ) -> None:
        self._way = way
        self._line = line
        self._on_connect = on_connect
        self._comeback = Comeback(way, RelayBackoff(way.chance), on_disconnect, self._log)
        self._wire: RelayWire | None = None

    async def run(self, receive: Callable[[bytes], bytes | str | Awaitable[bytes | str | None] | None]) -> None:
        """Call (and await) *receive* with each payload, in order, until the way is closed."""
        message = await self.next()
        while message is not None:
            try:
                answer = receive(message.payload)
                if inspect.isawaitable(answer):
                    answer = await answer
                await message.answer(b"" if answer is None else answer)
            except Exception as error:
                self._log.exception("a message could not be handled")
                await message.fail(str(error) or type(error).__name__)
            message = await self.next()

    async def next(self) -> RelayMessage | None:
        """The next message, over all connections; None when the way is closed."""
        while not self._way.is_closed:
            try:
                return await self._receive(self._wire or await self._connect())
            except RelayError as error:
                if self._wire is not None:
                    await self._wire.leave()
                    self._wire = None
                await self._comeback.wait(error)
        return None

    async def say(self, payload: bytes | str, event: str | None) -> bool:
        """Publish news; False when there is no connection."""
        wire = self._wire
        return wire is not None and await wire.try_to_write(news_frames(wire.dialect, payload, event))

    async def _connect(self) -> RelayWire:
        self._wire, welcome = await self._line.open()
        self._comeback.connected()
        self._log.info("connected, dialect %s, name %r", welcome.dialect, welcome.name)
        if self._on_connect is not None:
            self._on_connect(welcome)
        return self._wire

    @staticmethod
    async def _receive(wire: RelayWire) -> RelayMessage:
        if wire.dialect == OLD:
            return RelayMessage(await wire.read(), wire)
        while True:
            envelope, payload = await wire.read_about_requests()
            if "id" in envelope:
                return RelayMessage(payload, wire, envelope)


class DeviceProgram(Program[W]):
    """What makes a device, whatever way it goes.

    :param name: what controllers call it; without one, and always in the old dialect, it is known by its address alone.
    :param aliases: further names.
    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``: see the module.
    :param on_connect: called with a :class:`Welcome` after each connection.
    :param on_disconnect: called with the reason, and the seconds until the next attempt.
    :param token: what proves that the device is *name*: see :class:`netd.client.token.ClientToken`, also for *token_file*.
    :param cafile: the authority of the server's certificate, with which TLS is used: see :class:`netd.client.tls.ClientTls`,
        also for *certificate* and *key*.
    :param ping: seconds between two signs of life of the relay: after three that are missing, the device connects again. None
        asks for none: the device waits for ever, and the operating system alone tells that the relay is gone.
    :raises ValueError: when a name, the port, the dialect, the token or *ping* cannot be.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        host: str,
        port: int,
        name: str | None = None,
        aliases: Sequence[str] = (),
        *,
        dialect: str = AUTO,
        on_connect: Callable[[Welcome], object] | None = None,
        on_disconnect: Callable[[str, float], object] | None = None,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        ping: float | None = PING,
        surroundings: Any = None,
    ) -> None:
        super().__init__(surroundings, ClientTls(cafile, certificate, key))
        check_device_names(name, aliases)
        check_ping(ping)
        hello = partial(device_hello, name, tuple(aliases), ping=ping)
        line = RelayLine(self._way, host, port, dialect, hello, b"raspberrypi", ClientToken(token, token_file))
        self._device = RelayDevice(self._way, line, on_connect, on_disconnect)


class RelayController:
    """What a controller does, one request at a time, whatever way it goes.

    :ivar dialect: what the last connection speaks; empty before there was one.
    """

    def __init__(self, way: Way, host: str, port: int, dialect: str, token: ClientToken) -> None:
        self.dialect = ""
        self._way = way
        self._line = RelayLine(way, host, port, dialect, controller_hello, b"", token)
        self._numbers = itertools.count(1)
        self._wire: RelayWire | None = None

    async def devices(self) -> list[DeviceInfo]:
        """The devices that the relay knows.

        :raises RelayError: when the list cannot be had.
        """
        wire = await self._ready()
        if wire.dialect == OLD:
            return read_old_list(await self._event(wire, old_list))
        return read_devices((await self._request(wire, {"list": True}, b"", ANSWER_TIMEOUT))[0])

    async def connect(self, target: str | DeviceInfo) -> str:
        """Ask whether a device is there, as programs for old servers do before they send; newer ones need not.

        :returns: its address, as the relay says it.
        :raises NoSuchDevice: when the relay does not know it, or it is away.
        :raises RelayError: when the relay cannot be asked.
        """
        device = str(target)
        wire = await self._ready()
        if wire.dialect == OLD:
            return read_old_connect(device, await self._event(wire, lambda: old_connect(device)))
        return find_online((await self._request(wire, {"list": True}, b"", ANSWER_TIMEOUT))[0], device)

    async def send(self, target: str | DeviceInfo, payload: bytes | str, deadline: float | None = None) -> Outcome:
        """Send *payload* to a device, and wait for what becomes of it.

        :param target: a device's name, alias or address in any spelling, or an entry of :meth:`devices`.
        :param deadline: seconds that the device has to answer; None leaves it to the relay. Old servers know none.
        :raises ValueError: when an argument cannot be sent.
        :raises NotConnected: when the relay cannot be reached; nothing was sent.
        :raises RelayError: when the relay does not let this controller in; nothing was sent.
        """
        device, content, members = str(target), as_bytes(payload), request_members(str(target), deadline)
        frame(content)  # too long: say so before there is a connection
        wire = await self._ready()
        try:
            if wire.dialect == OLD:
                return read_old_outcome(await self._event(wire, lambda: old_send(device, content)))
            return read_outcome(*await self._request(wire, members, content, ANSWER_TIMEOUT + (deadline or 0.0)))
        except (ConnectionLost, FramingLost, NotInTime) as error:
            return unknown_fate(device, error)

    async def _ready(self) -> RelayWire:
        if self._wire is None or not await self._wire.is_open():
            if self._wire is not None:
                await self._drop(self._wire)
            self._wire, welcome = await self._line.open()
            self.dialect = welcome.dialect
        return self._wire

    async def _event(self, wire: RelayWire, event: Callable[[], bytes]) -> bytes:
        """The answer to an event of the old dialect, whose connection this ends.

        An old server may answer one event several times (once per device whose address looks like the target), and nothing tells
        the second answer from that to the next event.
        """
        try:
            end = self._way.now() + OLD_ANSWER_TIMEOUT
            await wire.write(event(), end)
            return await wire.read(end)
        finally:
            await self._drop(wire)

    async def _request(
        self, wire: RelayWire, members: dict[str, Any], payload: bytes, patience: float
    ) -> tuple[dict[str, Any], bytes]:
        """The last envelope about a request, and its payload.

        :param patience: seconds to wait for it.
        :raises RelayError: when it does not come.
        """
        number = next(self._numbers)
        frames = message_frames({"id": number, **members}, payload)
        end = self._way.now() + patience
        try:
            await wire.write(frames, end)
            while True:
                envelope, answer = await wire.read_about_requests(end)
                if envelope.get("id") == number and is_last_word(envelope):
                    return envelope, answer
        except RelayError:
            await self._drop(wire)
            raise

    async def _drop(self, wire: RelayWire) -> None:
        if self._wire is wire:
            self._wire = None
        await wire.leave()

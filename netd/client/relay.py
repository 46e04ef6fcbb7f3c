"""The relay's client side: :class:`Device` is told things, :class:`Controller` tells them.

Two dialects: ``"netd"`` has names, answers and deadlines; ``"old"`` is all that older servers know. ``"auto"`` tries the first
and falls back to the second when no welcome comes within 3 seconds, or something that is no welcome. That a server is old is
remembered for 10 minutes, or until it cannot be reached (it may come back as a netd); then the new dialect is tried again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from netd.client.relay_messages import (
    AUTO,
    ConnectionLost,
    Denied,
    DeviceInfo,
    FramingLost,
    NameTaken,
    NoSuchDevice,
    NotConnected,
    NotInTime,
    NoWelcome,
    Outcome,
    Refused,
    RelayError,
    Welcome,
    whole_address,
)
from netd.client.relay_plan import DeviceProgram, RelayController, RelayMessage
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
from netd.client.way_sockets import Blocking, SocketWay, Surroundings, carry_out

__all__ = [
    "ConnectionLost",
    "Controller",
    "Denied",
    "Device",
    "DeviceInfo",
    "FramingLost",
    "Message",
    "NameTaken",
    "NoSuchDevice",
    "NoWelcome",
    "NotConnected",
    "NotInTime",
    "Outcome",
    "Refused",
    "RelayError",
    "Surroundings",
    "Welcome",
    "whole_address",
]


class Message:
    """A controller's message to this device, to be answered once: see :class:`RelayMessage`."""

    def __init__(self, message: RelayMessage) -> None:
        self.payload = message.payload
        self.sender = message.sender
        self.deadline = message.deadline
        self._message = message

    def answer(self, payload: bytes | str = b"") -> bool:
        """Acknowledge with *payload*.

        :returns: False when the answer cannot travel: the connection that the message came by is gone, or is of the old dialect.
        """
        return carry_out(self._message.answer(payload))

    def fail(self, error: str, payload: bytes | str = b"") -> bool:
        """Refuse: the controller reads *error*. Returns as :meth:`answer` does."""
        return carry_out(self._message.fail(error, payload))


class Device(DeviceProgram[SocketWay], Blocking):
    """A device at the relay; connects again for ever, with backoff, until :meth:`close`."""

    def run(self, receive: Callable[[bytes], bytes | str | None]) -> None:
        """Call *receive* with each payload, in order, until :meth:`close`.

        What it returns is the answer (None: an empty one). When it raises, the controller reads that it failed and why, the
        program's log has the traceback, and the next message is waited for.
        """
        carry_out(self._device.run(receive))

    def __iter__(self) -> Iterator[Message]:
        """Each message as it comes, over all connections, until :meth:`close`. Iterating anew goes on with the connection."""
        return map(Message, iter(lambda: carry_out(self._device.next()), None))

    def say(self, payload: bytes | str, event: str | None = None) -> bool:
        """Publish news: the relay puts *payload* on the bus. From any thread.

        :param event: what it is about; the old dialect cannot carry it.
        :returns: False when there is no connection: news is not kept.
        """
        return carry_out(self._device.say(payload, event))


class Controller(Blocking):
    """Sends to devices and says what became of it. One request at a time; threads take turns.

    The connection is made by the first call, and again by the next call after it was lost. A request is never repeated.
    In the old dialect each event has a connection of its own.

    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``: see the module.
    :param token: what proves who this program is: see :class:`netd.client.token.ClientToken`, also for *token_file*.
    :param cafile: the authority of the server's certificate, with which TLS is used: see :class:`netd.client.tls.ClientTls`,
        also for *certificate* and *key*.
    :raises ValueError: when the port, the dialect or the token cannot be.
    """

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
        surroundings: Surroundings | None = None,
    ) -> None:
        super().__init__(surroundings, ClientTls(cafile, certificate, key))
        self._controller = RelayController(self._way, host, port, dialect, ClientToken(token, token_file))

    @property
    def dialect(self) -> str:
        """The dialect of the last connection, ``"netd"`` or ``"old"``; empty before the first one."""
        return self._controller.dialect

    def devices(self) -> list[DeviceInfo]:
        """The devices that the relay knows; see :meth:`RelayController.devices`."""
        with self._way.turn:
            return carry_out(self._controller.devices())

    def connect(self, target: str | DeviceInfo) -> str:
        """Ask whether a device is there; see :meth:`RelayController.connect`."""
        with self._way.turn:
            return carry_out(self._controller.connect(target))

    def send(self, target: str | DeviceInfo, payload: bytes | str, deadline: float | None = None) -> Outcome:
        """Send *payload* to a device, and wait for what becomes of it; see :meth:`RelayController.send`."""
        with self._way.turn:
            return carry_out(self._controller.send(target, payload, deadline))

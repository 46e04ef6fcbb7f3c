"""Guests: devices that are console connections, such as a web page or a program with a token. They are sent to as any other.

A console connection that attaches takes a device's place in the exchange: a peer that reads the second dialect, whose frames
become notifications (gateway protocol, "Being a device").
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from itertools import count
from typing import Any

from zope.interface import implementer

from netd.codec.jsontext import decode_object
from netd.codec.length_header import LengthHeaderDecoder
from netd.errors import InvalidArguments, NoSuchTarget, OperationFailed
from netd.interfaces import IPeer
from netd.operations import Caller, CallerLink, Operation, Role
from netd.principal import Principal
from netd.relay.devices import DeviceHello, DeviceLink, NameHeld, owner_of
from netd.relay.events import readable
from netd.relay.exchange import Exchange
from netd.relay.payload import payload_of
from netd.relay.requests import RequestInput
from netd.relay.results import AnsweredMessage, AttachedDevice, DetachedDevice
from netd.relay.target import NAME

__all__ = ["Guests"]

HOST = "console"
"""The host in the address of an attached device; its port is a number that no other such device has."""

MOST_DEVICES = 64
"""Devices that one console connection can be."""


@implementer(IPeer)
class _Attached:
    """The peer of a device that is a console connection.

    :param ended: called with the reason when the relay closes the device.
    """

    is_flushed = True  # each message is handed to the console connection at once

    def __init__(self, console: CallerLink, instance: str, name: str, ended: Callable[[str], None]) -> None:
        self._console = console
        self._facts = {"instance": instance, "device": name}
        self._ended = ended
        self._frames = LengthHeaderDecoder()
        self.link: DeviceLink | None = None

    @property
    def principal(self) -> Principal:
        """Who is at the console connection."""
        return self._console.principal

    @property
    def is_full(self) -> bool:
        """Whether the console connection takes nothing."""
        return self._console.is_full

    def send(self, data: bytes) -> bool:
        """Send the content of the frames in *data* as notifications. Return False if the console connection does not read."""
        if self._console.is_full:
            return False
        self._frames.feed(data)
        while (envelope := self._frames.next_frame()) is not None:
            payload = self._frames.next_frame()
            assert payload is not None, "the relay sends whole pairs"
            self._tell(decode_object(envelope), payload)
        return True

    def close(self, reason: str) -> None:
        """End the device; the console connection stays."""
        self._ended(reason)

    def expire_after(self, seconds: float | None) -> None:
        """Do nothing: the console connection has time limits of its own."""

    def note_unfinished(self, size: int, is_new: bool = False) -> bool:
        """Return True: messages from a console connection are always whole."""
        return True

    def set_reading(self, enabled: bool) -> None:
        """Do nothing: a guest sends only answers to requests."""

    def probe(self) -> None:
        """Probe the console connection."""
        self._console.probe()

    def silence(self) -> float:
        """Return the seconds since the console connection sent something."""
        return self._console.silence()

    def _tell(self, envelope: dict[str, Any], payload: bytes) -> None:
        if "status" in envelope:
            return  # the welcome, which is in the answer of relay.attach
        text, octets = readable(payload)
        said = {"text": text} if octets is None else {"base64": b64encode(octets).decode()}
        self._console.notify("relay.message", {**self._facts, **envelope, **said})


class Guests:
    """The devices of one relay that are console connections.

    :param instance: the instance of the relay, by which a page that is a device of two relays tells them apart.
    :param is_accepting: returns whether the relay accepts devices now.
    """

    def __init__(self, exchange: Exchange, instance: str, is_accepting: Callable[[], bool]) -> None:
        self._exchange = exchange
        self._instance = instance
        self._is_accepting = is_accepting
        self._consoles: dict[CallerLink, dict[str, _Attached]] = {}
        self._ports = count(1)

    def operations(self) -> list[Operation]:
        """Return the operations by which a console connection becomes a device, and acts as one."""
        return [
            Operation("relay.attach", self.attach, Role.OPERATOR, "Make this connection a device", is_lasting=True),
            Operation(
                "relay.answer", self.answer, Role.OPERATOR, "Answer what this connection was sent as a device", is_lasting=True
            ),
            Operation("relay.detach", self.detach, Role.OPERATOR, "Stop being a device", is_lasting=True),
        ]

    def attach(self, caller: Caller, name: str) -> AttachedDevice:
        """Make the caller's connection the device *name*. It replaces a device of that name that the same caller has connected.

        :raises OperationFailed: when somebody else holds the name, when the caller is too many devices already, or the relay
            accepts nothing new.
        """
        if NAME.fullmatch(name) is None:
            raise InvalidArguments(f"name: {name!r:.80} is no device name; write 1 to 63 letters, digits, _ and -")
        if not self._is_accepting():
            raise OperationFailed("netd is draining: it accepts nothing new until it is resumed (`netd resume`)")
        console = _console(caller)
        mine = self._consoles.get(console)
        if mine is None:
            mine = self._consoles[console] = {}
            console.when_lost(lambda: self._lost(console))
        if len(mine) >= MOST_DEVICES:
            raise OperationFailed(f"a connection can be {MOST_DEVICES} devices; detach one first")
        attached = _Attached(console, self._instance, name, lambda reason: self._ended(console, name, attached, reason))
        owner = owner_of(caller.principal, caller.host)
        try:
            attached.link = self._exchange.connect(attached, HOST, next(self._ports), DeviceHello(name), owner)
        except NameHeld as error:
            raise OperationFailed(str(error)) from None
        mine[name] = attached
        link = attached.link
        return AttachedDevice(self._instance, name, link.address, link.generation)

    def answer(
        self,
        caller: Caller,
        device: str,
        id: int,
        text: str | None = None,
        base64: str | None = None,
        error: str | None = None,
    ) -> AnsweredMessage:
        """Answer the message *id* to *device*, or refuse it with *error*."""
        attached = self._find(caller, device)
        payload = b"" if text is base64 is None else payload_of(text, base64)
        assert attached.link is not None
        happened = RequestInput.ANSWERED if error is None else RequestInput.REFUSED
        self._exchange.answered(attached.link, id, happened, payload, error or "")
        return AnsweredMessage(device, id)

    def detach(self, caller: Caller, device: str) -> DetachedDevice:
        """End *device* on the caller's connection."""
        attached = self._find(caller, device)
        assert attached.link is not None
        del self._consoles[_console(caller)][device]
        self._exchange.disconnect(attached.link, "detached")
        return DetachedDevice(device)

    def end(self, reason: str) -> None:
        """End all guests."""
        for console in list(self._consoles):
            for attached in list(self._consoles[console].values()):
                assert attached.link is not None
                self._exchange.disconnect(attached.link, reason)
                attached.close(reason)

    def _find(self, caller: Caller, device: str) -> _Attached:
        mine = self._consoles.get(_console(caller), {})
        if device not in mine:
            raise NoSuchTarget(f"this connection is no device {device!r:.80}; `relay.attach` makes it one")
        return mine[device]

    def _ended(self, console: CallerLink, name: str, attached: _Attached, reason: str) -> None:
        mine = self._consoles.get(console, {})
        if mine.get(name) is attached:
            del mine[name]
        console.notify("relay.detached", {"instance": self._instance, "device": name, "reason": reason})

    def _lost(self, console: CallerLink) -> None:
        for attached in self._consoles.pop(console).values():
            assert attached.link is not None
            self._exchange.disconnect(attached.link, console.reason or "its connection closed")


def _console(caller: Caller) -> CallerLink:
    assert caller.link is not None, "lasting operations have one"
    return caller.link

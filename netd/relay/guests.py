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
from netd.connection.attached import AttachedPeer, Attachments
from netd.errors import InvalidArguments, NoSuchTarget, OperationFailed
from netd.interfaces import IPeer
from netd.operations import Caller, CallerLink, Operation, Role
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
class _Guest(AttachedPeer):
    """The peer of a device that is a console connection.

    :param guests: the guests of the relay, which this one leaves when the relay closes it.
    """

    def __init__(self, console: CallerLink, instance: str, name: str, exchange: Exchange, guests: Attachments[_Guest]) -> None:
        super().__init__(console, name, {"instance": instance, "device": name})
        self._exchange = exchange
        self._guests = guests
        self._frames = LengthHeaderDecoder()
        self.link: DeviceLink | None = None

    def send(self, data: bytes) -> bool:
        """Send the content of the frames in *data* as notifications. Return False if the console connection does not read."""
        if self.is_full:
            return False
        self._frames.feed(data)
        while (envelope := self._frames.next_frame()) is not None:
            payload = self._frames.next_frame()
            assert payload is not None, "the relay sends whole pairs"
            self._tell(decode_object(envelope), payload)
        return True

    def close(self, reason: str) -> None:
        """End the device; the console connection stays."""
        self._guests.detach(self)
        self.tell("relay.detached", {"reason": reason})

    def expire_after(self, seconds: float | None) -> None:
        """Do nothing: the console connection has time limits of its own."""

    def leave(self, reason: str) -> None:
        """Disconnect the device."""
        assert self.link is not None
        self._exchange.disconnect(self.link, reason)

    def _tell(self, envelope: dict[str, Any], payload: bytes) -> None:
        if "status" in envelope:
            return  # the welcome, which is in the answer of relay.attach
        text, octets = readable(payload)
        said = {"text": text} if octets is None else {"base64": b64encode(octets).decode()}
        self.tell("relay.message", {**envelope, **said})


class Guests:
    """The devices of one relay that are console connections.

    :param instance: the instance of the relay, by which a page that is a device of two relays tells them apart.
    :param is_accepting: returns whether the relay accepts devices now.
    """

    def __init__(self, exchange: Exchange, instance: str, is_accepting: Callable[[], bool]) -> None:
        self._exchange = exchange
        self._instance = instance
        self._guests: Attachments[_Guest] = Attachments(is_accepting)
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
        self._guests.check_accepting()
        console = caller.lasting_link
        if len(self._guests.of(console)) >= MOST_DEVICES:
            raise OperationFailed(f"a connection can be {MOST_DEVICES} devices; detach one first")
        guest = _Guest(console, self._instance, name, self._exchange, self._guests)
        owner = owner_of(caller.principal, caller.host)
        try:
            link = guest.link = self._exchange.connect(guest, HOST, next(self._ports), DeviceHello(name), owner)
        except NameHeld as error:
            raise OperationFailed(str(error)) from None
        self._guests.attach(guest)
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
        guest = self._find(caller, device)
        payload = b"" if text is base64 is None else payload_of(text, base64)
        assert guest.link is not None
        happened = RequestInput.ANSWERED if error is None else RequestInput.REFUSED
        self._exchange.answered(guest.link, id, happened, payload, error or "")
        return AnsweredMessage(device, id)

    def detach(self, caller: Caller, device: str) -> DetachedDevice:
        """End *device* on the caller's connection."""
        guest = self._find(caller, device)
        self._guests.detach(guest)
        guest.leave("detached")
        return DetachedDevice(device)

    def end(self, reason: str) -> None:
        """End all guests."""
        for guest in self._guests:
            guest.leave(reason)
            guest.close(reason)

    def _find(self, caller: Caller, device: str) -> _Guest:
        guest = self._guests.of(caller.lasting_link).get(device)
        if guest is None:
            raise NoSuchTarget(f"this connection is no device {device!r:.80}; `relay.attach` makes it one")
        return guest

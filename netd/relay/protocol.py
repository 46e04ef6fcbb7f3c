"""The relay's shell: a Twisted connection around a conversation."""

from __future__ import annotations

from typing import ClassVar

from netd.codec.length_header import encode_frame
from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol, describe_address
from netd.errors import Revoked
from netd.log import told_of
from netd.principal import Kind
from netd.relay.devices import DeviceLink
from netd.relay.exchange import Exchange
from netd.relay.machine import RelayConversation
from netd.relay.target import plain_host
from netd.reserved import usurped

__all__ = ["RelayFactory", "RelayProtocol"]

ANSWERS = Bounds(Policy.PAUSE, 1 << 16)
"""The bounds of a controller's outbox. Over them, the controller is not read from."""


class RelayProtocol(PeerProtocol):
    """One connection of the relay."""

    waits_for_strangers = True  # a header begins with a digit
    factory: RelayFactory
    conversation: RelayConversation
    bounds: ClassVar[Bounds] = ANSWERS
    machine = ("conversation", "received")
    says_when_identified = True

    def opened(self) -> None:
        """Start the conversation."""
        self._number = self.factory.tally.accepted
        self.conversation = RelayConversation(self.factory.exchange, self.peer, self)
        self.received = self.conversation.receive  # type: ignore[method-assign, assignment]  # one call less a read

    def begun(self) -> None:
        """Tell the conversation."""
        self.conversation.begin()

    def address(self) -> tuple[str, int]:
        """Return host and port of the other side; behind a proxy, they are known from the first bytes on."""
        address = self.transport.getPeer()
        return plain_host(getattr(address, "host", "unix")), getattr(address, "port", self._number)

    def became_device(self) -> None:
        """Apply the bounds of a device: more may wait, and over them, messages are refused."""
        self.peer.rebind(self.factory.device_bounds)

    def device_connected(self, link: DeviceLink) -> None:
        """Log the device, and that it has taken the name of another connection if it has."""
        skipped = self.admit_line("device connected")
        if skipped is not None:
            self._log.info(
                "{service}: device {name} connected from {who}{more}",
                service=self.factory.name,
                name=link.name or "without a name",
                who=describe_address(self.transport.getPeer()),
                more=told_of(skipped),
            )
        skipped = self.admit_line("name taken over", most=1) if link.took_from else None
        if skipped is not None:
            self._log.warn(
                "{service}: device {name} took its name from {other}, which was still connected: if this goes on, two devices "
                "have the same name ({skipped} more took theirs so)",
                service=self.factory.name,
                name=link.name,
                other=link.took_from,
                skipped=skipped,
            )

    def expired(self) -> None:
        """Tell the conversation."""
        self.conversation.expired()

    def closed(self) -> None:
        """Tell the conversation."""
        self.conversation.lost(self.peer.reason or "its connection closed")

    def usurped(self) -> str:
        link = self.conversation.link
        names = () if link is None else filter(None, (link.name, *link.aliases))
        return usurped(self.factory.access, self.peer.principal, Kind.DEVICE, names)

    def revoked(self, why: Revoked) -> None:
        self.conversation.revoke(why)

    def drained(self) -> None:
        """Tell the conversation."""
        self.conversation.drained()

    def describe(self) -> str:
        """Return role, name and address, for the log."""
        link = self.conversation.link
        name = f" {link.name}" if link is not None and link.name else ""
        return f"{self.conversation.role.value}{name} {super().describe()}"


class RelayFactory(PeerFactory):
    """Makes the connections of one relay.

    :ivar device_bounds: what may wait for one device.
    """

    connection = RelayProtocol

    def __init__(self, name: str, context: PeerContext, exchange: Exchange, device_queue: int) -> None:
        super().__init__(name, context)
        self.exchange = exchange
        self.device_bounds = Bounds(Policy.REFUSE, device_queue)

    def refusal_at_door(self, why: str) -> bytes:
        return encode_frame(f"|error: {why}|".encode())

    def bound_devices(self, device_queue: int) -> None:
        """Let so many bytes wait for one device from now on, also for those that are connected."""
        self.device_bounds = Bounds(Policy.REFUSE, device_queue)
        for connection in self.connections:
            assert isinstance(connection, RelayProtocol)
            if connection.conversation.link is not None:
                connection.became_device()

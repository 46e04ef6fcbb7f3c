"""The room's shell: a Twisted connection around a conversation."""

from __future__ import annotations

from typing import ClassVar

from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.errors import Revoked
from netd.principal import Kind
from netd.reserved import usurped
from netd.room.machine import BotConversation
from netd.room.rooms import Rooms

__all__ = ["RoomFactory", "RoomProtocol"]


class RoomProtocol(PeerProtocol):
    """One connection of the room service."""

    factory: RoomFactory
    conversation: BotConversation
    bounds: ClassVar[Bounds] = Bounds(Policy.DISCONNECT, 1 << 17)
    machine = ("conversation", "received")
    says_when_identified = True

    def opened(self) -> None:
        """Start the conversation."""
        self.conversation = BotConversation(self.factory.rooms, self.peer, super().describe(), self)
        self.received = self.conversation.receive  # type: ignore[method-assign, assignment]  # one call less a read
        self.conversation.ask()

    def begun(self) -> None:
        """Tell the conversation."""
        self.conversation.begin()

    def expired(self) -> None:
        """Tell the conversation."""
        self.conversation.expired()

    def usurped(self) -> str:
        seat = self.conversation.seat
        names = () if seat is None else (seat.name,)
        return usurped(self.factory.access, self.peer.principal, Kind.BOT, names)

    def revoked(self, why: Revoked) -> None:
        self.conversation.revoke(why)

    def closed(self) -> None:
        """Tell the conversation."""
        self.conversation.lost(self.peer.reason or "its connection closed")

    def describe(self) -> str:
        """Its name and address, for the log."""
        seat = self.conversation.seat
        return f"bot {seat.name!r} {super().describe()}" if seat is not None else super().describe()


class RoomFactory(PeerFactory):
    """Builds the room's connections.

    :param rooms: where their bots meet.
    """

    connection = RoomProtocol

    def __init__(self, name: str, context: PeerContext, rooms: Rooms) -> None:
        super().__init__(name, context)
        self.rooms = rooms

    def refusal_at_door(self, why: str) -> bytes:
        return f"{why}\n".encode()

"""The shell around an agent's data connection."""

from __future__ import annotations

from typing import ClassVar

from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.errors import Revoked
from netd.principal import Kind
from netd.reserved import usurped
from netd.session.addresses import peer_address
from netd.session.roster import Roster
from netd.session.stream import AgentStream

__all__ = ["StreamFactory", "StreamProtocol"]


class StreamProtocol(PeerProtocol):
    """One data connection."""

    factory: StreamFactory
    stream: AgentStream
    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 1 << 12)
    machine = ("stream", "received")
    says_when_identified = True

    def opened(self) -> None:
        """Make the machine."""
        address = peer_address(getattr(self.transport.getPeer(), "host", ""))
        self.stream = AgentStream(self.factory.roster, self.peer, address, self)
        self.received = self.stream.receive  # type: ignore[method-assign, assignment]  # saves a call for each read

    def begun(self) -> None:
        """Start the time limit for the announcement."""
        self.stream.begin()

    def expired(self) -> None:
        """Pass the expiry on to the machine."""
        self.stream.expired()

    def usurped(self) -> str:
        session = self.stream.session
        names = () if session is None else (session.agent,)
        return usurped(self.factory.access, self.peer.principal, Kind.AGENT, names)

    def revoked(self, why: Revoked) -> None:
        self.stream.revoke(why)

    def closed(self) -> None:
        """Tell the machine of the end."""
        self.stream.lost(self.peer.reason or "the agent closed it")

    def describe(self) -> str:
        """Its session and address, for the log."""
        session = self.stream.session
        return f"{f'session {session.id}' if session is not None else 'an agent'} {super().describe()}"


class StreamFactory(PeerFactory):
    """Builds data connections."""

    connection = StreamProtocol

    def __init__(self, name: str, context: PeerContext, roster: Roster) -> None:
        super().__init__(name, context)
        self.roster = roster

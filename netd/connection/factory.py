"""What makes the connections of a service, counts them, and refuses those that there is no place for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from attrs import define, field
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger

from netd.connection.budget import UNLIMITED, Budget, Occupant, Place, Refusal
from netd.connection.eager import cut
from netd.connection.fairness import Turns
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol, describe_address, network_at
from netd.connection.silence import Silence
from netd.connection.vigil import Vigil
from netd.log import LogLimiter

__all__ = ["PeerFactory", "Tally"]

REMEDIES = {
    Refusal.PER_ADDRESS: "which `max_connections_per_address` bounds",
    Refusal.SECTION: "which `max_connections` bounds",
    Refusal.SILENT: "which `max_silent` bounds",
    Refusal.UNIDENTIFIED_MEMORY: "of which they have a part of `memory` in [netd]",
    Refusal.MEMORY: "which `memory` in [netd] bounds",
    Refusal.UNIDENTIFIED: "of which there may be one for four of the open files that are allowed",
    Refusal.DAEMON: "which the limit of open files bounds (`ulimit -Hn`, systemd's LimitNOFILE=)",
}
"""What each refusal says of how to have it otherwise."""


@define
class Tally:
    """Counters of one service's connections.

    :ivar silent: connections that ended without having said anything.
    """

    accepted: int = 0
    silent: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    refused: dict[str, int] = field(factory=dict)

    def refuse(self, kind: str) -> None:
        """Count one peer that broke the protocol, by kind."""
        self.refused[kind] = self.refused.get(kind, 0) + 1


class _TurnedAway(Protocol):
    """A connection that is not let in. A reset leaves nothing behind on this side, where a close leaves TIME_WAIT."""

    def makeConnection(self, transport: Any) -> None:
        cut(transport)


class PeerFactory(Factory):
    """Builds a service's protocols and knows its live connections.

    :cvar connection: the class of its connections.
    :cvar protocols: what is offered to clients that ask for protocols when TLS begins (ALPN), best first.
    :ivar name: the service in log lines, e.g. ``relay`` or ``relay:lab2``.
    :ivar turns: says whose work is next when there is much of it.
    :ivar vigil: finds connections whose peers are no longer there.
    :ivar end_those_who_left: frees the places of peers that have closed their connections, where that is not known yet.
    :ivar on_lost: called after each connection's end; the listening service waits on it while it stops.
    :ivar silence: the clock of those that have said nothing.
    :ivar share: what it has of the daemon's budget; outside of a daemon, a budget of its own without limits.
    """

    _log = Logger()
    noisy = False
    connection: ClassVar[type[PeerProtocol]]
    protocols: ClassVar[tuple[bytes, ...]] = ()

    def __init__(self, name: str, context: PeerContext) -> None:
        self.name = name
        self.context = context
        self.tally = Tally()
        self.log_limiter = LogLimiter(context.clock.seconds)
        self.connections: set[PeerProtocol] = set()
        self.turns = Turns(context.clock.callLater, context.clock.seconds)
        self.vigil = Vigil(context.clock, context.dead_timeout, self.connections)
        self.on_lost: Any = None
        self.silence = Silence(context.clock)
        self.end_those_who_left: Callable[[], None] | None = None
        self.share = Budget(context.clock.seconds).share(UNLIMITED)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection that has said nothing yet, or one that is reset at once because there are too many."""
        place = self.admit(addr, None)
        if place is None:
            return _TurnedAway()
        connection = self.make()
        connection.place = place
        place.occupant = connection
        return connection

    def make(self) -> PeerProtocol:
        """A connection, whether there is a place for it or not."""
        return self.connection(self)

    def admit(self, address: Any, occupant: Occupant | None, is_at_work: bool = False) -> Place | None:
        """A place for a newcomer from *address*, or None; that is counted and logged (limited).

        :param is_at_work: whether this is called from within a connection, where others cannot be read.
        """
        network = network_at(address)
        place = self.share.admit(network, occupant)
        if not isinstance(place, Place) and self.end_those_who_left is not None and not is_at_work:
            self.end_those_who_left()
            place = self.share.admit(network, occupant)
        if isinstance(place, Place):
            return place
        self.tally.refuse(place.value)
        skipped = self.log_limiter.admit(f"refused, {place.value}")
        if skipped is not None:
            self._log.warn(
                "{service}: {who} was refused: {why}, {remedy} ({skipped} more like it were not logged)",
                service=self.name,
                who=describe_address(address),
                why=place.value,
                remedy=REMEDIES[place],
                skipped=skipped,
            )
        return None

    def note_displaced(self, refusal: Refusal) -> None:
        """Count and log (limited) a connection that had to go for a newcomer."""
        self.tally.refuse(f"displaced: {refusal.value}")
        skipped = self.log_limiter.admit(f"displaced, {refusal.value}")
        if skipped is not None:
            self._log.warn(
                "{service}: {why}, {remedy}: a connection had to make room ({skipped} more like it were not logged)",
                service=self.name,
                why=refusal.value,
                remedy=REMEDIES[refusal],
                skipped=skipped,
            )

    def counters(self) -> dict[str, Any]:
        """The counters of all its connections, those that are open included."""
        tally = self.tally
        return {
            "accepted": tally.accepted,
            "bytes_in": tally.bytes_in + sum(connection._bytes_in for connection in self.connections),
            "bytes_out": tally.bytes_out + sum(connection.peer.written for connection in self.connections),
            "refused": dict(tally.refused),
            "silent": tally.silent,
            "dropped": dict(self.context.traffic.dropped),
        }

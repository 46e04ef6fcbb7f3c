"""The factory of a service's connections: it makes and counts them, and refuses those that the budget has no place for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from attrs import define, field
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger

from netd.access.section import SectionAccess
from netd.connection.budget import UNLIMITED, Budget, Occupant, Place, Refusal
from netd.connection.eager import cut
from netd.connection.fairness import TURN_SHARE, Turns
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol, describe_address, network_at
from netd.connection.refusals import UNKNOWN_PROXY
from netd.connection.shares import own_share
from netd.connection.silence import Silence
from netd.connection.vigil import Vigil
from netd.log import LogLimiter, told_of

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
"""For each refusal, the end of its log line: the option or limit to change."""


@define
class Tally:
    """Counters of one service's connections. Bytes of connections that are open are not in them yet.

    :ivar accepted: connections so far.
    :ivar silent: connections that ended without having sent anything.
    :ivar refused: connections and messages that were refused, by kind.
    """

    accepted: int = 0
    silent: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    refused: dict[str, int] = field(factory=dict)

    def refuse(self, kind: str) -> None:
        """Count one refusal of *kind*."""
        self.refused[kind] = self.refused.get(kind, 0) + 1


class _TurnedAway(Protocol):
    """A connection that is refused. It is reset, because an orderly close would leave a TIME_WAIT entry on this side."""

    def makeConnection(self, transport: Any) -> None:
        cut(transport)


class PeerFactory(Factory):
    """Makes the connections of one service, and knows those that are open.

    :cvar connection: the class of the connections.
    :cvar protocols: the protocols offered in TLS handshakes (ALPN), best first.
    :ivar name: the service in log lines, e.g. ``relay`` or ``relay:lab2``.
    :ivar connections: the open connections.
    :ivar turns: the order in which the connections are served under load.
    :ivar vigil: finds dead peers.
    :ivar silence: the time limit of connections that have sent nothing.
    :ivar end_those_who_left: reads connections whose peers have left to their end, which frees their places; None where
        connections are not read by :class:`netd.connection.eager.HotSockets`.
    :ivar farewell: why connections are closed by the service itself, for log, events and the peers that are told.
    :ivar on_lost: called after each connection's end; a service that stops waits for it.
    :ivar share: the service's share of the daemon's budget; outside of a daemon, of a budget without limits.
    :ivar access: says who the connections are; outside of a daemon, it admits everybody.
    :ivar unproven: the time limit of connections that their address does not admit, to prove who they are.
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
        self.turns = Turns(own_share(context.clock, "receive", TURN_SHARE), context.clock.seconds)
        self.vigil = Vigil(context.clock, context.dead_timeout, self.connections)
        self.farewell = "netd stops"
        self.on_lost: Any = None
        self.silence: Silence[PeerProtocol] = Silence(context.clock, lambda connection: connection.stayed_silent())
        self.end_those_who_left: Callable[[], None] | None = None
        self.share = Budget(context.clock.seconds).share(UNLIMITED)
        self.access = SectionAccess()
        self.unproven: Silence[PeerProtocol] = Silence(context.clock, lambda connection: connection.stayed_unproven())

    def logPrefix(self) -> str:
        """The service, as Twisted's own log lines name it: ``relay:lab2 starting on 5050``."""
        return self.name

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make a connection, or one that is reset at once because there are too many."""
        return self.build(addr, self.make)

    def build(self, addr: IAddress | None, make: Callable[[], PeerProtocol]) -> Any:
        """Make a connection by *make*, or one that is reset at once because there are too many."""
        place = self.admit(addr, None)
        if place is None:
            return self.turn_away()
        connection = make()
        connection.place = place
        place.occupant = connection
        return connection

    def make(self) -> PeerProtocol:
        """Make a connection without asking the budget for a place."""
        return self.connection(self)

    def admit(self, address: Any, occupant: Occupant | None, is_at_work: bool = False) -> Place | None:
        """Return a place for a newcomer from *address*; None if it is refused, which is counted and logged (limited).

        :param is_at_work: whether a connection is in the middle of a call. Then no other connection may be ended.
        """
        network = network_at(address)
        place = self.share.admit(network, occupant)
        # A client that closes and connects again may be here before its end was read: then its old place is still taken.
        if not isinstance(place, Place) and self.end_those_who_left is not None and not is_at_work:
            self.end_those_who_left()
            place = self.share.admit(network, occupant)
        if isinstance(place, Place):
            return place
        self.note_refusal(place.value, address, f"{place.value}, {REMEDIES[place]}")
        skipped = self.log_limiter.admit(f"refused, {place.value}", network)
        if skipped is not None:
            self._log.warn(
                "{service}: {who} was refused: {why}, {remedy}{more}",
                service=self.name,
                who=describe_address(address),
                why=place.value,
                remedy=REMEDIES[place],
                more=told_of(skipped),
            )
            self.access.report(place.value, describe_address(address), REMEDIES[place], skipped)
        return None

    def trusts_proxy(self, address: Any) -> bool:
        """Return True if a proxy at *address* may say whom its connections are from; count and log (limited) one that may not."""
        if self.access.rules.trusts(getattr(address, "host", None)):
            return True
        self.note_refusal(UNKNOWN_PROXY, address, "`proxies` does not name this proxy")
        skipped = self.log_limiter.admit(UNKNOWN_PROXY, network_at(address))
        if skipped is not None:
            self._log.warn(
                "{service}: {who} was refused ({kind}): `proxies` names those that may connect{more}",
                service=self.name,
                who=describe_address(address),
                kind=UNKNOWN_PROXY,
                more=told_of(skipped),
            )
            self.access.report(UNKNOWN_PROXY, describe_address(address), "`proxies` names those that may connect", skipped)
        return False

    def turn_away(self) -> Protocol:
        """Make a connection that is reset at once."""
        return _TurnedAway()

    def is_barred(self, host: str) -> bool:
        """Return True if nothing that a connection from *host* can say will admit it."""
        return not self.access.takes_tokens and self.access.admit_host(host) is None

    def refusal_at_door(self, why: str) -> bytes:
        """Return the bytes that tell a program *why* it is not admitted, as its protocol has them. Override."""
        return b""

    def note_refusal(self, kind: str, address: Any, why: str, opening: bytes = b"") -> None:
        """Count a refusal of the peer at *address*, and keep it for whoever asks why the peer is not let in.

        :param opening: the beginning of what the peer has sent.
        """
        self.tally.refuse(kind)
        budget = self.share.budget
        network, shown = network_at(address), describe_address(address)
        budget.refusals.note(self.name, network, kind, shown, why, opening, budget.monotonic())

    def note_displaced(self, refusal: Refusal) -> None:
        """Count and log (limited) a connection that was displaced for a newcomer."""
        self.tally.refuse(f"displaced: {refusal.value}")
        skipped = self.log_limiter.admit(f"displaced, {refusal.value}")
        if skipped is not None:
            self._log.warn(
                "{service}: {why}, {remedy}: a connection had to make room{more}",
                service=self.name,
                why=refusal.value,
                remedy=REMEDIES[refusal],
                more=told_of(skipped),
            )
            self.access.report(f"displaced: {refusal.value}", "", REMEDIES[refusal], skipped)

    def beside(self, connection: type[PeerProtocol]) -> BesideFactory:
        """Return a factory for endpoints at which the service speaks another protocol, by connections of that class."""
        return BesideFactory(self, connection)

    def counters(self) -> dict[str, Any]:
        """Return the counters, with the bytes of open connections in them."""
        tally = self.tally
        return {
            "accepted": tally.accepted,
            "bytes_in": tally.bytes_in + sum(connection._bytes_in for connection in self.connections),
            "bytes_out": tally.bytes_out + sum(connection.peer.written for connection in self.connections),
            "refused": dict(tally.refused),
            "silent": tally.silent,
            "dropped": dict(self.context.traffic.dropped),
        }


class BesideFactory(Factory):
    """Makes connections of another class for a :class:`PeerFactory`, which counts, bounds and ends them with its own.

    :ivar name: that of the service.
    :ivar protocols: none is offered in TLS handshakes.
    """

    noisy = False

    def __init__(self, main: PeerFactory, connection: type[PeerProtocol]) -> None:
        self.name = main.name
        self.protocols: tuple[bytes, ...] = ()
        self._main = main
        self._connection = connection

    def logPrefix(self) -> str:
        """The service, as Twisted's own log lines name it."""
        return self.name

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See :meth:`PeerFactory.buildProtocol`."""
        return self._main.build(addr, lambda: self._connection(self._main))

    def trusts_proxy(self, address: Any) -> bool:
        """See :meth:`PeerFactory.trusts_proxy`."""
        return self._main.trusts_proxy(address)

    def turn_away(self) -> Protocol:
        """See :meth:`PeerFactory.turn_away`."""
        return self._main.turn_away()

"""The end of all connections of a service that stops, or drains to a deadline."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from netd.connection.factory import PeerFactory
from netd.connection.protocol import PeerProtocol
from netd.errors import Revoked

__all__ = ["REVOKED_GRACE", "end_connections", "end_revoked", "end_unadmitted", "end_usurpers"]

REVOKED_GRACE = 0.5
"""Seconds that a connection has to read why it is closed, when its credential proves nobody any more. Then it is cut."""


def end_connections(factory: PeerFactory, seconds: float) -> Deferred[None]:
    """Close all connections of *factory* politely, wait for them, and cut those that have not ended in time.

    :param seconds: how long they may take.
    :returns: a Deferred that fires when no connection is left.
    """
    connections = factory.connections
    if not connections:
        return succeed(None)
    gone: Deferred[None] = Deferred()

    earlier = factory.on_lost  # who waits already: a daemon that drains, and is stopped

    def finish() -> None:
        if connections:
            return
        factory.on_lost = None
        if deadline.active():
            deadline.cancel()
        gone.callback(None)
        if earlier is not None:
            earlier()

    def cut() -> None:
        Logger().warn("{service}: cutting {count} connections", service=factory.name, count=len(connections))
        for connection in list(connections):
            connection.peer.abort(factory.farewell)  # each ends, and is logged, in the next turn

    deadline = factory.context.clock.callLater(seconds, cut)
    factory.on_lost = finish
    for connection in list(connections):
        connection.finish()
    return gone


def end_revoked(factory: PeerFactory, gone: frozenset[str]) -> None:
    """Tell the connections of *factory* whose credentials are *gone* why they end, and close them; cut those that linger."""
    ended = [connection for connection in factory.connections if connection.peer.principal.credential in gone]
    why = "the {} is no longer admitted: its credential is gone or has ended"
    _end(factory, ended, lambda connection: why.format(connection.peer.principal))


def end_unadmitted(factory: PeerFactory) -> None:
    """Do the same to the connections of *factory* whose addresses its access does not admit any more."""
    ended = [connection for connection in list(factory.connections) if not connection.is_still_admitted()]
    _end(factory, ended, lambda _: factory.access.objection())


def end_usurpers(factory: PeerFactory) -> None:
    """Do the same to the connections of *factory* with names that credentials have come for, which they have not proved."""
    found = {connection: why for connection in list(factory.connections) if (why := connection.usurped())}
    _end(factory, list(found), found.__getitem__)


def _end(factory: PeerFactory, ended: list[PeerProtocol], why: Callable[[PeerProtocol], str]) -> None:
    def cut() -> None:
        for connection in ended:
            if connection in factory.connections:
                connection.peer.abort(Revoked.kind)

    for connection in ended:
        connection.revoked(Revoked(why(connection)))
    if ended:
        factory.context.clock.callLater(REVOKED_GRACE, cut)

"""The end of all connections of a service that stops, or drains to a deadline."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from netd.connection.factory import PeerFactory

__all__ = ["end_connections"]


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

"""A service that listens: on any number of Twisted endpoints, until it drains or stops.

Binds before privileges are given up, makes TCP connections hot where the platform can, and ends politely: stop accepting, close
each connection, wait a little, cut what is left.
"""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet import tcp
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.errors import NetdError
from netd.wire.bounds import Traffic
from netd.wire.peer import PeerContext
from netd.wire.protocol import PeerFactory, describe_address
from netd.wire.quick import QuickDoor, QuickFactory
from netd.wire.sockets import HotSockets
from netd.wire.turn import Turn

__all__ = ["CannotListen", "ListeningService", "make_context", "reach_of"]


BACKLOG = 1024
"""Connections that the operating system is to keep until they are accepted, where the endpoint does not say. Over it, programs
wait a second and try again."""


class CannotListen(NetdError):
    """An endpoint could not be listened on; the text names service, endpoint, cause and remedy."""


def make_context(reactor: Any, stall_timeout: float) -> PeerContext:
    """What the connections of one service share, on *reactor*."""
    return PeerContext(reactor, Turn(reactor.callLater), Traffic(), stall_timeout)


def reach_of(address: Any) -> str:
    """Who can reach a listener at *address*, in words."""
    host = getattr(address, "host", None)
    if host is None:
        return "users of this machine who may open the socket file"
    ip = ipaddress.ip_address(host.partition("%")[0] or "0.0.0.0")  # noqa: S104 - binds nothing: an empty host is that address
    if ip.is_loopback:
        return "this machine only"
    if ip.is_unspecified:
        return "every machine that reaches this one"
    return f"machines that reach {host}"


class ListeningService(Service):
    """Listens with one factory on several endpoints.

    :cvar remedy: what a person can do when an endpoint is not to be had.
    :param listen: Twisted endpoint strings.
    :param stop_timeout: seconds that connections get to finish when the service stops.
    :param quick: *factory* itself, where newcomers may be answered at the door.
    """

    _log = Logger()
    remedy: ClassVar[str] = "Stop what uses it, or choose another with `listen`."

    def __init__(
        self,
        listen: tuple[str, ...],
        factory: PeerFactory,
        reactor: Any,
        stop_timeout: float = 5.0,
        quick: QuickFactory | None = None,
    ) -> None:
        self._listen = listen
        self._factory = factory
        self._reactor = reactor
        self._stop_timeout = stop_timeout
        self._hot = HotSockets(reactor, factory.context.turn)
        self._door = QuickDoor(reactor, factory.context.turn, quick) if quick is not None else None
        self._ports: list[IListeningPort] = []

    def privilegedStartService(self) -> None:
        """Listen on every endpoint.

        :raises CannotListen: for the first that is not to be had.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._start_listening()

    def startService(self) -> None:
        """Listen, where that was not done with privileges already."""
        super().startService()  # type: ignore[no-untyped-call]
        self._start_listening()

    def stopService(self) -> Deferred[None]:
        """Stop accepting, close all connections, and wait for them."""
        super().stopService()  # type: ignore[no-untyped-call]
        done = self.drain()
        done.addCallback(lambda _: self.close_connections(self._factory))
        done.addCallback(lambda _: self._hot.stop())
        return done

    def drain(self) -> Deferred[Any]:
        """Accept nothing more; what is open goes on."""
        if self._door is not None:
            self._door.close()
        ports, self._ports = self._ports, []
        return DeferredList([d for d in (port.stopListening() for port in ports) if d is not None])

    def listening(self) -> list[dict[str, str]]:
        """Where it listens and who may reach it, for people."""
        return [{"address": describe_address(port.getHost()), "reach": reach_of(port.getHost())} for port in self._ports]

    def _start_listening(self) -> None:
        if self._ports:
            return
        for description in self._listen:
            failures: list[Failure] = []
            listens = self._endpoint(description).listen(self._factory)
            listens.addCallback(self._listens, description)
            listens.addErrback(failures.append)
            if failures:
                raise self._cannot(failures[0], description)

    def _endpoint(self, description: str) -> IStreamServerEndpoint:
        try:
            endpoint: IStreamServerEndpoint = serverFromString(self._reactor, description)
        except LookupError:
            raise CannotListen(
                f"[{self._factory.name}] cannot listen on {description}: systemd has handed over no such socket. "
                "Start netd by its socket unit, or choose another with `listen`."
            ) from None
        return endpoint

    def _listens(self, port: Any, description: str) -> None:
        self._ports.append(port)
        if isinstance(port, tcp.Port) and ":backlog=" not in description:
            port.socket.listen(BACKLOG)
        if HotSockets.can_serve(self._reactor, port):
            self._hot.start()
            self._hot.adopt(port)
            if self._door is not None and port.factory is self._factory:  # and not what reads a proxy's header first
                self._door.open(port)

    def _cannot(self, failure: Failure, description: str) -> CannotListen:
        failure.trap(CannotListenError, OSError)
        cause = getattr(failure.value, "socketError", failure.value)
        why = getattr(cause, "strerror", None) or str(cause)
        return CannotListen(f"[{self._factory.name}] cannot listen on {description}: {why}. {self.remedy}")

    def close_connections(self, factory: PeerFactory) -> Deferred[None]:
        """Close all connections of *factory* politely, wait for them, and cut those that have not ended in time."""
        connections = factory.connections
        if not connections:
            return succeed(None)
        gone: Deferred[None] = Deferred()

        def finish() -> None:
            if not connections and not gone.called:
                if deadline.active():
                    deadline.cancel()
                gone.callback(None)

        def cut() -> None:
            self._log.warn("{service}: cutting {count} connections", service=factory.name, count=len(connections))
            for connection in list(connections):
                connection.peer.abort("netd stops")  # which ends, and so logs, each of them in the next turn

        deadline = self._reactor.callLater(self._stop_timeout, cut)
        factory.on_lost = finish
        for connection in list(connections):
            connection.finish()
        return gone

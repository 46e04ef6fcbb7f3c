"""The other ends of connections, played by a test: a client of a service that listens, a remote of one that dials."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from netd.connection.protocol import PeerProtocol

__all__ = ["Connection", "FakeRemote", "connect"]


class Connection:
    """The other end of a connection to a protocol under test.

    :ivar protocol: the protocol, as Twisted calls it.
    :ivar transport: the transport that the protocol writes to.
    """

    def __init__(self, protocol: PeerProtocol, transport: StringTransport, clock: MemoryReactorClock) -> None:
        self.protocol = protocol
        self.transport = transport
        self._clock = clock

    def say(self, *pieces: bytes) -> bytes:
        """Deliver each of *pieces* as one read, end the turn, and return the answer."""
        for piece in pieces:
            self.protocol.dataReceived(piece)
            self._clock.advance(0)
        return self.heard()

    def heard(self) -> bytes:
        """The bytes that the protocol has written since the last call."""
        self._clock.advance(0)
        written: bytes = self.transport.value()
        self.transport.clear()
        return written

    @property
    def is_closing(self) -> bool:
        """Whether the protocol has closed or aborted the connection."""
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def lose(self, reason: Any = None) -> None:
        """Lose the connection: closed by this end, or for another *reason*."""
        self.protocol.connectionLost(reason or Failure(ConnectionDone()))
        self._clock.advance(0)


def connect(factory: Any, clock: MemoryReactorClock, host: str = "127.0.0.1", port: int = 50412) -> Connection:
    """Connect from *host* and *port* to a service, which listens with *factory*."""
    address = (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)
    return _made(factory, address, clock)


def _made(factory: Any, address: Any, clock: MemoryReactorClock) -> Connection:
    """Build the protocol of *factory* for *address*, and connect it."""
    protocol = factory.buildProtocol(address)
    transport = StringTransport(peerAddress=address)
    protocol.makeConnection(transport)
    return Connection(protocol, transport, clock)


class FakeRemote:
    """The remote that a service dials, played by a test. It accepts or refuses calls.

    A call that is neither accepted nor refused lasts until the service gives up. All names resolve to 127.0.0.1.

    :param reactor: the reactor of the service; advance its clock to have the service dial again.
    :param port: the port or the path of this remote, for a service that dials several; None takes all calls.
    """

    def __init__(self, reactor: MemoryReactorClock, port: int | str | None = None) -> None:
        self._reactor = reactor
        self._port = port
        self._answered = 0

    @property
    def calls(self) -> list[Any]:
        """The calls of the service so far, oldest first: host and port of each, or the path."""
        return [where for where, _, _ in self._calls()]

    @property
    def is_called(self) -> bool:
        """Whether a call waits to be accepted or refused."""
        calls = self._calls()
        return len(calls) > self._answered and not calls[-1][2].stoppedConnecting

    def accept(self) -> Connection:
        """Accept the newest call.

        :returns: the remote's end of the connection.
        :raises AssertionError: when no call waits.
        """
        where, factory, _ = self._answer()
        if isinstance(where, str):
            address: Any = UNIXAddress(where)
        else:
            address = (IPv6Address if ":" in where[0] else IPv4Address)("TCP", *where)
        return _made(factory, address, self._reactor)

    def refuse(self, error: Exception | None = None) -> None:
        """Refuse the newest call, as a port does on which nobody listens, or with another *error* of ``twisted.internet.error``.

        :raises AssertionError: when no call waits.
        """
        _, factory, connector = self._answer()
        factory.clientConnectionFailed(connector, Failure(error or Refused()))
        self._reactor.advance(0)

    def _answer(self) -> tuple[Any, Any, Any]:
        assert self.is_called, f"nobody calls; so far: {self.calls}"
        calls = self._calls()
        self._answered = len(calls)
        return calls[-1]

    def _calls(self) -> list[tuple[Any, Any, Any]]:
        """Place, factory and connector of each call to this remote."""
        reactor = self._reactor
        tcp = [((host, port), port, factory) for host, port, factory, *_ in reactor.tcpClients]
        unix = [(path, path, factory) for path, factory, *_ in reactor.unixClients]
        assert not (tcp and unix), "a service that dials TCP and unix sockets is more than this remote can tell apart"
        calls = zip(tcp or unix, reactor.connectors, strict=True)
        return [(where, factory, made) for (where, port, factory), made in calls if self._port in (None, port)]

"""Tests of :mod:`netd.wire.tools.datagrams`: senders of datagrams alone, and with their own server."""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.recording import Transport
from netd.wire.tools.datagrams import MOST_ADDRESSES, LearnedDatagrams
from netd.wire.tools.streams import LearnedFactory
from netd.wire.tools.tape import WireTape
from netd.wire.tools.witness import WireWitness

SENDER = ("192.0.2.7", 5000)


class FakeSocket:
    """A UDP socket that writes down what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []
        self.connected: tuple[str, int] | None = None

    def write(self, datagram: bytes, place: Any = None) -> None:
        self.sent.append((datagram, place))

    def connect(self, host: str, port: int) -> None:
        self.connected = (host, port)


class SocketReactor(MemoryReactorClock):
    """Opens such sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.upstream: list[tuple[Any, FakeSocket, str]] = []

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:  # noqa: N802, N803
        """A socket to an old server."""
        del port, maxPacketSize
        opened = FakeSocket()
        protocol.makeConnection(opened)
        protocol.startProtocol()
        self.upstream.append((protocol, opened, interface))
        return opened


class DatagramTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = SocketReactor()
        self.told: list[str] = []
        self.tape = WireTape(Transport.UDP, False, 0.0)

    def listen(self, attempt: bytes | None = None, server: tuple[str, int] | None = None) -> LearnedDatagrams:
        shared = LearnedFactory(self.reactor, WireWitness(self.tape, self.told.append, attempt), self.told.append)
        datagrams = LearnedDatagrams(shared, self.reactor, server)
        datagrams.transport = FakeSocket()
        self.addCleanup(lambda: self.assertEqual([], self.reactor.getDelayedCalls()))
        self.addCleanup(datagrams.stopProtocol)
        return datagrams

    def recorded(self) -> list[str]:
        return [f"{event.connection} {event.direction.value} {event.data.decode()}" for event in self.tape.recording().events]

    def test_alone(self) -> None:
        """Each address is a connection; where it waits, something is tried once."""
        datagrams = self.listen(b"OK\n")
        datagrams.datagramReceived(b"7", SENDER)
        datagrams.datagramReceived(b"8", ("::1", 9, 0, 0))
        datagrams.datagramReceived(b"9", SENDER)
        self.reactor.advance(3)
        self.reactor.advance(60)
        self.assertEqual(["1 opened 192.0.2.7:5000", "1 said 7", "2 opened [::1]:9", "2 said 8", "1 said 9"], self.recorded()[:5])
        self.assertEqual([(b"OK\n", ("::1", 9))], datagrams.transport.sent)

    def test_through(self) -> None:
        """Each address has a socket of its own to the old server, so that answers find their way back."""
        datagrams = self.listen(server=("192.0.2.1", 9999))
        datagrams.datagramReceived(b"7", SENDER)
        datagrams.datagramReceived(b"8", SENDER)
        ((protocol, opened, interface),) = self.reactor.upstream
        self.assertEqual(("192.0.2.1", 9999), opened.connected)
        self.assertEqual(([(b"7", None), (b"8", None)], ""), (opened.sent, interface))
        protocol.datagramReceived(b"ok", ("192.0.2.1", 9999))
        self.assertEqual([(b"ok", SENDER)], datagrams.transport.sent)
        self.assertEqual("1 heard ok", self.recorded()[-1])

    def test_no_server(self) -> None:
        """An old server that is not there is told once; that of IPv6 has a socket of its kind."""
        datagrams = self.listen(server=("::1", 9999))
        for port in (1, 2):
            datagrams.datagramReceived(b"7", ("::1", port, 0, 0))
        for protocol, _, interface in self.reactor.upstream:
            self.assertEqual("::", interface)
            protocol.connectionRefused()
        self.assertEqual(1, sum("nobody listens where --through says" in line for line in self.told))

    def test_too_many(self) -> None:
        """There is a limit to addresses, which is told once."""
        datagrams = self.listen()
        for port in range(MOST_ADDRESSES + 5):
            datagrams.datagramReceived(b"7", ("192.0.2.7", port + 1))
        self.assertEqual(MOST_ADDRESSES, len([line for line in self.recorded() if "opened" in line]))
        self.assertIn("those of others are not recorded", self.told[-1])

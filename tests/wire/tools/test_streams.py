"""Tests of :mod:`netd.wire.tools.streams`: programs alone, and programs with their own server, over transports in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, DNSLookupError
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.recording import Transport
from netd.wire.serial import SerialAddress
from netd.wire.tools.streams import MOST_CONNECTIONS, LearnedFactory
from netd.wire.tools.tape import WireTape
from netd.wire.tools.witness import WireWitness

GONE = Failure(ConnectionDone())
RESET = Failure(ConnectionLost())


class HalfTransport(StringTransport):
    """A transport of which one half can be closed."""

    is_half_closed = is_aborted = False

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """What is passed on does not wait for more."""

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Say no more."""
        self.is_half_closed = True

    def abortConnection(self) -> None:
        """Reset."""
        self.is_aborted = True


class LearnedTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[str] = []
        self.tape = WireTape(Transport.TCP, False, 0.0)
        self.dialled: list[tuple[Factory, Deferred[Any]]] = []

    def factory(self, attempt: bytes | None = None, through: bool = False) -> LearnedFactory:
        witness = WireWitness(self.tape, self.told.append, attempt)
        return LearnedFactory(self.clock, witness, self.told.append, self.dial if through else None)

    def dial(self, factory: Factory) -> Deferred[Any]:
        found: Deferred[Any] = Deferred()
        self.dialled.append((factory, found))
        return found

    def connect(self, factory: LearnedFactory, peer: Any = None) -> tuple[Any, HalfTransport]:
        """A program connects."""
        protocol = factory.buildProtocol(None)
        transport = HalfTransport(peerAddress=peer or IPv4Address("TCP", "127.0.0.1", 50112))
        protocol.makeConnection(transport)
        return protocol, transport

    def accept(self) -> tuple[Any, HalfTransport]:
        """The old server accepts the connection."""
        factory, found = self.dialled.pop()
        server, transport = factory.buildProtocol(None), HalfTransport()  # type: ignore[arg-type]
        assert server is not None
        server.makeConnection(transport)
        found.callback(server)
        return server, transport

    def recorded(self) -> list[str]:
        return [f"{event.time:g} {event.direction.value} {event.data.decode()}" for event in self.tape.recording().events]


class AloneTests(LearnedTestCase):
    def test_program(self) -> None:
        """What a program says is recorded, with its address and its end."""
        program, _ = self.connect(self.factory())
        self.clock.advance(1)
        program.dataReceived(b"T=1\n")
        self.clock.advance(1)
        program.connectionLost(GONE)
        self.assertEqual(["0 opened 127.0.0.1:50112", "1 said T=1\n", "2 closed program"], self.recorded())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_addresses(self) -> None:
        """Addresses of IPv6 have brackets; a serial port has its path."""
        factory = self.factory()
        self.connect(factory, IPv6Address("TCP", "::1", 7))
        self.connect(factory, SerialAddress("/dev/ttyACM0"))
        self.assertEqual(["0 opened [::1]:7", "0 opened /dev/ttyACM0"], self.recorded())

    def test_waiting(self) -> None:
        """After three seconds without a byte something is tried, and at once where that has helped before."""
        program, transport = self.connect(self.factory(b"OK\n"))
        program.dataReceived(b"T=1\n")
        self.clock.advance(2.9)
        program.dataReceived(b"T=2\n")
        self.clock.advance(2.9)
        self.assertEqual(b"", transport.value())
        self.clock.advance(0.2)
        self.assertEqual(b"OK\n", transport.value())
        program.dataReceived(b"T=3\n")
        self.clock.advance(0.2)
        self.assertEqual(b"OK\nOK\n", transport.value())
        self.clock.advance(10)
        self.assertEqual(b"OK\nOK\n", transport.value())
        program.connectionLost(GONE)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_too_many(self) -> None:
        """There is a limit to connections, which is told once; one that ends makes room."""
        factory = self.factory()
        programs = [self.connect(factory)[0] for _ in range(MOST_CONNECTIONS)]
        self.assertIsNone(factory.buildProtocol(None))
        self.assertIsNone(factory.buildProtocol(None))
        self.assertEqual(["a connection was refused: 100 are open"], self.told[5:])
        programs[0].connectionLost(GONE)
        self.assertIsNotNone(factory.buildProtocol(None))


class ThroughTests(LearnedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.learned = self.factory(through=True)

    def test_both_sides(self) -> None:
        """Bytes of both sides pass through as they come, and nothing else is said."""
        program, there = self.connect(self.learned)
        self.assertEqual("paused", there.producerState)
        server, behind = self.accept()
        self.assertEqual("producing", there.producerState)
        server.dataReceived(b"welcome\n")
        program.dataReceived(b"T=1")
        program.dataReceived(b"\n")
        self.clock.advance(60)
        self.assertEqual((b"welcome\n", b"T=1\n"), (there.value(), behind.value()))
        self.assertEqual(["0 heard welcome\n", "0 said T=1", "0 said \n"], self.recorded()[1:])

    def test_slow_sides(self) -> None:
        """Who reads slowly holds the other up: each side is the producer of the other."""
        _, there = self.connect(self.learned)
        _, behind = self.accept()
        behind.producer.pauseProducing()  # type: ignore[union-attr]
        self.assertEqual("paused", there.producerState)
        there.producer.pauseProducing()  # type: ignore[union-attr]
        self.assertEqual("paused", behind.producerState)

    def test_half_closes(self) -> None:
        """A program that has said all still hears the answer; then the connection ends, by whoever ended first."""
        program, there = self.connect(self.learned)
        server, behind = self.accept()
        self.assertTrue(IHalfCloseableProtocol.providedBy(program) and IHalfCloseableProtocol.providedBy(server))
        program.readConnectionLost()
        self.assertEqual((True, False), (behind.is_half_closed, there.is_half_closed))
        behind_producer = behind.producer
        self.assertIsNone(behind_producer)
        server.writeConnectionLost()
        server.dataReceived(b"sum=3\n")
        self.assertEqual(b"sum=3\n", there.value())
        server.readConnectionLost()
        program.writeConnectionLost()
        self.assertEqual((True, True, True), (there.is_half_closed, there.disconnecting, behind.disconnecting))
        program.connectionLost(GONE)
        server.connectionLost(GONE)
        self.assertEqual(["0 heard sum=3\n", "0 closed program"], self.recorded()[1:])

    def test_hang_ups(self) -> None:
        """Who ends the connection ends both sides, and is named."""
        program, _ = self.connect(self.learned)
        server, behind = self.accept()
        program.connectionLost(GONE)
        self.assertTrue(behind.disconnecting)
        server.connectionLost(GONE)
        program, there = self.connect(self.learned)
        server, _ = self.accept()
        server.connectionLost(GONE)
        self.assertTrue(there.disconnecting)
        program.connectionLost(GONE)
        self.assertEqual(["0 closed program", "0 opened 127.0.0.1:50112", "0 closed server"], self.recorded()[1:])

    def test_resets(self) -> None:
        """A reset passes through as one."""
        program, _ = self.connect(self.learned)
        _, behind = self.accept()
        program.connectionLost(RESET)
        self.assertTrue(behind.is_aborted)
        _, there = self.connect(self.learned)
        server, _ = self.accept()
        server.connectionLost(RESET)
        self.assertTrue(there.is_aborted)

    def test_no_server(self) -> None:
        """An old server that is not there is told once, and the program is cut off as it would be without netd."""
        for _ in range(2):
            program, there = self.connect(self.learned)
            self.dialled.pop()[1].errback(DNSLookupError())
            self.assertTrue(there.is_aborted)
            program.connectionLost(RESET)
        self.assertEqual("0 closed server", self.recorded()[-1])
        self.assertEqual(1, sum("the old server cannot be reached" in line for line in self.told))

    def test_program_that_did_not_wait(self) -> None:
        """A program that has gone while its server was dialled leaves nothing behind."""
        program, _ = self.connect(self.learned)
        program.connectionLost(GONE)
        server, behind = self.accept()
        self.assertTrue(behind.is_aborted)
        server.connectionLost(RESET)
        self.assertEqual("0 closed program", self.recorded()[-1])

"""TLS under a connection: the clock of the handshake, and how its end is told. No network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.certificates import Certificates
from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.protocol import PeerProtocol
from netd.connection.tls import HANDSHAKE_TIMEOUT, SecuredEndpoint, SecuredFactory, connection_of
from netd.listening import make_context
from netd.pem import Files
from tests.tls import Client, make_certificate


class EchoProtocol(PeerProtocol):
    """Says everything back."""

    bounds = Bounds(Policy.PAUSE, 1 << 16)

    def received(self, data: bytes) -> None:
        self.peer.send(data)


class EchoFactory(PeerFactory):
    connection = EchoProtocol


class SecuredTests(SynchronousTestCase):
    def setUp(self) -> None:
        pem = Path(self.mktemp())
        make_certificate(pem)
        self.clock = Clock()
        self.factory = EchoFactory("echo", make_context(self.clock, 30.0))
        self.certificates = Certificates(Files(pem, pem), (), "echo")
        self.certificates.load()

    def connect(self, factory: Factory | None = None) -> Client:
        """A client that has said nothing yet."""
        secured = SecuredFactory(self.certificates, False, factory or self.factory, self.clock)
        return Client(secured.buildProtocol(None))

    def lose(self, client: Client) -> list[Any]:
        """The connection is lost; the log lines of that."""
        with capturedLogs() as events:
            client.protocol.connectionLost(Failure(ConnectionDone()))
        return [event["why"] for event in events if "bytes_in" in event]

    def test_echo(self) -> None:
        """What is said behind TLS is answered behind it, at the end of the turn, and no clock is left of the handshake."""
        client = self.connect().shake_hands()
        self.clock.advance(2 * HANDSHAKE_TIMEOUT)
        self.assertFalse(client.transport.disconnected)
        client.say(b"x" * 40_000)
        self.clock.advance(0)
        client.exchange()
        self.assertEqual(b"x" * 40_000, client.heard)

    def test_endpoint(self) -> None:
        """What listens on the endpoint speaks TLS, and the connections behind it are the service's."""
        reactor = MemoryReactorClock()
        endpoint = SecuredEndpoint(TCP4ServerEndpoint(reactor, 8443), self.certificates, reactor)
        self.successResultOf(endpoint.listen(self.factory))
        [(port, secured, *_)] = reactor.tcpServers
        client = Client(secured.buildProtocol(None)).shake_hands()
        self.assertEqual((port, connection_of(client.protocol).factory), (8443, self.factory))
        self.assertEqual(client.protocol.factory._clock, reactor)
        self.lose(client)

    def test_half_a_handshake(self) -> None:
        """Whoever has begun a handshake must end it in 5 s, however it drips, and is cut with the reason in the log."""
        for factory in (self.factory, HAProxyWrappingFactory(self.factory)):
            client = self.connect(factory)
            hello = client.hello()
            for at in range(5):
                client.protocol.dataReceived(hello[at : at + 1])
                self.clock.advance(HANDSHAKE_TIMEOUT / 5 - 0.01)
            self.assertFalse(client.transport.disconnected)
            self.clock.advance(0.05)
            self.assertTrue(client.transport.disconnected)
            self.assertEqual(["its TLS handshake took more than 5 s"], self.lose(client))
            self.assertEqual([], self.clock.getDelayedCalls())

    def test_silence(self) -> None:
        """Who has said nothing has not begun: how long that may last is the service's to say, as without TLS."""
        client = self.connect()
        self.clock.advance(1000)
        self.assertFalse(client.transport.disconnected)
        client.shake_hands()

    def test_lost_meanwhile(self) -> None:
        """A connection that is lost in the middle of a handshake leaves no clock."""
        client = self.connect()
        client.protocol.dataReceived(client.hello()[:20])
        self.lose(client)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_plain_http(self) -> None:
        """A browser that was given http instead of https is told so, in words."""
        client = self.connect()
        client.protocol.dataReceived(b"GET /?token=secret HTTP/1.1\r\n")
        self.assertTrue(client.transport.value().startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertIn(b"This port speaks TLS: the address begins with https://\n", client.transport.value())
        self.assertTrue(client.transport.disconnecting)
        self.assertEqual(["began with an HTTP request"], self.lose(client))
        self.assertEqual({"an HTTP request": 1}, self.factory.tally.refused)
        self.assertEqual([], self.clock.getDelayedCalls())

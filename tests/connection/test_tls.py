"""TLS under a connection: the clock of the handshake, and how its end is told. No network."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.access.section import SectionAccess
from netd.certificates import Certificates
from netd.connection.eager import unsent_of
from netd.connection.tls import HANDSHAKE_TIMEOUT, SecuredEndpoint, SecuredFactory, connection_of
from netd.listening import make_context
from netd.pem import ClientDemand, Files, key_digest
from netd.principal import LOCAL, Kind, Principal, Proof, Role
from tests.tls import Authority, Client, ClientTransport, EchoFactory, make_certificate, write_private


class SecuredTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        pem = Path(self.mktemp())
        make_certificate(pem)
        self.clock = Clock()
        self.factory = EchoFactory("echo", make_context(self.clock, 30.0))
        self.certificates = Certificates(Files(pem, pem), (), "echo")
        self.certificates.load()

    def connect(self, factory: Factory | None = None, **options: Any) -> Client:
        """A client that has said nothing yet."""
        secured = SecuredFactory(self.certificates, factory or self.factory, self.clock)
        return Client(secured.buildProtocol(None), **options)

    def lose(self, client: Client) -> list[Any]:
        """The connection is lost; the log lines of that."""
        with capturedLogs() as events:
            client.protocol.connectionLost(Failure(ConnectionDone()))
        return [event["why"] for event in events if "bytes_in" in event]


class SecuredTests(SecuredTestCase):
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
        """Whoever has begun a handshake must end it in 8 s, however it drips, and is cut with the reason in the log."""
        for factory in (self.factory, HAProxyWrappingFactory(self.factory)):
            client = self.connect(factory)
            hello = client.hello()
            for at in range(5):
                client.protocol.dataReceived(hello[at : at + 1])
                self.clock.advance(HANDSHAKE_TIMEOUT / 5 - 0.01)
            self.assertFalse(client.transport.disconnected)
            self.clock.advance(0.05)
            self.assertTrue(client.transport.disconnected)
            self.assertEqual(["its TLS handshake took more than 8 s"], self.lose(client))
            self.assertEqual([], self.clock.getDelayedCalls())

    def test_silence(self) -> None:
        """A client of TLS speaks first: silence has the same limit."""
        client = self.connect()
        self.clock.advance(HANDSHAKE_TIMEOUT - 0.01)
        self.assertFalse(client.transport.disconnected)
        self.clock.advance(0.01)
        self.assertTrue(client.transport.disconnected)
        self.assertEqual(["its TLS handshake took more than 8 s"], self.lose(client))

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

    def test_waiting_bytes(self) -> None:
        """What waits for the end of a handshake counts as unsent: a peer that never ends it is cut as one that does not read."""
        client = self.connect()
        connection_of(client.protocol).peer.send(b"x" * 1000)
        self.clock.advance(0)
        self.assertEqual(1000, unsent_of(client.protocol))
        client.shake_hands()
        self.assertEqual(0, unsent_of(client.protocol))


class ClientsTestCase(SecuredTestCase):
    """Clients have to show certificates of an authority."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.clients = Authority("clients")
        self.certificates.follow(self.certificates.source, ClientDemand(self.write("ca.pem", self.clients.pem), is_required=True))

    def write(self, name: str, *pieces: bytes) -> Path:
        return write_private(self.folder / name, *pieces)


class FaultTests(ClientsTestCase):
    """Handshakes that fail: each with the reason by which it is counted, and a line in the log with the remedy."""

    def shake(self, **options: Any) -> tuple[list[str], str]:
        """The kinds of refusal of a client with these *options*, and the reason in the log."""
        self.factory = EchoFactory("echo", make_context(self.clock, 30.0))
        with capturedLogs() as events:
            client = self.connect(**options)
            with contextlib.suppress(SSL.Error):
                client.shake_hands()
            with contextlib.suppress(SSL.Error):
                client.exchange()  # its alert
            client.protocol.connectionLost(Failure(ConnectionDone()))
        return list(self.factory.tally.refused), next(
            (event["why"] for event in events if "excerpt" in event or "kind" in event), ""
        )

    def test_good(self) -> None:
        """A client with a certificate of the authority is served."""
        self.assertEqual(([], ""), self.shake(pem=self.write("good.pem", *self.clients.issue("door-lock"))))

    def test_client_certificates(self) -> None:
        """The log names the certificate that does not count, and why."""
        for pem, told in (
            (self.clients.issue("old", days=(-2, -1)), "the certificate 'CN=old' has expired, or this machine's clock is wrong"),
            (self.clients.issue("new", days=(1, 2)), "the certificate 'CN=new' is not valid yet: the clock of this machine"),
            (Authority().issue("stranger"), "the certificate 'CN=stranger' is of another authority than `client_ca`"),
            (Authority("clients").issue("before"), "the certificate 'CN=before' is of an authority with the name of `client_ca`"),
        ):
            kinds, why = self.shake(pem=self.write("client.pem", *pem))
            self.assertEqual(["a client certificate that does not count"], kinds)
            self.assertIn(told, why)

    def test_alert_is_read(self) -> None:
        """The alert leaves first, and what the client still sends is discarded for a second: a reset could eat the alert."""
        client = self.connect()
        with contextlib.suppress(SSL.Error):
            client.shake_hands()
        self.assertTrue(client.transport.is_half_closed)
        client.protocol.dataReceived(b"the first message")
        self.clock.advance(0.9)
        self.assertFalse(client.transport.disconnected)
        self.clock.advance(0.2)
        self.assertTrue(client.transport.disconnected)
        self.assertEqual(["a client without a certificate"], self.lose(client))

    def test_no_certificate(self) -> None:
        """A client without the certificate that is required is refused, and the log says what makes one."""
        kinds, why = self.shake()
        self.assertEqual(["a client without a certificate"], kinds)
        self.assertIn("`netd cert device NAME` makes one", why)

    def test_optional(self) -> None:
        """Where it is optional, a client without one is served."""
        self.certificates.follow(self.certificates.source, ClientDemand(self.folder / "ca.pem"))
        self.assertEqual(([], ""), self.shake())

    def test_untrusted(self) -> None:
        """A client that does not know the authority says so by an alert: the log tells what the client lacks."""
        kinds, why = self.shake(trusts=self.folder / "ca.pem")
        self.assertEqual(["a client that does not trust this certificate"], kinds)
        self.assertIn("give it the ca.pem", why)

    def test_old_client(self) -> None:
        """A client of TLS 1.1 is told from one that speaks none at all."""
        kinds, _ = self.shake(newest=SSL.TLS1_1_VERSION, suites=b"ALL:@SECLEVEL=0")
        self.assertEqual(["a client without a modern TLS"], kinds)

    def test_plain_text(self) -> None:
        """A program that speaks no TLS is told from one whose TLS is wrong, and the log shows its first bytes."""
        with capturedLogs() as events:
            client = self.connect()
            client.protocol.dataReceived(b"11         raspberrypi")
        self.assertEqual({"plain text on a TLS port": 1}, self.factory.tally.refused)
        [line] = [event for event in events if "excerpt" in event]
        self.assertEqual(b"11 raspberrypi", line["excerpt"])
        self.assertIn("this port speaks TLS", line["why"])
        self.assertEqual(["plain text on a TLS port"], self.lose(client))

    def test_broken_off(self) -> None:
        """A client that goes in the middle of a handshake is counted; one that has said nothing, a scanner of ports, is not."""
        client = self.connect()
        self.lose(client)
        self.assertEqual({}, self.factory.tally.refused)
        client = self.connect()
        client.protocol.dataReceived(client.hello()[:20])
        self.lose(client)
        self.assertEqual({"a TLS handshake that was broken off": 1}, self.factory.tally.refused)
        self.assertEqual([], list(self.factory.share.budget.refusals))  # browsers do that: it is nobody's trouble

    def test_no_resumption(self) -> None:
        """With a `client_ca`, sessions are not resumed: the certificate of a resumed one would not be verified again."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.write("good.pem", *self.clients.issue("door-lock")))
        resumed = []
        for demand in (ClientDemand(), ClientDemand(self.folder / "ca.pem")):
            self.certificates.follow(self.certificates.source, demand)
            first = self.greet(context, None)
            resumed.append(self.greet(context, first.session).session_reused)
        self.assertEqual([True, False], resumed)

    def greet(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLObject:
        """The client's side of a whole handshake that offers to resume *session*."""
        protocol, transport = (
            SecuredFactory(self.certificates, self.factory, self.clock).buildProtocol(None),
            ClientTransport(),
        )
        protocol.makeConnection(transport)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        side = context.wrap_bio(incoming, outgoing, session=session)
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            if outgoing.pending:
                protocol.dataReceived(outgoing.read())
            incoming.write(transport.value())
            transport.clear()
        return side


class Access(SectionAccess):
    """Knows one credential.

    :ivar asked: what was asked for.
    """

    def __init__(self, found: Principal | None) -> None:
        super().__init__("echo")
        self.found = found
        self.asked: list[Any] = []

    def prove_certificate(self, peer: Any, digest: str, names: Any) -> bool:
        self.asked.append((digest, names))
        if self.found is not None:
            peer.prove(self.found)
        return self.found is not None


class ProofTests(ClientsTestCase):
    """What a client's certificate proves."""

    def test_proved(self) -> None:
        """The certificate is shown to the section's admission, with its key and names, before the first byte is received."""
        key, pem = self.clients.issue("door-lock")
        door = Principal("door-lock", Role.NOBODY, None, Proof.CERTIFICATE, "line", kind=Kind.DEVICE)
        self.factory.access = access = Access(door)
        demand = ClientDemand(self.folder / "ca.pem", names=("cn", "dns", "uri"))
        self.certificates.follow(self.certificates.source, demand)
        client = self.connect(pem=self.write("good.pem", key, pem)).shake_hands()
        digest = key_digest(x509.load_pem_x509_certificate(pem))
        self.assertEqual([(digest, ["door-lock", "door-lock"])], access.asked)
        self.assertIs(door, connection_of(client.protocol).peer.principal)
        self.lose(client)

    def test_nobodys(self) -> None:
        """A certificate that is nobody's proves nothing, and the log says what would make it somebody's."""
        self.factory.access = Access(None)
        with capturedLogs() as events:
            client = self.connect(pem=self.write("good.pem", *self.clients.issue("door-lock"))).shake_hands()
        [line] = [event for event in events if "subject" in event]
        self.assertEqual("CN=door-lock", line["subject"])
        self.assertEqual(LOCAL, connection_of(client.protocol).peer.principal)
        self.lose(client)

    def test_none_shown(self) -> None:
        """Without a certificate, nothing is asked."""
        self.factory.access = access = Access(None)
        self.certificates.follow(self.certificates.source, ClientDemand())
        self.lose(self.connect().shake_hands())
        self.assertEqual([], access.asked)

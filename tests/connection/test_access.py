"""Who gets in: the shell asks the access of its section for each connection, and says no in the words of the protocol."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, ClassVar

from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import PEER, AccessRules, AccessWord
from netd.access.section import SectionAccess
from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.ending import REVOKED_GRACE, end_unadmitted
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PROOF_TIMEOUT, UNPROVEN_BYTES, PeerProtocol
from netd.connection.proxied import proxied
from netd.connection.turn import Turn
from netd.principal import ANONYMOUS, LOCAL, Kind, Principal, Proof, Role
from netd.testing import Connection, connect

CERTIFIED = Principal("bell", Role.NOBODY, None, Proof.CERTIFICATE, "bell device 2c26 proof=certificate", Kind.DEVICE)
BELL = Principal("bell", Role.NOBODY, None, Proof.TOKEN, "bell device 9f86", Kind.DEVICE)


class Porter(PeerProtocol):
    """Writes down what it hears, and takes the word ``bell`` for a proof."""

    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 1 << 16)
    says_when_identified = True

    def opened(self) -> None:
        self.heard = b""
        self.has_begun = False

    def begun(self) -> None:
        self.has_begun = True

    def received(self, data: bytes) -> None:
        self.heard += data
        if data == b"bell":
            self.peer.prove(BELL)


class DeafPorter(Porter):
    """One of a kind whose protocol has no place for a proof."""

    says_when_identified = False


class PorterFactory(PeerFactory):
    connection = Porter

    def refusal_at_door(self, why: str) -> bytes:
        return f"no: {why}\n".encode()


class DeafFactory(PorterFactory):
    connection = DeafPorter


NOT_YOU = b"no: this address is not admitted by `access` of [lodge]\n"


class LodgeTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        self.factory = PorterFactory("lodge", PeerContext(self.clock, Turn(self.clock.callLater), Traffic(), 8.0))

    def admit(self, *words: AccessWord) -> None:
        """Admit those whom *words* name; peers are 10.0.0.0/8."""
        rules = AccessRules(frozenset(words), (ip_network("10.0.0.0/8"),), (ip_network("10.1.1.1"),))
        self.reported: list[tuple[object, ...]] = []
        self.factory.access = SectionAccess("lodge", rules, publish=lambda *refusal: self.reported.append(refusal))

    def visit(self, host: str = "203.0.113.9") -> Connection:
        """A connection from *host*."""
        return connect(self.factory, self.clock, host)

    def told(self, connection: Connection) -> bytes:
        """What the other side has been told so far."""
        self.clock.advance(0)
        told: bytes = connection.transport.value()
        return told


class AddressTests(LodgeTestCase):
    def test_admitted(self) -> None:
        """A connection from a place that the section names is served, and known by its place."""
        self.admit(AccessWord.LOOPBACK, AccessWord.PEERS)
        for host, expected in (("127.0.0.1", LOCAL), ("10.0.0.7", PEER)):
            connection = self.visit(host)
            connection.say(b"hello")
            self.assertEqual((expected, b"hello"), (connection.protocol.peer.principal, connection.protocol.heard))
        self.assertEqual({}, self.factory.counters()["refused"])

    def test_not_admitted(self) -> None:
        """Another one is told why, closed and counted; nothing that it says is taken."""
        self.admit(AccessWord.LOOPBACK, AccessWord.PEERS)
        with capturedLogs() as events:
            connection = self.visit()
            told = connection.say(b"hello")
        self.assertEqual((NOT_YOU, b""), (told, connection.protocol.heard))
        self.assertEqual({"not admitted": 1}, self.factory.counters()["refused"])
        reason = "this address is not admitted by `access` of [lodge]"
        self.assertEqual([("lodge", "not admitted", "203.0.113.9:50412", reason, 0)], self.reported)
        [line] = [text for text in map(formatEvent, events) if text and "refused" in text]
        self.assertIn("lodge: 203.0.113.9:50412 refused (not admitted): this address is not admitted", line)
        self.clock.pump([1.0] * 3)
        self.assertTrue(connection.is_closing)
        connection.lose()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_makes_room(self) -> None:
        """While it is being closed, it counts among the unidentified, which newcomers displace."""
        self.admit(AccessWord.LOOPBACK)
        connection = self.visit()
        assert connection.protocol.place is not None
        self.assertFalse(connection.protocol.place.is_identified)


class ProofTests(LodgeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.admit(AccessWord.PEERS, AccessWord.TOKENS)

    def test_proof(self) -> None:
        """A stranger with a proof is served, for as long as it likes."""
        connection = self.visit()
        self.assertIs(ANONYMOUS, connection.protocol.peer.principal)
        connection.say(b"bell")
        self.clock.advance(PROOF_TIMEOUT * 10)
        connection.say(b"x" * UNPROVEN_BYTES * 2)
        self.assertEqual((BELL, False), (connection.protocol.peer.principal, connection.is_closing))
        self.assertTrue(connection.protocol.place.is_identified)

    def test_no_proof(self) -> None:
        """One without gets 8 s, whatever it says meanwhile."""
        connection = self.visit()
        self.clock.advance(PROOF_TIMEOUT / 2)
        connection.say(b"hm")
        self.clock.advance(PROOF_TIMEOUT / 2)
        self.assertEqual(NOT_YOU[:-1] + b", and no token came within 8 s\n", self.told(connection))
        connection.lose()
        self.assertEqual(({"not admitted": 1}, []), (self.factory.counters()["refused"], self.clock.getDelayedCalls()))

    def test_too_much_before_the_proof(self) -> None:
        """It may say 4 KiB until then."""
        connection = self.visit()
        self.assertEqual(b"", connection.say(b"x" * UNPROVEN_BYTES))
        self.assertEqual(NOT_YOU[:-1] + b", and no token was in the first 4096 bytes\n", connection.say(b"x"))
        self.assertEqual(UNPROVEN_BYTES, len(connection.protocol.heard))

    def test_one_read(self) -> None:
        """Its first read may be longer: the proof may be at its beginning, and what it is for behind it."""
        connection = self.visit()
        self.assertEqual(b"", connection.say(b"x" * UNPROVEN_BYTES * 2))
        self.assertIn(b"no token was in the first 4096 bytes", connection.say(b"x"))

    def test_no_place_for_a_proof(self) -> None:
        """A service whose protocol cannot carry a proof serves no stranger, and all others as before."""
        self.factory = DeafFactory("lodge", self.factory.context)
        self.admit(AccessWord.PEERS, AccessWord.TOKENS)
        connection = self.visit()
        self.assertEqual(NOT_YOU, connection.say(b"bell"))
        self.assertEqual(b"", connection.protocol.heard)
        self.assertEqual(b"", self.visit("10.0.0.7").say(b"bell"))

    def test_gone_before_the_proof(self) -> None:
        """One that leaves leaves no clock behind."""
        self.visit().lose()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_peer(self) -> None:
        """A peer needs no proof, and may give one: it has the rights of that alone then."""
        connection = self.visit("10.0.0.7")
        self.clock.advance(PROOF_TIMEOUT * 2)
        self.assertIs(PEER, connection.protocol.peer.principal)
        connection.say(b"bell")
        self.assertIs(BELL, connection.protocol.peer.principal)


class ReconsiderTests(LodgeTestCase):
    """Other rules hold for the connections that are open, too."""

    def reconsider(self, *words: AccessWord) -> None:
        """Put other rules into force."""
        self.factory.access.follow(AccessRules(frozenset(words), (ip_network("10.0.0.0/8"),)))
        end_unadmitted(self.factory)

    def test_not_admitted_any_more(self) -> None:
        """A connection that the new rules leave out is told so; the others go on."""
        self.admit(AccessWord.LOOPBACK, AccessWord.PEERS, AccessWord.TOKENS)
        local, peer, bell = (self.visit(host) for host in ("127.0.0.1", "10.0.0.7", "203.0.113.9"))
        bell.say(b"bell")
        self.reconsider(AccessWord.LOOPBACK, AccessWord.TOKENS)
        self.assertEqual([b"", NOT_YOU, b""], [self.told(one) for one in (local, peer, bell)])
        self.assertEqual({"no longer admitted": 1}, self.factory.counters()["refused"])
        self.clock.advance(REVOKED_GRACE)
        self.assertEqual([False, True, False], [one.transport.disconnected for one in (local, peer, bell)])

    def test_proof_without_tokens(self) -> None:
        """Where `access` has no `tokens` any more, a token keeps those alone whose addresses are admitted, as for newcomers."""
        self.admit(AccessWord.PEERS, AccessWord.TOKENS)
        peer, stranger = (self.visit(host) for host in ("10.0.0.7", "203.0.113.9"))
        for connection in (peer, stranger):
            connection.say(b"bell")
        self.reconsider(AccessWord.PEERS)
        self.assertEqual([b"", NOT_YOU], [self.told(one) for one in (peer, stranger)])
        self.assertIs(BELL, peer.protocol.peer.principal)

    def test_admitted_now(self) -> None:
        """One that still had to prove itself need not any more."""
        self.admit(AccessWord.TOKENS)
        connection = self.visit("10.0.0.7")
        self.reconsider(AccessWord.PEERS)
        self.assertIs(PEER, connection.protocol.peer.principal)
        self.clock.advance(PROOF_TIMEOUT * 2)
        self.assertEqual(b"", self.told(connection))

    def test_no_tokens_any_more(self) -> None:
        """One that waits to prove itself learns that this is over; one that may still, waits on; one that was closed, nothing."""
        self.admit(AccessWord.TOKENS)
        connection = self.visit()
        self.reconsider(AccessWord.TOKENS, AccessWord.PEERS)
        self.assertEqual(b"", self.told(connection))
        for _twice in range(2):
            self.reconsider(AccessWord.PEERS)
            self.assertEqual(NOT_YOU, self.told(connection))


class CertificateTests(LodgeTestCase):
    def test_before_the_first_byte(self) -> None:
        """A certificate proves a client before its first byte: that begins the connection as any other, and ends its silence."""
        self.admit(AccessWord.TOKENS)
        connection = self.visit()
        porter = connection.protocol
        porter.peer.prove(CERTIFIED)
        self.assertFalse(porter.has_begun)
        self.clock.advance(PROOF_TIMEOUT * 2)  # it has proved itself
        porter.dataReceived(b"x" * UNPROVEN_BYTES)
        porter.dataReceived(b"y")
        self.assertTrue(porter.has_begun)
        self.assertEqual((b"", UNPROVEN_BYTES + 1), (self.told(connection), len(porter.heard)))
        self.clock.advance(2 * self.factory.share.quota.silent_timeout)
        self.assertTrue(porter.peer.is_open)


class ProxyTests(LodgeTestCase):
    """Behind a proxy, the address is the one that the proxy says, if the section believes it."""

    def setUp(self) -> None:
        super().setUp()
        self.admit(AccessWord.PEERS)
        proxied(TCP4ServerEndpoint(self.clock, 4711), self.factory).listen(self.factory)

    def visit_by(self, proxy: str) -> Any:
        """The reader of the header of a connection by *proxy*, with its transport."""
        address = IPv4Address("TCP", proxy, 50412)
        connection = self.clock.tcpServers[0][1].buildProtocol(address)
        connection.makeConnection(StringTransport(peerAddress=address))
        return connection

    def test_peer(self) -> None:
        """A peer is one, whatever the proxy's address; before the header, nothing is decided."""
        connection = self.visit_by("10.1.1.1")
        [inner] = self.factory.connections
        self.assertTrue(inner.is_still_admitted())
        self.assertIs(ANONYMOUS, inner.peer.principal)
        connection.dataReceived(b"PROXY TCP4 10.0.0.7 10.1.1.2 1 2\r\nhello")
        self.assertEqual((PEER, b"hello"), (inner.peer.principal, inner.heard))  # type: ignore[attr-defined]

    def test_stranger(self) -> None:
        """A stranger is none because the proxy is a peer."""
        connection = self.visit_by("10.1.1.1")
        [inner] = self.factory.connections
        connection.dataReceived(b"PROXY TCP4 203.0.113.9 10.1.1.2 1 2\r\nhello")
        self.clock.advance(0)
        self.assertEqual((NOT_YOU, b""), (connection.transport.value(), inner.heard))  # type: ignore[attr-defined]

    def test_certificate(self) -> None:
        """A certificate, which TLS shows between header and first byte, counts where tokens do, or beside a good address."""
        for words, host, expected in (
            ((AccessWord.PEERS,), "203.0.113.9", ANONYMOUS),
            ((AccessWord.PEERS,), "10.0.0.7", CERTIFIED),
            ((AccessWord.TOKENS,), "203.0.113.9", CERTIFIED),
        ):
            self.admit(*words)
            connection = self.visit_by("10.1.1.1")
            inner = next(iter(self.factory.connections))
            inner.peer.prove(CERTIFIED)
            connection.dataReceived(f"PROXY TCP4 {host} 10.1.1.2 1 2\r\nhello".encode())
            self.clock.advance(0)
            self.assertEqual(
                (expected, NOT_YOU if expected is ANONYMOUS else b""), (inner.peer.principal, connection.transport.value())
            )
            inner.peer.abort("done")
            self.factory.connections.clear()

    def test_no_proxy(self) -> None:
        """Whoever is no proxy of the section cannot claim an address: it is reset, counted and logged once a minute."""
        with capturedLogs() as events:
            for _twice in range(2):
                self.visit_by("10.0.0.7")
        self.assertEqual(set(), self.factory.connections)
        self.assertEqual({"unknown proxy": 2}, self.factory.counters()["refused"])
        self.assertEqual(["unknown proxy"], [kind for _, kind, *_ in self.reported])
        [line] = [text for text in map(formatEvent, events) if text and "proxies" in text]
        self.assertIn("lodge: 10.0.0.7:50412 was refused (unknown proxy): `proxies` names those that may connect", line)

    def test_no_place(self) -> None:
        """A proxy that there is no place for is turned away as any other connection."""
        self.patch(self.factory, "admit", lambda *_: None)
        self.visit_by("10.1.1.1")
        self.assertEqual(set(), self.factory.connections)

    def test_names(self) -> None:
        """The wrapper starts, stops and is called as the factory is."""
        guarded = self.clock.tcpServers[0][1]
        guarded.doStart()
        guarded.doStop()
        self.assertEqual("lodge", guarded.logPrefix())

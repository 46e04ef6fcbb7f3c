"""The shell around each connection: what it counts, what it logs, and what it leaves behind."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any, ClassVar

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.budget import Budget, Quota, Refusal
from netd.connection.crowd import CHANCE
from netd.connection.factory import REMEDIES, PeerFactory
from netd.connection.fairness import Lane
from netd.connection.peer import LINGER_BYTES, PeerContext
from netd.connection.protocol import LINES, PeerProtocol, describe_address
from netd.connection.turn import Turn
from netd.connection.vigil import Signs
from netd.errors import NotPermitted
from netd.log import INTERVAL
from netd.testing import Connection, connect
from netd.wire.serial import SerialAddress
from tests.connection.transports import FakeTransport


class Shouter(PeerProtocol):
    """Answers in capitals; ``bye`` ends it, ``bad`` is refused, ``soon`` asks for an expiry.

    :ivar events: what happened to the connection.
    """

    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 100)

    def opened(self) -> None:
        self.events = ["opened"]

    def received(self, data: bytes) -> None:
        self.events.append(f"received {data.decode('latin-1')[:20]}")
        if data == b"bye":
            self.peer.send(b"BYE")
            self.peer.close("said bye")
        elif data.startswith(b"bad"):
            self.refuse("bad word", "no such word", data)
        elif data == b"soon":
            self.peer.expire_after(5)
        else:
            self.peer.send(data.upper())

    def expired(self) -> None:
        self.events.append("expired")

    def drained(self) -> None:
        self.events.append("drained")

    def closed(self) -> None:
        self.events.append("closed")


class ShouterFactory(PeerFactory):
    connection = Shouter


class Quiet(PeerProtocol):
    """Overrides nothing."""

    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 100)


class QuietFactory(PeerFactory):
    connection = Quiet


class Hearer(Quiet):
    """Writes down what it hears, and answers nothing."""

    def opened(self) -> None:
        self.heard: list[bytes] = []

    def received(self, data: bytes) -> None:
        self.heard.append(data)


class HearerFactory(PeerFactory):
    connection = Hearer


class TunedTransport(StringTransport):
    """A transport over a socket that is connected to nothing."""

    def __init__(self, family: int) -> None:
        super().__init__()
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.told: list[str] = []

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802  # Twisted's name
        """Write it down."""
        self.told.append(f"no delay {enabled}")

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802  # Twisted's name
        """Write it down."""
        self.told.append(f"keep alive {enabled}")


class ProtocolTests(SynchronousTestCase):
    """What all the tests below start from."""

    def setUp(self) -> None:
        """A factory called ``shout:lab``."""
        self.clock = MemoryReactorClock()
        self.factory = self.make_factory(ShouterFactory)

    def make_factory(self, kind: type[PeerFactory]) -> PeerFactory:
        """A factory on the clock."""
        return kind("shout:lab", PeerContext(self.clock, Turn(self.clock.callLater), Traffic(), 30.0))

    def connect(self, port: int = 50412) -> Connection:
        """A connection from *port*."""
        return connect(self.factory, self.clock, port=port)

    def lines(self, events: Sequence[LogEvent], level: LogLevel = LogLevel.info) -> list[str]:
        """The log lines of *level* among *events*."""
        return [formatEvent(event) for event in events if event["log_level"] is level]


class ConversationTests(ProtocolTests):
    def test_life(self) -> None:
        """A connection is opened, answers, and is closed, in this order."""
        connection = self.connect()
        self.assertEqual(b"HELLO", connection.say(b"hello"))
        connection.lose()
        self.assertEqual(["opened", "received hello", "closed"], connection.protocol.events)

    def test_input_after_the_end(self) -> None:
        """What a peer says after it was told goodbye is not understood any more; a flood is cut."""
        connection = self.connect()
        self.assertEqual(b"BYE", connection.say(b"bye", b"hello"))
        self.assertEqual(["opened", "received bye"], connection.protocol.events)
        self.assertFalse(connection.transport.disconnected)
        connection.say(bytes(LINGER_BYTES))
        self.assertTrue(connection.transport.disconnected)

    def test_expiry(self) -> None:
        """A connection learns that its time is over."""
        connection = self.connect()
        connection.say(b"soon")
        self.clock.advance(5)
        self.assertEqual("expired", connection.protocol.events[-1])

    def test_drained(self) -> None:
        """A connection learns that a slow peer has taken everything."""
        transport = FakeTransport(0)
        protocol = self.factory.buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(b"hello")
        self.clock.advance(0)
        self.assertEqual(["opened", "received hello"], protocol.events)
        transport.read()
        self.assertEqual("drained", protocol.events[-1])

    def test_service_stops(self) -> None:
        """When the service stops, a connection gets its last answer, and ends with that reason in the log."""
        connection = self.connect()
        connection.protocol.dataReceived(b"hello")
        connection.protocol.finish()
        self.assertEqual((b"HELLO", "netd stops"), (connection.heard(), connection.protocol.peer.reason))
        self.assertTrue(connection.transport.disconnecting)

    def test_nothing_leaks(self) -> None:
        """However a connection ends, no timer and no connection is left."""
        for words in ((), (b"hello",), (b"soon",), (b"bye",), (b"soon", b"bye"), (b"bad",)):
            connection = self.connect()
            connection.say(*words)
            connection.lose()
            self.assertEqual((set(), []), (self.factory.connections, self.clock.getDelayedCalls()), words)

    def test_what_might_have_become_a_request(self) -> None:
        """Each byte is heard once: at once, or, where the service waits for that, when it is known that it is no request."""
        for waits, heard in ((False, [b"GE", b"x", b"y"]), (True, [b"GEx", b"y"])):
            self.patch(Hearer, "waits_for_strangers", waits)
            self.factory = self.make_factory(HearerFactory)
            connection = self.connect()
            connection.say(b"GE", b"x", b"y")
            self.assertEqual(heard, connection.protocol.heard)

    def test_nothing_to_override(self) -> None:
        """A service says only what concerns it."""
        self.factory = self.make_factory(QuietFactory)
        transport = FakeTransport(0)
        protocol = self.factory.buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(b"hello")
        protocol.peer.send(b"hi")
        protocol.peer.expire_after(1)
        self.clock.advance(1)
        transport.read()
        protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual([], self.clock.getDelayedCalls())


class CounterTests(ProtocolTests):
    def test_counters(self) -> None:
        """The counters are true at every moment, for connections that are open and that are gone."""
        first, second = self.connect(), self.connect(50413)
        first.say(b"hello")
        second.say(b"hi", b"ho")
        wanted = {"accepted": 2, "bytes_in": 9, "bytes_out": 9, "refused": {}, "silent": 0, "dropped": {}}
        self.assertEqual(wanted, self.factory.counters())
        first.lose()
        self.assertEqual(wanted, self.factory.counters())
        second.lose()
        self.assertEqual(wanted, self.factory.counters())

    def test_after_the_end(self) -> None:
        """The last word counts, and so does what came too late."""
        connection = self.connect()
        connection.say(b"bye", b"late")
        connection.lose()
        counters = self.factory.counters()
        self.assertEqual((7, 3), (counters["bytes_in"], counters["bytes_out"]))

    def test_refused_and_dropped(self) -> None:
        """Peers that broke the protocol, and bytes that were given up, are counted by reason; each on its own copy."""
        connection = self.connect()
        connection.say(b"bad", b"bad")
        connection.protocol.peer.pauseProducing()
        connection.say(b"x" * 101)
        for _ in range(2):
            counters = self.factory.counters()
            self.assertEqual(({"bad word": 2}, {"refused": 1}), (counters["refused"], counters["dropped"]))
            counters["refused"].clear()
            counters["dropped"].clear()


class LogTests(ProtocolTests):
    def test_one_line_at_the_end(self) -> None:
        """The operator reads one line of each connection: who, how long, how many bytes, why."""
        self.clock.advance(100)
        with capturedLogs() as events:
            connection = self.connect()
            connection.say(b"hello")
            self.clock.advance(2.5)
            connection.say(b"bye")
            connection.lose()
        self.assertEqual(["shout:lab: 127.0.0.1:50412 left after 2.5 s, 8 bytes in, 8 out: said bye"], self.lines(events))
        self.assertEqual(1, len(events))

    def test_reason_of_the_end(self) -> None:
        """What broke a connection is its peer's reason, for whoever tells that it is gone; an end has none, and was just now."""
        for code, reason in ((errno.ECONNRESET, "reset by the peer"), (errno.ETIMEDOUT, "no sign of life for 26 s"), (0, None)):
            connection = self.connect()
            transport: Any = connection.transport
            transport.errno, transport.last_signs = code, Signs(90.0, 26.0, 3)
            self.assertEqual(90.0, connection.protocol.peer.silence())
            connection.lose(Failure(CONNECTION_LOST) if code else None)
            peer = connection.protocol.peer
            self.assertEqual((reason, 90.0 if code else 0.0), (peer.reason, peer.silence()))

    def test_dead(self) -> None:
        """Whoever gives no sign of life is cut, and the operator reads that."""
        with capturedLogs() as events:
            connection = self.connect()
            connection.say(b"hello")
            connection.protocol.died("no sign of life for 27 s")
            self.assertTrue(connection.is_closing)
            connection.lose(Failure(ConnectionAborted()))
        (line,) = self.lines(events)
        self.assertTrue(line.endswith(": no sign of life for 27 s"), line)

    def test_why_it_broke(self) -> None:
        """A connection that broke by itself says how."""
        with capturedLogs() as events:
            self.connect().lose(Failure(ConnectionLost("cable cut")))
        (line,) = self.lines(events)
        self.assertTrue(line.endswith("Connection to the other side was lost in a non-clean fashion: cable cut."), line)

    def test_refusal(self) -> None:
        """The operator reads who was refused, why, and the first 80 bytes of what it sent, harmless to a terminal."""
        with capturedLogs() as events:
            self.connect().say(b"bad\x1b[31m\n{who}" + b"x" * 100)
        (line,) = self.lines(events, LogLevel.warn)
        self.assertEqual(
            "shout:lab: 127.0.0.1:50412 refused (bad word): no such word; it sent b'bad\\x1b[31m\\n{who}" + "x" * 66 + "'",
            line,
        )

    def test_refusal_of_nothing(self) -> None:
        """Where there is nothing to show of what a peer sent, the line does not pretend to."""
        with capturedLogs() as events:
            self.connect().protocol.refuse("silence", "it said nothing", b"")
        (line,) = self.lines(events, LogLevel.warn)
        self.assertEqual("shout:lab: 127.0.0.1:50412 refused (silence): it said nothing", line)

    def test_refusals_are_limited(self) -> None:
        """A hundred bad peers fill a line, not the log; the next line tells how many were left out."""
        with capturedLogs() as events:
            for _ in range(100):
                self.connect().say(b"bad")
            self.clock.advance(INTERVAL)
            self.connect().say(b"bad")
        first, second = self.lines(events, LogLevel.warn)
        self.assertTrue(first.endswith("it sent b'bad'"), first)
        self.assertTrue(second.endswith("(99 more like it were not logged)"), second)
        self.assertEqual({"bad word": 101}, self.factory.counters()["refused"])

    def test_proofs(self) -> None:
        """Five refusals of a proof are told in a minute, each with what it was about behind the padding of its header."""
        protocol = self.connect().protocol
        with capturedLogs() as events:
            for number in range(9):
                protocol.refuse(NotPermitted.kind, f"reason {number}", b"80".ljust(64) + b'device {"name": "door-lock"}')
        lines = self.lines(events, LogLevel.warn)
        self.assertEqual(5, len(lines))
        self.assertTrue(lines[4].endswith('reason 4; it sent b\'80 device {"name": "door-lock"}\''), lines[4])

    def test_kinds_are_limited_apart(self) -> None:
        """What one peer does wrong does not hide what else it does wrong."""
        protocol = self.connect().protocol
        with capturedLogs() as events:
            for kind in ("bad word", "bad length", "bad word"):
                protocol.refuse(kind, "so it is", b"x")
        self.assertEqual(2, len(self.lines(events, LogLevel.warn)))

    def test_fault_at_the_end(self) -> None:
        """A service that fails at a connection's end is named; the connection is counted and logged like any other."""
        self.factory = self.make_factory(ForgetfulFactory)
        connection = self.connect()
        with capturedLogs() as events:
            connection.lose()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        (line,) = self.lines(events, LogLevel.critical)
        self.assertIn("shout:lab: the end of a connection failed", line)
        self.assertEqual((1, set()), (len(self.lines(events)), self.factory.connections))

    def test_told_when_a_connection_ends(self) -> None:
        """Who waits for the last connection sees it gone when told."""
        left: list[int] = []
        self.factory.on_lost = lambda: left.append(len(self.factory.connections))
        first, second = self.connect(), self.connect(50413)
        first.lose()
        second.lose()
        self.assertEqual([1, 0], left)


class TuneTests(ProtocolTests):
    def tune(self, family: int) -> TunedTransport:
        """A transport that a connection was made on."""
        transport = TunedTransport(family)
        self.addCleanup(transport.socket.close)
        self.factory.buildProtocol(None).makeConnection(transport)
        return transport

    def test_tcp(self) -> None:
        """Small answers leave at once, and a peer whose cable was pulled is found."""
        for family in (socket.AF_INET, socket.AF_INET6):
            transport = self.tune(family)
            self.assertEqual(["no delay True", "keep alive True"], transport.told)
            for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_USER_TIMEOUT", 30_000)):
                self.assertEqual(value, transport.socket.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)), name)

    def test_patience(self) -> None:
        """Where peers may take nothing for longer than that, the operating system does not cut them before."""
        self.factory.context.stall_timeout = 300.0
        handle = self.tune(socket.AF_INET).socket
        self.assertEqual(300_000, handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

    def test_buffers(self) -> None:
        """What the operating system holds for a peer, and of what it sends, is as much as the protocol says; Linux doubles it."""
        connection = type("Buffered", (self.factory.connection,), {"send_buffer": 1 << 15, "receive_buffer": 1 << 14})
        self.patch(self.factory, "connection", connection)
        tuned = self.tune(socket.AF_INET).socket
        sizes = [tuned.getsockopt(socket.SOL_SOCKET, option) // 2 for option in (socket.SO_SNDBUF, socket.SO_RCVBUF)]
        self.assertEqual([1 << 15, 1 << 14], sizes)

    def test_vigil(self) -> None:
        """The dead are looked for while anybody is there, whoever else has left, and not when all have."""
        for _ in range(2):
            self.tune(socket.AF_INET)
        protocols = list(self.factory.connections)
        for protocol in protocols:
            protocol.dataReceived(b"hello")
        self.clock.advance(0)
        for clocks, protocol in zip((1, 0), protocols, strict=True):
            protocol.connectionLost(Failure(ConnectionLost()))
            self.assertEqual(clocks, len(self.clock.getDelayedCalls()))

    def test_unix(self) -> None:
        """A unix socket has nothing of the kind, and is served all the same."""
        self.assertEqual([], self.tune(socket.AF_UNIX).told)


class AddressTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """People read addresses as they write them."""
        described: list[tuple[Any, str]] = [
            (IPv4Address("TCP", "127.0.0.1", 5050), "127.0.0.1:5050"),
            (IPv6Address("TCP", "::1", 5050), "[::1]:5050"),
            (UNIXAddress("/run/netd.sock"), "unix:/run/netd.sock"),
            (UNIXAddress(b"/run/\xff.sock"), "unix:/run/\ufffd.sock"),
            (UNIXAddress(None), "unix"),
            (None, "unix"),
            (SerialAddress("/dev/ttyACM0"), "serial:/dev/ttyACM0"),
        ]
        for address, words in described:
            self.assertEqual(words, describe_address(address))


class Forgetful(Quiet):
    """Fails at its end, and has no machine yet."""

    machine = ("machine",)

    def closed(self) -> None:
        raise ZeroDivisionError("the test's own")


class ForgetfulFactory(PeerFactory):
    connection = Forgetful


class Formal(Shouter):
    """Says when it knows its peer."""

    says_when_identified = True

    def begun(self) -> None:
        self.events.append("begun")

    def received(self, data: bytes) -> None:
        super().received(data)
        if data == b"it is me":
            self.identified()


class FormalFactory(PeerFactory):
    connection = Formal


class PlaceTests(ProtocolTests):
    """Silence, and what becomes of connections when there are too many."""

    def setUp(self) -> None:
        super().setUp()
        self.factory = self.make_factory(FormalFactory)
        self.budget = Budget(self.clock.seconds)

    def allow(self, quota: Quota) -> None:
        """Let the factory have a share of a budget."""
        self.factory.share = self.budget.share(quota)

    def test_silence(self) -> None:
        """A connection that says nothing is kept for the silent timeout, then closed; it is counted."""
        self.allow(Quota(silent_timeout=100))
        connection = self.connect()
        self.clock.advance(99)
        self.assertFalse(connection.is_closing)
        self.clock.advance(1)
        self.assertEqual((connection.is_closing, connection.protocol.peer.reason), (True, "said nothing"))
        connection.lose()
        self.assertEqual((self.factory.counters()["silent"], self.clock.getDelayedCalls()), (1, []))

    def test_words_of_the_unidentified(self) -> None:
        """Who has said something counts as no silent one, though it never said who it is."""
        with capturedLogs() as events:
            for port in (1, 2):
                connection = self.connect(port)
                connection.say(b"hm")
                connection.lose()
        self.assertEqual((2, 0), (len(self.lines(events)), self.factory.counters()["silent"]))

    def test_standing(self) -> None:
        """Each address has a turn of its own."""
        for host in ("10.0.0.1", "10.0.0.2"):
            protocol = connect(self.factory, self.clock, host).protocol
            self.assertEqual((Lane.UNKNOWN, host), protocol.standing())

    def test_first_byte(self) -> None:
        """Clocks begin with the first byte, once; the long one of the silence leaves no timer behind."""
        connection = self.connect()
        place = connection.protocol.place
        self.clock.advance(1000)
        connection.say(b"hello", b"again")
        self.assertIs(place, connection.protocol.place)
        self.assertEqual(["opened", "begun", "received hello", "received again"], connection.protocol.events)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.clock.advance(10_000)
        self.assertFalse(connection.is_closing)

    def test_first_byte_after_the_end(self) -> None:
        """What begins when the service has stopped begins nothing."""
        connection = self.connect()
        connection.protocol.finish()
        connection.say(b"hello")
        self.assertEqual(["opened"], connection.protocol.events)

    def test_own_clock(self) -> None:
        """A service that asks for an expiry at once has that one, and no other."""
        self.patch(Formal, "opened", lambda protocol: (Shouter.opened(protocol), protocol.peer.expire_after(5)))
        connection = self.connect()
        self.clock.advance(5)
        self.assertEqual(["opened", "expired"], connection.protocol.events)
        connection.lose()

    def test_identified(self) -> None:
        """Who has said who it is stays; the oldest of those that have not makes room for a newcomer."""
        self.allow(Quota(silent=1))
        known = self.connect(1)
        known.say(b"it is me")
        unknown = self.connect(2)
        unknown.say(b"hello")
        self.clock.advance(CHANCE)
        newcomer = self.connect(3)
        self.assertEqual([False, True, False], [one.transport.disconnected for one in (known, unknown, newcomer)])
        self.assertEqual("made room: too many silent connections", unknown.protocol.peer.reason)
        self.assertEqual({"displaced: too many silent connections": 1}, self.factory.counters()["refused"])

    def test_simple_service(self) -> None:
        """A service that never says whom it knows counts everybody who has said anything."""
        self.factory = self.make_factory(ShouterFactory)
        self.allow(Quota(silent=1))
        first = self.connect(1)
        first.say(b"hello")
        self.connect(2)
        self.clock.advance(CHANCE)
        self.connect(3)
        self.assertFalse(first.transport.disconnected)

    def test_turned_away(self) -> None:
        """A newcomer that there is no room for is reset at once: it is counted, logged once a minute, and no connection."""
        self.allow(Quota(connections=1))
        self.connect(1).say(b"it is me")
        with capturedLogs() as events:
            for port in (2, 3):
                transport = StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", port))
                self.factory.buildProtocol(transport.getPeer()).makeConnection(transport)
                self.assertTrue(transport.disconnected)
        (line,) = self.lines(events, LogLevel.warn)
        why = "too many connections, which `max_connections` bounds"
        self.assertEqual(f"shout:lab: 127.0.0.1:2 was refused: {why}", line)
        counters = self.factory.counters()
        self.assertEqual((1, {"too many connections": 2}), (counters["accepted"], counters["refused"]))
        self.assertEqual(1, len(self.factory.connections))

    def test_place_of_one_who_left(self) -> None:
        """Nobody is turned away for the sake of a peer that has left already, where only that is not known yet."""
        self.allow(Quota(connections=1))
        first = self.connect(1)
        first.say(b"it is me")
        self.factory.end_those_who_left = first.lose
        second = self.connect(2)
        self.assertFalse(second.transport.disconnected)
        self.assertEqual({}, self.factory.counters()["refused"])

    def test_occupants(self) -> None:
        """Who may be asked to make room is known of each place, however it was got."""
        self.allow(Quota(connections=1))
        address, first = IPv4Address("TCP", "127.0.0.2", 1), self.connect(1)
        first.say(b"it is me")
        self.factory.end_those_who_left = first.lose
        occupant = self.factory.make()
        place = self.factory.admit(address, occupant)
        assert place is not None
        self.assertIs(occupant, place.occupant)
        place.leave()
        place = self.factory.admit(address, occupant)
        assert place is not None
        self.assertIs(occupant, place.occupant)
        uninvited = self.factory.make()
        uninvited.makeConnection(StringTransport(peerAddress=address))
        self.assertEqual((uninvited, "127.0.0.2"), (uninvited.place.occupant, uninvited.place.address))

    def test_behind_a_proxy(self) -> None:
        """Whoever comes through a proxy counts as whom the proxy speaks for, as soon as that is known, and not as the proxy."""
        self.allow(Quota(per_address=1))
        said = []
        for host in ("10.0.0.5", "10.0.0.6", "10.0.0.5", "10.0.0.7"):
            connection = connect(self.factory, self.clock, "10.0.0.1")
            connection.transport.peerAddr = IPv4Address("TCP", host, 50412)
            self.clock.advance(3)
            connection.say(b"it is me")
            if not connection.is_closing:
                self.assertIs(connection.protocol, connection.protocol.place.occupant)
            said.append((connection.protocol.place.address, connection.is_closing, connection.protocol.events[1:]))
        served = ["begun", "received it is me"]
        self.assertEqual(("10.0.0.5", False, served), said[0])
        self.assertEqual(("10.0.0.6", False, served), said[1])
        self.assertEqual((True, []), said[2][1:])
        self.assertEqual(("10.0.0.7", False, served), said[3])
        self.assertEqual({"too many connections of its address": 1}, self.factory.counters()["refused"])
        with capturedLogs() as events:
            connection.lose()
        self.assertIn(" left after 3.0 s, 8 bytes in", self.lines(events)[0])

    def test_no_look_around_at_work(self) -> None:
        """Nobody else is read while a connection is at work, though a place were free then."""
        self.allow(Quota(per_address=1))
        self.connect(1).say(b"it is me")
        connection = connect(self.factory, self.clock, "10.0.0.1")
        connection.transport.peerAddr = IPv4Address("TCP", "127.0.0.1", 2)
        self.factory.end_those_who_left = lambda: self.fail("others were read")
        connection.say(b"it is me")
        self.assertEqual("there was no place for its address", connection.protocol.peer.reason)

    def test_memory(self) -> None:
        """Over its part of the memory, an unidentified connection is cut before anybody reads what it has sent."""
        self.factory.share = Budget(self.clock.seconds, 4000).share(Quota())
        connection = self.connect()
        with capturedLogs() as events:
            connection.say(b"x" * 600, b"y" * 600)
        self.assertTrue(connection.transport.disconnected)
        refusal = Refusal.UNIDENTIFIED_MEMORY
        (line,) = self.lines(events, LogLevel.warn)
        why = f"{refusal.value}, {REMEDIES[refusal]}"
        self.assertEqual(f"shout:lab: {why}: a connection had to make room", line)
        self.assertEqual(["opened", "begun", "received " + "x" * 20], connection.protocol.events)
        refused = self.factory.counters()["refused"]
        self.assertEqual({"displaced: too much memory for unidentified connections": 1}, refused)

    def test_memory_of_known_ones(self) -> None:
        """Who has said who it is has more; what it says is its machine's to count."""
        self.factory.share = Budget(self.clock.seconds, 4000).share(Quota())
        connection = self.connect()
        connection.say(b"it is me", b"x" * 5000)
        self.assertFalse(connection.transport.disconnected)
        connection.protocol.peer.note_unfinished(5000)
        self.assertEqual("made room: too much memory", connection.protocol.peer.reason)

    def test_memory_of_first_bytes(self) -> None:
        """Where the first byte says who a peer is, those that come with it are its machine's to count, too."""
        self.factory = self.make_factory(ShouterFactory)
        self.factory.share = Budget(self.clock.seconds, 4000).share(Quota())
        connection = self.connect()
        connection.say(b"x" * 5000)
        self.assertFalse(connection.transport.disconnected)

    def test_place_is_given_back(self) -> None:
        """When a connection has ended, the next one has its place."""
        self.allow(Quota(connections=1))
        for port in range(1, 4):
            connection = self.connect(port)
            connection.say(b"it is me")
            connection.lose()
        self.assertEqual({}, self.factory.counters()["refused"])


class CrowdLogTests(ProtocolTests):
    """What one peer can make of the log."""

    def test_probes(self) -> None:
        """A thousand probes that say nothing are one line a minute and a number, not a thousand lines."""
        with capturedLogs() as events:
            for port in range(1, 1001):
                self.connect(port).lose()
            self.clock.advance(INTERVAL)
            self.connect().lose()
        first, second = self.lines(events)
        self.assertNotIn("not logged", first)
        self.assertIn("999 more like it were not logged", second)
        self.assertEqual(1001, self.factory.counters()["silent"])

    def test_faults_of_one_address(self) -> None:
        """One address that breaks the protocol again and again fills a few lines; those of another address are all there."""
        with capturedLogs() as events:
            for port in range(1, 1001):
                connection = self.connect(port)
                connection.say(b"bad")
                connection.lose()
            other = connect(self.factory, self.clock, host="127.0.0.2")
            other.say(b"bad")
            other.lose()
        self.assertEqual((2, LINES + 1), (len(self.lines(events, LogLevel.warn)), len(self.lines(events))))
        self.assertIn("127.0.0.2", self.lines(events)[-1])
        self.clock.advance(INTERVAL)
        with capturedLogs() as events:
            connection = self.connect()
            connection.say(b"hello")
            connection.lose()
        self.assertIn("970 more like it were not logged", self.lines(events)[0])

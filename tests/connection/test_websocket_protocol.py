"""Tests of ``netd.connection.websocket_protocol`` and ``websocket_session``: WebSockets without a network."""

from __future__ import annotations

import errno
import itertools
from typing import Any

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, capturedLogs, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.client.websocket import BINARY, CLOSE, PING, PONG, TEXT, encode_frame
from netd.codec.websocket import text_frame
from netd.connection.bounds import Bounds, Policy
from netd.connection.origins import ANY_ORIGIN
from netd.connection.websocket_protocol import HEAD_LIMIT, WebSocketFactory, WebSocketProtocol
from netd.connection.websocket_session import FRAGMENT, MAX_FRAGMENTS
from netd.listening import make_context
from netd.testing import Connection, connect
from tests.feed.bench import MASK, close_frame, frames, open_feed, pong, request, say


class EchoProtocol(WebSocketProtocol):
    """Answers each message with itself, and fails on one."""

    bounds = Bounds(Policy.ROUND, 1 << 16)

    def send_text(self, payload: bytes) -> None:
        """Send a message of its own; for the outbox it is a round."""
        self.peer.send(text_frame(payload), object())

    def websocket_opened(self) -> None:
        """Greet."""
        self.send_text(f"spoken: {self.subprotocol}".encode())

    def message(self, payload: bytes, is_binary: bool) -> None:
        """Echo."""
        if payload == b"fail":
            raise ZeroDivisionError("the test's own")
        self.send_text(b"binary" if is_binary else payload)


class EchoFactory(WebSocketFactory):
    connection = EchoProtocol
    subprotocols = ("netd.two", "netd.one")


@frozen
class Rules:
    """The options of a service that says everything back."""

    origins: tuple[str, ...] | None = None
    max_message: int = 4096
    ping_interval: float = 10.0
    ping_timeout: float = 15.0


def fragment(size: int, opcode: int = TEXT) -> bytes:
    """*size* bytes of a message that goes on; the first has the message's opcode."""
    whole = say("x" * size)
    return bytes([opcode]) + whole[1:]


class ShellTests(SynchronousTestCase):
    """One connection, and what becomes of it."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.start()

    def start(self, *origins: str, hosts: tuple[str, ...] = ()) -> None:
        """A service that takes pages of *origins*, and those of its own address, which has the names *hosts*."""
        self.factory = EchoFactory("echo", make_context(self.reactor, 8.0), Rules(origins))
        self.factory.hosts = hosts  # type: ignore[misc]  # of this one
        self.connection = connect(self.factory, self.reactor)

    def fresh(self) -> None:
        """Another connection, in place of the one before."""
        self.lose()
        self.connection = connect(self.factory, self.reactor)

    def open(self) -> Connection:
        """A connection that is a WebSocket."""
        self.assertEqual(frames(open_feed(self.connection)), [(TEXT, b"spoken: None")])
        return self.connection

    def refused(self, *pieces: bytes) -> tuple[int, str]:
        """Status and text of the HTTP answer to *pieces*, after which the connection is closed."""
        head, _, body = self.connection.say(*pieces).partition(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        self.assertIn(f"Content-Length: {len(body)}", headers)
        self.assertTrue(self.connection.is_closing)
        self.assertEqual(self.connection.protocol.peer.reason, "bad handshake")
        self.lose()
        return int(status.split()[1]), body.decode()

    def lose(self) -> None:
        """The connection's end leaves no timer."""
        if self.connection.protocol in self.factory.connections:
            self.connection.lose()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.factory.autobahn.countConnections, 0)


class HandshakeTests(ShellTests):
    def test_plain(self) -> None:
        """A client that asks for nothing special gets a WebSocket without subprotocol and extensions, and is known by that."""
        answer = self.connection.say(request(None, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=x"))
        head, _, rest = answer.partition(b"\r\n\r\n")
        self.assertEqual(
            head.split(b"\r\n"),
            [
                b"HTTP/1.1 101 Switching Protocols",
                b"Server: netd",
                b"Upgrade: WebSocket",
                b"Connection: Upgrade",
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            ],
        )
        self.assertEqual(frames(rest), [(TEXT, b"spoken: None")])
        self.assertTrue(self.connection.protocol.place.is_identified)

    def test_subprotocol(self) -> None:
        """Of those that a client offers, the service's favourite is taken."""
        self.assertEqual(frames(open_feed(self.connection, "netd.one, x, netd.two")), [(TEXT, b"spoken: netd.two")])

    def test_every_cut(self) -> None:
        """However handshake and messages are cut into segments, the answers are the same; no timer is left."""
        stream = request("netd.one") + say("hello") + encode_frame(PING, b"p", MASK) + say("x" * 200) + close_frame(b"\x03\xe8")
        whole = self.connection.say(stream)
        self.assertIn(b"hello", whole)
        self.lose()
        for cut in range(1, len(stream)):
            self.fresh()
            self.assertEqual(self.connection.say(stream[:cut]) + self.connection.say(stream[cut:]), whole)
            self.lose()

    def test_no_websocket(self) -> None:
        """A person who opens the address in a browser reads what it is; so does whoever asks for another path."""
        status, text = self.refused(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual((status, text), (426, "this port speaks WebSocket: connect with a WebSocket client\n"))
        self.fresh()
        self.assertEqual(self.refused(request(path="/feed")), (404, "the WebSocket is at /\n"))
        self.fresh()
        self.factory.paths = ("/", "/ws")
        self.assertEqual(self.refused(request(path="/feed")), (404, "the WebSocket is at / or /ws\n"))
        self.fresh()
        head, _, _ = self.connection.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")
        self.assertEqual(
            head.decode().split("\r\n"),
            [
                "HTTP/1.1 426 Upgrade Required",
                "Upgrade: websocket",
                "Content-Type: text/plain; charset=utf-8",
                "Content-Length: 60",
                "Connection: close",
            ],
        )

    def test_broken(self) -> None:
        """What is no request is refused with a reason, and counted."""
        for broken, status in (
            (b"\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n\r\n", 405),
            (b"GET / HTTP/3\r\n\r\n", 505),
            (request().replace(b"Key: dGhl", b"Key: ????"), 400),
            (request().replace(b"Version: 13", b"Version: 7"), 400),
        ):
            self.fresh()
            self.assertEqual(self.refused(broken)[0], status, broken)
        self.assertEqual(self.factory.counters()["refused"], {"bad handshake": 5})

    def test_long_head(self) -> None:
        """A request whose head does not end is refused when it is over the limit, not before."""
        self.assertEqual(self.connection.say(b"GET / HTTP/1.1\r\nX: ", b"x" * (HEAD_LIMIT - 19)), b"")
        self.assertEqual(self.refused(b"xx")[0], 431)

    def test_slow(self) -> None:
        """A connection that does not become a WebSocket in time is told so and closed, however it drips."""
        for _second in range(7):
            self.connection.say(b"G")
            self.reactor.advance(1)
        self.assertFalse(self.connection.is_closing)
        self.reactor.advance(1)
        head, _, text = self.connection.heard().partition(b"\r\n\r\n")
        self.assertIn(b" 408 ", head)
        self.assertEqual(b"no whole handshake came in time\n", text)
        self.assertTrue(self.connection.is_closing)
        self.lose()

    def test_origins(self) -> None:
        """Pages of the server's own address may connect, and pages of other addresses when the options name them."""
        own, foreign = "http://localhost:8000", "https://example.org"
        for origins, origin, status in (
            ((), own, 101),
            ((), foreign, 403),
            ((), "null", 403),
            ((foreign,), "https://EXAMPLE.org", 101),
            ((foreign,), "https://example.com", 403),
            ((ANY_ORIGIN,), foreign, 101),
            ((ANY_ORIGIN,), "null", 101),
        ):
            self.lose()
            self.start(*origins)
            answer = self.connection.say(request(None, f"Origin: {origin}"))
            self.assertEqual(int(answer.split()[1]), status, (origins, origin))

    def test_own_names(self) -> None:
        """Pages of the server's own address may connect under each name that the options give it."""
        for hosts, status in (((), 403), (("netd.example",), 101)):
            self.lose()
            self.start(hosts=hosts)
            asked = request(None, "Origin: http://netd.example:8000").replace(b"Host: localhost", b"Host: netd.example")
            self.assertEqual(int(self.connection.say(asked).split()[1]), status, hosts)


class MessageTests(ShellTests):
    def test_messages(self) -> None:
        """Texts, bytes and fragments come through; pings are answered, in order with all else."""
        connection = self.open()
        parts = b"\x01\x82" + MASK + bytes((ord("a") ^ 1, ord("b") ^ 2)) + b"\x80\x81" + MASK + bytes((ord("c") ^ 1,))
        said = say("a") + encode_frame(BINARY, b"\xff", MASK) + encode_frame(PING, b"p", MASK) + parts
        self.assertEqual(frames(connection.say(said)), [(TEXT, b"a"), (TEXT, b"binary"), (PONG, b"p"), (TEXT, b"abc")])

    def test_one_write(self) -> None:
        """All that one turn brings for a client is one write."""
        connection = self.open()
        writes: list[bytes] = []
        connection.transport.write = writes.append  # type: ignore[method-assign]
        connection.say(say("a") + encode_frame(PING, b"", MASK) + say("b"))
        self.assertEqual([len(frames(written)) for written in writes], [3])

    def test_goodbye(self) -> None:
        """A client's goodbye is answered with one, before the connection ends."""
        connection = self.open()
        self.assertEqual(frames(connection.say(close_frame(b"\x03\xe8bye"))), [(CLOSE, b"\x03\xe8")])
        self.assertTrue(connection.is_closing)
        self.assertEqual(connection.protocol.peer.reason, "closed by the client (1000)")
        self.lose()

    def test_stop(self) -> None:
        """When netd stops, clients get what waits for them, then a close frame that says why."""
        connection = self.open()
        connection.protocol.peer.send(b"\x81\x01x", 1)
        connection.protocol.finish()
        self.assertEqual(frames(connection.heard()), [(TEXT, b"x"), (CLOSE, b"\x03\xe9netd stops")])
        self.assertTrue(connection.is_closing)
        self.lose()

    def test_stop_before_the_handshake(self) -> None:
        """A connection that is no WebSocket yet is not told goodbye in frames."""
        self.connection.protocol.finish()
        self.assertEqual(self.connection.heard(), b"")
        self.assertTrue(self.connection.is_closing)
        self.lose()

    def test_violations(self) -> None:
        """Who breaks the protocol reads which rule it was, then is closed; it is counted and logged, not passed on."""
        for said, code in (
            (b"\x81\x05hello", 1002),  # not masked
            (b"\xc1\x80" + MASK, 1002),  # an extension that nobody agreed to
            (b"\x83\x80" + MASK, 1002),  # an opcode that does not exist
            (encode_frame(TEXT, b"\xff", MASK), 1007),  # no UTF-8
            (b"\x81\xfe\x10\x01" + MASK, 1009),  # 4097 bytes announced
            (b"\x88\x82" + MASK + b"\x01\x02", 1002),  # a close frame with a code that does not exist
        ):
            self.fresh()
            [(opcode, payload)] = frames(self.open().say(said + say("more")))
            self.assertEqual((opcode, int.from_bytes(payload[:2], "big")), (CLOSE, code), said)
            self.assertGreater(len(payload), 2)
            self.assertEqual(self.connection.protocol.peer.reason, "bad WebSocket frame", said)
            self.lose()
        self.assertEqual(self.factory.counters()["refused"], {"bad WebSocket frame": 6})

    def test_too_many_fragments(self) -> None:
        """A message of countless empty fragments ends the connection instead of growing."""
        connection = self.open()
        answers = connection.say(b"\x01\x80" + MASK + (b"\x00\x80" + MASK) * (MAX_FRAGMENTS - 1))
        self.assertEqual(answers, b"")
        [(opcode, payload)] = frames(connection.say(b"\x00\x80" + MASK))
        self.assertEqual((opcode, payload), (CLOSE, b"\x03\xf0a message has too many fragments, and too small ones"))
        self.lose()

    def test_many_fragments(self) -> None:
        """The more a message holds, the more fragments it may have; what one message had does not count for the next."""
        connection = self.open()
        first = encode_frame(TEXT, b"x" * 4000, MASK)
        said = (
            bytes([first[0] & 0x7F])
            + first[1:]
            + (b"\x00\x80" + MASK) * (MAX_FRAGMENTS + 4000 // FRAGMENT - 2)
            + b"\x80\x80"
            + MASK
        )
        for _ in range(3):
            self.assertEqual(frames(connection.say(said)), [(TEXT, b"x" * 4000)])

    def test_goodbye_without_a_code(self) -> None:
        """The log says that a client gave no code."""
        connection = self.open()
        connection.say(close_frame())
        self.assertEqual(connection.protocol.peer.reason, "closed by the client (without a code)")

    def test_least_rate(self) -> None:
        """A message that comes too slowly ends the connection, in one frame or in fragments; one that comes in time is whole."""
        half = say("x" * 4000)[:2000]
        for pieces in ((half, b"x" * 10, b"x" * 10), (fragment(1500), fragment(100, 0), fragment(100, 0))):
            self.fresh()
            self.open()
            for piece in pieces:
                self.assertFalse(self.connection.is_closing)
                heard = self.connection.say(piece)
                self.reactor.advance(6)
            self.assertEqual([(CLOSE, b"\x03\xf0a message must come at 1 KiB a second at least")], frames(heard))
            self.assertTrue(self.connection.is_closing)
        self.fresh()
        self.open()
        for _ in range(3):
            self.connection.say(half)
            self.reactor.advance(6)
            self.assertEqual(1, len(frames(self.connection.say(say("x" * 4000)[2000:]))))

    def test_each_message_has_its_own_clock(self) -> None:
        """Neither a long silence before a message nor the message whose end came with its beginning counts against it."""
        half = say("x" * 4000)[:2000]
        rest = say("x" * 4000)[2000:]
        connection = self.open()
        self.reactor.advance(9)
        for _ in range(3):
            connection.say(half)
            for _ in range(3):
                self.reactor.advance(6)
                self.assertEqual([(TEXT, b"x" * 4000)], frames(connection.say(rest + half)))
            self.assertEqual([(TEXT, b"x" * 4000)], frames(connection.say(rest)))
            self.reactor.advance(9)

    def test_memory(self) -> None:
        """What has come of a message counts as memory until the connection is gone."""
        place = self.open().protocol.place
        assert place is not None
        memory = place._share.budget.memory
        self.connection.say(fragment(1500), fragment(1400, 0)[:1200])
        self.assertGreater(memory.total, 2500)
        self.connection.say(fragment(1400, 0)[1200:], bytes([0x80]) + say("")[1:])
        self.assertEqual(memory.total, 0)
        self.connection.say(fragment(1500))
        self.lose()
        self.assertEqual(memory.total, 0)

    def test_fragments_are_counted_for_each_message(self) -> None:
        """A client may send as many messages as it likes."""
        connection = self.open()
        heard = [connection.say(say("x" * 10) * 50) for _ in range(MAX_FRAGMENTS // 50 + 1)]
        self.assertEqual(len(frames(b"".join(heard))), MAX_FRAGMENTS + 50)

    def test_honest_fragments(self) -> None:
        """A message in many small fragments is not taken for a flood, as long as there is something in them."""
        connection = self.open()
        count = MAX_FRAGMENTS * 2
        fragment = b"\x81" + MASK + bytes((ord("x") ^ 1,))
        sparse = b"\xa0" + MASK + bytes(ord("x") ^ MASK[place % 4] for place in range(32))
        heard = connection.say(b"\x01" + sparse + (b"\x00" + sparse) * 100 + b"\x80" + fragment)
        self.assertEqual(frames(heard), [(TEXT, b"x" * (32 * 101 + 1))])
        [(opcode, _)] = frames(connection.say(b"\x01" + fragment + (b"\x00" + fragment) * count))
        self.assertEqual(opcode, CLOSE)
        self.lose()

    def test_dripping_message(self) -> None:
        """A message that comes byte by byte takes no more room than one that comes at once."""
        connection = self.open()
        said = say("x" * 4000)
        connection.say(*(said[at : at + 1] for at in range(len(said) - 1)))
        session: Any = connection.protocol.peer.session
        self.assertLess(len(session.frame_data), 10)
        self.assertEqual(frames(connection.say(said[-1:])), [(TEXT, b"x" * 4000)])

    def test_held(self) -> None:
        """A service that holds a connection gets nothing, not even of what was read already, until all reasons are gone."""
        connection = self.open()
        protocol: Any = connection.protocol
        protocol.dataReceived(say("a" * 200) * 50)
        protocol.hold("one", True)
        protocol.hold("other", True)
        protocol.hold("one", True)
        self.assertEqual(connection.say(say("late")), b"")
        protocol.hold("one", False)
        self.assertEqual(connection.heard(), b"")
        self.assertEqual(connection.transport.producerState, "paused")
        protocol.hold("other", False)
        self.assertEqual(len(frames(connection.heard())), 51)
        self.assertEqual(connection.transport.producerState, "producing")

    def test_answers_that_are_not_read(self) -> None:
        """Of a client that does not read its answers, no more is taken, not even of what was read already; none is lost."""
        self.patch(EchoProtocol, "bounds", Bounds(Policy.PAUSE, 1 << 12))
        self.fresh()
        connection = self.open()
        for _ in range(2):
            connection.transport.producer.pauseProducing()
            connection.say(say("x" * 100) * 500)
            self.assertLess(connection.protocol.peer.waiting, 5000)
            self.assertEqual(connection.transport.producerState, "paused")
            heard = b""
            for _ in range(100):
                connection.transport.producer.resumeProducing()
                heard += connection.heard()
            self.assertEqual(len(frames(heard)), 500)
            self.assertEqual(connection.transport.producerState, "producing")

    def test_flood_of_pings(self) -> None:
        """Thousands of pings in one read are answered, while the connection is not read from; pongs that wait are bounded."""
        connection = self.open()
        connection.transport.producer.pauseProducing()
        connection.say(encode_frame(PING, b"x" * 100, MASK) * 5000)
        self.assertLessEqual(connection.protocol.peer.waiting, 1 << 16)
        self.assertEqual(connection.transport.producerState, "producing")
        connection.transport.producer.resumeProducing()
        self.assertGreater(len(frames(connection.heard())), 500)

    def test_own_failure(self) -> None:
        """A fault of netd's own ends that one connection, and is logged with whose it was."""
        connection = self.open()
        with capturedLogs() as events:
            connection.say(say("fail"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIn(f"echo: {connection.protocol.describe()} cannot be served", [formatEvent(event) for event in events])
        self.assertEqual((connection.is_closing, connection.protocol.peer.reason), (True, "an error in netd"))
        self.lose()

    def test_bytes_after_the_end(self) -> None:
        """What a client sends after its end is not read, even what was waiting."""
        connection = self.open()
        connection.say(close_frame() + say("late") * 1000)
        self.assertEqual(connection.say(say("later")), b"")
        self.lose()

    @given(st.binary(max_size=3000), st.booleans())
    @settings(max_examples=200)
    def test_arbitrary_bytes(self, received: bytes, is_open: bool) -> None:
        """Nothing that comes, before the handshake or after it, fails in netd or leaves anything behind."""
        self.fresh()
        if is_open:
            self.open()
        self.connection.say(received)
        self.lose()
        self.assertEqual(self.flushLoggedErrors(), [])

    @given(
        st.lists(
            st.builds(
                lambda first, payload: bytes((first, 0x80 | len(payload))) + MASK + payload,
                st.sampled_from([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A, 0x8B]),
                st.binary(max_size=8),
            ),
            max_size=8,
        )
    )
    @settings(max_examples=200)
    def test_arbitrary_frames(self, said: list[bytes]) -> None:
        """Frames in any order neither fail in netd nor draw anything but frames."""
        self.fresh()
        frames(self.open().say(*said))
        self.lose()
        self.assertEqual(self.flushLoggedErrors(), [])


class PingTests(ShellTests):
    def test_silence(self) -> None:
        """A silent client is pinged; one that answers stays, one that does not is cut."""
        connection = self.open()
        for _round in range(3):
            self.reactor.advance(10)
            self.assertEqual(frames(connection.heard()), [(PING, b"")])
            self.reactor.advance(14)
            connection.say(pong())
        self.reactor.advance(10)
        self.reactor.advance(14.9)
        self.assertFalse(connection.is_closing)
        self.reactor.advance(0.2)
        self.assertEqual((connection.is_closing, connection.protocol.peer.reason), (True, "answers no ping"))
        self.lose()

    def test_talking_is_a_sign_of_life(self) -> None:
        """A client that says anything is not pinged."""
        connection = self.open()
        for _second in range(30):
            self.reactor.advance(1)
            self.assertEqual(frames(connection.say(say("x"))), [(TEXT, b"x")])

    def test_a_ping_that_waits(self) -> None:
        """A client that reads slowly is not cut for a ping that it could not have read; one that takes nothing at all is."""
        connection = self.open()
        producer = connection.transport.producer
        for _round in range(5):
            producer.pauseProducing()
            connection.protocol.peer.send(b"\x81\x01x", object())
            self.reactor.advance(7)
            producer.resumeProducing()
        self.assertFalse(connection.is_closing)
        producer.pauseProducing()
        self.reactor.advance(8)
        self.assertEqual(connection.protocol.peer.reason, "does not read")
        self.lose()

    def test_a_ping_that_waited(self) -> None:
        """A client whose ping had to wait is pinged again before it is cut, and so is one that was full at any time since."""
        for full_from, full_to in ((9, 11), (12, 13), (24, 26)):
            self.fresh()
            connection = self.open()
            producer = connection.transport.producer
            for second in range(1, 27):
                self.reactor.advance(1)
                if second == full_from:
                    producer.pauseProducing()
                elif second == full_to:
                    producer.resumeProducing()
            self.assertFalse(connection.is_closing)
            self.assertEqual([(PING, b"")] * 2, frames(connection.heard()), full_from)
            self.lose()


class LogTests(ShellTests):
    def test_why_it_broke(self) -> None:
        """Of a connection that broke, the reason is kept for the log and for whoever tells that it is gone."""
        connection = self.open()
        transport: Any = connection.transport
        transport.errno, transport.last_signs = errno.ECONNRESET, None
        connection.lose(Failure(CONNECTION_LOST))
        self.assertEqual("reset by the peer", connection.protocol.peer.reason)

    def test_autobahn_is_silent(self) -> None:
        """Bad peers are logged once a minute by netd, not each of them and not by Autobahn."""
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.lose()
        events.clear()
        for _peer in range(5):
            self.connection = connect(self.factory, self.reactor)
            self.connection.say(b"\x1b[2J\r\n\r\n")
            self.connection.lose()
        lines = [formatEvent(event) for event in events]
        refusals = [line for line in lines if "refused" in line]
        self.assertEqual((len(refusals), len(lines)), (1, 6), lines)
        self.assertNotIn("\x1b", "".join(lines))


class AutobahnTests(SynchronousTestCase):
    """What the shell takes for granted of Autobahn."""

    def test_settings_stay_with_the_factory(self) -> None:
        """No connection copies the settings; each setting that Autobahn looks for is found, and its own clocks are off."""
        reactor = MemoryReactorClock()
        factory = EchoFactory("echo", make_context(reactor, 8.0), Rules())
        connection = connect(factory, reactor)
        open_feed(connection)
        session: Any = connection.protocol.peer.session
        from autobahn.websocket.protocol import WebSocketServerProtocol

        for name in itertools.chain(WebSocketServerProtocol.CONFIG_ATTRS):
            getattr(session, name)
            self.assertNotIn(name, vars(session))
        own = {"factory", "transport", "_owner", "_fragments", "_size", "_part", "is_new", "state", "utf8validator"}
        self.assertEqual(own, set(vars(session)), "of what Autobahn gives a connection, what never changes is the class's")
        self.assertEqual(session.maxMessagePayloadSize, 4096)
        self.assertEqual((session.openHandshakeTimeout, session.closeHandshakeTimeout, session.autoPingInterval), (0, 0, 0))

"""Tests of :mod:`netd.client.feed`: the WebSocket, both dialects, blocks and reports, without a network."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client.feed import TYPES, Block, ConnectionLost, Feed, Refused, Sample, Surroundings, Welcome
from netd.client.feed_messages import (
    AUTO,
    GREATEST_HEAD,
    NETD,
    OLD,
    SUBPROTOCOL,
    read_answer,
    read_response,
    read_samples,
    request_head,
)
from netd.client.websocket import CLOSE, PING, PONG, TEXT, FrameDecoder, NotWebSocket, accept_of, encode_frame, masked, read_close
from netd.codec.websocket import Opcode, frame, text_frame
from tests.client.sockets import MemorySocket, waiter

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
"""Sixteen zero bytes: chance in these tests."""


class FrameTests(SynchronousTestCase):
    def test_the_standards_own_examples(self) -> None:
        """Key, mask and frames are those that RFC 6455 shows."""
        self.assertEqual(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertEqual(encode_frame(TEXT, b"Hello", b"\x37\xfa\x21\x3d"), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
        self.assertEqual(self.read(b"\x01\x03Hel\x80\x02lo"), [(TEXT, b"Hello")])

    def read(self, *segments: bytes, limit: int = 1000) -> list[tuple[int, bytes]]:
        """The messages in *segments*."""
        decoder, found = FrameDecoder(limit), []
        for segment in segments:
            decoder.feed(segment)
            while (message := decoder.next_message()) is not None:
                found.append(message)
        return found

    def test_every_cut(self) -> None:
        """However the stream is cut, the messages are the same; control frames may come between the parts of one."""
        stream = b"\x01\x03Hel\x89\x01p\x80\x02lo" + text_frame(b"x" * 300) + b"\x88\x00"
        whole = self.read(stream)
        self.assertEqual(whole, [(PING, b"p"), (TEXT, b"Hello"), (TEXT, b"x" * 300), (CLOSE, b"")])
        for cut in range(len(stream)):
            self.assertEqual(self.read(stream[:cut], stream[cut:]), whole)

    def test_masks(self) -> None:
        """Lengths have their three forms; masked twice is as before."""
        for size, head in ((125, b"\x81\xfd"), (126, b"\x81\xfe\x00\x7e"), (65536, b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00")):
            sent = encode_frame(TEXT, b"y" * size, b"\x01\x02\x03\x04")
            self.assertTrue(sent.startswith(head + b"\x01\x02\x03\x04"))
            self.assertEqual(masked(sent[-size:], b"\x01\x02\x03\x04"), b"y" * size)
        self.assertEqual(masked(b"", b"\x01\x02\x03\x04"), b"")

    def test_no_server_sends_that(self) -> None:
        """What no WebSocket server may send ends the connection, a message that is too long before it has come."""
        for broken in (
            b"\xc1\x00",
            b"\x81\x80",
            b"\x83\x00",
            b"\x89\x7e",
            b"\x09\x00",
            b"\x80\x00",
            b"\x01\x00\x01\x00",
            b"\x81\x7e\x03\xe9",
            b"\x01\x7e\x03\xe8" + b"x" * 1000 + b"\x80\x01",
            b"HTTP/1.1",
        ):
            self.assertRaises(NotWebSocket, self.read, broken)

    @given(st.lists(st.binary(max_size=20)))
    def test_arbitrary_bytes(self, segments: list[bytes]) -> None:
        """Nothing that comes is worse than no WebSocket."""
        try:
            self.read(*segments)
        except NotWebSocket as error:
            self.assertTrue(str(error))

    def test_close_frames(self) -> None:
        """A person reads why the server closed."""
        self.assertEqual(read_close(b"\x03\xe9netd stops"), "closed the connection (1001: netd stops)")
        self.assertEqual(read_close(b""), "closed the connection (no code)")


class HandshakeTests(SynchronousTestCase):
    def test_request(self) -> None:
        """The request names host, key and subprotocol."""
        head = request_head("h:1", "/", KEY, "p").decode()
        self.assertTrue(head.startswith("GET / HTTP/1.1\r\nHost: h:1\r\n") and head.endswith("Sec-WebSocket-Protocol: p\r\n\r\n"))
        self.assertNotIn("Protocol:", request_head("h:1", "/", KEY, None).decode())

    def test_responses(self) -> None:
        """A refusal is told from a server that is no WebSocket, and from one that may take the client later."""
        good = f"HTTP/1.1 101 x\r\nSEC-WEBSOCKET-ACCEPT: {accept_of(KEY)}"
        self.assertIsNone(read_response(good.encode(), KEY))
        self.assertEqual(read_response(f"{good}\r\nSec-WebSocket-Protocol: p".encode(), KEY), "p")
        error = self.assertRaises(Refused, read_response, b"HTTP/1.1 404 Not Found", KEY)
        self.assertEqual(str(error), "the server refused: 404 Not Found")
        for passing in (b"408 Request Timeout", b"429 Too Many Requests", b"500 x", b"503 Service Unavailable"):
            error = self.assertRaises(ConnectionLost, read_response, b"HTTP/1.1 " + passing, KEY)
            self.assertEqual(str(error), f"the server refused: {passing.decode()}")
        for wrong in (good.replace("=", "?").encode(), b"SSH-2.0", b"", b"HTTP/1.1"):
            self.assertRaises(ConnectionLost, read_response, wrong, KEY)


class AnswerTests(SynchronousTestCase):
    def test_samples(self) -> None:
        """A sample by itself, those of a block, and messages that carry none."""
        one = {"type": "name", "value": "x", "time": 1, "seq": 2}
        self.assertEqual(read_samples(one), [Sample("name", "x", 1.0, 2)])
        self.assertEqual(read_samples({"block": 1, "samples": [one, one]}), [Sample("name", "x", 1.0, 2)] * 2)
        self.assertEqual(read_samples({"welcome": {}}), [])
        for wrong in ({"value": 1}, {"samples": [5]}, {"type": "x", "value": 1, "time": "y", "seq": 1}):
            self.assertRaises(ConnectionLost, read_samples, wrong)
        for time, seq in (("1e999", "1"), ("NaN", "1"), ("1", "1e999"), ("1", "-Infinity"), ("1" + "0" * 400, "1")):
            answer = read_answer(b'{"type": "x", "value": 1, "time": %b, "seq": %b}' % (time.encode(), seq.encode()))
            self.assertRaises(ConnectionLost, read_samples, answer)

    def test_no_answer(self) -> None:
        """What is no object of JSON is no message of the dialect."""
        self.assertEqual(read_answer(b"{}"), {})
        for wrong in (b"[]", b"Anna", b"\xff", b"[" * 100_000):
            self.assertRaises(ConnectionLost, read_answer, wrong)


class FakeSocket(MemorySocket):
    """A server's side that says what the test has written down; then it hangs up.

    :param says: what comes, each as one read; a number is so many seconds of silence.
    :ivar test: has the clock.
    """

    def __init__(self, *says: bytes | float) -> None:
        super().__init__()
        self._says = list(says)
        self.test: FeedTests

    def wait(self, seconds: float | None, is_writing: bool) -> bool:
        """Let a silence pass, as far as it is waited for."""
        said = self._says[0] if self._says else b""
        if is_writing or isinstance(said, bytes):
            return not is_writing
        assert seconds is not None
        del self._says[0]
        if said > seconds:
            self._says.insert(0, said - seconds)
        self.test.now += min(said, seconds)
        return said <= seconds and self.wait(seconds - said, is_writing)

    def recv(self, size: int) -> bytes:
        """The next that was written down."""
        said = self._says.pop(0) if self._says else b""
        assert isinstance(said, bytes), "this was not waited for"
        return said

    def heard(self) -> list[tuple[int, bytes]]:
        """What the client said after its handshake."""
        head, _, rest = self.sent.partition(b"\r\n\r\n")
        assert head.startswith(b"GET /"), head
        decoder = FrameDecoder()
        unmasked, at = b"", 0
        while at < len(rest):  # frames of up to 125 bytes, and up to 65535
            size, start = rest[at + 1] & 127, at + 2
            if size == 126:
                size, start = int.from_bytes(rest[start : start + 2], "big"), start + 2
            unmasked += frame(Opcode(rest[at] & 15), masked(rest[start + 4 : start + 4 + size], rest[start : start + 4]))
            at = start + 4 + size
        decoder.feed(unmasked)
        return list(iter(decoder.next_message, None))  # type: ignore[arg-type]


def answer(subprotocol: str | None = None) -> bytes:
    """The server's answer to the handshake."""
    lines = ["HTTP/1.1 101 Switching Protocols", f"Sec-WebSocket-Accept: {accept_of(KEY)}"]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, "\r\n"]).encode()


def told(**message: Any) -> bytes:
    """A message of the new dialect."""
    return text_frame(json.dumps(message).encode())


def sample(seq: int, kind: str = "name") -> bytes:
    """A sample of the new dialect."""
    return told(type=kind, value=f"{kind}{seq}", time=float(seq), seq=seq)


NEWER = answer(SUBPROTOCOL) + told(welcome={}) + told(subscribed={})
ROUND = b"".join(text_frame(kind.encode()) for kind in TYPES)


class FeedTests(SynchronousTestCase):
    """The client at servers that do as the test says, one for each connection; the last of them closes the client."""

    def setUp(self) -> None:
        handler = logging.NullHandler()  # or every loss is on the terminal
        log = logging.getLogger("netd.client.feed")
        log.addHandler(handler)
        self.addCleanup(log.removeHandler, handler)

    def start(self, *servers: FakeSocket | OSError, dialect: str = AUTO, **wanted: Any) -> Feed:
        """A client of *servers*."""
        self.servers = list(servers)
        self.on_connect: Callable[[], object] = lambda: None
        self.now = 0.0
        self.connects: list[Welcome] = []
        self.losses: list[tuple[str, float]] = []
        self.feed = Feed(
            "h",
            8000,
            dialect=dialect,
            on_connect=self.connects.append,
            on_disconnect=lambda reason, delay: self.losses.append((reason, delay)),
            surroundings=Surroundings(self.connect, self.clock, lambda: 99.0, lambda: 1.0, bytes, self.pause, waiter),
            **wanted,
        )
        return self.feed

    def connect(self, host: str, port: int, seconds: float) -> Any:
        """The next server."""
        self.on_connect()
        self.assertEqual((host, port), ("h", 8000))
        if not self.servers:
            self.feed.close()
            raise ConnectionRefusedError(111, "Connection refused")
        server = self.servers.pop(0)
        if isinstance(server, OSError):
            raise server
        server.test = self
        return server

    def clock(self) -> float:
        """Seconds; one more at each look."""
        self.now += 1
        return self.now

    def pause(self, closed: threading.Event, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    def test_old_server(self) -> None:
        """At an old server the type is told by the position; the client says who it is, and only what was chosen is given."""
        server = FakeSocket(answer(), ROUND[:30], ROUND[30:] + ROUND)
        samples = list(self.start(server, types=("city", "name"), name="client-1"))
        self.assertEqual(samples, [Sample(kind, kind, 99.0, seq) for seq in (1, 2) for kind in ("name", "city")])
        self.assertEqual(server.heard()[0], (TEXT, b"Connected with client-1"))
        self.assertEqual(self.connects, [Welcome(OLD)])

    def test_nameless_at_an_old_server(self) -> None:
        """Who has no name says none."""
        server = FakeSocket(answer() + ROUND)
        self.assertEqual(len(list(self.start(server, dialect=OLD))), 8)
        self.assertNotIn(b"Connected", server.sent)
        self.assertNotIn(b"Sec-WebSocket-Protocol", server.sent)

    def test_newer_server(self) -> None:
        """At a netd the client asks for what it wants, and gets that."""
        server = FakeSocket(NEWER, sample(1) + told(block=1, samples=[]), sample(2))
        samples = list(self.start(server, types=["name"], name="n", interval=0.5, locale="de_DE", seed=0))
        self.assertEqual(samples, [Sample("name", "name1", 1.0, 1), Sample("name", "name2", 2.0, 2)])
        [(opcode, asked), *_] = server.heard()
        wanted = {"types": ["name"], "name": "n", "interval": 0.5, "locale": "de_DE", "seed": 0}
        self.assertEqual((opcode, json.loads(asked)), (TEXT, {"subscribe": wanted}))
        self.assertEqual(self.connects, [Welcome(NETD)])

    def test_reconnects(self) -> None:
        """A lost connection, and a server that is not there, are tried again, ever more rarely; samples go on."""
        refused = ConnectionRefusedError(111, "Connection refused")
        gone = FakeSocket(NEWER, sample(1), frame(Opcode.CLOSE, b"\x03\xe9netd stops"))
        samples = list(self.start(gone, refused, FakeSocket(NEWER, sample(1))))
        self.assertEqual(len(samples), 2)
        self.assertEqual(
            self.losses[:2],
            [
                ("the feed closed the connection (1001: netd stops)", 2.0),
                ("cannot reach the feed at h:8000: [Errno 111] Connection refused", 4.0),
            ],
        )
        self.assertEqual(gone.heard()[-2:], [(CLOSE, b"\x03\xe9"), (CLOSE, b"\x03\xe8")])
        self.assertTrue(gone.is_closed)

    def test_pings(self) -> None:
        """Pings are answered; a silent server is pinged, and given up when it stays silent."""
        server = FakeSocket(NEWER, frame(Opcode.PING, b"p") + frame(Opcode.PONG, b""), 35.0, sample(1), 35.0, 35.0)
        self.assertEqual(len(list(self.start(server))), 1)
        self.assertEqual(server.heard()[1:4], [(PONG, b"p"), (PING, b""), (PING, b"")])
        self.assertEqual(self.losses[0][0], "the feed has gone silent")

    def test_refusals(self) -> None:
        """What the server does not have is an error at once: trying again would be no use."""
        for server, dialect, types, error in (
            (FakeSocket(answer(SUBPROTOCOL) + told(error="no such type")), AUTO, (), "the feed refused: no such type"),
            (FakeSocket(b"HTTP/1.1 404 Not Found\r\n\r\n"), AUTO, (), "the server refused: 404 Not Found"),
            (FakeSocket(answer()), NETD, (), "the server does not speak netd.feed.v1"),
            (FakeSocket(answer()), AUTO, ("session.>",), "this is an old server: it has no type 'session.>', but name, country"),
        ):
            feed = self.start(server, dialect=dialect, types=types)
            refused = self.assertRaises(Refused, list, feed)
            self.assertTrue(str(refused).startswith(error), refused)
            self.assertTrue(server.is_closed)

    def test_denied(self) -> None:
        """A server that does not let the client in says why, and is asked again after a minute."""
        for server, error in (
            (FakeSocket(b"HTTP/1.1 403 Forbidden\r\n\r\nshow a token\n"), "the server refused: 403 Forbidden: show a token"),
            (FakeSocket(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), "the server refused: 401 Unauthorized"),
            (FakeSocket(answer(SUBPROTOCOL) + told(error="unknown token", denied=True)), "the feed refused: unknown token"),
        ):
            self.assertEqual(list(self.start(server)), [])
            self.assertEqual(self.losses[0], (error, 75.0))
            self.assertTrue(server.is_closed)

    def test_token(self) -> None:
        """The token travels in the handshake, where any library of WebSockets can put it."""
        server = FakeSocket(NEWER, sample(1))
        self.assertEqual(len(list(self.start(server, token="netd_abc"))), 1)
        self.assertIn(b"\r\nAuthorization: Bearer netd_abc\r\n", server.sent)

    def test_no_server_at_all(self) -> None:
        """What answers like no WebSocket server is given up and tried again, with the reason."""
        for server, reason in (
            (FakeSocket(b"SSH-2.0-x\r\n\r\n"), "not a WebSocket server: it said 'SSH-2.0-x'"),
            (FakeSocket(b"x" * (GREATEST_HEAD + 1), b"x"), "not a WebSocket server: its answer has no end"),
            (FakeSocket(b"HTTP", 99.0), "the feed did not answer in time"),
            (FakeSocket(), "the feed closed the connection"),
            (FakeSocket(answer(SUBPROTOCOL) + text_frame(b"nix")), "not a message of netd.feed.v1: b'nix'"),
        ):
            self.assertEqual(list(self.start(server)), [])
            self.assertEqual(self.losses[0][0], reason)

    def test_broken_connection(self) -> None:
        """A connection that breaks is lost, whether in reading or in writing."""

        class Broken(FakeSocket):
            def recv(self, size: int) -> bytes:
                """Break, in the end."""
                received = super().recv(size)
                if not received:
                    raise ConnectionResetError(104, "Connection reset by peer")
                return received

        self.assertEqual(len(list(self.start(Broken(NEWER, sample(1))))), 1)
        self.assertEqual(self.losses[0][0], "the connection to the feed broke: [Errno 104] Connection reset by peer")
        broken = FakeSocket(NEWER)
        broken.broken = BrokenPipeError(32, "Broken pipe")
        self.assertEqual(list(self.start(broken)), [])
        self.assertEqual(self.losses[0][0], "the connection to the feed broke: [Errno 32] Broken pipe")

    def test_blocks(self) -> None:
        """Blocks are numbered over all connections, timed, and reported; how full the present one is can be watched."""
        watched: list[int] = []
        first, second = FakeSocket(NEWER, sample(1) + sample(2), sample(3)), FakeSocket(NEWER, sample(4))
        blocks = list(self.start(first, second, name="n").blocks(2, watched.append))
        self.assertEqual([(block.number, [one.seq for one in block.samples]) for block in blocks], [(1, [1, 2]), (2, [3, 4])])
        self.assertEqual(watched, [1, 2, 1, 2])
        self.assertTrue(all(isinstance(block, Block) and block.seconds > 0 for block in blocks))
        [report] = [json.loads(said) for opcode, said in first.heard()[1:] if opcode == TEXT]
        self.assertEqual(report, {"report": {"block": 1, "seconds": blocks[0].seconds}})

    def test_blocks_of_the_server(self) -> None:
        """A server that is asked for blocks sends several samples together; blocks are of that size, unless said otherwise."""
        whole = told(block=1, seconds=0.5, samples=[{"type": "name", "value": "x", "time": 1, "seq": seq} for seq in (1, 2, 3)])
        server = FakeSocket(NEWER, whole)
        [block] = self.start(server, block=3).blocks()
        self.assertEqual((block.number, [one.seq for one in block.samples]), (1, [1, 2, 3]))
        [(_, asked), (_, report), *_] = server.heard()
        self.assertEqual(json.loads(asked), {"subscribe": {"block": 3}})
        self.assertEqual(json.loads(report)["report"]["block"], 1)
        self.assertEqual(len(list(self.start(FakeSocket(NEWER, whole), block=3).blocks(1))), 3)

    def test_old_report(self) -> None:
        """An old server reads the report in its own wording, from a client without a name too."""
        server = FakeSocket(answer() + ROUND)
        [*blocks] = self.start(server).blocks(8)
        self.assertEqual(server.heard()[0], (TEXT, f"client nameless received 1 block in {blocks[0].seconds:.6f} time".encode()))

    def test_remarks(self) -> None:
        """Anything else can be said in both dialects; without a connection nothing can."""
        for greeting, remark in ((NEWER + sample(1), b'{"remark": "hi"}'), (answer() + ROUND, b"hi")):
            server = FakeSocket(greeting)
            feed = self.start(server)
            self.assertFalse(feed.remark("too early"))
            samples: Iterator[Sample] = iter(feed)
            next(samples)
            self.assertTrue(feed.remark("hi"))
            self.assertIn((TEXT, remark), server.heard())
            server.broken = BrokenPipeError()
            self.assertFalse(feed.remark("too late"))
            feed.close()
            self.assertEqual(list(samples), [])

    def test_goodbye(self) -> None:
        """Leaving says goodbye to the server, and ends the iteration; iterating anew does nothing."""
        server = FakeSocket(NEWER, sample(1) + sample(2))
        with self.start(server) as feed:
            next(iter(feed))
        self.assertEqual(server.heard()[-1], (CLOSE, b"\x03\xe8"))
        self.assertEqual(list(feed), [])

    def test_closed_while_connecting(self) -> None:
        """A client that is closed during an attempt to connect leaves no connection behind."""
        server = FakeSocket(NEWER)
        feed = self.start(server)
        self.on_connect = feed.close
        self.assertEqual(list(feed), [])
        self.assertTrue(server.is_closed)

    def test_goes_on(self) -> None:
        """Iterating anew goes on with the connection and what it has brought."""
        feed = self.start(FakeSocket(NEWER, sample(1) + sample(2)), FakeSocket(NEWER))
        self.assertEqual([next(iter(feed)).seq, next(iter(feed)).seq], [1, 2])
        self.assertEqual(len(self.connects), 1)

    def test_wrong_arguments(self) -> None:
        """What cannot be is said at once."""
        for wrong, error in (
            ({"dialect": "new"}, "dialect: 'new' is none of auto, netd, old"),
            ({"port": 0}, "port: 0 is not between 1 and 65535"),
            ({"path": "x"}, "path: 'x' does not begin with /"),
            ({"path": "/a b"}, "path: '/a b' does not begin with /"),
            ({"block": 0}, "block: 0 is not between 1 and 1000"),
            ({"block": 1001}, "block: 1001 is not between 1 and 1000"),
            ({"types": ["x"], "dialect": "old"}, "types: 'x' is none of name, country"),
        ):
            refused = self.assertRaises(ValueError, Feed, "h", **wrong)
            self.assertTrue(str(refused).startswith(error), refused)
        self.assertRaises(ValueError, next, Feed("h").blocks(0))

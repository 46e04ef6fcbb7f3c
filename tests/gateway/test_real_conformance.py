"""WebSockets as RFC 6455 wants them: what no well-behaved library ever sends, sent byte by byte to a real netd.

Its frames are read by the library ``websockets``, not by netd's own code. CONTRIBUTING.md says how to run a much longer suite
that others wrote.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import operator
import os
import socket
import struct

from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from tests.gateway.test_real_gateway import RealGatewayTestCase
from tests.process import LOOPBACK, PATIENCE

LIMIT = 1 << 16
"""Bytes of a message that this netd takes."""

PROTOCOL_ERROR, INVALID_PAYLOAD, TOO_BIG = 1002, 1007, 1009

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
INVALID_CODES = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535)

GOOD_TEXTS = ("", "h\xe9", "\u03ba\u1f79\u03c3\u03bc\u03b5", "\U0010ffff", "\ufffe\uffff", "\x00\x7f", "\ud7ff\ue000")

BAD_TEXTS = (
    b"\x80",
    b"\xbf" * 5,
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xc3\x28",
    b"\xe0\x80\xaf",
    b"\xe1\xa0\x28",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf4\x90\x80\x80",
    b"\xf5",
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
    b"\xff",
)
"""Each is wrong at its last byte at the latest, whatever follows."""


def made(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A client's frame, whether it may be sent or not."""
    first, size = fin << 7 | rsv << 4 | opcode, len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    mask = os.urandom(4)
    return head + mask + bytes(map(operator.xor, payload, itertools.cycle(mask)))


class Visitor:
    """A client that sends whatever it is told to.

    :param connection: to the port of a gateway.
    """

    def __init__(self, connection: socket.socket, path: str = "/echo") -> None:
        self._connection = connection
        self._received = StreamReader()
        key = base64.b64encode(os.urandom(16))
        head = b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
        self.send(b"GET %b HTTP/1.1\r\n%b\r\nSec-WebSocket-Key: %b\r\n\r\n" % (path.encode(), head, key))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += connection.recv(1)
        accepted = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        assert b"Sec-WebSocket-Accept: %b\r\n" % accepted in answer, answer

    def send(self, *pieces: bytes) -> None:
        """Send each of *pieces*, in a segment of its own where the system lets it be one."""
        for piece in pieces:
            self._connection.sendall(piece)

    def read(self) -> tuple[Opcode, bytes]:
        """The next frame. It is whole: netd makes no others."""
        reading = Frame.parse(self._received.read_exact, mask=False)
        while True:
            try:
                next(reading)
            except StopIteration as parsed:
                frame: Frame = parsed.value
                assert frame.fin
                return frame.opcode, bytes(frame.data)
            self._feed()

    def end(self) -> tuple[int | None, bool]:
        """The code of the close frame, which must come next, and whether the connection ends behind it without another byte."""
        opcode, payload = self.read()
        assert opcode is Opcode.CLOSE, (opcode, payload[:50])
        code = Close.parse(payload).code if payload else None
        return code, not self._received.buffer and not self._connection.recv(1)

    def _feed(self) -> None:
        segment = self._connection.recv(1 << 16)
        assert segment, "the connection ended without a word"
        self._received.feed_data(segment)


class ConformanceTests(RealGatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.start_gateway(LOOPBACK, "echo = yes", f"max_message = {LIMIT}")
        self.port = self.daemon.port("gateway")

    def visit(self) -> Visitor:
        """A client that is connected to the echo."""
        return Visitor(self.connect(self.port))

    def failed(self, *pieces: bytes) -> int | None:
        """The code with which *pieces* end a connection."""
        visitor = self.visit()
        visitor.send(*pieces)
        code, has_ended = visitor.end()
        self.assertTrue(has_ended, pieces)
        return code

    def test_fragments(self) -> None:
        """A message is the same in however many fragments; pings between them are answered at once, pongs are nothing."""
        visitor = self.visit()
        text = "h\xe9llo \U0001f980".encode()
        for size in (1, 2, 5, len(text)):
            parts = [text[at : at + size] for at in range(0, len(text), size)]
            visitor.send(made(Opcode.TEXT, fin=False))
            for number, part in enumerate(parts):
                visitor.send(made(Opcode.PING, b"%d" % number), made(Opcode.PONG, b"nobody asked"))
                visitor.send(made(Opcode.CONT, part, fin=False))
                self.assertEqual(visitor.read(), (Opcode.PONG, b"%d" % number))
            visitor.send(made(Opcode.CONT))
            self.assertEqual(visitor.read(), (Opcode.TEXT, text), size)

    def test_sizes(self) -> None:
        """Messages are told by their length, in each of its three forms, up to the limit, binary or not."""
        visitor = self.visit()
        for size in (0, 1, 125, 126, 127, 128, 65535, LIMIT):
            for opcode in (Opcode.TEXT, Opcode.BINARY):
                payload = b"*" * size
                visitor.send(made(opcode, payload))
                self.assertEqual(visitor.read(), (opcode, payload), size)
        visitor.send(made(Opcode.PING, b"x" * 125))
        self.assertEqual(visitor.read(), (Opcode.PONG, b"x" * 125))

    def test_halves(self) -> None:
        """Frames are read the same in whatever segments they come, byte by byte too, and many in one."""
        visitor = self.visit()
        frames = made(Opcode.TEXT, b"h\xc3", fin=False) + made(Opcode.PING, b"p") + made(Opcode.CONT, b"\xa9" + b"." * 126)
        visitor.send(*(frames[at : at + 1] for at in range(len(frames))))
        self.assertEqual([visitor.read(), visitor.read()], [(Opcode.PONG, b"p"), (Opcode.TEXT, b"h\xc3\xa9" + b"." * 126)])
        visitor.send(b"".join(made(Opcode.TEXT, b"%d" % number) for number in range(200)))
        self.assertEqual([visitor.read()[1] for _ in range(200)], [b"%d" % number for number in range(200)])

    def test_violations(self) -> None:
        """What no client may send ends its connection with the code for that; others do not notice."""
        bystander = self.visit()
        unmasked = Frame(Opcode.TEXT, b"hello").serialize(mask=False)
        for violation in (
            *((made(Opcode.TEXT, b"x", rsv=rsv),) for rsv in range(1, 8)),
            *((made(Opcode.PING, b"x", rsv=rsv),) for rsv in (1, 4)),
            *((bytes((0x80 | opcode, 0x80)) + b"mask",) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
            *((made(opcode, b"x", fin=False),) for opcode in (Opcode.PING, Opcode.PONG, Opcode.CLOSE)),
            *((made(opcode, b"x" * 126),) for opcode in (Opcode.PING, Opcode.PONG, Opcode.CLOSE)),
            (made(Opcode.CONT, b"x"),),
            (made(Opcode.CONT, b"x", fin=False),),
            (made(Opcode.TEXT, b"x", fin=False), made(Opcode.TEXT, b"y")),
            (made(Opcode.TEXT, b"x", fin=False), made(Opcode.BINARY, b"y")),
            (unmasked,),
            (b"\x81\xfe\x00\x05mask",),  # a length that has a shorter form
            (b"\x81\xff" + b"\x00" * 7 + b"\x05mask",),
            (b"\x81\xff\x80" + b"\x00" * 7 + b"mask",),  # a length below zero, were it signed
            (made(Opcode.CLOSE, b"x"),),
        ):
            self.assertEqual(self.failed(*violation), PROTOCOL_ERROR, violation)
        bystander.send(made(Opcode.TEXT, b"still here"))
        self.assertEqual(bystander.read(), (Opcode.TEXT, b"still here"))

    def test_texts(self) -> None:
        """A text is UTF-8, all of it: one that is not ends the connection at the first wrong byte, not at its own end."""
        visitor = self.visit()
        for text in GOOD_TEXTS:
            visitor.send(*(made(Opcode.TEXT, text.encode()),))
            self.assertEqual(visitor.read(), (Opcode.TEXT, text.encode()), ascii(text))
        for bad in BAD_TEXTS:
            for before in (b"", "\u03ba".encode(), b"x" * 200):
                self.assertEqual(self.failed(made(Opcode.TEXT, before + bad)), INVALID_PAYLOAD, bad)
                frame = made(Opcode.TEXT, before + bad + b"never sent")
                self.assertEqual(self.failed(frame[: -len(b"never sent")]), INVALID_PAYLOAD, bad)
                fragments = [made(Opcode.TEXT, before, fin=False), made(Opcode.CONT, bad, fin=False)]
                self.assertEqual(self.failed(*fragments), INVALID_PAYLOAD, bad)
        self.assertEqual(self.failed(made(Opcode.TEXT, b"x\xce")), INVALID_PAYLOAD)

    def test_closing(self) -> None:
        """A client's goodbye is answered, and the connection ends, whatever came behind it; one of nonsense is an error."""
        for code in VALID_CODES:
            self.assertEqual(self.failed(made(Opcode.CLOSE, struct.pack("!H", code) + b"bye")), 1000, code)
        self.assertIn(self.failed(made(Opcode.CLOSE)), (None, 1000))
        self.assertEqual(self.failed(made(Opcode.CLOSE, struct.pack("!H", 1000) + b"x" * 123)), 1000)
        self.assertEqual(
            self.failed(made(Opcode.CLOSE, struct.pack("!H", 1000)), made(Opcode.TEXT, b"x"), made(Opcode.PING)), 1000
        )
        for code in INVALID_CODES:
            self.assertEqual(self.failed(made(Opcode.CLOSE, struct.pack("!H", code))), PROTOCOL_ERROR, code)
        self.assertEqual(self.failed(made(Opcode.CLOSE, struct.pack("!H", 1000) + b"\xff")), INVALID_PAYLOAD)

    def test_too_big(self) -> None:
        """A message over the limit ends the connection as soon as that is plain: by its length alone, or by a fragment."""
        head = struct.pack("!BBQ", 0x82, 0x80 | 127, LIMIT + 1) + b"mask"
        self.assertEqual(self.failed(head), TOO_BIG)
        self.assertEqual(self.failed(struct.pack("!BBQ", 0x82, 0x80 | 127, (1 << 63) - 1) + b"mask"), TOO_BIG)
        half = made(Opcode.BINARY, b"x" * LIMIT, fin=False)
        self.assertEqual(self.failed(half, made(Opcode.CONT, b"x", fin=False)), TOO_BIG)
        visitor = self.visit()
        visitor.send(half, made(Opcode.CONT))
        self.assertEqual(visitor.read(), (Opcode.BINARY, b"x" * LIMIT))

    def test_half_a_frame(self) -> None:
        """Who leaves in the middle of a frame leaves nothing behind, and others are served."""
        whole = made(Opcode.TEXT, b"hello" * 40)
        for size in (1, 2, 3, 5, 9, len(whole) - 1):
            connection = self.connect(self.port)
            Visitor(connection).send(whole[:size])
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(PATIENCE)
            self.assertEqual(connection.recv(1), b"", size)
        visitor = self.visit()
        visitor.send(whole)
        self.assertEqual(visitor.read(), (Opcode.TEXT, b"hello" * 40))
        self.assertEqual(self.daemon.call("system.status")["services"][0]["websockets"], 1)
        self.assertNotIn("Traceback", self.daemon.output)

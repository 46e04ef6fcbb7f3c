"""Frames with a length header: whatever is sent, however it is cut, the same payloads come out."""

from __future__ import annotations

from typing import ClassVar, SupportsIndex

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import (
    HEADER,
    MAX_LENGTH,
    BadHeader,
    FrameTooLong,
    Gatherer,
    LengthHeaderDecoder,
    LengthHeaderReceiver,
    begins_header,
    encode_frame,
    parse_header,
    parse_spaced_header,
)

Event = tuple[str, object]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """*stream* in pieces, cut at *places* (taken modulo its length)."""
    at = sorted({place % (len(stream) + 1) for place in places})
    return [stream[start:end] for start, end in zip([0, *at], [*at, len(stream)], strict=True)]


def decode_pieces(pieces: list[bytes], limit: int = MAX_LENGTH) -> list[Event]:
    """What a decoder makes of *pieces*: payloads, then the error that ended it, if any."""
    decoder = LengthHeaderDecoder(limit)
    events: list[Event] = []
    for piece in pieces:
        decoder.feed(piece)
        try:
            while (payload := decoder.next_frame()) is not None:
                events.append(("payload", payload))
        except BadHeader:
            return [*events, ("bad header", None)]
        except FrameTooLong as error:
            return [*events, ("too long", error.length)]
    return events


def decode_slowly(stream: bytes, limit: int) -> list[Event]:
    """The reference: the same, of a whole stream and without cleverness."""
    events: list[Event] = []
    while len(stream) >= HEADER:
        header, stream = stream[:HEADER], stream[HEADER:]
        digits = header.rstrip(b" \0")
        if not 1 <= len(digits) <= 7 or any(digit not in b"0123456789" for digit in digits):
            return [*events, ("bad header", None)]
        if int(digits) > limit:
            return [*events, ("too long", int(digits))]
        if len(stream) < int(digits):
            break
        events.append(("payload", stream[: int(digits)]))
        stream = stream[int(digits) :]
    return events


PAYLOADS = st.lists(st.binary(max_size=200), max_size=6)
CUTS = st.lists(st.integers(0, 2000), max_size=12)
HEADERS = st.one_of(
    st.binary(min_size=HEADER, max_size=HEADER),
    st.text("0123456789 +-_.\x00\t\u0663", max_size=HEADER).map(lambda text: text.encode()[:HEADER].ljust(HEADER)),
    st.integers(0, 100).map(lambda length: str(length).encode().ljust(HEADER)),
)


class CopyCounter:
    """How many bytes were copied out of the bytes that :class:`Counted` stands for."""

    def __init__(self) -> None:
        self.copied = 0

    def count(self, copied: bytes) -> bytes:
        """Count *copied*, and go on watching it."""
        self.copied += len(copied)
        return Counted(copied, self)


class Counted(bytes):
    """Bytes whose slices and concatenations are counted."""

    counter: CopyCounter

    def __new__(cls, content: bytes, counter: CopyCounter) -> Counted:
        """*content*, whose copies *counter* counts."""
        self = super().__new__(cls, content)
        self.counter = counter
        return self

    def __getitem__(self, key: SupportsIndex | slice) -> bytes:  # type: ignore[override]  # indices are not used here
        assert isinstance(key, slice)
        return self.counter.count(super().__getitem__(key))

    def __add__(self, other: bytes) -> bytes:  # type: ignore[override]  # only bytes are added here
        return self.counter.count(super().__add__(other))

    def __radd__(self, other: bytes) -> bytes:
        if isinstance(other, bytearray):
            return NotImplemented  # it grows in place
        return self.counter.count(bytes(other) + bytes(self))


class HeaderTests(SynchronousTestCase):
    def test_lengths(self) -> None:
        """One to seven digits are a length, leading zeros too."""
        for digits, length in ((b"0", 0), (b"7", 7), (b"0000011", 11), (b"9999999", 9_999_999)):
            self.assertEqual(length, parse_header(digits.ljust(HEADER)))

    def test_what_int_would_take(self) -> None:
        """A header that only Python would read as a number is refused, as is one with anything but digits and trailing spaces."""
        for digits in (
            b"", b"-1", b"+5", b"1_0", b" 5", b"5 5", b"5\t", b"5\n", b"\x005", b"5\x005", b"0x5", b"1e3", b"5.", b"12345678",
            b"0" * 64, "\uff15".encode(), "\u0663".encode(), b"\xb2", b"\xff",
        ):  # fmt: skip
            with self.assertRaises(BadHeader, msg=repr(digits)):
                parse_header(digits.ljust(HEADER))
            self.assertEqual([("bad header", None)], decode_pieces([digits.ljust(HEADER)]))

    def test_padding(self) -> None:
        """A program in C that pads with NULs, or ends its spaces with one, is understood; a newline ends no header."""
        for header in (b"11".ljust(HEADER, b"\0"), b"11".ljust(HEADER - 1) + b"\0", b"11\0".ljust(HEADER)):
            self.assertEqual(parse_header(header), 11)
            self.assertRaises(BadHeader, parse_spaced_header, header)
        self.assertEqual(parse_spaced_header(b"11".ljust(HEADER)), 11)
        for header in (b"11".ljust(HEADER - 1) + b"\n", b"11".ljust(HEADER - 1) + b"\r"):
            self.assertRaises(BadHeader, parse_header, header)

    def test_beginning(self) -> None:
        """What can still become a header is known from what cannot, byte by byte."""
        for beginning in (b"", b"1", b"1234567", b"11 ", b"11\0 \0"):
            self.assertTrue(begins_header(beginning), beginning)
        for beginning in (b" ", b"\0", b"f", b"f6", b"1x", b"12345678", b"11 1", b"GET / HTTP/1.1\r\n", b"\xbcr"):
            self.assertFalse(begins_header(beginning), beginning)

    def test_message(self) -> None:
        """The refusal says what a header looks like; counters know its kind."""
        error = self.assertRaises(BadHeader, parse_header, b"x" * HEADER)
        self.assertEqual(
            "a header is one to seven digits, padded with spaces to 64 bytes; lengths count bytes, not characters", str(error)
        )
        self.assertEqual("bad header", error.kind)

    @given(HEADERS)
    def test_any_bytes(self, header: bytes) -> None:
        """No 64 bytes make anything but a length or a refusal."""
        events = decode_slowly(header, MAX_LENGTH * 10)
        try:
            length = parse_header(header)
        except BadHeader:
            self.assertEqual([("bad header", None)], events)
        else:
            self.assertEqual(str(length), header.rstrip(b" \0").decode().lstrip("0") or "0")

    def test_encode(self) -> None:
        """A frame is what the oldest device reads: the length in decimal, spaces up to 64 bytes, the payload."""
        self.assertEqual(b"11" + b" " * 62 + b"raspberrypi", encode_frame(b"raspberrypi"))
        self.assertEqual(b"0" + b" " * 63, encode_frame(b""))
        longest = bytes(9_999_999)
        self.assertEqual(b"9999999 ", encode_frame(longest)[:8])
        self.assertRaises(FrameTooLong, encode_frame, longest + b"x")


class DecoderTests(SynchronousTestCase):
    def test_every_split_point(self) -> None:
        """Wherever a segment ends, the same payloads come out."""
        payloads = [b"raspberrypi", b"", b"x" * 70]
        stream = b"".join(encode_frame(payload) for payload in payloads)
        wanted: list[Event] = [("payload", payload) for payload in payloads]
        for at in range(len(stream) + 1):
            self.assertEqual(wanted, decode_pieces([stream[:at], stream[at:]]))
        self.assertEqual(wanted, decode_pieces([bytes([byte]) for byte in stream]))

    def test_nothing_has_come(self) -> None:
        """Before the first byte there is neither frame nor field."""
        decoder = LengthHeaderDecoder()
        self.assertEqual((decoder.next_field(2), decoder.next_frame()), (None, None))

    def test_frames_come_as_soon_as_they_are_whole(self) -> None:
        """A device gets a command with its last byte, not with the next command."""
        decoder = LengthHeaderDecoder()
        decoder.feed(encode_frame(b"on")[:-1])
        self.assertIsNone(decoder.next_frame())
        decoder.feed(b"n")
        self.assertEqual(b"on", decoder.next_frame())
        self.assertIsNone(decoder.next_frame())

    @given(PAYLOADS, CUTS)
    def test_round_trip(self, payloads: list[bytes], places: list[int]) -> None:
        """What was framed comes out again, however it is cut."""
        stream = b"".join(encode_frame(payload) for payload in payloads)
        self.assertEqual([("payload", payload) for payload in payloads], decode_pieces(cut(stream, places)))

    @given(st.lists(st.one_of(HEADERS, st.binary(max_size=120)), max_size=6), CUTS, st.integers(0, 120))
    def test_arbitrary_streams(self, parts: list[bytes], places: list[int], limit: int) -> None:
        """Garbage is understood the same way, cut or whole, as by a reader without cleverness."""
        stream = b"".join(parts)
        wanted = decode_slowly(stream, limit)
        self.assertEqual(wanted, decode_pieces([stream], limit))
        self.assertEqual(wanted, decode_pieces(cut(stream, places), limit))

    @given(st.binary(min_size=150, max_size=150), CUTS)
    def test_fields_between_frames(self, text: bytes, places: list[int]) -> None:
        """A target field needs no header, whatever bytes are in it, and does not disturb the frames around it."""
        target, data = text[:HEADER], text[HEADER:]
        decoder = LengthHeaderDecoder()
        pulled: list[bytes] = []
        for piece in cut(encode_frame(b"python") + target + encode_frame(data) + target, places):
            decoder.feed(piece)
            while len(pulled) < 4:
                item = decoder.next_field() if len(pulled) % 2 else decoder.next_frame()
                if item is None:
                    break
                pulled.append(item)
        self.assertEqual([b"python", target, data, target], pulled)

    def test_limit(self) -> None:
        """A payload may be as long as the limit; one byte more is refused on its header, before any of it has come."""
        self.assertEqual([("payload", b"12345")], decode_pieces([encode_frame(b"12345")], limit=5))
        self.assertEqual([("too long", 6)], decode_pieces([b"6".ljust(HEADER)], limit=5))
        error = self.assertRaises(FrameTooLong, self._pull, b"9999999".ljust(HEADER))
        self.assertEqual("9999999 bytes announced, at most 1048576 are taken", str(error))
        self.assertEqual((9_999_999, "frame too long"), (error.length, error.kind))

    def _pull(self, stream: bytes) -> bytes | None:
        decoder = LengthHeaderDecoder()
        decoder.feed(stream)
        return decoder.next_frame()

    def test_good_frames_before_a_bad_one(self) -> None:
        """Commands that came in the same segment as garbage, but before it, are carried out."""
        stream = encode_frame(b"one") + encode_frame(b"two") + b"garbage".ljust(HEADER)
        self.assertEqual([("payload", b"one"), ("payload", b"two"), ("bad header", None)], decode_pieces([stream]))

    def test_dribbled_frame_is_copied_a_few_times_at_most(self) -> None:
        """A frame of a mebibyte that comes in pieces of 64 bytes costs what its bytes cost, not their square."""
        counter = CopyCounter()
        payload = bytes(MAX_LENGTH)
        stream = encode_frame(payload)
        pieces = [Counted(stream[at : at + 64], counter) for at in range(0, len(stream), 64)]
        self.assertEqual([("payload", payload)], decode_pieces(list(pieces)))
        self.assertLess(counter.copied, 3 * len(stream))

    def test_many_frames_in_one_read(self) -> None:
        """A burst of small frames in one read costs what its bytes cost, not their square."""
        counter = CopyCounter()
        stream = encode_frame(b"on") * 2000
        self.assertEqual([("payload", b"on")] * 2000, decode_pieces([Counted(stream, counter)]))
        self.assertLess(counter.copied, 3 * len(stream))

    def test_whole_frames_pass_without_collecting(self) -> None:
        """Frames that come whole, the usual case, are sliced out of what was read: nothing is collected, first or later."""
        counter = CopyCounter()
        frame = encode_frame(bytes(1000))
        self.assertEqual([("payload", bytes(1000))] * 3, decode_pieces([Counted(frame, counter) for _ in range(3)]))
        self.assertEqual(3 * len(frame), counter.copied)


class GathererTests(SynchronousTestCase):
    def test_whole_reads_pass(self) -> None:
        """What is not held back is handed on as it is."""
        gatherer = Gatherer()
        received = b"whole"
        self.assertIs(received, gatherer.take(received))
        self.assertEqual((0, True), (len(gatherer), gatherer.is_empty))

    def test_collects(self) -> None:
        """Nothing comes out until the number is there; then all of it does, the surplus too, and it starts anew."""
        gatherer = Gatherer()
        gatherer.keep(b"ab", 5)
        self.assertEqual((2, False), (len(gatherer), gatherer.is_empty))
        self.assertIsNone(gatherer.take(b"cd"))
        self.assertEqual(4, len(gatherer))
        self.assertEqual(b"abcdefg", gatherer.take(b"efg"))
        self.assertEqual((0, True), (len(gatherer), gatherer.is_empty))
        gatherer.keep(b"h", 2)
        self.assertEqual(b"hi", gatherer.take(b"i"))


class Greeter(LengthHeaderReceiver, Protocol):
    """Answers each string, as a program written for Twisted's receivers would."""

    MAX_LENGTH: ClassVar[int] = 10

    def __init__(self) -> None:
        self.strings: list[bytes] = []

    def stringReceived(self, string: bytes) -> None:
        self.strings.append(string)
        self.sendString(b"hello " + string)


class ExactGreeter(Greeter):
    """One that wants to know what was too long."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[int] = []

    def lengthLimitExceeded(self, length: int) -> None:
        self.refused.append(length)


class WritesTransport(StringTransport):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        super().write(data)


class ReceiverTests(SynchronousTestCase):
    def connect(self, protocol: Greeter) -> WritesTransport:
        """A transport that *protocol* is connected to."""
        transport = WritesTransport()
        protocol.makeConnection(transport)
        return transport

    def test_strings(self) -> None:
        """A program written for ``Int32StringReceiver`` works over this framing by changing its base class."""
        greeter = Greeter()
        transport = self.connect(greeter)
        for byte in encode_frame(b"anna") + encode_frame(b"bert"):
            greeter.dataReceived(bytes([byte]))
        self.assertEqual([b"anna", b"bert"], greeter.strings)
        self.assertEqual([encode_frame(b"hello anna"), encode_frame(b"hello bert")], transport.writes)

    def test_one_write(self) -> None:
        """Header and payload leave together: an old client reads the payload with a single recv."""
        greeter = Greeter()
        transport = self.connect(greeter)
        greeter.sendString(b"raspberrypi")
        self.assertEqual([b"11".ljust(HEADER) + b"raspberrypi"], transport.writes)

    def test_too_long(self) -> None:
        """By default a frame over the class's limit closes the connection; nothing after it is understood as a frame."""
        greeter = Greeter()
        transport = self.connect(greeter)
        greeter.dataReceived(encode_frame(b"ok") + encode_frame(b"x" * 11) + encode_frame(b"more"))
        greeter.dataReceived(encode_frame(b"more"))
        self.assertEqual([b"ok"], greeter.strings)
        self.assertTrue(transport.disconnecting)

    def test_limit_exceeded_is_told_once(self) -> None:
        """A program that overrides ``lengthLimitExceeded`` learns the length, or -1 for what is no header at all, once."""
        for header, told in ((b"11", 11), (b"eleven", -1)):
            greeter = ExactGreeter()
            transport = self.connect(greeter)
            greeter.dataReceived(header.ljust(HEADER))
            greeter.dataReceived(header.ljust(HEADER))
            self.assertEqual(([told], False), (greeter.refused, transport.disconnecting))

    def test_limit_may_change(self) -> None:
        """A program may allow more once it knows whom it talks to, as with Twisted's receivers."""
        greeter = ExactGreeter()
        self.connect(greeter)
        greeter.dataReceived(encode_frame(b"password"))
        greeter.MAX_LENGTH = 100  # type: ignore[misc]  # the way it is done with IntNStringReceiver
        greeter.dataReceived(encode_frame(b"x" * 100) + encode_frame(b"x" * 101))
        self.assertEqual(([b"password", b"x" * 100], [101]), (greeter.strings, greeter.refused))

    def test_must_be_overridden(self) -> None:
        """A program that forgot ``stringReceived`` is told at the first string."""
        receiver = LengthHeaderReceiver()
        self.assertRaises(NotImplementedError, receiver.dataReceived, encode_frame(b""))

"""Tests of ``netd.wire.framing``: bytes become messages, whatever frame they have and wherever reads are cut."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.checks import parse_check
from netd.wire.framing import Frame, FramingFailed, ShiftWatch, parse_frame, parse_say, recognised

LIMIT = 4096

TLS = "is this client to speak TLS here?"

FRAMES = (
    "lines",
    r"lines:\r",
    r"lines:\0",
    "until:;",
    "until:<EOF>",
    "until:aab",
    r"between:\x02:\x03",
    r"between:<<:>>:2",
    "length:64",
    "length:8:digits",
    "length:1:big",
    "length:4:little:add=1",
    "length:2:big:add=-2",
    "json",
)
"""Frames that say what they were told, one of each manner."""

WHOLE_FRAMES = ("length:1:big:at=2:add=2:start=7878", "length:2:big:at=4:add=-6", "bytes:4", "bytes:4:start=aa")
"""Frames whose messages are all of the frame."""


def pieces(data: bytes, step: int) -> Iterator[bytes]:
    """*data* in pieces of *step* bytes."""
    return (data[at : at + step] for at in range(0, len(data), step))


def read(frame: Frame, parts: Sequence[bytes] | Iterator[bytes], limit: int = LIMIT) -> list[bytes]:
    """The messages of a connection that brings *parts* and ends."""
    decoder = frame.decoder(limit)
    found = [message for part in parts for message in decoder.feed(part)]
    return [*found, *decoder.end()]


def refused(frame: Frame, parts: Sequence[bytes] | Iterator[bytes], limit: int = LIMIT) -> tuple[list[bytes], str]:
    """The messages before the refusal of a connection that brings *parts*, and the words of that."""
    decoder, found = frame.decoder(limit), []
    try:
        for part in parts:
            found += decoder.feed(part)
    except FramingFailed as error:
        return [*found, *error.messages], str(error)
    raise AssertionError(f"{frame.text} took it: {found!r}, and holds {decoder.held} bytes")


def payloads(text: str) -> st.SearchStrategy[bytes]:
    """Messages that the frame *text* can carry."""
    if text == "json":
        values = st.recursive(
            st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
        )
        return st.dictionaries(st.text(), values, max_size=4).map(json.dumps).map(str.encode)
    if text.startswith("length"):
        return st.binary(min_size=1, max_size=200).filter(lambda message: recognised(message) is None)
    marks = {"lines": b"\r\n\0", "until": b";<ab", "between": b"\x02\x03<>"}[text.partition(":")[0]]
    plain = st.sampled_from([byte for byte in range(1, 127) if byte not in marks])
    return st.lists(plain, min_size=1, max_size=60).map(bytes).filter(lambda message: not message.isspace())


class RoundTripTests(SynchronousTestCase):
    @given(st.data())
    def test_every_frame(self, data: st.DataObject) -> None:
        """What netd says is what a program with the same frame reads, in one piece, byte by byte, and cut anywhere."""
        for text in FRAMES:
            frame = parse_frame(text)
            messages = data.draw(st.lists(payloads(text), max_size=4), text)
            stream = b"".join(map(frame.encode, messages))
            for parts in ([stream], pieces(stream, 1), pieces(stream, data.draw(st.integers(2, 9)))):
                self.assertEqual(read(frame, parts), messages, text)

    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=4), st.binary(max_size=12), st.integers(1, 5))
    def test_garbage_before_start(self, contents: list[bytes], garbage: bytes, step: int) -> None:
        """What stands before the first bytes of a message is skipped and counted, wherever it is cut."""
        garbage = garbage.replace(b"\x78", b"")
        frame = parse_frame("length:1:big:at=2:start=7878")
        messages = [b"\x78\x78%c%b" % (len(content), content) for content in contents]
        stream = b"".join(garbage + message for message in messages)
        decoder = frame.decoder(LIMIT)
        found = [message for piece in pieces(stream, step) for message in decoder.feed(piece)]
        self.assertEqual(found, messages)
        self.assertEqual(decoder.lost, len(garbage) * len(messages))

    @given(st.data())
    def test_any_bytes(self, data: st.DataObject) -> None:
        """Whatever comes, cuts change nothing of the messages, nor whether the connection is refused."""
        text = data.draw(st.sampled_from((*FRAMES, *WHOLE_FRAMES)))
        stream = data.draw(st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=4), max_size=12).map(b"".join))
        seen = []
        for step in (len(stream) or 1, 1, 3):
            decoder, found, why = parse_frame(text).decoder(12), [], ""
            try:
                for piece in pieces(stream, step):
                    found += decoder.feed(piece)
                    self.assertLessEqual(decoder.held, 12 + 70)
                found += decoder.end()
            except FramingFailed as error:
                found += error.messages
                why = "refused"
            seen.append((found, why))
        self.assertEqual(seen[1:], seen[:1] * 2, (text, stream))


SCRAPS = (
    *(
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b";",
        b"<EOF>",
        b"<EO",
        b"aab",
        b"aa",
        b"\x02",
        b"\x03",
        b"<<",
        b">>",
        b"{",
        b"}",
        b'"',
        b"\\",
        b"[",
    ),
    *(
        b"]",
        b"\x78\x78",
        b"\x78\x78\x02abcd",
        b"\xaa123",
        b"\xaa",
        b"\0\0\0\x02",
        b"00000003abc",
        b"5",
        b"%-64d" % 3,
        b"\x80",
        b"\xac\xed",
    ),
    b"x" * 13,
)


class EndedTests(SynchronousTestCase):
    def test_line_ends(self) -> None:
        """Lines of all systems are lines, blank ones are none, and the last needs no end."""
        self.assertEqual(read(parse_frame("lines"), [b"a\r\nb\n\n \t\r\nc"]), [b"a", b"b", b"c"])
        self.assertEqual(read(parse_frame(r"lines:\r"), [b"a\r\nb\rc\r"]), [b"a", b"b", b"c"])
        self.assertEqual(read(parse_frame(r"lines:\0"), [b"a\r\n\0b\0"]), [b"a", b"b"])
        self.assertEqual(read(parse_frame("until:;"), [b"a;\r\n;b\r"]), [b"a", b"b\r"])

    def test_cut_end(self) -> None:
        """An end of several bytes is found where it was cut, also if its beginning was there before."""
        self.assertEqual(read(parse_frame("until:aab"), [b"1a", b"a", b"a", b"b2aa", b"b"]), [b"1a", b"2"])

    def test_longest(self) -> None:
        """A message of max_message bytes is taken, with its end wherever that is cut."""
        for end in (b"\n", b"\r\n"):
            for cut in range(8, 12):
                stream = b"x" * 10 + end
                self.assertEqual(read(parse_frame("lines"), [stream[:cut], stream[cut:]], 10), [b"x" * 10])

    def test_too_long(self) -> None:
        """One that is longer is refused, and what was said before counts."""
        self.assertEqual(
            refused(parse_frame("lines"), [b"a\n" + b"x" * 11 + b"\nb\n"], 10),
            ([b"a"], "a message of 11 bytes, at most 10 are taken"),
        )

    def test_no_end(self) -> None:
        """Ten megabytes without an end are refused after the first few, whatever the pieces."""
        for text in ("lines", "until:<EOF>", "json", "silence:50ms", r"between:\x02:\x03"):
            opening = {"json": b"{", r"between:\x02:\x03": b"\x02"}.get(text, b"")
            for step in (1, 1000, 65536):
                said, why = refused(parse_frame(text), pieces(opening + b"x" * 100_000, step))
                self.assertEqual(said, [])
                self.assertRegex(why, r"^a message that has no end after [0-9]+ bytes, at most 4096 are taken$")

    def test_byte_by_byte(self) -> None:
        """A message of a megabyte is taken byte by byte in linear time: a minute would pass otherwise."""
        size = 1 << 18
        for text in ("lines", "until:<EOF>", r"between:\x02:\x03", "length:4:big", "bytes:262144", "silence:1s"):
            frame = parse_frame(text)
            self.assertEqual(read(frame, pieces(frame.encode(b"x" * size), 1), size), [b"x" * size])
        for inner in (b"x", b"[]", b"\\\\"):
            text_of = b'{"a":["' + inner * (size // len(inner)) + b'"]}'
            self.assertEqual(read(parse_frame("json"), pieces(text_of, 1), len(text_of)), [text_of])

    def test_between(self) -> None:
        """What stands between two messages is skipped; what is no blank counts as lost."""
        decoder = parse_frame(r"between:\x02:\x03").decoder(LIMIT)
        self.assertEqual(decoder.feed(b"boot\r\n\x02a\x03\r\n\x02b\x03\x02c"), [b"a", b"b"])
        self.assertEqual((decoder.lost, decoder.end(), decoder.lost), (4, [], 5))

    def test_between_with_a_check(self) -> None:
        """The check bytes behind the second mark are looked at, and what netd says has its own."""
        frame = parse_frame(r"between:\x02:\x03:1", parse_check("xor"))
        right = frame.encode(b"abc")
        self.assertEqual(right, b"\x02abc\x03\x63")
        decoder = frame.decoder(LIMIT)
        self.assertEqual(decoder.feed(right + b"\x02abd\x03\x63" + right), [b"abc", b"abc"])
        self.assertEqual(decoder.failed, 1)
        self.assertEqual(parse_frame(r"between:\x02:\x03:2").encode(b"a"), b"\x02a\x03\0\0")


class SizedTests(SynchronousTestCase):
    def test_headers_as_programs_write_them(self) -> None:
        """Decimal headers are padded on either side, with blanks, zeros or NULs."""
        frame = parse_frame("length:8")
        self.assertEqual(
            read(frame, [b"5       hello", b"       5hello", b"00000005hello", b"5\0\0\0\0\0\0\0hello"]), [b"hello"] * 4
        )
        self.assertEqual(parse_frame("length:64").encode(b"hello"), b"%-64dhello" % 5)

    def test_huge(self) -> None:
        """A header of 4 GB is refused from the header alone, and nothing is allocated for it."""
        tracemalloc.start()
        try:
            said, why = refused(parse_frame("length:4:big"), [b"\xff\xff\xff\xfe", b"x"])
            self.assertLess(tracemalloc.get_traced_memory()[1], 1 << 20)
        finally:
            tracemalloc.stop()
        self.assertEqual((said, why), ([], "4294967294 bytes announced, at most 4096 are taken"))

    def test_strays(self) -> None:
        """The refusal says what the header looks like: a browser, TLS, or a program with another frame."""
        browser, most = '(that is "GET ": a browser or scanner?)', "at most 4096 are taken"
        for text, opening, why in (
            ("length:4:big", b"GET / HTTP/1.1\r\n", f"1195725856 bytes announced, {most} {browser}"),
            ("length:8", b"GET / HTTP/1.1\r\n", f"the header b'GET / HT' is no number {browser}"),
            ("length:4:big", b"\x16\x03\x01\x02\0\1", f"369295618 bytes announced, {most} (that is a TLS hello: {TLS})"),
            ("length:4:big", b"temp=21\n", f'1952804208 bytes announced, {most} (that is the text "temp": another frame?)'),
            ("length:4:big", b"te\np=21\n", f"1952778864 bytes announced, {most} (that is the text 'te\\np': another frame?)"),
            ("length:2:big:add=-4", b"\0\1", f"-3 bytes announced, {most}"),
            ("lines", b"GET /" + b"x" * 5000, f"a message that has no end after 5005 bytes, {most} {browser}"),
        ):
            self.assertEqual(refused(parse_frame(text), [opening]), ([], why))

    def test_found_again(self) -> None:
        """With `start`, a lost byte costs the message that lacks it, and noise is skipped."""
        decoder = parse_frame("bytes:4:start=aa").decoder(LIMIT)
        self.assertEqual(decoder.feed(b"\xaa123\xaa45\xaa678\xaa901"), [b"\xaa123", b"\xaa45\xaa", b"\xaa901"])
        self.assertEqual(decoder.lost, 3)
        self.assertEqual((decoder.feed(b"\xaa1"), decoder.end(), decoder.lost, decoder.held), ([], [], 5, 0))

    def test_damaged_length(self) -> None:
        """With `start`, a damaged length is noise, once a message has been whole; before, it is a mistake that is told."""
        frame = parse_frame("length:2:big:at=1:start=aa")
        decoder = frame.decoder(LIMIT)
        self.assertEqual(decoder.feed(b"\xaa\0\1x\xaa\xff\xffxx\xaa\0\1y"), [b"\xaa\0\1x", b"\xaa\0\1y"])
        self.assertEqual(decoder.lost, 5)
        self.assertEqual(refused(frame, [b"\xaa\xff\xff"])[1], "65535 bytes announced, at most 4096 are taken")

    def test_lost_frame(self) -> None:
        """Without `start`, the third message in a row that fails says what to write; once a row."""
        watch = ShiftWatch(parse_frame("bytes:4"))
        told = [watch.failed() for _ in range(5)]
        self.assertEqual([why is None for why in told], [True, True, False, True, True])
        self.assertIn("3 messages in a row fail; write start=…", told[2] or "")
        watch.passed()
        self.assertEqual([watch.failed() is None for _ in range(3)], [True, True, False])
        for text in ("bytes:4:start=aa", "lines", "json", "length:4:big:at=1:start=aa"):
            self.assertEqual([ShiftWatch(parse_frame(text)).failed() for _ in range(4)], [None] * 4)

    def test_what_does_not_fit(self) -> None:
        """A reply that a header cannot announce is refused in words."""
        for text, size in (("length:1:big", 300), ("length:2", 100), ("length:2:digits:add=4", 2)):
            self.assertRaisesRegex(ValueError, "cannot say so many", parse_frame(text).encode, b"x" * size)

    def test_empty(self) -> None:
        """Empty messages are none."""
        self.assertEqual(read(parse_frame("length:2"), [b"0 0 1 x0 "]), [b"x"])


class ObjectTests(SynchronousTestCase):
    def test_glued(self) -> None:
        """Objects follow each other with nothing between them, or with anything."""
        decoder = parse_frame("json").decoder(LIMIT)
        self.assertEqual(
            decoder.feed(b'{"a":"}\\"{"}{"b":[1,{}]},\r\n[1]\0 boot {"c":1}{'),
            [b'{"a":"}\\"{"}', b'{"b":[1,{}]}', b"[1]", b'{"c":1}'],
        )
        self.assertEqual((decoder.lost, decoder.held, decoder.end(), decoder.held), (4, 1, [b"{"], 0))

    def test_escape_that_was_cut(self) -> None:
        """A backslash at the end of a read belongs to the quote that follows."""
        text = b'{"a":"x\\"y"}'
        for cut in range(len(text)):
            self.assertEqual(read(parse_frame("json"), [text[:cut], text[cut:] + text]), [text, text])


class WholeTests(SynchronousTestCase):
    def test_silence(self) -> None:
        """What came without a pause is one message."""
        frame = parse_frame("silence:50ms")
        decoder = frame.decoder(LIMIT)
        self.assertEqual((frame.silence, parse_frame("silence:1.5s").silence, parse_frame("lines").silence), (0.05, 1.5, None))
        self.assertEqual((decoder.feed(b"a"), decoder.feed(b"b"), decoder.held, decoder.end()), ([], [], 2, [b"ab"]))
        self.assertEqual(decoder.end(), [])

    def test_datagram(self) -> None:
        """A datagram is a message, an empty one none, and a long one is refused."""
        decoder = parse_frame("datagram").decoder(4)
        self.assertEqual((decoder.feed(b"a\nb"), decoder.feed(b""), decoder.held, decoder.end()), ([b"a\nb"], [], 0, []))
        self.assertEqual(refused(parse_frame("datagram"), [b"12345"], 4)[1], "a message of 5 bytes, at most 4 are taken")


class FrameTests(SynchronousTestCase):
    def test_facts(self) -> None:
        """A frame tells whether the end of a connection ends a message, and where others' text in a reply is cut."""
        for text, is_text, cuts in (
            ("lines", True, [b"\n", b"\n", b"\r"]),
            ("until:;", True, [b";"]),
            (r"between:\x02:\x03", False, [b"\x02", b"\x03"]),
            ("length:4:big", False, []),
            ("bytes:4", False, []),
            ("json", True, [b'"', b"\\", b"{", b"}"]),
            ("silence:1s", True, []),
            ("datagram", False, []),
        ):
            frame = parse_frame(text)
            self.assertEqual((frame.text, frame.is_text, list(frame.cuts)), (text, is_text, cuts))

    def test_say(self) -> None:
        """What netd says may be framed as what it hears, otherwise, or not at all."""
        self.assertEqual(parse_say("until:;").encode(b"OK"), b"OK;")
        raw = parse_say("raw")
        self.assertEqual((raw.encode(b"OK"), list(raw.cuts), raw.text), (b"OK", [b"\n", b"\r"], "raw"))
        self.assertRaisesRegex(ValueError, "datagram, raw .did you mean raw", parse_say, "rwa")

    def test_whole_frames(self) -> None:
        """Where a message is all of the frame, so is what netd says."""
        for text in WHOLE_FRAMES:
            self.assertEqual(parse_frame(text).encode(b"\xaa123"), b"\xaa123")

    def test_records_are_filled(self) -> None:
        """A program that reads records of one size gets all of one, and none that would be cut."""
        frame = parse_frame("bytes:8")
        self.assertEqual((b"OK\0\0\0\0\0\0", b"12345678"), (frame.encode(b"OK"), frame.encode(b"12345678")))
        self.assertRaisesRegex(ValueError, "a message of 9 bytes: bytes:8 holds 8", frame.encode, b"123456789")

    def test_mistakes(self) -> None:
        """Each mistake names what is wrong and what to write."""
        for text, why in (
            ("linse", "'linse' is none of lines, until, between, length, bytes, json, silence, datagram (did you mean lines?)"),
            ("until", "write until:END, such as until:;"),
            ("lines:", r"write lines, or lines:\r for another end"),
            ("until:" + "x" * 65, "with 1 to 64 bytes for each of its marks"),
            (r"until:\q", r"\q is no escape; there are \n \r \t \0 \xHH"),
            ("between:a", "write between:A:B, such as"),
            ("between:a:b:9", "write between:A:B, such as"),
            ("between:a:b:1:2", r"(a colon within A or B is \x3a)"),
            ("json:2", "write json alone: nothing follows it"),
            ("silence", "write silence:50ms, or another pause in ms or s"),
            ("silence:4ms", "silence is 5ms to 60s"),
            ("silence:61s", "silence is 5ms to 60s"),
            ("length", "length:N is a number from 1 to 64, not ''; write length:N, such as length:64"),
            ("length:1:2:3", "write length:N, such as"),
            ("length:3:big", "a binary length has 1, 2, 4 or 8 bytes, not 3"),
            ("length:4:bgi", "'bgi' is none of text, digits, big, little (did you mean big?)"),
            ("length:4:big:ad=2", "'ad' is none of at, add, start (did you mean add?)"),
            ("length:4:at=1:at=2", "at is given twice"),
            (
                "length:at=1:4",
                "write length:N, such as length:64 for text, length:8:digits, or length:4:big; what has a = stands last",
            ),
            ("length:4:at=x", "at is a number from 0 to 1024, not 'x'"),
            ("length:4:big:at=1:start=7878", "at=1 is within start=7878; the length stands behind it: at=2 or more"),
            ("bytes", "bytes:N is a number from 1 to 1048576, not ''; write bytes:N"),
            ("bytes:1:2", "write bytes:N"),
            ("bytes:2:start=aabbcc", "start=aabbcc is longer than the record of 2 bytes"),
            ("bytes:4:start=a", "start is 1 to 16 bytes in hexadecimal, such as start=7878, not 'a'"),
        ):
            with self.assertRaises(ValueError) as caught:
                parse_frame(text)
            self.assertIn(why, str(caught.exception))

"""Tests of ``netd.codec.websocket``: frames as a server writes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client.websocket import FrameDecoder
from netd.codec.websocket import MAX_REASON, Opcode, close_reason, frame, text_frame


class FrameTests(SynchronousTestCase):
    def test_lengths(self) -> None:
        """Each length has the shortest of the three forms, as the standard demands, on both sides of its limits."""
        heads = {
            0: b"\x81\x00",
            125: b"\x81\x7d",
            126: b"\x81\x7e\x00\x7e",
            65535: b"\x81\x7e\xff\xff",
            65536: b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
        }
        for size, head in heads.items():
            self.assertEqual(text_frame(b"x" * size), head + b"x" * size, size)

    def test_control_frames(self) -> None:
        """A ping is one frame of at most 125 bytes; a longer one is a fault of ours, and never sent."""
        self.assertEqual(frame(Opcode.PING, b"x"), b"\x89\x01x")
        self.assertEqual(len(frame(Opcode.PONG, b"x" * 125)), 127)
        error = self.assertRaises(ValueError, frame, Opcode.CLOSE, b"x" * 126)
        self.assertEqual(str(error), "a control frame holds at most 125 bytes, not 126")

    def test_close_reason(self) -> None:
        """A reason that is too long is cut between characters, so that what arrives is text."""
        self.assertEqual(close_reason("netd stops"), b"netd stops")
        self.assertEqual(close_reason("é" * 100), "é".encode() * (MAX_REASON // 2))

    @given(st.lists(st.binary(max_size=300), max_size=5), st.data())
    def test_any_reader(self, payloads: list[bytes], data: st.DataObject) -> None:
        """However the frames are cut into segments, a client reads the same messages."""
        stream = b"".join(frame(Opcode.BINARY, payload) for payload in payloads)
        cut = data.draw(st.integers(0, len(stream)))
        decoder = FrameDecoder()
        read = []
        for segment in (stream[:cut], stream[cut:]):
            decoder.feed(segment)
            while (message := decoder.next_message()) is not None:
                read.append(message)
        self.assertEqual(read, [(Opcode.BINARY, payload) for payload in payloads])

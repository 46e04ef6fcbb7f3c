"""Lines, however the stream is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.lines import LineDecoder, LineTooLong


def feed(pieces: list[bytes], limit: int = 100) -> tuple[list[bytes], bytes | None]:
    """The lines of *pieces*, and what is left; None for what is left when a line was too long."""
    decoder = LineDecoder(limit)
    lines: list[bytes] = []
    for piece in pieces:
        try:
            lines += decoder.feed(piece)
        except LineTooLong:
            return lines, None
    return lines, decoder.finish()


class LineTests(SynchronousTestCase):
    def test_every_split_point(self) -> None:
        """Wherever a segment ends, also between a carriage return and its newline, the same lines come out."""
        stream = b"one\r\n\ntwo\n\r\nhalf"
        for at in range(len(stream) + 1):
            self.assertEqual(([b"one", b"", b"two", b""], b"half"), feed([stream[:at], stream[at:]]))
        self.assertEqual(([b"one", b"", b"two", b""], b"half"), feed([bytes([byte]) for byte in stream]))

    def test_carriage_returns(self) -> None:
        """Only one carriage return belongs to the line's end; others are text."""
        self.assertEqual(([b"a\r", b"\rb\rc"], b"d\r"), feed([b"a\r\r\n\rb\rc\nd\r"]))

    @given(st.lists(st.text("ab\r\n", max_size=12).map(str.encode), max_size=8), st.integers(0, 6))
    def test_as_the_whole_stream(self, pieces: list[bytes], limit: int) -> None:
        """Cut or whole, the lines are those of the stream, and a line over the limit ends it wherever the cuts are."""
        stream = b"".join(pieces)
        *lines, rest = stream.split(b"\n")
        lines = [line.removesuffix(b"\r") for line in lines]
        is_fine = all(len(line) <= limit for line in [*lines, rest.removesuffix(b"\r")])
        for given_pieces in (pieces, [stream], [bytes([byte]) for byte in stream]):
            got, left = feed(given_pieces, limit)
            if is_fine:
                self.assertEqual((lines, rest), (got, left))
            else:
                self.assertIsNone(left)
                self.assertEqual(lines[: len(got)], got)

    def test_limit(self) -> None:
        """A line may be as long as the limit, its ending not counted; one byte more is refused, ended or not."""
        self.assertEqual(([b"12345", b"12345"], b"12345\r"), feed([b"12345\n12345\r\n12345\r"], limit=5))
        for pieces in ([b"123456\n"], [b"123456"], [b"123", b"456"], [b"12345\r", b"x"], [b"ok\n123456\nok\n"], [b"ok\n123456"]):
            self.assertEqual(None, feed(pieces, limit=5)[1], pieces)

    def test_message(self) -> None:
        """The refusal names the limit; counters know its kind."""
        error = self.assertRaises(LineTooLong, LineDecoder(5).feed, b"123456")
        self.assertEqual(("a line has at most 5 bytes", "line too long"), (str(error), error.kind))

    def test_finish_leaves_nothing(self) -> None:
        """What was taken as the last line is not there a second time."""
        decoder = LineDecoder(10)
        decoder.feed(b"half")
        self.assertEqual((b"half", b""), (decoder.finish(), decoder.finish()))
        self.assertEqual([b"new"], decoder.feed(b"new\n"))

    def test_unfinished(self) -> None:
        """How much of a line has come is known, so that a clock can run while one is unfinished."""
        decoder = LineDecoder(10)
        told = []
        for piece in (b"", b"ab", b"c", b"\n", b"d\nef", b"\n"):
            decoder.feed(piece)
            told.append(decoder.unfinished)
        self.assertEqual([0, 2, 3, 0, 2, 0], told)

"""Telnet taken apart: typed text and signals, whatever the peer negotiates and however the stream is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.manhole.telnet import HIDE_INPUT, MAX_COMMAND, MAX_COMMANDS, SHOW_INPUT, Signal, TelnetDecoder, TooManyCommands

IAC, WILL, WONT, DO, DONT = b"\xff", b"\xfb", b"\xfc", b"\xfd", b"\xfe"
ECHO, SGA, NAWS, TIMING_MARK = b"\x01", b"\x03", b"\x1f", b"\x06"


def hear(*received: bytes, decoder: TelnetDecoder | None = None) -> tuple[bytes, list[bytes | Signal]]:
    """All answers, and all that was typed with neighbouring text joined."""
    decoder = TelnetDecoder() if decoder is None else decoder
    answers = b""
    typed: list[bytes | Signal] = []
    for piece in received:
        heard = decoder.feed(piece)
        answers += heard.answers
        for item in heard.typed:
            if isinstance(item, bytes) and typed and isinstance(typed[-1], bytes):
                typed[-1] += item
            elif item:
                typed.append(item)
    return answers, typed


class TelnetDecoderTests(SynchronousTestCase):
    def test_line_ends(self) -> None:
        """Enter is Enter: CR LF and CR NUL of telnet, LF of netcat, CR of a serial console."""
        self.assertEqual((b"", [b"a\nb\nc\nd\ne"]), hear(b"a\r\nb\r\0c\nd\re"))

    def test_line_end_over_two_reads(self) -> None:
        """A line end that is cut in two is one line end; two line ends are two."""
        self.assertEqual((b"", [b"a\nb\n\n"]), hear(b"a\r", b"\nb\r", b"\0", b"\r"))
        self.assertEqual((b"", [b"a\n\n"]), hear(b"a\r\n", b"\n"))

    def test_options_are_refused(self) -> None:
        """A client that offers its window size and asks for this and that gets a no for each and goes on in line mode."""
        answers, typed = hear(b"x" + IAC + WILL + NAWS + IAC + DO + SGA + b"y" + IAC + WONT + NAWS + IAC + DONT + SGA)
        self.assertEqual(IAC + DONT + NAWS + IAC + WONT + SGA, answers)
        self.assertEqual([b"xy"], typed)

    def test_subnegotiation_is_skipped(self) -> None:
        """What a client tells about its terminal is not taken for something typed, not even with an IAC in it."""
        self.assertEqual((b"", [b"ab"]), hear(b"a" + IAC + b"\xfa" + NAWS + b"\x00\xff\xff\x03" + IAC + b"\xf0b"))

    def test_echo(self) -> None:
        """The answers to our own offer and its withdrawal are not answered again; ECHO that nobody offered is refused."""
        decoder = TelnetDecoder()
        self.assertEqual(HIDE_INPUT, decoder.hide_input())
        self.assertEqual(SHOW_INPUT, decoder.show_input())
        self.assertEqual((b"", []), hear(IAC + DO + ECHO + IAC + DONT + ECHO, decoder=decoder))
        self.assertEqual((IAC + WONT + ECHO, []), hear(IAC + DONT + ECHO + IAC + DO + ECHO, decoder=decoder))

    def test_interrupts(self) -> None:
        """Ctrl-C arrives as a signal however the client says it, between the text around it."""
        for said in (b"\x03", IAC + b"\xf4", IAC + b"\xf3", IAC + b"\xee"):
            self.assertEqual((b"", [b"a", Signal.INTERRUPT, b"b"]), hear(b"a" + said + b"b"))
        for said in (b"\x04", IAC + b"\xec"):
            self.assertEqual((b"", [b"a", Signal.END, b"b"]), hear(b"a" + said + b"b"))

    def test_erasing_commands(self) -> None:
        """Telnet's own words for Backspace and Ctrl-U are these keys."""
        self.assertEqual((b"", [b"ax\x7fb\x15"]), hear(b"ax" + IAC + b"\xf7b" + IAC + b"\xf8"))

    def test_other_commands(self) -> None:
        """A command that means nothing here (or at all) is skipped; a doubled IAC is a byte 255."""
        self.assertEqual((b"", [b"ab\xffc"]), hear(b"a" + IAC + b"\xf1" + IAC + b"\x03" + IAC + b"\xf0b" + IAC + IAC + b"c"))

    def test_every_cut(self) -> None:
        """Where TCP cuts the stream makes no difference, down to single bytes."""
        stream = (
            b"ab\r\n"
            + IAC
            + WILL
            + NAWS
            + b"c"
            + IAC
            + b"\xfa\x18\x00vt\xff\xff"
            + IAC
            + b"\xf0d\r\0\x03"
            + IAC
            + DO
            + TIMING_MARK
            + b"e"
        )
        whole = hear(stream)
        for cut in range(len(stream) + 1):
            self.assertEqual(whole, hear(stream[:cut], stream[cut:]))
        self.assertEqual(whole, hear(*(stream[at : at + 1] for at in range(len(stream)))))

    def test_flood_of_commands(self) -> None:
        """A peer that only ever negotiates is told to stop; one that types in between is not."""
        decoder = TelnetDecoder()
        for _ in range(3):
            decoder.feed((IAC + DO + SGA) * MAX_COMMANDS + b"x")
        self.assertRaises(TooManyCommands, decoder.feed, (IAC + WONT + SGA) * (MAX_COMMANDS + 1))

    def test_endless_subnegotiation(self) -> None:
        """A subnegotiation that does not end is not collected, neither in one piece nor byte by byte."""
        endless = IAC + b"\xfa\x18" + b"x" * MAX_COMMAND
        self.assertRaises(TooManyCommands, TelnetDecoder().feed, endless)
        self.assertRaises(TooManyCommands, hear, *(endless[at : at + 1] for at in range(len(endless))))

    @given(st.lists(st.binary(max_size=20), max_size=20))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Noise is text or is skipped, cut here or there: nothing that a port scanner sends raises."""
        self.assertEqual(hear(b"".join(pieces)), hear(*pieces))

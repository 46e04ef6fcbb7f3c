"""Transcripts are read and edited by people, and say what was said to the byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.recording import (
    PROGRAM,
    SERVER,
    Direction,
    Recorded,
    Recording,
    RecordingMistake,
    Transport,
    escape,
    read_recording,
    unescape,
    write_recording,
)

GREENHOUSE = r"""
; what a program and its server said to each other
transport = tcp
caller = program
began = 2030-05-01T12:00:00.000+00:00

   0.000  1  opened  127.0.0.1:50112
   0.013  1  said    T=21.5;H=40\n
   0.014  1  heard   ok\r\n
# the second one came while the first was there

   1.200  2  opened  127.0.0.1:50114
   3.500  1  tried   OK\n
  60.020  1  closed  program
"""


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Any recording that can have happened."""
    events: list[Recorded] = []
    opened: list[int] = []
    time, newest = 0, 0
    for _ in range(draw(st.integers(0, 12))):
        time += draw(st.integers(0, 5000))
        direction = draw(st.sampled_from(Direction)) if opened else Direction.OPENED
        if direction is Direction.OPENED:
            newest += 1
            opened.append(newest)
            events.append(Recorded(time / 1000, newest, direction, draw(st.binary(max_size=20))))
            continue
        number = draw(st.sampled_from(opened))
        if direction is Direction.CLOSED:
            opened.remove(number)
            events.append(Recorded(time / 1000, number, direction, draw(st.sampled_from((PROGRAM, SERVER)))))
        else:
            events.append(Recorded(time / 1000, number, direction, draw(st.binary(max_size=80))))
    began = draw(st.none() | st.integers(0, 4_000_000_000))
    return Recording(draw(st.sampled_from(Transport)), draw(st.booleans()), tuple(events), began)


class RoundTripTests(SynchronousTestCase):
    @given(recordings())
    def test_a_written_recording_is_read_again(self, recording: Recording) -> None:
        """Nothing of what was said is lost in the file."""
        self.assertEqual(recording, read_recording(write_recording(recording, ["a remark"])))

    @given(st.binary(), st.sampled_from(["", "\r", " ", "\t"]))
    def test_editors_do_no_harm(self, data: bytes, ending: str) -> None:
        """An editor that ends lines as Windows does, or leaves blanks at their ends, changes nothing of what was said."""
        text = escape(data)
        self.assertNotIn("\n", text)
        read = read_recording(f"0 1 opened{ending}\n0 1 said {text}{ending}\n")
        self.assertEqual(data, read.events[1].data)

    @given(st.text())
    def test_text_stays_readable(self, text: str) -> None:
        """Printable text of any language is written as it is."""
        printable = "".join(filter(str.isprintable, text)).replace("\\", "")
        self.assertEqual(printable.strip(" "), escape(printable.strip(" ").encode()))

    def test_bytes_that_are_no_text_are_hexadecimal(self) -> None:
        """A packed struct, and a blank that an editor would take away, can be read."""
        self.assertEqual(r"\x02ab\xff\0\\\t\x20", escape(b"\x02ab\xff\0\\\t "))
        self.assertEqual(b"\x02AB\xff ", unescape(r"\x02AB\xfF\x20"))


class ReadingTests(SynchronousTestCase):
    def test_a_transcript(self) -> None:
        """A transcript says what carried the bytes, who connected, when, and what was said by whom."""
        read = read_recording(GREENHOUSE)
        self.assertEqual((Transport.TCP, False, 1903867200.0), (read.transport, read.is_dialled, read.began))
        self.assertEqual(Recorded(0.014, 1, Direction.HEARD, b"ok\r\n"), read.events[2])
        self.assertEqual([1, 2], list(read.by_connection()))
        self.assertEqual(PROGRAM, read.by_connection()[1][-1].data)

    def test_a_transcript_by_hand(self) -> None:
        """Headers have defaults, a time without a zone is UTC, and columns need not be straight."""
        read = read_recording(
            "\ufefftransport=serial\ncaller = netd\nbegan = 2030-05-01T12:00:00\n0 7 opened /dev/ttyACM0\n1 7 said\n"
        )
        self.assertEqual((Transport.SERIAL, True, 1903867200.0), (read.transport, read.is_dialled, read.began))
        self.assertEqual(Recorded(1.0, 7, Direction.SAID, b""), read.events[1])

    def test_mistakes(self) -> None:
        """A mistake in a transcript is named with its line, and what to write instead."""
        opened = "0.5 1 opened\n"
        for text, line, words in (
            ("hello\n", 1, "write SECONDS CONNECTION opened|said|heard|tried|closed TEXT"),
            (f"{opened}0.6 1 sent x\n", 2, "sent is none of opened, said, heard, tried, closed"),
            (f"{opened}\n0.4 1 said x\n", 3, "0.4 s is before the event above, 0.5 s; times never go back"),
            (f"{opened}0.6 2 said x\n", 2, "connection 2 is not open; write 0.600 2 opened ADDRESS before this line"),
            (f"{opened}0.6 1 opened\n", 2, "connection 1 is open already"),
            (f"{opened}0.6 1 closed program\n0.7 1 opened\n", 3, "connection 1 was closed; number the next one 2"),
            (f"{opened}0.6 1 closed\n", 2, "write which side closed: closed program, or closed server"),
            (f"{opened}0.6 1 said a\\q\n", 2, r"\q is no escape; there are \n \r \t \0 \\ and \xHH with two hexadecimal digits"),
            (f"{opened}0.6 1 said a\\x4\n", 2, r"\x is no escape"),
            (f"{opened}0.6 1 said a\\\n", 2, "\\ is no escape"),
            ("transport = pigeon\n", 1, "transport = pigeon: this is none of tcp, udp, serial"),
            ("; x\ncaller = me\n", 2, "caller = me: write which side connects to the other, program or netd"),
            ("began = soon\n", 1, "began = soon: this is no time; write it as 2030-05-01T12:00:00+00:00"),
            ("colour = red\n", 1, "colour is none of transport, caller, began"),
            ("caller = netd\ncaller = netd\n", 2, "caller is given twice"),
            (f"{opened}caller = netd\n", 2, "caller = netd stands behind an event; headers stand before all of them"),
        ):
            error = self.assertRaises(RecordingMistake, read_recording, text)
            self.assertEqual(line, error.line, text)
            self.assertIn(f"line {line}: ", str(error))
            self.assertIn(words, str(error))

"""Tests of :mod:`netd.wire.tools.witness` and the tape below it: what is recorded, what is shown, and what is tried."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.recording import PROGRAM, SERVER, Direction, Transport, read_recording, write_recording
from netd.wire.tools.shapes import shape_of
from netd.wire.tools.tape import WireTape
from netd.wire.tools.witness import WireWitness


class WitnessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.told: list[str] = []
        self.tape = WireTape(Transport.TCP, False, 1903867200.0)

    def witness(self, attempt: bytes | None = b"OK\n", is_asked_for: bool = False) -> WireWitness:
        return WireWitness(self.tape, self.told.append, attempt, is_asked_for)

    def lines(self) -> list[str]:
        """What was shown, without the time and the number of the connection."""
        return [line[12:].strip() for line in self.told]

    def recorded(self) -> list[str]:
        """The events on the tape, which a transcript can hold."""
        recording = self.tape.recording()
        self.assertEqual(recording, read_recording(write_recording(recording)))
        return [f"{event.direction.value} {event.data!r}" for event in recording.events]

    def test_news(self) -> None:
        """A message of a kind that was there before is recorded, and not shown again."""
        witness = self.witness(None)
        number = witness.opened(0.0, "127.0.0.1:1")
        for time, text in ((0.1, b"T=21.5\n"), (0.2, b"T=22\nbye\n"), (0.3, b"T=7.25\n")):
            witness.said(time, number, text)
            witness.heard(time, number, b"ok\n")
        witness.closed(0.4, number, SERVER)
        shown = ["opened  127.0.0.1:1", r"said    T=21.5\n", r"heard   ok\n", r"said    T=22\n", r"said    bye\n"]
        self.assertEqual([*shown, "closed  by its server"], self.lines())
        self.assertEqual(8, len(self.recorded()))

    def test_many_kinds(self) -> None:
        """A program that says something new each time does not fill the screen; nor does one that connects again and again."""
        witness = self.witness(None)
        for number in range(1, 10):
            self.assertEqual(number, witness.opened(0.0, "a:1"))
        for index in range(100):
            witness.said(0.0, 1, b"%c%c\n" % (65 + index // 10, 65 + index % 10))
        for number in range(1, 10):
            witness.closed(1.0, number, PROGRAM)
        self.assertEqual("said    more kinds of message, which are recorded and not shown", self.lines()[25])
        self.assertEqual("opened  a:1; further connections are recorded, too, and not shown", self.lines()[4])
        self.assertEqual(["closed  by the program"] * 5, self.lines()[26:])

    def test_secrets(self) -> None:
        """A password is not shown, and a long message is cut."""
        witness = self.witness(None)
        witness.said(0.0, witness.opened(0.0, "a:1"), b"login anna password=swordfish\n" + b"x" * 200)
        self.assertEqual([r"said    login anna password=*********\n", f"said    {'x' * 100}…"], self.lines()[1:])

    def test_attempts(self) -> None:
        """Something is tried once for each kind of message; where the program then goes on, it is answered so from then on."""
        witness = self.witness()
        number = witness.opened(0.0, "a:1")
        witness.said(0.0, number, b"HELLO 1\n")
        self.assertFalse(witness.answers_at_once(number))
        self.assertEqual(b"OK\n", witness.waits(3.0, number))
        witness.said(3.1, number, b"T=1\n")
        self.assertEqual(b"OK\n", witness.waits(6.1, number))
        self.assertIsNone(witness.waits(9.1, number))
        witness.said(10.0, number, b"HELLO 2\n")
        self.assertTrue(witness.answers_at_once(number))
        self.assertEqual(b"OK\n", witness.waits(10.2, number))
        witness.said(10.3, number, b"T=2\n")
        self.assertEqual([b"HELLO 1\n", b"T=1\n"], list(witness.went_on.values()))
        expected = [
            r"said    HELLO 1\n",
            r"tried   OK\n: the program waits after HELLO 1\n",
            r"went on after OK\n",
            r"said    T=1\n",
            r"tried   OK\n: the program waits after T=1\n",
            r"went on after OK\n",
        ]
        self.assertEqual(expected, self.lines()[1:])
        self.assertEqual(3, sum(event.startswith("tried") for event in self.recorded()))

    def test_greeting(self) -> None:
        """A program that says nothing may wait for its server to speak first."""
        witness = self.witness()
        number = witness.opened(0.0, "a:1")
        self.assertEqual(b"OK\n", witness.waits(3.0, number))
        self.assertEqual(r"tried   OK\n: the program waits", self.lines()[-1])

    def test_what_a_person_says(self) -> None:
        """What a person has chosen is recorded as what the server says."""
        witness = self.witness(b"READY\n", is_asked_for=True)
        witness.waits(3.0, witness.opened(0.0, "a:1"))
        self.assertEqual(r"heard b'READY\n'", self.recorded()[-1])

    def test_nothing_to_try(self) -> None:
        """Nothing is tried where its own server answers, nor after the fiftieth kind of message."""
        silent = self.witness(None)
        self.assertIsNone(silent.waits(3.0, silent.opened(0.0, "a:1")))
        witness = self.witness()
        number = witness.opened(0.0, "a:1")
        tried = 0
        for index in range(100):
            witness.said(index, number, b"x" * (index + 1))
            tried += witness.waits(index, number) is not None
        self.assertEqual(51, tried)

    def test_refused(self) -> None:
        """A program that no section can serve is told at once, and once, even if it comes in pieces."""
        witness = self.witness(None)
        for _ in range(2):
            number = witness.opened(0.0, "a:1")
            witness.said(0.0, number, b"GET / HT")
            witness.said(0.0, number, b"TP/1.1\r\n\r\n")
        (told,) = (line for line in self.lines() if line.startswith("no section"))
        self.assertIn("this program speaks HTTP", told)

    def test_full(self) -> None:
        """A recording that is full has no holes: nothing is recorded from there, which is told once."""
        self.tape = WireTape(Transport.TCP, False, 0.0, most=30)
        witness = self.witness(None)
        number = witness.opened(0.0, "a:1")
        for _ in range(9):
            witness.said(0.0, number, b"0123456789\n")
        witness.closed(1.0, number, PROGRAM)
        self.assertEqual(3, len(self.recorded()))
        self.assertEqual(1, sum("the recording is full" in line for line in self.told))

    def test_too_many_events(self) -> None:
        """The smallest messages fill a recording, too."""
        tape = WireTape(Transport.TCP, False, 0.0)
        number = tape.open(0.0, "a:1")
        for _ in range(200_000):
            tape.add(0.0, number, Direction.SAID, b"")
        self.assertTrue(tape.is_full)

    def test_end(self) -> None:
        """What the end of the recording closes is no news."""
        witness = self.witness(None)
        number = witness.opened(0.0, "a:1")
        witness.end()
        witness.closed(1.0, number, PROGRAM)
        self.assertEqual(1, len(self.told))

    def test_times(self) -> None:
        """Times never go back, whatever the clock does, and a transcript has milliseconds."""
        self.tape.open(2.00049, "a:1")
        self.tape.open(1.0, "a:2")
        self.assertEqual([2.0, 2.0], [event.time for event in self.tape.recording().events])


class ShapeTests(SynchronousTestCase):
    def test_shapes(self) -> None:
        """Numbers are alike; so are binary messages that begin alike and are of one length."""
        self.assertEqual(shape_of(b"T=21.5\n"), shape_of(b"T=7.25\n"))
        self.assertNotEqual(shape_of(b"T=21.5\n"), shape_of(b"H=21.5\n"))
        self.assertEqual(shape_of(b"\x01\x00\x07"), shape_of(b"\x01\xff\x02"))
        self.assertNotEqual(shape_of(b"\x01\x00\x07"), shape_of(b"\x02\x00\x07"))
        self.assertEqual(shape_of("Straße 1".encode()), shape_of("Straße 2".encode()))

"""Programs in C: texts in buffers of one size, and structs that are sent as they are."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.learn import draft
from netd.wire.recording import PROGRAM, Direction, Recorded, Recording, Transport


def recorded(*pairs: tuple[bytes, bytes]) -> Recording:
    """A connection on which the program says the first of each pair, and hears the second."""
    events = [Recorded(0.0, 1, Direction.OPENED, b"127.0.0.1:50000")]
    for time, (said, heard) in enumerate(pairs, 1):
        events += [Recorded(time, 1, Direction.SAID, said), Recorded(time + 0.1, 1, Direction.HEARD, heard)]
    return Recording(Transport.TCP, False, (*events, Recorded(99.0, 1, Direction.CLOSED, PROGRAM)))


def lines(recording: Recording) -> list[str]:
    """The lines of a draft behind its head, comments left out."""
    written = [line.strip() for line in draft(recording, "c").section.split("\n")]
    return [line for line in written if line and not line.startswith(";")][2:]


def filled(size: int, texts: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Texts in buffers."""
    return [(said.encode().ljust(size, b"\0"), heard.encode().ljust(size, b"\0")) for said, heard in texts]


TALK = (("HELLO robo7", "WELCOME robo7"), ("BATT 12.6", "OK"), ("BATT 12.5", "OK"), ("QUIT", "BYE robo7"))


class BufferTests(SynchronousTestCase):
    def test_texts(self) -> None:
        """The zeros that fill up a buffer are no part of its text, and what netd says fills one, too."""
        rules = ["rules =", "name HELLO {name} => WELCOME {name}", "sample BATT {batt} => OK", "bye QUIT => BYE {name}"]
        self.assertEqual(["frame = bytes:64", *rules], lines(recorded(*filled(64, TALK))))

    def test_several_at_once(self) -> None:
        """The size is that of one buffer, even if each read had two."""
        said = b"".join(one for one, _ in filled(32, TALK))
        self.assertIn("frame = bytes:32", lines(recorded((said[:64], b"OK\n"), (said[64:], b"OK\n"))))
        self.assertIn("say = lines", lines(recorded((said[:64], b"OK\n"), (said[64:], b"OK\n"))))

    def test_ended_by_zero(self) -> None:
        """Texts of many lengths, each with a zero behind it, are no buffers."""
        self.assertIn(r"frame = lines:\0", lines(recorded(*((said.encode() + b"\0", b"OK\0") for said, _ in TALK))))


class StructTests(SynchronousTestCase):
    def drafted(self, form: str, *values: tuple[float, ...]) -> str:
        """The rule for structs of kind 2, behind a name in a struct of kind 1."""
        told = [b"\x0d\0" + struct.pack("<B12s", 1, b"buoy-west")]
        for number, each in enumerate(values, 1):
            data = struct.pack(f"<BI{form}", 2, number, *each)
            told.append(struct.pack("<H", len(data)) + data)
        found = lines(recorded(*((one, b"\x04\0\0\0\0\0") for one in told)))
        self.assertEqual(["frame = length:2:little", "rules =", r"name struct <B12s {=1} {name} => \0\0\0\0"], found[:3])
        return found[3].partition(" => ")[0]

    def test_floats(self) -> None:
        """Two floats are not read as a double, and a double not as two floats."""
        two = "sample struct <xIffH {v1} {v2} {v3} {v4}"
        varied = [(14.5, 0.8, 3700), (14.6, 1.05, 3697), (14.7, 1.3, 3694), (14.8, 0.8, 3691), (14.9, 1.05, 3688)]
        self.assertEqual(two, self.drafted("ffH", *varied))
        doubles = [(14.5, 3700), (14.6, 3697), (14.7, 3694), (14.75, 3691), (14.9, 3688)]
        self.assertEqual("sample struct <xIdH {v1} {v2} {v3}", self.drafted("dH", *doubles))

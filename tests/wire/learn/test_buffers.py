"""Programs in C: texts in buffers of one size, and structs that are sent as they are."""

from __future__ import annotations

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

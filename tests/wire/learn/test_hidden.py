"""Tests of ``netd.wire.learn.hidden``, and of what a draft says of a recording that somebody else has written."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.learn import draft
from netd.wire.learn.hidden import starred
from netd.wire.recording import Direction, Recorded, Recording, Transport
from tests.wire.learn.recordings import recorded


class LiteralTests(SynchronousTestCase):
    """Secrets that all messages have."""

    def section(self, first: bytes) -> str:
        """The draft for a program that says *first*, then samples."""
        return draft(recorded([(first, b"OK\n"), *((b"T=%d\n" % degrees, b"OK\n") for degrees in range(20, 24))]), "x").section

    def test_skipped(self) -> None:
        """A password stands in no rule; the rule takes it, whatever it is."""
        for said, rule in (
            (b"PASS hunter2\n", " PASS {} => OK"),
            (b"password=hunter2;v=1\n", "each ; {channel}={value}"),
            (b"password=hunter2\n", " password={} => OK"),
        ):
            section = self.section(said)
            self.assertIn(rule, section)
            self.assertNotIn("hunter2", section)

    def test_no_secrets(self) -> None:
        """What only looks like one stays."""
        for said in (b"key pressed\n", b"pin high\n", b"passage open\n"):
            self.assertIn(said.decode().strip(), self.section(said))

    def test_starred(self) -> None:
        """Examples in comments and on the screen have stars."""
        self.assertEqual(b"PASS *******", starred(b"PASS hunter2"))


class AddressTests(SynchronousTestCase):
    """A transcript of somebody else."""

    def test_no_address(self) -> None:
        """What is no address does not become options of the draft."""
        for transport, address, found in (
            (Transport.TCP, "10.0.0.7:5025", "connect = tcp:10.0.0.7:5025"),
            (Transport.TCP, "10.0.0.7:5025\n[command]\nx = 1", "connect = tcp:192.0.2.1:9000"),
            (Transport.SERIAL, "/dev/ttyACM0", "connect = serial:/dev/ttyACM0:9600"),
            (Transport.SERIAL, "/dev/x\nrules = send pump {text}", "connect = serial:/dev/ttyUSB0:9600"),
        ):
            events = (
                Recorded(0.0, 1, Direction.OPENED, address.encode()),
                *(Recorded(float(place), 1, Direction.SAID, b"T=%d\n" % place) for place in range(1, 5)),
            )
            lines = draft(Recording(transport, True, events), "x").section.split("\n")
            self.assertEqual([found], [line for line in lines if line.startswith("connect")])
            self.assertEqual(1, sum(line.startswith("[") for line in lines))
            self.assertNotIn("rules = send pump {text}", lines)

"""Pairs whose number varies."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.learn import draft
from netd.wire.recording import PROGRAM, Direction, Recorded, Recording, Transport


def rules(*messages: str) -> list[str]:
    """The rules for messages that have a connection each, and the same answer."""
    events = []
    for number, message in enumerate(messages, 1):
        events += [
            Recorded(number, number, Direction.OPENED, b"127.0.0.1:50000"),
            Recorded(number + 0.1, number, Direction.SAID, message.encode() + b"\n"),
            Recorded(number + 0.2, number, Direction.HEARD, b"ACK\n"),
            Recorded(number + 0.3, number, Direction.CLOSED, PROGRAM),
        ]
    section = draft(Recording(Transport.TCP, False, tuple(events)), "pi").section
    return [line.strip() for line in section.partition("rules =\n")[2].strip().split("\n") if ";" not in line[:6]]


class PairsTests(SynchronousTestCase):
    def test_whose_they_are(self) -> None:
        """A name in front of pairs that come and go is whose values they are."""
        self.assertEqual(
            ["sample host={name},{*} each , {channel}={value} => ACK"],
            rules("host=pi4,cpu=43.1,load=0.4,free=512", "host=pi4,cpu=41.0,load=0.31", "host=zero,cpu=44.2,free=61,hot=0"),
        )

    def test_without_a_name(self) -> None:
        """Pairs alone are values of the peer."""
        self.assertEqual(
            ["sample each , {channel}={value} => ACK"],
            rules("cpu=43.1,load=0.4,free=512", "cpu=41.0,load=0.31", "cpu=44.2,free=61,hot=0,cold=1"),
        )

    def test_name_elsewhere(self) -> None:
        """A name behind pairs is not found by `each`: these are left to a person."""
        (rule,) = rules("cpu=43.1,host=pi4,load=0.4", "cpu=41.0,host=pi4", "cpu=44.2,host=zero,free=61,hot=0")[:1]
        self.assertNotIn("each", rule)

"""Programs that ask: netd asks in their place."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.learn import draft
from netd.wire.learn.turning import turned
from netd.wire.recording import PROGRAM, Direction, Recorded, Recording, Transport, read_recording

METER = """\
transport = tcp
caller = program
   0.332  1  opened  127.0.0.1:52620
   0.348  1  said    SYST:REM\\n*IDN?\\n
   0.348  1  heard   ACME,DMM-2000,SN00417,1.02\\n
   0.359  1  said    VOLT?\\n
   0.359  1  heard   +1.200141E+01\\n
   0.359  1  said    CURR?\\n
   0.360  1  heard   +2.540000E-01\\n
   0.560  1  said    VOLT?\\n
   0.566  1  heard   +1.199041E+01\\n
   0.566  1  said    CURR?\\n
   0.566  1  heard   +2.560000E-01\\n
   0.837  1  said    VOLT?\\n
   0.846  1  heard   +1.200657E+01\\n
   0.847  1  said    CURR?\\n
   0.921  1  heard   +2.580000E-01\\n
   1.433  1  closed  program
"""


def talk(*pairs: tuple[str, str], transport: Transport = Transport.TCP, is_dialled: bool = False) -> Recording:
    """A connection on which the program says the first of each pair, and hears the second."""
    events = [Recorded(0.0, 1, Direction.OPENED, b"127.0.0.1:50000")]
    for time, (said, heard) in enumerate(pairs, 1):
        events += [Recorded(time, 1, Direction.SAID, said.encode()), Recorded(time + 0.1, 1, Direction.HEARD, heard.encode())]
    return Recording(transport, is_dialled, (*events, Recorded(99.0, 1, Direction.CLOSED, PROGRAM)))


class TurnedTests(SynchronousTestCase):
    def test_logger(self) -> None:
        """A logger that polls a meter becomes questions to that meter, each with the answer that came within its millisecond."""
        found = turned(read_recording(METER), "192.168.1.7:5025")
        assert found is not None
        self.assertEqual(
            "[wire:meter]\n"
            "connect = tcp:192.168.1.7:5025\n"
            "greeting =\n"
            "    SYST:REM\n"
            "ask =\n"
            "    0s *IDN? => event {idn}\n"
            "    250ms VOLT? => sample {voltage V}\n"
            "    250ms CURR? => sample {current A}\n",
            draft(found, "meter").section.partition("\n")[2],
        )

    def test_events(self) -> None:
        """The sides change places, and netd is the one who connects."""
        recording = talk(("T?\n", "20.5 C\n"), ("T?\n", "20.7 C\n"))
        found = turned(recording, None)
        assert found is not None
        self.assertTrue(found.is_dialled)
        self.assertEqual(
            [
                (Direction.OPENED, b""),
                (Direction.HEARD, b"T?\n"),
                (Direction.SAID, b"20.5 C\n"),
                (Direction.HEARD, b"T?\n"),
                (Direction.SAID, b"20.7 C\n"),
                (Direction.CLOSED, b"server"),
            ],
            [(event.direction, event.data) for event in found.events],
        )
        self.assertIsNone(turned(found, None))

    def test_who_asks(self) -> None:
        """Only questions that come again, and have numbers for answers, make a program one that asks."""
        for pairs, asks in (
            ([("read\n", "20.5\n"), ("read\n", "20.75\n")], True),
            ([("read\n", "1.5 V, 20 mA\n"), ("read\n", "1.6 V, 21 mA\n")], True),
            ([("STATE?\n", "on 1\n"), ("STATE?\n", "off 2\n")], True),
            ([("read\n", "20.5\n"), ("read\n", "20.5\n")], False),
            ([("ping\n", "pong 1\n"), ("ping\n", "pong 2\n")], False),
            ([("T=20.5\n", "1\n"), ("T=20.75\n", "2\n")], False),
            ([("n?\n", "1\n"), ("n?\n", "2\n"), ("T=1\n", "ok\n"), ("T=2\n", "ok\n")], False),
            ([("hello\n", ""), ("hello\n", "")], False),
            ([], False),
        ):
            self.assertEqual(asks, turned(talk(*pairs), None) is not None, pairs)

    def test_other_recordings(self) -> None:
        """By UDP nobody knows who is asked, and a device that netd dials is one that it asks already."""
        pairs = [("T?\n", "20.5\n"), ("T?\n", "20.7\n")]
        self.assertIsNone(turned(talk(*pairs, transport=Transport.UDP), None))
        self.assertIsNone(turned(talk(*pairs, is_dialled=True), None))

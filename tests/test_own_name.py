"""Which names mean this machine, to itself."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.own_name import outward_address, own_names

TABLE = """\
127.0.0.1 localhost
127.0.1.1\tPi4.lab.example  pi4   # set by Debian
192.168.1.7 nas pi5
0.0.0.0 pi6 # an address of nobody
::1 ip6-localhost
nonsense
"""


class OwnNamesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = Path(self.mktemp())
        self.table.write_text(TABLE)

    def test_names(self) -> None:
        """A machine's own name counts, long and short, where the file says that it is loopback; other names do not."""
        for hostname, names in (
            ("pi4", ("pi4",)),
            ("PI4.lab.example", ("pi4.lab.example", "pi4")),
            ("pi4.elsewhere.example", ("pi4",)),
            ("pi5", ()),
            ("pi6", ()),
            ("example", ()),
            ("debian", ()),
        ):
            self.assertEqual(names, own_names(hostname, self.table), hostname)

    def test_no_file(self) -> None:
        """Without the file there is no such name."""
        self.table.unlink()
        self.assertEqual((), own_names("pi4", self.table))


class OutwardAddressTests(SynchronousTestCase):
    def test_ways(self) -> None:
        """The first way out of the machine counts; where there is none, there is no address for others."""
        nowhere, here = (socket.AF_INET, "255.255.255.255"), (socket.AF_INET, "127.0.0.1")
        self.assertEqual(outward_address((nowhere, here)), "127.0.0.1")
        self.assertIsNone(outward_address((nowhere,)))

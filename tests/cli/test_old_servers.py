"""Tests of ``netd.cli.old_servers``: which relays need not be waited for."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.cli.old_servers import KEPT, MOST, OldServers
from netd.cli.relay import RelayPlace

LAB, PI = RelayPlace("lab", 5050), RelayPlace("pi", 5050)


class OldServersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1e9
        self.home = Path(self.mktemp())
        self.file = self.home / ".cache" / "netd" / "old-servers.json"
        self.servers = OldServers({"HOME": str(self.home)}, lambda: self.now)

    def test_kept(self) -> None:
        """A server that is old is known as such for an hour, by name and port, or until it turns out to be another."""
        self.assertNotIn(LAB, self.servers)
        self.servers.note(LAB, is_old=True)
        self.servers.note(PI, is_old=True)
        self.assertIn(RelayPlace("LAB", 5050), self.servers)
        self.assertNotIn(RelayPlace("lab", 5051), self.servers)
        self.servers.note(PI, is_old=False)
        self.assertNotIn(PI, self.servers)
        self.now += KEPT - 1
        self.assertIn(LAB, self.servers)
        self.now += 1
        self.assertNotIn(LAB, self.servers)

    def test_clock_set_back(self) -> None:
        """What was noted by a clock that was wrong does not last for ever."""
        self.servers.note(LAB, is_old=True)
        self.now -= 86400
        self.assertNotIn(LAB, self.servers)

    def test_nothing_to_keep(self) -> None:
        """A server of today leaves no file behind."""
        self.servers.note(LAB, is_old=False)
        self.assertFalse(self.home.exists())

    def test_bounded(self) -> None:
        """The oldest of very many are forgotten."""
        for port in range(1, MOST + 3):
            self.servers.note(RelayPlace("lab", port), is_old=True)
        self.assertNotIn(RelayPlace("lab", 2), self.servers)
        self.assertIn(RelayPlace("lab", 3), self.servers)

    def test_spoilt(self) -> None:
        """A file that is none of ours, or cannot be written, costs nothing but time."""
        self.file.parent.mkdir(parents=True)
        for content in ("", "[]", '{"lab 5050": "x"}', '{"lab 5050": null}', "{" * 100_000, json.dumps({"lab 5050": 1e300})):
            self.file.write_text(content)
            self.assertNotIn(LAB, self.servers)
        self.file.unlink()
        self.file.mkdir()
        self.servers.note(LAB, is_old=True)
        self.assertNotIn(LAB, self.servers)
        self.assertEqual([path.name for path in self.file.parent.iterdir()], [self.file.name])

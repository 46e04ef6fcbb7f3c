"""Tests of :mod:`netd.cli.client`."""

from __future__ import annotations

from netd.onefile import CLIENTS, make_client
from tests.cli.fakes import CommandTests


class ClientTests(CommandTests):
    def test_one(self) -> None:
        """The file of a kind comes out as it is, and nothing else."""
        for kind in CLIENTS:
            self.assertEqual(self.netd("client", kind).stdout, make_client(kind))

    def test_list(self) -> None:
        """Without a kind, the kinds are listed."""
        listed = self.netd("client").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in listed], list(CLIENTS))

    def test_none(self) -> None:
        """A kind that is none is told with those that are."""
        ended = self.netd("client", "gateway")
        self.assertEqual(ended.exit_code, 2)
        self.assertIn("relay", ended.stderr)

"""Tests of :mod:`netd.cli.client`."""

from __future__ import annotations

import json
from pathlib import Path

from netd import __version__
from netd.sdk import SDKS
from tests.cli.fakes import CommandTests


class ClientTests(CommandTests):
    def test_one(self) -> None:
        """The file of a kind comes out as it is, and nothing else."""
        for kind, sdk in SDKS.items():
            self.assertEqual(self.netd("client", kind).stdout, sdk.text())

    def test_list(self) -> None:
        """Without a kind, the kinds are listed."""
        listed = self.netd("client").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in listed], list(SDKS))

    def test_none(self) -> None:
        """A kind that is none is told with those that are."""
        ended = self.netd("client", "gateway")
        self.assertEqual(ended.exit_code, 2)
        self.assertIn("relay", ended.stderr)

    def test_into(self) -> None:
        """A client of several files is written into a folder that need not exist. The command tells each file."""
        folder = Path(self.mktemp()) / "netdjs"
        ended = self.netd("client", "js", "--into", str(folder))
        self.assertEqual((ended.exit_code, ended.stderr), (0, ""))
        self.assertEqual(ended.stdout.split(), [str(folder / name) for name in SDKS["js"].files])
        self.assertEqual((folder / "netd.js").read_text("utf-8"), SDKS["js"].text())
        self.assertEqual(json.loads((folder / "package.json").read_text("utf-8"))["version"], __version__)

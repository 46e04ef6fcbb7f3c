"""Tests of :mod:`netd.cli.reports`: what the feed's clients have received."""

from __future__ import annotations

import json
from typing import Any

from netd.client.control import NoSuchOperation
from tests.cli.fakes import NOW, CommandTests


def client(name: str, blocks: int, **others: Any) -> dict[str, Any]:
    """What the feed tells of one client."""
    told = {"client": name, "address": "127.0.0.1:5", "online": True, "blocks": blocks, "last_block": blocks, "remarks": []}
    return {**told, "seconds": 399.2, "rate": 1.0822446, "last_seen": NOW - 3, **others}


class ReportsTests(CommandTests):
    def test_table(self) -> None:
        """Each client is a line that can be read: who, whether it is there, how many blocks in how much time."""
        self.control.answers["feed.reports"] = [
            client("client-1", 1234),
            client("client-2", 0, rate=None, seconds=0.0, online=False),
        ]
        lines = [[cell.strip() for cell in line.split("  ") if cell] for line in self.netd("reports").stdout.splitlines()]
        self.assertEqual(
            lines,
            [
                ["CLIENT", "STATE", "BLOCKS", "IN", "RATE"],
                ["client-1", "online", "1,234", "6 min 39 s", "1.08/s"],
                ["client-2", "away, last seen 3 s ago", "0"],
            ],
        )

    def test_remarks(self) -> None:
        """The newest remark is shown, harmless, and how many there were before it."""
        self.control.answers["feed.reports"] = [client("a", 1, remarks=["one", "two\x1b[2J"]), client("b", 1, remarks=["x"])]
        lines = self.netd("reports").stdout.splitlines()
        self.assertTrue(lines[0].endswith("REMARKS"))
        self.assertTrue(lines[1].endswith("two\\x1b[2J (and 1 before)"), lines)
        self.assertTrue(lines[2].endswith("  x"), lines)

    def test_json(self) -> None:
        """A script gets all of it, of the instance that is meant."""
        self.control.answers["feed.reports"] = [client("a", 3)]
        self.assertEqual(json.loads(self.netd("reports", "--json", "--instance", "b").stdout), [client("a", 3)])
        self.assertEqual(self.control.calls, [("feed.reports", {"instance": "b"})])

    def test_none(self) -> None:
        """Where nobody has come yet, the command says how to be the first."""
        self.control.answers["feed.reports"] = []
        result = self.netd("reports")
        self.assertEqual((result.exit_code, "`netd feed --type name`" in result.stdout), (0, True))

    def test_wrong(self) -> None:
        """A daemon without a feed has none: 3; one that tells them otherwise is of another version: 1."""
        self.control.answers["feed.reports"] = NoSuchOperation("no operation 'feed.reports'", -32601)
        self.assertEqual(self.netd("reports").exit_code, 3)
        for answer in ([5], [{"client": "a"}], [client("a", 1, seconds="x")]):
            self.control.answers["feed.reports"] = answer
            result = self.netd("reports")
            self.assertEqual((result.exit_code, "update the older one" in result.stderr), (1, True))

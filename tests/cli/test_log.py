"""Tests of :mod:`netd.cli.log`."""

from __future__ import annotations

import json

from tests.cli.fakes import CommandTests

LEVELS = {"levels": {"netd": "info", "relay": "debug", "feed:x\x1b": "warn"}, "chosen": ["relay"]}


class LogTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.log"] = LEVELS

    def rows(self, *arguments: str) -> list[list[str]]:
        return [line.split() for line in self.netd("log", *arguments).stdout.splitlines()[1:]]

    def test_shown(self) -> None:
        """Each section has a row, and what was chosen at run time says so; what a name holds drives no terminal."""
        self.assertEqual([["netd", "info"], ["relay", "debug", "chosen"], ["feed:x\\x1b", "warn"]], self.rows())
        self.assertEqual([("system.log", {})], self.control.calls)
        self.assertEqual(LEVELS, json.loads(self.netd("log", "--json").stdout))

    def test_chosen(self) -> None:
        """A level is chosen for one section, whose row is shown."""
        self.assertEqual([["relay", "debug", "chosen"]], self.rows("relay", "debug"))
        self.assertEqual([("system.log", {"section": "relay", "level": "debug"})], self.control.calls)

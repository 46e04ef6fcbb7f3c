"""Tests of :mod:`netd.cli.sessions`."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.fakes import NOW, TABLE, CommandTests, operation

ANN = {"name": "ann", "host": "10.0.0.7", "began": NOW - 7200, "used": NOW - 60, "left": 28740.0, "websockets": 2}


class SessionsTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        listed = operation("gateway.sessions", role="admin", instances=["main", "lab", "main@other"])
        self.control.answers["system.operations"] = [*TABLE, listed]
        self.found: dict[str, list[dict[str, Any]]] = {"main": [ANN], "lab": []}
        self.control.answers["gateway.sessions"] = lambda instance: self.found[instance]
        self.control.answers["gateway.sign_out"] = lambda instance, name: {
            "ended": sum(one["name"] == name for one in self.found[instance])
        }

    def test_list(self) -> None:
        """The browsers at all gateways of this node are in one table: whose they are, and when they were used."""
        for words in (("sessions",), ("sessions", "list")):
            head, row = self.netd(*words).stdout.splitlines()
            self.assertEqual([cell.strip() for cell in head.split("  ") if cell][-1], "PAGES")
            cells = [cell.strip() for cell in row.split("  ") if cell]
            self.assertEqual(cells, ["ann", "10.0.0.7", "2 h ago", "1 min ago", "7 h 59 min", "2"])
        self.assertEqual(json.loads(self.netd("sessions", "list", "--json").stdout), [ANN])

    def test_nobody(self) -> None:
        """Where no browser is signed in, that is said."""
        self.found["main"] = []
        self.assertEqual(self.netd("sessions").stdout, "no browser is signed in\n")

    def test_end(self) -> None:
        """All browsers of a name are signed out; for a name without any, the command fails."""
        self.assertEqual(self.netd("sessions", "end", "ann").stdout, "1 browser is signed out that ann had signed in\n")
        self.found["lab"] = [ANN]
        self.assertEqual(self.netd("sessions", "end", "ann").stdout, "2 browsers are signed out that ann had signed in\n")
        self.assertEqual(json.loads(self.netd("sessions", "end", "ann", "--json").stdout), {"name": "ann", "ended": 2})
        result = self.netd("sessions", "end", "bob")
        self.assertEqual((result.exit_code, "`netd sessions` lists" in result.stderr), (3, True))

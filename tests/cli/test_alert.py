"""Tests of :mod:`netd.cli.alert`."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.fakes import NOW, TABLE, CommandTests, operation

FIRING = {"subject": "custom.x", "state": "firing", "value": 31.5, "held_for": 9.0, "since": NOW - 9, "by": ""}
KNOWN = {**FIRING, "subject": "custom.y", "state": "acknowledged", "by": "user root"}
PENDING = {**FIRING, "subject": "custom.z", "state": "pending", "since": None}


class AlertTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.operations"] = [*TABLE, operation("alert.list", role="viewer", instances=["hot", "away"])]
        self.alerts: dict[str, list[dict[str, Any]]] = {"hot": [FIRING, KNOWN, PENDING], "away": []}
        self.control.answers["alert.list"] = self.alert

    def alert(self, instance: str) -> dict[str, Any]:
        """What the daemon tells of one alert."""
        state = "firing" if self.alerts[instance] else "quiet"
        return {"alert": instance, "state": state, "when": "custom.* > 30", "then": [], "subjects": self.alerts[instance]}

    def test_list(self) -> None:
        """All alerts are in one table: a line for each subject, and one for an alert that is quiet."""
        lines = [[cell.strip() for cell in line.split("  ") if cell] for line in self.netd("alert", "list").stdout.splitlines()]
        self.assertEqual(lines[0], ["ALERT", "STATE", "SUBJECT", "VALUE", "SINCE", "WHEN"])
        self.assertEqual(
            [line[:4] for line in lines[1:3]],
            [["hot", "firing", "custom.x", "31.5"], ["hot", "acknowledged by user root", "custom.y", "31.5"]],
        )
        self.assertEqual((lines[3][1], lines[4]), ("pending", ["away", "quiet", "custom.* > 30"]))
        self.assertEqual([one["alert"] for one in json.loads(self.netd("alert", "list", "--json").stdout)], ["hot", "away"])

    def test_none(self) -> None:
        """Without alerts, the command says how one is made."""
        self.control.answers["system.operations"] = TABLE
        self.control.answers["system.whoami"] = {"subjects": None}
        result = self.netd("alert", "list")
        self.assertEqual((result.exit_code, "[alert:NAME]" in result.stderr), (3, True))
        self.control.answers["system.whoami"] = {"subjects": ["session.>"]}
        result = self.netd("alert", "list")
        self.assertEqual(result.stderr, "Error: this token is for session.>, and sees no alert\n")

    def test_acknowledge(self) -> None:
        """An alert is acknowledged on all of its subjects, or on one."""
        self.control.answers["alert.acknowledge"] = self.alert("away")
        self.assertEqual(self.netd("alert", "acknowledge", "hot", "custom.x").stdout, "hot is quiet\n")
        self.assertEqual(self.control.calls[-1], ("alert.acknowledge", {"instance": "hot", "subject": "custom.x"}))
        self.assertEqual(json.loads(self.netd("alert", "acknowledge", "hot", "--json").stdout)["state"], "quiet")

    def test_test(self) -> None:
        """A test tells what came of each action, and fails if one did."""
        good = {"action": "mail a@b.org", "outcome": "done", "error": "", "seconds": 0.5}
        bad = {"action": "exec ./x", "outcome": "failed", "error": "status 3", "seconds": 0.001}
        self.control.answers["alert.test"] = [good]
        self.assertEqual(self.netd("alert", "test", "hot").stdout, "mail a@b.org: done (in 500 ms)\n")
        self.control.answers["alert.test"] = [good, bad]
        result = self.netd("alert", "test", "hot")
        self.assertEqual((result.exit_code, "exec ./x: failed: status 3 (in 1 ms)" in result.stdout), (1, True))
        self.assertEqual(json.loads(self.netd("alert", "test", "hot", "--json").stdout), [good, bad])
        self.control.answers["alert.test"] = []
        self.assertIn("has no actions", self.netd("alert", "test", "hot").stdout)

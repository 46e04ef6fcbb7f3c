"""Tests of :mod:`netd.cli.bridge`."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.fakes import TABLE, CommandTests, operation

COUNTED = {"sent": 7, "failed": 2}


class BridgeTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.operations"] = [*TABLE, operation("bridge.list", role="viewer", instances=["fan", "copy"])]
        self.control.answers["bridge.list"] = self.bridge

    def bridge(self, instance: str) -> dict[str, Any]:
        """What the daemon tells of one bridge."""
        is_fan = instance == "fan"
        failure = "relay.main.fan: no device 'fan' is connected" if is_fan else None
        counts = COUNTED if is_fan else {}
        told = {"bridge": instance, "source": "custom.x", "to": ["relay.main.fan", "custom.y"], "state": "carries"}
        return {**told, "template": "{value}", "every": None, "counts": counts, "waiting": 0, "last_failure": failure}

    def test_list(self) -> None:
        """All bridges are in one table, with what was sent, and why something was not."""
        lines = [[cell.strip() for cell in line.split("  ") if cell] for line in self.netd("bridge", "list").stdout.splitlines()]
        self.assertEqual(lines[0], ["BRIDGE", "STATE", "FROM", "TO", "SENT", "FAILED", "DROPPED", "LAST FAILURE"])
        told = [
            "fan",
            "carries",
            "custom.x",
            "relay.main.fan, custom.y",
            "7",
            "2",
            "0",
            "relay.main.fan: no device 'fan' is connected",
        ]
        self.assertEqual((lines[1], lines[2][-3:]), (told, ["0", "0", "0"]))
        self.assertEqual([one["bridge"] for one in json.loads(self.netd("bridge", "list", "--json").stdout)], ["fan", "copy"])

    def test_none(self) -> None:
        """Without bridges, the command says how one is made."""
        self.control.answers["system.operations"] = TABLE
        self.control.answers["system.whoami"] = {"subjects": None}
        result = self.netd("bridge", "list")
        self.assertEqual((result.exit_code, "[bridge:NAME]" in result.stderr), (3, True))

"""Tests of :mod:`netd.cli.node`: commands about another node of the cluster."""

from __future__ import annotations

import json
from typing import Any

from netd.client.control import NotInTime, OperationFailed
from tests.cli.fakes import TABLE, TEXT, CommandTests, argument, operation, page

OF_B = [
    operation("relay.devices", role="viewer", instances=["main", "main@A"]),
    operation("session.start", argument("host", TEXT)),
]


class OnTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.operations"] = lambda instance=None: OF_B if instance == "@B" else TABLE

    def test_generated(self) -> None:
        """Operations of the node are commands, before and after their names; the default instance is that of the node."""
        self.control.answers["session.start"] = {"session": "7"}
        for words in (("session", "start", "10.0.0.7", "--on", "B"), ("--on", "B", "session", "start", "10.0.0.7")):
            self.assertEqual("", self.netd(*words).stderr)
            self.assertEqual(("session.start", {"host": "10.0.0.7", "instance": "@B"}), self.control.calls[-1])
        self.netd("session", "start", "10.0.0.7", "--on", "B", "--instance", "lab")
        self.assertEqual("lab@B", self.control.calls[-1][1]["instance"])

    def test_own_commands(self) -> None:
        """Commands of netd's own go to the node as well, each with the instances that the node itself has."""
        self.control.answers["relay.devices"] = page([])
        self.assertEqual("no devices\n", self.netd("devices", "--on", "B").stdout)
        self.assertEqual(["@B", "main@B"], [params["instance"] for _, params in self.control.calls])

    def test_status(self) -> None:
        """The status of a node names no place of the daemon that was asked."""
        self.control.answers["system.status"] = {"name": "B", "version": "1.0", "services": []}
        told = self.netd("status", "--on", "B").stdout
        self.assertTrue(told.startswith("netd 1.0 as B\n"), told)
        self.assertNotIn("control socket", told)

    def test_drain(self) -> None:
        """So does what changes its state."""
        self.control.answers["system.drain"] = {"state": "draining"}
        self.assertIn("(node B of the cluster)", self.netd("drain", "--on", "B").stdout)
        self.control.answers["system.stop"] = {"status": "stopping"}
        self.assertEqual(0, self.netd("--on", "B", "stop").exit_code)
        self.assertFalse(self.control.waited, "the daemon that was asked goes on")

    def test_hint(self) -> None:
        """A command in a message of the node is to be typed as it stands: it goes to that node."""
        self.control.answers["session.start"] = OperationFailed(
            "it runs; `session.stop 1` ends it, `cluster.nodes` lists", -32000
        )
        said = self.netd("session", "start", "10.0.0.7", "--on", "B").stderr
        self.assertIn("`netd session stop 1 --on B` ends it, `netd nodes --on B` lists", said)

    def test_events(self) -> None:
        """Events are chosen by their subjects, which have the node's name."""
        result = self.netd("tail", "session.>", "--on", "B")
        self.assertEqual((2, True), (result.exit_code, "session.main@B.>" in result.stderr))

    def test_strange_answer(self) -> None:
        """A table of another form is refused as everywhere."""
        self.control.answers["system.operations"] = 5
        self.assertIn("unknown form", self.netd("devices", "--on", "B").stderr)


class EachTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        instances = ["main", "main@B"]
        self.control.answers["system.operations"] = [operation("relay.devices", instances=instances)]
        self.error: OperationFailed = NotInTime("node B did not answer within 2 s", -32003)

    def devices(self, instance: str, limit: int) -> Any:
        """A node that does not answer."""
        if instance == self.broken:
            raise self.error
        return page([{"name": "pump", "address": "('127.0.0.1', 5)", "online": True}])

    def test_away(self) -> None:
        """A node that does not answer is named; the devices of the others are listed."""
        self.broken = "main@B"
        self.control.answers["relay.devices"] = self.devices
        result = self.netd("devices", "--json")
        self.assertEqual(["main"], [one["instance"] for one in json.loads(result.stdout)])
        self.assertEqual("netd: main@B is not in the list: node B did not answer within 2 s\n", result.stderr)

    def test_own(self) -> None:
        """An error of the daemon itself ends the command."""
        self.broken = "main"
        self.control.answers["relay.devices"] = self.devices
        self.assertEqual(124, self.netd("devices").exit_code)

    def test_alerts(self) -> None:
        """So it is with alerts."""
        self.control.answers["system.operations"] = [operation("alert.list", instances=["hot", "hot@B"])]
        quiet = {"alert": "hot", "state": "quiet", "when": "x > 1", "then": [], "subjects": []}

        def alert(instance: str) -> Any:
            if instance == "hot@B":
                raise self.error
            return quiet

        self.control.answers["alert.list"] = alert
        result = self.netd("alert", "list", "--json")
        self.assertEqual(([quiet], True), (json.loads(result.stdout), "hot@B is not in the list" in result.stderr))

    def test_not_warned_of_nodes(self) -> None:
        """Whoever names no instance means this node, and is told of its other instances alone."""
        self.control.answers["relay.devices"] = []
        self.assertEqual("", self.netd("relay", "devices").stderr)

"""Tests of :mod:`netd.cli.nodes`."""

from __future__ import annotations

import json

from tests.cli.fakes import NOW, TABLE, CommandTests, operation

BLANK = {
    "epoch": "e1",
    "server": "nats://10.0.0.5:4222",
    "skew": None,
    "round_trip": None,
    "devices": 2,
    "sessions": 1,
    "events_in": 10,
    "events_out": 20,
    "lost": 0,
    "dropped": 0,
    "version": "1.2",
    "reason": "",
}
HERE = {**BLANK, "name": "a", "state": "here", "since": NOW - 60}
SLOW = {**BLANK, "name": "b", "state": "there", "since": NOW - 60, "skew": -3600.0, "lost": 3, "dropped": 1}
GONE = {
    **dict.fromkeys(BLANK),
    "name": "c",
    "state": "gone",
    "since": NOW - 5,
    "server": "",
    "version": "1.2",
    "reason": "it has left",
}


class NodesCommandTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.operations"] = [*TABLE, operation("cluster.nodes", role="viewer")]
        self.control.answers["cluster.nodes"] = [HERE, SLOW, GONE]

    def test_table(self) -> None:
        """Each node is a line, a clock that is off is said, and below it why a node is gone."""
        lines = self.netd("nodes").stdout.splitlines()
        self.assertEqual(["NODE", "STATE", "SINCE", "NATS"], lines[0].split()[:4])
        self.assertEqual(["a", "here"], lines[1].split()[:2])
        self.assertIn("10.0.0.5:4222", lines[1])
        self.assertIn("behind", lines[2])
        self.assertEqual(["4"], [cell for cell in lines[2].split() if cell == "4"])
        self.assertEqual("c is gone: it has left", lines[-1])

    def test_leave_and_join(self) -> None:
        """Leaving and joining answer with the same table as the list, and tell why a node stays alone."""
        alone = {**HERE, "state": "alone", "reason": "another process has joined as a"}
        self.control.answers["system.operations"] = [operation(f"cluster.{verb}") for verb in ("nodes", "leave", "join")]
        for verb in ("nodes", "leave", "join"):
            self.control.answers[f"cluster.{verb}"] = [alone, SLOW]
            result = self.netd("cluster", verb)
            self.assertEqual(int(verb == "join"), result.exit_code, "who joins wants to know that it has not")
            listed = result.stdout
            self.assertEqual(listed.splitlines()[0].split()[:4], ["NODE", "STATE", "SINCE", "NATS"])
            self.assertEqual("a is alone: another process has joined as a", listed.splitlines()[-1])
            self.assertEqual((f"cluster.{verb}", {}), self.control.calls[-1])

    def test_joined(self) -> None:
        """Joining succeeds when the node has joined, also for a program that reads JSON."""
        self.control.answers["system.operations"] = [operation("cluster.join")]
        for own, status in ((HERE, 0), ({**HERE, "state": "joining"}, 1)):
            self.control.answers["cluster.join"] = [own, SLOW]
            result = self.netd("cluster", "join", "--json")
            self.assertEqual((status, [own, SLOW]), (result.exit_code, json.loads(result.stdout)))

    def test_json(self) -> None:
        """With ``--json`` the list is as the daemon tells it."""
        self.assertEqual([HERE, SLOW, GONE], json.loads(self.netd("nodes", "--json").stdout))

    def test_no_cluster(self) -> None:
        """Without a cluster, the command says how one is made."""
        self.control.answers["system.operations"] = TABLE
        result = self.netd("nodes")
        self.assertEqual((3, True), (result.exit_code, "[cluster]" in result.stderr))

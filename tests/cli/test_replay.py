"""Tests of :mod:`netd.cli.replay`."""

from __future__ import annotations

import json

from tests.cli.fakes import CommandTests


class ReplayCommandTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["history.replay"] = {"number": 3, "subjects": "replay.3.>"}

    def test_asked(self) -> None:
        """What is replayed, how fast and from when on is said in words; the answer tells how it is seen and ended."""
        result = self.netd("replay", "session.>", "--since", "8h", "--speed", "10", "--max-gap", "2", "--loop")
        self.assertEqual(result.stdout, "replay 3 runs: `netd tail 'replay.3.>'` shows it, `netd history halt 3` ends it\n")
        asked = {"pattern": ["session.>"], "begin": "8h", "end": "now", "speed": 10.0, "prefix": "replay", "loop": True}
        self.assertEqual(self.control.calls, [("history.replay", {**asked, "max_gap": 2.0})])

    def test_run(self) -> None:
        """A run has its own time and subjects; a script gets the whole answer."""
        result = self.netd("replay", "--run", "7", "--json", "--instance", "audit")
        self.assertEqual(json.loads(result.stdout)["number"], 3)
        [(_, asked)] = self.control.calls
        self.assertEqual((asked["pattern"], asked["run"], asked["instance"]), (">", 7, "audit"))

"""Tests of :mod:`netd.cli.record`: runs and notes, from the command line."""

from __future__ import annotations

import json

from netd.client.control import NoSuchTarget
from tests.cli.fakes import NOW, CommandTests
from tests.cli.test_history import clock

RUN = {"run": 7, "name": "cooling", "begin": NOW - 60, "end": None, "patterns": [">"], "facts": {"sample": "Nb"}, "who": "user x"}


class RecordTests(CommandTests):
    def test_begin_and_finish(self) -> None:
        """A run is begun with a name and facts, and ended by its number or as the only one."""
        self.control.answers |= {"history.begin": RUN, "history.finish": {**RUN, "end": NOW}}
        begun = self.netd("record", "begin", "cooling", "--subject", "session.>", "--fact", "sample=Nb")
        self.assertIn("run 7 has begun", begun.stdout)
        self.assertIn("netd history --run 7", self.netd("record", "finish", "7").stdout)
        self.netd("record", "finish")
        named = {"name": "cooling", "patterns": ["session.>"], "facts": {"sample": "Nb"}}
        self.assertEqual([asked for _, asked in self.control.calls], [named, {"number": 7}, {}])
        self.assertEqual(json.loads(self.netd("record", "begin", "--json").stdout), RUN)

    def test_note(self) -> None:
        """A note is written at the time, and about the subject, that was said."""
        self.control.answers["history.annotate"] = {"note": 3}
        self.assertIn("note 3", self.netd("record", "note", "door open", "--time", "-10m", "--subject", "session.>").stdout)
        asked = {"text": "door open", "time": "-10m", "subject": "session.>"}
        self.assertEqual(self.control.calls, [("history.annotate", asked)])

    def test_list(self) -> None:
        """Runs are lines: number, name, times, subjects, facts."""
        self.control.answers["history.runs"] = [RUN, {**RUN, "run": 6, "end": NOW}]
        lines = [line.split() for line in self.netd("record", "list", "cool").stdout.splitlines()]
        self.assertEqual(lines[0], ["RUN", "NAME", "BEGIN", "END", "SUBJECTS", "FACTS"])
        self.assertEqual(lines[1], ["7", "cooling", clock(NOW - 60), "goes", "on", ">", "sample=Nb"])
        self.assertEqual(json.loads(self.netd("record", "list", "--json").stdout)[0], RUN)
        self.control.answers["history.runs"] = []
        self.assertEqual(self.netd("record", "list").stdout, "no runs\n")
        self.assertIn("no run with 'x'", self.netd("record", "list", "x").stdout)

    def test_wrong(self) -> None:
        """What cannot be is said with the exit code for it."""
        self.assertEqual(self.netd("record", "begin", "--fact", "sample").exit_code, 2)
        self.control.answers["history.finish"] = NoSuchTarget("no run is open", -32004)
        self.assertEqual(self.netd("record", "finish").exit_code, 3)
        self.control.answers |= {"history.runs": [{"run": 1}], "history.begin": {}}
        for words in (("list",), ("begin",)):
            result = self.netd("record", *words)
            self.assertEqual((result.exit_code, "update the older one" in result.stderr), (1, True), words)

"""Tests of :mod:`netd.cli.history`: what was recorded, from the command line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from netd.client.control import ControlError
from tests.cli.fakes import NOW, TABLE, CommandTests, argument, operation

SERIES = {
    "subject": "session.main.greenhouse.temp",
    "label": "Temperature",
    "unit": "°C",
    "exact": True,
    "times": [NOW - 3600, NOW - 1800, NOW - 60],
    "mean": [20.0, 21.5, 22.25],
    "min": [19.0, 21.0, 22.0],
    "max": [21.0, 22.0, 22.5],
    "count": [1200, 600, 3],
}

RUN = {"run": 7, "name": "cooling", "begin": NOW - 60, "end": None, "patterns": [">"], "facts": {"sample": "Nb"}, "who": "user x"}


def answer(*series: dict[str, Any], **others: Any) -> dict[str, Any]:
    """What ``history.query`` returns."""
    return {"begin": NOW - 3600, "end": NOW, "width": 150.0, "series": list(series), "gaps": [], "notes": [], **others}


def clock(seconds: float) -> str:
    """A time of the day of :data:`NOW`, as the command writes it."""
    return datetime.fromtimestamp(seconds).strftime("%H:%M:%S")  # noqa: DTZ006 - local, as meant


class HistoryTests(CommandTests):
    def test_table(self) -> None:
        """Each stretch of time is a line: mean, least and greatest value, and how many samples."""
        self.control.answers["history.query"] = answer(SERIES)
        result = self.netd("history", "session.main.greenhouse.temp", "--since", "8h")
        lines = [line.split() for line in result.stdout.splitlines() if line]
        self.assertEqual(lines[0], ["session.main.greenhouse.temp", "(Temperature,", "°C)"])
        self.assertEqual(lines[1], ["FROM", "MEAN", "LEAST", "GREATEST", "SAMPLES"])
        self.assertEqual(lines[2][-4:], ["20", "19", "21", "1,200"])
        asked = {"pattern": ["session.main.greenhouse.temp"], "begin": "8h", "end": "now", "points": 24}
        self.assertEqual(self.control.calls, [("history.query", asked)])

    def test_plot(self) -> None:
        """The mean is drawn as a curve, with the times at its ends."""
        self.control.answers["history.query"] = answer(SERIES)
        result = self.netd("history", "a.b", "--plot", "--since", "2026-11-28T22:00Z", "--until", "-1m", "--run", "7")
        self.assertIn("least 20, greatest 22.25", result.stdout)
        self.assertIn(clock(NOW - 3600), result.stdout)
        [(_, asked)] = self.control.calls
        self.assertEqual((asked["begin"], asked["end"], asked["run"]), ("2026-11-28T22:00Z", "-1m", 7))
        self.assertEqual(asked["points"], 160)

    def test_events(self) -> None:
        """Where there are no numbers, events are written, oldest first; what is in them is harmless."""
        self.control.answers["history.query"] = answer()
        self.control.answers["history.events"] = [
            {"subject": "custom.b", "time": NOW - 1, "data": {"text": "two\x1b[2J"}},
            {"subject": "custom.a", "time": NOW - 2, "data": 5},
        ]
        lines = self.netd("history", "custom.>", "--instance", "audit").stdout.splitlines()
        self.assertEqual([line.split()[1] for line in lines], ["custom.a", "custom.b"])
        self.assertNotIn("\x1b", lines[1])
        self.assertEqual([asked["instance"] for _, asked in self.control.calls], ["audit", "audit"])

    def test_nothing(self) -> None:
        """Where there is nothing, the command says what to ask instead, and when nothing was recorded."""
        gaps = [
            {"begin": NOW - 60, "end": NOW - 30, "reason": "netd was stopped"},
            {"begin": NOW - 5, "end": None, "reason": "full"},
        ]
        notes = [{"time": NOW - 61, "text": "door open"}]
        self.control.answers |= {"history.query": answer(gaps=gaps, notes=notes), "history.events": []}
        lines = self.netd("history", "x.y").stdout.splitlines()
        self.assertIn("`netd history` lists what there is", lines[0])
        self.assertEqual(lines[1], f"note  {clock(NOW - 61)}  door open")
        self.assertEqual(lines[2], f"gap   {clock(NOW - 60)} to {clock(NOW - 30)}: netd was stopped")
        self.assertEqual(lines[3], f"gap   {clock(NOW - 5)} to now: full")

    def test_nothing_at_all(self) -> None:
        """That nothing was recorded is said only where there is no gap: in one, nobody knows."""
        for gaps, words in (([], "nothing was recorded of that"), ([{"begin": NOW - 9, "end": None, "reason": "x"}], "outside")):
            self.control.answers |= {"history.query": answer(gaps=gaps), "history.events": []}
            self.assertIn(words, self.netd("history", "x.y").stdout.splitlines()[0])

    def test_subjects(self) -> None:
        """Without a subject, the command lists what there is."""
        self.control.answers["system.whoami"] = {"subjects": None}
        self.control.answers["history.subjects"] = [{"subject": "custom.x", "first": NOW - 9, "last": NOW, "count": 3}]
        self.assertIn("custom.x", self.netd("history").stdout)
        self.assertEqual(self.control.calls[1], ("history.subjects", {"pattern": ">"}))
        self.control.answers["system.whoami"] = {"subjects": ["custom.>"]}
        self.netd("history")
        self.assertEqual(self.control.calls[-2], ("history.subjects", {"pattern": ["custom.>"]}))

    def test_missing_node(self) -> None:
        """In a list of all nodes, a node whose recorder has not answered is named; where one recorder was asked, it is not."""
        self.control.answers["system.whoami"] = {"subjects": None}
        self.control.answers["history.subjects"] = []
        late = {"node": "north", "instance": "main@north", "answers": False, "why": "it did not answer within 3 s"}
        self.control.answers["history.nodes"] = [{**late, "node": "", "answers": True}, {**late, "answers": None}, late]
        self.assertEqual(self.netd("history").stderr, "netd: the past of node north is missing: it did not answer within 3 s\n")
        self.assertEqual(self.netd("history", "--instance", "main").stderr, "")

    def test_json(self) -> None:
        """A script gets the whole answer."""
        self.control.answers["history.query"] = answer(SERIES)
        self.assertEqual(json.loads(self.netd("history", "a.b", "--json").stdout), answer(SERIES))

    def test_operations(self) -> None:
        """A word without a dot is an operation of the recorder, as of any other service."""
        self.control.answers["system.operations"] = [
            *TABLE,
            operation("history.runs", argument("newest", {"type": "integer"}, default=5)),
        ]
        self.control.answers["history.runs"] = [RUN]
        result = self.netd("history", "runs", "--newest", "3")
        self.assertEqual((result.exit_code, self.control.calls[-1]), (0, ("history.runs", {"newest": 3})))

    def test_wrong(self) -> None:
        """An answer of another version says so; a daemon that is away names the remedy."""
        self.control.answers["history.query"] = answer({"subject": "a"})
        result = self.netd("history", "a.b")
        self.assertEqual((result.exit_code, "update the older one" in result.stderr), (1, True))
        self.control.broken = ControlError("netd is not running here")
        self.assertIn("not running", self.netd("history", "a.b").stderr)

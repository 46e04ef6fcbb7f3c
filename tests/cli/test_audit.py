"""Tests of :mod:`netd.cli.audit`: who did what, as the recorder tells it."""

from __future__ import annotations

import json
from typing import Any

from netd.cli.audit import PAGE, PATTERNS
from netd.client.control import ControlError, NoSuchOperation
from tests.cli.fakes import NOW, CommandTests

CALL = {
    "subject": "audit.main.relay.send",
    "time": NOW - 10,
    "data": {
        "who": "token panel",
        "from": "gateway 10.0.0.7:5",
        "role": "operator",
        "operation": "relay.send",
        "arguments": {"target": "pump", "text": "on"},
        "outcome": "failed",
        "error": "no such device",
        "seconds": 0.25,
        "time": NOW - 10,
    },
}
MESSAGE = {
    "subject": "relay.main.outcome.lamp",
    "time": NOW - 20,
    "data": {"device": "lamp", "from": "('10.0.0.8', 5)", "request": "off", "status": "sent", "error": "", "seconds": 0.001},
}
RUN = {
    "subject": "command.main.run",
    "time": NOW - 30,
    "data": {"command_id": "set", "from": "10.0.0.9:5", "arguments": {}, "outcome": "success", "error": "", "seconds": 2.0},
}


class AuditTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.whoami"] = {"name": None, "role": "admin", "subjects": None, "proof": "unix"}
        self.control.answers["history.events"] = [CALL, MESSAGE, RUN]

    def lines(self, *words: str) -> list[list[str]]:
        """The cells of the table."""
        shown = self.netd("audit", *words).stdout.splitlines()
        return [[cell.strip() for cell in line.split("  ") if cell] for line in shown]

    def test_table(self) -> None:
        """Each deed is a line: when, who, what, to which device, what came of it, and how long it took."""
        head, call, message, run = self.lines()
        self.assertEqual(head, ["TIME", "WHO", "WHAT", "ABOUT", "OUTCOME", "IN"])
        self.assertEqual(call[1:], ["token panel, gateway 10.0.0.7:5", "relay.send", "pump", "failed: no such device", "250 ms"])
        self.assertEqual(message[1:], ["('10.0.0.8', 5)", "message off", "lamp", "sent", "1 ms"])
        self.assertEqual(run[1:], ["10.0.0.9:5", "command", "set", "success", "2 s"])

    def test_other_node(self) -> None:
        """A call that another node was to carry out names it."""
        self.control.answers["history.events"] = [{**CALL, "data": {**CALL["data"], "node": "north"}}]
        self.assertIn("relay.send on north", self.lines()[1])

    def test_nodes(self) -> None:
        """In a cluster, each line names the node that tells it."""
        self.control.answers["history.events"] = [CALL, {**MESSAGE, "subject": "relay.main@b.outcome.lamp"}]
        self.control.answers["system.status"] = {"name": "a"}
        head, *rows = self.lines()
        self.assertEqual(("NODE", ["a", "b"]), (head[-1], [row[-1] for row in rows]))
        self.control.answers["system.status"] = ControlError("refused")
        self.assertEqual("here", self.lines()[1][-1])

    def test_older(self) -> None:
        """Of more than are shown, that is said."""
        self.assertIn("there are older ones: --newest 20", self.netd("audit", "--newest", "2").stderr)
        self.assertEqual("", self.netd("audit", "--newest", "3").stderr)

    def test_filters(self) -> None:
        """Callers, devices and operations are chosen by a part of their names; the recorder is asked for those alone."""
        for words, expected in (
            (("--who", "PANEL"), ["relay.send"]),
            (("--device", "lamp"), ["message off"]),
            (("--operation", "command"), ["command"]),
            (("--newest", "1"), ["relay.send"]),
        ):
            self.assertEqual([line[2] for line in self.lines(*words)[1:]], expected, words)
        asked = self.control.calls[-3:]
        self.lines("--since", "8h", "--device", "lamp")
        _, asked = self.control.calls[-2]
        self.assertEqual((asked["begin"], asked["contains"], asked["pattern"]), ("8h", "lamp", PATTERNS))
        self.lines("--since", "yesterday")
        self.assertEqual(self.control.calls[-2][1]["begin"], "yesterday")
        self.lines("--until", "22:15", "--instance", "audit")
        asked = self.control.calls[-1][1]
        self.assertEqual((asked["begin"], asked["end"], asked["instance"]), ("1d", "22:15", "audit"))

    def test_told_once(self) -> None:
        """A message of an operator is one line: that of its outcome, which came at the same time. Other calls stay."""
        who = {"who": "token panel", "from": "gateway 10.0.0.7:5"}
        sent = {**CALL, "data": {**CALL["data"], **who, "outcome": "done", "error": ""}}  # type: ignore[dict-item]
        outcome = {**MESSAGE, "data": {**MESSAGE["data"], "from": ", ".join(who.values())}}  # type: ignore[dict-item]
        for seconds, expected in ((0.0001, ["message off"]), (5.0, ["message off", "relay.send"])):
            self.control.answers["history.events"] = [{**outcome, "time": NOW - 10 + seconds}, sent]
            self.assertEqual([line[2] for line in self.lines()[1:]], expected)

    def test_long(self) -> None:
        """What an operation was about is short, and no whole board; errors name commands."""
        data = {**CALL["data"], "arguments": {"board": {"tiles": []}, "name": "x" * 2000}, "error": "`relay.devices` lists them"}  # type: ignore[dict-item]
        self.control.answers["history.events"] = [{**CALL, "data": data}]
        [row] = self.lines()[1:]
        self.assertEqual(row[3], "x" * 79 + "…")
        self.assertEqual(row[4], "failed: `netd devices` lists them")

    def test_json(self) -> None:
        """A script gets whole events."""
        found = json.loads(self.netd("audit", "--json", "--device", "pump").stdout)
        self.assertEqual(found, [{"subject": CALL["subject"], **CALL["data"]}])  # type: ignore[dict-item]

    def test_pages(self) -> None:
        """Thousands are asked for page by page; what stands on two pages is told once."""
        events = [{**RUN, "time": NOW - number // 3} for number in range(3 * PAGE)]
        for number, event in enumerate(events):
            event["data"] = {**RUN["data"], "command_id": f"c{number}"}  # type: ignore[dict-item]

        def answer(end: Any, **_: Any) -> list[Any]:
            before = NOW + 1 if end == "now" else end
            return [event for event in events if event["time"] < before][:PAGE]

        self.control.answers["history.events"] = answer
        found = json.loads(self.netd("audit", "--json", "--newest", "100000").stdout)
        self.assertEqual([one["command_id"] for one in found], [f"c{number}" for number in range(3 * PAGE)])

    def test_confined(self) -> None:
        """A token that is confined to subjects is shown what these cover; one that sees none of it is told so."""
        whoami = {"name": "p", "role": "viewer", "subjects": ["relay.*.*.pump", "session.>"], "proof": "token"}
        self.control.answers["system.whoami"] = whoami
        self.netd("audit")
        self.assertEqual(self.control.calls[-2][1]["pattern"], ["relay.*.outcome.pump"])
        self.control.answers["system.whoami"] = {**whoami, "subjects": ["session.>"]}
        self.assertEqual(self.netd("audit").exit_code, 1)

    def test_nothing(self) -> None:
        """Nothing found is said; where nothing is recorded, the remedy is named."""
        self.control.answers["history.events"] = []
        self.assertIn("nothing is recorded since 1d", self.netd("audit").stdout)
        self.control.answers["history.events"] = NoSuchOperation("no operation 'history.events'", -32601)
        result = self.netd("audit")
        self.assertEqual((result.exit_code, "add a section [recorder]" in result.stderr), (3, True))

"""Tests of :mod:`netd.cli.reload`: ``netd reload`` and ``netd config --diff``."""

from __future__ import annotations

import json
from typing import Any

from netd.client.control import NotRunning, OperationFailed
from tests.cli.fakes import CommandTests

LIMIT = {"section": "relay", "option": "max_payload", "before": "1MiB", "after": "2MiB", "place": "netd.ini:7", "is_live": True}
NAME = {"section": "netd", "option": "name", "before": "a", "after": "b\x1b", "place": "netd.ini:2", "is_live": False}
NOTHING: dict[str, Any] = {kind: [] for kind in ("changed", "restart", "added", "removed", "files", "failures")}
NOTHING["file"] = "/lab/netd.ini"
MUCH = {
    "status": "reloaded",
    "changed": [LIMIT],
    "restart": [NAME],
    "added": ["room"],
    "removed": ["feed:x"],
    "files": ["[command] functions: 2 commands"],
    "failures": [],
}


class ReloadTests(CommandTests):
    def test_nothing(self) -> None:
        """A reload that changes nothing says so, and is a success."""
        self.control.answers["system.reload"] = {"status": "unchanged", **NOTHING}
        result = self.netd("reload")
        self.assertEqual((result.exit_code, result.stdout), (0, "nothing has changed in /lab/netd.ini\n"))
        self.assertEqual(self.control.calls, [("system.reload", {"check": False})])

    def test_changes(self) -> None:
        """Each change is a line, what waits for a restart the last; what came from a file drives no terminal."""
        self.control.answers["system.reload"] = MUCH
        self.assertEqual(
            self.netd("reload").stdout.splitlines(),
            [
                "[relay] max_payload: 1MiB -> 2MiB (netd.ini:7)",
                "[room] has been started",
                "[feed:x] finishes its connections",
                "[command] functions: 2 commands",
                "[netd] name: a -> b\\x1b (netd.ini:2), once netd is started again",
            ],
        )
        self.assertEqual(json.loads(self.netd("reload", "--json").stdout), MUCH)

    def test_refused(self) -> None:
        """Mistakes are lines, as of `netd check`, and the exit status is the same."""
        self.control.answers["system.reload"] = OperationFailed("netd.ini:3: [relay] x: no\nnetd.ini:4: [netd] y\x1b: no", -32000)
        result = self.netd("reload")
        self.assertEqual((result.exit_code, result.stdout), (78, ""))
        self.assertEqual(
            result.stderr,
            ("netd.ini:3: [relay] x: no\nnetd.ini:4: [netd] y\\x1b: no\nnothing has changed: the configuration in force stays\n"),
        )

    def test_failures(self) -> None:
        """What failed at the last moment is told, and the command has failed."""
        self.control.answers["system.reload"] = {"status": "reloaded", **NOTHING, "changed": [LIMIT], "failures": ["[relay] no"]}
        result = self.netd("reload")
        self.assertEqual((result.exit_code, result.stderr), (1, "[relay] no\n"))


class DifferenceTests(CommandTests):
    def test_same(self) -> None:
        """Without a difference the file in force is named, and the status is 0."""
        self.control.answers["system.reload"] = {"status": "checked", **NOTHING}
        result = self.netd("config", "--diff")
        self.assertEqual((result.exit_code, result.stdout), (0, "nothing would change: /lab/netd.ini is in force\n"))
        self.assertEqual(self.control.calls, [("system.reload", {"check": True})])

    def test_different(self) -> None:
        """Each difference is a line, and the status is 1, with JSON as well."""
        self.control.answers["system.reload"] = MUCH
        result = self.netd("config", "--diff")
        self.assertEqual(
            (result.exit_code, result.stdout.splitlines()[1:3]), (1, ["[room] would be started", "[feed:x] would be stopped"])
        )
        result = self.netd("config", "--diff", "--json")
        self.assertEqual((result.exit_code, json.loads(result.stdout)), (1, MUCH))

    def test_trouble(self) -> None:
        """Mistakes are 78 as ever; a daemon that cannot be asked is no difference, but 2."""
        self.control.answers["system.reload"] = OperationFailed("netd.ini:3: no", -32000)
        result = self.netd("config", "--diff")
        self.assertEqual((result.exit_code, result.stderr), (78, "netd.ini:3: no\na reload would be refused\n"))
        self.control.broken = NotRunning("not here")
        result = self.netd("config", "--diff")
        self.assertEqual((result.exit_code, result.stderr), (2, "Error: not here\n"))

    def test_other_file(self) -> None:
        """The daemon reads its own file: another one cannot be named."""
        result = self.netd("config", "--diff", "-c", "x.ini")
        self.assertEqual((result.exit_code, "leave out -c and --origin" in result.stderr), (2, True))
        self.assertEqual(self.netd("config", "--json").exit_code, 2)

"""Tests of :mod:`netd.cli.status`."""

from __future__ import annotations

import json
import re
from typing import Any

from netd.cli.contexts import Context, Contexts, contexts_file, write_contexts
from tests.cli.fakes import CommandTests, operation

STATUS: dict[str, Any] = {
    "name": "lab",
    "version": "0.1.0",
    "configuration": "/lab/netd.ini",
    "uptime": 125.4,
    "published": 9,
    "services": [
        {
            "kind": "relay",
            "instance": "main",
            "listening": [
                {"address": "127.0.0.1:5050", "reach": "this machine only"},
                {"address": "/run/relay.sock", "reach": "users of this machine"},
            ],
            "connections": 1234,
            "counters": {"accepted": 0, "sent": 7, "refused": {"too long": 2, "silent": 1}, "dropped": {}, "note": "x"},
        },
        {"kind": "relay", "instance": "lab2", "listening": []},
    ],
}


class StatusTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.status"] = STATUS

    def test_table(self) -> None:
        """One look says which daemon it is, where each service listens, who may reach it, and what it has done."""
        result = self.netd("status")
        self.assertEqual(result.exit_code, 0)
        lines = [line.rstrip() for line in result.stdout.splitlines()]
        self.assertEqual(lines[0], "netd 0.1.0 as lab, up 2 min 5 s")
        self.assertRegex(lines[2], "SERVICE +LISTENS ON +WHO MAY REACH IT")
        self.assertRegex(lines[3], r"relay +127\.0\.0\.1:5050 +this machine only$")
        self.assertRegex(lines[4], r" +/run/relay\.sock +users of this machine$")
        self.assertEqual(lines[5], "    1,234 connections; so far: 7 sent, 3 refused")
        self.assertRegex(lines[6], r"relay:lab2 +- +-$")
        self.assertEqual(
            lines[7:],
            [
                "",
                "configuration: /lab/netd.ini",
                "control socket, for this user only: unix:/home/ada/.local/state/netd/control.sock",
            ],
        )

    def test_work(self) -> None:
        """What a service without an endpoint does is shown with its state; below it, what it has done, and what is wrong."""
        recorder = {
            "kind": "recorder",
            "instance": "main",
            "listening": [],
            "connections": 0,
            "work": [{"what": "records to /lab/recorder/main", "how": "paused: 12 MiB of 1 GiB, 30 d"}],
            "reason": "the disk is full: free some space",
            "counters": {"recorded": 157},
        }
        self.control.answers["system.status"] = {**STATUS, "services": [recorder]}
        lines = [line.rstrip() for line in self.netd("status").stdout.splitlines()]
        self.assertRegex(lines[2], "SERVICE +LISTENS ON +WHO MAY REACH IT, OR THE STATE$")
        self.assertRegex(lines[3], r"recorder +records to /lab/recorder/main +paused: 12 MiB of 1 GiB, 30 d$")
        self.assertEqual(lines[4:6], ["    the disk is full: free some space", "    so far: 157 recorded"])

    def test_remotes(self) -> None:
        """What a service dials is shown, with how long it has been connected, or what is wrong and when it is dialled again."""
        remotes = [
            {"remote": "tcp:a:1", "state": "connected", "connected_for": 125.0, "next_attempt": None, "last_failure": "old"},
            {"remote": "tcp:b:1", "state": "waiting", "connected_for": None, "next_attempt": 2.5, "last_failure": "refused: why"},
            {"remote": "tcp:c:1", "state": "dialling", "connected_for": None, "next_attempt": None, "last_failure": None},
            {"remote": "tcp:d:1", "state": "connected, not dialled again", "connected_for": 5.0, "next_attempt": None},
        ]
        services = [{"kind": "bridge", "instance": "main", "dialling": remotes, "counters": {"dials": {"connected": 1}}}]
        self.control.answers["system.status"] = {**STATUS, "services": services}
        lines = [line.rstrip() for line in self.netd("status").stdout.splitlines()]
        self.assertRegex(lines[2], "SERVICE +LISTENS ON +WHO MAY REACH IT, OR THE STATE$")
        self.assertRegex(lines[3], r"bridge +dials tcp:a:1 +connected for 2 min 5 s$")
        self.assertRegex(lines[4], r" +dials tcp:b:1 +waiting, dials again in 3 s$")
        self.assertEqual(lines[5], "    refused: why")
        self.assertRegex(lines[6], r" +dials tcp:c:1 +dialling$")
        self.assertRegex(lines[7], r" +dials tcp:d:1 +connected for 5 s, not dialled again$")
        self.assertEqual(lines[8], "    so far: 1 dial")

    def test_trouble(self) -> None:
        """What is wrong with a service stands below its row."""
        services = [{"kind": "command", "instance": "main", "listening": [], "trouble": "c.py:7: '(' was never closed"}]
        self.control.answers["system.status"] = {**STATUS, "services": services}
        self.assertIn("    c.py:7: '(' was never closed\n", self.netd("status").stdout)

    def test_usage(self) -> None:
        """Memory and open files stand below the table, as far as the daemon tells them."""
        for usage, said in (
            (
                {"memory": 88_289_280, "descriptors": 43, "most_descriptors": 65536},
                "\nmemory: 84.2 MiB; open files: 43 of 65,536\n",
            ),
            ({"memory": None, "descriptors": 43, "most_descriptors": 128}, "\nopen files: 43 of 128\n"),
        ):
            self.control.answers["system.status"] = {**STATUS, "usage": usage}
            self.assertIn(said, self.netd("status").stdout)

    def test_trouble_with_the_state(self) -> None:
        """What is wrong with the state database is told, because promises are refused."""
        for trouble in ("", "/lab/state.db cannot be used: database or disk is full"):
            self.control.answers["system.status"] = {**STATUS, "stored": {"trouble": trouble}}
            said = f"\nwhat a restart is to find again: {trouble}\n"
            self.assertEqual(said in self.netd("status").stdout, bool(trouble))

    def test_state(self) -> None:
        """A daemon that does not serve says so in the first line: how many are connected still, and for how long they may be."""
        draining = {"since": 0.0, "left": None, "connections": 3}
        for state, facts, said in (
            ("serving", None, ""),
            ("stopping", None, "; stopping"),
            ("draining", draining, "; draining: 3 connections are open"),
            ("draining", {**draining, "left": 24.2, "connections": 1}, "; draining: 1 connection is open, closed in 24 s"),
            ("draining", {**draining, "left": 0.0, "connections": 0}, "; draining: 0 connections are open"),
        ):
            self.control.answers["system.status"] = {**STATUS, "state": state, "draining": facts}
            first = self.netd("status").stdout.splitlines()[0]
            self.assertEqual(first.rstrip(), f"netd 0.1.0 as lab, up 2 min 5 s{said}")

    def test_open(self) -> None:
        """Where there are no tokens, the status says what that means."""
        for is_open in (True, False):
            services = [{"kind": "gateway", "instance": "main", "listening": [], "open": is_open}]
            self.control.answers["system.status"] = {**STATUS, "services": services}
            said = (
                "no tokens: everyone on this machine is administrator; `netd token add NAME --role admin` makes one"
                in self.netd("status").stdout
            )
            self.assertEqual(is_open, said)

    def test_narrow(self) -> None:
        """On a narrow terminal no line is folded into noise: each service is one line, and what it does stands below."""
        terminal = {"FORCE_COLOR": "1", "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "50"}
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in self.netd("status", env=terminal).stdout.splitlines()]
        self.assertTrue(all(len(line) <= 50 for line in lines[2:-2]), lines)
        self.assertRegex(lines[3], r"^relay +127\.0\.0\.1:5050 +this mac")

    def test_nothing_to_see(self) -> None:
        """A token that may see no service is told so; so is who runs a netd without any."""
        self.control.answers["system.status"] = {**STATUS, "services": []}
        self.assertIn("\nno services\n", self.netd("status").stdout)
        folder = self.mktemp()
        self.environ["XDG_CONFIG_HOME"] = folder
        write_contexts(contexts_file(self.environ), Contexts().with_context(Context("lab", "http://lab")))
        self.assertIn("\nno services that this token may see\n", self.netd("status", "--context", "lab").stdout)

    def activity(self, **facts: Any) -> str:
        """What is said of a service with these facts."""
        service = {"kind": "relay", "instance": "main", "listening": [{"address": "A", "reach": "R"}], **facts}
        self.control.answers["system.status"] = {**STATUS, "services": [service]}
        return self.netd("status").stdout.splitlines()[4].strip()

    def test_one_and_many(self) -> None:
        """One is one device, two are two devices; words that only look like plurals stay."""
        self.assertEqual(
            self.activity(connections=1, devices=2, counters={"bytes_in": 1}), "1 connection, 2 devices; so far: 1 byte in"
        )
        self.assertEqual(self.activity(busy=1, access=1, bus=1), "1 busy, 1 access, 1 bus")

    def test_there_and_ever(self) -> None:
        """Devices that ever came are not taken for devices that are there."""
        self.assertEqual(self.activity(devices=0, counters={"devices": 1}), "0 devices; so far: 1 device")
        self.assertEqual(self.activity(deliveries=1), "1 delivery")

    def test_counts(self) -> None:
        """A port, and a number with a unit, count nothing; the daemon says which numbers are such, and an older one does not."""
        facts: dict[str, Any] = {"door": 10001, "delay": 2.5, "counters": {"accepted": 3}}
        self.assertEqual(self.activity(**facts), "10,001 door, 2.5 delay; so far: 3 accepted")
        members = {"door": {"type": "integer", "format": "port"}, "delay": {"type": "number", "format": "seconds"}}
        service = {"type": "object", "properties": {"kind": {"const": "relay"}, **members}}
        services = {"type": "array", "items": {"anyOf": [{"type": "object", "properties": {"kind": {"const": "x"}}}, service]}}
        described = {**operation("system.status"), "result": {"type": "object", "properties": {"services": services}}}
        self.control.answers["system.operations"] = [described]
        self.assertEqual(self.activity(**facts), "so far: 3 accepted")
        self.control.answers["system.operations"] = 5
        self.assertEqual(self.activity(connections=1), "1 connection")

    def test_json(self) -> None:
        """Scripts get everything that the daemon says."""
        self.assertEqual(json.loads(self.netd("status", "--json").stdout), STATUS)

    def test_without_uptime(self) -> None:
        """A daemon that does not tell its uptime is shown without one."""
        self.control.answers["system.status"] = {"name": "\x1b[2J", "version": "9", "services": []}
        self.assertEqual(self.netd("status").stdout.splitlines()[0], "netd 9 as \\x1b[2J")

    def test_other_version(self) -> None:
        """A daemon that this command does not understand is an error with a remedy, not a traceback."""
        for answer in ([], {"services": None}):
            self.control.answers["system.status"] = answer
            result = self.netd("status")
            self.assertEqual(result.exit_code, 1)
            self.assertIn("update the older one", result.stderr)

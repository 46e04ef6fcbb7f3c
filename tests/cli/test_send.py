"""Tests of :mod:`netd.cli.send` and :mod:`netd.cli.server`."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from netd.cli.relay import RelayPlace
from netd.client.control import ControlTimeout, NoSuchTarget, OperationFailed, RequestTooLong
from netd.client.relay import ConnectionLost, NotInTime, Outcome
from tests.cli.fakes import TEXT, CommandTests, argument, operation, page


def encoded(payload: bytes) -> str:
    """*payload* as the daemon says it."""
    return base64.b64encode(payload).decode()


class SendTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["relay.send"] = {"status": "sent"}

    def said(self) -> dict[str, Any]:
        """What the daemon was asked last."""
        method, params = self.control.calls[-1]
        self.assertEqual(method, "relay.send")
        return params


class PayloadTests(SendTests):
    def test_text(self) -> None:
        """TEXT goes out as it is typed, an empty one too; what is not said is left to the daemon."""
        self.netd("send", "gh", "hello wörld")
        self.assertEqual(self.said(), {"target": "gh", "text": "hello wörld"})
        self.netd("send", "gh", "")
        self.assertEqual(self.said()["text"], "")

    def test_not_utf8(self) -> None:
        """Bytes of the command line that are no UTF-8 arrive as they are."""
        self.netd("send", "gh", "a\udcff")
        self.assertEqual(self.said(), {"target": "gh", "base64": encoded(b"a\xff")})

    def test_file(self) -> None:
        """--file sends a file's bytes; --file - what is piped in."""
        path = Path(self.mktemp())
        path.write_bytes(b"\x00\xff")
        self.netd("send", "gh", "--file", str(path))
        self.assertEqual(self.said(), {"target": "gh", "base64": encoded(b"\x00\xff")})
        self.netd("send", "gh", "--file", "-", input=b"piped")
        self.assertEqual(self.said(), {"target": "gh", "text": "piped"})

    def test_base64(self) -> None:
        """--base64 sends the bytes that it says; what is none is refused before anything is sent."""
        self.netd("send", "gh", "--base64", "/w==")
        self.assertEqual(self.said(), {"target": "gh", "base64": "/w=="})
        for word in ("?", "a", "ü"):
            result = self.netd("send", "gh", "--base64", word)
            self.assertEqual(result.exit_code, 2)
            self.assertIn("not base64", result.stderr)

    def test_one_payload(self) -> None:
        """Nothing to send, or two things, is wrong usage and says the choices."""
        for arguments in ([], ["hello", "--base64", "aGk="]):
            result = self.netd("send", "gh", *arguments)
            self.assertEqual(result.exit_code, 2)
            self.assertIn("as TEXT, with --file (--file - is standard input) or with --base64", result.stderr)
        self.assertEqual(self.control.calls, [])

    def test_options(self) -> None:
        """Deadline, relay and not waiting reach the daemon; the command waits longer than the deadline."""
        self.netd("send", "gh", "x", "--deadline", "90", "--instance", "lab2", "--no-wait")
        self.assertEqual(self.said(), {"target": "gh", "text": "x", "deadline": 90.0, "instance": "lab2", "wait": False})
        self.assertEqual(self.control.opened[-1][1], 95.0)
        self.netd("send", "gh", "x", "--deadline", "90", "--timeout", "5")
        self.assertEqual(self.control.opened[-1][1], 5.0)

    def test_too_long(self) -> None:
        """A payload that the control socket does not take says the way that takes it."""
        self.control.answers["relay.send"] = RequestTooLong("the request takes 2000000 bytes")
        result = self.netd("send", "gh", "x")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("--server HOST:PORT", result.stderr)


class InstanceTests(SendTests):
    """Two relays run, and the person need not know which of them a device is at."""

    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.operations"] = [
            operation("relay.devices", instances=["lab2", "main"]),
            operation("relay.send", instances=["lab2", "main"]),
        ]
        self.devices: dict[str, list[dict[str, Any]]] = {
            "main": [self.device_named("gh", 5), self.device_named("both", 6), self.device_named("moved", 7, online=False)],
            "lab2": [self.device_named("gh2", 8, "g2"), self.device_named("both", 9), self.device_named("moved", 10)],
        }
        self.control.answers["relay.devices"] = lambda instance, limit: page(self.devices[instance])

    def device_named(self, name: str, port: int, *aliases: str, online: bool = True) -> dict[str, Any]:
        """A device as a relay describes it."""
        return {"name": name, "address": f"('127.0.0.1', {port})", "online": online, "aliases": list(aliases)}

    def test_found(self) -> None:
        """A device is found by name, alias or address, at whichever relay it is connected now."""
        for target, instance in [
            ("gh", "main"),
            ("gh2", "lab2"),
            ("g2", "lab2"),
            ("127.0.0.1:8", "lab2"),
            ("('127.0.0.1', 8)", "lab2"),
            ("moved", "lab2"),
        ]:
            self.assertEqual(self.netd("send", target, "x").exit_code, 0)
            self.assertEqual(self.said(), {"target": target, "text": "x", "instance": instance})

    def test_away(self) -> None:
        """A device that is away is sought where it was."""
        self.devices["lab2"] = []
        self.netd("send", "moved", "x")
        self.assertEqual(self.said()["instance"], "main")

    def test_unknown(self) -> None:
        """A device that no relay knows is exit code 3, with the relays and the command that lists devices; nothing is sent."""
        self.devices["main"].append(self.device_named("", 11))
        for target in ("gh3", "", "8"):
            result = self.netd("send", target, "x")
            said = f"no relay knows {target!r} (--instance can be lab2, main); `netd devices` lists the devices of all"
            self.assertEqual((result.exit_code, result.stderr), (3, f"failed: {said}\n"))
            self.assertEqual(json.loads(self.netd("send", target, "x", "--json").stdout), {"status": "failed", "error": said})
        self.assertNotIn("relay.send", [method for method, _ in self.control.calls])

    def test_at_several(self) -> None:
        """A name that two relays know is not guessed; --instance settles it, and then nobody is asked."""
        result = self.netd("send", "both", "x")
        self.assertEqual(result.exit_code, 2)
        self.assertEqual(result.stderr, "Error: 'both' is a device of several relays: choose one with --instance: lab2, main\n")
        self.control.calls.clear()
        self.netd("send", "both", "x", "--instance", "lab2")
        self.assertEqual(self.control.calls, [("relay.send", {"target": "both", "text": "x", "instance": "lab2"})])

    def test_cluster(self) -> None:
        """In a cluster, the only relay asks the other nodes itself; where none runs, or several, the list of all nodes tells."""
        for own in (["main"], ["main", "lab2"], []):
            self.control.answers["system.operations"] = [
                operation("relay.devices", instances=[*own, "main@B"]),
                operation("cluster.devices", instances=["main"]),
            ]
            rows = [{**self.device_named("gh", 5), "node": "B", "instance": "main"}]
            self.control.answers["cluster.devices"] = page(
                [*rows, {**self.device_named("oven", 6), "node": "A", "instance": "lab2"}]
            )
            self.netd("send", "gh", "x")
            self.assertEqual(self.said().get("instance"), None if own == ["main"] else "main@B")
        self.netd("send", "oven", "x")
        self.assertEqual(self.said()["instance"], "lab2")

    def test_name_at_node(self) -> None:
        """NAME@NODE goes to the relay of that node, from a node without a relay, and from one with several; listed or not."""
        rows = [{**self.device_named("gh", port), "node": node, "instance": "main"} for port, node in ((5, "A"), (6, "B"))]
        whole = {**self.device_named("odd@A", 7), "node": "B", "instance": "main"}
        self.control.answers["cluster.devices"] = page([*rows, whole])
        for own in ([], ["main", "lab2"]):
            self.control.answers["system.operations"] = [
                operation("relay.devices", instances=[*own, "main@A", "main@B", "lab@D", "main@D"]),
                operation("cluster.devices", instances=["main"]),
            ]
            for target, instance, there in (
                ("gh@B", "main@B", "gh"),
                ("gh@A", "main@A", "gh"),
                ("unlisted@B", "main@B", "unlisted"),
                ("odd@A", "main@B", "odd@A"),
            ):
                self.netd("send", target, "x")
                self.assertEqual(self.said(), {"target": there, "text": "x", "instance": instance})
            for target in ("gh@C", "gh@D"):
                self.assertIn(f"no relay knows '{target}'", self.netd("send", target, "x").stderr)

    def test_no_relay_and_nobody_there(self) -> None:
        """A node of a cluster without a relay, which can reach no other, is not told to have one."""
        self.control.answers["system.operations"] = [operation("cluster.devices", instances=["main"])]
        result = self.netd("send", "gh", "x")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("no other node with one can be reached now; `netd nodes`", result.stderr)

    def test_no_relay(self) -> None:
        """Without a relay the remedy is said."""
        self.control.answers["system.operations"] = []
        result = self.netd("send", "gh", "x")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("add a section [relay]", result.stderr)


class OutcomeTests(SendTests):
    def check(self, answer: Any, code: int, stdout: str, stderr: str = "") -> None:
        """Assert how the command ends when the daemon gives *answer*."""
        self.control.answers["relay.send"] = answer
        result = self.netd("send", "gh", "x")
        self.assertEqual((result.exit_code, result.stdout, result.stderr), (code, stdout, stderr))

    def test_each(self) -> None:
        """Each outcome is told as what it is, by word and by exit code."""
        self.check({"status": "sent"}, 0, "sent\n")
        self.check({"status": "acknowledged", "answer": encoded(b"21 C")}, 0, "acknowledged\n21 C\n")
        self.check({"status": "acknowledged", "answer": ""}, 0, "acknowledged\n")
        self.check({"status": "queued"}, 0, "queued: gh is away, and gets it when it comes back\n")
        self.check({"status": "expired", "error": "late"}, 124, "", "expired: gh did not answer in time\n")
        self.check({"status": "failed", "error": "it refused"}, 1, "", "failed: it refused\n")
        self.check({"status": "failed"}, 1, "", "failed: no reason was given\n")
        self.check({"status": "failed", "error": "no", "answer": encoded(b"why")}, 1, "why\n", "failed: no\n")
        self.check({"status": "failed", "error": "no", "known": "no"}, 1, "", "failed: no (the device has not got it)\n")
        self.check({"status": "failed", "error": "no", "known": "yes"}, 1, "", "failed: no\n")
        late = "expired: gh did not answer in time (the device may have got it)\n"
        self.check({"status": "expired", "error": "late", "known": "maybe"}, 124, "", late)
        self.check({"status": "lost"}, 1, "", "lost: no reason was given\n")

    def test_errors(self) -> None:
        """No such device is 3, an unanswered command 124, any other error 1."""
        self.check(
            NoSuchTarget("no device 'gh'; `relay.devices` lists them", -32001),
            3,
            "",
            "failed: no device 'gh'; `netd devices` lists them\n",
        )
        later = "it may still reach the device, as a queued one does: `netd audit` tells what became of it"
        self.check(ControlTimeout("netd did not answer"), 124, "", f"Error: netd did not answer; {later}\n")
        self.check(OperationFailed("no", -32000), 1, "", "Error: no\n")

    def test_hostile_answer(self) -> None:
        """A device's answer keeps its lines and cannot drive the terminal."""
        self.check({"status": "acknowledged", "answer": encoded(b"a\n\x1b[2J\xff")}, 0, "acknowledged\na\n\\x1b[2J\\xff\n")
        self.check({"status": "failed", "error": "\x1b[2J"}, 1, "", "failed: \\x1b[2J\n")

    def test_not_an_outcome(self) -> None:
        """A daemon that answers something else is an error, never taken for success."""
        for answer in (
            None,
            [],
            {"status": 5},
            {"status": "acknowledged", "answer": "?"},
            {"status": "acknowledged", "answer": 5},
        ):
            self.control.answers["relay.send"] = answer
            result = self.netd("send", "gh", "x")
            self.assertEqual((result.exit_code, result.stdout), (1, ""))
            self.assertIn("Error: ", result.stderr)

    def test_json(self) -> None:
        """Scripts get the outcome with the answer's bytes, failures and unknown devices included, and the same exit codes."""
        for answer, code, told in [
            ({"status": "sent"}, 0, {"status": "sent"}),
            (
                {"status": "acknowledged", "answer": encoded(b"hi")},
                0,
                {"status": "acknowledged", "answer": encoded(b"hi"), "text": "hi"},
            ),
            ({"status": "acknowledged", "answer": encoded(b"\xff")}, 0, {"status": "acknowledged", "answer": encoded(b"\xff")}),
            *(
                ({"status": "expired", "error": "late", **known}, 124, {"status": "expired", "error": "late", **known})
                for known in ({}, {"known": "yes"})
            ),
            (NoSuchTarget("none", -32001), 3, {"status": "failed", "error": "none"}),
        ]:
            self.control.answers["relay.send"] = answer
            result = self.netd("send", "gh", "x", "--json")
            self.assertEqual((result.exit_code, json.loads(result.stdout)), (code, told))


class ServerTests(CommandTests):
    def send(self, *more: str) -> Any:
        """Send over a relay's own port."""
        return self.netd("send", "gh", "x", "--server", "lab:5051", *more)

    def ring(self) -> None:
        """Let the time be up."""
        self.alarms[-1][1]()

    def test_outcomes(self) -> None:
        """Over a relay's own port the outcomes are the same, for new servers and old."""
        for outcome, code, output in [
            (Outcome("sent"), 0, "sent\n"),
            (Outcome("acknowledged", b"ok"), 0, "acknowledged\nok\n"),
            (Outcome("expired"), 124, "expired: gh did not answer in time\n"),
            (Outcome("failed", error="no such device"), 3, "failed: no such device\n"),
            (Outcome("failed", error="target not found"), 3, "failed: target not found\n"),
            (Outcome("failed", error="device disconnected"), 1, "failed: device disconnected\n"),
        ]:
            self.controller.outcome = outcome
            result = self.send("--deadline", "2")
            self.assertEqual((result.exit_code, result.output), (code, output))
        self.assertEqual(self.controller.place, RelayPlace("lab", 5051))
        self.assertEqual(self.controller.sent[0], ("gh", b"x", 2.0))

    def test_dialect(self) -> None:
        """An old server is asked in its own dialect when the person says so, or when it has turned out to be old lately."""
        self.environ["XDG_CACHE_HOME"] = self.mktemp()
        for dialect in ("old", "netd"):
            self.send("--dialect", dialect)
        self.controller.dialect = "old"
        for _ in range(2):
            self.send()
        self.netd("devices", "--server", "lab:5051")
        self.netd("devices", "--server", "lab:5051", "--dialect", "netd")
        self.netd("devices", "--server", "lab:5052")
        self.assertEqual(self.controller.dialects, ["old", "netd", "auto", "old", "old", "netd", "auto"])

    def test_dialect_of_nobody(self) -> None:
        """A server that could not be reached is not taken for an old one."""
        self.environ["XDG_CACHE_HOME"] = self.mktemp()
        self.controller.dialect = ""
        for _ in range(2):
            self.send()
        self.assertEqual(self.controller.dialects, ["auto", "auto"])

    def test_empty_answer(self) -> None:
        """A script can tell an empty answer from none."""
        self.controller.outcome = Outcome("acknowledged")
        self.assertEqual(json.loads(self.send("--json").stdout), {"status": "acknowledged", "answer": "", "text": ""})
        self.controller.outcome = Outcome("sent")
        self.assertEqual(json.loads(self.send("--json").stdout), {"status": "sent"})

    def test_daemon_options(self) -> None:
        """What only the running daemon can do is refused, not ignored."""
        for more in (["--instance", "lab2"], ["--no-wait"]):
            result = self.send(*more)
            self.assertEqual(result.exit_code, 2)
            self.assertIn("leave them out with --server", result.stderr)

    def test_errors(self) -> None:
        """What goes wrong on the way is one line, a late relay exit code 124."""
        self.controller.outcome = ValueError("'5' is not a whole address")
        self.assertEqual(self.send().exit_code, 1)
        self.controller.outcome = NotInTime("the relay did not answer in time")
        result = self.send()
        self.assertEqual((result.exit_code, result.stderr), (124, "Error: the relay did not answer in time\n"))

    def test_timeout(self) -> None:
        """--timeout hangs up on a relay that does not answer, and says so; without it no alarm is set."""
        self.send()
        self.assertEqual(self.alarms, [])
        self.controller.before = self.ring
        self.controller.outcome = ConnectionLost("closed")
        result = self.send("--timeout", "3")
        self.assertEqual((result.exit_code, self.alarms[0][0], self.alarms_off), (124, 3.0, 1))
        self.assertEqual(result.stderr, "Error: the relay at lab:5051 did not answer within 3 s\n")

    def test_timeout_after_writing(self) -> None:
        """A relay that took the request and then fell silent: its fate is unknown, and the code says that time is up."""
        self.controller.before = self.ring
        self.controller.outcome = Outcome("failed", error="closed; it is unknown whether this reached gh")
        result = self.send("--timeout", "3")
        self.assertEqual(result.exit_code, 124)
        self.assertIn("unknown whether", result.stderr)

    def test_bad_place(self) -> None:
        """A place that is none is refused with an example."""
        for word in ("lab:", "lab:0", "lab:x", "lab:70000", ":5050", ""):
            result = self.netd("devices", "--server", word)
            self.assertEqual(result.exit_code, 2, word)
            self.assertIn("is not HOST:PORT", result.stderr)

    def test_places(self) -> None:
        """IPv6 goes in brackets, and the relay's usual port need not be said."""
        for word, where in [
            ("[::1]:7", RelayPlace("::1", 7)),
            ("[::1]", RelayPlace("::1", 5050)),
            ("lab", RelayPlace("lab", 5050)),
        ]:
            self.netd("devices", "--server", word)
            self.assertEqual(self.controller.place, where)


class WireTests(CommandTests):
    """Wires run beside a relay: a name is one thing, or the person says which."""

    def setUp(self) -> None:
        super().setUp()
        wires = ["shed", "lab@B"]
        self.table = [
            operation("relay.devices"),
            operation("relay.send"),
            operation("wire.peers", instances=wires),
            operation("wire.send", instances=wires),
        ]
        self.control.answers["system.operations"] = self.table
        self.control.answers["relay.devices"] = page([self.row("fan", True), self.row("both", True), self.row("old", False)])
        self.control.answers["relay.send"] = {"status": "sent"}
        self.control.answers["wire.send"] = {"name": "x", "answer": ""}
        self.peers = {"shed": ["greenhouse", "both", "two", "old"], "lab@B": ["two", "far", "greenhouse2"]}
        self.control.answers["wire.peers"] = lambda instance, contains, state, limit: page(
            [self.row(name, True) for name in self.peers[instance] if contains in name]
        )

    def row(self, name: str, online: bool) -> dict[str, Any]:
        """A device or a peer."""
        return {"name": name, "address": "('127.0.0.1', 5)", "online": online, "aliases": []}

    def sent(self) -> tuple[str, dict[str, Any]]:
        """What was called last."""
        return self.control.calls[-1]

    def test_found(self) -> None:
        """A peer is found by its name, at whichever wire it is, also on another node; or named with its wire."""
        for target, instance, name in (
            ("greenhouse", "shed", "greenhouse"),
            ("far", "lab@B", "far"),
            ("two@B", "lab@B", "two"),
            ("old", "shed", "old"),
            ("wire.shed.two", "shed", "two"),
            ("wire.shed.192.168.1.20", "shed", "192.168.1.20"),
            ("wire.lab@B.two", "lab@B", "two"),
        ):
            result = self.netd("send", target, "on")
            self.assertEqual((0, "sent\n"), (result.exit_code, result.stdout), target)
            self.assertEqual(("wire.send", {"instance": instance, "name": name, "text": "on"}), self.sent())

    def test_operations(self) -> None:
        """An operation about a peer finds its wire, too, where no wire is the main one; else it says how to name one."""
        wires = ["lab", "shed", "lab@B"]
        asking = operation("wire.ask", argument("name", TEXT), argument("text", TEXT), instances=wires)
        self.control.answers["system.operations"] = [*self.table, asking]
        self.control.answers["wire.ask"] = {"name": "greenhouse", "answer": "5"}
        self.peers["lab"] = ["two"]
        self.netd("wire", "ask", "greenhouse", "T?")
        self.assertEqual(("wire.ask", {"instance": "shed", "name": "greenhouse", "text": "T?"}), self.sent())
        for name, words in (("nobody", "no peer 'nobody' is connected to any"), ("two", "several wires run")):
            result = self.netd("wire", "ask", name, "T?")
            told = f"Error: {words}: say which wire by --instance lab or shed\n"
            self.assertEqual((2, told), (result.exit_code, result.stderr))

    def test_lists(self) -> None:
        """A list of which none is the main one is that of each wire; as JSON, by their names."""
        wires = ["lab", "shed", "lab@B"]
        self.control.answers["system.operations"] = [operation("wire.rules", role="viewer", instances=wires)]
        self.control.answers["wire.rules"] = lambda instance: [{"rule": f"ignore {instance}", "taken": 1}]
        lines = self.netd("wire", "rules").stdout.splitlines()
        self.assertEqual(["[wire:lab]", "[wire:shed]"], lines[::3])
        self.assertIn("ignore shed", lines[-1])
        found = json.loads(self.netd("--json", "wire", "rules").stdout)
        self.assertEqual(["lab", "shed"], sorted(found))

    def test_devices(self) -> None:
        """What no wire has is a device, as before; so is what --instance says."""
        for arguments in (["fan", "on"], ["unknown", "on"], ["wire.none.x", "on"], ["both", "on", "--instance", "main"]):
            self.netd("send", *arguments)
            self.assertEqual("relay.send", self.sent()[0], arguments)

    def test_ambiguous(self) -> None:
        """A name that two have is not guessed."""
        for target, words in (
            ("two", "'two' is a peer of several wires: write which one: wire.lab@B.two, wire.shed.two"),
            (
                "both",
                "'both' is a device of a relay and a peer of a wire: write wire.shed.both for the peer, or --instance RELAY",
            ),
        ):
            result = self.netd("send", target, "on")
            self.assertEqual((2, f"Error: {words}\n"), (result.exit_code, result.stderr))
            self.assertNotIn(self.sent()[0], ("wire.send", "relay.send"))

    def test_outcomes(self) -> None:
        """An acknowledgement is shown; what failed says why, and has its exit code."""
        self.control.answers["wire.send"] = {"name": "x", "answer": "OK 7"}
        self.assertEqual("acknowledged\nOK 7\n", self.netd("send", "greenhouse", "on").stdout)
        for error, code in (
            (OperationFailed("no answer within 2 s", -32000), 1),
            (NoSuchTarget("no peer 'x' is connected", -32001), 3),
        ):
            self.control.answers["wire.send"] = error
            result = self.netd("send", "wire.shed.x", "on")
            self.assertEqual((code, f"failed: {error}\n"), (result.exit_code, result.stderr))
        self.control.answers["wire.send"] = {"nonsense": 1}
        self.assertIn("unknown form", self.netd("send", "greenhouse", "on").stderr)

    def test_misused(self) -> None:
        """Bytes that are no text, and options of relays, are refused before anything is sent."""
        self.assertIn("a wire takes text", self.netd("send", "greenhouse", "--base64", "/w==").stderr)
        self.assertIn("are for devices", self.netd("send", "greenhouse", "on", "--no-wait").stderr)
        self.assertNotEqual("wire.send", self.sent()[0])

    def test_no_relay(self) -> None:
        """Where there are wires alone, an unknown name says how to list the peers."""
        self.control.answers["system.operations"] = self.table[2:]
        result = self.netd("send", "gh", "x")
        self.assertEqual(
            (3, "failed: no peer of a wire is called 'gh'; `netd wire peers` lists them\n"), (result.exit_code, result.stderr)
        )

"""Tests of :mod:`netd.cli.generated` and :mod:`netd.cli.table`: commands that come from the daemon's table of operations."""

from __future__ import annotations

import json
import re
from pathlib import Path

from netd.client.control import InvalidArguments, NoSuchOperation, NoSuchTarget, NotRunning
from tests.cli.fakes import NOW, TABLE, TEXT, CommandTests, FakeControl, argument, operation


class CallTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["room.end"] = {"status": "ended", "bots": 4}

    def test_arguments(self) -> None:
        """Required arguments stand in order, the others are options in either spelling, each of its own type."""
        result = self.netd("room", "end", "7", "--max-count", "5", "--instance", "lab2")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual(self.control.calls[-1], ("room.end", {"room": "7", "max_count": 5, "instance": "lab2"}))
        self.netd("room", "end", "x", "--max_count", "6")
        self.assertEqual(self.control.calls[-1], ("room.end", {"room": "x", "max_count": 6}))

    def test_default_is_the_daemons(self) -> None:
        """What is not said is not sent: the daemon's default holds."""
        self.netd("room", "end", "x")
        self.assertEqual(self.control.calls[-1], ("room.end", {"room": "x"}))

    def test_result(self) -> None:
        """The result is shown for a person, or as JSON before and after the command."""
        self.assertEqual(
            [line.split() for line in self.netd("room", "end", "x").stdout.splitlines()], [["status", "ended"], ["bots", "4"]]
        )
        for arguments in (["room", "end", "x", "--json"], ["--json", "room", "end", "x"]):
            self.assertEqual(json.loads(self.netd(*arguments).stdout), {"status": "ended", "bots": 4})

    def test_switches(self) -> None:
        """What is true or false is an option that is there, or there with no-; what is not said is not sent."""
        yes = argument("wait", {"type": "boolean"}, default=True)
        maybe = argument("keep_all", {"anyOf": [{"type": "boolean"}, {"type": "null"}]}, default=None)
        self.control.answers["system.operations"] = [operation("kiln.heat", yes, maybe)]
        self.control.answers["kiln.heat"] = None
        for words, said in (
            ([], {}),
            (["--wait"], {"wait": True}),
            (["--no-wait", "--keep-all"], {"wait": False, "keep_all": True}),
            (["--no-keep_all"], {"keep_all": False}),
        ):
            result = self.netd("kiln", "heat", *words)
            self.assertEqual((result.exit_code, self.control.calls[-1]), (0, ("kiln.heat", said)), result.output)
        self.assertEqual(self.netd("kiln", "heat", "--wait", "false").exit_code, 2)
        told = self.netd("kiln", "heat", "--help").stdout
        self.assertIn("--wait / --no-wait", told)
        self.assertIn("[default: --wait]", told)
        self.assertIn("[--wait|--no-wait] [--keep-all|--no-keep-all]", self.netd("operations").stdout)

    def test_new_service(self) -> None:
        """A service that this command has never heard of works at once."""
        self.control.answers["system.operations"] = [operation("kiln.heat.up", argument("to", {"type": "number"}))]
        self.control.answers["kiln.heat.up"] = None
        result = self.netd("kiln", "heat.up", "900.5")
        self.assertEqual((result.exit_code, result.stdout), (0, "done\n"))
        self.assertEqual(self.control.calls[-1], ("kiln.heat.up", {"to": 900.5}))

    def test_wrong_type(self) -> None:
        """A word of the wrong type is refused with what is wanted, and nothing is called."""
        result = self.netd("room", "end", "x", "--max-count", "many")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("must be whole number, not 'many'", result.stderr)
        self.assertEqual([method for method, _ in self.control.calls], ["system.operations"])

    def test_missing_argument(self) -> None:
        """A missing argument is named."""
        result = self.netd("room", "end")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("ROOM", result.stderr)

    def test_failed_result(self) -> None:
        """A result that says itself that it failed, or expired, is no success for a script."""
        for status, code in [("failed", 1), ("expired", 124), ("sent", 0)]:
            self.control.answers["relay.send"] = {"status": status}
            self.assertEqual(self.netd("relay", "send", "gh").exit_code, code)

    def test_remote_error(self) -> None:
        """What the daemon refuses ends the command as everywhere."""
        self.control.answers["room.end"] = NoSuchTarget("no room 'x'", -32001)
        result = self.netd("room", "end", "x")
        self.assertEqual((result.exit_code, result.stderr), (3, "Error: no room 'x'\n"))

    def test_remedy_is_a_command(self) -> None:
        """What lists the things is told as a command that can be typed here."""
        self.control.answers["room.end"] = NoSuchTarget("no room 'x'; `room.list` lists them", -32001)
        result = self.netd("room", "end", "x")
        self.assertEqual((result.exit_code, result.stderr), (3, "Error: no room 'x'; `netd room list` lists them\n"))

    def test_deadline_extends_the_wait(self) -> None:
        """The command waits for an operation as long as its deadline asks, null being none."""
        self.control.answers["relay.send"] = {"status": "sent"}
        self.netd("relay", "send", "gh", "--deadline", "100")
        self.assertEqual(self.control.opened[-1][1], 105.0)
        self.netd("relay", "send", "gh", "--deadline", "null")
        self.assertEqual(self.control.opened[-1][1], 30.0)
        self.assertEqual(self.control.calls[-1], ("relay.send", {"target": "gh", "deadline": None}))

    def test_colliding_names(self) -> None:
        """An operation's own arguments may be called like netd's options; those are said before the service then."""
        names = ["instance", "timeout", "json", "state", "help"]
        self.control.answers["system.operations"] = [operation("odd.one", *(argument(name, TEXT, default="") for name in names))]
        self.control.answers["odd.one"] = True
        said = [word for name in names for word in (f"--{name}", f"my {name}")]
        result = self.netd("--json", "odd", "one", *said)
        self.assertEqual((result.exit_code, result.stdout), (0, "true\n"))
        self.assertEqual(self.control.calls[-1], ("odd.one", {name: f"my {name}" for name in names}))


class EventsTests(CommandTests):
    def test_last_events(self) -> None:
        """Kept and past events are shown by their schemas; a daemon that lists none shows them as they were published."""
        event = {"subject": "feed.main.report", "time": NOW, "data": {"seconds": 90}}
        schema = {"type": "object", "properties": {"seconds": {"type": "number", "format": "seconds"}}}
        operations = [operation("bus.last"), operation("history.events")]
        self.control.answers |= {"system.operations": operations, "bus.last": [event], "history.events": [event]}
        self.control.answers["system.subjects"] = [{"subject": "feed.*.report", "schema": schema}]
        self.assertIn("seconds 1 min 30 s", self.netd("bus", "last").stdout)
        self.assertIn("seconds 1 min 30 s", self.netd("history", "events").stdout)
        self.control.answers["system.subjects"] = NoSuchOperation("no operation 'system.subjects'", -32601)
        self.assertIn("seconds 90", self.netd("bus", "last").stdout)


class InstanceTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["relay.devices"] = []
        self.control.answers["system.operations"] = [
            operation("relay.devices", role="viewer", instances=["lab2", "main"]),
            operation("room.list", instances=["a", "b"]),
        ]

    def test_others_are_told(self) -> None:
        """Who names none of several gets main, and learns that there are others; a pipe gets the result alone."""
        result = self.netd("relay", "devices")
        self.assertEqual((result.exit_code, result.stdout), (0, "none\n"))
        self.assertEqual(result.stderr, "netd: this is the instance main; choose lab2 with --instance\n")
        self.assertEqual(self.control.calls[-1], ("relay.devices", {}))

    def test_other_nodes(self) -> None:
        """Who lists something learns that other nodes have such lists; who asks for something else, or names a node, does not."""
        instances = ["main", "main@b", "main@shed"]
        self.control.answers["room.list"] = self.control.answers["room.end"] = []
        self.control.answers["system.operations"] = [
            operation("room.list", instances=instances),
            operation("room.end", instances=instances),
        ]
        told = "netd: this is the list of this node; --on b or shed has another one\n"
        self.assertEqual(told, self.netd("room", "list").stderr)
        for words in (["room", "end"], ["room", "list", "--on", "b"], ["room", "list", "--instance", "main"]):
            self.assertEqual("", self.netd(*words).stderr)

    def test_chosen(self) -> None:
        """Who has chosen is told nothing; where there is no main, the daemon says what to choose from."""
        self.assertEqual(self.netd("relay", "devices", "--instance", "main").stderr, "")
        self.control.answers["room.list"] = InvalidArguments("room.list has the instances a, b; say which", -32602)
        result = self.netd("room", "list")
        self.assertEqual((result.exit_code, result.stderr), (2, "Error: room.list has the instances a, b; say which\n"))


class PlaceTests(CommandTests):
    """Which daemon is asked for the commands that it offers: the one that the line names, wherever on it."""

    def setUp(self) -> None:
        super().setUp()
        self.control.answers["room.end"] = {"status": "ended"}

    def asked(self) -> set[tuple[str, float]]:
        """Which daemons were asked, and with what patience."""
        return {(str(path.parent), timeout) for path, timeout in self.control.opened}

    def test_options(self) -> None:
        """--state, --timeout and --json are heeded before the service, after it and after the verb; none is passed over."""
        said = ["--state", "/there", "--timeout=2", "--json"]
        for arguments in (
            [*said, "room", "end", "x"],
            ["room", *said, "end", "x"],
            ["room", "end", *said, "x"],
            ["room", "end", "x", *said],
            ["room", "end", "x", "--state=/there", "--timeout", "2", "--json"],
        ):
            self.control.opened.clear()
            result = self.netd(*arguments)
            self.assertEqual((result.exit_code, self.asked()), (0, {("/there", 2.0)}), result.output)
            self.assertEqual(json.loads(result.stdout), {"status": "ended"})

    def test_context(self) -> None:
        """So is --context: one that is not there is named, also where a daemon of this machine would have answered."""
        result = self.netd("room", "end", "x", "--context", "nowhere")
        self.assertEqual((result.exit_code, "no context 'nowhere'" in result.stderr), (3, True))
        self.assertEqual({method for method, _ in self.control.calls}, {"system.operations"})

    def test_wrong(self) -> None:
        """An option that is wrong is refused as everywhere, and nothing is called."""
        for words in (["--timeout", "soon"], ["--state"], ["--bogus"]):
            self.assertEqual(self.netd("room", "end", "x", *words).exit_code, 2)
        self.assertEqual({method for method, _ in self.control.calls}, {"system.operations"})

    def test_no_option(self) -> None:
        """After -- a word that looks like an option is none."""
        self.assertEqual(self.netd("room", "end", "--", "--state=x").exit_code, 0)
        self.assertEqual(self.control.calls[-1], ("room.end", {"room": "--state=x"}))
        self.assertNotIn(("x", 30.0), self.asked())

    def test_own_flag(self) -> None:
        """Where the operation has an argument of that name, the word is that, and the usual daemon is asked."""
        self.control.answers["system.operations"] = [operation("odd.one", argument("state", TEXT, default=""))]
        self.control.answers["odd.one"] = None
        self.assertEqual(self.netd("odd", "one", "--state", "solid").exit_code, 0)
        self.assertEqual(self.control.calls[-1], ("odd.one", {"state": "solid"}))
        usual = "/home/ada/.local/state/netd"
        self.assertEqual([str(path.parent) for path, _ in self.control.opened], ["solid", usual, usual])

    def test_own_flag_that_is_no_place(self) -> None:
        """So it is where no daemon has that place; where a place was meant, it is the daemon there that is missed."""
        own = self.control.open

        def open_control(path: Path, timeout: float) -> FakeControl:
            if str(path.parent) in self.away:
                raise NotRunning(f"no socket at {path}")
            return own(path, timeout)

        self.control.open = open_control  # type: ignore[method-assign]
        self.away = {"solid"}
        self.control.answers["system.operations"] = [*TABLE, operation("odd.one", argument("state", TEXT, default=""))]
        self.control.answers["odd.one"] = None
        self.assertEqual(self.netd("odd", "one", "--state", "solid").exit_code, 0)
        result = self.netd("room", "end", "x", "--state", "solid")
        self.assertEqual((result.exit_code, "no socket at solid/control.sock" in result.stderr), (1, True), result.output)
        self.away.add("/home/ada/.local/state/netd")
        for words in (["odd", "one", "--state", "solid"], ["room", "end", "x"]):
            self.assertEqual(self.netd(*words).exit_code, 1)


class LastingTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        lasting = [operation("relay.attach"), operation("kiln.watch"), operation("bus.subscribe")]
        self.control.answers["system.operations"] = [*TABLE, *({**one, "lasting": True} for one in lasting)]

    def test_refused(self) -> None:
        """What would end with the command is no command: it is refused with what does the like, and not called."""
        for words, instead in (
            (["bus", "subscribe", "x"], "`netd tail PATTERN`"),
            (["relay", "attach"], "`netd device --name NAME`"),
            (["kiln", "watch"], "a WebSocket of the gateway"),
        ):
            result = self.netd(*words)
            self.assertEqual((result.exit_code, instead in result.stderr), (2, True), result.output)
        self.assertEqual({method for method, _ in self.control.calls}, {"system.operations"})

    def test_not_listed(self) -> None:
        """Help does not offer it."""
        self.assertNotIn("attach", self.netd("relay", "--help").stdout)
        shown = self.netd("--help").stdout
        self.assertIn("relay   devices, send\n", shown)
        self.assertNotIn("kiln", shown)


class HelpTests(CommandTests):
    def test_service(self) -> None:
        """``netd SERVICE --help`` lists its operations with what they do."""
        result = self.netd("room", "--help")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("end  What room.end does", result.stdout)

    def test_operation(self) -> None:
        """``netd SERVICE VERB --help`` says each argument, its type and its default."""
        text = self.netd("room", "end", "--help").stdout
        self.assertIn("ROOM is text.", text)
        self.assertRegex(text, r"--max-count, --max_count INTEGER\s+Whole number\. \[default: 3\]")
        self.assertRegex(text, r"--instance NAME +Which one: main\.")
        self.assertIn("--timeout", text)


class UnknownTests(CommandTests):
    def test_service(self) -> None:
        """A name that is neither a command nor a service is exit code 3, with the nearest of both kinds."""
        result = self.netd("rely", "send")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("did you mean relay", result.stderr)
        self.assertIn("did you mean status?", self.netd("statsu").stderr)
        self.assertNotIn("did you mean", self.netd("xyzzy").stderr)

    def test_no_section(self) -> None:
        """Operations beside a command of netd's own, whose section is missing: the section is named."""
        result = self.netd("history", "events")
        self.assertEqual((result.exit_code, "no section [recorder] runs; add one" in result.stderr), (3, True), result.stderr)

    def test_option_before_the_command(self) -> None:
        """An option of an operation that stands too early is told where it belongs; one cut short, what it may be."""
        result = self.netd("--instance", "oven", "instrument", "ask")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("stands after it: netd SERVICE VERB --instance.\n", result.stderr)
        self.assertIn("Did you mean '--state'?", self.netd("--stat", "x", "status").stderr)

    def test_operation(self) -> None:
        """So is a verb that the service has not."""
        result = self.netd("relay", "sned", "x")
        self.assertEqual(result.exit_code, 3)
        self.assertEqual(result.stderr, "Error: no operation relay.sned (did you mean send?)\n")
        self.assertIn("`netd relay --help` lists", self.netd("relay", "xyzzy").stderr)

    def test_option_is_no_verb(self) -> None:
        """A mistyped option of a service is wrong usage."""
        self.assertEqual(self.netd("relay", "--bogus").exit_code, 2)

    def test_unprintable(self) -> None:
        """A command of control characters is refused without asking anybody, and without printing them."""
        result = self.netd("\x1b[2J")
        self.assertEqual(result.exit_code, 2)
        self.assertNotIn("\x1b", result.output)
        self.assertEqual(self.control.calls, [])

    def test_not_running(self) -> None:
        """Without a daemon the command says so first, and how to start it; then that it would need one."""
        self.control.broken = NotRunning("netd is not running here: start it with `netd run`")
        result = self.netd("relay", "devices")
        self.assertEqual(result.exit_code, 1)
        first = "Error: netd is not running here: start it with `netd run`; "
        self.assertEqual(
            result.stderr,
            f"{first}relay is asked of the daemon: netd has no command of that name (did you mean replay or reload?)\n",
        )


class OperationsTests(CommandTests):
    def test_table(self) -> None:
        """``netd operations`` lists each operation with its arguments as they are written."""
        lines = self.netd("operations").stdout.splitlines()
        self.assertRegex(lines[0], "OPERATION +ROLE +INSTANCES +SUMMARY")
        self.assertEqual(lines[-1], "Roles: a viewer looks, an operator acts on devices and sessions, an admin on the daemon.")
        self.assertRegex(lines[2], r"relay\.send +operator +main +What relay\.send does")
        self.assertEqual(lines[3], "    TARGET [--deadline NUMBER]")
        self.assertFalse([line for line in lines if "*" in line])

    def test_lasting(self) -> None:
        """What a command cannot do is listed with a mark, which is explained."""
        self.control.answers["system.operations"] = [*TABLE, {**operation("relay.attach"), "lasting": True}]
        shown = self.netd("operations").stdout
        self.assertRegex(shown, r"(?m)^relay\.attach\* ")
        self.assertRegex(shown, r"(?m)^\* lasts as long as the connection .* `netd tail`")

    def test_json(self) -> None:
        """Scripts get the table with its schemas."""
        self.assertEqual(json.loads(self.netd("operations", "--json").stdout), TABLE)

    def test_wraps(self) -> None:
        """On a terminal no line is wider than that; in a pipe each operation is a line without blanks at its end."""
        terminal = {"FORCE_COLOR": "1", "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "70"}
        for line in self.netd("operations", env=terminal).stdout.splitlines()[:-2]:
            self.assertLessEqual(len(re.sub(r"\x1b\[[0-9;]*m", "", line)), 70)
        lines = self.netd("operations", env={"COLUMNS": "70"}).stdout.splitlines()
        self.assertEqual(len(lines), len(TABLE) + 6)  # the names, two lines of arguments, three below
        self.assertEqual(lines, [line.rstrip() for line in lines])

    def test_other_version(self) -> None:
        """A table that this command does not understand is an error with a remedy."""
        for answer in (None, [{}], [5], [{**TABLE[1], "arguments": [{"name": "x"}]}]):
            self.control.answers["system.operations"] = answer
            result = self.netd("operations")
            self.assertEqual(result.exit_code, 1)
            self.assertIn("update the older one", result.stderr)

"""Tests of :mod:`netd.cli.call` and :mod:`netd.cli.command`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from netd.cli.command import command_place, open_caller
from netd.cli.invocation import CliSurroundings
from netd.cli.relay import RelayPlace
from netd.client import control
from netd.client.command import Caller, CommandError, CommandFailed, NotConnected, NotInTime
from netd.client.control import InvalidArguments, NoSuchTarget, OperationFailed
from tests.cli.fakes import CommandTests

LISTED = [
    {"command_id": "other", "arguments": []},
    {
        "command_id": "test_command",
        "arguments": [
            {"name": "param1", "required": True, "schema": {"type": "integer"}},
            {"name": "param2", "required": False, "schema": {"type": "string"}, "default": ""},
        ],
    },
]


class FakeCaller:
    """A command server's port, answering as the test says."""

    def __init__(self) -> None:
        self.opened: list[tuple[RelayPlace, float]] = []
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.listed: list[dict[str, Any]] | CommandError = LISTED
        self.answer: Any = None
        self.closed = 0

    def open(self, where: RelayPlace, timeout: float) -> FakeCaller:
        """Stands in for :func:`netd.cli.command.open_caller`."""
        self.opened.append((where, timeout))
        return self

    def close(self) -> None:
        """Count it."""
        self.closed += 1

    def call(self, command_id: str, arguments: Mapping[str, Any], /) -> Any:
        """Answer, or raise, as the test says."""
        self.calls.append((command_id, arguments))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def commands(self) -> list[dict[str, Any]]:
        """Likewise."""
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed


class CallTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.caller = FakeCaller()
        self.control.answers["command.list"] = LISTED
        self.control.answers["command.run"] = {"status": "success", "result": None}

    def _surroundings(self) -> CliSurroundings:
        return dataclasses.replace(super()._surroundings(), open_caller=self.caller.open)

    def said(self) -> dict[str, Any]:
        """What the daemon was asked to run."""
        method, params = self.control.calls[-1]
        self.assertEqual(method, "command.run")
        return params


class ArgumentTests(CallTests):
    def test_as_the_command_wants_it(self) -> None:
        """A word becomes what the command wants: a number where that is one, text where it is text; ``:=`` is JSON."""
        self.netd("call", "test_command", "param1=100", "param2=007", "param4:=[1,2]", "more=true", "text=a=b")
        arguments = {"param1": 100, "param2": "007", "param4": [1, 2], "more": True, "text": "a=b"}
        self.assertEqual(self.said(), {"command_id": "test_command", "arguments": arguments})

    def test_the_list_is_asked_for_only_when_needed(self) -> None:
        """Text that can be nothing else needs no list."""
        self.netd("call", "test_command", "param2=hello")
        self.assertEqual([method for method, _ in self.control.calls], ["command.run"])

    def test_wrong_words(self) -> None:
        """What is no argument is wrong usage, and nothing is run."""
        for word, text in (
            ("param1", "write NAME=VALUE, or NAME:=JSON"),
            ("=1", "is not an argument"),
            ("id=1", "is not an argument"),
            ("a:=[", "a: '[' is not JSON"),
            ("a:=NaN", "NaN is not JSON"),
            ("param1=true", "param1: must be whole number, not 'true'"),
        ):
            result = self.netd("call", "test_command", word)
            self.assertEqual(result.exit_code, 2)
            self.assertIn(text, result.stderr)
        self.assertIn("given twice", self.netd("call", "x", "a=b", "a=c").stderr)
        self.assertNotIn("command.run", [method for method, _ in self.control.calls])

    def test_strange_list(self) -> None:
        """A daemon whose list is none is an error, never a traceback."""
        self.control.answers["command.list"] = [{"command_id": "test_command"}]
        result = self.netd("call", "test_command", "a=1")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("has an unknown form", result.stderr)


class DaemonTests(CallTests):
    def test_result(self) -> None:
        """The result is shown; where there is none, that it worked."""
        self.assertEqual(self.netd("call", "test_command").stdout, "success\n")
        self.control.answers["command.run"] = {"status": "success", "result": "21 C"}
        self.assertEqual(self.netd("call", "test_command").stdout, "21 C\n")
        shown = self.netd("call", "test_command", "--json").stdout
        self.assertEqual(json.loads(shown), {"status": "success", "result": "21 C"})

    def test_instance(self) -> None:
        """Where several run, one is chosen, for the list, too."""
        self.netd("call", "test_command", "param1=1", "--instance", "lab2")
        self.assertEqual(self.control.calls[0], ("command.list", {"instance": "lab2"}))
        self.assertEqual(self.said()["instance"], "lab2")

    def test_errors(self) -> None:
        """No such command is 3, a wrong argument 2, a function that fails 1, one that takes too long 124."""
        for error, code in (
            (NoSuchTarget("no", -32001), 3),
            (InvalidArguments("no", -32602), 2),
            (OperationFailed("no", -32000), 1),
            (control.NotInTime("no", -32003), 124),
        ):
            self.control.answers["command.run"] = error
            result = self.netd("call", "x")
            self.assertEqual((result.exit_code, result.stderr), (code, "Error: no\n"))

    def test_exact(self) -> None:
        """What a function returns is shown as exactly as it came: its numbers are no times and no rates of netd's."""
        self.control.answers["command.run"] = {"status": "success", "result": {"rate": 3.141592653589793, "time": 1700000000}}
        self.assertEqual(self.netd("call", "x").stdout, "rate  3.141592653589793\ntime  1700000000\n")

    def test_remedy(self) -> None:
        """The remedy is what one types at a shell; what a function says of its own failure stays as it is."""
        for error, text in (
            (NoSuchTarget("there is no command 'x'; `command.list` lists them", -32001), "`netd command list` lists them"),
            (OperationFailed("`os.path` is no file", -32000), "Error: `os.path` is no file"),
        ):
            self.control.answers["command.run"] = error
            self.assertIn(text, self.netd("call", "x").stderr)


class ServerTests(CallTests):
    def test_result(self) -> None:
        """Over the port of a server the same is sent and shown; the connection is closed in the end."""
        self.caller.answer = [1, 2]
        result = self.netd("call", "test_command", "param1=1", "--server", "10.0.0.9", "--timeout", "3", "--json")
        self.assertEqual(json.loads(result.stdout)["result"], [1, 2])
        self.assertEqual(self.caller.opened, [(RelayPlace("10.0.0.9", 65432), 3.0)])
        self.assertEqual((self.caller.calls, self.caller.closed), ([("test_command", {"param1": 1})], 1))

    def test_old_server(self) -> None:
        """A server without a list gets what the words look like."""
        for listed in (CommandFailed("no", {}), []):
            self.caller.listed = listed
            self.netd("call", "test_command", "param1=100", "param2=x", "--server", "h:1")
            self.assertEqual(self.caller.calls[-1][1], {"param1": 100, "param2": "x"})

    def test_errors(self) -> None:
        """Not in time is 124, all else is 1; what the server says cannot drive the terminal."""
        for error, code, text in (
            (NotInTime("late"), 124, "late"),
            (NotConnected("cannot reach"), 1, "cannot reach"),
            (CommandFailed("\x1b[2J", {}), 1, "\\x1b[2J"),
        ):
            self.caller.answer = error
            result = self.netd("call", "x", "--server", "h:1")
            self.assertEqual((result.exit_code, result.stderr), (code, f"Error: {text}\n"))
        self.assertEqual(self.caller.closed, 3)

    def test_instance(self) -> None:
        """A server's port is one service already."""
        result = self.netd("call", "x", "--server", "h:1", "--instance", "lab2")
        self.assertEqual(result.exit_code, 2)

    def test_real_port(self) -> None:
        """The port is the client's that comes with netd, which connects on its first call."""
        self.assertEqual(command_place("h"), RelayPlace("h", 65432))
        caller = open_caller(RelayPlace("127.0.0.1", 1), 1.0)
        self.assertIsInstance(caller, Caller)
        caller.close()
        self.assertRaises(NotConnected, caller.call, "x", {})

"""Tests of :mod:`netd.cli.main` and :mod:`netd.cli.invocation`: global options, help, and how commands end."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from netd import __version__
from netd.cli.contexts import Contexts, contexts_file, write_contexts
from netd.cli.main import SECTIONS, main, netd
from netd.client.control import (
    BadAnswer,
    ControlError,
    ControlTimeout,
    InternalFault,
    InvalidArguments,
    InvalidRequest,
    Lost,
    NoSuchOperation,
    NoSuchTarget,
    NotInTime,
    NotPermitted,
    NotRunning,
    OperationFailed,
    RequestTooLong,
    SocketForbidden,
)
from tests.cli.fakes import CommandTests


class GlobalOptionTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers["system.drain"] = {"status": "draining"}

    def test_default_state(self) -> None:
        """Without --state, the command talks to the daemon that the same user would start."""
        self.netd("drain")
        self.assertEqual(self.control.opened, [(Path("/home/ada/.local/state/netd/control.sock"), 30.0)])

    def test_state(self) -> None:
        """--state DIR chooses between daemons, before the command or after it."""
        self.netd("--state", "/one", "drain")
        self.netd("drain", "--state", "/two")
        self.netd("--state", "/one", "drain", "--state", "/two")
        self.assertEqual([str(path.parent) for path, _ in self.control.opened], ["/one", "/two", "/two"])

    def test_json(self) -> None:
        """--json makes any result something that a script can read, before the command or after it."""
        for arguments in (["--json", "drain"], ["drain", "--json"]):
            self.assertEqual(json.loads(self.netd(*arguments).stdout), {"status": "draining"})

    def test_timeout(self) -> None:
        """--timeout bounds the wait for netd."""
        self.netd("drain", "--timeout", "0.5")
        self.netd("--timeout", "2", "drain")
        self.assertEqual([timeout for _, timeout in self.control.opened], [0.5, 2.0])

    def test_bad_timeout(self) -> None:
        """A wait that is none is refused with the reason."""
        for word in ("0", "-1", "nan", "inf", "1e9", "soon"):
            result = self.netd("--timeout", word, "drain")
            self.assertEqual(result.exit_code, 2)
            self.assertIn("is not a number of seconds above 0 and up to 86400", result.stderr)

    def test_version(self) -> None:
        """--version tells which netd this is."""
        self.assertEqual(self.netd("--version").stdout, f"netd, version {__version__}\n")


class HelpTests(CommandTests):
    def test_names_every_command(self) -> None:
        """--help lists every command with a line that says what it does."""
        result = self.netd("--help")
        self.assertEqual(result.exit_code, 0)
        for title, section in SECTIONS.items():
            self.assertIn(f"\n{title}:\n", result.stdout)
            for name, listed in section.items():
                (line,) = re.findall(rf"(?m)^  {name} .*", result.stdout)
                self.assertLessEqual(len(line), 80)
                self.assertIn(listed.summary, line)

    def test_summaries(self) -> None:
        """--help says of each command what the command's own page says, though it does not import the command."""
        for section in SECTIONS.values():
            for name, listed in section.items():
                command = listed.load(name)
                self.assertEqual((name, listed.summary), (command.name, command.get_short_help_str(200)))

    def test_every_page(self) -> None:
        """The page of each command says what it does and each of its options, with nothing left of the markup."""

        def pages(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
            ctx = click.Context(group)
            for name in group.list_commands(ctx):
                command = group.get_command(ctx, name)
                yield (*path, name)
                if isinstance(command, click.Group):
                    yield from pages(command, *path, name)

        for path in pages(netd):
            result = self.netd(*path, "--help")
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertNotIn("\\b", result.stdout)
            self.assertTrue(re.search(r"(?s)Usage: .*\n\n  [A-Z].*[.:]", result.stdout), result.stdout)
            for option in re.findall(r"(?m)^  (-\S*.*)", result.stdout):
                self.assertRegex(option, r"^(-\w, )?--\S+", path)

    def test_lists_running_services(self) -> None:
        """--help shows what the running daemon offers beside, and asks the one that --state names."""
        result = self.netd("--state", "/there", "--help")
        self.assertIn("relay   devices, send", result.stdout)
        self.assertEqual(self.control.opened, [(Path("/there/control.sock"), 0.5)])

    def test_without_daemon(self) -> None:
        """--help needs no daemon."""
        self.control.broken = NotRunning("not here")
        result = self.netd("-h")
        self.assertEqual((result.exit_code, result.stderr), (0, ""))
        self.assertNotIn("not here", result.output)


class ExitTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.environ["XDG_CONFIG_HOME"] = self.mktemp()

    def test_service_of_the_machine(self) -> None:
        """Without sudo, a command speaks of the person's own directory. Where the service has one, that is said."""
        told = "the netd of this machine's service has"
        self.control.broken = NotRunning("not here")
        self.assertNotIn(told, self.netd("status").stderr)
        self.service_state = Path(self.mktemp()).absolute()
        self.service_state.mkdir()
        self.assertIn(f"not here; {told} {self.service_state}: `sudo` before the command", self.netd("status").stderr)
        self.assertNotIn(told, self.netd("--state", "/nowhere/mine", "status").stderr)
        home = Path(self.mktemp()).absolute()
        self.environ["HOME"] = str(home)
        mine = home / ".local" / "state" / "netd"
        for command in (("token", "list"), ("key", "list"), ("cert", "init"), ("passwd", "ann", "--remove")):
            self.assertIn(f"this is about {mine}, where no netd runs; {told}", self.netd(*command).stderr)
        (mine / "control.sock").touch()
        self.assertNotIn(told, self.netd("token", "list").stderr)

    def test_codes(self) -> None:
        """A script can tell by the exit code what went wrong, a person by one line on standard error."""
        remote: dict[ControlError, int] = {
            NotRunning("netd is not running here"): 1,
            SocketForbidden("not permitted"): 1,
            Lost("lost"): 1,
            BadAnswer("bad"): 1,
            InvalidRequest("invalid", -32600): 1,
            InternalFault("fault", -32603): 1,
            OperationFailed("failed", -32000): 1,
            NotPermitted("role", -32002): 1,
            InvalidArguments("target: missing", -32602): 2,
            RequestTooLong("too long"): 2,
            NoSuchOperation("no operation", -32601): 3,
            NoSuchTarget("no device", -32001): 3,
            ControlTimeout("late"): 124,
            NotInTime("late", -32003): 124,
        }
        for error, code in remote.items():
            self.control.broken = error
            result = self.netd("drain")
            self.assertEqual((result.exit_code, result.stdout, result.stderr), (code, "", f"Error: {error}\n"))

    def test_every_command(self) -> None:
        """Every command that asks the daemon ends with the same codes, so that a script needs one table for all of them."""
        write_contexts(contexts_file(self.environ), Contexts())
        commands = (
            ["status"], ["devices"], ["reports"], ["operations"], ["drain"], ["stop"], ["demo"],
            ["send", "gh", "x"], ["call", "x"], ["call", "x", "a=5"],
            ["relay", "devices"], ["relay", "send", "gh"], ["room", "end", "x"], ["feed", "reports"],
        )  # fmt: skip
        errors: tuple[tuple[ControlError, int], ...] = (
            (ControlTimeout("late"), 124),
            (NotInTime("late", -32003), 124),
            (NotRunning("away"), 1),
            (NotPermitted("role", -32002), 1),
            (OperationFailed("failed", -32000), 1),
            (NoSuchTarget("no such thing", -32001), 3),
            (InvalidArguments("wrong", -32602), 2),
        )
        for words in commands:
            for error, code in errors:
                for place in ([], ["--context", "local"]):
                    self.control.broken = error
                    result = self.netd(*words, *(place if words != ["demo"] else []))
                    self.assertEqual((result.exit_code, str(error) in result.stderr), (code, True), (words, result.output))
            self.assertEqual(self.netd(*words, "--bogus").exit_code, 2)

    def test_every_subscription(self) -> None:
        """So does each command that follows the bus."""
        for error, code in ((ControlTimeout("late"), 124), (NotRunning("away"), 1), (NotPermitted("role", -32002), 1)):
            for words in (["tail"], ["tail", "--json"]):
                self.events.script = [error]
                result = self.netd(*words)
                self.assertEqual((result.exit_code, result.stderr), (code, f"Error: {error}\n"))

    def test_error_is_escaped(self) -> None:
        """A message that quotes a hostile device cannot drive the terminal."""
        self.control.broken = OperationFailed("\x1b[2J\nError: forged", -32000)
        self.assertEqual(self.netd("drain").stderr, "Error: \\x1b[2J\\nError: forged\n")


class EntryPointTests(CommandTests):
    def test_main(self) -> None:
        """A terminal without Unicode shows escapes instead of ending the command."""
        ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        self.patch(sys, "stdout", ascii_only)
        self.patch(sys, "argv", ["netd", "--version"])
        with self.assertRaises(SystemExit) as caught:
            main()
        self.assertEqual((caught.exception.code, ascii_only.errors), (0, "backslashreplace"))

    def test_main_elsewhere(self) -> None:
        """Where standard output is no file, the command still works."""
        written = io.StringIO()
        self.patch(sys, "stdout", written)
        self.patch(sys, "argv", ["netd", "--version"])
        with self.assertRaises(SystemExit):
            main()
        self.assertIn(__version__, written.getvalue())

    def test_starts_light(self) -> None:
        """A command is quick: it imports neither the other commands nor what only they, the daemon or a table need."""
        heavy = {"attrs", "asyncio", "logging", "msgspec", "rich", "ssl", "subprocess", "tempfile", "twisted"}
        heavy |= {"netd.cli.render", "netd.cli.tail", "netd.client.relay", "netd.operations", "netd.secrets.passwords"}
        self.assertEqual(heavy & self.modules_of("--help"), set())
        self.assertEqual(heavy & self.modules_of("status"), set())

    def modules_of(self, *words: str) -> set[str]:
        """The modules that a real ``netd`` with these words imports, where no daemon runs.

        Not counted is what Python has imported before it, such as what measures coverage.
        """
        program = "import atexit, sys; there = {*sys.modules}; atexit.register(lambda: print('', *{*sys.modules} - there)); "
        program += "from netd.cli.main import main; main()"
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NETD_STATE_DIRECTORY": self.mktemp()}
        environ |= {"XDG_CONFIG_HOME": self.mktemp()}
        ended = subprocess.run([sys.executable, "-c", program, *words], env=environ, capture_output=True, text=True, check=False)
        return set(ended.stdout.splitlines()[-1].split())

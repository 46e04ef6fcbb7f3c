"""Tests of :mod:`netd.cli.agent`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.agent import COMPLAINTS
from netd.cli.invocation import CliSurroundings, Invocation
from netd.cli.main import netd
from netd.cli.session import AgentPorts, AgentSettings
from netd.client.session import Channel, Hooks, NotANumber


class FakeProgram:
    """A program that writes the test's lines."""

    def __init__(self, lines: Sequence[str], status: int) -> None:
        self._lines = lines
        self._status = status
        self.is_closed = False

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def wait(self) -> int:
        return self._status

    def close(self) -> None:
        self.is_closed = True


class FakeAgent:
    """An agent with one session, in which a ping comes; then Ctrl-C is pressed, unless it was closed before."""

    port = 4711

    def __init__(self) -> None:
        self.said: list[tuple[str, float]] = []
        self.is_closed = False
        self.taken: OSError | None = None
        self.refuses: ValueError | None = None

    def open(self, channels: Mapping[str, Channel], settings: AgentSettings, hooks: Hooks) -> FakeAgent:
        """Stands in for :class:`netd.client.session.Agent`."""
        if self.refuses is not None:
            raise self.refuses
        self.channels, self.settings, self.hooks = channels, settings, hooks
        return self

    def listen(self) -> None:
        if self.taken is not None:
            raise self.taken

    def run(self) -> None:
        self.hooks.started(42, "10.0.0.1")
        self.hooks.pinged()
        self.hooks.stopped("the server said: \x1b[2J")
        if not self.is_closed:
            raise KeyboardInterrupt

    def say(self, name: str, value: float) -> bool:
        if not isfinite(value):
            raise NotANumber(f"{value} is no finite number")
        self.said.append((name, value))
        return True

    def close(self) -> None:
        self.is_closed = True


class AgentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.opened = FakeAgent()
        self.programs: list[tuple[list[str], FakeProgram]] = []
        self.lines: Sequence[str] | OSError = []
        self.statuses = [0] * 9

    def _start(self, arguments: Sequence[str]) -> FakeProgram:
        if isinstance(self.lines, OSError):
            raise self.lines
        self.programs.append((list(arguments), FakeProgram(self.lines, self.statuses.pop(0))))
        return self.programs[-1][1]

    @staticmethod
    def _at_once(act: Callable[[], object]) -> Callable[[], object]:
        act()
        return lambda: None

    def agent(self, *arguments: str) -> Result:
        """Run ``netd agent ARGUMENTS``."""
        ports = AgentPorts(self.opened.open, self._start, self._at_once, lambda: 0.5)
        surroundings = CliSurroundings({"HOME": "/home/ada"}, 1000, Path("/nowhere/python"), agent=ports)
        return CliRunner().invoke(
            netd, ["agent", *arguments], obj=Invocation(surroundings), prog_name="netd", catch_exceptions=False
        )

    def test_life(self) -> None:
        """A person sees where the agent listens, sessions come and go, and pings; Ctrl-C ends it cleanly."""
        result = self.agent("--channel", "x=random")
        self.assertEqual((result.exit_code, result.stdout), (0, "ping\n"))
        self.assertEqual(
            result.stderr.splitlines(),
            [
                "netd: listening on 127.0.0.1 port 4711",
                "netd: session 42 begins, for 10.0.0.1",
                "netd: the session has ended: the server said: \\x1b[2J",
                "netd: the agent has ended",
            ],
        )
        self.assertTrue(self.opened.is_closed)

    def test_options(self) -> None:
        """Where to listen, where to connect back to, how often and how to speak are the person's choice."""
        self.agent(
            "--channel",
            "x=count",
            "--host",
            "10.0.0.5",
            "--port",
            "7",
            "--server-port",
            "8",
            "--every",
            "0.5",
            "--dialect",
            "old",
            "--name",
            "greenhouse",
        )
        self.assertEqual(self.opened.settings, AgentSettings("10.0.0.5", 7, 8, 0.5, "old", "greenhouse"))
        self.agent("--channel", "x=count")
        self.assertEqual(self.opened.settings, AgentSettings("127.0.0.1", 10001, 10000, 0.2, "auto"))

    def test_channels(self) -> None:
        """Channels have names, perhaps labels and units, and made-up values."""
        self.agent("--channel", "x:Heart rate [bpm]=random", "--channel", "y: Height=count", "--channel", "z=sine")
        channels: Any = self.opened.channels
        described = {name: (channel.label, channel.unit) for name, channel in channels.items()}
        self.assertEqual(described, {"x": ("Heart rate", "bpm"), "y": ("Height", ""), "z": ("", "")})
        self.assertEqual(channels["x"].source(), 0.5)
        self.assertEqual(list(islice(channels["y"].source, 3)), [0, 1, 2])
        sine = list(islice(channels["z"].source, 51))
        self.assertEqual([round(sine[at], 6) for at in (0, 25, 50)], [0, 0, 0])
        self.assertAlmostEqual(max(sine), 1, places=2)

    def test_wrong_channels(self) -> None:
        """A channel that cannot be is wrong usage, said at once."""
        for text in ("x", "x=", "x=noise", "x:[a]b=sine", "=sine"):
            result = self.agent("--channel", text)
            self.assertEqual(result.exit_code, 2, text)
            self.assertIn("--channel", result.stderr)
        self.opened.refuses = ValueError("'temp' cannot be a channel of the old dialect")
        result = self.agent("--channel", "temp=sine")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("'temp' cannot be a channel", result.stderr)

    def test_program(self) -> None:
        """The numbers that a program writes are samples; what is no number is told, and the rest goes on."""
        self.lines = ["1\n", "2.5\n", "hot\x1b\n", "nan\n", "-3e1\n"]
        result = self.agent("--exec", "temp='/opt/my sensor' --fast")
        [(arguments, program)] = self.programs
        self.assertEqual((arguments, program.is_closed), (["/opt/my sensor", "--fast"], True))
        self.assertEqual(self.opened.said, [("temp", 1.0), ("temp", 2.5), ("temp", -30.0)])
        self.assertEqual(
            [line for line in result.stderr.splitlines() if "sensor" in line],
            [
                "netd: /opt/my sensor wrote 'hot\\x1b', which is not a number",
                "netd: /opt/my sensor wrote 'nan', which is not a number",
                "netd: /opt/my sensor has ended",
            ],
        )

    def test_what_is_no_number(self) -> None:
        """What Python takes for a number, and nobody else does, is none; of very many such lines some are shown."""
        self.lines = [*(f"{text}\n" for text in ("1_000", "infinity", "\u0661", "0x1F", "", "1e999")), " +.5e+1\r\n", "7"]
        result = self.agent("--exec", "sensor")
        self.assertEqual(self.opened.said, [("value", 5.0), ("value", 7.0)])
        self.assertEqual(result.stderr.count("which is not a number"), 6)
        self.lines = ["?\n"] * 5000
        told = [line for line in self.agent("--exec", "sensor").stderr.splitlines() if "sensor" in line]
        self.assertEqual(len(told), COMPLAINTS + 2)
        self.assertEqual(
            told[COMPLAINTS:], ["netd: further lines of sensor that are not numbers are not reported", "netd: sensor has ended"]
        )

    def test_last_program_ends(self) -> None:
        """When the last program has ended and nothing else is to be said, the agent leaves."""
        result = self.agent("--exec", "a=sensor", "--exec", "b=other")
        self.assertEqual((result.exit_code, self.opened.is_closed), (0, True))
        self.assertEqual(result.stderr.splitlines()[-1], "netd: the agent has ended, as all of its programs have")

    def test_program_fails(self) -> None:
        """A program that fails makes the agent's status, when all have ended, and is named with how it ended."""
        self.statuses = [0, 3, -9]
        result = self.agent("--exec", "a=good", "--exec", "b=bad", "--exec", "c=worse")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("netd: good has ended\n", result.stderr)
        self.assertIn("Error: the agent has ended: bad has ended with status 3, worse has ended by signal 9", result.stderr)

    def test_program_ends_and_a_channel_is_left(self) -> None:
        """While a channel of made-up values is left, the end of a program ends nothing."""
        self.statuses = [1]
        result = self.agent("--exec", "sensor", "--channel", "x=sine")
        self.assertEqual(result.exit_code, 0)
        self.assertEqual(result.stderr.splitlines()[-1], "netd: the agent has ended")

    def test_names_given_twice(self) -> None:
        """Two sources cannot share a channel, nor can two programs without a name."""
        for arguments in (
            ["--exec", "sensor", "--exec", "other"],
            ["--channel", "x=sine", "--exec", "x=sensor"],
            ["--channel", "x=sine", "--channel", "x:X=count"],
        ):
            result = self.agent(*arguments)
            self.assertEqual((result.exit_code, self.programs), (2, []), arguments)
            self.assertIn("given twice", result.stderr)

    def test_program_without_a_name(self) -> None:
        """A program without a channel's name gets one; an equals sign inside of the command names none."""
        self.agent("--exec", "sensor --mode=fast")
        self.assertEqual((list(self.opened.channels), self.programs[0][0]), (["value"], ["sensor", "--mode=fast"]))

    def test_no_program(self) -> None:
        """A command that names no program is wrong usage; one that cannot be run ends the agent with the reason."""
        for text in ("", "temp=", "'unclosed"):
            result = self.agent("--exec", text)
            self.assertEqual((result.exit_code, self.programs), (2, []), text)
            self.assertIn("--exec", result.stderr)
        self.lines = FileNotFoundError(2, "No such file or directory")
        result = self.agent("--exec", "sensor")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("cannot run sensor: No such file or directory", result.stderr)
        self.assertTrue(self.opened.is_closed)

    def test_port_taken(self) -> None:
        """A port that is taken is told with the remedy."""
        self.opened.taken = OSError(98, "Address already in use")
        result = self.agent("--channel", "x=sine")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("cannot listen on 127.0.0.1 port 10001: Address already in use; choose another with --port", result.stderr)

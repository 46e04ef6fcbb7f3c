"""``netd agent``: an agent of telemetry sessions on the command line, to try things out or to stream what a program measures."""

from __future__ import annotations

import itertools
import math
import re
import shlex
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand, seconds
from netd.cli.proof import proof_options, read_proof
from netd.cli.session import AgentPort, AgentPorts, AgentSettings, ProgramPort
from netd.cli.text import escaped

if TYPE_CHECKING:
    from netd.client.session import Channel, Source

__all__ = ["agent"]

DEFAULT_NAME = "value"
"""The name of the channel for a program that was given without one."""

COMPLAINTS = 10
"""Number of warnings at most about lines of a program that are not numbers."""

SINE_STEPS = 50
"""Values in one period of ``sine``."""

_CHANNEL = re.compile(r"(?P<name>[^:=]+)(?::(?P<label>[^=\[\]]*)(?:\[(?P<unit>[^=\[\]]*)\])?)?=(?P<source>[a-z]+)")
_PROGRAM = re.compile(r"(?:(?P<name>[A-Za-z0-9_-]{1,63})=)?(?P<command>.*)", re.DOTALL)
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


@click.command(cls=NetdCommand, common=(), short_help="Be an agent: stream values to the server that dials.")
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME=SOURCE",
    help="A channel of synthetic values: random, sine or count; also x:'Heart rate [bpm]'=random. Can be repeated.",
)
@click.option(
    "--exec",
    "programs",
    multiple=True,
    metavar="[NAME=]COMMAND",
    help=f"A channel (called {DEFAULT_NAME} without NAME) of the numbers that COMMAND writes, one in a line.",
)
@click.option("--every", default=0.2, show_default=True, type=seconds, help="Seconds between two synthetic values.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    metavar="PORT",
    default=10001,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port at which servers dial the agent.",
)
@click.option(
    "--server-port",
    metavar="PORT",
    default=10000,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of the server to which the agent connects back.",
)
@click.option(
    "--dialect",
    type=click.Choice(["auto", "netd", "old"]),
    default="auto",
    show_default=True,
    help="Dialect; auto detects that of each server. Legacy servers know the channels x, y and z only.",
)
@click.option("--name", metavar="NAME", help="Name of the agent in subjects, unless the server has one for this host.")
@proof_options
@click.pass_obj
def agent(  # noqa: PLR0913, PLR0917 - one for each option
    invocation: Invocation,
    channels: tuple[str, ...],
    programs: tuple[str, ...],
    every: float,
    host: str,
    port: int,
    server_port: int,
    dialect: str,
    name: str | None,
    token_file: Path | None,
) -> None:
    """Be an agent: wait to be dialled, then stream until told to stop, again and again.

    Ctrl-C ends it. Without --channel, so does the end of the last program: with status 1 when one has failed.
    """
    from netd.client.session import Channel, Hooks  # noqa: PLC0415 - only this command needs it, and all must start fast

    ports = invocation.surroundings.agent
    made_up = [_read_channel(ports, text) for text in channels]
    measured = [_read_program(text) for text in programs]
    _check_names(name for name, _ in (*made_up, *measured))
    described, commands = dict(made_up), dict(measured)
    settings = AgentSettings(host, port, server_port, every, dialect, name, read_proof(invocation, token_file))
    try:
        opened = ports.open_agent(
            {**described, **{name: Channel() for name in commands}}, settings, Hooks(_started, _stopped, _pinged)
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    with ExitStack() as stack:
        stack.callback(opened.close)
        _listen(opened, settings)
        running = _Programs(opened, len(commands), is_all=not described)
        for channel, arguments in commands.items():
            program = _start(ports, arguments)
            stack.callback(program.close)
            ports.start_thread(partial(running.pass_on, channel, arguments[0], program))
        try:
            opened.run()
        except KeyboardInterrupt:
            click.echo("netd: the agent has ended", err=True)
            return
    if running.failures:
        raise Failure(f"the agent has ended: {', '.join(running.failures)}")
    click.echo("netd: the agent has ended, as all of its programs have", err=True)


class _Programs:
    """The programs whose numbers the agent streams, each read in a thread of its own.

    :param is_all: whether the agent has no other channels, so that it is closed when the last program has ended.
    :ivar failures: the programs that failed, with the reason.
    """

    def __init__(self, opened: AgentPort, count: int, is_all: bool) -> None:
        self._opened = opened
        self._left = count
        self._is_all = is_all
        self._lock = threading.Lock()
        self.failures: list[str] = []

    def pass_on(self, name: str, program: str, lines: ProgramPort) -> None:
        """Stream each number that *program* writes, until it ends."""
        complaints = 0
        for line in lines:
            try:
                self._opened.say(name, _number(line))
            except ValueError:
                complaints += 1
                _complain(program, line, complaints)
        self._ended(program, lines.wait())

    def _ended(self, program: str, status: int) -> None:
        how = f"{program} has ended" + (f" with status {status}" if status > 0 else f" by signal {-status}" if status else "")
        click.echo(escaped(f"netd: {how}"), err=True)
        with self._lock:
            self._left -= 1
            if status:
                self.failures.append(how)
            if self._is_all and not self._left:
                self._opened.close()


def _number(line: str) -> float:
    if _NUMBER.fullmatch(line) is None:
        raise ValueError(line)
    return float(line)


def _complain(program: str, line: str, complaints: int) -> None:
    if complaints <= COMPLAINTS:
        click.echo(escaped(f"netd: {program} wrote {line.strip()[:80]!r}, which is not a number"), err=True)
    if complaints == COMPLAINTS:
        click.echo(escaped(f"netd: further lines of {program} that are not numbers are not reported"), err=True)


def _check_names(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise click.UsageError(
                f"channel {name} is given twice; each --channel and each --exec NAME=COMMAND needs its own name."
            )
        seen.add(name)


def _read_channel(ports: AgentPorts, text: str) -> tuple[str, Channel]:
    from netd.client.session import Channel  # noqa: PLC0415 - only this command needs it, and all must start fast

    match = _CHANNEL.fullmatch(text)
    sources: dict[str, Callable[[], Source]] = {"random": lambda: ports.chance, "sine": _sine, "count": itertools.count}
    if match is None or match["source"] not in sources:
        raise click.BadParameter(f"{text!r} is not NAME=SOURCE, with random, sine or count.", param_hint="--channel")
    return match["name"], Channel(sources[match["source"]](), (match["label"] or "").strip(), (match["unit"] or "").strip())


def _sine() -> Iterator[float]:
    return (math.sin(2 * math.pi * step / SINE_STEPS) for step in itertools.count())


def _read_program(text: str) -> tuple[str, list[str]]:
    match = _PROGRAM.fullmatch(text)
    assert match is not None, "anything is a command"
    try:
        arguments = shlex.split(match["command"])
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}.", param_hint="--exec") from error
    if not arguments:
        raise click.BadParameter("names no program.", param_hint="--exec")
    return match["name"] or DEFAULT_NAME, arguments


def _listen(opened: AgentPort, settings: AgentSettings) -> None:
    try:
        opened.listen()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"cannot listen on {settings.host} port {settings.port}: {reason}; choose another with --port") from error
    click.echo(f"netd: listening on {settings.host} port {opened.port}", err=True)


def _start(ports: AgentPorts, arguments: Sequence[str]) -> ProgramPort:
    try:
        return ports.open_program(arguments)
    except OSError as error:
        raise Failure(f"cannot run {arguments[0]}: {error.strerror or error}") from error


def _started(session: int, host: str) -> None:
    click.echo(escaped(f"netd: session {session} begins, for {host}"), err=True)


def _stopped(reason: str) -> None:
    click.echo(escaped(f"netd: the session has ended: {reason}"), err=True)


def _pinged() -> None:
    click.echo("ping")

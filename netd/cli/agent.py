"""``netd agent``: an agent of telemetry sessions on the command line, to try things out or to stream what a program measures."""

from __future__ import annotations

import itertools
import math
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand, seconds
from netd.cli.session import AgentPort, AgentPorts, AgentSettings, ProgramPort
from netd.cli.text import escaped

if TYPE_CHECKING:
    from netd.client.session import Channel, Source

__all__ = ["agent"]

DEFAULT_NAME = "value"
"""The channel of a program that was given none."""

SINE_STEPS = 50
"""Values in one period of ``sine``."""

_CHANNEL = re.compile(r"(?P<name>[^:=]+)(?::(?P<label>[^=\[\]]*)(?:\[(?P<unit>[^=\[\]]*)\])?)?=(?P<source>[a-z]+)")
_PROGRAM = re.compile(r"(?:(?P<name>[A-Za-z0-9_-]{1,63})=)?(?P<command>.*)", re.DOTALL)


@click.command(cls=NetdCommand, common=())
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME=SOURCE",
    help="A channel of made-up values: random, sine or count; also x:'Heart rate [bpm]'=random. May be given several times.",
)
@click.option(
    "--exec",
    "programs",
    multiple=True,
    metavar="[NAME=]COMMAND",
    help=f"A channel (called {DEFAULT_NAME} without NAME) of the numbers that COMMAND writes, one in a line.",
)
@click.option("--every", default=0.2, show_default=True, type=seconds, help="Seconds between two made-up values.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=10001, show_default=True, type=click.IntRange(0, 65535), help="Where servers dial.")
@click.option(
    "--server-port", default=10000, show_default=True, type=click.IntRange(1, 65535), help="Where servers are connected back to."
)
@click.option(
    "--dialect",
    type=click.Choice(["netd", "old"]),
    default="netd",
    show_default=True,
    help="What to speak; old servers know the channels x, y and z only.",
)
@click.pass_obj
def agent(
    invocation: Invocation,
    channels: tuple[str, ...],
    programs: tuple[str, ...],
    every: float,
    host: str,
    port: int,
    server_port: int,
    dialect: str,
) -> None:
    """Be an agent: wait to be dialled, then stream until told to stop, again and again. Ctrl-C ends it."""
    from netd.client.session import Channel, Hooks  # noqa: PLC0415 - only this command needs it, and all must start fast

    ports = invocation.surroundings.agent
    described = dict(_read_channel(ports, text) for text in channels)
    commands = dict(_read_program(text) for text in programs)
    settings = AgentSettings(host, port, server_port, every, dialect)
    try:
        opened = ports.open_agent(
            {**described, **{name: Channel() for name in commands}}, settings, Hooks(_started, _stopped, _pinged)
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    with ExitStack() as stack:
        stack.callback(opened.close)
        _listen(opened, settings)
        for name, arguments in commands.items():
            program = _start(ports, arguments)
            stack.callback(program.close)
            ports.start_thread(_pass_on(opened, name, arguments[0], program))
        try:
            opened.run()
        except KeyboardInterrupt:
            click.echo("netd: the agent has left", err=True)


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


def _pass_on(opened: AgentPort, name: str, program: str, lines: ProgramPort) -> Callable[[], None]:
    """What says each number that a program writes."""

    def pass_on() -> None:
        for line in lines:
            try:
                opened.say(name, float(line))
            except ValueError:
                click.echo(escaped(f"netd: {program} wrote {line.strip()[:80]!r}, which is no number"), err=True)
        click.echo(escaped(f"netd: {program} has ended"), err=True)

    return pass_on


def _started(session: int, host: str) -> None:
    click.echo(escaped(f"netd: session {session} begins, for {host}"), err=True)


def _stopped(reason: str) -> None:
    click.echo(escaped(f"netd: the session has ended: {reason}"), err=True)


def _pinged() -> None:
    click.echo("ping")

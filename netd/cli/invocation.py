"""One run of the command line: its global options, its ways out to the world, and how it ends.

Commands get an :class:`Invocation` as click's context object and reach the world through its :class:`Surroundings` alone, so that
tests hand in others.
"""

from __future__ import annotations

import enum
import json
import math
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Protocol

import click

from netd.cli.command import CallerPort, open_caller
from netd.cli.feed_port import FeedPorts
from netd.cli.relay import Place, RelayPorts
from netd.cli.room import BotPort, open_bot
from netd.cli.session import AgentPorts
from netd.cli.text import escaped
from netd.client.control import (
    Control,
    ControlError,
    ControlTimeout,
    InvalidArguments,
    NoSuchOperation,
    NoSuchTarget,
    RequestTooLong,
)
from netd.paths import CONTROL_SOCKET, state_directory

__all__ = [
    "ControlPort",
    "Exit",
    "Failure",
    "Invocation",
    "Misused",
    "NetdCommand",
    "NotFound",
    "Surroundings",
    "TimedOut",
    "failure_of",
    "seconds",
]

DEFAULT_TIMEOUT = 30.0
"""Seconds that netd gets to answer when ``--timeout`` says nothing."""

LONGEST_WAIT = 86400.0
"""Seconds that an option can ask for."""

DEADLINE_MARGIN = 5.0
"""Seconds beyond a request's own deadline in which netd tells its outcome."""


class Exit(enum.IntEnum):
    """The exit codes of ``netd``."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    TIMED_OUT = 124


class Failure(click.ClickException):
    """Ends the command with one line on standard error.

    :param message: for a person; what peers have put into it is escaped here.
    """

    exit_code = Exit.FAILED

    def __init__(self, message: str) -> None:
        super().__init__(escaped(message))


class Misused(Failure):
    """The daemon turned the arguments down."""

    exit_code = Exit.USAGE


class NotFound(Failure):
    """There is no such device, session, room or operation."""

    exit_code = Exit.NOT_FOUND


class TimedOut(Failure):
    """Nobody answered in time."""

    exit_code = Exit.TIMED_OUT


def failure_of(error: ControlError) -> Failure:
    """How the command ends for *error*."""
    if isinstance(error, (NoSuchOperation, NoSuchTarget)):
        return NotFound(str(error))
    if isinstance(error, (InvalidArguments, RequestTooLong)):
        return Misused(str(error))
    return TimedOut(str(error)) if isinstance(error, ControlTimeout) else Failure(str(error))


class ControlPort(Protocol):
    """All that commands know of the control socket; see :class:`netd.client.control.Control`."""

    def __enter__(self) -> ControlPort: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def call(self, method: str, /, **params: Any) -> Any: ...
    def wait_closed(self) -> None: ...


def _replace_process(arguments: list[str], environ: Mapping[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(arguments[0], arguments, dict(environ))  # noqa: S606 - no shell is wanted


@dataclass(frozen=True)
class Surroundings:
    """The world as the commands see it.

    :ivar environ: the environment variables.
    :ivar uid: the user's number.
    :ivar python: the running interpreter; twistd is looked for beside it.
    :ivar open_control: from the socket's path and a timeout in seconds.
    :ivar relay: the way to a relay's own port.
    :ivar feed: the way to a feed's own port.
    :ivar open_bot: from host, port, name, character and dialect; connects when it runs.
    :ivar open_caller: from the place of a command server and a timeout in seconds; connects on its first call.
    :ivar agent: what an agent of telemetry sessions needs.
    :ivar replace_process: becomes another program, from its arguments (the first one its path) and environment.
    :ivar wall_clock: seconds since 1970.
    :ivar random_bytes: so many unpredictable bytes.
    """

    environ: Mapping[str, str]
    uid: int
    python: Path
    open_control: Callable[[Path, float], ControlPort] = Control
    relay: RelayPorts = field(default_factory=RelayPorts)
    feed: FeedPorts = field(default_factory=FeedPorts)
    open_bot: Callable[[str, int, str, str, str], BotPort] = open_bot
    open_caller: Callable[[Place, float], CallerPort] = open_caller
    agent: AgentPorts = field(default_factory=AgentPorts)
    replace_process: Callable[[list[str], Mapping[str, str]], object] = _replace_process
    wall_clock: Callable[[], float] = time.time
    random_bytes: Callable[[int], bytes] = os.urandom

    @classmethod
    def real(cls) -> Surroundings:
        """Those of this process."""
        return cls(os.environ, os.getuid(), Path(sys.executable))


@dataclass
class Invocation:
    """One run of ``netd``, as its global options say.

    :ivar named_state: ``--state``, or None.
    :ivar as_json: ``--json``.
    :ivar timeout: ``--timeout`` in seconds, or None.
    """

    surroundings: Surroundings = field(default_factory=Surroundings.real)
    named_state: Path | None = None
    as_json: bool = False
    timeout: float | None = None

    @property
    def state(self) -> Path:
        """The state directory of the daemon that is meant."""
        return self.named_state or state_directory(self.surroundings.environ, self.surroundings.uid)

    def patience(self, deadline: object = None) -> float:
        """Seconds to wait for an answer; enough for a request with *deadline*, unless ``--timeout`` says otherwise."""
        if self.timeout is not None:
            return self.timeout
        if isinstance(deadline, (int, float)) and not isinstance(deadline, bool):
            return max(DEFAULT_TIMEOUT, deadline + DEADLINE_MARGIN)
        return DEFAULT_TIMEOUT

    @contextmanager
    def control(self, timeout: float | None = None) -> Iterator[ControlPort]:
        """The daemon's control socket, each call taking *timeout* seconds at most.

        :raises Failure: for whatever goes wrong with it inside the ``with``.
        """
        path = self.state / CONTROL_SOCKET
        try:
            with self.surroundings.open_control(path, self.patience() if timeout is None else timeout) as control:
                yield control
        except ControlError as error:
            raise failure_of(error) from error

    def print_json(self, value: object) -> None:
        """Write *value* as JSON, in ASCII: nothing in it can touch the terminal."""
        click.echo(json.dumps(value, indent=2))

    def show(self, value: object) -> None:
        """Write any result: JSON with ``--json``, otherwise as a table, a tree or a line."""
        if self.as_json:
            self.print_json(value)
            return
        from netd.cli import render  # noqa: PLC0415 - rich takes long to import

        render.show(value)

    def show_table(self, columns: Sequence[str], rows: Sequence[Sequence[str | tuple[str, str]]]) -> None:
        """Write *rows*, each cell text or text and its style, below the names of their *columns*."""
        from netd.cli import render  # noqa: PLC0415 - rich takes long to import

        render.show_table(columns, rows)


def seconds(text: str) -> float:
    """A number of seconds above 0, a day at most; a type of click's."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= LONGEST_WAIT:
        raise click.BadParameter(f"{text!r} is not a number of seconds above 0 and up to {LONGEST_WAIT:g}.")
    return number


def _keep(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value not in {None, False}:  # an option that is absent here leaves what was said before the command
            setattr(ctx.ensure_object(Invocation), attribute, value)

    return keep


def common_options() -> dict[str, click.Option]:
    """The global options by name, made anew: taken before the command and after it alike."""
    directory = click.Path(file_okay=False, path_type=Path)
    return {
        "state": click.Option(
            ["named_state", "--state"],
            type=directory,
            metavar="DIR",
            is_eager=True,
            expose_value=False,
            callback=_keep("named_state"),
            help="State directory of the daemon that is meant.",
        ),
        "json": click.Option(
            ["as_json", "--json"], is_flag=True, expose_value=False, callback=_keep("as_json"), help="Write the result as JSON."
        ),
        "timeout": click.Option(
            ["timeout_seconds", "--timeout"],
            type=seconds,
            expose_value=False,
            callback=_keep("timeout"),
            help=f"Longest wait for netd's answer. [default: {DEFAULT_TIMEOUT:g}]",
        ),
    }


class NetdCommand(click.Command):
    """A command that takes global options too, except those whose flag is one of its own.

    :param common: which of them: ``state``, ``json``, ``timeout``.
    """

    def __init__(self, *arguments: Any, common: Collection[str] = ("state", "json", "timeout"), **options: Any) -> None:
        super().__init__(*arguments, **options)
        taken = {flag for parameter in self.params for flag in parameter.opts}
        self.params += [option for name, option in common_options().items() if name in common and f"--{name}" not in taken]

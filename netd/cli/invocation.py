"""One run of the command line: its global options, its access to the outside, and its exit codes.

Commands get an :class:`Invocation` as click's context object. They reach the world through its :class:`CliSurroundings` alone, so
that tests hand in others.
"""

from __future__ import annotations

import enum
import json
import math
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import click

from netd.cli.command import CallerPort, open_caller
from netd.cli.contexts import LOCAL, Context, ContextError, contexts_file, read_contexts
from netd.cli.feed_port import FeedPorts
from netd.cli.node import NodeControl
from netd.cli.relay import RelayPorts
from netd.cli.remote import GatewayPorts, SubscriptionPort
from netd.cli.room import BotPort, open_bot
from netd.cli.session import AgentPorts
from netd.cli.text import as_commands, escaped
from netd.client.control import (
    Control,
    ControlError,
    ControlTimeout,
    InvalidArguments,
    NoSuchOperation,
    NoSuchTarget,
    NotInTime,
    NotRunning,
    RequestTooLong,
)
from netd.codec.schemas import ANYTHING
from netd.paths import CONTROL_SOCKET, SERVICE, own_uid, state_directory

if TYPE_CHECKING:
    from netd.client.events import Wish
    from netd.client.subscription import Hooks
    from netd.codec.words import EventSchemas

__all__ = [
    "AnswerTimedOut",
    "CliSurroundings",
    "ControlPort",
    "Exit",
    "Failure",
    "Invocation",
    "Misused",
    "NetdCommand",
    "NotFound",
    "UnknownForm",
    "failure_of",
    "seconds",
]

DEFAULT_TIMEOUT = 30.0
"""Seconds that netd has to answer without ``--timeout``."""

LONGEST_WAIT = 86400.0
"""Seconds at most in an option."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}

DEADLINE_MARGIN = 5.0
"""Seconds that netd has to report the outcome of a request after its deadline."""


class Exit(enum.IntEnum):
    """The exit codes of ``netd``."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFIGURATION = 78
    TIMED_OUT = 124


class Failure(click.ClickException):
    """Ends the command with one line on standard error.

    :param message: for people; control characters in it are escaped here.
    """

    exit_code = Exit.FAILED

    def __init__(self, message: str) -> None:
        super().__init__(escaped(message))


class UnknownForm(Failure):
    """An answer of the daemon has not the form that this command knows.

    :param thing: the answer: ``the status``.
    """

    def __init__(self, thing: str) -> None:
        super().__init__(f"{thing} has an unknown form: netd and this command are of different versions; update the older one")


class Misused(Failure):
    """The daemon refused the arguments."""

    exit_code = Exit.USAGE


class NotFound(Failure):
    """There is no such device, session, room or operation."""

    exit_code = Exit.NOT_FOUND


class AnswerTimedOut(Failure):
    """No answer arrived in time."""

    exit_code = Exit.TIMED_OUT


def failure_of(error: ControlError, node: str | None = None) -> Failure:
    """The failure of the command for *error*, told by *node*. Operations in the message are rewritten as shell commands."""
    said = as_commands(str(error), node)
    if isinstance(error, (NoSuchOperation, NoSuchTarget)):
        return NotFound(said)
    if isinstance(error, (InvalidArguments, RequestTooLong)):
        return Misused(said)
    return AnswerTimedOut(said) if isinstance(error, (ControlTimeout, NotInTime)) else Failure(said)


class ControlPort(Protocol):
    """The part of :class:`netd.client.control.Control` that commands use; a gateway can stand in for the control socket."""

    def __enter__(self) -> ControlPort: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def call(self, method: str, /, **params: Any) -> Any: ...
    def wait_closed(self) -> None: ...


def _replace_process(arguments: list[str], environ: Mapping[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(arguments[0], arguments, dict(environ))  # noqa: S606 - no shell is wanted


def _run_program(arguments: Sequence[str], environ: Mapping[str, str], timeout: float, stdin: bytes = b"") -> bytes:
    """Return what a program writes that is given *stdin*. Its mistakes go to standard error.

    :raises OSError: if it cannot be started, fails, or takes longer.
    """
    import subprocess  # noqa: PLC0415 - all commands must start fast

    try:
        done = subprocess.run(  # noqa: S603 - no shell
            arguments, env=dict(environ), input=stdin, stdout=subprocess.PIPE, timeout=timeout, check=True
        )
    except subprocess.SubprocessError as error:
        raise OSError(str(error)) from error
    return done.stdout


class ProgramRun(Protocol):
    """Runs another program; see :attr:`CliSurroundings.run_program`."""

    def __call__(self, arguments: Sequence[str], environ: Mapping[str, str], timeout: float, stdin: bytes = b"") -> bytes: ...


@dataclass(frozen=True)
class CliSurroundings:
    """The functions and values through which commands reach the outside.

    :ivar environ: the environment variables.
    :ivar uid: the user id; -1 on systems without one, such as Windows.
    :ivar python: path of the running interpreter; twistd is expected beside it.
    :ivar open_control: takes the socket's path and a timeout in seconds.
    :ivar gateway: subscriptions, and daemons on other machines.
    :ivar relay: access to a relay's own port.
    :ivar feed: access to a feed's own port.
    :ivar open_bot: takes host, port, name, character, dialect and a callback for the welcome, and a proof; connects when it runs.
    :ivar open_caller: takes the address of a command server, a timeout in seconds, and a proof; connects on its first call.
    :ivar agent: the functions for an agent of telemetry sessions.
    :ivar replace_process: replaces this process by another program; takes its arguments, the path first, and its environment.
    :ivar run_program: returns what another program writes; takes its arguments, its environment, a time limit
        in seconds, and what it is given.
    :ivar wall_clock: seconds since 1970.
    :ivar sleep: waits for a number of seconds.
    :ivar random_bytes: returns that many unpredictable bytes.
    :ivar service_state: the state directory of the machine's service.
    """

    environ: Mapping[str, str]
    uid: int
    python: Path
    open_control: Callable[[Path, float], ControlPort] = Control
    gateway: GatewayPorts = field(default_factory=GatewayPorts)
    relay: RelayPorts = field(default_factory=RelayPorts)
    feed: FeedPorts = field(default_factory=FeedPorts)
    open_bot: Callable[..., BotPort] = open_bot
    open_caller: Callable[..., CallerPort] = open_caller
    agent: AgentPorts = field(default_factory=AgentPorts)
    replace_process: Callable[[list[str], Mapping[str, str]], object] = _replace_process
    run_program: ProgramRun = _run_program
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    random_bytes: Callable[[int], bytes] = os.urandom
    service_state: Path = SERVICE

    @classmethod
    def real(cls) -> CliSurroundings:
        """The surroundings of this process."""
        return cls(os.environ, own_uid(), Path(sys.executable))


@dataclass
class Invocation:
    """One run of ``netd``, as its global options say.

    :ivar named_state: ``--state``, or None.
    :ivar named_context: ``--context``, or None.
    :ivar node: ``--on``, or None.
    :ivar as_json: ``--json``.
    :ivar timeout: ``--timeout`` in seconds, or None.
    """

    surroundings: CliSurroundings = field(default_factory=CliSurroundings.real)
    named_state: Path | None = None
    named_context: str | None = None
    node: str | None = None
    as_json: bool = False
    timeout: float | None = None

    @property
    def state(self) -> Path:
        """The state directory of the chosen daemon."""
        return self.named_state or state_directory(self.surroundings.environ, self.surroundings.uid)

    def service_told(self) -> str:
        """Say that this machine's service has another state directory, if that is likely to be meant; empty otherwise.

        A person's own directory is meant where it is named, and where a daemon runs with it.
        """
        state, service = self.state, self.surroundings.service_state
        if self.named_state is not None or self.surroundings.environ.get("NETD_STATE_DIRECTORY") or state == service:
            return ""
        if (state / CONTROL_SOCKET).exists() or not service.is_dir():
            return ""
        return f"the netd of this machine's service has {service}: `sudo` before the command means that one"

    def tell_of_service(self) -> None:
        """Warn that files of the state directory are about to be used, although those of the service may be meant."""
        told = self.service_told()
        if told:
            click.echo(escaped(f"netd: this is about {self.state}, where no netd runs; {told}"), err=True)

    def require_unix(self) -> None:
        """Raise :exc:`Failure` on Windows, where no daemon can run."""
        if self.surroundings.uid < 0:
            raise Failure(
                "the daemon runs on Linux, macOS and other Unix systems, not on this one; "
                "`netd context add NAME --url URL` names the gateway of a daemon that runs elsewhere"
            )

    def patience(self, deadline: object = None) -> float:
        """Seconds to wait for an answer; enough for a request with *deadline*, unless ``--timeout`` says otherwise."""
        if self.timeout is not None:
            return self.timeout
        if isinstance(deadline, (int, float)) and not isinstance(deadline, bool):
            return max(DEFAULT_TIMEOUT, deadline + DEADLINE_MARGIN)
        return DEFAULT_TIMEOUT

    def context(self) -> Context | None:
        """The context of the chosen gateway; None for the daemon of this machine.

        :raises Failure: if there is no context of that name, or the contexts cannot be read.
        """
        if self.named_state is not None:
            if self.named_context not in {None, LOCAL}:
                raise click.UsageError("--state chooses a daemon of this machine, --context a gateway: give one of the two.")
            return None
        named = self.named_context or self.surroundings.environ.get("NETD_CONTEXT")
        if named == LOCAL:
            return None
        try:
            contexts = read_contexts(contexts_file(self.surroundings.environ))
        except ContextError as error:
            raise Failure(str(error)) from error
        name = named or contexts.used
        if name is not None and name not in contexts.by_name:
            raise NotFound(f"no context {name!r}; `netd context list` lists them")
        return None if name is None else contexts.by_name[name]

    @contextmanager
    def control(self, timeout: float | None = None, *, is_local: bool = False) -> Iterator[ControlPort]:
        """Open the chosen daemon. Each call may take *timeout* seconds.

        :param is_local: take the daemon of this machine, whatever context is in use.
        :raises Failure: for each error of the daemon inside the ``with``.
        """
        with self._told(), self._open_control(is_local, self.patience() if timeout is None else timeout) as control:
            yield control

    @contextmanager
    def subscription(self, wish: Wish, hooks: Hooks) -> Iterator[SubscriptionPort]:
        """Subscribe to events of the chosen daemon.

        :raises Failure: for each error of the subscription inside the ``with``.
        """
        if self.node is not None:
            raise click.UsageError(f"--on is for operations; events of a node have its name: session.main@{self.node}.>")
        ports, context = self.surroundings.gateway, self.context()
        with self._told():
            if context is None:
                opened = ports.subscribe_locally(self.state / CONTROL_SOCKET, wish, self.patience(), hooks)
            else:
                opened = ports.subscribe(context, wish, self.patience(), hooks)
            with closing(opened):
                yield opened

    def _open_control(self, is_local: bool, timeout: float) -> ControlPort:
        context = None if is_local else self.context()
        if context is None:
            opened = self.surroundings.open_control(self.state / CONTROL_SOCKET, timeout)
        else:
            opened = self.surroundings.gateway.open_control(context, timeout)
        return opened if self.node is None or is_local else NodeControl(opened, self.node)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn errors of the client into failures of the command."""
        try:
            yield
        except NotRunning as error:
            raise Failure("; ".join(filter(None, (as_commands(str(error), self.node), self.service_told())))) from error
        except ControlError as error:
            raise failure_of(error, self.node) from error

    def print_json(self, value: object) -> None:
        """Write *value* as JSON in ASCII, which no terminal can take for control characters."""
        click.echo(json.dumps(value, indent=2))

    def show(self, value: object, schema: Mapping[str, Any] = ANYTHING, events: EventSchemas = ()) -> None:
        """Write any result: JSON with ``--json``, otherwise as a table, a tree or a line.

        :param schema: describes *value*; numbers without a description are written unchanged.
        :param events: schemas of the events in it, each with the pattern of its subjects.
        """
        if self.as_json:
            self.print_json(value)
            return
        from netd.cli import render  # noqa: PLC0415 - rich takes long to import
        from netd.codec.words import Words  # noqa: PLC0415

        render.show(value, Words(self.surroundings.wall_clock(), events=events), schema)

    def show_table(self, columns: Sequence[str], rows: Sequence[Sequence[str | tuple[str, str]]]) -> None:
        """Write a table of *rows* under the names of *columns*. A cell is a text, or a text and its style."""
        from netd.cli import render  # noqa: PLC0415 - rich takes long to import

        render.show_table(columns, rows)

    def show_grid(self, columns: Sequence[str], rows: Sequence[tuple[Sequence[str], Sequence[tuple[str, str]]]]) -> None:
        """Write a table of *rows* under the names of *columns*. A row is its cells, and named texts for the lines below it."""
        from netd.cli import render  # noqa: PLC0415 - rich takes long to import

        render.show_grid(columns, rows)


def seconds(written: str | float) -> float:
    """A number of seconds above 0, a day at most, also as in ``30s``, ``5m`` or ``1h``; a type of click's.

    :param written: a number where it is an option's default.
    """
    text = str(written)
    unit = text[-1:] if text[-1:] in _UNITS else "s"
    try:
        number = float(text.removesuffix(unit)) * _UNITS[unit]
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
    directory = click.Path(file_okay=False, readable=False, path_type=Path)  # whoever may not read it is told who may
    return {
        "state": click.Option(
            ["named_state", "--state"],
            type=directory,
            metavar="DIR",
            is_eager=True,
            expose_value=False,
            callback=_keep("named_state"),
            help="State directory of the daemon to use.",
        ),
        "context": click.Option(
            ["named_context", "--context"],
            metavar="NAME",
            is_eager=True,
            expose_value=False,
            callback=_keep("named_context"),
            help="Gateway to use, by its name in `netd context list`.",
        ),
        "on": click.Option(
            ["node", "--on"],
            metavar="NODE",
            is_eager=True,
            expose_value=False,
            callback=_keep("node"),
            help="Node of the cluster to use; it is asked through the daemon.",
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

    :param common: which of them.
    """

    def __init__(
        self, *arguments: Any, common: Collection[str] = ("state", "context", "on", "json", "timeout"), **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        taken = {flag for parameter in self.params for flag in parameter.opts}
        self.params += [option for name, option in common_options().items() if name in common and f"--{name}" not in taken]

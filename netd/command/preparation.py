"""The preparation of a command: the function that it names, the right to run it, and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from attrs import define, evolve, frozen

from netd.bus.subject import token
from netd.command.commands import LIST, Command, Commands
from netd.command.grammar import CommandRequest
from netd.command.rules import CommandRules
from netd.errors import InvalidArguments, NotPermitted, ProtocolError
from netd.principal import ANONYMOUS, PROVE_FIRST, Principal, check

__all__ = [
    "CommandContext",
    "CommandFault",
    "ReportedOutcome",
    "UnknownCommand",
    "WrongArguments",
    "check_runs",
    "made_for",
    "may_run",
    "prepare",
]


class UnknownCommand(ProtocolError):
    """Nothing is registered under the ``command_id``."""

    kind = "unknown command"


class WrongArguments(ProtocolError):
    """An argument is missing, unknown or of the wrong type."""

    kind = "wrong arguments"


class ReportedOutcome(Protocol):
    """An outcome as the machine sees it: see ``netd.command.execution.CommandOutcome``."""

    @property
    def result(self) -> Any:
        """The value that the function has returned."""

    @property
    def error(self) -> str:
        """The reason for which there is no result, or ``""``."""


@define(eq=False)
class CommandContext:
    """The facilities that all connections of one service share.

    :ivar rules: the options in force; a reload replaces them.
    :ivar commands: the functions in force; likewise.
    :ivar run: runs a command with arguments; returns its outcome, or None and reports it later. Its last argument tells who has
        asked for the command.
    :ivar monotonic: the clock, which is never set back.
    :ivar prefix: first tokens of the subjects of the service, ``command.<instance>``.
    """

    rules: CommandRules
    commands: Commands
    run: Callable[[Command, dict[str, Any], Callable[[ReportedOutcome], None], Callable[[], str]], ReportedOutcome | None]
    monotonic: Callable[[], float]
    prefix: str


@frozen
class CommandFault:
    """The mistake in a line.

    :ivar id: the id of the command, if it could be read.
    :ivar excerpt: the beginning of the line, for the log; empty if it holds arguments that could be read.
    :ivar is_last: whether the connection ends over it, also one that is kept.
    """

    error: ProtocolError
    id: int | str | None = None
    excerpt: bytes = b""
    is_last: bool = False


def check_runs(context: CommandContext, command: Command, principal: Principal) -> None:
    """Raise an error unless *principal* may run *command*.

    :raises NotPermitted: with what is missing.
    """
    # Most principals are confined to no subjects: the subject of a command is made for the others alone.
    subject = None if principal.subjects is None else f"{context.prefix}.{token(command.command_id)}"
    check(principal, command.action, subject, command.command_id)


def may_run(context: CommandContext, principal: Principal, command: Command) -> bool:
    """Return True if *principal* may run *command*."""
    try:
        check_runs(context, command, principal)
    except NotPermitted:
        return False
    return True


def made_for(context: CommandContext, command: Command, principal: Principal) -> Command:
    """Return *command* for *principal*: the list of commands has those alone that *principal* may run."""
    if command.command_id != LIST:
        return command
    return evolve(command, function=partial(command.function, partial(may_run, context, principal)))


def prepare(
    context: CommandContext, request: CommandRequest, principal: Principal
) -> tuple[Command, dict[str, Any]] | CommandFault:
    """The command that *request* names and its arguments, or why *principal* cannot run it."""
    if principal is ANONYMOUS:  # which commands there are is no business of strangers
        return CommandFault(NotPermitted(PROVE_FIRST), request.id)
    command = context.commands.find(request.command_id)
    if command is None:
        why = f"there is no command {request.command_id[:80]!r}"
        hint = context.commands.nearest(request.command_id, partial(may_run, context, principal))
        return CommandFault(UnknownCommand(f"{why}; {hint}" if hint else why), request.id, request.command_id.encode())
    try:
        check_runs(context, command, principal)
        command = made_for(context, command, principal)
        return command, command.bind(request.members, request.named_by)
    except InvalidArguments as error:
        return CommandFault(WrongArguments(str(error)), request.id)
    except NotPermitted as error:
        return CommandFault(error, request.id)

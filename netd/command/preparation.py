"""The preparation of a command: the function that it names, the right to run it, and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, frozen

from netd.command.commands import Command, Commands
from netd.command.grammar import CommandRequest
from netd.command.rules import CommandRules
from netd.errors import InvalidArguments, NotPermitted, ProtocolError
from netd.principal import Action, Principal, Role, check

__all__ = ["CommandContext", "CommandFault", "ReportedOutcome", "UnknownCommand", "WrongArguments", "prepare"]

RUN = Action("command.run", Role.OPERATOR, is_open=True)
"""To run a command."""


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
    :ivar subjects: all subjects of the service, as a pattern.
    """

    rules: CommandRules
    commands: Commands
    run: Callable[[Command, dict[str, Any], Callable[[ReportedOutcome], None], Callable[[], str]], ReportedOutcome | None]
    monotonic: Callable[[], float]
    subjects: str


@frozen
class CommandFault:
    """The mistake in a line.

    :ivar id: the id of the command, if it could be read.
    :ivar excerpt: the beginning of the line, for the log; empty if it holds arguments that could be read.
    """

    error: ProtocolError
    id: int | str | None = None
    excerpt: bytes = b""


def prepare(
    context: CommandContext, request: CommandRequest, principal: Principal
) -> tuple[Command, dict[str, Any]] | CommandFault:
    """The command that *request* names and its arguments, or why *principal* cannot run it."""
    command = context.commands.find(request.command_id)
    if command is None:
        why, hint = f"there is no command {request.command_id[:80]!r}", context.commands.nearest(request.command_id)
        return CommandFault(UnknownCommand(f"{why}; {hint}" if hint else why), request.id, request.command_id.encode())
    try:
        check(principal, RUN, context.subjects)
        return command, command.bind(request.members, request.named_by)
    except InvalidArguments as error:
        return CommandFault(WrongArguments(str(error)), request.id)
    except NotPermitted as error:
        return CommandFault(error, request.id)

"""One command of the first dialect, run without a conversation.

Most programs of the first dialect send one valid line, and the function has its result at once. A conversation is not needed for
that, and making one costs more than the command. Everything that is not as simple is left to a
:class:`netd.command.machine.CommandConversation`, which is the reference; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

from netd.codec.jsontext import BadJSON
from netd.codec.token_member import TOKEN
from netd.command.commands import Command
from netd.command.grammar import OLD_ANSWER, CommandRequest, NotACommand, read_request, success
from netd.command.preparation import CommandContext, CommandFault, ReportedOutcome, prepare
from netd.principal import Principal

__all__ = ["Once", "run_once"]


class Once:
    """A command that was started, and its outcome as soon as there is one.

    :ivar command: the command.
    """

    __slots__ = ("_listener", "_outcome", "command")

    def __init__(self, command: Command) -> None:
        self.command = command
        self._outcome: ReportedOutcome | None = None
        self._listener: Callable[[ReportedOutcome], None] | None = None

    def report(self, outcome: ReportedOutcome) -> None:
        """Take the outcome of the command."""
        self._outcome = outcome
        if self._listener is not None:
            self._listener(outcome)

    def answer(self) -> bytes | None:
        """Return the whole answer; None while there is no result, and if the result cannot be sent."""
        outcome = self._outcome
        if outcome is None or outcome.error:
            return None
        try:
            return success(None, outcome.result, OLD_ANSWER)
        except BadJSON:
            return None

    def listen(self, listener: Callable[[ReportedOutcome], None]) -> None:
        """Call *listener* with the outcome, once: now, or when there is one."""
        self._listener = listener
        if self._outcome is not None:
            listener(self._outcome)


def run_once(
    context: CommandContext, line: bytes, principal: Principal, caller: Callable[[], str], takes_tokens: bool = False
) -> Once | CommandRequest | CommandFault | None:
    """Run the command in the one *line* of a newcomer, its newline included.

    :param principal: the newcomer, of which only the address is known.
    :param caller: returns the address of the newcomer.
    :param takes_tokens: whether a ``token`` in the line is a proof, which a conversation has to take out.
    :returns: the run. Otherwise nothing was run, and a conversation must go on with it: with the request, if it asks for a kept
        connection; with the fault in it; or with nothing (None), if the line is no command or longer than ``max_command``.
    """
    rules = context.rules
    if len(line) > rules.max_command or rules.persistent:
        return None
    try:
        request = read_request(line, rules.name_member)
    except NotACommand:
        return None
    if request.id is not None or request.has_nan or (takes_tokens and TOKEN in request.members):
        return request
    prepared = prepare(context, request, principal)
    if isinstance(prepared, CommandFault):
        return prepared
    once = Once(prepared[0])
    outcome = context.run(*prepared, once.report, caller)
    if outcome is not None:
        once.report(outcome)
    return once

"""One connection of the command service, as a machine: bytes in, answers out through its peer (command protocol).

States are an enum, what may happen in each is a table.  Commands of one connection run one after the other, so that answers come
in the order of the commands; what else has arrived waits as lines, and while any waits nothing more is read.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from netd.codec.jsontext import BadJSON, depth_of, is_conclusive, leading_objects, objects_in
from netd.codec.lines import LineDecoder, LineTooLong
from netd.codec.token_member import TOKEN, token_in
from netd.command.commands import Command
from netd.command.grammar import OLD_ANSWER, CommandRequest, NotACommand, Spread, failure, is_spread, read_request, success
from netd.command.preparation import CommandContext, CommandFault, ReportedOutcome, prepare
from netd.errors import NotPermitted, ProtocolError, Revoked, TimedOut
from netd.interfaces import IPeer, MachineShell
from netd.plaintext import unpadded
from netd.principal import Kind

__all__ = [
    "CommandConversation",
    "CommandInput",
    "CommandShell",
    "CommandState",
]

BATCH = 32
"""Commands of one connection carried out before the others get their turn."""

BATCH_BYTES = 1 << 16
"""Bytes of their answers, likewise."""


APOLOGY = "internal error; netd's log has it"


class CommandState(enum.Enum):
    """How far a connection is."""

    FRESH = "waits for its first command"
    RUNNING = "a command runs, others may follow"
    KEPT = "waits for another command"
    LAST = "its last command runs"
    OVER = "being closed"

    __hash__ = object.__hash__  # members are unique; Enum's own is several times slower, and each command asks the table


class CommandInput(enum.Enum):
    """What happens to a connection."""

    COMMAND = "a command, and the connection is kept"
    LAST_COMMAND = "a command, and the connection is not kept"
    BAD_LINE = "a line that cannot be run, and the connection is kept"
    LAST_BAD_LINE = "a line that cannot be run, and the connection is not kept"
    BROKEN = "a line that does not end, or is too long"
    ANSWERED = "the command that runs has an outcome"
    ENDED = "nothing more will come"
    IDLE = "nothing came for too long"
    FAILED = "netd itself has failed at a command"
    REVOKED = "its credential proves nobody any more"

    __hash__ = object.__hash__


class CommandShell(MachineShell, Protocol):
    """The shell of a conversation: the connection around it."""

    @property
    def takes_tokens(self) -> bool:
        """Whether the member ``token`` of a command is a proof, and no argument."""

    def later(self, callback: Callable[[], None]) -> None:
        """Call *callback* after other connections have had their turn, and the outbox has been flushed."""

    def describe(self) -> str:
        """Return the address of the program, and its principal if more is known."""

    def failed(self) -> None:
        """Log the exception that is being handled, which is a fault of netd's own."""

    def unanswerable(self, command: Command, why: str) -> None:
        """Log that the result of a function cannot be sent."""


CommandAction = Callable[["CommandConversation", Any], None]


class CommandConversation:
    """The machine of one connection."""

    __slots__ = (
        "_begun",
        "_command",
        "_context",
        "_farewell",
        "_idle_until",
        "_is_going",
        "_is_idle",
        "_is_kept",
        "_is_paused",
        "_lines",
        "_peer",
        "_request_id",
        "_sent",
        "_shell",
        "_takes_nan",
        "_until",
        "_waiting",
        "state",
    )

    def __init__(self, context: CommandContext, peer: IPeer, shell: CommandShell) -> None:
        self._context = context
        self._peer = peer
        self._shell = shell
        self._lines = LineDecoder(context.rules.max_command)
        self._waiting: deque[bytes | CommandFault | CommandRequest] = deque()
        self._begun: Spread | None = None
        self._command: Command | None = None
        self._request_id: int | str | None = None
        self._takes_nan = False
        self._is_kept = context.rules.persistent
        self._is_going = False
        self._is_idle = False  # the peer's expiry is that of a connection without a command
        self._is_paused = False
        self._farewell = ""
        self._sent = 0
        self._until = 0.0
        self._idle_until = 0.0
        self.state = CommandState.FRESH

    def begin(self) -> None:
        """Start the receive timeout: the first byte has come."""
        if self.state is CommandState.FRESH:
            self._restart()
            self._expire_after(self._context.rules.receive_timeout)

    def move(self, peer: IPeer) -> None:
        """Use *peer* from now on, instead of the one before."""
        self._peer = peer

    def receive(self, received: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._farewell or self.state in (CommandState.LAST, CommandState.OVER):
            self._pause(True)
            return
        has_begun = self._lines.has_begun
        if not has_begun and received.find(b"\n") == len(received) - 1 < self._context.rules.max_command:
            # Most reads are one whole line. The decoder would return the same, with more work.
            self._receive_line(received[:-1])
            return
        try:
            self._lines.limit = self._context.rules.max_command  # a reload may have changed it
            lines = self._lines.feed(received)
            self._keep()
        except LineTooLong:
            self._farewell = "line too long"
            self._waiting.append(self._too_long(received))
        else:
            self._waiting += filter(None, map(unpadded, lines))
            if self.state is CommandState.KEPT and (lines or not has_begun):
                self._restart()
        self._go_on()

    def _receive_line(self, line: bytes) -> None:
        """Take one whole *line*. Its answer starts the receive timeout of the next command; a blank line does so at once."""
        if not (line.startswith(b"{") and line.endswith(b"}")):  # most lines have no padding, and skip the search for it
            line = unpadded(line)
        if line:
            self._waiting.append(line)
        elif self.state is CommandState.KEPT:
            self._restart()
        self._go_on()

    def take(self, first: CommandRequest | CommandFault) -> None:
        """Take the first line, which was parsed at the door; nothing was run."""
        if isinstance(first, CommandFault):
            self._bad_line(first)
        else:
            self._waiting.append(first)
            self._go_on()

    def take_over(self, command: Command) -> Callable[[ReportedOutcome], None]:
        """Take over *command*, the first and only one, which runs already.

        :returns: the function to be called with its outcome.
        """
        self._command = command
        self.state = CommandState.LAST
        return self._report

    def ended(self) -> None:
        """The program has closed its sending side: what it said last needs no newline."""
        if self._farewell or self.state is CommandState.OVER:
            return
        self._farewell = "no command came"
        rest = unpadded(self._lines.finish())
        if rest or self._begun is not None:
            self._waiting.append(rest)
        self._go_on()

    def finish(self, why: str) -> None:
        """The service stops or drains, as *why* says: answer what runs, and end."""
        self._farewell = why
        self._waiting.clear()
        self._go_on()

    def expired(self) -> None:
        """Nothing came for a while."""
        left = self._idle_until - self._context.monotonic() if self._is_idle else 0.0
        self._is_idle = False
        if self._lines.has_begun or self._begun is not None:
            self._take_unfinished()
        elif left > 0.0:  # it was asked for before the last commands came, and not moved by each of them
            self._wait()
        else:
            why = f"no command came within {self._context.rules.receive_timeout:g} s (`receive_timeout`)"
            self._step(CommandInput.IDLE, CommandFault(TimedOut(why)))

    def drained(self) -> None:
        """All that was sent has been taken."""
        self._go_on()

    def revoke(self, why: Revoked) -> None:
        """End the connection, because its credential proves nobody any more. What runs goes on without it."""
        self._waiting.clear()
        is_running = self.state in (CommandState.RUNNING, CommandState.LAST)
        self._step(CommandInput.REVOKED, CommandFault(why, self._request_id if is_running else None))

    def lost(self) -> None:
        """The connection is gone. What runs goes on without it."""
        self.state = CommandState.OVER
        self._waiting.clear()
        self._begun = None
        self._lines.finish()

    def _take_unfinished(self) -> None:
        """Silence after a line that has not ended: it is whole all the same, has some time left, or none."""
        rest, now, begun = self._lines.finish(), self._context.monotonic(), self._begun
        self._peer.note_unfinished(0 if begun is None else begun.size)
        if not unpadded(rest) and begun is None:  # the NUL behind the last command
            until = self._idle_until if self.state is CommandState.KEPT else self._until
            self._expire_after(max(0.0, until - now))
            return
        is_whole = is_conclusive(rest) if begun is None else begun.depth + depth_of(rest) <= 0
        if self._context.rules.silence is not None and is_whole:
            self._waiting.append(unpadded(rest))
        elif self._context.rules.silence is not None and begun is None and (leading := leading_objects(rest))[0]:
            self._waiting.extend(leading[0])  # they need not wait for the one that has begun
            self._lines.feed(leading[1])
            self._keep()
        elif now < self._until:
            self._lines.feed(rest)
            self._peer.note_unfinished(len(rest))
            self._expire_after(self._until - now)
            return
        else:
            limit = self._context.rules.receive_timeout
            why = f"the command did not end within {limit:g} s (`receive_timeout`); a newline ends it"
            self._waiting.append(CommandFault(TimedOut(why), excerpt=rest))
        self._go_on()

    def _restart(self) -> None:
        """Start the receive timeout for the next command."""
        self._until = self._context.monotonic() + self._context.rules.receive_timeout

    def _rest(self) -> None:
        """Start the receive timeout and the idle timeout. Blank lines start only the first anew; see :meth:`_receive_line`."""
        now, rules = self._context.monotonic(), self._context.rules
        self._until, self._idle_until = now + rules.receive_timeout, now + rules.idle_timeout

    def _go_on(self) -> None:
        """Run the commands that wait, until one does not end at once, other connections must have their turn, or none is left."""
        if self._is_going:
            return
        self._is_going = True
        self._sent = 0
        left = BATCH
        while self._waiting and self.state in (CommandState.FRESH, CommandState.KEPT) and left and self._sent < BATCH_BYTES:
            left -= 1
            self._request_id = None
            try:
                self._take(self._waiting.popleft())
            except Exception as error:
                self._shell.failed()
                self._step(CommandInput.FAILED, error)
        self._is_going = False
        if self._waiting:
            self._pause(True)
            if self.state in (CommandState.FRESH, CommandState.KEPT):
                self._shell.later(self._resume)
        elif self.state in (CommandState.FRESH, CommandState.KEPT):
            self._wait()

    def _resume(self) -> None:
        if not self._peer.is_full:  # otherwise drained() will come
            self._go_on()

    def _wait(self) -> None:
        """Wait for more input, or end if no more can come."""
        if self._farewell:
            self._step(CommandInput.ENDED, self._farewell)
            return
        if self._is_paused:
            self._pause(False)
        rules = self._context.rules
        if self._lines.has_begun or self._begun is not None:
            left = max(0.0, self._until - self._context.monotonic())
            self._expire_after(left if rules.silence is None else min(rules.silence, left))
        elif self.state is CommandState.KEPT and not self._is_idle:
            self._expire_after(max(0.0, self._idle_until - self._context.monotonic()))
            self._is_idle = True

    def _expire_after(self, seconds: float | None) -> None:
        self._is_idle = False
        self._peer.expire_after(seconds)

    def _pause(self, pause: bool) -> None:
        if pause is not self._is_paused:
            self._is_paused = pause
            self._peer.set_reading(not pause)

    def _take(self, line: bytes | CommandFault | CommandRequest) -> None:
        if isinstance(line, CommandFault):
            self._step(CommandInput.BROKEN, line)
            return
        if isinstance(line, CommandRequest):
            self._carry_out(line)
            return
        if self._begun is not None:
            self._take_more(self._begun, line)
            return
        try:
            request = read_request(line, self._context.rules.name_member)
        except NotACommand as error:
            objects = objects_in(line)
            if len(objects) > 1:  # several in one line, each of which is taken for a line
                self._waiting.extendleft(reversed(objects))
                return
            if self.state is CommandState.FRESH and not self._is_kept and is_spread(line) and self._has_more():
                self._begun = Spread(line)
                self._keep()
                return
            self._bad_line(CommandFault(error, error.id, line))
            return
        self._carry_out(request)

    def _carry_out(self, request: CommandRequest) -> None:
        self._request_id, self._takes_nan = request.id, request.has_nan
        prepared = self._prepare(request)
        if isinstance(prepared, CommandFault):
            self._bad_line(prepared)
            return
        self._command, arguments = prepared
        self._is_kept = self._is_kept or request.id is not None
        self._step(CommandInput.COMMAND if self._is_kept else CommandInput.LAST_COMMAND, arguments)

    def _prepare(self, request: CommandRequest) -> tuple[Command, dict[str, Any]] | CommandFault:
        """Take the proof out of *request*, if it has one, and prepare the rest of it."""
        if TOKEN in request.members and self._shell.takes_tokens:
            members = dict(request.members)
            try:
                proof = token_in(members)
                if proof is not None:
                    self._shell.prove(proof, Kind.COMMAND, Kind.USER)
            except ProtocolError as error:
                return CommandFault(error, request.id, is_last=isinstance(error, NotPermitted))
            del members[TOKEN]
            request = request._replace(members=members)
        return prepare(self._context, request, self._peer.principal)

    def _take_more(self, begun: Spread, line: bytes) -> None:
        begun.add(line)
        self._keep()
        if begun.size > self._context.rules.max_command:
            self._step(CommandInput.BROKEN, self._too_long(line))
        elif begun.depth <= 0 or not self._has_more():
            self._begun = None
            self._keep()
            self._waiting.appendleft(begun.text)

    def _has_more(self) -> bool:
        """Whether another line may follow."""
        return bool(self._waiting) or not self._farewell

    def _keep(self) -> None:
        self._peer.note_unfinished(self._lines.unfinished + (0 if self._begun is None else self._begun.size))

    def _too_long(self, excerpt: bytes) -> CommandFault:
        why = f"a command has at most {self._context.rules.max_command} bytes here (`max_command`)"
        return CommandFault(LineTooLong(why), excerpt=excerpt)

    def _bad_line(self, fault: CommandFault) -> None:
        self._is_kept = self._is_kept or fault.id is not None
        goes_on = self._is_kept and not fault.is_last
        self._step(CommandInput.BAD_LINE if goes_on else CommandInput.LAST_BAD_LINE, fault)

    def _step(self, happened: CommandInput, subject: Any) -> None:
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is not None:
            action, self.state = transition
            action(self, subject)

    def _send(self, answer: bytes) -> None:
        self._sent += len(answer)
        self._peer.send(answer)

    def _limit(self, request_id: int | str | None) -> int:
        return OLD_ANSWER if request_id is None else self._context.rules.max_answer

    # What each input does

    def _do_run(self, arguments: dict[str, Any]) -> None:
        command = self._command
        assert command is not None
        outcome = self._context.run(command, arguments, self._report, self._shell.describe)
        if outcome is None:
            self._expire_after(None)
        else:
            self._step(CommandInput.ANSWERED, outcome)

    def _do_run_first(self, arguments: dict[str, Any]) -> None:
        self._shell.identified()
        self._do_run(arguments)

    def _do_answer(self, outcome: ReportedOutcome) -> None:
        self._send(self._answer(outcome))
        self._rest()

    def _do_answer_last(self, outcome: ReportedOutcome) -> None:
        self._send(self._answer(outcome))
        self._peer.close("answered")

    def _do_complain(self, fault: CommandFault) -> None:
        self._shell.refuse(fault.error.kind, str(fault.error), fault.excerpt)
        self._send(failure(fault.id, str(fault.error), self._limit(fault.id), isinstance(fault.error, NotPermitted)))
        self._rest()

    def _do_refuse(self, fault: CommandFault) -> None:
        self._do_complain(fault)
        self._peer.close(fault.error.kind)

    def _do_dismiss(self, why: str) -> None:
        self._send(failure(None, why, OLD_ANSWER))
        self._peer.close(why)

    def _do_leave(self, why: str | CommandFault) -> None:
        self._peer.close("idle" if isinstance(why, CommandFault) else why)

    def _do_apologise(self, _error: Exception) -> None:
        self._send(failure(self._request_id, APOLOGY, self._limit(self._request_id)))
        self._peer.close("internal error")

    def _report(self, outcome: ReportedOutcome) -> None:
        self._step(CommandInput.ANSWERED, outcome)
        self._go_on()

    def _answer(self, outcome: ReportedOutcome) -> bytes:
        request_id, command = self._request_id, self._command
        assert command is not None
        limit = OLD_ANSWER if request_id is None else self._context.rules.max_answer
        if not outcome.error:
            try:
                return success(request_id, outcome.result, limit, takes_nan=self._takes_nan)
            except BadJSON as error:
                self._shell.unanswerable(command, str(error))
                return failure(request_id, f"the result of {command.command_id} {error}", limit)
        return failure(request_id, outcome.error, limit)

    TRANSITIONS: ClassVar[dict[tuple[CommandState, CommandInput], tuple[CommandAction, CommandState]]] = {
        (CommandState.FRESH, CommandInput.COMMAND): (_do_run_first, CommandState.RUNNING),
        (CommandState.FRESH, CommandInput.LAST_COMMAND): (_do_run_first, CommandState.LAST),
        (CommandState.FRESH, CommandInput.BAD_LINE): (_do_complain, CommandState.KEPT),
        (CommandState.FRESH, CommandInput.LAST_BAD_LINE): (_do_refuse, CommandState.OVER),
        (CommandState.KEPT, CommandInput.LAST_BAD_LINE): (_do_refuse, CommandState.OVER),
        (CommandState.FRESH, CommandInput.BROKEN): (_do_refuse, CommandState.OVER),
        (CommandState.FRESH, CommandInput.ENDED): (_do_dismiss, CommandState.OVER),
        (CommandState.FRESH, CommandInput.IDLE): (_do_refuse, CommandState.OVER),
        (CommandState.KEPT, CommandInput.COMMAND): (_do_run, CommandState.RUNNING),
        (CommandState.KEPT, CommandInput.BAD_LINE): (_do_complain, CommandState.KEPT),
        (CommandState.KEPT, CommandInput.BROKEN): (_do_refuse, CommandState.OVER),
        (CommandState.KEPT, CommandInput.ENDED): (_do_leave, CommandState.OVER),
        (CommandState.KEPT, CommandInput.IDLE): (_do_leave, CommandState.OVER),
        (CommandState.RUNNING, CommandInput.ANSWERED): (_do_answer, CommandState.KEPT),
        (CommandState.LAST, CommandInput.ANSWERED): (_do_answer_last, CommandState.OVER),
        (CommandState.FRESH, CommandInput.FAILED): (_do_apologise, CommandState.OVER),
        (CommandState.KEPT, CommandInput.FAILED): (_do_apologise, CommandState.OVER),
        (CommandState.RUNNING, CommandInput.FAILED): (_do_apologise, CommandState.OVER),
        (CommandState.LAST, CommandInput.FAILED): (_do_apologise, CommandState.OVER),
        (CommandState.FRESH, CommandInput.REVOKED): (_do_refuse, CommandState.OVER),
        (CommandState.KEPT, CommandInput.REVOKED): (_do_refuse, CommandState.OVER),
        (CommandState.RUNNING, CommandInput.REVOKED): (_do_refuse, CommandState.OVER),
        (CommandState.LAST, CommandInput.REVOKED): (_do_refuse, CommandState.OVER),
    }
    """What is done with each input in each state, and how far the connection is afterwards. An absent pair comes too late."""

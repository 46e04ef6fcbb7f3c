"""Runs commands: plain functions, functions that return a Deferred, coroutines, and blocking functions in threads.

Each run has exactly one outcome, within the time limit. Whatever a function raises or returns, and also that it never returns,
becomes an outcome.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import Any, NamedTuple

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.command.commands import Command
from netd.command.events import Run
from netd.errors import InvalidArguments, text_of
from netd.interfaces import IBus
from netd.log import LogLimiter, told_of
from netd.message import Message
from netd.redaction import abridged, redacted
from netd.threads import Task, Threads

__all__ = ["HELD_UP", "CommandOutcome", "CommandStatus", "Execution"]

HELD_UP = 0.05
"""Seconds for which a function may block the reactor before the log names it."""

PLAIN = frozenset((type(None), bool, int, float, str, bytes, list, tuple, dict))
"""Types of results that are certainly no Deferred. Deferred is an abstract class, and ``isinstance`` of one takes longer than a
short function does."""

Asked = tuple[str, dict[str, Any]] | None
"""Who has asked for a run, and its arguments for the record; None if nobody wanted to know when it began."""

_NO_LOOP = "no running event loop"


class CommandStatus(enum.Enum):
    """How a function ended."""

    SUCCESS = "success"
    ERROR = "error"
    EXPIRED = "expired"


class CommandOutcome(NamedTuple):
    """The outcome of one command.

    :ivar result: the value that the function returned.
    :ivar error: why there is no result, or ``""``.
    """

    status: CommandStatus
    result: Any = None
    error: str = ""


@define(eq=False)
class Execution:
    """Runs the functions of one service.

    :ivar timeout: seconds that a function may take.
    :ivar subject: the subject of the event of each run.
    :ivar open: runs that have no outcome yet.
    :ivar counts: outcomes, by status.
    """

    _log = Logger()

    clock: IReactorTime
    threads: Threads
    timeout: float
    bus: IBus
    subject: str
    limiter: LogLimiter
    open: int = 0
    counts: Counter[str] = field(factory=Counter)

    def run(
        self, command: Command, arguments: dict[str, Any], report: Callable[[CommandOutcome], None], caller: Callable[[], str]
    ) -> CommandOutcome | None:
        """Run *command* with *arguments*.

        :param caller: returns who has asked for it, for the event of the run. Called at once, if somebody wants that.
        :returns: the outcome, or None; then *report* will be called with it.
        """
        # The function may change its arguments, so that they are looked at before it is called.
        asked = (caller(), redacted(arguments)) if self.bus.wants(self.subject) else None
        started = self.clock.seconds()
        self.open += 1
        if command.is_blocking:
            return _Running(self, command, report, started, asked).start_in_thread(arguments)
        try:
            returned = command.function(**arguments)
            if isinstance(returned, CoroutineType):
                returned = Deferred.fromCoroutine(returned)
        except BaseException:
            returned = Failure()
        seconds = self.clock.seconds() - started
        if seconds > HELD_UP:
            self.held_up(command, seconds)
        if type(returned) not in PLAIN and isinstance(returned, Deferred):
            return _Running(self, command, report, started, asked).wait_for(returned)
        return self.ended(command, started, self.outcome_of(command, returned), asked)

    def outcome_of(self, command: Command, returned: Any) -> CommandOutcome:
        """Turn what a function *returned*, possibly a Failure, into an outcome. Failures that are not the caller's are logged."""
        if not isinstance(returned, Failure):
            return CommandOutcome(CommandStatus.SUCCESS, returned)
        if not returned.check(InvalidArguments):
            self.failed(command, returned)
        return CommandOutcome(CommandStatus.ERROR, error=_message(returned))

    def ended(self, command: Command, started: float, outcome: CommandOutcome, asked: Asked) -> CommandOutcome:
        """Note *outcome*, and publish it if somebody wanted that when the run began."""
        self.open -= 1
        status = outcome.status.value
        self.counts[status] += 1
        if asked is not None:
            event: Run = {
                "command_id": command.command_id,
                "from": asked[0],
                "arguments": asked[1],
                "outcome": status,
                "error": abridged(outcome.error),
                "seconds": self.clock.seconds() - started,
                "time": self.bus.wall(),
            }
            self.bus.publish(Message(self.subject, event))
        return outcome

    def held_up(self, command: Command, seconds: float) -> None:
        """Log that a function blocked the reactor."""
        skipped = self.limiter.admit(f"held up {command.command_id}")
        if skipped is not None:
            self._log.warn(
                "command {command_id!r} ({place}) held up everything for {seconds:.3f} s: mark it as blocking, "
                '@command("…", blocking=True){more}',
                command_id=command.command_id,
                place=command.place,
                seconds=seconds,
                more=told_of(skipped),
            )

    def failed(self, command: Command, failure: Failure) -> None:
        """Log the exception of a function."""
        skipped = self.limiter.admit(f"failed {command.command_id}")
        if skipped is not None:
            self._log.failure(
                "the function of command {command_id!r} raised{more}",
                failure,
                command_id=command.command_id,
                more=told_of(skipped),
            )

    def expired(self, command: Command) -> None:
        """Log that a function did not return in time."""
        skipped = self.limiter.admit(f"expired {command.command_id}")
        if skipped is not None:
            self._log.warn(
                "command {command_id!r} ({place}) did not return within {timeout:g} s{more}",
                command_id=command.command_id,
                place=command.place,
                timeout=self.timeout,
                more=told_of(skipped),
            )


class _Running:
    """A run whose function has not returned its result yet."""

    __slots__ = (
        "_asked",
        "_command",
        "_deferred",
        "_execution",
        "_is_waiting",
        "_outcome",
        "_report",
        "_started",
        "_task",
        "_timer",
    )

    def __init__(
        self,
        execution: Execution,
        command: Command,
        report: Callable[[CommandOutcome], None],
        started: float,
        asked: Asked,
    ) -> None:
        self._asked = asked
        self._command = command
        self._report = report
        self._started = started
        self._execution = execution
        self._outcome: CommandOutcome | None = None
        self._is_waiting = False
        self._timer: Any = None
        self._deferred: Deferred[Any] | None = None
        self._task: Task | None = None

    def wait_for(self, deferred: Deferred[Any]) -> CommandOutcome | None:
        """Wait for *deferred*, which the function has returned. Return the outcome if it has fired already."""
        self._deferred = deferred
        deferred.addBoth(self._returned)
        return self._wait()

    def start_in_thread(self, arguments: dict[str, Any]) -> CommandOutcome | None:
        """Call the function as soon as a thread is free. Return the outcome if too many functions wait for a thread."""
        self._task = self._execution.threads.run(partial(_call, self._command.function, arguments), self._returned)
        if self._task is None:
            self._conclude(
                CommandOutcome(CommandStatus.ERROR, error="too many commands wait for a thread (`max_waiting`); try again later")
            )
        return self._wait()

    def _wait(self) -> CommandOutcome | None:
        if self._outcome is None:
            self._is_waiting = True
            self._timer = self._execution.clock.callLater(self._execution.timeout, self._expired)
        return self._outcome

    def _returned(self, returned: Any) -> None:
        """Take the result of the function, unless the time limit has passed already."""
        if self._outcome is None:
            self._conclude(self._execution.outcome_of(self._command, returned))

    def _conclude(self, outcome: CommandOutcome) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._outcome = self._execution.ended(self._command, self._started, outcome, self._asked)
        if self._is_waiting:
            self._report(outcome)

    def _expired(self) -> None:
        self._timer = None
        limit = f"within {self._execution.timeout:g} s (`timeout`)"
        why = f"{self._command.command_id} did not return {limit}"
        if self._task is not None:
            self._task.is_wanted = False
            if not self._task.is_begun:
                why = f"no thread was free for {self._command.command_id} {limit}: it was not run"
        self._execution.expired(self._command)
        self._conclude(CommandOutcome(CommandStatus.EXPIRED, error=why))
        if self._deferred is not None:
            self._deferred.cancel()


def _call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call *function* in the thread. A coroutine is run in an asyncio loop of its own."""
    returned = function(**arguments)
    return asyncio.run(returned) if inspect.iscoroutine(returned) else returned


def _message(failure: Failure) -> str:
    """Return what the program is told of an exception: its text, and never the traceback."""
    text = text_of(failure.value)
    if isinstance(failure.value, RuntimeError) and text == _NO_LOOP:
        text += ": a coroutine that awaits asyncio is marked as blocking, one that awaits Deferreds is not"
    return text

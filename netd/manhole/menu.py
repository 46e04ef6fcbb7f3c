"""The menu: the second dialogue of a terminal. It runs one operation at a time, and Ctrl-C ends the wait for its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.codec.jsontext import to_plain
from netd.codec.words import Words
from netd.errors import NetdError, NoSuchTarget
from netd.manhole.grammar import Help, Invoke, MenuGrammar, MenuWord
from netd.manhole.rendering import escape, render
from netd.manhole.terminal import Terminal
from netd.redaction import redacted

__all__ = ["PROMPT", "Call", "OperatorMenu"]

PROMPT = "netd> "

Call = Callable[[str, dict[str, Any]], Deferred[Any]]
"""Calls an operation by its name, with arguments, and returns a Deferred of its result."""


@define(eq=False)
class _Run:
    """An operation that was called and has no result yet."""

    command: Invoke
    outcome: Deferred[None] | None = None


class OperatorMenu:
    """The menu on one terminal, from the login to the end.

    :param idle_timeout: seconds without a line after which the session ends. The time of a running operation does not count.
    :param wall: the wall clock, in seconds since the epoch.
    :param enter_python: hands the terminal to the Python prompt, which hands it back to this menu; None when the configuration
        does not allow it.
    """

    _log = Logger()

    def __init__(
        self,
        terminal: Terminal,
        menu: MenuGrammar,
        call: Call,
        idle_timeout: float,
        wall: Callable[[], float],
        enter_python: Callable[[OperatorMenu], None] | None,
    ) -> None:
        self._terminal = terminal
        self._menu = menu
        self._call = call
        self._idle_timeout = idle_timeout
        self._wall = wall
        self._enter_python = enter_python
        self._run: _Run | None = None

    def begin(self) -> None:
        self._terminal.write("Type help for what can be done here, quit to leave.\n")
        self._prompt()

    def line(self, text: str) -> None:
        """Carry out one command."""
        terminal = self._terminal
        try:
            command = self._menu.read(text)
            if isinstance(command, Invoke):
                self._note(f"{command.name} {redacted(command.parameters)}")
                self._invoke(command)
                return
            if isinstance(command, Help):
                terminal.write(f"{render(self._menu.help(command.topic), self._words())}\n")
        except NetdError as error:
            self._complain(error)
        else:
            if command is MenuWord.QUIT:
                terminal.close("goodbye")
                return
            if command is MenuWord.PYTHON and self._enter_python is not None:
                self._enter_python(self)
                return
            if command is MenuWord.PYTHON:
                terminal.write("The Python prompt is switched off: `python = yes` in [manhole] switches it on.\n")
        self._prompt()

    def complete(self, before: str) -> list[str]:
        """Complete commands and the names of their arguments."""
        return self._menu.complete(before)

    def interrupt(self) -> None:
        """Cancel the running operation; without one, begin a new line."""
        run = self._forget()
        self._terminal.write("\n" if run is None else f"\n{run.command.name}: cancelled\n")
        self._prompt()
        self._terminal.set_busy(False)

    def end(self) -> None:
        self._terminal.write("\n")
        self._terminal.close("goodbye")

    def expired(self) -> None:
        self._terminal.write("\n")
        self._terminal.close(f"nothing was typed for {self._idle_timeout:g} s; goodbye")

    def closed(self) -> None:
        self._forget()

    def _prompt(self) -> None:
        self._terminal.expire_after(self._idle_timeout)
        self._terminal.write(PROMPT)

    def _note(self, said: str) -> None:
        """Log a command, without the secrets among its arguments."""
        terminal = self._terminal
        self._log.info(
            "{service}: {who}: {said}",
            service=terminal.factory.name,
            who=terminal.describe(),
            said=said,
            connection=terminal.number,
        )

    def _invoke(self, command: Invoke) -> None:
        self._run = run = _Run(command)
        self._terminal.expire_after(None)
        self._terminal.set_busy(True)
        outcome = self._call(command.name, command.parameters)
        run.outcome = outcome
        outcome.addBoth(self._came_back, run)

    def _came_back(self, outcome: Any, run: _Run) -> None:
        if self._run is not run:  # it was cancelled meanwhile
            return
        self._run = None
        if not isinstance(outcome, Failure):
            self._show(outcome, self._menu.result_of(run.command))
        elif isinstance(outcome.value, NetdError):
            self._complain(outcome.value, self._elsewhere(run.command) if outcome.check(NoSuchTarget) else "")
        else:
            self._log.failure(
                "{service}: {operation} failed", outcome, service=self._terminal.factory.name, operation=run.command.name
            )
            self._terminal.write("error: a fault of netd's own; the log has it\n")
        self._prompt()
        self._terminal.set_busy(False)

    def _show(self, value: object, schema: dict[str, Any]) -> None:
        try:
            text = render(to_plain(value, keeps_bytes=True), self._words(), schema)
        except NetdError as error:
            self._complain(error)
        else:
            self._terminal.write(f"{text}\n")

    def _complain(self, error: NetdError, hint: str = "") -> None:
        self._terminal.write(f"error: {escape(str(error))}{hint}\n")

    def _elsewhere(self, command: Invoke) -> str:
        """Return a hint at the other instances in which the target of *command* may be."""
        others = self._menu.other_instances(command)
        return f"; this was not asked of {', '.join(others)}: add instance={others[0]}" if others else ""

    def _words(self) -> Words:
        return Words(self._wall())

    def _forget(self) -> _Run | None:
        """Cancel the running operation, if there is one. Its result will not be shown."""
        run, self._run = self._run, None
        if run is not None and run.outcome is not None:
            run.outcome.cancel()
        return run

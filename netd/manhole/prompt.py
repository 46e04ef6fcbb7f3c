"""The Python prompt: the third dialogue of a terminal, if the configuration allows it.

Statements run in the reactor's thread, with all rights of the daemon. One that blocks stops every connection meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.conch.manhole import ManholeInterpreter
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.errors import InvalidArguments
from netd.manhole.menu import PROMPT, Call
from netd.manhole.rendering import escape
from netd.manhole.terminal import Terminal
from netd.operations import Operation, OperationTable

__all__ = ["PythonPrompt", "operations_namespace"]

MAX_BLOCK = 1 << 16
"""The longest statement, with all its lines, in bytes."""

_FIRST, _MORE = ">>> ", "... "


class PythonPrompt:
    """Python on one terminal, until Ctrl-D or ``exit()``.

    :param namespace: the names that are defined at the prompt to begin with.
    :param leave: hands the terminal back to the menu.
    :param left: called once at the end, however it comes.
    """

    _log = Logger()

    def __init__(
        self,
        terminal: Terminal,
        namespace: dict[str, Any],
        idle_timeout: float,
        leave: Callable[[], None],
        left: Callable[[], None],
    ) -> None:
        self._terminal = terminal
        self._idle_timeout = idle_timeout
        self._leave = leave
        self._left = left
        self._names = ", ".join(sorted(namespace))
        # The interpreter's own exit() and quit() would close the daemon's standard input.
        self._interpreter = ManholeInterpreter(self, namespace | {"exit": _leave_prompt, "quit": _leave_prompt})
        self._prompt = _FIRST
        self._is_mid_line = False

    def begin(self) -> None:
        self._terminal.write(
            f"Python inside the daemon: {self._names}. Code that blocks stops every connection. Ctrl-D leaves.\n"
        )
        self._ask(_FIRST)

    def line(self, text: str) -> None:
        """Add a line to the statement, and run it if it is complete."""
        self._log.info(
            "{service}: {who}: python: {line!r}",
            service=self._terminal.factory.name,
            who=self._terminal.describe(),
            line=text,
            connection=self._terminal.number,
        )
        if sum(map(len, self._interpreter.buffer)) + len(text) > MAX_BLOCK:
            self._terminal.write(f"A statement has at most {MAX_BLOCK} bytes; this one is forgotten.\n")
            self.interrupt()
            return
        try:
            wants_more = self._interpreter.push(text.encode("utf-8"))
        except BrokenPipeError:
            return
        except SystemExit:
            self.end()
        else:
            self._ask(_MORE if wants_more else _FIRST)

    def complete(self, before: str) -> None:
        """The Tab key is text: it indents."""

    def interrupt(self) -> None:
        """Forget the unfinished statement."""
        self._interpreter.resetBuffer()
        self._terminal.write("\n")
        self._ask(_FIRST)

    def end(self) -> None:
        self._terminal.write("\n")
        self._prompt = PROMPT
        self._left()
        self._leave()

    def expired(self) -> None:
        self._terminal.write("\n")
        self._terminal.close(f"nothing was typed for {self._idle_timeout:g} s; goodbye")

    def closed(self) -> None:
        """Note the end. What was started goes on, without output."""
        self._left()

    def addOutput(self, text: str, is_late: bool | None = None) -> None:  # noqa: N802 - ManholeInterpreter calls it
        """Show output of the interpreter.

        :param is_late: whether the output comes from a Deferred, after the prompt was shown, which is then shown again.
        :raises BrokenPipeError: when the terminal is gone. That ends a loop which prints for ever.
        """
        shown = "\n".join(escape(line) for line in text.split("\n"))
        if is_late:
            self._terminal.write(f"\n{shown}\n{self._prompt}")
            return
        self._terminal.write(shown)
        self._is_mid_line = not shown.endswith("\n") if shown else self._is_mid_line
        if not self._terminal.is_open:
            raise BrokenPipeError("the terminal is gone")

    def _ask(self, prompt: str) -> None:
        self._prompt = prompt
        self._terminal.expire_after(self._idle_timeout)
        self._terminal.write(f"\n{prompt}" if self._is_mid_line else prompt)
        self._is_mid_line = False


def _leave_prompt() -> None:
    raise SystemExit


def operations_namespace(table: OperationTable, call: Call) -> SimpleNamespace:
    """Return all operations as functions of nested namespaces: ``netd.relay.send("greenhouse", text="hello")``.

    A function returns the operation's result, or a Deferred of it if the result is not there at once.
    """
    root = SimpleNamespace()
    for operation, _ in table:
        *path, verb = operation.name.split(".")
        owner = root
        for part in path:
            if not hasattr(owner, part):
                setattr(owner, part, SimpleNamespace())
            owner = getattr(owner, part)
        setattr(owner, verb, _function(operation, call))
    return root


def _function(operation: Operation, call: Call) -> Callable[..., Any]:
    names = [argument.name for argument in operation.arguments]

    def invoke(*positional: Any, **named: Any) -> Any:
        if len(positional) > len(names):
            raise InvalidArguments(f"{operation.name} takes at most {len(names)} arguments, not {len(positional)}")
        given = dict(zip(names, positional, strict=False))
        for name in given.keys() & named.keys():
            raise InvalidArguments(f"{name}: is given twice")
        return _result_of(call(operation.name, given | named))

    invoke.__name__ = invoke.__qualname__ = operation.name
    invoke.__doc__ = f"{operation.name}({', '.join(names)}): {operation.summary}"
    return invoke


def _result_of(outcome: Deferred[Any]) -> Any:
    """Return the result of *outcome* or raise its exception; return *outcome* itself if it has neither yet."""
    results: list[Any] = []
    if not outcome.called or outcome.paused:
        return outcome
    outcome.addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]

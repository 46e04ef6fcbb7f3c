"""The exceptions of netd. Each is named for what has happened.

They carry plain values, never connections or services, so that they can be logged, counted, and sent to a console.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from attrs import frozen

__all__ = [
    "ConfigErrors",
    "ConfigProblem",
    "Gone",
    "InvalidArguments",
    "LineError",
    "LineErrors",
    "NetdError",
    "NoSuchOperation",
    "NoSuchTarget",
    "NotInTime",
    "NotPermitted",
    "OperationFailed",
    "Outdated",
    "ProtocolError",
    "Revoked",
    "TimedOut",
]


def text_of(error: object) -> str:
    """Return the text of *error*; the name of its class if it has none, or if a user's own class fails in ``__str__``."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return text or type(error).__name__


class NetdError(Exception):
    """The base of all exceptions that netd raises on purpose. Its text is written for people."""


@frozen
class ConfigProblem:
    """One mistake in the configuration.

    :ivar place: ``file:line`` or ``environment NETD_…``.
    :ivar section: the INI section, or ``""``.
    :ivar option: the option, or ``""`` for the section itself.
    :ivar problem: the mistake, and the remedy if there is one.
    """

    place: str
    section: str
    option: str
    problem: str

    @property
    def line(self) -> float:
        """The line of the file; infinity if the mistake is not in the file, so that it is sorted behind the others."""
        number = self.place.rpartition(":")[2]
        return int(number) if number.isdecimal() else math.inf

    def __str__(self) -> str:
        section = f"[{self.section}] " if self.section else ""
        option = f"{self.option}: " if self.option else ""
        return f"{self.place}: {section}{option}{self.problem}"


class ConfigErrors(NetdError):
    """The configuration cannot be used. The exception carries every problem that was found, in file order.

    :ivar rest: the ``Configuration`` with defaults in place of the wrong options, in which further problems can be looked for;
        None when the file could not be read.
    """

    def __init__(self, problems: tuple[ConfigProblem, ...], rest: Any = None) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.rest = rest


class LineError(NetdError, ValueError):
    """One line of an option's text cannot be read.

    :ivar index: the number of the line within the text, counted from 0.
    :ivar problem: the mistake, and its remedy.
    :ivar other: the number of another line, for which ``{line}`` stands in *problem*.
    """

    def __init__(self, index: int, problem: str, other: int | None = None) -> None:
        super().__init__(problem if other is None else problem.replace("{line}", str(other + 1)))
        self.index = index
        self.problem = problem
        self.other = other

    def told(self, lines: Sequence[int]) -> str:
        """Return the mistake as it is told where the lines of the text have these numbers."""
        return self.problem if self.other is None else self.problem.replace("{line}", str(lines[self.other]))


class LineErrors(NetdError, ValueError):
    """Lines of an option's text cannot be read. The loader tells each at its own place in the file."""

    def __init__(self, errors: Sequence[LineError]) -> None:
        super().__init__("; ".join(f"line {error.index + 1}: {error}" for error in errors))
        self.errors = errors


class ProtocolError(NetdError):
    """A peer broke its protocol. The message may be sent to that peer.

    :cvar kind: a few words that are always the same, by which such errors are counted and their log lines limited.
    """

    kind: ClassVar[str] = "protocol error"


class TimedOut(ProtocolError):
    """A peer exceeded a time limit."""

    kind = "timed out"


class OperationFailed(NetdError):
    """An operation could not be carried out. The message says why.

    :ivar data: what programs can know beside the message: plain values by name. ``known`` tells whether something was done that
        another node was to do: ``no``, ``maybe`` or ``yes``.
    """

    def __init__(self, message: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.data = data or {}


class NoSuchTarget(OperationFailed):
    """The device, session or room that an operation names does not exist."""


class Outdated(OperationFailed):
    """An operation was to replace something that somebody else has changed meanwhile. ``data`` tells what there is now."""


class NotInTime(OperationFailed):
    """An operation exceeded its time limit. What it has begun may go on."""


class Gone(OperationFailed):
    """The device, session or room that an operation names went away while the operation ran."""


class NoSuchOperation(NetdError):
    """No service offers an operation of that name, or that instance of it."""


class InvalidArguments(NetdError):
    """An argument of an operation is missing, unknown or of the wrong type. The message names it."""


class NotPermitted(ProtocolError):
    """The role or the subjects of the principal do not suffice, at a console or on another protocol.

    :ivar data: the refusal as facts, in texts: ``asked``, what it ``takes``, who ``you`` are, and the ``remedy``, a command.
        Empty where there is no such command.
    """

    kind = "not permitted"

    def __init__(self, message: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.data = data or {}


class Revoked(NotPermitted):
    """The credential that proved the principal of a connection proves nobody any more."""

    kind = "no longer admitted"

"""What can go wrong, each named for what happened.

Errors carry plain values, never connections or services, so that they can be logged, counted and sent to a console.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from attrs import frozen

__all__ = [
    "ConfigErrors",
    "ConfigProblem",
    "Gone",
    "InvalidArguments",
    "NetdError",
    "NoSuchOperation",
    "NoSuchTarget",
    "NotInTime",
    "NotPermitted",
    "OperationFailed",
    "ProtocolError",
    "TimedOut",
]


def text_of(error: object) -> str:
    """What *error* says, or the name of its class, when it says nothing or fails at saying it: classes of users' own may."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return text or type(error).__name__


class NetdError(Exception):
    """Base of everything that netd raises on purpose. ``str()`` of it is fit for a person."""


@frozen
class ConfigProblem:
    """One mistake in the configuration.

    :ivar place: where: ``file:line`` or ``environment NETD_…``.
    :ivar section: the INI section, or ``""`` where there is none.
    :ivar option: the option, or ``""`` where the section itself is meant.
    :ivar problem: what is wrong, and the remedy where there is one.
    """

    place: str
    section: str
    option: str
    problem: str

    @property
    def line(self) -> float:
        """The line of the file, or infinity for what is not in the file: for an order."""
        number = self.place.rpartition(":")[2]
        return int(number) if number.isdecimal() else math.inf

    def __str__(self) -> str:
        section = f"[{self.section}] " if self.section else ""
        option = f"{self.option}: " if self.option else ""
        return f"{self.place}: {section}{option}{self.problem}"


class ConfigErrors(NetdError):
    """The configuration cannot be used; carries *every* problem that was found, in file order.

    :ivar rest: the ``Configuration`` with defaults in place of options that have a problem, for finding more that is wrong; None
        where the file could not be read.
    """

    def __init__(self, problems: tuple[ConfigProblem, ...], rest: Any = None) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.rest = rest


class ProtocolError(NetdError):
    """A peer broke its protocol. The message is fit to be sent to that peer.

    :cvar kind: a few words that stay the same, for counters and for the limit on log lines.
    """

    kind: ClassVar[str] = "protocol error"


class TimedOut(ProtocolError):
    """A peer did not get on in time."""

    kind = "timed out"


class OperationFailed(NetdError):
    """An operation could not be carried out; the text tells the person why."""


class NoSuchTarget(OperationFailed):
    """The thing that an operation names (a device, a session, a room) does not exist."""


class NotInTime(OperationFailed):
    """The operation has not come to its end in the time that it has. What it began may go on."""


class Gone(OperationFailed):
    """The thing that an operation names went away while the operation ran."""


class NoSuchOperation(NetdError):
    """No service offers an operation of that name (or that instance of it)."""


class InvalidArguments(NetdError):
    """Arguments of an operation are missing, unknown or of the wrong type; the text names the argument."""


class NotPermitted(ProtocolError):
    """Role or subjects of the principal do not reach to what it asks for, at a console or on a wire."""

    kind = "not permitted"

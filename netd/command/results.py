"""The results of the operations of a command service, and its status."""

from __future__ import annotations

from typing import Any, Literal

from attrs import frozen

from netd.codec.arguments import ArgumentFacts
from netd.codec.units import Prose
from netd.status import ServiceStatus

__all__ = ["CommandFacts", "CommandResult", "CommandServiceStatus", "ThreadFacts"]


@frozen(slots=False)
class CommandFacts:
    """One command.

    :ivar help: its function's docstring.
    :ivar blocking: it runs in a thread.
    :ivar more: it takes further arguments.
    """

    command_id: str
    help: Prose
    blocking: bool
    arguments: list[ArgumentFacts]
    more: bool


@frozen(slots=False)
class CommandResult:
    """The return value of a command."""

    status: Literal["success"]
    result: Any


@frozen(slots=False)
class ThreadFacts:
    """The threads of a command service.

    :ivar busy: threads that run a function.
    :ivar size: the most threads that there can be.
    :ivar waiting: calls that wait for a thread.
    """

    busy: int
    size: int
    waiting: int


@frozen(slots=False, kw_only=True)
class CommandServiceStatus(ServiceStatus):
    """The status of a command service.

    :ivar running: functions that have not returned.
    :ivar trouble: why the newest content of a watched file is not in force; None while it is.
    """

    commands: int
    running: int
    threads: ThreadFacts
    trouble: Prose | None

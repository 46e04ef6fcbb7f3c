"""What the operations of a command service give, and its status."""

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
    :ivar more: it takes other arguments, too.
    """

    command_id: str
    help: Prose
    blocking: bool
    arguments: list[ArgumentFacts]
    more: bool


@frozen(slots=False)
class CommandResult:
    """What a command has returned."""

    status: Literal["success"]
    result: Any


@frozen(slots=False)
class ThreadFacts:
    """The threads of a command service.

    :ivar busy: how many run a function.
    :ivar size: how many there can be.
    :ivar waiting: calls that wait for one.
    """

    busy: int
    size: int
    waiting: int


@frozen(slots=False, kw_only=True)
class CommandServiceStatus(ServiceStatus):
    """The status of a command service.

    :ivar running: functions that have not returned.
    """

    commands: int
    running: int
    threads: ThreadFacts

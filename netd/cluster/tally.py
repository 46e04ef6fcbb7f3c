"""What a node has and has done, in numbers: for the list of nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from netd.errors import NoSuchOperation
from netd.operations import Caller, OperationTable
from netd.principal import LOCAL_ADMIN, Principal

__all__ = ["EventCounts", "NodeTally", "OwnTally", "read_tally"]


@frozen
class EventCounts:
    """Events between nodes.

    :ivar taken: taken from others.
    :ivar sent: sent to others.
    :ivar lost: of others, missed.
    """

    taken: int = 0
    sent: int = 0
    lost: int = 0


@frozen
class NodeTally:
    """The numbers of one node; None where it does not tell.

    :ivar server: the NATS server that it is connected to.
    """

    server: str = ""
    devices: int | None = None
    sessions: int | None = None
    events_in: int | None = None
    events_out: int | None = None
    lost: int | None = None
    dropped: int | None = None


def read_tally(answer: object) -> NodeTally:
    """Return the tally that another node has answered with; an empty one if *answer* is none."""
    if not isinstance(answer, Mapping):
        return NodeTally()
    numbers = ("devices", "sessions", "events_in", "events_out", "lost", "dropped")
    return NodeTally(str(answer.get("server") or "")[:200], *(_number(answer.get(name)) for name in numbers))


def _number(value: object) -> int | None:
    return value if type(value) is int else None


@frozen
class _Itself:
    principal: Principal = LOCAL_ADMIN


class OwnTally:
    """Makes the tally of this node.

    :param events: counts the events between this node and the others.
    :param dropped: counts the events that found no room in the queue.
    :ivar table: the operations, of which ``system.status`` is asked.
    """

    def __init__(self, events: Callable[[], EventCounts], dropped: Callable[[], int]) -> None:
        self.table = OperationTable()
        self._events = events
        self._dropped = dropped

    def make(self, server: str) -> NodeTally:
        """Return the tally of this node, which is connected to *server*."""
        services = self._services()
        devices, sessions = (sum(int(status.get(name, 0)) for status in services) for name in ("devices", "sessions"))
        events = self._events()
        return NodeTally(server, devices, sessions, events.taken, events.sent, events.lost, self._dropped())

    def _services(self) -> list[dict[str, Any]]:
        try:
            operation, _, _ = self.table.find("system.status", {})
        except NoSuchOperation:
            return []
        status: Any = operation.function(caller=Caller(_Itself(), "the cluster"))
        services: list[dict[str, Any]] = status.services
        return services

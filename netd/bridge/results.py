"""What the operations of a bridge return."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Prose, Seconds
from netd.status import ServiceStatus, Work

__all__ = ["BridgeOverview", "BridgeServiceStatus"]


@frozen(slots=False)
class BridgeOverview:
    """A bridge.

    :ivar source: the pattern of the subjects that it follows.
    :ivar to: its targets.
    :ivar state: ``carries``, or ``paused`` after too many messages.
    :ivar every: least time between two messages of one subject; None without such a bound.
    :ivar counts: messages: ``sent``, ``failed`` (with those that the event did not fit), ``dropped``.
    :ivar waiting: messages that wait for their time or for their turn.
    :ivar last_failure: why the newest message that did not arrive has failed; None before the first.
    """

    bridge: str
    source: str
    to: list[str]
    template: str
    every: Seconds | None
    state: str
    counts: dict[str, int]
    waiting: int
    last_failure: Prose | None


@frozen(slots=False, kw_only=True)
class BridgeServiceStatus(ServiceStatus):
    """The status of one bridge; see :class:`BridgeOverview`.

    :ivar work: what it carries where.
    """

    state: str
    work: list[Work]
    waiting: int
    last_failure: Prose | None

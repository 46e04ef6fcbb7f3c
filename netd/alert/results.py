"""What the operations of an alert return."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.codec.units import Epoch, Prose, Seconds, Took
from netd.status import ServiceStatus, Work

__all__ = ["AlertOverview", "AlertServiceStatus", "AlertedSubject", "Tried"]


@frozen(slots=False)
class AlertedSubject:
    """An alert on one subject, while it is not quiet.

    :ivar held_for: time for which the condition has held.
    :ivar since: the time at which it fired; None while it is pending.
    :ivar by: who has acknowledged it.
    """

    subject: str
    state: str
    value: Any
    held_for: Seconds
    since: Epoch | None
    by: str


@frozen(slots=False)
class AlertOverview:
    """An alert.

    :ivar state: the worst of its subjects: firing, unacknowledged, acknowledged, pending or quiet.
    :ivar then: its actions.
    """

    alert: str
    state: str
    when: Prose
    then: list[str]
    subjects: list[AlertedSubject]


@frozen(slots=False)
class Tried:
    """One action of an alert that was tried."""

    action: str
    outcome: str
    error: Prose
    seconds: Took


@frozen(slots=False, kw_only=True)
class AlertServiceStatus(ServiceStatus):
    """The status of one alert.

    :ivar state: as in :class:`AlertOverview`.
    :ivar work: what it watches.
    :ivar firing: subjects on which it fires.
    :ivar waiting: deliveries that wait, for their turn or for another try.
    :ivar last_failure: why the newest delivery that was given up has failed; None before the first.
    """

    state: str
    work: list[Work]
    firing: int
    waiting: int
    last_failure: Prose | None

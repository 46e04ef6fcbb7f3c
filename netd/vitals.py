"""How the daemon does, once a second: for the dashboard's strip, ``netd top`` and the metrics.

The lag of the event loop is what everybody waits for when something in the process takes long: how much later than asked for a
timer comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime

from netd.codec.units import Epoch, Seconds
from netd.interfaces import IBus
from netd.message import Message

__all__ = ["SUBJECT", "Vitals", "VitalsService"]

SUBJECT = "system.main.vitals"

STEP = 0.1
"""Seconds between two looks at the clock."""

STEPS = 10
"""Looks from one publication to the next."""


@frozen
class Vitals:
    """``system.main.vitals``: once a second, while anyone listens.

    :ivar started: when the daemon was started, as the wall clock showed it then; another with each start.
    :ivar published: messages on the bus since the start.
    :ivar connections: those that are open, of all services.
    :ivar dropped: what slow peers lost since the start, of all services.
    :ivar lag: the longest for which the event loop came late within the last second.
    """

    time: Epoch
    started: Epoch
    uptime: Seconds
    published: int
    connections: int
    dropped: int
    lag: Seconds


class VitalsService(Service):
    """Watches the event loop's lag, and publishes the vitals.

    :param tell_lag: told the longest lag of each second, in seconds.
    :param take: the vitals as of now.
    """

    def __init__(self, clock: IReactorTime, bus: IBus, tell_lag: Callable[[float], None], take: Callable[[], Vitals]) -> None:
        self._clock = clock
        self._bus = bus
        self._tell_lag = tell_lag
        self._take = take
        self._due = 0.0
        self._steps = 0
        self._longest = 0.0
        self._timer: Any = None

    def startService(self) -> None:
        """Begin to look at the clock."""
        super().startService()  # type: ignore[no-untyped-call]
        self._schedule()

    def stopService(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().stopService()  # type: ignore[no-untyped-call]

    def _schedule(self) -> None:
        self._due = self._clock.seconds() + STEP
        self._timer = self._clock.callLater(STEP, self._look)

    def _look(self) -> None:
        self._longest = max(self._longest, self._clock.seconds() - self._due)
        self._steps += 1
        if self._steps == STEPS:
            lag, self._longest, self._steps = self._longest, 0.0, 0
            self._tell_lag(lag)
            if self._bus.wants(SUBJECT):
                self._bus.publish(Message(SUBJECT, self._take()))
        self._schedule()

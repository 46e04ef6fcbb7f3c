"""The vitals of the daemon, once a second: for the dashboard, ``netd top`` and the metrics.

The lag of the event loop is the delay with which timers fire. While one piece of work takes long, everything else in the process
is late by that much.
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
"""Seconds between two measurements."""

STEPS = 10
"""Number of measurements between two publications."""


@frozen
class Vitals:
    """The event ``system.main.vitals``: once a second, while it has a subscriber.

    :ivar started: time of the start by the wall clock, which identifies this run of the daemon.
    :ivar published: messages on the bus since the start.
    :ivar connections: open connections of all services.
    :ivar dropped: messages that slow peers of all services have lost since the start.
    :ivar lag: the greatest delay of the event loop within the last second.
    """

    time: Epoch
    started: Epoch
    uptime: Seconds
    published: int
    connections: int
    dropped: int
    lag: Seconds


class VitalsService(Service):
    """Measures the lag of the event loop, and publishes the vitals.

    :param tell_lag: called each second with the greatest lag, in seconds.
    :param take: returns the current vitals.
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
        """Start measuring."""
        super().startService()  # type: ignore[no-untyped-call]
        self._schedule()

    def stopService(self) -> None:
        """Stop measuring."""
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

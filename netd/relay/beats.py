"""Pings for the devices that have asked for them, on one beat: a single timer, however many devices there are.

A device that only reads cannot notice that netd is gone, unless it is told something now and then. With a timer for each of ten
thousand devices, the reactor would wake up for each ping by itself; on one beat, it wakes up twice a second for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from netd.interfaces import Cancellable, IPeer
from netd.relay.grammar import encode_pair

__all__ = ["BEAT", "Beats", "Pinged"]

BEAT = 0.5
"""Seconds between two beats: how early a ping may be."""

PING = encode_pair({"status": "ping"})
"""The frames of a ping."""


class Pinged(Protocol):
    """A device, as far as pings are concerned.

    :ivar beat: the beat of its next ping.
    """

    peer: IPeer
    beat: int


class Beats:
    """The pings of all devices of a relay.

    :param monotonic: the clock of the beats, in seconds.
    :param later: calls after so many seconds; returns something to cancel.
    """

    def __init__(self, monotonic: Callable[[], float], later: Callable[[float, Callable[[], Any]], Cancellable]) -> None:
        self._monotonic = monotonic
        self._later = later
        self._timer: Cancellable | None = None
        self._began = 0.0
        self._now = 0
        self._due: dict[int, dict[Pinged, int]] = {}

    def add(self, device: Pinged, seconds: float) -> None:
        """Ping *device* every so many seconds, until it is removed."""
        if self._timer is None:
            self._began, self._now = self._monotonic(), 0
            self._wait()
        self._schedule(device, max(1, int(seconds / BEAT)))

    def remove(self, device: Pinged) -> None:
        """Ping *device* no more. Without effect if it is not pinged."""
        due = self._due.get(device.beat)
        if due is not None and due.pop(device, None) is not None and not due:
            del self._due[device.beat]
            self._rest()

    def _schedule(self, device: Pinged, beats: int) -> None:
        device.beat = self._now + beats
        self._due.setdefault(device.beat, {})[device] = beats

    def _wait(self) -> None:
        """Wait for the next beat. Beats are counted from the first one, so that a timer that is late delays no other."""
        self._timer = self._later(max(0.0, self._began + (self._now + 1) * BEAT - self._monotonic()), self._next)

    def _rest(self) -> None:
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        self._now += 1
        self._wait()
        due = self._due.get(self._now, {})
        while due:
            device, beats = due.popitem()
            self._schedule(device, beats)
            if not device.peer.is_full:  # a full one has other bytes to read
                device.peer.send(PING)
        self._due.pop(self._now, None)
        self._rest()

"""Counting the samples of many sessions: a few sessions in each turn of the reactor, so that other services are not held up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import floor, log2
from typing import Any, Protocol

__all__ = ["Kept", "Sweep"]

SWEEP_EVERY = 1.0
"""Seconds after which samples are counted, unless a subscriber wants the newest one more often."""

SWEEP_BUDGET = 0.002
"""Seconds that counting may take in one turn."""


class Kept(Protocol):
    """The readings of a session with samples that are not counted yet.

    :ivar count_every: seconds after which they are to be counted, 1 at most.
    """

    count_every: float

    def settle(self, now: float) -> bool:
        """Count the samples that are due. Return True if some are left."""


class Sweep:
    """Counts the samples of sessions whose agents send nothing more. Otherwise a read makes its session count the earlier ones.

    Intervals are rounded down to powers of two. So there are few of them, and one timer for each serves all sessions; it runs
    only while there is something to count.

    :param monotonic: the clock, which is never set back.
    :param later: calls a function after some seconds; returns the pending call.
    """

    def __init__(self, monotonic: Callable[[], float], later: Callable[..., Any]) -> None:
        self._monotonic = monotonic
        self._later = later
        self._listed: dict[float, list[Kept]] = {}
        self._timers: dict[float, Any] = {}
        self._due: deque[Kept] = deque()
        self._rest: Any = None

    def add(self, kept: Kept) -> None:
        """Have *kept* counted after its interval, and again until it has nothing left to count."""
        every = min(SWEEP_EVERY, 2.0 ** floor(log2(kept.count_every)))
        listed = self._listed.get(every)
        if listed is None:
            listed = self._listed[every] = []
            self._timers[every] = self._later(every, self._begin, every)
        listed.append(kept)

    def stop(self) -> None:
        """Forget all readings, and cancel the timers."""
        self._listed.clear()
        self._due.clear()
        for timer in [*self._timers.values(), self._rest]:
            if timer is not None:
                timer.cancel()
        self._timers.clear()
        self._rest = None

    def _begin(self, every: float) -> None:
        del self._timers[every]
        self._due.extend(self._listed.pop(every))
        if self._rest is None:
            self._go_on()

    def _go_on(self) -> None:
        self._rest = None
        now = self._monotonic()
        try:
            while self._due and self._monotonic() - now < SWEEP_BUDGET:
                kept = self._due.popleft()
                if kept.settle(now):
                    self.add(kept)
        finally:
            if self._due:
                self._rest = self._later(0, self._go_on)

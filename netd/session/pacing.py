"""The count of many sessions, a little of it in each turn, so that nobody else waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import floor, log2
from typing import Any, Protocol

__all__ = ["Kept", "Sweep"]

SWEEP_EVERY = 1.0
"""Seconds between two sweeps over sessions that nobody watches more closely."""

SWEEP_BUDGET = 0.002
"""Seconds of a sweep in one turn."""


class Kept(Protocol):
    """A session's readings, some of which are yet to be counted.

    :ivar count_every: seconds after which what was kept is to be counted, 1 at most.
    """

    count_every: float

    def settle(self, now: float) -> bool:
        """Count what was kept for long enough; True when something is kept still."""


class Sweep:
    """Has everything counted that was kept and not followed by more.

    Intervals are rounded down to a power of two, so that there are few: each has one timer for all readings, which runs only
    while something is kept.

    :param monotonic: the clock, which is never set back.
    :param later: calls after so many seconds; returns something to cancel.
    """

    def __init__(self, monotonic: Callable[[], float], later: Callable[..., Any]) -> None:
        self._monotonic = monotonic
        self._later = later
        self._listed: dict[float, list[Kept]] = {}
        self._timers: dict[float, Any] = {}
        self._due: deque[Kept] = deque()
        self._rest: Any = None

    def add(self, kept: Kept) -> None:
        """Settle *kept* when its interval has passed, and until nothing of it is kept any more."""
        every = min(SWEEP_EVERY, 2.0 ** floor(log2(kept.count_every)))
        listed = self._listed.get(every)
        if listed is None:
            listed = self._listed[every] = []
            self._timers[every] = self._later(every, self._begin, every)
        listed.append(kept)

    def stop(self) -> None:
        """Forget all of it."""
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

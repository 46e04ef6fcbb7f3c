"""The count of many sessions, a little of it in each turn, so that nobody else waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Kept", "Sweep"]

SWEEP_EVERY = 1.0
"""Seconds between two sweeps."""

SWEEP_BUDGET = 0.002
"""Seconds of a sweep in one turn."""


class Kept(Protocol):
    """What has something that is yet to be counted."""

    def settle(self, now: float) -> bool:
        """Count what was kept for long enough; True when something is kept still."""


class Sweep:
    """Has everything counted that was kept and not followed by more: one timer for all, which runs only while something is kept.

    :param monotonic: the clock, which is never set back.
    :param later: calls after so many seconds; returns something to cancel.
    """

    def __init__(self, monotonic: Callable[[], float], later: Callable[[float, Callable[[], None]], Any]) -> None:
        self._monotonic = monotonic
        self._later = later
        self._listed: list[Kept] = []
        self._due: deque[Kept] = deque()
        self._timer: Any = None

    def add(self, kept: Kept) -> None:
        """Settle *kept* with the next sweep, and until nothing of it is kept any more."""
        self._listed.append(kept)
        if self._timer is None:
            self._arm()

    def stop(self) -> None:
        """Forget all of it."""
        self._listed.clear()
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._due:
            self._timer = self._later(0, self._go_on)
        elif self._listed:
            self._timer = self._later(SWEEP_EVERY, self._begin)
        else:
            self._timer = None

    def _begin(self) -> None:
        self._due.extend(self._listed)
        self._listed.clear()
        self._go_on()

    def _go_on(self) -> None:
        now = self._monotonic()
        try:
            while self._due and self._monotonic() - now < SWEEP_BUDGET:
                kept = self._due.popleft()
                if kept.settle(now):
                    self._listed.append(kept)
        finally:
            self._arm()

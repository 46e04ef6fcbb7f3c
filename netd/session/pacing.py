"""Work that would make others wait, a little of it in each turn: what many samples at a time are, and the count of many sessions.

What a read brings is taken at once while that is quick. The time it takes is added up over all streams: when a turn's share of it
is spent, the reads that follow line up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Kept", "Pacer", "Sweep"]

BUDGET = 0.005
"""Seconds of work in one turn, after which the rest waits for the next."""

SWEEP_EVERY = 1.0
"""Seconds between two sweeps."""

SWEEP_BUDGET = 0.002
"""Seconds of a sweep in one turn."""


class Pacer:
    """Does pieces of work one after the other, as many in a turn as fit.

    :param monotonic: the clock, which is never set back.
    :param later: calls after so many seconds.
    :ivar has_time: whether there is time for work at once; :meth:`spend` says what it took.
    """

    def __init__(self, monotonic: Callable[[], float], later: Callable[[float, Callable[[], None]], Any]) -> None:
        self._monotonic = monotonic
        self._later = later
        self._waiting: deque[Callable[[], None]] = deque()
        self._spent = 0.0
        self.has_time = True

    def spend(self, seconds: float) -> None:
        """Work that was done at once took so long; what follows in the same turn may have to line up."""
        self._spent += seconds
        self.has_time = self._spent < BUDGET
        if self._spent >= BUDGET / 2 and not self._waiting:
            self.add(_nothing)  # which begins a new account with the next turn

    def add(self, piece: Callable[[], None]) -> None:
        """Do *piece* when those before it are done; it may add itself again. What it raises does not stop the others."""
        self._waiting.append(piece)
        if len(self._waiting) == 1:
            self._later(0, self._work)

    def _work(self) -> None:
        self._spent, self.has_time = 0.0, True
        end = self._monotonic() + BUDGET
        count = len(self._waiting)
        try:
            while count and self._monotonic() < end:
                count -= 1
                self._do_next()
        finally:
            if self._waiting:
                self._later(0, self._work)

    def _do_next(self) -> None:
        try:
            self._waiting[0]()
        finally:
            self._waiting.popleft()


def _nothing() -> None:
    """No work."""


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

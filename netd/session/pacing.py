"""Counting the samples of many sessions: a few sessions in each turn of the reactor, so that other services are not held up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import floor, log2
from typing import Any, Protocol

from netd.interfaces import ITurnShare

__all__ = ["COUNTING", "Kept", "Sweep"]

SWEEP_EVERY = 1.0
"""Seconds after which samples are counted, unless a subscriber wants the newest one more often."""

COUNTING = 0.002
"""Seconds that counting may take in one turn."""


class Kept(Protocol):
    """The readings of a session with samples that are not counted yet.

    :ivar count_every: seconds after which they are to be counted, 1 at most.
    """

    count_every: float

    def settle(self, now: float) -> bool:
        """Count the samples that are due. Return True if some are left."""


class Sweep:
    """Has everything counted that was kept and not followed by more.

    Intervals are rounded down to a power of two, so that there are few: each has one timer for all readings, which runs only
    while something is kept.

    :param share: of the reactor's turn, for counting.
    :param monotonic: the clock, which is never set back.
    :param later: calls after so many seconds; returns something to cancel.
    """

    def __init__(self, share: ITurnShare, monotonic: Callable[[], float], later: Callable[..., Any]) -> None:
        self.share = share
        self._monotonic = monotonic
        self._later = later
        self._listed: dict[float, list[Kept]] = {}
        self._timers: dict[float, Any] = {}

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
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.share.stop()

    def _begin(self, every: float) -> None:
        del self._timers[every]
        self.share.start(self._settle(iter(self._listed.pop(every))))

    def _settle(self, remaining: Iterator[Kept]) -> Iterator[None]:
        try:
            for kept in remaining:
                if kept.settle(self._monotonic()):
                    self.add(kept)
                yield
        except Exception:
            self.share.start(self._settle(remaining))
            raise  # which the share logs

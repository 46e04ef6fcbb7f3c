"""Work for many clients, some milliseconds of it in each turn of the reactor: nobody else waits for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Pace"]

BUDGET = 0.01
"""Seconds of a turn."""


class Pace:
    """Runs pieces of work one after the other, step by step.

    :param seconds: the clock.
    :param later: the reactor's ``callLater``.
    """

    def __init__(self, seconds: Callable[[], float], later: Callable[..., Any]) -> None:
        self._seconds = seconds
        self._later = later
        self._work: deque[Iterator[None]] = deque()
        self._is_scheduled = False

    def start(self, work: Iterator[None]) -> None:
        """Do *work*, as much as fits into this turn at once."""
        self._work.append(work)
        if not self._is_scheduled:
            self._run()

    def finish(self) -> None:
        """Do all of it now, however long that takes: there is too much of it."""
        while self._work:
            for _ in self._work.popleft():
                pass

    def stop(self) -> None:
        """Do no more of it."""
        self._work.clear()

    def _run(self) -> None:
        self._is_scheduled = True  # also for what is started by the work itself
        end = self._seconds() + BUDGET
        try:
            while self._work:
                if next(self._work[0], self) is self:
                    self._work.popleft()
                elif self._seconds() >= end:
                    break
        finally:
            self._is_scheduled = bool(self._work)
            if self._is_scheduled:
                self._later(0, self._run)

"""Work that would make others wait, a little of it in each turn: what many samples at a time are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Pacer"]

BUDGET = 0.005
"""Seconds of work in one turn, after which the rest waits for the next."""


class Pacer:
    """Does pieces of work one after the other, as many in a turn as fit.

    :param seconds: the clock.
    :param later: calls after so many seconds.
    """

    def __init__(self, seconds: Callable[[], float], later: Callable[[float, Callable[[], None]], Any]) -> None:
        self._seconds = seconds
        self._later = later
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, piece: Callable[[], None]) -> None:
        """Do *piece* when those before it are done; it may add itself again. What it raises does not stop the others."""
        self._waiting.append(piece)
        if len(self._waiting) == 1:
            self._later(0, self._work)

    def _work(self) -> None:
        end = self._seconds() + BUDGET
        count = len(self._waiting)
        try:
            while count and self._seconds() < end:
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

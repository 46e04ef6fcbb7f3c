"""Work for many clients, some milliseconds of it in each turn of the reactor: nobody else waits for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from twisted.logger import Logger

__all__ = ["Pace"]

BUDGET = 0.01
"""Seconds of a turn."""


class Pace:
    """Runs pieces of work one after the other, step by step. One that fails is logged, and the others go on.

    :param monotonic: the clock, which is never set back.
    :param later: the reactor's ``callLater``.
    """

    _log = Logger()

    def __init__(self, monotonic: Callable[[], float], later: Callable[..., Any]) -> None:
        self._monotonic = monotonic
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
            self._step()

    def stop(self) -> None:
        """Do no more of it."""
        self._work.clear()

    def _run(self) -> None:
        self._is_scheduled = True  # also for what is started by the work itself
        end = self._monotonic() + BUDGET
        while self._work:
            self._step()
            if self._monotonic() >= end:
                break
        self._is_scheduled = bool(self._work)
        if self._is_scheduled:
            self._later(0, self._run)

    def _step(self) -> None:
        work = self._work[0]
        try:
            next(work)
        except StopIteration:
            self._work.popleft()
        except Exception:
            self._work.popleft()
            self._log.failure("a piece of work for many clients failed")

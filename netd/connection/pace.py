"""Work for thousands of clients, cut into some milliseconds a reactor turn, so that other connections are served in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from twisted.logger import Logger

__all__ = ["Pace"]

BUDGET = 0.01
"""Seconds of work in one reactor turn."""


class Pace:
    """Runs pieces of work one after the other, step by step. A piece that raises is logged, and the next one begins.

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
        """Add *work*, a generator that yields between its steps, and do as much of it now as fits into this turn."""
        self._work.append(work)
        if not self._is_scheduled:
            self._run()

    def finish(self) -> None:
        """Do all work now, however long that takes. For a caller whose memory is bounded, and who has reached the bound."""
        while self._work:
            self._step()

    def stop(self) -> None:
        """Forget the work that is left."""
        self._work.clear()

    def _run(self) -> None:
        self._is_scheduled = True  # before the steps, because a step may call start(), which must not run work within work
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

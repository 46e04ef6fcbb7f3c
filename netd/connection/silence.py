"""Connections that have said nothing yet: one clock for all of a service, because each may stay for an hour.

A timer of its own would weigh more than all else that such a connection has.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

__all__ = ["Silence", "Silent"]


class Silent(Protocol):
    """A connection that has said nothing yet."""

    def stayed_silent(self) -> None:
        """It has had its time."""


class Silence:
    """Tells those that have said nothing for too long."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._began: dict[Silent, float] = {}  # in the order in which they came, and so of their ends
        self._limit = 0.0
        self._timer: Any = None

    def begin(self, connection: Silent, seconds: float) -> None:
        """Tell *connection* after so many seconds, the same for all; another number counts for those before, too."""
        self._began[connection] = self._clock.seconds()
        self.limit(seconds)

    def limit(self, seconds: float) -> None:
        """Tell each connection when it has said nothing for so long."""
        if self._timer is not None and seconds != self._limit:
            self._timer.cancel()
            self._timer = None
        self._limit = seconds
        self._schedule()

    def end(self, connection: Silent) -> None:
        """It has said something, or is gone."""
        if self._began.pop(connection, None) is not None and not self._began and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        if self._timer is None and self._began:
            end = next(iter(self._began.values())) + self._limit
            self._timer = self._clock.callLater(max(0.0, end - self._clock.seconds()), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._began and next(iter(self._began.values())) + self._limit <= now:
            connection = next(iter(self._began))
            del self._began[connection]
            connection.stayed_silent()
        self._schedule()

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
        self._ends: dict[Silent, float] = {}  # in the order in which they came, and so of their ends
        self._timer: Any = None

    def begin(self, connection: Silent, seconds: float) -> None:
        """Tell *connection* after so many seconds, the same for all."""
        self._ends[connection] = self._clock.seconds() + seconds
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._look)

    def end(self, connection: Silent) -> None:
        """It has said something, or is gone."""
        if self._ends.pop(connection, None) is not None and not self._ends and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._ends and next(iter(self._ends.values())) <= now:
            connection = next(iter(self._ends))
            del self._ends[connection]
            connection.stayed_silent()
        if self._ends and self._timer is None:
            self._timer = self._clock.callLater(max(0.0, next(iter(self._ends.values())) - now), self._look)

"""A time limit for many connections, such as those that have sent nothing yet: one timer for all of a service.

Such a connection may stay for an hour, and thousands of them do: a timer for each would use more memory than the rest of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.interfaces import IReactorTime

__all__ = ["Silence"]

WaiterT = TypeVar("WaiterT")


class Silence(Generic[WaiterT]):
    """The silent connections of one service, and the timer of the one whose limit passes first.

    :param passed: called with a connection whose limit has passed.
    """

    def __init__(self, clock: IReactorTime, passed: Callable[[WaiterT], object]) -> None:
        self._clock = clock
        self._passed = passed
        self._began: dict[WaiterT, float] = {}  # in order of arrival; with one limit for all, their times run out in this order
        self._limit = 0.0
        self._timer: Any = None

    def begin(self, connection: WaiterT, seconds: float) -> None:
        """Give *connection* so many seconds to send something. The number then counts for all connections."""
        self._began[connection] = self._clock.seconds()
        self.limit(seconds)

    def limit(self, seconds: float) -> None:
        """Change the limit, for the connections that are silent now as well."""
        if self._timer is not None and seconds != self._limit:
            self._timer.cancel()
            self._timer = None
        self._limit = seconds
        self._schedule()

    def end(self, connection: WaiterT) -> None:
        """Drop *connection*: it has sent something, or is gone."""
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
            self._passed(connection)
        self._schedule()

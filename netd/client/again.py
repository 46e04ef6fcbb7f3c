"""Connecting again after a lost connection, for ever, and ever more rarely."""

from __future__ import annotations

import logging
from collections.abc import Callable

from netd.client.token import Denial
from netd.client.way import Way

__all__ = ["Backoff", "Comeback"]


class Backoff:
    """How long to wait before the next attempt: *first* seconds, doubled up to 30 s, each made shorter by chance.

    A connection that lasted 10 s begins anew at *first*. A client that was denied waits for 60 to 75 s.

    :param chance: a number from 0 up to 1.
    :param least: the share of the time that chance does not take away.
    """

    GREATEST, LASTED, DENIED = 30.0, 10.0, 60.0

    def __init__(self, chance: Callable[[], float], first: float, least: float = 0.0) -> None:
        self._chance = chance
        self._least = least
        self._first = self._ceiling = first

    def delay(self, lasted: float, error: Exception | None = None) -> float:
        """Seconds to wait now that a connection ended by *error* after *lasted* seconds (0 when there was none)."""
        if isinstance(error, Denial):
            return self.between(1.0, 1.25) * self.DENIED
        if lasted >= self.LASTED:
            self._ceiling = self._first
        delay = self.between(self._least, 1.0) * self._ceiling
        self._ceiling = min(2 * self._ceiling, self.GREATEST)
        return delay

    def between(self, least: float, most: float) -> float:
        """A number by chance."""
        return least + (most - least) * self._chance()


class Comeback:
    """Waits for the next attempt, and tells the program and its log about it.

    :param told: called with the reason, and the seconds until the next attempt.
    """

    def __init__(
        self, way: Way, backoff: Backoff, told: Callable[[str, float], object] | None, log: logging.Logger | None = None
    ) -> None:
        self._way = way
        self._backoff = backoff
        self._told = told
        self._log = log
        self._retry_at: float | None = None
        self.connected_at: float | None = None

    def connected(self) -> None:
        """There is a connection."""
        self.connected_at = self._way.now()

    async def wait(self, error: Exception) -> None:
        """As :meth:`lost`; return when the next attempt may be made."""
        self.lost(error)
        await self.until_next()

    def lost(self, error: Exception) -> None:
        """The connection has ended by *error*, or could not be made."""
        now = self._way.now()
        lasted = 0.0 if self.connected_at is None else now - self.connected_at
        self.connected_at = None
        if self._way.is_closed:
            return
        delay = self._backoff.delay(lasted, error)
        self._retry_at = now + delay
        if self._log is not None:
            self._log.warning("%s; next attempt in %.1f s", error, delay)
        if self._told is not None:
            self._told(str(error), delay)

    async def until_next(self, end: float | None = None) -> bool:
        """Return when the next attempt may be made.

        :returns: False when *end* comes first, by the clock of the way, or the way is closed.
        """
        now = self._way.now()
        left = 0.0 if self._retry_at is None else self._retry_at - now
        until = left if end is None else min(left, max(end - now, 0.0))
        if until > 0:
            await self._way.pause(until)
        return left <= until and not self._way.is_closed

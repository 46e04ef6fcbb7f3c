"""The messages to an old bot in a room without turns: one at a time, because it takes all that one ``recv`` returns for one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from netd.interfaces import Cancellable
from netd.room.observer import READING
from netd.room.seat import Seat

__all__ = ["Pager"]

MOST_WAITING = 256
"""Messages that may wait for one bot. Over that, the oldest is dropped."""

MOST_APART = 16
"""Waiting messages above which several are joined into one, of the size that a bot reads at once."""


class Pager:
    """Sends a bot one message, and the next one when it has had time to read that, or has said something.

    :param limit: bytes of a message, at most.
    """

    def __init__(self, seat: Seat, limit: int, later: Callable[[float, Callable[[], Any]], Cancellable]) -> None:
        self._seat = seat
        self._limit = limit
        self._later = later
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._timer: Cancellable | None = None

    def begin(self) -> None:
        """Wait, because the bot was sent something by other means, which it must read first."""
        self._timer = self._later(READING, self._hand_over)

    def send(self, message: bytes) -> None:
        """Send *message*, now or when its turn comes."""
        self._waiting.append(message)
        if self._timer is None:
            self._hand_over()

    def has_spoken(self) -> None:
        """Send the next message at once: the bot has said something, and so has read the last one."""
        self.stop()
        self._hand_over()

    def stop(self) -> None:
        """Send nothing for now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hand_over(self) -> None:
        self._timer = None
        waiting = self._waiting
        if not waiting:
            return
        message = waiting.popleft()
        while len(waiting) >= MOST_APART and len(message) + 1 + len(waiting[0]) <= self._limit:
            message += b"\n" + waiting.popleft()
        self._seat.send(message)
        self.begin()

"""Messages to an old bot that replies when it likes: one at a time, as it takes whatever one ``recv`` gives for one message."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from netd.interfaces import Cancellable
from netd.room.observer import READING
from netd.room.seat import Seat

__all__ = ["Pager"]

MOST_WAITING = 256
"""Messages that wait for one bot; over it, it misses the oldest."""

MOST_APART = 16
"""Messages that wait for one bot, over which as many as it reads at once leave together."""


class Pager:
    """Hands a bot one message, and the next when it has had the time to read that, or has said something since.

    :param limit: bytes of a message, at most.
    """

    def __init__(self, seat: Seat, limit: int, later: Callable[[float, Callable[[], Any]], Cancellable]) -> None:
        self._seat = seat
        self._limit = limit
        self._later = later
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._timer: Cancellable | None = None

    def begin(self) -> None:
        """The bot was sent something by other means, which it has to read first."""
        self._timer = self._later(READING, self._hand_over)

    def send(self, message: bytes) -> None:
        """Hand *message* over, now or in its turn."""
        self._waiting.append(message)
        if self._timer is None:
            self._hand_over()

    def has_spoken(self) -> None:
        """The bot said something: it does not have to read what it was sent any more."""
        self.stop()
        self._hand_over()

    def stop(self) -> None:
        """Hand nothing over for now."""
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

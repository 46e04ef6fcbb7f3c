"""What many connections send, taken in bites: a flood of tiny messages from one of them holds up none of the others.

For decoders that pay for each message, not for each byte: a read of 64 KiB may hold ten thousand of the smallest messages.  One
that is longer than a bite waits here, and its connection is not read from until it has been taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["BITE", "Eater", "Intake"]

BITE = 1 << 10
"""Bytes that one connection gets taken at a time."""

MEAL = 1 << 11
"""Bytes that all connections together get taken in one turn of the reactor, morsels not counted."""

MORSEL = 128
"""Bytes of a read that is always taken at once: who sends an ordinary message does not stand in line behind those who flood."""


class Eater(Protocol):
    """A connection whose bytes are taken in bites."""

    def bite(self, received: bytes) -> None:
        """Take *received*, at most :data:`BITE` bytes."""

    def pause(self, paused: bool) -> None:
        """Read nothing more from the peer (True), or go on (False)."""


class Intake:
    """All connections of one service, each taking its turn.

    :param later: the reactor's ``callLater``.
    """

    def __init__(self, later: Callable[..., Any]) -> None:
        self._later = later
        self._left = MEAL
        self._is_scheduled = False
        self._waiting: dict[Eater, bytes] = {}

    def take(self, eater: Eater, received: bytes) -> None:
        """Give *received* to *eater*: at once when it is little, or this turn has brought little; else bite by bite."""
        kept = self._waiting.get(eater)
        if kept is not None:
            self._waiting[eater] = kept + received
            return
        if not self._is_scheduled:
            self._is_scheduled = True
            self._later(0, self._next_turn)
        if len(received) <= max(MORSEL, min(BITE, self._left)):
            self._left -= len(received)
            eater.bite(received)
        else:
            self._waiting[eater] = received
            eater.pause(True)

    def forget(self, eater: Eater) -> None:
        """Drop what waits for *eater*."""
        self._waiting.pop(eater, None)

    def _next_turn(self) -> None:
        self._is_scheduled = False
        self._left = MEAL
        while self._waiting and self._left > 0:
            eater = next(iter(self._waiting))
            received = self._waiting.pop(eater)
            bite, rest = received[:BITE], received[BITE:]
            if rest:
                self._waiting[eater] = rest  # behind all others
            self._left -= len(bite)
            if not self._is_scheduled:
                self._is_scheduled = True
                self._later(0, self._next_turn)
            eater.bite(bite)
            if not rest:
                eater.pause(False)

"""What many connections send, taken in bites: a flood of tiny messages from some of them holds up none of the others.

For decoders that pay for each message, not for each byte: a read of 64 KiB may hold ten thousand of the smallest messages.  What
cannot be taken at once waits here, and its connection is not read from until it has been taken.  Who has had least goes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["BITE", "Eater", "Intake"]

BITE = 1 << 9
"""Bytes that one connection gets taken at a time."""

MEAL = 1 << 10
"""Bytes of those who wait that get taken in one turn of the reactor: of the smallest messages, three milliseconds' work."""

MODEST = 1 << 10
"""Bytes. Who has had no more lately does not wait behind those who flood, while all such together had no more in this turn."""

LATELY = 1 << 8
"""Turns after which what everybody had counts half."""


class Eater(Protocol):
    """A connection whose bytes are taken in bites."""

    def bite(self, received: bytes) -> None:
        """Take *received*, at most :data:`BITE` bytes where others wait."""

    def pause(self, paused: bool) -> None:
        """Read nothing more from the peer (True), or go on (False)."""


class Intake:
    """All connections of one service, each taking its turn.

    :param later: the reactor's ``callLater``.
    """

    def __init__(self, later: Callable[..., Any]) -> None:
        self._later = later
        self._left = MODEST
        self._is_scheduled = False
        self._turns = 0
        self._entries = 0
        self._had: dict[Eater, int] = {}
        self._waiting: dict[Eater, bytes] = {}
        # Who had least, and then who came first: what they had when they came, and a number that makes the order definite. Those
        # who are held or forgotten meanwhile are passed over when it is their turn; nobody is in it twice.
        self._line: list[tuple[int, int, Eater]] = []
        self._is_in_line: set[Eater] = set()
        self._held: set[Eater] = set()

    def take(self, eater: Eater, received: bytes) -> None:
        """Give *received* to *eater*: at once when it has had little, and this turn has brought little; else bite by bite."""
        kept = self._waiting.get(eater)
        if kept is not None:
            self._waiting[eater] = kept + received
            return
        self._schedule()
        size = len(received)
        if size <= self._left and self._had.get(eater, 0) + size <= MODEST and eater not in self._held:
            self._left -= size
            self._give(eater, received)
        else:
            self._waiting[eater] = received
            eater.pause(True)
            self._queue(eater)

    def hold(self, eater: Eater, is_held: bool) -> None:
        """Give *eater* nothing, not even of what was read already (True), or go on (False)."""
        if is_held:
            self._held.add(eater)
            eater.pause(True)
        elif eater in self._held:
            self._held.discard(eater)
            if eater in self._waiting:
                self._queue(eater)
                self._schedule()
            else:
                eater.pause(False)

    def forget(self, eater: Eater) -> None:
        """Drop what waits for *eater*, and what is known of it."""
        self._waiting.pop(eater, None)
        self._had.pop(eater, None)
        self._held.discard(eater)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._later(0, self._next_turn)

    def _queue(self, eater: Eater) -> None:
        if eater not in self._held and eater not in self._is_in_line:
            self._is_in_line.add(eater)
            self._entries += 1
            heapq.heappush(self._line, (self._had.get(eater, 0), self._entries, eater))

    def _next_turn(self) -> None:
        self._is_scheduled = False
        self._left = MODEST
        self._turns += 1
        if self._turns % LATELY == 0:
            self._had = {eater: had // 2 for eater, had in self._had.items() if had > 1}
        if self._line:
            self._schedule()
        left = MEAL
        while self._line and left > 0:
            _had, _entry, eater = heapq.heappop(self._line)
            self._is_in_line.discard(eater)
            if eater in self._waiting and eater not in self._held:
                left -= self._serve(eater)

    def _serve(self, eater: Eater) -> int:
        """Give *eater* a bite of what waits for it; the number of bytes that it was."""
        received = self._waiting.pop(eater)
        bite, rest = received[:BITE], received[BITE:]
        if rest:
            self._waiting[eater] = rest
        self._give(eater, bite)
        if not rest:
            if eater not in self._held:
                eater.pause(False)
        elif eater in self._waiting:
            self._queue(eater)
        return len(bite)

    def _give(self, eater: Eater, bite: bytes) -> None:
        self._had[eater] = self._had.get(eater, 0) + len(bite)
        eater.bite(bite)

"""What many connections send, taken in bites: a flood of tiny messages from some of them holds up none of the others.

For decoders that pay for each message, not for each byte: a read of 64 KiB may hold ten thousand of the smallest messages.  What
cannot be taken at once waits here, and its connection is not read from until it has been taken; whose bite is next,
:mod:`netd.connection.fairness` says.
"""

from __future__ import annotations

from typing import Protocol

from netd.connection.fairness import Contender, Standing, Turns

__all__ = ["BITE", "MODEST", "Eater", "Intake"]

BITE = 1 << 8
"""Bytes taken at a time where others wait: of the smallest messages, a millisecond's work."""

MODEST = 1 << 10
"""Bytes that may be taken at once where nobody waits."""


class Eater(Protocol):
    """A connection whose bytes are taken in bites."""

    def bite(self, received: bytes) -> None:
        """Take *received*."""

    def pause(self, paused: bool) -> None:
        """Read nothing more from the peer (True), or go on (False)."""

    def standing(self) -> Standing:
        """Its lane and key as they are now."""


class _Plate(Contender):
    """What waits for one connection.

    :ivar kept: bytes that were read and are not taken yet.
    :ivar is_held: it gets nothing, not even of those.
    """

    __slots__ = ("_eater", "is_held", "kept")

    def __init__(self, turns: Turns, eater: Eater) -> None:
        super().__init__(turns)
        self._eater = eater
        self.kept = b""
        self.is_held = False

    def standing(self) -> Standing:
        return self._eater.standing()

    def serve(self) -> None:
        """Give a bite."""
        if not self.kept or self.is_held:
            return
        bite, self.kept = self.kept[:BITE], self.kept[BITE:]
        self._eater.bite(bite)
        self.go_on()

    def go_on(self) -> None:
        """Line up for the next bite, or read again, unless it is held."""
        if self.is_held:
            return
        if self.kept:
            self.line_up()
        else:
            self._eater.pause(False)


class Intake:
    """All connections of one service, each taking its turn."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._plates: dict[Eater, _Plate] = {}

    def take(self, eater: Eater, received: bytes) -> None:
        """Give *received* to *eater*: at once when it is little and nobody waits; else bite by bite."""
        plate, turns = self._plates.get(eater) or self._plate(eater), self._turns
        if plate.kept:
            plate.kept += received
            return
        if plate.is_new:
            plate.speak(turns.monotonic())
        if turns.has_time and len(received) <= MODEST and not plate.is_held:
            began = turns.monotonic()
            eater.bite(received)
            turns.spend(turns.monotonic() - began)
        else:
            plate.kept = received
            eater.pause(True)
            if not plate.is_held:
                plate.line_up()

    def waiting(self, eater: Eater) -> int:
        """Bytes that wait to be taken by *eater*."""
        plate = self._plates.get(eater)
        return 0 if plate is None else len(plate.kept)

    def hold(self, eater: Eater, is_held: bool) -> None:
        """Give *eater* nothing, not even of what was read already (True), or go on (False)."""
        plate = self._plates.get(eater) or self._plate(eater)
        if is_held:
            plate.is_held = True
            eater.pause(True)
        elif plate.is_held:
            plate.is_held = False
            plate.go_on()

    def forget(self, eater: Eater) -> None:
        """Drop what waits for *eater*, and what is known of it."""
        plate = self._plates.pop(eater, None)
        if plate is not None:
            plate.kept = b""
            plate.leave()

    def _plate(self, eater: Eater) -> _Plate:
        plate = self._plates[eater] = _Plate(self._turns, eater)
        return plate

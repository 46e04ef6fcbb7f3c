"""What rooms with turns and rooms without have in common: the observer that they tell what happens in them."""

from __future__ import annotations

import enum
from typing import Protocol

from netd.room.rules import RoomRules
from netd.room.seat import Seat

__all__ = ["READING", "Observed", "Observer", "RoomState"]


READING = 0.2
"""Seconds, at least, in which an old bot may read a message: it takes what one ``recv`` gives for one message."""


class RoomState(enum.Enum):
    """How far a room has come."""

    GATHERING = "gathering"
    FULL = "full"
    TALKING = "talking"
    PARTING = "parting"
    OVER = "over"


class Observed(Protocol):
    """What an observer may ask of a room."""

    id: int
    rules: RoomRules
    state: RoomState
    round: int

    @property
    def present(self) -> list[Seat]:
        """The bots that are here, in the order of joining."""


class Observer(Protocol):
    """Whom a room tells what happens in it."""

    def wants_everything(self, room: Observed) -> bool:
        """Whether replies that are not passed on are of interest, too."""

    def said(self, room: Observed, bot: str, said: bytes, passed_on: bool) -> None:
        """Somebody said something in this round."""

    def presence_changed(self, room: Observed, seat: Seat, state: str, reason: str) -> None:
        """A bot joined, fell silent, or left."""

    def progressed(self, room: Observed, reason: str) -> None:
        """The room came on."""

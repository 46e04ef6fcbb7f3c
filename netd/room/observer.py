"""The observer of a room, which both kinds of room (with turns and without) report to."""

from __future__ import annotations

import enum
from typing import Protocol

from netd.room.rules import RoomRules
from netd.room.seat import Seat

__all__ = ["READING", "Observed", "Observer", "RoomState"]


READING = 0.2
"""Seconds at least between two messages to an old bot. It takes whatever one ``recv`` returns for one message."""


class RoomState(enum.Enum):
    """The state of a room."""

    GATHERING = "gathering"
    FULL = "full"
    TALKING = "talking"
    PARTING = "parting"
    OVER = "over"


class Observed(Protocol):
    """A room, as its observer sees it."""

    id: int
    rules: RoomRules
    state: RoomState
    round: int

    @property
    def present(self) -> list[Seat]:
        """The bots that are here, in the order of joining."""


class Observer(Protocol):
    """The recipient of a room's reports."""

    def wants_everything(self, room: Observed) -> bool:
        """Return True if replies that are not passed on are to be reported, too."""

    def said(self, room: Observed, bot: str, said: bytes, passed_on: bool) -> None:
        """The host, or a bot, has said something in this round."""

    def presence_changed(self, room: Observed, seat: Seat, state: str, reason: str) -> None:
        """A bot has joined, fallen silent, or left."""

    def progressed(self, room: Observed, reason: str) -> None:
        """The room has a new state, or has begun another round."""

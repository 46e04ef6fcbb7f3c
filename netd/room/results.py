"""What the operations of rooms give, and the status of a section of rooms."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Address
from netd.status import ServiceStatus

__all__ = ["BotFacts", "RoomFacts", "RoomServiceStatus", "TakenPlace", "Visit"]


@frozen(slots=False)
class BotFacts:
    """One bot of a room.

    :ivar lines: it speaks the second dialect, which has lines.
    :ivar state: what it does, in a word.
    """

    name: str
    address: Address
    lines: bool
    state: str


@frozen(slots=False)
class RoomFacts:
    """A room.

    :ivar room: its number.
    :ivar state: how far it has come, in a word.
    :ivar round: rounds that are done.
    :ivar rounds: rounds that there will be; 0 where the talk is free.
    :ivar size: places.
    """

    room: int
    state: str
    round: int
    rounds: int
    size: int
    bots: list[BotFacts]


@frozen(slots=False)
class TakenPlace:
    """A place that a console connection has taken.

    :ivar name: as the room has it: without white space around it.
    """

    instance: str
    name: str


@frozen(slots=False)
class Visit:
    """The name of a console connection in its room."""

    name: str


@frozen(slots=False, kw_only=True)
class RoomServiceStatus(ServiceStatus):
    """The status of a section of rooms.

    :ivar rooms: those that are not over.
    """

    rooms: int

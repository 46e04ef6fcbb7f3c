"""The results of the operations of rooms, and the status of their section."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Address, Epoch, Prose
from netd.status import ServiceStatus

__all__ = ["BotFacts", "RoomFacts", "RoomList", "RoomResult", "RoomServiceStatus", "TakenPlace", "Visit"]


@frozen(slots=False)
class BotFacts:
    """One bot of a room.

    :ivar lines: it speaks the second dialect, which has lines.
    :ivar state: its state, in words.
    """

    name: str
    address: Address
    lines: bool
    state: str


@frozen(slots=False)
class RoomFacts:
    """A room.

    :ivar room: its number.
    :ivar state: its state, in words.
    :ivar round: number of finished rounds.
    :ivar rounds: number of rounds in all; 0 in a room without turns.
    :ivar size: number of places.
    """

    room: int
    state: str
    round: int
    rounds: int
    size: int
    bots: list[BotFacts]


@frozen(slots=False)
class RoomList:
    """A page of the list of rooms.

    :ivar counts: number of rooms that contain the text, by state.
    :ivar matching: number of those in the wanted state, on all pages.
    :ivar after: end of this page, from which the next one goes on; None on the last page.
    """

    rows: list[RoomFacts]
    counts: dict[str, int]
    matching: int
    after: str | None


@frozen(slots=False)
class RoomResult:
    """A room that is over.

    :ivar began: time at which its first bot came.
    :ivar round: number of finished rounds.
    :ivar rounds: number of rounds in all; 0 in a room without turns.
    :ivar bots: names of all bots that took part, in the order of joining.
    :ivar lines: number of lines that were passed on, the sentence of the host among them.
    :ivar reason: why it is over.
    """

    room: int
    began: Epoch
    ended: Epoch
    round: int
    rounds: int
    bots: list[str]
    lines: int
    reason: Prose


@frozen(slots=False)
class TakenPlace:
    """A place that a console connection has taken.

    :ivar name: the name in the room, without surrounding white space.
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

    :ivar rooms: number of rooms that are not over.
    """

    rooms: int

"""The events that a room publishes on the bus."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Address, Prose

__all__ = ["BotPresence", "BotRefused", "RoomProgress", "RoomSaid"]


@frozen
class RoomSaid:
    """``room.<instance>.<room>.said``: what the host said, or a bot replied.

    :ivar round: 0 for the host's sentence; otherwise the round whose messages it replies to, from 1.
    :ivar passed_on: whether the others get it: it was this bot's turn.
    """

    room: int
    bot: str
    text: str
    round: int
    passed_on: bool


@frozen
class BotPresence:
    """``room.<instance>.<room>.presence``: a bot came, fell silent, or left.

    :ivar state: ``joined``, ``silent`` or ``left``.
    """

    room: int
    bot: str
    state: str
    reason: Prose = ""


@frozen
class BotRefused:
    """``room.<instance>.refused``: a bot was refused, because another one in the room has its name.

    :ivar address: of the bot that was refused.
    :ivar holder: the address of the one that has the name.
    """

    bot: str
    address: Address
    holder: Address
    reason: Prose


@frozen
class RoomProgress:
    """``room.<instance>.<room>.state``: how far a room has come.

    :ivar state: ``gathering``, ``full``, ``talking``, ``parting`` or ``over``.
    :ivar round: rounds that are done, or were passed over.
    :ivar bots: the names of those who are present, in the order of joining.
    """

    room: int
    state: str
    round: int
    rounds: int
    size: int
    bots: tuple[str, ...]
    reason: Prose = ""

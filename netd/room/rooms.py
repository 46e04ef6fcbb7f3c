"""The rooms of one service: they find a room for each bot, and publish the events of all rooms.

Clock, chance and bus are handed in. Connections (``machine``) and operations (``service``) both use this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from attrs import define, field

from netd.interfaces import Cancellable, IBus, IStatePart
from netd.message import Message
from netd.reserved import NOTHING_RESERVED, Reserves
from netd.room.endings import Endings
from netd.room.events import BotPresence, BotRefused, RoomProgress, RoomSaid
from netd.room.observer import Observed, RoomState
from netd.room.openroom import OpenRoom
from netd.room.room import Room
from netd.room.rules import RoomRules
from netd.room.seat import Seat
from netd.room.texts import NameTaken, readable

__all__ = ["AnyRoom", "Rooms"]

AnyRoom = Room | OpenRoom


@define(eq=False)
class Rooms:
    """All rooms that are not over.

    :ivar prefix: first tokens of its subjects, ``room.<instance>``.
    :ivar rules: the options in force; a room keeps those that it began with.
    :ivar later: calls after so many seconds; returns something to cancel.
    :ivar after_turn: calls when the reactor turn ends.
    :ivar choose: picks one action.
    :ivar counts: counters, by name.
    :ivar endings: how rooms ended.
    :ivar reserves: knows which names have credentials.
    """

    rules: RoomRules
    bus: IBus
    prefix: str
    later: Callable[[float, Callable[[], Any]], Cancellable]
    after_turn: Callable[[Callable[[], None]], None]
    choose: Callable[[Sequence[str]], str]
    counts: Counter[str] = field(factory=Counter)
    endings: Endings = field(factory=Endings)
    reserves: Reserves = NOTHING_RESERVED
    _rooms: dict[int, AnyRoom] = field(factory=dict)
    _ids: Iterator[int] = field(factory=lambda: count(1))

    def use_state(self, part: IStatePart) -> None:
        """Find the results of earlier runs. Rooms go on to be counted from there: a number is part of the subjects of a room."""
        self._ids = count(self.endings.load(part) + 1)

    def __iter__(self) -> Iterator[AnyRoom]:
        """Iterate over the rooms, oldest first."""
        return iter(list(self._rooms.values()))

    def __len__(self) -> int:
        return len(self._rooms)

    def find(self, id: int) -> AnyRoom | None:
        """Return the room *id*, unless it is over."""
        return self._rooms.get(id)

    def join(self, seat: Seat) -> AnyRoom:
        """Give a bot a place in the oldest room that has one, or in a new one.

        :raises netd.room.texts.NameTaken: see :meth:`netd.room.seat.Seat.claim_name`.
        """
        room = next((room for room in self._rooms.values() if room.has_place), None)
        if room is None:
            room = self._build(next(self._ids))
            self._rooms[room.id] = room
            self.counts["rooms"] += 1
        try:
            room.join(seat)
        except NameTaken as error:
            self.refused(seat, str(error), error.holder)
            raise
        return room

    def refused(self, seat: Seat, why: str, holder: str = "") -> None:
        """Publish that a bot has got no place.

        :param holder: the address of the bot that has the name.
        """
        self.bus.publish(Message(f"{self.prefix}.refused", BotRefused(seat.name, seat.address, holder, why)))

    def _build(self, id: int) -> AnyRoom:
        if not self.rules.turns:
            return OpenRoom(id, self.rules, self.later, self.after_turn, self)
        sentence = self.rules.sentence.replace("{action}", self.choose(self.rules.actions))
        return Room(id, self.rules, sentence, self.later, self)

    def end_all(self, reason: str) -> None:
        """End every room at once."""
        for room in self:
            room.end(reason)

    # Observer

    def wants_everything(self, room: Observed) -> bool:
        """Return True if a subscriber wants the replies of *room*."""
        return bool(self.bus.wants(f"{self.prefix}.{room.id}.said"))

    def said(self, room: Observed, bot: str, said: bytes, passed_on: bool) -> None:
        """Publish a sentence or a reply."""
        if passed_on:
            self.counts["passed_on"] += 1
            self.endings.passed_on(room.id)
        text = readable(said, self.rules.max_reply).decode()
        self.bus.publish(Message(f"{self.prefix}.{room.id}.said", RoomSaid(room.id, bot, text, room.round, passed_on)))

    def presence_changed(self, room: Observed, seat: Seat, state: str, reason: str) -> None:
        """Publish that a bot came, fell silent or left."""
        self.counts[state] += 1
        if state == "joined":
            self.endings.joined(room.id, seat.name, self.bus.wall())
        self.bus.publish(Message(f"{self.prefix}.{room.id}.presence", BotPresence(room.id, seat.name, state, reason)))

    def progressed(self, room: Observed, reason: str) -> None:
        """Publish the state of a room, and forget a room that is over."""
        if room.state is RoomState.OVER:
            self._rooms.pop(room.id, None)
            self.endings.over(room.id, room.round, room.rules.rounds if room.rules.turns else 0, reason, self.bus.wall())
        bots = tuple([seat.name for seat in room.present])
        event = RoomProgress(room.id, room.state.value, room.round, room.rules.rounds, room.rules.size, bots, reason)
        self.bus.publish(Message(f"{self.prefix}.{room.id}.state", event))
        if room.state is RoomState.OVER:
            self.after_turn(lambda: self._retain_nothing(room.id))  # when those who leave now have been told of, too

    def _retain_nothing(self, id: int) -> None:
        for kind in ("said", "presence", "state"):
            self.bus.forget(f"{self.prefix}.{id}.{kind}")

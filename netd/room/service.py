"""Assembly of the rooms of one section: listeners, rooms, operations."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from netd.access.section import SectionAccess
from netd.config import section_name
from netd.errors import NoSuchTarget
from netd.interfaces import IActing, IBus, INetdService, IPublisher, IStateful, IStatePart
from netd.listening import ListeningService, make_context
from netd.message import EventKind
from netd.operations import Operation, Role
from netd.paging import LIMIT, ListPager
from netd.principal import Action
from netd.room.config import Config
from netd.room.events import BotPresence, BotRefused, RoomProgress, RoomSaid
from netd.room.machine import JOIN
from netd.room.protocol import RoomFactory
from netd.room.results import RoomFacts, RoomList, RoomResult, RoomServiceStatus
from netd.room.rooms import AnyRoom, Rooms
from netd.room.visitors import Visitors

__all__ = ["RoomService", "make_service"]


def make_service(config: Config, reactor: Any, bus: IBus, chance: random.Random | None = None) -> RoomService:
    """Build the rooms of one ``[room]`` section.

    :param chance: decides what hosts propose; by default a source of its own.
    """
    context = make_context(reactor, config.stall_timeout, config.dead_timeout)
    rooms = Rooms(
        config,
        bus,
        f"room.{config.instance}",
        reactor.callLater,
        context.turn.after,
        (chance or random.Random()).choice,  # noqa: S311 - what bots talk about is no secret
    )
    factory = RoomFactory(section_name("room", config.instance), context, rooms)
    return RoomService(config, factory, reactor)


@implementer(IActing, INetdService, IPublisher, IStateful)
class RoomService(ListeningService):
    """The rooms of one section."""

    def __init__(self, config: Config, factory: RoomFactory, reactor: Any) -> None:
        super().__init__(config, factory, reactor)
        self._room_factory = factory
        self._rooms = factory.rooms
        self._visitors = Visitors(factory.rooms, config.instance, reactor.callLater, lambda: self.is_accepting)

    def use_access(self, access: SectionAccess) -> None:
        """See :meth:`netd.listening.ListeningService.use_access`."""
        super().use_access(access)
        self._rooms.reserves = access

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`."""
        self._rooms.use_state(part)

    def finish(self) -> Deferred[None]:
        """End every room, then close what is left."""
        self._rooms.end_all(self.farewell)
        return super().finish()

    def follow(self, config: Config) -> None:
        """Go by *config*; rooms that have begun keep what they began with."""
        super().follow(config)
        self._rooms.rules = config

    def operations(self) -> list[Operation]:
        """Return the operations of rooms."""
        return [
            Operation("room.list", self.list_rooms, Role.VIEWER, "List the rooms, with their bots and how far they have come"),
            Operation("room.results", self.list_results, Role.VIEWER, "List the rooms that are over, newest first"),
            Operation("room.end", self.end, Role.OPERATOR, "End a room at once: its bots are disconnected"),
            *self._visitors.operations(),
        ]

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`."""
        return [JOIN]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [
            EventKind(f"room.{self.instance}.*.said", RoomSaid),
            EventKind(f"room.{self.instance}.*.presence", BotPresence),
            EventKind(f"room.{self.instance}.refused", BotRefused),
            EventKind(f"room.{self.instance}.*.state", RoomProgress),
        ]

    def status(self) -> RoomServiceStatus:
        """Facts about these rooms."""
        return RoomServiceStatus(
            kind="room",
            instance=self.instance,
            listening=self.listening(),
            connections=len(self._room_factory.connections),
            rooms=len(self._rooms),
            counters={**self._room_factory.counters(), **self._rooms.counts},
        )

    def list_rooms(
        self,
        contains: str = "",
        state: str | None = None,
        newest: bool = False,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> RoomList:
        """Return a page of the rooms that are not over, oldest first.

        :param contains: a text in the name of a bot.
        :param state: the state of the rooms; by default, any.
        :param newest: whether the newest rooms come first.
        :param limit: most rows of the page, up to 1000.
        :param after: what the page before gave as ``after``.
        """
        pager: ListPager[AnyRoom] = ListPager(contains, state, newest, limit, after)
        for room in self._rooms:
            pager.take(room, room.state.value, lambda room=room: _words(room), 0, room.id)  # type: ignore[misc]
        rows, end = pager.page()
        return RoomList([room.describe() for room in rows], dict(pager.counts), pager.matching, end)

    def list_results(self) -> list[RoomResult]:
        """The rooms that were over last, newest first, also those of earlier runs."""
        return self._rooms.endings.newest()

    def end(self, room: int) -> RoomFacts:
        """End a room at once.

        :param room: its number.
        :returns: how it was when it ended.
        :raises NoSuchTarget: when there is none of that number.
        """
        found = self._rooms.find(room)
        if found is None:
            raise NoSuchTarget(f"no room {room}; `room.list` lists them")
        described = found.describe()
        found.end("ended by an operator")
        return described


def _words(room: AnyRoom) -> str:
    return f"{room.id} " + " ".join(seat.name for seat in room.present)

"""People in rooms: a console connection that takes a bot's place, in the second dialect (gateway protocol, "Being in a room").

To the room a visitor is a bot like any other: it goes through the same conversation, line by line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from netd.codec.lines import LineDecoder
from netd.errors import InvalidArguments, NoSuchTarget, OperationFailed
from netd.interfaces import Cancellable, IPeer
from netd.operations import Caller, CallerLink, Operation, Role
from netd.principal import Principal
from netd.room.machine import BotConversation
from netd.room.results import TakenPlace, Visit
from netd.room.rooms import Rooms
from netd.room.texts import BadName, parse_name

__all__ = ["Visitors"]

LONGEST = 1 << 16
"""Bytes of one line that a visitor is told."""

MOST_UNREAD = 1 << 17
"""Bytes that a visitor may be told while its console connection takes nothing."""

MOST_VISITORS = 16
"""Places that one console connection can have."""


@implementer(IPeer)
class _Visitor:
    """The peer, and the shell, of a conversation with a console connection.

    :param ended: called with the reason when the visitor has left, or was made to.
    """

    is_flushed = True

    def __init__(
        self,
        console: CallerLink,
        instance: str,
        name: str,
        rooms: Rooms,
        later: Callable[[float, Callable[[], Any]], Cancellable],
        ended: Callable[[str], None],
    ) -> None:
        self._console = console
        self._facts = {"instance": instance, "name": name}
        self._unread = 0
        self._dismissal: Cancellable | None = None
        self._later = later
        self._ended = ended
        self._lines = LineDecoder(LONGEST)
        self._expiry: Cancellable | None = None
        self._is_over = False
        self.why = ""
        self.conversation = BotConversation(rooms, self, "console", self)

    @property
    def principal(self) -> Principal:
        """Who is at the console connection."""
        return self._console.principal

    @property
    def is_full(self) -> bool:
        """Whether the console connection takes nothing."""
        return self._console.is_full

    def send(self, data: bytes) -> bool:
        """Tell the visitor the lines in *data*; one that is told too much while it reads nothing has to leave."""
        if self._is_over:
            return False
        self._unread = self._unread + len(data) if self._console.is_full else 0
        if self._unread > MOST_UNREAD:
            self._is_over = True
            self._dismissal = self._later(0, self._dismiss)  # and not in the midst of what the room tells everybody
            return False
        for line in self._lines.feed(data):
            self._console.notify("room.line", {**self._facts, "text": line.decode(errors="replace")})
        return True

    def close(self, reason: str) -> None:
        """The visitor has to leave."""
        if not self._is_over:
            self._is_over = True
            self.expire_after(None)
            self._ended(self.why or reason)

    def leave(self, reason: str) -> None:
        """The visitor leaves."""
        self._is_over = True
        if self._dismissal is not None:
            self._dismissal.cancel()
        self.expire_after(None)
        self.conversation.lost(reason)

    def expire_after(self, seconds: float | None) -> None:
        """Replace the pending expiry, or clear it."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = None if seconds is None else self._later(seconds, self._expired)

    def note_unfinished(self, size: int, is_new: bool = False) -> bool:
        """What comes from a console connection is whole."""
        return True

    def set_reading(self, enabled: bool) -> None:
        """What a visitor says comes by requests, each of which is answered."""

    def probe(self) -> None:
        """Ask for it whether the console connection is there."""
        self._console.probe()

    def silence(self) -> float:
        """Since the console connection said something last."""
        return self._console.silence()

    def identified(self) -> None:
        """What a console connection is, is known."""

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """Keep why it has to leave."""
        self.why = why

    def _dismiss(self) -> None:
        """Make it leave."""
        self._dismissal = None
        self.leave("does not read")
        self._ended("does not read")

    def _expired(self) -> None:
        self._expiry = None
        self.conversation.expired()


class Visitors:
    """The people in the rooms of one section.

    :param instance: the section's; a page that is in rooms of two sections tells them apart by it.
    :param is_accepting: whether the section accepts bots at all now.
    """

    def __init__(
        self,
        rooms: Rooms,
        instance: str,
        later: Callable[[float, Callable[[], Any]], Cancellable],
        is_accepting: Callable[[], bool],
    ) -> None:
        self._instance = instance
        self._is_accepting = is_accepting
        self._rooms = rooms
        self._later = later
        self._consoles: dict[CallerLink, dict[str, _Visitor]] = {}

    def operations(self) -> list[Operation]:
        """What a console connection does to be in a room."""
        return [
            Operation("room.join", self.join, Role.OPERATOR, "Take a place in the room that is filling up", is_lasting=True),
            Operation("room.say", self.say, Role.OPERATOR, "Say something in the room", is_lasting=True),
            Operation("room.leave", self.leave, Role.OPERATOR, "Leave the room", is_lasting=True),
        ]

    def join(self, caller: Caller, name: str) -> TakenPlace:
        """Take a place as *name*.

        :returns: the name that the room gives: *name* without the white space around it.
        :raises OperationFailed: when the name is not taken, with the reason, or nothing new is accepted.
        """
        if not self._is_accepting():
            raise OperationFailed("netd is draining: it accepts nothing new until it is resumed (`netd resume`)")
        said = _line(name)
        try:
            name = parse_name(said, self._rooms.rules.max_name)
        except BadName as error:
            raise OperationFailed(str(error)) from None
        console = _console(caller)
        mine = self._consoles.get(console)
        if mine is None:
            mine = self._consoles[console] = {}
            console.when_lost(lambda: self._lost(console))
        if name in mine:
            raise InvalidArguments(f"name: this connection has a place as {name!r:.80} already")
        if len(mine) >= MOST_VISITORS:
            raise OperationFailed(f"a connection can have {MOST_VISITORS} places; leave one first")
        visitor = _Visitor(
            console, self._instance, name, self._rooms, self._later, lambda reason: self._ended(console, name, reason)
        )
        mine[name] = visitor
        visitor.conversation.begin()
        visitor.conversation.receive(said)
        if name not in mine:
            raise OperationFailed(visitor.why)
        return TakenPlace(self._instance, name)

    def say(self, caller: Caller, name: str, text: str) -> Visit:
        """Say *text* as *name*."""
        self._find(caller, name).conversation.receive(_line(text))
        return Visit(name)

    def leave(self, caller: Caller, name: str) -> Visit:
        """Give the place up that the caller has as *name*."""
        visitor = self._find(caller, name)
        del self._consoles[_console(caller)][name]
        visitor.leave("left")
        return Visit(name)

    def _find(self, caller: Caller, name: str) -> _Visitor:
        mine = self._consoles.get(_console(caller), {})
        if name not in mine:
            raise NoSuchTarget(f"this connection has no place as {name!r:.80}; `room.join` takes one")
        return mine[name]

    def _ended(self, console: CallerLink, name: str, reason: str) -> None:
        self._consoles.get(console, {}).pop(name, None)
        console.notify("room.left", {"instance": self._instance, "name": name, "reason": reason})

    def _lost(self, console: CallerLink) -> None:
        for visitor in self._consoles.pop(console).values():
            visitor.leave(console.reason or "its connection closed")


def _line(text: str) -> bytes:
    try:
        return " ".join(text.split("\n")).encode() + b"\n"
    except UnicodeEncodeError:
        raise InvalidArguments("text: half of a surrogate pair is not valid Unicode") from None


def _console(caller: Caller) -> CallerLink:
    assert caller.link is not None, "lasting operations have one"
    return caller.link

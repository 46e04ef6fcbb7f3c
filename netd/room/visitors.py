"""People in rooms: a console connection that takes a bot's place, in the second dialect (gateway protocol, "Being in a room").

To the room a visitor is a bot like any other: it goes through the same conversation, line by line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from netd.codec.lines import LineDecoder
from netd.connection.attached import AttachedPeer, Attachments
from netd.errors import InvalidArguments, NoSuchTarget, NotPermitted, OperationFailed
from netd.interfaces import Cancellable, IPeer
from netd.operations import Caller, CallerLink, Operation, Role
from netd.principal import Kind
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
class _Visitor(AttachedPeer):
    """The peer, and the shell, of a conversation with a console connection.

    :param visitors: the visitors of the section, which this one leaves when the room is over for it.
    """

    def __init__(
        self,
        console: CallerLink,
        instance: str,
        name: str,
        rooms: Rooms,
        later: Callable[[float, Callable[[], Any]], Cancellable],
        visitors: Attachments[_Visitor],
    ) -> None:
        super().__init__(console, name, {"instance": instance, "name": name})
        self._visitors = visitors
        self._later = later
        self._unread = 0
        self._dismissal: Cancellable | None = None
        self._lines = LineDecoder(LONGEST)
        self._expiry: Cancellable | None = None
        self._is_over = False
        self.why = ""
        self.conversation = BotConversation(rooms, self, "console", self)

    def send(self, data: bytes) -> bool:
        """Send the lines in *data* as notifications. A visitor whose console connection reads too few of them has to leave."""
        if self._is_over:
            return False
        self._unread = self._unread + len(data) if self.is_full else 0
        if self._unread > MOST_UNREAD:
            self._is_over = True
            self._dismissal = self._later(0, self._dismiss)  # not now: the room may be sending to all of its bots
            return False
        for line in self._lines.feed(data):
            self.tell("room.line", {"text": line.decode(errors="replace")})
        return True

    def close(self, reason: str) -> None:
        """The room is over for the visitor; the console connection stays."""
        if not self._is_over:
            self._is_over = True
            self.expire_after(None)
            self._ended(self.why or reason)

    def leave(self, reason: str) -> None:
        """Give up the visitor's place."""
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

    def identified(self) -> None:
        """Do nothing: a console connection is known."""

    def prove(self, text: str, *kinds: Kind) -> None:
        """Refuse: a console connection has its own way to prove who it is.

        :raises NotPermitted: always.
        """
        raise NotPermitted("a page has its place by the token that it has logged in with: `room.join` takes a name alone")

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """Keep the reason, for the notification about the end."""
        self.why = why

    def _ended(self, reason: str) -> None:
        self._visitors.detach(self)
        self.tell("room.left", {"reason": reason})

    def _dismiss(self) -> None:
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
        self._rooms = rooms
        self._later = later
        self._visitors: Attachments[_Visitor] = Attachments(is_accepting)

    def operations(self) -> list[Operation]:
        """Return the operations by which a console connection joins a room, speaks and leaves."""
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
        self._visitors.check_accepting()
        said = _line(name)
        try:
            name = parse_name(said, self._rooms.rules.max_name)
        except BadName as error:
            raise OperationFailed(str(error)) from None
        console = caller.lasting_link
        mine = self._visitors.of(console)
        if name in mine:
            raise InvalidArguments(f"name: this connection has a place as {name!r:.80} already")
        if len(mine) >= MOST_VISITORS:
            raise OperationFailed(f"a connection can have {MOST_VISITORS} places; leave one first")
        visitor = _Visitor(console, self._instance, name, self._rooms, self._later, self._visitors)
        self._visitors.attach(visitor)
        visitor.conversation.begin()
        visitor.conversation.receive(said)
        if name not in self._visitors.of(console):
            raise OperationFailed(visitor.why)
        return TakenPlace(self._instance, name)

    def say(self, caller: Caller, name: str, text: str) -> Visit:
        """Say *text* as *name*."""
        self._find(caller, name).conversation.receive(_line(text))
        return Visit(name)

    def leave(self, caller: Caller, name: str) -> Visit:
        """Give the place up that the caller has as *name*."""
        visitor = self._find(caller, name)
        self._visitors.detach(visitor)
        visitor.leave("left")
        return Visit(name)

    def _find(self, caller: Caller, name: str) -> _Visitor:
        visitor = self._visitors.of(caller.lasting_link).get(name)
        if visitor is None:
            raise NoSuchTarget(f"this connection has no place as {name!r:.80}; `room.join` takes one")
        return visitor


def _line(text: str) -> bytes:
    try:
        return " ".join(text.split("\n")).encode() + b"\n"
    except UnicodeEncodeError:
        raise InvalidArguments("text: half of a surrogate pair is not valid Unicode") from None

"""One connection of the room service, as a machine: it says a name, takes a place, and replies (room protocol, section 2).

Old bots end neither their name nor their replies with anything; a silence does. A newer bot ends its name, and everything else
that it says, with a newline.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import ClassVar

from netd.codec.lines import LineDecoder, LineTooLong
from netd.errors import NotPermitted, ProtocolError, Revoked, TimedOut
from netd.interfaces import Cancellable, IPeer, MachineShell
from netd.plaintext import unpadded
from netd.principal import Action, Kind, Role, check
from netd.reserved import check_owns
from netd.room.room import FLOOD, Room
from netd.room.rooms import AnyRoom, Rooms
from netd.room.seat import Seat, SeatInput
from netd.room.texts import BadName, Flooding, begins_hello, parse_name, read_hello

__all__ = ["BotConversation", "BotInput", "BotState"]

JOIN = Action("room.join", Role.OPERATOR, frozenset({Kind.BOT}), is_open=True, is_own=True)
"""Taking a place in a room."""

_NAME_FIELD = 1024
"""Bytes of a name with its padding, at most. Programs in C send the whole buffer that the name is in."""


class BotState(enum.Enum):
    """The kind of a connection, by what it has sent."""

    FRESH = "has said nothing"
    NAMING = "has begun its name"
    OLD = "bot that reads messages"
    LINES = "bot that reads lines"
    OVER = "being closed"


class BotInput(enum.Enum):
    """An event of a connection."""

    BYTES = "says something"
    NEWLINE = "has ended its name with a newline"
    EXPIRED = "has had its time"
    LATE = "has not ended its name in time"


BotAction = Callable[["BotConversation", bytes], None]


class BotConversation:
    """The machine of one connection.

    :param address: the address of the bot, for people.
    :ivar seat: the bot's place in a room; None before it has one.
    """

    __slots__ = (
        "_address",
        "_has_whole_lines",
        "_lines",
        "_naming",
        "_peer",
        "_room",
        "_rooms",
        "_said",
        "_shell",
        "seat",
        "state",
    )

    def __init__(self, rooms: Rooms, peer: IPeer, address: str, shell: MachineShell) -> None:
        self._rooms = rooms
        self._peer = peer
        self._address = address
        self._shell = shell
        self._said = b""
        self._lines = LineDecoder(FLOOD)
        self._has_whole_lines = False
        self._naming: Cancellable | None = None
        self._room: AnyRoom | None = None
        self.seat: Seat | None = None
        self.state = BotState.FRESH

    def begin(self) -> None:
        """Start the login timeout: the first byte has come."""
        self._naming = self._rooms.later(self._rooms.rules.login_timeout, self._late)

    def ask(self) -> None:
        """Send ``ask_name``, if the section has it: some bots wait for such a question before they send their name."""
        words = self._rooms.rules.ask_name
        if words:
            self._peer.send(words.encode())

    def receive(self, received: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._has_whole_lines and received.find(b"\n") == len(received) - 1 < FLOOD:
            self._take_line(received)
        else:
            self._step(BotInput.BYTES, received)

    def expired(self) -> None:
        """The peer's expiry has passed."""
        self._step(BotInput.EXPIRED, b"")

    def _late(self) -> None:
        self._naming = None
        self._step(BotInput.LATE, b"")

    def _end_naming(self) -> None:
        if self._naming is not None:
            self._naming.cancel()
            self._naming = None

    def revoke(self, why: Revoked) -> None:
        """Close the connection, because its credential proves nobody any more."""
        if self.state is not BotState.OVER:
            self._refuse(why, b"")

    def lost(self, reason: str) -> None:
        """Give up the place: the connection is gone."""
        self._end_naming()
        self._lines.finish()
        self.state = BotState.OVER
        self._has_whole_lines = False
        if self._room is not None and self.seat is not None:
            self._room.leave(self.seat, reason)

    def _step(self, happened: BotInput, received: bytes) -> None:
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is None:
            return
        action, self.state = transition
        try:
            action(self, received)
        except ProtocolError as error:
            self._refuse(error, self._said + received)  # a token is told from other text by its beginning

    def _do_gather_name(self, received: bytes) -> None:
        said = self._said + received
        name, newline, rest = said.partition(b"\n")
        limit = self._rooms.rules.max_name
        is_hello = begins_hello(name)
        if len(name) > _NAME_FIELD or (len(unpadded(name)) > limit and not is_hello):
            raise BadName(f"Your name is too long. Connect again with one of at most {limit} bytes.")
        self._said = name
        if newline:
            self._step(BotInput.NEWLINE, rest)
        else:
            self._peer.expire_after(None if is_hello else self._rooms.rules.reply_gap)  # half a hello is no name

    def _do_join(self, _received: bytes) -> None:
        self._take_seat(reads_lines=False)

    def _do_join_with_lines(self, rest: bytes) -> None:
        self._peer.expire_after(None)
        self._take_seat(reads_lines=True)
        self._has_whole_lines = True
        if rest:
            self._do_reply_with_lines(rest)

    def _take_seat(self, reads_lines: bool) -> None:
        said, token = read_hello(self._said) if reads_lines else (self._said, None)
        if token is not None:
            self._shell.prove(token, Kind.BOT, Kind.USER)
        principal = self._peer.principal
        proved = principal.name if principal.kind is Kind.BOT else None
        name = parse_name(said or (proved or "").encode(), self._rooms.rules.max_name)
        seat = Seat(name, self._address, self._peer, reads_lines, self._rooms.bus.wall())
        try:
            check(principal, JOIN, f"{self._rooms.prefix}.>", name)
            check_owns(self._rooms.reserves, principal, Kind.BOT, name)
        except NotPermitted as error:
            self._rooms.refused(seat, str(error))
            raise
        self._end_naming()
        self._room = self._rooms.join(seat)
        self._shell.identified()
        self.seat = seat
        self._said = b""

    def _do_reply(self, received: bytes) -> None:
        self._hear(received, SeatInput.PART)
        assert self.seat is not None
        if self.seat.is_in_the_middle:
            self._peer.expire_after(self._rooms.rules.reply_gap)

    def _do_fall_silent(self, _received: bytes) -> None:
        assert isinstance(self._room, Room) and self.seat is not None
        self._room.quiet(self.seat)

    def _take_line(self, received: bytes) -> None:
        """Take one whole line, as nearly all reads are. :meth:`_do_reply_with_lines` would do the same, through the decoder."""
        try:
            self._hear(received[:-2] if received.endswith(b"\r\n") else received[:-1], SeatInput.WHOLE)
        except Flooding as error:
            self._refuse(error, received)

    def _do_reply_with_lines(self, received: bytes) -> None:
        try:
            lines = self._lines.feed(received)
        except LineTooLong:
            raise Flooding(f"You send too much: a line has at most {FLOOD} bytes.") from None
        if not self._peer.note_unfinished(self._lines.unfinished, bool(lines)):
            raise TimedOut("Your line comes too slowly. A line of more than 1 KiB must come at 1 KiB a second at least.")
        for line in lines:
            self._hear(line, SeatInput.WHOLE)
        self._has_whole_lines = received.endswith(b"\n")

    def _hear(self, said: bytes, happened: SeatInput) -> None:
        assert self._room is not None and self.seat is not None
        if not self._room.hear(self.seat, said, happened):
            self._rooms.counts["unasked"] += 1

    def _do_dismiss(self, _received: bytes) -> None:
        raise BadName(f"No name came within {self._rooms.rules.login_timeout:g} s. Connect again and send one first.")

    def _refuse(self, error: ProtocolError, excerpt: bytes) -> None:
        self.state = BotState.OVER
        self._has_whole_lines = False
        self._end_naming()
        self._shell.refuse(error.kind, str(error), excerpt)
        self._peer.send(f"{error}\n".encode())
        self._peer.close(error.kind)
        if self._room is not None and self.seat is not None:
            self._room.leave(self.seat, error.kind)

    TRANSITIONS: ClassVar[dict[tuple[BotState, BotInput], tuple[BotAction, BotState]]] = {
        (BotState.FRESH, BotInput.BYTES): (_do_gather_name, BotState.NAMING),
        (BotState.NAMING, BotInput.BYTES): (_do_gather_name, BotState.NAMING),
        (BotState.NAMING, BotInput.NEWLINE): (_do_join_with_lines, BotState.LINES),
        (BotState.NAMING, BotInput.EXPIRED): (_do_join, BotState.OLD),
        (BotState.NAMING, BotInput.LATE): (_do_dismiss, BotState.OVER),
        (BotState.OLD, BotInput.BYTES): (_do_reply, BotState.OLD),
        (BotState.OLD, BotInput.EXPIRED): (_do_fall_silent, BotState.OLD),
        (BotState.LINES, BotInput.BYTES): (_do_reply_with_lines, BotState.LINES),
    }
    """What is done with each input in each state, and what the connection is then."""

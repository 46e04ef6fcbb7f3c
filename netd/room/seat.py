"""The seat of a bot in its room: the state of the exchange with it, and its reply."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from itertools import count
from typing import ClassVar

from netd.interfaces import IPeer
from netd.plaintext import moment, unpadded
from netd.room.results import BotFacts
from netd.room.texts import NameTaken, Text

__all__ = ["PIECE", "Seat", "SeatInput", "SeatState"]


PIECE = 32
"""Bytes that each piece of input counts in addition to its own, because an empty line is work, too."""


class SeatState(enum.Enum):
    """The state of the exchange with a bot. It is sent the next message only when it has replied, or its time is over."""

    IDLE = "has nothing to reply to"
    OWES = "is to reply"
    CONFIRMED = "its reply was passed on"
    REPLYING = "is replying"
    REPLIED = "has replied"
    SILENT = "did not reply in time"
    WAKING = "is replying too late"
    GONE = "has left"

    __hash__ = object.__hash__  # members are unique; Enum's own is several times slower, and each message asks the table


class SeatInput(enum.Enum):
    """An event of the exchange with a bot."""

    ASKED = "is sent a message"
    THANKED = "is sent the confirmation"
    PART = "says something, perhaps not all of it"
    WHOLE = "says something, all of it"
    QUIET = "said nothing more for a while"
    LATE = "has had its time"
    LEFT = "leaves"

    __hash__ = object.__hash__


class Seat:
    """A bot's place in a room.

    :param address: its address, for people.
    :param reads_lines: whether its messages are lines, in both directions.
    :param since: the time at which it came, in seconds since the epoch.
    :ivar name: its name in this room; with a number added, if an old bot has the name of another one.
    :ivar reply: its reply to the last message, so far.
    :ivar received: bytes that it has sent since the last message to it, with :data:`PIECE` for each piece of them.
    """

    __slots__ = ("_peer", "address", "name", "reads_lines", "received", "reply", "since", "state")

    def __init__(self, name: str, address: str, peer: IPeer, reads_lines: bool, since: float) -> None:
        self.name = name
        self.address = address
        self.since = since
        self.reads_lines = reads_lines
        self.reply = b""
        self.received = 0
        self.state = SeatState.IDLE
        self._peer = peer

    def claim_name(self, taken: Mapping[str, Seat]) -> None:
        """Make sure that its name is none of *taken*. An old bot, which cannot choose another one, gets a number added to it.

        :raises NameTaken: for a bot that reads lines, which can choose another one. The holder of the name is probed: after 5 s,
            the name is free if that bot is dead.
        """
        holder = taken.get(self.name)
        if holder is None:
            return
        if self.reads_lines:
            holder.probe()
            raise NameTaken(
                f"The name {self.name!r} is taken in this room, by the bot at {holder.address} since {moment(holder.since)}. "
                "Connect again with another one.",
                self.name,
                holder.address,
            )
        self.name = next(name for name in (f"{self.name} ({number})" for number in count(2)) if name not in taken)

    @property
    def can_listen(self) -> bool:
        """Whether it may be sent a message, because it has read the one before."""
        return self.state in (SeatState.IDLE, SeatState.REPLIED)

    @property
    def is_awaited(self) -> bool:
        """Whether the room waits for it."""
        return self.state in (SeatState.OWES, SeatState.CONFIRMED, SeatState.REPLYING)

    @property
    def is_in_the_middle(self) -> bool:
        """Whether it has begun a reply that a silence will end."""
        return self.state in (SeatState.REPLYING, SeatState.WAKING)

    @property
    def has_something_to_say(self) -> bool:
        """Whether it has replied with more than padding. Old bots fail when they are sent an empty message."""
        return self.state is SeatState.REPLIED and bool(unpadded(self.reply))

    def step(self, happened: SeatInput) -> bool:
        """Go to the state that follows *happened*. Return False if none does."""
        state = self.TRANSITIONS.get((self.state, happened))
        if state is None:
            return False
        self.state = state
        return True

    def tell(self, text: Text, happened: SeatInput) -> None:
        """Send a message that will be replied to."""
        self.step(happened)
        self.reply = b""
        self.received = 0
        self.greet(text)

    def greet(self, text: Text) -> None:
        """Send a message that needs no reply."""
        self._peer.send(text.line if self.reads_lines else text.plain)

    def send(self, lines: bytes) -> None:
        """Send *lines* as they are."""
        self._peer.send(lines)

    def hear(self, said: bytes, happened: SeatInput, limit: int) -> bool:
        """Take what the bot has said, at most *limit* bytes of a reply. Return False if it was not asked."""
        self.received += len(said) + PIECE
        before = self.state
        if (before is SeatState.REPLIED and len(self.reply) >= limit) or not self.step(happened):
            return False
        if before is not SeatState.SILENT and before is not SeatState.WAKING:
            reply = self.reply + said if self.reply else said
            if len(reply) >= limit:
                reply = reply[:limit]
                self.step(SeatInput.QUIET)
            self.reply = reply
        return True

    def probe(self) -> None:
        """Probe its connection."""
        self._peer.probe()

    def close(self, reason: str) -> None:
        """Close its connection."""
        self._peer.close(reason)

    def describe(self) -> BotFacts:
        """Return facts about the bot."""
        return BotFacts(self.name, self.address, self.reads_lines, self.state.value)

    TRANSITIONS: ClassVar[dict[tuple[SeatState, SeatInput], SeatState]] = {
        (SeatState.IDLE, SeatInput.ASKED): SeatState.OWES,
        (SeatState.IDLE, SeatInput.THANKED): SeatState.CONFIRMED,
        (SeatState.OWES, SeatInput.PART): SeatState.REPLYING,
        (SeatState.OWES, SeatInput.WHOLE): SeatState.REPLIED,
        (SeatState.OWES, SeatInput.LATE): SeatState.SILENT,
        (SeatState.CONFIRMED, SeatInput.PART): SeatState.REPLYING,
        (SeatState.CONFIRMED, SeatInput.WHOLE): SeatState.REPLIED,
        (SeatState.CONFIRMED, SeatInput.LATE): SeatState.IDLE,
        (SeatState.REPLYING, SeatInput.PART): SeatState.REPLYING,
        (SeatState.REPLYING, SeatInput.QUIET): SeatState.REPLIED,
        (SeatState.REPLYING, SeatInput.LATE): SeatState.REPLIED,
        (SeatState.REPLIED, SeatInput.PART): SeatState.REPLYING,
        (SeatState.REPLIED, SeatInput.ASKED): SeatState.OWES,
        (SeatState.REPLIED, SeatInput.THANKED): SeatState.CONFIRMED,
        (SeatState.SILENT, SeatInput.PART): SeatState.WAKING,
        (SeatState.SILENT, SeatInput.WHOLE): SeatState.IDLE,
        (SeatState.WAKING, SeatInput.PART): SeatState.WAKING,
        (SeatState.WAKING, SeatInput.QUIET): SeatState.IDLE,
        **{(state, SeatInput.LEFT): SeatState.GONE for state in SeatState if state is not SeatState.GONE},
    }
    """What each input makes of a bot. An absent pair is something that nobody asked for: it is passed over."""

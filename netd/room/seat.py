"""One bot in its room: what it was sent, whether it has replied, and what."""

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
"""What a piece costs beside its bytes: a line without content is work, too."""


class SeatState(enum.Enum):
    """What is known of a bot. Only one that has replied, or was given time, is sent the next message."""

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
    """What happens to a bot."""

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

    :param address: where it comes from, for people.
    :param reads_lines: whether its messages are lines, both ways.
    :param since: when it came, in seconds since the epoch.
    :ivar name: what it is called here; with a number, where an old bot has the name of another one.
    :ivar reply: what it has said to the last message so far.
    :ivar received: bytes that it has sent since the last message to it, and :data:`PIECE` for each piece of them.
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
        """See to it that its name is none of *taken*. An old bot, which knows no other name than its own, gets a number.

        :raises NameTaken: when a bot that reads lines can be told to choose another one. Whether the holder of the name is still
            there will be known 5 s later.
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
        """Whether it may be sent a message: it has read the one before."""
        return self.state in (SeatState.IDLE, SeatState.REPLIED)

    @property
    def is_awaited(self) -> bool:
        """Whether the room waits for it."""
        return self.state in (SeatState.OWES, SeatState.CONFIRMED, SeatState.REPLYING)

    @property
    def is_in_the_middle(self) -> bool:
        """Whether silence would complete what it has begun to say."""
        return self.state in (SeatState.REPLYING, SeatState.WAKING)

    @property
    def has_something_to_say(self) -> bool:
        """Whether it has replied, with more than padding: old bots fail over less."""
        return self.state is SeatState.REPLIED and bool(unpadded(self.reply))

    def step(self, happened: SeatInput) -> bool:
        """Take *happened* in; False when it means nothing now."""
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
        """Send what is lines already."""
        self._peer.send(lines)

    def hear(self, said: bytes, happened: SeatInput, limit: int) -> bool:
        """Take in what it says; False when nobody asked. Of a reply at most *limit* bytes are kept."""
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
        """Find out whether it is still there."""
        self._peer.probe()

    def close(self, reason: str) -> None:
        """Disconnect it."""
        self._peer.close(reason)

    def describe(self) -> BotFacts:
        """Facts about it."""
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

"""One bot in its room: what it was sent, whether it has replied, and what."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from itertools import count
from typing import Any

from netd.interfaces import IPeer
from netd.plaintext import moment, unpadded
from netd.room.texts import NameTaken, Text

__all__ = ["PIECE", "TRANSITIONS", "Input", "Seat", "State"]


PIECE = 32
"""What a piece costs beside its bytes: a line without content is work, too."""


class State(enum.Enum):
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


class Input(enum.Enum):
    """What happens to a bot."""

    ASKED = "is sent a message"
    THANKED = "is sent the confirmation"
    PART = "says something, perhaps not all of it"
    WHOLE = "says something, all of it"
    QUIET = "said nothing more for a while"
    LATE = "has had its time"
    LEFT = "leaves"

    __hash__ = object.__hash__


TRANSITIONS: dict[tuple[State, Input], State] = {
    (State.IDLE, Input.ASKED): State.OWES,
    (State.IDLE, Input.THANKED): State.CONFIRMED,
    (State.OWES, Input.PART): State.REPLYING,
    (State.OWES, Input.WHOLE): State.REPLIED,
    (State.OWES, Input.LATE): State.SILENT,
    (State.CONFIRMED, Input.PART): State.REPLYING,
    (State.CONFIRMED, Input.WHOLE): State.REPLIED,
    (State.CONFIRMED, Input.LATE): State.IDLE,
    (State.REPLYING, Input.PART): State.REPLYING,
    (State.REPLYING, Input.QUIET): State.REPLIED,
    (State.REPLYING, Input.LATE): State.REPLIED,
    (State.REPLIED, Input.PART): State.REPLYING,
    (State.REPLIED, Input.ASKED): State.OWES,
    (State.REPLIED, Input.THANKED): State.CONFIRMED,
    (State.SILENT, Input.PART): State.WAKING,
    (State.SILENT, Input.WHOLE): State.IDLE,
    (State.WAKING, Input.PART): State.WAKING,
    (State.WAKING, Input.QUIET): State.IDLE,
    **{(state, Input.LEFT): State.GONE for state in State if state is not State.GONE},
}
"""What each input makes of a bot. An absent pair is something that nobody asked for: it is passed over."""


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
        self.state = State.IDLE
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
    def is_present(self) -> bool:
        """Whether its connection is there."""
        return self.state is not State.GONE

    @property
    def can_listen(self) -> bool:
        """Whether it may be sent a message: it has read the one before."""
        return self.state in (State.IDLE, State.REPLIED)

    @property
    def is_awaited(self) -> bool:
        """Whether the room waits for it."""
        return self.state in (State.OWES, State.CONFIRMED, State.REPLYING)

    @property
    def is_in_the_middle(self) -> bool:
        """Whether silence would complete what it has begun to say."""
        return self.state in (State.REPLYING, State.WAKING)

    @property
    def has_something_to_say(self) -> bool:
        """Whether it has replied, with more than padding: old bots fail over less."""
        return self.state is State.REPLIED and bool(unpadded(self.reply))

    def step(self, happened: Input) -> bool:
        """Take *happened* in; False when it means nothing now."""
        state = TRANSITIONS.get((self.state, happened))
        if state is None:
            return False
        self.state = state
        return True

    def tell(self, text: Text, happened: Input) -> None:
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

    def hear(self, said: bytes, happened: Input, limit: int) -> bool:
        """Take in what it says; False when nobody asked. Of a reply at most *limit* bytes are kept."""
        self.received += len(said) + PIECE
        before = self.state
        if (before is State.REPLIED and len(self.reply) >= limit) or not self.step(happened):
            return False
        if before is not State.SILENT and before is not State.WAKING:
            reply = self.reply + said if self.reply else said
            if len(reply) >= limit:
                reply = reply[:limit]
                self.step(Input.QUIET)
            self.reply = reply
        return True

    def probe(self) -> None:
        """Find out whether it is still there."""
        self._peer.probe()

    def close(self, reason: str) -> None:
        """Disconnect it."""
        self._peer.close(reason)

    def describe(self) -> dict[str, Any]:
        """Facts about it, as plain JSON values."""
        return {"name": self.name, "address": self.address, "lines": self.reads_lines, "state": self.state.value}

"""Rooms on the workbench: conversations over recording peers, with time in the test's hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock

from netd.principal import Kind
from netd.room.config import Config
from netd.room.machine import BotConversation
from netd.room.rooms import Rooms
from netd.testing import RecordingBus, RecordingPeer
from tests.credentials import Credentials

RULES = Config(actions=("hug", "play"), max_name=64)

NAMES = ("Lars", "Ida", "Ola", "Åse")

OPENING = b"\nBatman: Do you want to play?"
CONFIRMATION = b"This clients response has been sendt to the server\n"


class TimedPeer(RecordingPeer):
    """A recording peer whose expiry comes when the clock says so.

    :ivar conversation: whom it tells.
    """

    conversation: BotConversation

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._timer: Any = None
        self.messages: list[bytes] = []

    def send(self, data: bytes) -> bool:
        """Write it down, as bytes and as a message; nothing after the end."""
        if self.closed is not None:
            return False
        self.messages.append(data)
        return super().send(data)

    def expire_after(self, seconds: float | None) -> None:
        """Set the clock."""
        super().expire_after(seconds)
        self._cancel()
        if seconds is not None and self.closed is None:
            self._timer = self._clock.callLater(seconds, self._expired)

    def close(self, reason: str) -> None:
        """Nothing is told any more."""
        super().close(reason)
        self._cancel()

    def _expired(self) -> None:
        self._timer = None
        self.conversation.expired()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Side:
    """One connection; also the shell of its conversation.

    :ivar refused: kind and excerpt of each refusal.
    :ivar why: the words of the last one.
    """

    def __init__(self, hall: Hall) -> None:
        self.refused: list[tuple[str, bytes]] = []
        self.is_identified = False
        self.credentials = hall.credentials
        self.peer = TimedPeer(hall.clock)
        self.conversation = BotConversation(hall.rooms, self.peer, "127.0.0.1:50412", self)
        self.peer.conversation = self.conversation
        self.conversation.begin()

    def identified(self) -> None:
        """From the machine."""
        self.is_identified = True

    def prove(self, text: str, *kinds: Kind) -> None:
        """From the machine."""
        self.credentials.prove(self.peer, text, *kinds)

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """From the conversation."""
        self.refused.append((kind, excerpt))
        self.why = why

    def say(self, *pieces: bytes) -> None:
        """Deliver *pieces*, each as one read."""
        for piece in pieces:
            if self.peer.closed is None:
                self.conversation.receive(piece)

    def hear(self) -> list[bytes]:
        """The messages since the last time."""
        messages, self.peer.messages = self.peer.messages, []
        return messages

    def lose(self) -> None:
        """The connection is lost."""
        self.peer.expire_after(None)
        self.conversation.lost("its connection closed")


class Hall:
    """The rooms, the clock and the bus."""

    def __init__(self, **rules: Any) -> None:
        self.clock = Clock()
        self.bus = RecordingBus()
        self.turn_ends: list[Callable[[], None]] = []
        self.rooms = Rooms(
            evolve(RULES, **rules),
            self.bus,
            "room.main",
            self.clock.callLater,
            self.turn_ends.append,
            self._choose,
        )
        self.credentials = Credentials()
        self.rooms.reserves = self.credentials

    @staticmethod
    def _choose(actions: Sequence[str]) -> str:
        return actions[-1]

    def end_turn(self) -> None:
        """The reactor turn ends."""
        while self.turn_ends:
            self.turn_ends.pop(0)()

    def connect(self) -> Side:
        """A connection that has said nothing."""
        return Side(self)

    def bot(self, name: str | bytes) -> Side:
        """A bot that has its place, an old one or, with a newline after its name, one that reads lines."""
        side = self.connect()
        said = name.encode() if isinstance(name, str) else name
        side.say(said)
        if b"\n" not in said:
            self.clock.advance(self.rooms.rules.reply_gap)
        return side

    def bots(self, *names: str) -> list[Side]:
        """Several bots; their welcomes are not to be heard any more."""
        sides = [self.bot(name) for name in names or NAMES]
        for side in sides:
            side.hear()
        return sides

    def talking(self, *names: str) -> list[Side]:
        """A full room whose host has spoken; nothing is to be heard yet."""
        sides = self.bots(*names)
        self.clock.advance(self.rooms.rules.start_delay)
        for side in sides:
            side.hear()
        return sides

    def reply(self, sides: Sequence[Side], *replies: bytes) -> None:
        """Each of *sides* replies, then is silent: an old bot's reply is complete."""
        for side, reply in zip(sides, replies, strict=True):
            side.say(reply)
        self.clock.advance(self.rooms.rules.reply_gap)

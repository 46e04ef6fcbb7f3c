"""One subscription of one console connection: how far it was told, and what it is told when it reads too slowly.

At the head of its stream, a cursor does nothing by itself: the stream hands it blocks. Behind it, the cursor reads from what the
journal keeps, as fast as the connection takes it; nothing waits for it alone, so that a connection which does not read costs
nothing. What is gone by then is told as a loss before what follows. Numbers always ascend.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Protocol

from twisted.logger import Logger

from netd.bus.journal import JournalEntry
from netd.connection.fanout import BLOCK
from netd.connection.shares import TurnShare
from netd.console.jsonrpc import notification
from netd.console.link import ConsoleLink

__all__ = ["AT_ONCE", "Cursor", "NumberedEntry", "NumberedStream", "SlowPolicy"]

AT_ONCE = 4
"""Blocks that a cursor behind the head is sent at once. A whole journal of 20,000 events would hold up all others for 24 ms."""

NumberedEntry = tuple[int, JournalEntry]
"""An event with its number in a stream; 0 where it is older than the stream."""

_NOTHING: list[NumberedEntry] = []


class SlowPolicy(enum.Enum):
    """What a subscriber that reads too slowly loses."""

    DROP_OLDEST = "drop-oldest"
    """The oldest of the events that it has not been told, where they are not kept any more."""
    LATEST = "latest"
    """All but the newest of each subject."""


class NumberedStream(Protocol):
    """A stream, as its cursors see it.

    :ivar seq: the number of its newest event.
    :ivar heads: the cursors that are handed what comes.
    :ivar catching_up: the share of the turn for cursors that are far behind.
    """

    pattern: str
    seq: int
    heads: dict[Cursor, None]
    catching_up: TurnShare

    def after(self, seq: int, is_latest: bool) -> Iterable[NumberedEntry]:
        """The events after number *seq* that are kept, oldest first; of each subject the newest alone, where that is wanted."""

    def text(self, item: NumberedEntry) -> bytes | None:
        """*item* as JSON; None where it is no longer kept."""


class Cursor:
    """A place in *stream*, on behalf of *link*. It begins after the newest event, behind *past*.

    At all times, events told and losses told add up to ``seq`` less the number at which the cursor began: a loss is a difference
    of numbers, and no policy has to count what it drops.

    :param lost: events that an earlier subscription of the same pattern was not told.
    :param is_resumed: whether *past* is what the subscriber missed. Of a replay, nothing that goes before it is sent is a loss.
    :ivar seq: the number of the last event that was told, or is known to be lost.
    :ivar is_behind: whether the stream hands it nothing, because it has to catch up or has ended.
    """

    _log = Logger()

    __slots__ = (
        "_has_ended",
        "_is_catching_up",
        "_is_resumed",
        "_link",
        "_lost",
        "_past",
        "frame",
        "is_behind",
        "offer",
        "policy",
        "seq",
        "stream",
    )

    def __init__(
        self,
        stream: NumberedStream,
        link: ConsoleLink,
        policy: SlowPolicy,
        past: list[NumberedEntry],
        lost: int,
        is_resumed: bool,
    ) -> None:
        self.stream = stream
        self._link = link
        self._past = past[::-1] if past else _NOTHING  # the next one last
        self._lost = lost
        self._is_resumed = is_resumed
        self.policy = policy
        self.seq = stream.seq
        self.frame = link.frame
        self.offer = link.peer.offer  # kept here because it is called for each cursor and turn
        self._has_ended = False
        self._is_catching_up = False
        self.is_behind = bool(past or lost)
        if not self.is_behind:
            stream.heads[self] = None

    @property
    def has_more(self) -> bool:
        """Whether something is left to be told."""
        return self.stream.seq > self.seq or bool(self._past or self._lost)

    def fall_behind(self) -> None:
        """Leave the head, and catch up as far as the connection takes it; the rest when there is room."""
        self.is_behind = True
        self.stream.heads.pop(self, None)
        if not self.forward():
            self._link.backlogs[self] = None

    def forward(self) -> bool:
        """Send what fits now. Return False if something is left that has to wait for the connection."""
        if self._is_catching_up:
            return True
        for _ in range(AT_ONCE):
            if not self.has_more:
                break
            if self._link.peer.is_full:
                return False
            self._send()
        if self.has_more:
            self._is_catching_up = True
            self.stream.catching_up.start_later(self._catch_up())
        else:
            self._go_to_the_head()
        return True

    def end(self) -> int:
        """Tell nothing more. Return how many events it was not told."""
        self.is_behind = self._has_ended = True
        self.stream.heads.pop(self, None)
        self._link.backlogs.pop(self, None)
        return self._lost + (len(self._past) if self._is_resumed else 0) + self.stream.seq - self.seq

    def count_lost(self) -> None:
        """Count what is lost and was not told, because nothing will be told any more: the connection has ended."""
        gone = sum(entry.text is None for _, entry in self._past) if self._is_resumed else 0
        kept = sum(entry.text is not None for _, entry in self.stream.after(self.seq, False))
        self._count_dropped(self._lost + gone + self.stream.seq - self.seq - kept)

    def fail(self) -> None:
        """Log the exception that is being handled, and cut the connection."""
        self._log.failure("{pattern}: a subscriber could not be told", pattern=self.stream.pattern)
        self._link.peer.abort("a fault of netd's own")

    def _catch_up(self) -> Iterator[None]:
        """Send block after block, until the connection is full or nothing is left; others are served in between."""
        try:
            while not self._has_ended and self.has_more and not self._link.peer.is_full:
                self._send()
                yield
            self._is_catching_up = False
            if self._has_ended:
                return
            if self.has_more:
                self._link.backlogs[self] = None
            else:
                self._go_to_the_head()
        except Exception:
            self.fail()

    def _go_to_the_head(self) -> None:
        self.is_behind = False
        self.stream.heads[self] = None

    def _send(self) -> None:
        portion = self._portion()
        if not self._link.peer.offer(portion):
            self._link.peer.send(portion)  # what the peer had collected has filled it

    def _portion(self) -> bytes:
        """The next block, framed, and before it the notice of what is lost."""
        frames = self._next_of_the_past() if self._past else self._next_of_the_stream()
        if self._lost:
            self._count_dropped(self._lost)
            told = {"pattern": self.stream.pattern, "count": self._lost, "policy": self.policy.value}
            frames.insert(0, self.frame(notification("dropped", told)))
            self._lost = 0
        return b"".join(frames)

    def _next_of_the_past(self) -> list[bytes]:
        frames: list[bytes] = []
        size = 0
        while self._past and size < BLOCK:
            text = self.stream.text(self._past.pop())
            if text is None:
                self._lost += self._is_resumed
            else:
                frames.append(self.frame(text))
                size += len(frames[-1])
        return frames

    def _next_of_the_stream(self) -> list[bytes]:
        frames: list[bytes] = []
        seq, size = self.seq, 0
        for item in self.stream.after(seq, self.policy is SlowPolicy.LATEST):
            text = self.stream.text(item)
            if text is not None:
                frames.append(self.frame(text))
                size += len(frames[-1])
                seq = item[0]
                if size >= BLOCK:
                    break
        else:
            seq = self.stream.seq  # whatever came after the last event that is kept is lost
        self._lost += seq - self.seq - len(frames)
        self.seq = seq
        return frames

    def _count_dropped(self, number: int) -> None:
        if number:
            self._link.peer.count_dropped(self.policy.value, number)

"""One subscription of one console connection: the number of the last event sent, and the events sent after a delay.

A cursor at the head of its stream does nothing by itself: the stream hands it blocks. A cursor that has fallen behind reads from
the journal, as fast as its connection takes the events. No event is kept for one cursor alone, so that a connection which does
not read costs no memory. Events that have left the journal by then are reported as a loss, before the events that follow them.
The numbers sent always ascend.
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
from netd.console.together import NumberedText

__all__ = ["AT_ONCE", "Cursor", "NumberedEntry", "NumberedStream", "SlowPolicy"]

AT_ONCE = 4
"""Blocks sent at once for a cursor behind the head. A whole journal of 20,000 events would hold up all connections for 24 ms."""

NumberedEntry = tuple[int, JournalEntry]
"""An event with its number in a stream; 0 where it is older than the stream."""

_NOTHING: list[NumberedEntry] = []


class SlowPolicy(enum.Enum):
    """Which events a subscriber that reads too slowly loses."""

    DROP_OLDEST = "drop-oldest"
    """The oldest of the events not sent yet, once the journal does not keep them any more."""
    LATEST = "latest"
    """All but the newest of each subject."""


class NumberedStream(Protocol):
    """A stream, as its cursors see it.

    :ivar seq: the number of its newest event.
    :ivar heads: the cursors at the head, which are handed each new event.
    :ivar catching_up: the share of the turn for cursors that are far behind.
    """

    pattern: str
    seq: int
    heads: dict[Cursor, None]
    catching_up: TurnShare

    def after(self, seq: int, is_latest: bool) -> Iterable[NumberedEntry]:
        """Return the events after number *seq* that are kept, oldest first. With *is_latest*, only the newest of each subject."""

    def kept_after(self, seq: int) -> int:
        """How many of the events after number *seq* are kept."""

    def text(self, item: NumberedEntry) -> bytes | None:
        """Return *item* as JSON, or None if it is no longer kept."""

    def messages(self, after: int, items: list[NumberedText], upto: int) -> list[NumberedText]:
        """Return messages of *items*, for a subscriber that knows all up to event *after*, and from then on up to *upto*."""


class Cursor:
    """A place in *stream*, on behalf of *link*. It begins after the stream's newest event; the events of *past* are sent first.

    At all times, events sent and losses reported add up to ``seq`` less the number at which the cursor began: a loss is a
    difference of numbers, and no policy has to count the events that it drops.

    :param lost: the number of events that an earlier subscription of the same pattern was not sent.
    :param is_resumed: whether *past* holds the events that the subscriber missed while it was away. Otherwise *past* is a replay:
        an event of a replay that leaves the journal before it is sent does not count as lost.
    :ivar seq: the number of the last event that was sent, or is known to be lost.
    :ivar is_behind: whether the stream hands this cursor nothing, because the cursor has to catch up or has ended.
    """

    _log = Logger()

    __slots__ = (
        "_has_ended",
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
        self.is_behind = bool(past or lost)
        if not self.is_behind:
            stream.heads[self] = None

    @property
    def has_more(self) -> bool:
        """Whether events or a loss are left to be sent."""
        return self.stream.seq > self.seq or bool(self._past or self._lost)

    def fall_behind(self) -> None:
        """Leave the head. Send as much as the connection takes now, and the rest when it has room again."""
        self.is_behind = True
        self.stream.heads.pop(self, None)
        if not self.forward():
            self._link.backlogs[self] = None

    def forward(self) -> bool:
        """Send as much as fits now. Return False if something is left that has to wait for the connection."""
        for _ in range(AT_ONCE):
            if not self.has_more:
                break
            if self._link.peer.is_full:
                return False
            self._send()
        if self.has_more:
            self.stream.catching_up.start_later(self._catch_up())
        else:
            self._go_to_the_head()
        return True

    def end(self) -> int:
        """Send nothing more. Return the number of events that were not sent."""
        self.is_behind = self._has_ended = True
        self.stream.heads.pop(self, None)
        self._link.backlogs.pop(self, None)
        return self._lost + (len(self._past) if self._is_resumed else 0) + self.stream.seq - self.seq

    def count_lost(self) -> None:
        """Count the losses that were not reported, for the metric. The connection has ended: no report follows."""
        gone = sum(entry.text is None for _, entry in self._past) if self._is_resumed else 0
        self._count_dropped(self._lost + gone + self.stream.seq - self.seq - self.stream.kept_after(self.seq))

    def fail(self) -> None:
        """Log the exception that is being handled, and abort the connection."""
        self._log.failure("{pattern}: an event could not be sent to a subscriber", pattern=self.stream.pattern)
        self._link.peer.abort("a fault of netd's own")

    def _catch_up(self) -> Iterator[None]:
        """Send block after block, until the connection is full or nothing is left. Other connections are served in between."""
        try:
            while not self._has_ended and self.has_more and not self._link.peer.is_full:
                self._send()
                yield
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
            self._link.peer.send(portion)  # the bytes that the peer had collected in this turn have just filled it

    def _portion(self) -> bytes:
        """Return the next block, framed, with the report of lost events before it."""
        after = self.seq
        items = self._next_of_the_past() if self._past else self._next_of_the_stream()
        frames = [self.frame(text) for _, text in self.stream.messages(after, items, self.seq)]
        if self._lost:
            self._count_dropped(self._lost)
            told = {"pattern": self.stream.pattern, "count": self._lost, "policy": self.policy.value}
            frames.insert(0, self.frame(notification("dropped", told)))
            self._lost = 0
        return b"".join(frames)

    def _next_of_the_past(self) -> list[NumberedText]:
        items: list[NumberedText] = []
        size = 0
        while self._past and size < BLOCK:
            item = self._past.pop()
            text = self.stream.text(item)
            if text is None:
                self._lost += self._is_resumed
            else:
                items.append((item[0], text))
                size += len(text)
        return items

    def _next_of_the_stream(self) -> list[NumberedText]:
        items: list[NumberedText] = []
        seq, size = self.seq, 0
        for item in self.stream.after(seq, self.policy is SlowPolicy.LATEST):
            text = self.stream.text(item)
            if text is not None:
                seq = item[0]
                items.append((seq, text))
                size += len(text)
                if size >= BLOCK:
                    break
        else:
            seq = self.stream.seq  # all events after the last one kept are lost
        self._lost += seq - self.seq - len(items)
        self.seq = seq
        return items

    def _count_dropped(self, number: int) -> None:
        if number:
            self._link.peer.count_dropped(self.policy.value, number)

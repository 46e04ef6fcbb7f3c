"""The bus for console connections: one stream of numbered events for each pattern, shared by all subscribers of the pattern.

A stream without subscribers goes on for a while, so that a client that lost its connection can resume where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from netd.bus.journal import Journal
from netd.connection.shares import TurnShare
from netd.connection.turn import Turn
from netd.console.cursor import Cursor, NumberedEntry, SlowPolicy
from netd.console.link import ConsoleLink
from netd.console.results import Gap, Subscribed
from netd.console.stream import EventStream, StreamKey
from netd.errors import InvalidArguments, OperationFailed
from netd.interfaces import IBus

__all__ = ["MOST_SUBSCRIPTIONS", "EventStreams"]

MOST_SUBSCRIPTIONS = 64
"""Subscriptions of one connection."""

MOST_STREAMS = 4096
"""Different streams at a time."""

MOST_COLLECTED = 1 << 22
"""Bytes of events not handed out yet, of all streams together. Above, they are handed out before anything else happens."""

IDLE = 120.0
"""Seconds for which a stream without subscribers goes on."""

MOST_IDLE = 16
"""Streams without subscribers that go on at a time: each one makes publishing slower."""


@define(eq=False)
class EventStreams:
    """All streams and their subscriptions.

    :ivar turn: the turn of the reactor, at whose end new events are numbered and sent.
    :ivar following: the share of the turn for handing out new events.
    :ivar catching_up: the share of the turn for cursors that are far behind.
    :ivar passing: the share of the turn for events that an interval has held back.
    :ivar new_epoch: returns a name for a stream that was never used before, without a colon.
    :ivar journal: the events that are kept.
    :ivar collected: bytes of all events that have not been handed out yet.
    """

    bus: IBus
    clock: IReactorTime
    turn: Turn
    following: TurnShare
    catching_up: TurnShare
    passing: TurnShare
    new_epoch: Callable[[], str]
    journal: Journal
    collected: int = field(default=0, init=False)
    _streams: dict[StreamKey, EventStream] = field(factory=dict, init=False)
    _idle: dict[EventStream, Any] = field(factory=dict, init=False)
    _links: dict[ConsoleLink, dict[str, Cursor]] = field(factory=dict, init=False)

    def subscribe(self, link: ConsoleLink, key: StreamKey, replay: int, policy: SlowPolicy, since: str | None) -> Subscribed:
        """Subscribe *link* to the stream of *key*. An earlier subscription of the link to the same pattern ends.

        :returns: the answer of ``bus.subscribe`` (gateway protocol, "Subscriptions").
        :raises InvalidArguments: if *since* is not a position.
        :raises OperationFailed: if there are too many subscriptions.
        """
        after = None if since is None else _position(since)
        pattern = key.pattern
        mine = self._subscriptions(link)
        if pattern not in mine and len(mine) >= MOST_SUBSCRIPTIONS:
            raise OperationFailed(f"a connection has at most {MOST_SUBSCRIPTIONS} subscriptions; end one with bus.unsubscribe")
        stream = self._stream(key)
        self._use(stream)
        self._number_all()
        recovered, gap = None, None
        past: list[NumberedEntry] = []
        if after is not None:
            found, gap = self._resume(stream, *after)
            if found is not None:
                past, recovered = found, len(found)
        if recovered is None and replay:
            past = stream.newest(replay)
        lost = self._end_subscription(mine, pattern, stream) if pattern in mine else 0
        if recovered is not None:
            lost = 0  # the answer's gap tells what is lost
        cursor = mine[pattern] = Cursor(stream, link, policy, past, lost, recovered is not None)
        stream.cursors[cursor] = None
        if cursor.is_behind:
            self.turn.after(lambda: self._begin(link, cursor))
        self.journal.grow(0)  # a replay makes entries that no stream counts
        return Subscribed(pattern, f"{stream.epoch}:{stream.seq}", recovered, gap, stream.subjects())

    def unsubscribe(self, link: ConsoleLink, pattern: str) -> bool:
        """End the subscription of *link* to *pattern*. Return False if there is none."""
        mine = self._links.get(link, {})
        if pattern not in mine:
            return False
        self._end_subscription(mine, pattern)
        return True

    def forget(self, pattern: str) -> None:
        """Drop the kept events of the subjects under *pattern*. Events that are being handed out still arrive."""
        self._number_all()
        self.journal.forget(pattern)
        for stream in self._streams.values():
            stream.let_go(pattern)

    def fit(self) -> None:
        """If too many events wait to be handed out, hand them out before anything else happens."""
        if self.collected > MOST_COLLECTED:
            self.following.finish()

    def _number_all(self) -> None:
        """Number all published events, then trim the journal: events that an answer promises now must not be trimmed later."""
        for stream in self._streams.values():
            stream.number()
        self.journal.trim()

    def _subscriptions(self, link: ConsoleLink) -> dict[str, Cursor]:
        mine = self._links.get(link)
        if mine is None:
            mine = self._links[link] = {}
            link.when_lost(partial(self._lost, link))
        return mine

    def _lost(self, link: ConsoleLink) -> None:
        mine = self._links.pop(link)
        behind = [cursor for cursor in mine.values() if cursor.has_more]
        for pattern in list(mine):
            self._end_subscription(mine, pattern)
        if behind:
            self.catching_up.start(_count_lost(behind))

    def _end_subscription(self, mine: dict[str, Cursor], pattern: str, next_stream: EventStream | None = None) -> int:
        """End the subscription, which one to *next_stream* may follow. Return the number of events that it was not sent."""
        cursor = mine.pop(pattern)
        lost = cursor.end()
        stream = cast(EventStream, cursor.stream)
        del stream.cursors[cursor]
        if not stream.cursors and stream is not next_stream:
            self._rest(stream)
        return lost

    def _begin(self, link: ConsoleLink, cursor: Cursor) -> None:
        if self._links.get(link, {}).get(cursor.stream.pattern) is cursor:
            cursor.fall_behind()

    def _stream(self, key: StreamKey) -> EventStream:
        stream = self._streams.get(key)
        if stream is None:
            if len(self._streams) >= MOST_STREAMS and self._idle:
                self._end(next(iter(self._idle)))
            if len(self._streams) >= MOST_STREAMS:
                raise OperationFailed(f"there are {MOST_STREAMS} different subscriptions already; use one of a wider pattern")
            stream = self._streams[key] = EventStream(self, key, self.new_epoch())
        return stream

    def _use(self, stream: EventStream) -> None:
        resting = self._idle.pop(stream, None)
        if resting is not None:
            resting.cancel()

    def _rest(self, stream: EventStream) -> None:
        if len(self._idle) >= MOST_IDLE:
            self._end(next(iter(self._idle)))
        self._idle[stream] = self.clock.callLater(IDLE, self._end, stream)

    def _end(self, stream: EventStream) -> None:
        resting = self._idle.pop(stream, None)
        if resting is not None and resting.active():
            resting.cancel()
        stream.end()
        del self._streams[stream.key]
        if not self._streams:
            self.journal.clear()

    @staticmethod
    def _resume(stream: EventStream, epoch: str, seq: int) -> tuple[list[NumberedEntry] | None, Gap | None]:
        if epoch != stream.epoch or seq > stream.seq:
            return None, {"from": seq + 1, "to": None}
        found, gap = stream.resume(seq)
        return found, None if gap is None else {"from": gap["from"], "to": gap["to"]}


def _count_lost(cursors: list[Cursor]) -> Iterator[None]:
    """Count what each of *cursors*, whose connection is lost, was not told. One that is far behind takes a millisecond."""
    for cursor in cursors:
        cursor.count_lost()
        yield


def _position(since: str) -> tuple[str, int]:
    epoch, colon, offset = since.rpartition(":")
    if not (colon and offset.isascii() and offset.isdecimal() and len(offset) < 20):
        raise InvalidArguments(f"since: {since!r:.80} is no position; it is epoch:seq, as in the answer and the events")
    return epoch, int(offset)

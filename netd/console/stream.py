"""One stream of numbered events, shared by all subscribers of the same pattern at the same rate.

A subscriber is a cursor: the number of the last event that it was sent. All cursors at the head are handed the same block, with
one write each. A cursor whose connection cannot take the block stays where it is, and later reads from the journal.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from twisted.internet.interfaces import IReactorTime

from netd.bus.journal import Journal, JournalEntry
from netd.codec.units import ABSENT, Absent
from netd.connection.fanout import BLOCK, STEP
from netd.connection.shares import TurnShare
from netd.connection.turn import Turn
from netd.console.cursor import Cursor, NumberedEntry
from netd.console.folding import Fold
from netd.console.interval import Interval
from netd.console.link import Frame
from netd.console.together import NumberedText, Togetherness
from netd.interfaces import IBus, ISubscription
from netd.message import Message, Want

__all__ = ["INDEXED", "MOST_REPEATED", "EventStream", "StreamKey", "StreamSurroundings"]

MOST_REPEATED = 10_000
"""Past events that a subscription begins with, at most."""

INDEXED = 32
"""Bytes that the index of a stream takes for each event: while the event is kept, and until the next sweep of the index."""

OVERHEAD = 100
"""Bytes that an event takes beside its text until it has been handed out."""

Blocks = list[tuple[int, bytes]]
"""Blocks of frames, each with the number of its last event."""


class StreamKey(NamedTuple):
    """What subscribers have in common that share a stream.

    :ivar every: seconds between two events of a subject, or None for every event.
    :ivar is_folded: whether an event tells all numbers of its interval (:mod:`netd.console.folding`), not the newest alone.
    :ivar is_together: whether the events of a turn go out in one message (:mod:`netd.console.together`).
    """

    pattern: str
    every: float | None = None
    is_folded: bool = False
    is_together: bool = False


class StreamSurroundings(Protocol):
    """The facilities that a stream uses, shared by all streams.

    :ivar following: the share of the turn for handing out.
    :ivar catching_up: the share of the turn for cursors that are far behind.
    :ivar passing: the share of the turn for events that an interval has held back.
    :ivar collected: bytes of all events that have not been handed out yet.
    """

    bus: IBus
    clock: IReactorTime
    turn: Turn
    following: TurnShare
    catching_up: TurnShare
    passing: TurnShare
    journal: Journal
    collected: int

    def fit(self) -> None:
        """If too many events wait to be handed out, hand them out before anything else is published."""


class EventStream:
    """The stream of all subscribers of one pattern who asked for the same.

    One hand-out is under way at a time; events that are numbered meanwhile go out with the next one.

    :ivar epoch: the name of this stream: its numbers mean nothing in another stream.
    :ivar seq: the number of the newest event, 0 before the first.
    :ivar cursors: all cursors of the stream.
    :ivar heads: the cursors that are handed each new event; the others catch up by themselves.
    """

    def __init__(self, around: StreamSurroundings, key: StreamKey, epoch: str) -> None:
        self._around = around
        self.key = key
        self.pattern = pattern = key.pattern
        self.epoch = epoch
        self.seq = 0
        self.cursors: dict[Cursor, None] = {}
        self.heads: dict[Cursor, None] = {}
        self.catching_up = around.catching_up
        self._owner = None if key.every is None else self
        self._together = Togetherness(pattern) if key.is_together else None
        self._new: list[Message | Fold] = []
        self._fresh: list[bytes] = []  # texts of the newest events, which have not been handed out yet
        self._fresh_size = 0
        self._is_telling = False
        # The index: 16 bytes an event. A list of pairs takes 96, with which a thousand patterns break the bound of the journal.
        self._numbers = array("Q")
        self._entries: list[JournalEntry] = []
        self._most_indexed = 16
        self._interval = Interval(around.clock, key.every or 0.0, around.passing, self._take, self.number)
        self._head = b'{"jsonrpc":"2.0","method":"event","params":{"pattern":"%b","seq":' % pattern.encode()
        if key.every is None:
            self._source: ISubscription = around.bus.subscribe(pattern, self._take, Want.BATCH, lost=self.lose)
        elif key.is_folded:
            self._source = around.bus.subscribe(pattern, self._interval.fold, Want.BATCH, key.every, lost=self.lose)
        else:
            self._source = around.bus.subscribe(pattern, self._interval.receive, Want.NEWEST, key.every)

    def number(self) -> None:
        """Number the events that were published since the last call."""
        new = self._new
        if not new:
            return
        self._new = []
        around = self._around
        if len(self._entries) > self._most_indexed:
            self._sweep()
        take: Callable[[Any, object], Sequence[JournalEntry]] = self._entries_of if self.key.is_folded else around.journal.take
        owner, head, fresh, together = self._owner, self._head, self._fresh, self._together
        is_told = bool(self.heads or fresh)  # cursors that are behind read from the index alone
        seq, size = self.seq, 0
        for message in new:
            for entry in take(message, owner):
                seq += 1
                self._numbers.append(seq)
                self._entries.append(entry)
                entry.size += INDEXED
                if together is not None:
                    together.name(entry.key[1], seq)
                if is_told:  # the text is kept until the turn ends
                    text = b"%b%d%b" % (head, seq, entry.text) if together is None else together.item(seq, entry)  # type: ignore[str-format]
                    fresh.append(text)
                    size += len(text) + OVERHEAD
        around.journal.grow(INDEXED * (seq - self.seq))
        around.collected += size
        self._fresh_size += size
        self.seq = seq

    def lose(self, count: int) -> None:
        """Tell all subscribers that *count* events are lost: their numbers are left out, like those that left the journal."""
        self.number()
        self._around.collected -= self._fresh_size
        self._fresh, self._fresh_size = [], 0
        for missing in (0, count):  # first, the cursors read from the index what they have not been handed
            self.seq += missing
            for cursor in list(self.heads):
                cursor.fall_behind()

    def after(self, seq: int, is_latest: bool = False) -> Iterable[NumberedEntry]:
        """See :class:`netd.console.cursor.NumberedStream`."""
        start = bisect_right(self._numbers, seq)
        items = ((self._numbers[at], self._entries[at]) for at in range(start, len(self._entries)))
        if not is_latest:
            return items
        newest = {item[1].key: item for item in items if item[1].text is not None}
        return sorted(newest.values(), key=itemgetter(0))

    def kept_after(self, seq: int) -> int:
        """See :class:`netd.console.cursor.NumberedStream`."""
        return sum([entry.text is not None for entry in self._entries[bisect_right(self._numbers, seq) :]])

    def resume(self, seq: int) -> tuple[list[NumberedEntry], dict[str, int] | None]:
        """Return the newest events after number *seq* that are kept, and the first and last number of those that are lost."""
        found = [item for item in self.after(seq) if item[1].text is not None][-MOST_REPEATED:]
        if len(found) == self.seq - seq:
            return found, None
        first = next((due for due, (number, _) in enumerate(found, seq + 1) if number != due), seq + 1 + len(found))
        back = enumerate(reversed(found))
        last = next((self.seq - at for at, (number, _) in back if number != self.seq - at), self.seq - len(found))
        return found, {"from": first, "to": last}

    def newest(self, count: int) -> list[NumberedEntry]:
        """Return up to *count* of the newest events of each subject, oldest first, also from before the stream's beginning."""
        own: list[NumberedEntry] = []
        seen: Counter[object] = Counter()
        for item in zip(reversed(self._numbers), reversed(self._entries), strict=True):
            if item[1].text is not None and seen[item[1].key] < count and len(own) < MOST_REPEATED:
                seen[item[1].key] += 1
                own.append(item)
        return [*self._older(count, {key[1] for key in map(_key, own)}), *reversed(own)]

    def text(self, item: NumberedEntry) -> bytes | None:
        """See :class:`netd.console.cursor.NumberedStream`."""
        seq, entry = item
        if entry.text is None:
            return None
        if self._together is not None:
            return self._together.item(seq, entry)
        return b"%b%b%b" % (self._head, b"%d" % seq if seq else b"null", entry.text)

    def messages(self, after: int, items: list[NumberedText], upto: int) -> list[NumberedText]:
        """See :class:`netd.console.cursor.NumberedStream`."""
        return items if self._together is None else self._together.messages(after, items, upto)

    def subjects(self) -> list[str] | Absent:
        """Return the names that a new subscriber has to know: all so far, if names are told apart from events."""
        return ABSENT if self._together is None else list(self._together.names)

    def let_go(self, pattern: str) -> None:
        """Drop the events of the subjects under *pattern* that this stream holds back until *every* has passed."""
        self._interval.let_go(pattern)

    def end(self) -> None:
        """End the stream's subscription of the bus, and drop all that it keeps."""
        self._source.cancel()
        self._interval.end()
        self._new.clear()
        self._around.collected -= self._fresh_size
        self._fresh, self._fresh_size = [], 0
        if self._owner is not None:
            self._around.journal.forget_owner(self)

    def _older(self, count: int, known: set[str]) -> list[NumberedEntry]:
        """Return events of subjects that are not *known* here: those that the journal keeps for other streams, or the newest.

        A stream with a rate gets the newest event alone: the others are closer to one another than *every* allows.
        """
        journal, found = self._around.journal, []
        for message in self._around.bus.last(self.pattern):
            if message.subject not in known and journal.keeps(message):
                ring = journal.rings.get((None, message.subject), ())
                found += list(ring)[-count:] if self.key.every is None else list(ring)[-1:]
        found.sort(key=lambda entry: entry.number)
        return [(0, entry) for entry in found[-MOST_REPEATED:]]

    def _sweep(self) -> None:
        """Drop the events from the index that are no longer kept."""
        is_kept = [entry.text is not None for entry in self._entries]
        self._numbers = array("Q", compress(self._numbers, is_kept))
        self._entries = list(compress(self._entries, is_kept))
        self._most_indexed = 2 * len(self._entries) + 16

    def _take(self, message: Message | Fold) -> None:
        new = self._new
        new.append(message)
        if len(new) == 1:
            self._around.turn.after(self._flush)

    def _flush(self) -> None:
        """The turn ends: number the new events, and hand them out."""
        self.number()
        if self._fresh and not self._is_telling:
            if len(self.heads) <= STEP:  # what one step does needs no share of the turn
                texts, self._fresh = self._fresh, []
                self._around.collected -= self._fresh_size
                self._fresh_size = 0
                self._hand(list(self.heads), self.seq - len(texts), texts, (None, []))
            else:
                self._is_telling = True
                self._around.following.start(self._tell())
        if self._is_telling:
            self._around.fit()

    def _tell(self) -> Iterator[None]:
        """Hand the new events to all cursors at the head. Other connections are served in between."""
        while self._fresh:
            texts, size = self._fresh, self._fresh_size
            self._fresh, self._fresh_size = [], 0
            start, heads = self.seq - len(texts), list(self.heads)
            framed: tuple[Frame | None, Blocks] = (None, [])
            for place in range(0, len(heads), STEP):
                framed = self._hand(heads[place : place + STEP], start, texts, framed)
                yield
            self._around.collected -= size
        self._is_telling = False

    def _hand(
        self, cursors: list[Cursor], start: int, texts: list[bytes], framed: tuple[Frame | None, Blocks]
    ) -> tuple[Frame | None, Blocks]:
        """Hand *texts*, the events after number *start*, to *cursors*.

        :param framed: the frame function of the cursor before, and the blocks made with it, so that cursors with the same frame
            function share the blocks.
        :returns: the same of the last cursor.
        """
        frame, blocks = framed
        end = start + len(texts)
        for cursor in cursors:
            if cursor.is_behind:
                continue
            try:
                if cursor.seq == start:
                    if cursor.frame is not frame:
                        frame = cursor.frame
                        blocks = self._blocks(start, texts, frame)
                    for number, block in blocks:
                        if not cursor.offer(block):
                            cursor.fall_behind()
                            break
                        cursor.seq = number
                elif cursor.seq < end:  # the cursor began between two of these events
                    cursor.fall_behind()
            except Exception:
                cursor.fail()
        return frame, blocks

    def _blocks(self, start: int, texts: list[bytes], frame: Frame) -> Blocks:
        if self._together is None:
            return _blocks(start, texts, frame)
        items = list(enumerate(texts, start + 1))
        return [(number, frame(text)) for number, text in self._together.messages(start, items, start + len(texts))]

    def _entries_of(self, found: Message | Fold, owner: object) -> Sequence[JournalEntry]:
        journal = self._around.journal
        if isinstance(found, Message):
            return journal.take(found, owner)
        data = found.event() if self._together is None else found.columns()
        return journal.keep(owner, found.subject, found.number, found.time, data)


def _blocks(start: int, texts: list[bytes], frame: Callable[[bytes], bytes]) -> Blocks:
    """Return *texts*, the events after number *start*, framed and joined to blocks."""
    if len(texts) == 1:
        return [(start + 1, frame(texts[0]))]
    blocks: Blocks = []
    framed: list[bytes] = []
    size = 0
    for number, item in enumerate(map(frame, texts), start + 1):
        if size and size + len(item) > BLOCK:
            blocks.append((number - 1, b"".join(framed)))
            framed, size = [], 0
        framed.append(item)
        size += len(item)
    blocks.append((start + len(texts), b"".join(framed)))
    return blocks


def _key(item: NumberedEntry) -> tuple[object, str]:
    return item[1].key

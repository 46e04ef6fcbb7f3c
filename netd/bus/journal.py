"""Events of subjects with subscribers, kept once for all of these: the newest of each subject, as JSON text, within bounds.

Streams (:mod:`netd.console.stream`) number the entries and refer to them. An entry that makes room loses its text. A stream that
still refers to the entry sees by the missing text that the event is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from twisted.logger import Logger

from netd.bus.subject import matches
from netd.codec.jsontext import BadJSON, encode
from netd.message import Message

__all__ = ["MOST_SUBJECTS", "OVERHEAD", "Journal", "JournalEntry", "JournalKey"]

MOST_SUBJECTS = 10_000
"""Subjects whose newest events are kept."""

OVERHEAD = 300
"""Bytes that an entry takes beside its text, with its share of what its subject takes."""

JournalKey = tuple[object, str]
"""The stream that keeps its events apart from those of others, or None; and the subject."""


class JournalEntry:
    """One event.

    :ivar number: the number of the message on its bus. It gives the order of events that no stream has numbered.
    :ivar text: the end of the event's JSON, ``,"time":…,"subject":…,"data":…}}``; None once it is no longer kept. A stream puts
        its pattern and its own number before it, so that one text serves all patterns.
    :ivar size: bytes of memory that count for the bound.
    """

    __slots__ = ("key", "number", "size", "text")

    def __init__(self, key: JournalKey, number: int, text: bytes) -> None:
        self.key = key
        self.number = number
        self.size = len(text) + OVERHEAD
        self.text: bytes | None = text


class Journal:
    """The newest *most* events of each subject. Of all together *most_size* bytes are kept: above, the oldest events make room.

    No event makes room before the end of the turn in which it was published: until then, not all streams have seen it.

    :param after: calls a function at the end of the turn (:meth:`netd.connection.turn.Turn.after`).
    :ivar size: bytes of memory that the entries and the indices of the streams take.
    :ivar rings: the kept entries of each key, oldest first.
    """

    _log = Logger()

    def __init__(self, after: Callable[[Callable[[], None]], object], most: int, most_size: int) -> None:
        self._after = after
        self.bound(most, most_size)
        self.size = 0
        self._kept = 0
        # Of all, oldest first. Those that are gone stay in it, and are swept when they are half of it.
        self._order: deque[JournalEntry] = deque()
        self._overfull: dict[JournalKey, deque[JournalEntry]] = {}
        self._is_trimming = False
        self.rings: dict[JournalKey, deque[JournalEntry]] = {}

    def bound(self, most: int, most_size: int) -> None:
        """Keep at most *most* events of each subject, and *most_size* bytes of all, from the next event on."""
        self._most = most
        self._most_loosely = most + most // 8  # to trim several events of a subject at once costs less than one in each turn
        self._most_size = most_size

    def take(self, message: Message, owner: object = None) -> Sequence[JournalEntry]:
        """Return the entries of *message*, which are made for the first stream that asks. A message that cannot be JSON has none.

        :param owner: a stream that takes only some messages. Its few events are kept apart, because the many others of their
            subject would soon push them out. Of a batch, such a stream takes the last event.
        """
        if owner is None:
            known: tuple[JournalEntry, ...] = message.entries
            if known and known[0].text is not None:  # of a batch, the first goes first
                return known
        subject, key = message.subject, (owner, message.subject)
        events = None if owner is not None else message.batch
        head = _head(message.time, subject)
        try:
            if events is None:
                entries: tuple[JournalEntry, ...] = (
                    JournalEntry(key, message.number, b"%b%b}}" % (head, message.encoded(encode))),
                )
            else:
                entries = tuple([JournalEntry(key, message.number, b"%b%b}}" % (head, encode(event))) for event in events])
        except BadJSON:
            parts = self._parts([message.event] if events is None else events, subject)
            entries = tuple([JournalEntry(key, message.number, b"%b%b}}" % (head, part)) for part in parts])
        if owner is None:
            message.entries = entries
        if entries:
            self._add(key, entries)
        return entries

    def keep(self, owner: object, subject: str, number: int, time: float, data: bytes) -> Sequence[JournalEntry]:
        """Return the entry of an event that stream *owner* has made of several, with *data*, its JSON, kept apart from others.

        :param number: the number of the newest message in it.
        """
        entries = (JournalEntry((owner, subject), number, b"%b%b}}" % (_head(time, subject), data)),)
        self._add((owner, subject), entries)
        return entries

    def keeps(self, message: Message) -> bool:
        """Whether *message*, or of a batch its last event, is kept from now on, unless it cannot be JSON."""
        known: tuple[JournalEntry, ...] = message.entries
        return bool(known and known[-1].text is not None) or bool(self.take(message))

    def grow(self, size: int) -> None:
        """Count *size* bytes more, taken by entries or by a stream's index of them."""
        self.size += size
        if self.size > self._most_size:
            self._trim_later()

    def forget(self, pattern: str) -> None:
        """Drop the events of all subjects under *pattern*."""
        for key in [key for key in self.rings if matches(pattern, key[1])]:
            while key in self.rings:
                self._let_go(self.rings[key][0])

    def forget_owner(self, owner: object) -> None:
        """Drop the events that *owner* keeps apart."""
        for key in [key for key in self.rings if key[0] is owner]:
            while key in self.rings:
                self._let_go(self.rings[key][0])

    def clear(self) -> None:
        """Drop all events. Only when no stream is left."""
        while self._order:
            self._let_go(self._order.popleft())

    def trim(self) -> None:
        """Drop the events that are over the bounds. Only after all streams have numbered what was published."""
        self._is_trimming = False
        for ring in self._overfull.values():
            while len(ring) > self._most:
                self._let_go(ring[0])
        self._overfull.clear()
        while self.size > self._most_size or len(self.rings) > MOST_SUBJECTS:
            self._let_go(self._order.popleft())
        if len(self._order) > 2 * self._kept + 100:
            self._order = deque([one for one in self._order if one.text is not None])

    def _add(self, key: JournalKey, entries: tuple[JournalEntry, ...]) -> None:
        ring = self.rings.get(key)
        if ring is None:
            ring = self.rings[key] = deque()
        ring += entries
        self._order += entries
        self._kept += len(entries)
        for entry in entries:
            self.size += entry.size  # whether that is too much is seen when the stream that asked counts its own part
        if len(ring) > self._most:
            self._overfull[key] = ring
        if len(ring) > self._most_loosely or len(self.rings) > MOST_SUBJECTS:
            self._trim_later()

    def _parts(self, events: Iterable[object], subject: str) -> list[bytes]:
        """Return *events* as JSON. An event that cannot be JSON is logged and left out."""
        parts = []
        for event in events:
            try:
                parts.append(encode(event))
            except BadJSON:
                self._log.failure("an event of {subject} cannot be JSON: no console gets it", subject=subject)
        return parts

    def _trim_later(self) -> None:
        if not self._is_trimming:
            self._is_trimming = True
            self._after(self.trim)

    def _let_go(self, entry: JournalEntry) -> None:
        """Drop *entry*, the oldest of its key, unless that is done already."""
        if entry.text is not None:
            ring = self.rings[entry.key]
            ring.popleft()
            if not ring:
                del self.rings[entry.key]
            self.size -= entry.size
            entry.text = None
            self._kept -= 1


def _head(time: float, subject: str) -> bytes:
    return b',"time":%b,"subject":"%b","data":' % (encode(time), subject.encode())

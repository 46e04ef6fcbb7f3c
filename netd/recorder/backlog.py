"""The queue before the writer: batches in the order in which they came, bounded in memory, and a count of what was dropped."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import Deferred

from netd.recorder.intake import EventTaken, SamplesTaken, merged, samples_in, weight_of
from netd.recorder.part_file import MarkMade

__all__ = ["AT_ONCE", "WriteBacklog"]

AT_ONCE = 65536
"""Samples and events of one transaction, at most, but for those that were handed over at once. Others wait for the next."""

Callers = list[Deferred[None]]


@define(eq=False)
class _Waiting:
    """Samples and events that were handed over at once, and the callers who wait until they are written.

    :ivar weight: bytes of memory, about.
    :ivar is_full: whether a caller waits for the disk, too.
    """

    taken: SamplesTaken = field(factory=dict)
    events: Sequence[EventTaken] = ()
    samples: int = 0
    weight: int = 0
    callers: Callers = field(factory=list)
    is_full: bool = False

    def give_up(self, caller: Deferred[None]) -> None:
        """Forget *caller*, who waits no longer: while a disk hangs, all who ask would otherwise stay here."""
        if caller in self.callers:
            self.callers.remove(caller)


@define(eq=False)
class _Unrecorded:
    """Samples and events that were dropped since the last mark. Times are microseconds since the epoch."""

    since: int
    until: int
    samples: int = 0
    events: int = 0

    def mark(self) -> MarkMade:
        """Return the mark that tells of it."""
        return MarkMade(self.since, "dropped", {"until": self.until, "samples": self.samples, "events": self.events})


@define(eq=False)
class WriteBacklog:
    """The backlog of one store.

    One batch at a time is under way: :meth:`begin` hands it out, and :meth:`written`, :meth:`refused` or :meth:`lost` ends it.

    :ivar weight: bytes of memory, about, of all that waits.
    :ivar dropped: samples and events that were dropped since the start.
    """

    weight: int = 0
    dropped: int = 0
    _queue: deque[_Waiting] = field(factory=deque)
    _batch: list[_Waiting] = field(factory=list)  # under way, or refused
    _unmarked: _Unrecorded | None = None
    _marked: _Unrecorded | None = None  # by the batch that is under way

    def __bool__(self) -> bool:
        return bool(self._batch or self._queue)

    @property
    def is_dropping(self) -> bool:
        """Whether so much waits that something was dropped."""
        return self._unmarked is not None and self.weight > 0

    def add(self, taken: SamplesTaken, events: Sequence[EventTaken], most: int, now: int) -> None:
        """Let samples and events wait, or drop them.

        :param most: bytes of memory that may wait. A first batch may be larger.
        :param now: the time in microseconds since the epoch.
        """
        samples = samples_in(taken)
        weight = weight_of(taken, events, samples)
        if self.weight + weight > most and self.weight:
            self._drop(samples, len(events), now)
        else:
            self._queue.append(_Waiting(taken, events, samples, weight))
            self.weight += weight

    def wait_for_newest(self, is_full: bool) -> Deferred[None]:
        """Return a Deferred for the caller of the newest batch, who gets it with others when that batch has ended.

        :param is_full: whether the caller waits for the disk, too.
        """
        if not self._queue:
            self._queue.append(_Waiting())
        newest = self._queue[-1]
        waiting: Deferred[None] = Deferred(newest.give_up)
        newest.callers.append(waiting)
        newest.is_full = newest.is_full or is_full
        return waiting

    def begin(self) -> tuple[SamplesTaken, list[EventTaken], list[MarkMade], bool]:
        """Return the batch that was refused, or the next one: samples, events, marks, and whether it must be on the disk."""
        if not self._batch:
            self._batch = self._next_batch()
        self._marked, self._unmarked = self._unmarked, None
        taken = merged([one.taken for one in self._batch])
        events = [event for one in self._batch for event in one.events]
        marks = [] if self._marked is None else [self._marked.mark()]
        return taken, events, marks, any(one.is_full for one in self._batch)

    def written(self) -> Callers:
        """Forget the batch, which is written. Return its callers."""
        batch, self._batch = self._batch, []
        self._marked = None
        self.weight -= sum(one.weight for one in batch)
        return _callers_of(batch)

    def refused(self) -> Callers:
        """Keep the batch, which cannot be written now, nor what comes behind it. Return the callers of all that waits."""
        self._merge(self._marked)
        callers = _callers_of([*self._batch, *self._queue])
        for one in [*self._batch, *self._queue]:
            one.callers, one.is_full = [], False
        self._batch = [one for one in self._batch if one.weight]
        self._queue = deque(one for one in self._queue if one.weight)
        return callers

    def lost(self, now: int) -> Callers:
        """Drop the batch. Return its callers.

        :param now: the time in microseconds since the epoch.
        """
        for one in self._batch:
            self._drop(one.samples, len(one.events), now)
        return self.written()

    def _next_batch(self) -> list[_Waiting]:
        found, count = list[_Waiting](), 0
        while self._queue:
            following = self._queue[0].samples + len(self._queue[0].events)
            if found and count + following > AT_ONCE:
                break
            found.append(self._queue.popleft())
            count += following
        return found

    def _drop(self, samples: int, events: int, now: int) -> None:
        self.dropped += samples + events
        self._merge(_Unrecorded(now, now, samples, events))

    def _merge(self, other: _Unrecorded | None) -> None:
        """Have the next mark tell of *other*, too."""
        own = self._unmarked
        if own is not None and other is not None:
            since, until = min(own.since, other.since), max(own.until, other.until)
            other = _Unrecorded(since, until, own.samples + other.samples, own.events + other.events)
        self._unmarked = other or own


def _callers_of(batches: Sequence[_Waiting]) -> Callers:
    return [caller for one in batches for caller in one.callers]

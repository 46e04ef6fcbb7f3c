"""The past, whole: all samples and events of some subjects, a page at a time. Exports are made of this.

Pages go part by part and hour by hour. Within an hour come the series one after another, each in the order of its blocks, then
the events. So a program that wants all in the order of time has to sort an hour, and never a night.

A place in the past is a text that a caller hands back. It stays right when samples are sealed into blocks meanwhile, and when a
part is closed or removed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve, field, frozen

from netd.errors import InvalidArguments, OperationFailed
from netd.recorder.archive import Archive
from netd.recorder.blocks import Columns
from netd.recorder.micros import FARTHEST, HOUR
from netd.recorder.part_names import PartName
from netd.recorder.query import everything
from netd.recorder.reading import ReadablePart, StoredEvent, StoredSeries

__all__ = ["BadPlace", "Page", "Reading", "newest_events", "read"]

EVENTS_AT_ONCE = 4096
"""Events that are looked for at once. They are read one by one: each of them can be long."""

MOST_TEXT = 1 << 22
"""Characters of the newest events, at most."""

FULL = 1 << 20
"""Characters of events that fill a page."""


class BadPlace(InvalidArguments):
    """A text is no place that an earlier page has named."""


@frozen
class _Place:
    """A place: everything before it has been read.

    :ivar chunk: the last block of *series* that was read in this hour.
    :ivar time: samples of *series* up to this time, which were in no block yet, have been read, too.
    :ivar event: the last event that was read in this hour.
    """

    part: str = ""
    hour: int = -FARTHEST
    series: int = 0
    chunk: int = 0
    time: int = -FARTHEST
    event: int = -1

    @classmethod
    def read(cls, text: str) -> _Place:
        part, *numbers = text.split("/")
        try:
            place = cls(part, *map(int, numbers))
        except (TypeError, ValueError):
            place = None
        if place is None or PartName.read(part) is None or len(numbers) != 5 or not all(map(_is_possible, place.numbers)):
            raise BadPlace(f"{text!r:.80} is no place; `after` is what the answer before named")
        return place

    def __str__(self) -> str:
        return "/".join((self.part, *map(str, self.numbers)))

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of it that are numbers."""
        return self.hour, self.series, self.chunk, self.time, self.event


def _is_possible(number: int) -> bool:
    return -FARTHEST <= number <= FARTHEST  # SQLite takes no greater one


@frozen
class Reading:
    """A question.

    :ivar begin: in microseconds since the epoch.
    :ivar end: likewise; what came at this time is not part of the answer.
    :ivar limit: samples and events of a page; a page is over with the block that reaches it.
    :ivar sees: whether the caller sees a subject.
    :ivar with_samples: whether samples are wanted, and *with_events* whether events are.
    """

    patterns: Sequence[str]
    begin: int
    end: int
    limit: int = 10_000
    sees: Callable[[str], bool] = everything
    with_samples: bool = True
    with_events: bool = True


@define(eq=False)
class Page:
    """Samples and events.

    :ivar items: of each block its series and its samples, sorted by time; of each event its series and the event.
    :ivar after: the place at which the next page begins; None behind the last.
    """

    items: list[tuple[StoredSeries, Columns | StoredEvent]] = field(factory=list)
    after: str | None = None
    count: int = 0
    size: int = 0

    def add(self, series: StoredSeries, item: Columns | StoredEvent) -> None:
        """Add a block or an event."""
        self.items.append((series, item))
        if isinstance(item, StoredEvent):
            self.count += 1
            self.size += len(item.data)
        else:
            self.count += len(item)


def read(archive: Archive, reading: Reading, after: str | None = None) -> Page:
    """Return a page of the answer.

    :param after: where it begins, as the page before said; None for the first.
    :raises BadPlace: if no page said so.
    :raises NotFinished: if the question was given up.
    """
    place = _Place() if after is None else _Place.read(after)
    begun = PartName.read(place.part)
    page = Page()
    try:
        for name in archive.names(reading.begin, reading.end):
            its = PartName.read(name)
            assert its is not None
            if begun is not None and its < begun:
                continue
            start = place if name == place.part else _Place(name)
            with archive.reading(name) as part:
                if part is not None:
                    for reached in _PartReading(archive, part, reading, page).pages(start):
                        if page.count >= reading.limit or page.size >= FULL:
                            page.after = str(reached)
                            return page
        return page
    finally:
        archive.settle()


class _PartReading:
    """The reading of one part."""

    def __init__(self, archive: Archive, part: ReadablePart, reading: Reading, page: Page) -> None:
        self._archive = archive
        self._part = part
        self._reading = reading
        self._page = page
        self._series = {one.id: one for one in part.matching(reading.patterns, reading.sees)}

    def pages(self, place: _Place) -> Iterator[_Place]:
        """Add block after block, and event after event, to the page; after each comes the place that was reached."""
        reading, ids = self._reading, sorted(self._series)
        at = max(place.hour, reading.begin - reading.begin % HOUR)
        while True:
            hours = []
            if reading.with_samples:
                hours.append(self._part.next_hour(ids, at))
            if reading.with_events:
                hours.append(self._part.next_hour_of_events(ids, at))
            hour = min((one for one in hours if one is not None), default=None)
            if hour is None or hour >= reading.end:
                return
            if hour != place.hour:
                place = _Place(self._part.name, hour)
            if reading.with_samples and place.event < 0:
                for series in ids[bisect_left(ids, place.series) :]:
                    self._archive.check()
                    start = place if series == place.series else _Place(self._part.name, hour, series)
                    yield from self._samples(start)
            if reading.with_events:
                yield from self._events(place)
            at = hour + HOUR

    def _samples(self, place: _Place) -> Iterator[_Place]:
        """Add the samples of one series in one hour."""
        for chunk, _count in self._part.chunks_after(place.series, place.hour, place.chunk):
            self._archive.check()
            self._add(place, self._part.chunk(chunk))
            place = evolve(place, chunk=chunk)
            yield place
        columns = self._part.open_samples(place.series)
        if columns is None:
            return
        ordered = columns.in_order()
        times = ordered.times
        at = bisect_left(times, max(place.hour, self._reading.begin, place.time + 1))
        stop = bisect_left(times, min(place.hour + HOUR, self._reading.end))
        while at < stop:
            left = max(1, self._reading.limit - self._page.count)
            after = bisect_right(times, times[min(at + left, stop) - 1], at, stop)  # samples of one time stay together
            self._page.add(self._series[place.series], ordered.part(at, after))
            place = evolve(place, time=times[after - 1])
            yield place
            at = after

    def _add(self, place: _Place, columns: Columns) -> None:
        times = columns.times
        start = bisect_left(times, max(self._reading.begin, place.time + 1))
        end = bisect_left(times, self._reading.end)
        if start < end:
            self._page.add(self._series[place.series], columns.part(start, end))

    def _events(self, place: _Place) -> Iterator[_Place]:
        """Add the events of one hour."""
        begin, end = max(place.hour, self._reading.begin), min(place.hour + HOUR, self._reading.end)
        series, after = list(self._series), max(place.event, 0)
        before = None
        while after != before:
            before = after
            for event in self._part.events(series, begin, end, after, EVENTS_AT_ONCE):
                self._archive.check()
                self._page.add(self._series[event.series], event)
                after = event.id
                yield evolve(place, event=after)


def newest_events(
    archive: Archive, reading: Reading, contains: str | None, newest: int
) -> list[tuple[StoredSeries, StoredEvent]]:
    """Return the newest events in the time, newest first, each with its series.

    :param contains: a text that the JSON of an event must have in it, in whichever case.
    :raises NotFinished: if the question was given up.
    :raises OperationFailed: if they have too much text together.
    """
    found: list[tuple[StoredSeries, StoredEvent]] = []
    size = 0
    try:
        for name in reversed(archive.names(reading.begin, reading.end)):
            with archive.reading(name) as part:
                if part is None:
                    continue
                series = {one.id: one for one in part.matching(reading.patterns, reading.sees)}
                for event in part.newest_events(list(series), reading.begin, reading.end, contains, newest - len(found)):
                    found.append((series[event.series], event))
                    size += len(event.data)
                    if size > MOST_TEXT:
                        raise OperationFailed(
                            f"newest: {len(found)} events are over {MOST_TEXT >> 20} MiB; ask for fewer, or use history.read"
                        )
            if len(found) >= newest:
                break
    finally:
        archive.settle()
    return found

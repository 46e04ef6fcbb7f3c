"""The answers of the operations ``history.…``, made of an archive. All of this runs in the reader's thread."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from netd.bus.subject import matches
from netd.codec.jsontext import decode
from netd.errors import NoSuchTarget, OperationFailed
from netd.recorder.archive import Archive
from netd.recorder.blocks import Columns
from netd.recorder.catalog import RecordedNote, RecordedRun
from netd.recorder.gaps import FoundGap, gaps
from netd.recorder.micros import MICRO
from netd.recorder.paging import Reading, newest_events, read
from netd.recorder.query import DecimatedSeries, Query, everything, query
from netd.recorder.reading import StoredSeries
from netd.recorder.results import (
    Gap,
    HistoryPage,
    HistoryPoints,
    NoteFacts,
    PastEvent,
    PastSamples,
    RunFacts,
    SeriesFacts,
    SeriesPoints,
)
from netd.recorder.subjects import subjects

__all__ = ["Asked", "events_in", "note_facts", "page_of", "points_of", "run_facts", "runs_of", "series_of"]

MOST_NOTES = 1000
"""Notes in one answer, at most: the newest."""


@frozen
class Asked:
    """What was asked for.

    :ivar begin: in microseconds since the epoch.
    :ivar run: the number of a run, whose time and subjects replace begin and end, and limit the patterns.
    :ivar sees: whether the caller sees a subject.
    :ivar is_confined: whether there are subjects that the caller does not see.
    :ivar pause: what keeps anything from being recorded now: files tell of it when that is over.
    """

    patterns: tuple[str, ...]
    begin: int
    end: int
    run: int | None = None
    sees: Callable[[str], bool] = everything
    is_confined: bool = False
    pause: FoundGap | None = None

    def within_run(self, archive: Archive) -> Asked:
        """Return the same question with the time and the subjects of the run, and without it.

        :raises NoSuchTarget: if there is no such run, or the caller does not see all of its subjects: as ``history.runs``, which
            does not list it then.
        """
        if self.run is None:
            return self
        run, sees = archive.run(self.run), self.sees
        if not all(sees(pattern) for pattern in run.patterns):
            raise NoSuchTarget(f"there is no run {self.run}")
        return evolve(
            self,
            begin=run.begin,
            end=self.end if run.end is None else run.end,
            run=None,
            sees=lambda subject: sees(subject) and any(matches(pattern, subject) for pattern in run.patterns),
        )


def series_of(archive: Archive, asked: Asked, since: int | None) -> list[SeriesFacts]:
    """Answer ``history.subjects``.

    :raises OperationFailed: if there is nothing because nothing can be recorded.
    """
    found = [
        SeriesFacts(one.subject, one.label, one.unit, one.first / MICRO, one.last / MICRO, one.count, one.is_numeric)
        for one in subjects(archive, asked.patterns, since, asked.sees)
    ]
    if asked.pause is not None and not found:
        raise OperationFailed(asked.pause.reason)
    return found


def points_of(archive: Archive, asked: Asked, points: int, by_agent: bool) -> HistoryPoints:
    """Answer ``history.query``."""
    asked = asked.within_run(archive)
    question = Query(asked.patterns, asked.begin, asked.end, points, by_agent, asked.sees)
    found = query(archive, question)
    return HistoryPoints(
        asked.begin / MICRO,
        asked.end / MICRO,
        question.width / MICRO,
        [_points(one) for one in found],
        _gaps(archive, asked),
        _notes(archive, asked),
    )


def page_of(archive: Archive, asked: Asked, after: str | None, limit: int) -> HistoryPage:
    """Answer ``history.read``. Gaps are told with the first page: looking for them takes a look into each part."""
    asked = asked.within_run(archive)
    page = read(archive, Reading(asked.patterns, asked.begin, asked.end, limit, asked.sees), after)
    items = [
        _samples(series, item) if isinstance(item, Columns) else _event(series.subject, item.time, item.data)
        for series, item in page.items
    ]
    return HistoryPage(items, page.after, _gaps(archive, asked) if after is None else [])


def events_in(archive: Archive, asked: Asked, contains: str | None, newest: int) -> list[PastEvent]:
    """Answer ``history.events``.

    :raises OperationFailed: if that would be too much text.
    """
    asked = asked.within_run(archive)
    found = newest_events(archive, Reading(asked.patterns, asked.begin, asked.end, sees=asked.sees), contains, newest)
    return [_event(series.subject, event.time, event.data) for series, event in found]


def runs_of(archive: Archive, contains: str | None, newest: int, sees: Callable[[str], bool]) -> list[RunFacts]:
    """Answer ``history.runs``: of a caller who does not see all subjects, those runs of which it sees all."""
    return [run_facts(run) for run in archive.runs(contains, newest, sees)]


def run_facts(run: RecordedRun) -> RunFacts:
    """Return facts about *run*."""
    end = None if run.end is None else run.end / MICRO
    return RunFacts(run.number, run.name, run.begin / MICRO, end, list(run.patterns), run.facts, run.who)


def note_facts(note: RecordedNote) -> NoteFacts:
    """Return facts about *note*."""
    until = None if note.until is None else note.until / MICRO
    return NoteFacts(note.id, note.time / MICRO, until, note.subject, note.text, note.run, note.who)


def _points(one: DecimatedSeries) -> SeriesPoints:
    buckets = one.points.buckets()
    return SeriesPoints(
        one.subject,
        one.label,
        one.unit,
        one.points.is_exact,
        [time / MICRO for time, _ in buckets],
        [bucket.low for _, bucket in buckets],
        [bucket.high for _, bucket in buckets],
        [bucket.mean for _, bucket in buckets],
        [bucket.count for _, bucket in buckets],
    )


def _samples(series: StoredSeries, columns: Columns) -> PastSamples:
    said = columns.agent_times
    return PastSamples(
        series.subject,
        series.unit,
        [time / MICRO for time in columns.times],
        columns.values,
        None if said is None else [None if time is None else time / MICRO for time in said],
    )


def _event(subject: str, time: int, data: str) -> PastEvent:
    return PastEvent(subject, time / MICRO, decode(data.encode()))


def _gaps(archive: Archive, asked: Asked) -> list[Gap]:
    found = gaps(archive, asked.begin, asked.end)
    if asked.pause is not None and asked.pause.begin < asked.end:
        found.append(asked.pause)
    return [Gap(one.begin / MICRO, None if one.end is None else one.end / MICRO, one.reason) for one in found]


def _notes(archive: Archive, asked: Asked) -> list[NoteFacts]:
    """Return the notes of the time. Of a caller who does not see all subjects, those about subjects that it sees."""
    found = archive.notes(asked.begin, asked.end, MOST_NOTES)
    return [
        note_facts(note) for note in found if not asked.is_confined or (note.subject is not None and asked.sees(note.subject))
    ]

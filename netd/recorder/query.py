"""The question that plots ask: the samples of some series over a time, made into few points.

How much is looked at depends on how much there is. Few blocks: their samples. Many: their headers alone. Points of an hour and
more, and days whose parts are gone: the hourly summary in the catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import define, field, frozen

from netd.errors import OperationFailed
from netd.recorder.archive import Archive
from netd.recorder.decimation import Decimation, bucket_width
from netd.recorder.micros import DAY, HOUR
from netd.recorder.reading import BlockHeader, ReadablePart, StoredSeries

__all__ = ["MOST_POINTS", "MOST_SERIES", "DecimatedSeries", "Query", "TooMuch", "query"]

MOST_SERIES = 20
"""Series in one answer, at most."""

MOST_POINTS = 100_000
"""Points in one answer, at most: those of each series together."""


class TooMuch(OperationFailed):
    """A question has too long an answer; the message says how much was asked for, and of what."""


def everything(_subject: str) -> bool:
    """Return True: the caller sees all subjects."""
    return True


@frozen
class Query:
    """A question.

    :ivar begin: in microseconds since the epoch.
    :ivar end: likewise; samples at this time are not part of the answer.
    :ivar points: points of a series, at most.
    :ivar by_agent: whether samples are placed at the time that the agent gave, where it gave one.
    :ivar sees: whether the caller sees a subject.
    """

    patterns: Sequence[str]
    begin: int
    end: int
    points: int = 1000
    by_agent: bool = False
    sees: Callable[[str], bool] = everything

    @property
    def width(self) -> int:
        """The length of a point, in microseconds."""
        return bucket_width(self.begin, self.end, self.points)


@define(eq=False)
class DecimatedSeries:
    """The answer for one series.

    :ivar label: its newest label.
    """

    subject: str
    unit: str
    label: str
    points: Decimation


@define(eq=False)
class _Work:
    """One series while its parts are read.

    :ivar headers: headers whose blocks are still to be decided on, each with its part.
    :ivar is_many: whether there are so many blocks that headers alone make the points.
    """

    answer: DecimatedSeries
    headers: list[tuple[str, BlockHeader]] = field(factory=list)
    is_many: bool = False


def query(archive: Archive, question: Query) -> list[DecimatedSeries]:
    """Return the answer for each series that has samples in the time, sorted by subject.

    :raises TooMuch: if that would be too many series or points.
    :raises NotFinished: if the question was given up.
    """
    try:
        return _Questioning(archive, question).answer()
    finally:
        archive.settle()


class _Questioning:
    """One question while it is answered."""

    def __init__(self, archive: Archive, question: Query) -> None:
        self._archive = archive
        self._question = question
        self._works: dict[tuple[str, str], _Work] = {}
        self._found: set[tuple[str, str]] = set()  # those that have samples
        self._most = max(1, question.points // 3)
        self._is_hourly = question.width >= HOUR and not question.by_agent
        # Of a part that was closed and opened again, the hourly summary has the first blocks already.
        self._counted = archive.counted() if self._is_hourly else {}

    def answer(self) -> list[DecimatedSeries]:
        archive, question = self._archive, self._question
        for name in archive.names(question.begin, question.end):
            with archive.reading(name) as part:
                if part is not None and not (part.is_closed and name in self._counted):
                    self._read(part)
        if not question.by_agent:
            self._add_hours()
        self._check_size()
        self._decode()
        return [work.answer for _, work in sorted(self._works.items()) if work.answer.points]

    def _check_size(self) -> None:
        """Refuse an answer that is too long, before the samples are looked at.

        :raises TooMuch: saying how many points there may be.
        """
        found, points = len(self._found), self._question.points
        if found * points > MOST_POINTS:
            raise TooMuch(
                f"{found} series of {points} points are more than {MOST_POINTS} points; "
                f"ask for {MOST_POINTS // found} points, or for fewer series"
            )

    def _note(self, work: _Work) -> None:
        """Note whether *work* has samples. Of thousands of series, no more are read than are told of.

        :raises TooMuch: if it is one too many, naming the series.
        """
        answer = work.answer
        if work.headers or answer.points:
            self._found.add((answer.subject, answer.unit))
        if len(self._found) > MOST_SERIES:
            raise TooMuch(f"more than {MOST_SERIES} series: {_some(sorted(self._found))}; ask for fewer")

    def _work(self, subject: str, unit: str, label: str) -> _Work:
        question = self._question
        work = self._works.get((subject, unit))
        if work is None:
            points = Decimation(question.begin, question.end, question.points)
            points.is_exact = not self._is_hourly
            work = self._works[subject, unit] = _Work(DecimatedSeries(subject, unit, label, points), is_many=self._is_hourly)
        work.answer.label = label or work.answer.label
        return work

    def _read(self, part: ReadablePart) -> None:
        """Take the headers of one part, and its open samples."""
        for series in part.matching(self._question.patterns, self._question.sees):
            self._archive.check()
            work = self._work(series.subject, series.unit, series.label)
            if self._question.by_agent:
                self._read_by_agent(part, series, work)
            else:
                self._read_series(part, series.id, work)
            self._note(work)

    def _read_series(self, part: ReadablePart, series: int, work: _Work) -> None:
        if not work.is_many:
            self._take_headers(part, series, work)
        if work.is_many:
            self._take_groups(part, series, work.answer.points)
        columns = part.open_samples(series)
        if columns is not None:
            ordered = columns.in_order()
            work.answer.points.add_samples(ordered.times, ordered.values)

    def _take_headers(self, part: ReadablePart, series: int, work: _Work) -> None:
        question, points = self._question, work.answer.points
        left = self._most - len(work.headers)
        headers = part.headers(series, question.begin, question.end, left)
        if len(headers) < left:
            work.headers += [(part.name, header) for header in headers]
            return
        work.is_many, points.is_exact = True, False
        for _, one in work.headers:
            points.add_header(one.first, one.count, one.low, one.high, one.total)
        work.headers.clear()

    def _take_groups(self, part: ReadablePart, series: int, points: Decimation) -> None:
        question, counted = self._question, self._counted.get(part.name, 0)
        for group in part.groups(series, question.begin, question.end, points.width, counted):
            points.add_header(*group)

    def _decode(self) -> None:
        """Take the headers of blocks within one bucket, and the samples of the others."""
        wanted: dict[str, list[tuple[int, Decimation]]] = {}
        for work in self._works.values():
            points = work.answer.points
            for name, one in work.headers:
                if points.holds(one.first, one.last):
                    points.add_header(one.first, one.count, one.low, one.high, one.total)
                else:
                    wanted.setdefault(name, []).append((one.chunk, points))
        for name, chunks in wanted.items():
            with self._archive.reading(name) as part:
                for number, points in chunks if part is not None else ():
                    assert part is not None
                    self._archive.check()
                    columns = part.chunk(number)
                    points.add_samples(columns.times, columns.values)

    def _read_by_agent(self, part: ReadablePart, series: StoredSeries, work: _Work) -> None:
        """Take samples that came within an hour of the time that was asked for, each at the time that the agent gave."""
        question = self._question
        most = MOST_POINTS // 100
        headers = part.headers(series.id, question.begin - HOUR, question.end + HOUR, most + 1)
        if len(headers) > most:
            raise TooMuch("the agent's clock needs all samples, and these are too many; ask for a shorter time")
        blocks = [part.chunk(header.chunk) for header in headers]
        columns = part.open_samples(series.id)
        for one in blocks if columns is None else [*blocks, columns]:
            self._archive.check()
            said = one.agent_times or [None] * len(one.times)
            placed = sorted(
                zip((time if own is None else own for time, own in zip(one.times, said, strict=True)), one.values, strict=True)
            )
            work.answer.points.add_samples([time for time, _ in placed], [value for _, value in placed])

    def _add_hours(self) -> None:
        """Take the hourly summary: of days without a part, or of all that was counted where points are of an hour and more."""
        question = self._question
        present = set() if self._is_hourly else self._archive.days()
        for series in self._archive.counted_series(question.patterns, question.sees):
            self._archive.check()
            for hour, count, low, high, total in self._archive.hours(series.id, question.begin, question.end):
                if hour - hour % DAY not in present:
                    work = self._work(series.subject, series.unit, series.label)
                    work.answer.points.is_exact = False
                    work.answer.points.add_header(hour, count, low, high, total)
                    self._note(work)


def _some(found: Iterable[tuple[str, str]]) -> str:
    names = [f"{subject} ({unit})" if unit else subject for subject, unit in found]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

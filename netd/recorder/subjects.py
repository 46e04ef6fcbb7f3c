"""The series that a recorder has: of each the first and the last time, and how much there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, evolve

from netd.bus.subject import matches
from netd.recorder.archive import Archive
from netd.recorder.micros import FARTHEST, HOUR
from netd.recorder.query import everything
from netd.recorder.reading import ReadablePart

__all__ = ["SeriesSum", "subjects"]


@define
class SeriesSum:
    """One series.

    :ivar label: its newest label.
    :ivar first: when the first sample or event came, in microseconds since the epoch.
    :ivar is_numeric: whether it has samples; otherwise it has events alone.
    """

    subject: str
    unit: str
    label: str
    first: int
    last: int
    count: int
    is_numeric: bool

    def add(self, other: SeriesSum) -> None:
        """Add what *other*, which is of a newer part, has of the same series."""
        self.label = other.label or self.label
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.count += other.count
        self.is_numeric |= other.is_numeric


def subjects(
    archive: Archive, patterns: Sequence[str], since: int | None = None, sees: Callable[[str], bool] = everything
) -> list[SeriesSum]:
    """Return the series under *patterns*, sorted by subject.

    :param since: series of which nothing came at this time or later are left out.
    :raises NotFinished: if the question was given up.
    """
    found: dict[tuple[str, str], SeriesSum] = {}

    def add(some: Sequence[SeriesSum]) -> None:
        for one in some:
            if any(matches(pattern, one.subject) for pattern in patterns) and sees(one.subject):
                known = found.get((one.subject, one.unit))
                if known is None:
                    found[one.subject, one.unit] = evolve(one)
                else:
                    known.add(one)

    try:
        add(_sums_of_gone_days(archive))
        for name in archive.names(-FARTHEST, FARTHEST):
            with archive.reading(name) as part:
                if part is not None:
                    add(part.kept(_sums))
    finally:
        archive.settle()
    return [one for _, one in sorted(found.items()) if since is None or one.last >= since]


def _sums(part: ReadablePart) -> list[SeriesSum]:
    series = {one.id: one for one in part.series()}
    found: dict[int, SeriesSum] = {}
    for is_numeric, rows in ((True, part.sample_sums()), (False, part.event_sums())):
        for number, first, last, count in rows:
            one = series[number]
            its = SeriesSum(one.subject, one.unit, one.label, first, last, count, is_numeric)
            if number in found:
                found[number].add(its)
            else:
                found[number] = its
    return list(found.values())


def _sums_of_gone_days(archive: Archive) -> list[SeriesSum]:
    """Return what the hourly summary has of days without a part."""
    catalog = archive.catalog()
    if catalog is None:
        return []
    rows = catalog.sums(but=[day // HOUR for day in archive.days()])
    return [
        SeriesSum(subject, unit, label, first * HOUR, (last + 1) * HOUR, count, is_numeric=True)
        for subject, unit, label, first, last, count in rows
    ]

"""Parts that are written as the recorder does, for tests of those who read them."""

from __future__ import annotations

from collections.abc import Sequence

from netd.recorder.archive import Archive
from netd.recorder.micros import MICRO
from netd.recorder.paging import Page, Reading, read
from netd.recorder.query import DecimatedSeries, Query, query
from tests.recorder.place import MORNING, StoreTestCase, X

DAWN = round(MORNING * MICRO)
"""The first midnight of the tests, in microseconds."""

ALL = (0, 1 << 60)
"""Begin and end of a time that holds everything."""


class ArchiveTestCase(StoreTestCase):
    """A store, and an archive that reads what it writes, while it does."""

    def setUp(self) -> None:
        super().setUp()
        self.is_over = False
        self.archive = Archive(self.directory, lambda: self.is_over)
        self.addCleanup(self.archive.close)

    series = X

    def ask(self, begin: int, end: int, points: int = 1000, **named: object) -> list[DecimatedSeries]:
        """The answer to a question about the series of the tests."""
        return query(self.archive, Query((self.series.subject,), begin, end, points, **named))  # type: ignore[arg-type]

    def pages(self, *patterns: str, limit: int = 100, begin: int = 0, end: int = 1 << 60, **named: object) -> list[Page]:
        """All pages of a time."""
        reading = Reading(patterns or (">",), begin, end, limit, **named)  # type: ignore[arg-type]
        found = [read(self.archive, reading)]
        while found[-1].after is not None:
            found.append(read(self.archive, reading, found[-1].after))
        return found


def points_of(answers: Sequence[DecimatedSeries]) -> list[tuple[int, int, float, float]]:
    """Time, count, least and greatest value of each point of the only series."""
    [answer] = answers
    return [(time, bucket.count, bucket.low, bucket.high) for time, bucket in answer.points.buckets()]

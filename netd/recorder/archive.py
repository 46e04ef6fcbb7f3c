"""All parts of a recorder in one directory, open for reading.

Questions are answered from here whether netd runs or not. Parts are opened when a question needs them, and sixteen stay open.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netd.errors import NoSuchTarget
from netd.recorder.blocks import BadBlock
from netd.recorder.catalog import Catalog, RecordedNote, RecordedRun
from netd.recorder.micros import DAY, HOUR, MICRO
from netd.recorder.part_names import CATALOG, PARTS, PartName
from netd.recorder.reading import ReadablePart, StoredSeries, connect_to_read, under

__all__ = ["Archive", "NotFinished", "day_of_part"]

MOST_OPEN = 16
"""Parts that stay open for the next question."""


class NotFinished(Exception):
    """A question was given up: it was cancelled, or its time was over."""


def day_of_part(name: PartName) -> int:
    """Return when the day of a part begins, in microseconds since the epoch."""
    return int(name.end) * MICRO - DAY


def never() -> bool:
    """Return False: a question takes as long as it takes."""
    return False


class Archive:
    """The parts and the catalog in *directory*.

    :param is_over: asked often while a question is answered; True gives it up with :class:`NotFinished`.
    :ivar unreadable: for each part that could not be read, the reason.
    :ivar damaged: the same for those whose content is not what was written; whoever deals with one takes it out.
    :ivar unwanted: names of parts whose connections are closed at the end of the question. Any thread may add one.
    """

    def __init__(self, directory: Path, is_over: Callable[[], bool] = never) -> None:
        self.directory = directory
        self._is_over = is_over
        self._open: OrderedDict[str, ReadablePart] = OrderedDict()
        self._catalog: Catalog | None = None
        self.unreadable: dict[str, str] = {}
        self.damaged: dict[str, str] = {}
        self.unwanted: set[str] = set()

    def names(self, begin: int, end: int) -> list[str]:
        """Return the names of the parts that may have something from *begin* to before *end*, in microseconds; oldest first."""
        names = self._all_names()
        spans = self._spans() if len(names) > 1 else {}
        spans.pop(str(names[-1]) if names else "", None)  # the newest part may have been opened again
        found = []
        for name in names:
            day = day_of_part(name)  # a clock that was set may have put samples a day beside their own
            first, last = spans.get(str(name), (day - DAY, day + 2 * DAY))
            if name == names[-1] and first >= end and self._collects(name):
                first = 0  # what another node ships may have waited for days
            if first < end and begin <= last:
                found.append(str(name))
        return found

    def _collects(self, name: PartName) -> bool:
        """Whether a part has something of other nodes."""
        try:
            return self.part(str(name)).collects
        except sqlite3.Error:
            return False  # what is wrong with it is told by a question about its own day

    def names_around(self, begin: int, end: int) -> list[str]:
        """Return the names of the parts of that time, and of the last one before and the first one after it; oldest first."""
        names = self._all_names()
        days = [day_of_part(name) for name in names]
        first, last = bisect_left(days, begin - 2 * DAY), bisect_right(days, end + DAY)
        return [str(name) for name in names[max(0, first - 1) : last + 1]]

    def day(self, name: str) -> tuple[int, int]:
        """Return begin and end of the day of a part, in microseconds since the epoch."""
        found = PartName.read(name)
        assert found is not None, "it is the name of a part"
        begin = day_of_part(found)
        return begin, begin + DAY

    def days(self) -> set[int]:
        """Return when each day begins of which there is a part, in microseconds since the epoch."""
        return {day_of_part(name) for name in self._all_names()}

    def _all_names(self) -> list[PartName]:
        names = (PartName.read(path.name) for path in (self.directory / PARTS).glob("*.db"))
        return sorted(name for name in names if name is not None)

    def _spans(self) -> dict[str, tuple[int, int]]:
        """Return when the first and the last thing came of each part that was closed, as the catalog has it."""
        catalog = self.catalog()
        return {} if catalog is None else catalog.spans()

    def check(self) -> None:
        """Give up if the question is over.

        :raises NotFinished: when it is.
        """
        if self._is_over():
            raise NotFinished

    def part(self, name: str) -> ReadablePart:
        """Return the part, opened if it is not.

        :raises sqlite3.Error: if it cannot be.
        """
        found = self._open.pop(name, None)
        if found is None:
            if len(self._open) >= MOST_OPEN:
                self._close_oldest()
            found = ReadablePart(self.directory / PARTS / name, self._is_over)
        self._open[name] = found
        return found

    @contextmanager
    def reading(self, name: str) -> Iterator[ReadablePart | None]:
        """Give the part, in a state that stays until :meth:`settle`.

        A part that is gone, damaged or not this user's is passed over, None is given in its place, and what is wrong is noted in
        :attr:`unreadable`: one bad day does not hide the others.
        """
        self.check()
        try:
            part: ReadablePart | None = self.part(name)
            assert part is not None
            part.hold()
        except sqlite3.Error as error:
            self._pass_over(name, error)
            part = None
        try:
            yield part
        except (sqlite3.Error, BadBlock) as error:
            self._pass_over(name, error)

    def examine(self, name: str) -> None:
        """Have SQLite look through a part; what it finds is in :attr:`damaged`.

        :raises NotFinished: if the question was given up.
        """
        try:
            with self.reading(name) as part:
                if part is not None:
                    part.examine()
        finally:
            self.settle()

    def settle(self) -> None:
        """End a question: let go of the states that are held, and of the parts that somebody needs alone."""
        for part in self._open.values():
            part.let_go()
        while self.unwanted:
            self.release(self.unwanted.pop())

    def release(self, name: str) -> None:
        """Close the connection to a part, which somebody needs alone, or to the catalog."""
        part = self._open.pop(name, None)
        if part is not None:
            part.close()
        if name == CATALOG and self._catalog is not None:
            self._catalog.close()
            self._catalog = None

    def catalog(self) -> Catalog | None:
        """Return the catalog; None while there is none."""
        if self._catalog is None and (self.directory / CATALOG).exists():
            self._catalog = Catalog(connect_to_read(self.directory / CATALOG, self._is_over))
        return self._catalog

    # The hourly summary in the catalog

    def counted(self) -> dict[str, int]:
        """Return the last block of each part that the hourly summary has counted, by the name of the part."""
        catalog = self.catalog()
        return {} if catalog is None else catalog.counted()

    def counted_series(self, patterns: Sequence[str], sees: Callable[[str], bool]) -> list[StoredSeries]:
        """Return the series of the hourly summary, with their numbers there."""
        catalog = self.catalog()
        if catalog is None:
            return []
        return under(patterns, sees, [StoredSeries(*row) for row in catalog.series()])

    def hours(self, series: int, begin: int, end: int) -> list[tuple[int, int, float, float, float]]:
        """Return time, count, least, greatest and total value of each hour of a series from *begin* to before *end*."""
        catalog = self.catalog()
        assert catalog is not None, "the number of the series is from there"
        found = catalog.hours(series, begin // HOUR, -(-end // HOUR) - 1)
        return [(hour * HOUR, count, low, high, total) for hour, count, low, high, total in found]

    # Runs and notes

    def run(self, number: int) -> RecordedRun:
        """Return the run of that number.

        :raises NoSuchTarget: if there is none.
        """
        catalog = self.catalog()
        if catalog is None:
            raise NoSuchTarget(f"there is no run {number}")
        return catalog.run(number)

    def runs(self, contains: str | None, newest: int, sees: Callable[[str], bool] = lambda _: True) -> list[RecordedRun]:
        """Return the newest runs whose patterns *sees* admits, newest first, with *contains* in name or facts."""
        catalog = self.catalog()
        return [] if catalog is None else catalog.runs(contains, newest, sees)

    def notes(self, begin: int, end: int, newest: int) -> list[RecordedNote]:
        """Return the newest notes that are about some of the time, in order."""
        catalog = self.catalog()
        return [] if catalog is None else catalog.notes(begin, end, newest)

    def close(self) -> None:
        """Close all connections."""
        for name in [*self._open, CATALOG]:
            self.release(name)

    def _close_oldest(self) -> None:
        """Close the part whose last use is longest ago, unless its state is held: then another."""
        for name, part in self._open.items():
            if not part.is_held:
                self.release(name)
                return

    def _pass_over(self, name: str, error: Exception) -> None:
        self.check()  # SQLite says "interrupted" when the question is over
        self.release(name)
        if (self.directory / PARTS / name).exists():
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            is_damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
            (self.damaged if is_damaged else self.unreadable)[name] = str(error)

"""All samples and events, a page at a time: nothing is left out, nothing comes twice, whatever happens between two pages."""

from __future__ import annotations

from netd.recorder.blocks import Columns
from netd.recorder.gaps import gaps
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import HOUR
from netd.recorder.paging import BadPlace, Page, Reading, newest_events, read
from netd.recorder.part_file import MarkMade
from netd.recorder.subjects import subjects
from tests.recorder.archives import ALL, DAWN, ArchiveTestCase
from tests.recorder.place import ON, X, Y
from tests.recorder.reads import ReadTaken, gather

SECOND = 1_000_000


def contents(pages: list[Page]) -> dict[str, list[tuple[int, float | str]]]:
    """Times and values of each subject, in the order of the pages."""
    found: dict[str, list[tuple[int, float | str]]] = {}
    for page in pages:
        for series, item in page.items:
            rows = found.setdefault(series.subject, [])
            if isinstance(item, Columns):
                rows += zip(item.times, item.values, strict=True)
            else:
                rows.append((item.time, item.data))
    return found


class PagingTests(ArchiveTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = self.make()
        self.addCleanup(lambda: self.close(self.store))
        self.addCleanup(self.archive.close)

    def seal(self) -> None:
        """Make blocks of all open samples."""
        self.store._writer._part.file.seal(None)

    def add(self, *at: float, series: SeriesName = X) -> None:
        """Record a sample at each of these seconds after the first midnight; its value is that second."""
        self.store.append(gather([ReadTaken(series, DAWN + round(one * SECOND), (float(one),)) for one in at]), [])

    def say(self, at: float, text: str) -> None:
        """Record an event."""
        self.store.append({}, [EventTaken(ON, DAWN + round(at * SECOND), text.encode())])

    def test_everything(self) -> None:
        """Pages of any size give all there is, hour by hour, and the last of them says so."""
        self.add(*range(0, 9000, 10))
        self.seal()
        self.add(*range(9000, 9300, 10), series=Y)
        self.add(*range(9000, 9600, 10))
        self.say(5, '"a"')
        self.say(4000, '"b"')
        expected = {
            X.subject: [(DAWN + at * SECOND, float(at)) for at in range(0, 9600, 10)],
            Y.subject: [(DAWN + at * SECOND, float(at)) for at in range(9000, 9300, 10)],
            ON.subject: [(DAWN + 5 * SECOND, '"a"'), (DAWN + 4000 * SECOND, '"b"')],
        }
        for limit in (1, 7, 100, 10_000):
            pages = self.pages(limit=limit)
            self.assertEqual(contents(pages), expected, limit)
            items = [item for page in pages for _, item in page.items]
            hours = [(item.times[0] if isinstance(item, Columns) else item.time) // HOUR for item in items]
            self.assertEqual(hours, sorted(hours))
            self.assertTrue(all(page.items for page in pages[:-1]))
        self.assertEqual(len(self.pages(limit=10_000)), 1)

    def test_some(self) -> None:
        """A question is for some subjects, for a time, and for samples or events alone."""
        self.add(0, 10, 20)
        self.add(10, series=Y)
        self.say(10, '"a"')
        between = {"begin": DAWN + 5 * SECOND, "end": DAWN + 20 * SECOND}
        self.assertEqual(contents(self.pages(X.subject, **between)), {X.subject: [(DAWN + 10 * SECOND, 10.0)]})
        self.assertEqual(set(contents(self.pages(with_samples=False))), {ON.subject})
        self.assertEqual(set(contents(self.pages(with_events=False))), {X.subject, Y.subject})
        self.assertEqual(set(contents(self.pages(sees=lambda subject: subject == Y.subject))), {Y.subject})
        self.assertEqual(contents(self.pages("nobody.>")), {})

    def test_sealed_between_two_pages(self) -> None:
        """Samples that become blocks between two pages are neither left out, nor given twice."""
        for base, limit in ((4000, 1), (8000, 3), (12_000, 50)):
            self.add(*range(base, base + 200))
            reading = Reading((X.subject,), DAWN + base * SECOND, DAWN + (base + 1000) * SECOND, limit)
            pages = [read(self.archive, reading)]
            number = 0
            while pages[-1].after is not None:
                number += 1
                if number in (1, 3):
                    self.seal()
                    self.add(base + 200 + number)
                pages.append(read(self.archive, reading, pages[-1].after))
            times = [at for at, _ in contents(pages)[X.subject]]
            self.assertEqual(times, sorted(set(times)), limit)
            self.assertEqual([at // SECOND - DAWN // SECOND - base for at in times[:200]], list(range(200)), limit)

    def test_days(self) -> None:
        """Pages go on in the next day, also where the part of the place has been deleted meanwhile."""
        for day in range(3):
            self.ahead += 86400 if day else 0
            self.store.append(gather([self.read(X, float(day))]), [])
        self.assertEqual([value for _, value in contents(self.pages(limit=1))[X.subject]], [0.0, 1.0, 2.0])
        reading = Reading((">",), *ALL, 1)
        first = read(self.archive, reading)
        self.archive.release("2026-11-30.db")
        self.successResultOf(self.store.delete(["2026-11-30.db"]))
        second = read(self.archive, reading, first.after)
        self.assertEqual([value for _, value in contents([second])[X.subject]], [1.0])

    def test_bad_places(self) -> None:
        """Only what a page has named is a place."""
        for text in ("", "x", "2026-11-30.db", "2026-11-30.db/1/2/3/4", "../x.db/1/2/3/4/5", "2026-11-30.db/a/2/3/4/5"):
            self.assertRaises(BadPlace, read, self.archive, Reading((">",), *ALL), text)

    def test_long_events(self) -> None:
        """A page of long events ends before it is too large."""
        for number in range(30):
            self.say(number, f'"{"x" * 60_000}"')
        pages = self.pages(limit=10_000)
        self.assertEqual([len(page.items) for page in pages], [18, 12])

    def test_newest_events(self) -> None:
        """The newest events come first, over all days, filtered by what is in their text."""
        for day in range(2):
            self.ahead += 86400 if day else 0
            self.store.append({}, [self.event(f'"lamp {day} {number}%"') for number in range(3)])

        def found(contains: str | None, newest: int) -> list[str]:
            return [event.data for _, event in newest_events(self.archive, Reading((">",), *ALL), contains, newest)]

        self.assertEqual(found(None, 4), ['"lamp 1 2%"', '"lamp 1 1%"', '"lamp 1 0%"', '"lamp 0 2%"'])
        self.assertEqual(found("LAMP 0", 2), ['"lamp 0 2%"', '"lamp 0 1%"'])
        self.assertEqual(found("2%", 9), ['"lamp 1 2%"', '"lamp 0 2%"'])
        self.assertEqual(found("2_", 9), [])
        self.assertEqual(newest_events(self.archive, Reading(("nobody.>",), *ALL), None, 5), [])

    def test_subjects(self) -> None:
        """Each series has its first and last time and its count, sealed or open, over all days."""
        self.add(0, 10)
        self.seal()
        self.add(20)
        self.say(5, '"a"')
        self.ahead += 86400
        self.store.append(gather([self.read(X, 1.0)]), [])
        x, on = sorted(subjects(self.archive, [">"]), key=lambda one: one.is_numeric, reverse=True)
        self.assertEqual(
            (x.subject, x.unit, x.label, x.first, x.count, x.is_numeric), (X.subject, "°C", "Temperature", DAWN, 4, True)
        )
        self.assertEqual((x.last, on.count, on.is_numeric), (self.now(), 1, False))
        self.assertEqual([one.subject for one in subjects(self.archive, ["relay.>"])], [ON.subject])
        self.assertEqual([one.subject for one in subjects(self.archive, [">"], since=self.now())], [X.subject])
        again = subjects(self.archive, [X.subject])
        self.assertEqual(again[0].count, 4)

    def test_gaps(self) -> None:
        """A stop, a crash, a full disk, and what was dropped are gaps, with their reason and their time."""
        self.add(0)
        self.close(self.store)
        stopped = self.now()
        self.clock.advance(100)
        self.threads.is_stopped = False
        self.store = self.make()
        started = self.now()
        found = gaps(self.archive, stopped - 5 * SECOND, started + 5 * SECOND)
        self.assertEqual([(gap.begin, gap.end, gap.reason) for gap in found], [(stopped, started, "netd was stopped")])
        self.assertEqual(gaps(self.archive, DAWN, DAWN + 5), [])
        self.store._writer.write({}, [self.event()], [_mark(started, "dropped", until=started + SECOND, samples=7, events=0)])
        self.store._writer.write(
            {}, [self.event()], [_mark(started + 2 * SECOND, "full", until=started + 3 * SECOND, reason="full")]
        )
        found = gaps(self.archive, started, started + 9 * SECOND)
        self.assertEqual([gap.reason.partition(":")[0] for gap in found], ["more came than could be written", "full"])
        self.assertEqual([gap.end for gap in found], [started + SECOND, started + 3 * SECOND])

    def test_gap_since_a_crash(self) -> None:
        """After kill -9, the gap begins with the last thing that is known; a day that is over shows the gap, too."""
        self.add(43200)
        self.store._writer._part.file._database.close()
        self.store._writer.shelf.folder.unlock()
        self.store._looking.stop()
        for pending in self.clock.getDelayedCalls():
            pending.cancel()
        last = DAWN + 43200 * SECOND
        self.archive.close()
        self.ahead += 3 * 86400
        self.store = self.make()
        [gap] = gaps(self.archive, last + HOUR, last + 2 * HOUR)
        self.assertEqual((gap.begin, gap.end, gap.reason), (last, self.now(), "netd ended without being stopped"))


def _mark(time: int, kind: str, **data: object) -> MarkMade:

    return MarkMade(time, kind, data)

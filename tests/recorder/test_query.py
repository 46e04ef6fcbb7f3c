"""Points of the past, against a list that is looked through: open, sealed, closed, over many days, by the hour."""

from __future__ import annotations

import shutil

from hypothesis import given, settings
from hypothesis import strategies as st

from netd.recorder.archive import NotFinished
from netd.recorder.intake import SeriesName
from netd.recorder.micros import DAY, HOUR
from netd.recorder.query import Query, TooMuch, query
from tests.recorder.archives import ALL, DAWN, ArchiveTestCase, points_of
from tests.recorder.place import X
from tests.recorder.reads import ReadTaken, gather

SECOND = 1_000_000


class QueryTests(ArchiveTestCase):
    def expected(
        self, samples: list[tuple[int, float]], begin: int, end: int, points: int
    ) -> list[tuple[int, int, float, float]]:
        """The points of *samples*, by looking through them."""
        width = -(-(end - begin) // points)
        found: dict[int, list[float]] = {}
        for time, value in samples:
            if begin <= time < end:
                found.setdefault(begin + (time - begin) // width * width, []).append(value)
        return [(time, len(values), min(values), max(values)) for time, values in sorted(found.items())]

    def test_states_of_a_part(self) -> None:
        """The same question has the same answer while samples are open, when they are sealed, and when the part is closed."""
        store = self.make()
        samples = [(DAWN + number * SECOND, float(number * 7 % 100)) for number in range(1500)]
        for start in range(0, 1500, 100):
            store.append(gather([ReadTaken(X, time, (value,)) for time, value in samples[start : start + 100]]), [])
        question = DAWN + 100 * SECOND, DAWN + 1300 * SECOND, 60
        expected = self.expected(samples, *question)
        self.assertEqual(points_of(self.ask(*question)), expected)
        store._writer._part.file.seal(None)
        self.assertEqual(points_of(self.ask(*question)), expected)
        more = [(DAWN + number * SECOND, -1.0) for number in (50, 200, 2000)]
        store.append(gather([ReadTaken(X, time, (value,)) for time, value in more]), [])
        expected = self.expected(samples + more, *question)
        self.assertEqual(points_of(self.ask(*question)), expected)
        self.archive.close()
        self.close(store)
        self.assertEqual(points_of(self.ask(*question)), expected)
        self.assertTrue(self.ask(*question)[0].points.is_exact)

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(
            st.lists(st.tuples(st.integers(0, 7200), st.integers(-50, 50)), min_size=1, max_size=150), min_size=1, max_size=6
        ),
        st.integers(0, 7000),
        st.integers(1, 7200),
        st.integers(10, 400),
        st.integers(0, 6),
    )
    def test_against_a_list(
        self, flushes: list[list[tuple[int, int]]], start: int, length: int, points: int, sealed_after: int
    ) -> None:
        """However samples came, in whatever order, and wherever they were sealed: each is in its point, once."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.archive.close()
        self.archive._catalog = None
        store = self.make()
        samples: list[tuple[int, float]] = []
        for number, flush in enumerate(flushes):
            taken = [(DAWN + at * SECOND, float(value)) for at, value in flush]
            store.append(gather([ReadTaken(X, time, (value,)) for time, value in taken]), [])
            samples += taken
            if number == sealed_after:
                store._writer._part.file.seal(None)
        begin, end = DAWN + start * SECOND, DAWN + (start + length) * SECOND
        expected = self.expected(samples, begin, end, points)
        answers = self.ask(begin, end, points)
        self.assertEqual(points_of(answers) if answers else [], expected)
        [whole] = self.ask(DAWN, DAWN + DAY, 10)
        self.assertEqual(sum(bucket.count for _, bucket in whole.points.buckets()), len(samples))
        self.close(store)

    def test_headers_alone(self) -> None:
        """Where there are more blocks than points show, none is decoded: counts, least and greatest values stay true."""
        store = self.make()
        for hour in range(8):
            times = [DAWN + hour * HOUR + number * 5 * SECOND for number in range(700)]
            store.append(gather([ReadTaken(X, time, (float(number),)) for number, time in enumerate(times)]), [])
            store._writer._part.file.seal(None)
        [answer] = self.ask(DAWN, DAWN + 8 * HOUR, 12)
        self.assertFalse(answer.points.is_exact)
        buckets = [bucket for _, bucket in answer.points.buckets()]
        self.assertEqual(sum(bucket.count for bucket in buckets), 5600)
        self.assertEqual((min(bucket.low for bucket in buckets), max(bucket.high for bucket in buckets)), (0.0, 699.0))
        self.assertLessEqual(len(buckets), 12)
        self.archive.close()
        self.close(store)

    def test_thirty_days(self) -> None:
        """A question spans as many parts as it needs to, and stays within its bound of open files."""
        store = self.make()
        for day in range(30):
            self.ahead += 86400 if day else 0
            store.append(gather([self.read(X, float(day))]), [])
        [answer] = self.ask(DAWN, DAWN + 30 * DAY, 720)
        self.assertEqual([bucket.mean for _, bucket in answer.points.buckets()], [float(day) for day in range(30)])
        self.assertEqual(len(self.archive._open), 16)
        self.archive.close()
        self.close(store)

    def test_by_the_hour(self) -> None:
        """Points of an hour and more are made of the hourly summary, those of a part that goes on of its headers, once each."""
        store = self.make()
        for day in range(3):
            self.ahead += 86400 if day else 0
            store.append(gather([self.read(X, float(day)), self.read(X, float(day) + 0.5)]), [])
        self.close(store)
        self.archive.close()
        store = self.make()
        store.append(gather([self.read(X, 9.0)]), [])
        self.archive.release("2026-11-30.db")
        (self.directory / "parts" / "2026-11-30.db").unlink()
        [answer] = self.ask(DAWN, DAWN + 3 * DAY, 72)
        self.assertEqual([(bucket.count, bucket.high) for _, bucket in answer.points.buckets()], [(2, 0.5), (2, 1.5), (3, 9.0)])
        [answer] = self.ask(DAWN, DAWN + 3 * DAY, 1000)
        self.assertEqual([(bucket.count, bucket.high) for _, bucket in answer.points.buckets()], [(2, 0.5), (2, 1.5), (3, 9.0)])
        self.archive.close()
        self.close(store)

    def test_clock_of_the_agent(self) -> None:
        """By the agent's clock, samples are where it says that they were; those without its time are where they came."""
        store = self.make()
        self.ahead = self.ahead - self.ahead % 86400
        now = self.now() + 600 * SECOND
        said = tuple((now - late * SECOND) / SECOND for late in (30, 20))
        store.append(gather([ReadTaken(X, now, (1.0, 2.0), said), ReadTaken(X, now, (3.0,))]), [])
        begin, end = now - 60 * SECOND, now + 60 * SECOND
        self.assertEqual(points_of(self.ask(begin, end, 12))[0][1], 3)
        expected = [(now - 30 * SECOND, 1, 1.0, 1.0), (now - 20 * SECOND, 1, 2.0, 2.0), (now, 1, 3.0, 3.0)]
        self.assertEqual(points_of(self.ask(begin, end, 12, by_agent=True)), expected)
        self.archive.close()
        self.close(store)
        self.assertEqual(points_of(self.ask(begin, end, 12, by_agent=True)), expected)

    def test_damaged_part(self) -> None:
        """A day that cannot be read does not hide the others, and is named."""
        store = self.make()
        for day in range(2):
            self.ahead += 86400 if day else 0
            store.append(gather([self.read(X, float(day))]), [])
        self.close(store)
        self.archive.close()
        part = self.directory / "parts" / "2026-11-30.db"
        part.write_bytes(b"no database" * 1000)
        [answer] = self.ask(DAWN, DAWN + 2 * DAY)
        self.assertEqual([bucket.mean for _, bucket in answer.points.buckets()], [1.0])
        self.assertEqual(list(self.archive.damaged), [part.name])

    def test_examined(self) -> None:
        """SQLite looks through a part that a crash has left; of one that is not sound, the reason is noted."""
        store = self.make()
        store.append(gather([self.read(X, float(number)) for number in range(300)]), [])
        self.close(store)
        name = "2026-11-30.db"
        self.archive.examine(name)
        self.archive.examine("2026-11-29.db")  # it has been deleted meanwhile
        self.assertEqual((self.archive.damaged, self.archive.unreadable), ({}, {}))
        self.archive.close()
        part = self.directory / "parts" / name
        part.write_bytes(part.read_bytes()[:4096] + bytes(4096) * (part.stat().st_size // 4096 - 1))
        self.archive.examine(name)
        self.assertEqual(list(self.archive.damaged), [name])

    def test_catalog_replaced(self) -> None:
        """When the catalog is made anew, the new one is read."""
        store = self.make()
        run = self.successResultOf(store.ask(lambda catalog: catalog.begin_run("old", 1, [">"], {}, "")))
        self.assertEqual([one.name for one in self.archive.runs(None, 9)], ["old"])
        self.archive.unwanted.add("catalog.db")
        self.archive.settle()
        self.successResultOf(store.ask(lambda catalog: catalog.finish_run(run.number, 2)))
        self.assertEqual(self.archive.run(run.number).end, 2)
        self.archive.close()
        self.close(store)

    def test_given_up(self) -> None:
        """A question that is over ends between two blocks, and the next one is answered."""
        store = self.make()
        store.append(gather([self.read(X, 1.0)]), [])
        self.is_over = True
        self.assertRaises(NotFinished, self.ask, *ALL)
        self.is_over = False
        self.assertEqual(len(self.ask(*ALL)), 1)
        self.archive.close()
        self.close(store)

    def test_what_is_not_seen(self) -> None:
        """Series that the caller does not see are no part of an answer, nor counted in what is too much."""
        store = self.make()
        names = [SeriesName(f"custom.c{number}") for number in range(25)]
        store.append(gather([self.read(name, 1.0) for name in names]), [])
        answers = query(self.archive, Query(("custom.>",), *ALL, sees=lambda subject: subject in ("custom.c1", "custom.c2")))
        self.assertEqual([one.subject for one in answers], ["custom.c1", "custom.c2"])
        error = self.assertRaises(TooMuch, query, self.archive, Query(("custom.>",), *ALL))
        self.assertIn("more than 20 series", str(error))
        self.archive.close()
        self.close(store)

    def test_no_recorder(self) -> None:
        """Where nothing was ever recorded, the answer is empty."""
        self.assertEqual((self.ask(*ALL), self.archive.names(*ALL)), ([], []))

"""The store on real files, with a fake clock: what is handed over is found again, whatever happens in between."""

from __future__ import annotations

from netd.errors import NoSuchTarget
from tests.recorder.place import ON, StoreTestCase, X, Y


class FlushTests(StoreTestCase):
    def test_flush(self) -> None:
        """Samples and events are in the file as soon as they are handed over, one row of the journal for each time."""
        store = self.make()
        store.append([self.read(X, 1, 2), self.read(Y, 50.5), self.read(X, 3)], [self.event('{"on":true}')])
        store.append([self.read(X, 4.25)], [])
        (part,) = self.parts()
        self.assertEqual("2026-11-30.db", part)
        self.assertEqual({X.subject: [1, 2, 3, 4.25], Y.subject: [50.5]}, self.values())
        self.assertEqual([(2,)], self.query(part, "SELECT count(*) FROM journal"))
        self.assertEqual([(self.now(), '{"on":true}')], self.query(part, "SELECT time, data FROM event"))
        self.assertEqual([tuple(X), tuple(Y), tuple(ON)], self.query(part, "SELECT subject, label, unit FROM series"))
        self.assertEqual((4, 1, 4), (store.state().samples - 1, store.state().events, store.state().open_samples - 1))
        self.close(store)

    def test_reopened(self) -> None:
        """After a restart, the part of the day goes on, and says from when to when nothing was recorded."""
        store = self.make()
        store.append([self.read(X, 1, 2)], [self.event()])
        self.clock.advance(5)
        self.close(store)
        self.clock.advance(100)
        store = self.make()
        store.append([self.read(X, 3)], [])
        self.assertEqual({X.subject: [1, 2, 3]}, self.values())
        self.assertEqual([(43200, "started", {}), (43205, "stopped", {}), (43305, "started", {})], self.marks("2026-11-30.db"))
        self.close(store)
        self.assertEqual(["2026-11-30.db"], self.parts())
        self.assertEqual("", store.state().unchecked)

    def test_nothing(self) -> None:
        """Nothing is written while nothing comes."""
        store = self.make()
        before = [(path, path.stat().st_mtime_ns) for path in sorted(self.directory.rglob("*"))]
        for _ in range(300):
            store.append([], [])
            self.clock.advance(1)
        self.assertEqual(before, [(path, path.stat().st_mtime_ns) for path in sorted(self.directory.rglob("*"))])
        self.close(store)


class CatalogTests(StoreTestCase):
    def test_runs(self) -> None:
        """Runs begin and end, may overlap, and are found by name and facts."""
        store = self.make()
        first = self.successResultOf(
            store.ask(lambda catalog: catalog.begin_run("cool down", 10, [">"], {"operator": "Ann"}, "ann"))
        )
        self.successResultOf(store.ask(lambda catalog: catalog.begin_run("scan", 20, ["session.>"], {}, "bob")))
        self.assertEqual((1, None), (first.number, first.end))
        ended = self.successResultOf(store.ask(lambda catalog: catalog.finish_run(1, 30)))
        self.assertEqual(30, ended.end)
        ended = self.successResultOf(store.ask(lambda catalog: catalog.finish_run(None, 40)))
        self.assertEqual((2, "scan", 40), (ended.number, ended.name, ended.end))
        self.failureResultOf(store.ask(lambda catalog: catalog.finish_run(None, 40)), NoSuchTarget)
        self.failureResultOf(store.ask(lambda catalog: catalog.finish_run(7, 40)), NoSuchTarget)
        self.close(store)
        store = self.make()
        self.assertEqual([2, 1], [run.number for run in self.successResultOf(store.ask(lambda catalog: catalog.runs()))])
        self.assertEqual([1], [run.number for run in self.successResultOf(store.ask(lambda catalog: catalog.runs("ANN")))])
        self.close(store)

"""A store in a directory of its own, whose thread is the test, and whose clocks the test sets."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.blocks import unpack_block, unpack_journal
from netd.recorder.facts import StoreSettings
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.part_file import PartFile, open_part
from netd.recorder.retention import Retention
from netd.recorder.store import Store
from tests.recorder.reads import ReadTaken

DAY = 86400
MORNING = 1_795_996_800.0
"""A midnight, UTC: 2026-11-30."""

SETTINGS = StoreSettings(10.0, 1 << 26, Retention(30.0 * DAY, 1 << 30, 0.0))

X = SeriesName("session.main.greenhouse.x", "Temperature", "°C")
Y = SeriesName("session.main.greenhouse.y", "", "%")
ON = SeriesName("relay.main.lamp")


class SameThread:
    """Runs what the writer's thread is to do at once, or when the test says so."""

    def __init__(self) -> None:
        self.is_held = False
        self.held: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
        self.is_stopped = False
        self.ran = 0

    @property
    def waiting(self) -> int:
        return len(self.held)

    def run(self, function: Callable[[], Any], report: Callable[[Any], None]) -> object:
        self.held.append((function, report))
        if not self.is_held:
            self.work()
        return self

    def work(self) -> None:
        """Do what waits."""
        while self.held:
            function, report = self.held.pop(0)
            self.ran += 1
            try:
                outcome = function()
            except BaseException:
                outcome = Failure()
            report(outcome)

    def stop(self) -> None:
        self.is_stopped = True


class StoreTestCase(SynchronousTestCase):
    """The fixture of tests with a store on real files."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute() / "recorder" / "main"
        self.clock = Clock()
        self.ahead = MORNING + DAY / 2
        self.let_go: list[str] = []
        self.threads = SameThread()
        self.addCleanup(self.end)

    def end(self) -> None:
        """No timer is left."""
        self.assertEqual([], self.clock.getDelayedCalls())

    def wall(self) -> float:
        return self.ahead + self.clock.seconds()

    def now(self) -> int:
        return round(self.wall() * MICRO)

    def settings(self, **options: Any) -> StoreSettings:
        """Settings; *options* are some of them, or of the retention."""
        kept = {name: options.pop(name) for name in [*options] if hasattr(SETTINGS.retention, name)}
        return evolve(SETTINGS, retention=evolve(SETTINGS.retention, **kept), **options)

    def make(self, open_file: Callable[[Path], PartFile] = open_part, **options: Any) -> Store:
        """A store that has been started, with these :meth:`settings`."""
        let_go = lambda path: self.let_go.append(path.name)  # noqa: E731
        store = Store(self.directory, self.settings(**options), self.clock, self.wall, let_go, self.threads, open_file)
        store.start()
        return store

    def close(self, store: Store) -> None:
        self.successResultOf(store.close())

    def read(self, series: SeriesName, *values: float, agent_times: tuple[float, ...] = ()) -> ReadTaken:
        return ReadTaken(series, self.now(), values, agent_times)

    def event(self, text: str = "{}", series: SeriesName = ON) -> EventTaken:
        return EventTaken(series, self.now(), text.encode())

    # What is on the disk

    def parts(self) -> list[str]:
        return sorted(path.name for path in (self.directory / "parts").glob("*.db"))

    def query(self, name: str, sql: str) -> list[Any]:
        path = self.directory / ("" if name == "catalog.db" else "parts") / name
        database = sqlite3.connect(path)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def marks(self, name: str) -> list[tuple[float, str, dict[str, Any]]]:
        """The marks of a part, with times in seconds since the morning."""
        rows = self.query(name, "SELECT time, kind, data FROM mark ORDER BY rowid")
        return [(time / MICRO - MORNING, kind, json.loads(data)) for time, kind, data in rows]

    def samples(self, *names: str) -> dict[str, list[tuple[int, float]]]:
        """All samples of some parts, sealed and open, by subject."""
        found = defaultdict(list)
        for name in names or self.parts():
            subjects = dict(self.query(name, "SELECT id, subject FROM series"))
            for series, data in self.query(name, "SELECT series, data FROM block JOIN chunk ON chunk.id = chunk ORDER BY chunk"):
                columns = unpack_block(data)
                found[subjects[series]] += [*zip(columns.times, columns.values, strict=True)]
            for (data,) in self.query(name, "SELECT data FROM journal ORDER BY id"):
                for series, columns in unpack_journal(data).items():
                    found[subjects[series]] += [*zip(columns.times, columns.values, strict=True)]
        return dict(found)

    def values(self, *names: str) -> dict[str, list[float]]:
        return {subject: [value for _, value in rows] for subject, rows in self.samples(*names).items()}

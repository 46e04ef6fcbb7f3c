"""The recorder's store beside a table with a row for each sample, which people write by hand; prints Markdown.

``make bench ARGS="--only recorder"`` runs it. Both get the same samples in the same transactions, in this process and one after
the other, with a clock that follows the samples' times. CPU is the process's; bytes written are those that it hands to the
operating system. The table is ``sample(id, series, time, value)`` with an index on series and time, in WAL mode without a sync.
"""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from netd.bus.local import LocalBus
from netd.codec.samples import SampleTaken
from netd.message import UNDESCRIBED, Message, Want
from netd.recorder.archive import Archive
from netd.recorder.backlog import WriteBacklog
from netd.recorder.blocks import Columns
from netd.recorder.facts import StoreSettings
from netd.recorder.folder import RecorderFolder
from netd.recorder.intake import SeriesName
from netd.recorder.query import Query, query
from netd.recorder.retention import Retention
from netd.recorder.taking import Selection, Taking
from netd.recorder.writer import RecordWriter

BEGIN = 1_767_225_600
"""The first sample's time, in seconds since the epoch: a midnight in UTC, so that a day of samples is one part."""
MICRO = 1_000_000
POINTS = 1000
Reading = tuple[SeriesName, int, float]
"""A sample as the bus brings it: its series, its time in microseconds, and its value."""
ROW_SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE sample (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, time INTEGER NOT NULL, value REAL NOT NULL);
CREATE INDEX sample_time ON sample (series, time);
"""


@dataclass(frozen=True)
class Plan:
    """Samples to write.

    :ivar channels: the number of series.
    :ivar rate: samples a second of each.
    :ivar seconds: how long, by the samples' times.
    :ivar flush: seconds between two transactions.
    :ivar sync: seconds between two syncs of the recorder; the table is not synced.
    """

    channels: int
    rate: float
    seconds: float
    flush: float
    sync: float | None = 10.0

    @property
    def samples(self) -> int:
        """The number of samples, of all series together."""
        return self.channels * round(self.rate * self.flush) * round(self.seconds / self.flush)

    def batches(self) -> Iterator[tuple[float, list[Reading]]]:
        """The time of each transaction and its reads: noisy, slow waves with four decimals, as an instrument sends them."""
        chance = random.Random(1)
        noise = [chance.gauss(0, 0.01) for _ in range(65_536)]
        names = [SeriesName(f"session.main.bench.c{number}", f"c{number}", "V") for number in range(self.channels)]
        count = round(self.rate * self.flush)
        for step in range(round(self.seconds / self.flush)):
            begin = step * self.flush
            reads = []
            for number, name in enumerate(names):
                wave = 20 + number + math.sin(begin / 300)
                for index in range(count):
                    moment = begin + index / self.rate
                    value = round(wave + noise[int(chance.random() * len(noise))], 4)
                    reads.append((name, round((BEGIN + moment) * MICRO) + number, value))
            yield BEGIN + begin + self.flush, reads


@dataclass(frozen=True)
class Cost:
    """What *plan* took: CPU a sample in seconds, bytes on the disk a sample when all is closed, bytes written."""

    cpu: float
    size: float
    written: int


class Clock:
    """A clock that is set to the samples' time."""

    def __init__(self) -> None:
        self.now = float(BEGIN)

    def wall(self) -> float:
        """The time."""
        return self.now


def record(directory: Path, plan: Plan) -> Cost:
    """Write *plan* by the recorder, and close its part."""
    clock = Clock()
    retention = Retention(None, None, 0.0)
    settings = StoreSettings(plan.sync, 1 << 26, retention)
    writer = RecordWriter(RecorderFolder(directory), settings, clock.wall, clock.wall, lambda path: None)
    writer.start()
    spent, before = 0.0, written()
    for now, reads in plan.batches():
        clock.now = now
        start = time.process_time()
        writer.write(gathered(reads), [], [], False)
        spent += time.process_time() - start
    start = time.process_time()
    writer.close()
    spent += time.process_time() - start
    size = sum(path.stat().st_size for path in (directory / "parts").iterdir())
    return Cost(spent / plan.samples, size / plan.samples, written() - before)


def gathered(reads: Sequence[Reading]) -> dict[SeriesName, Columns]:
    """Gather samples by series, as the recorder does when they come."""
    samples: dict[SeriesName, Columns] = {}
    known: dict[str, Columns] = {}
    for series, moment, value in reads:
        columns = known.get(series.subject)
        if columns is None:
            columns = samples[series] = known[series.subject] = Columns([], [])
        columns.times.append(moment)
        columns.values.append(value)
    return samples


def write_rows(directory: Path, plan: Plan) -> Cost:
    """Write *plan* into a table with a row a sample."""
    directory.mkdir()
    path = directory / "rows.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(ROW_SCHEMA)
    numbers: dict[str, int] = {}
    spent, before = 0.0, written()
    for _, reads in plan.batches():
        start = time.process_time()
        rows = [(numbers.setdefault(series.subject, len(numbers)), moment, value) for series, moment, value in reads]
        database.execute("BEGIN")
        database.executemany("INSERT INTO sample (series, time, value) VALUES (?, ?, ?)", rows)
        database.execute("COMMIT")
        spent += time.process_time() - start
    start = time.process_time()
    database.close()
    spent += time.process_time() - start
    return Cost(spent / plan.samples, path.stat().st_size / plan.samples, written() - before)


def written() -> int:
    """The bytes that this process has handed to the operating system to write."""
    for line in Path("/proc/self/io").read_text().splitlines():
        name, _, number = line.partition(": ")
        if name == "wchar":
            return int(number)
    raise RuntimeError("/proc/self/io has no wchar")


def query_rows(path: Path, series: int, begin: int, end: int) -> int:
    """Thin the samples of *series* to :data:`POINTS` in the table of *path*. Return the number of points."""
    width = -(-(end - begin) // POINTS)
    database = sqlite3.connect(path)
    found = database.execute(
        "SELECT (time - ?) / ? AS bucket, count(*), min(value), max(value), sum(value) FROM sample"
        " WHERE series = ? AND time >= ? AND time < ? GROUP BY bucket",
        (begin, width, series, begin, end),
    ).fetchall()
    database.close()
    return len(found)


def answer(directory: Path, question: Query) -> int:
    """Ask the recorder's files, opened anew. Return the number of points."""
    archive = Archive(directory)
    found = query(archive, question)
    archive.close()
    return sum(len(series.points.buckets()) for series in found)


def best_of(directory: Path, plan: Plan, times: int = 5) -> tuple[Cost, Cost]:
    """The least CPU of several times, of both in turn: what else the machine does hits both alike."""
    costs: tuple[list[Cost], list[Cost]] = [], []
    for _ in range(times):
        for found, write in zip(costs, (record, write_rows), strict=True):
            found.append(write(directory, plan))
            shutil.rmtree(directory)
    fast, table = (min(found, key=lambda cost: cost.cpu) for found in costs)
    return fast, table


def quickest(ask: Callable[[], object], times: int = 5) -> float:
    """The seconds of CPU that *ask* takes, the best of several."""
    found = []
    for _ in range(times):
        start = time.process_time()
        ask()
        found.append(time.process_time() - start)
    return min(found)


def rows_of(directory: Path, scale: float) -> Iterator[tuple[str, str, str, float, float]]:
    """Measure. Yield what was measured, of the recorder, of the table, the ratio, and what the ratio has to be."""
    many = Plan(100, 10, 200 * scale, 1)
    fast, table = best_of(directory / "a", many)
    yield (
        "CPU a sample, 1,000 a transaction, 100 series",
        f"{fast.cpu * 1e6:.2f} µs",
        f"{table.cpu * 1e6:.2f} µs",
        table.cpu / fast.cpu,
        2.5,
    )
    yield ("bytes a sample, closed", f"{fast.size:.1f}", f"{table.size:.1f}", table.size / fast.size, 6.0)
    yield taken_of(scale)
    for channels, flush, bar in ((10, 1.0, 9.0), (10, 10.0, 40.0), (100, 5.0, 50.0)):
        hour, rows = Plan(channels, 1, 3600 * scale, flush), Plan(channels, 1, 3600 * scale, 1.0)
        name = f"h{channels}-{flush:g}"
        one, other = record(directory / name, hour), write_rows(directory / f"{name}r", rows)
        each = 3600 / hour.seconds
        yield (
            f"bytes written an hour, {channels} a second of {channels} series, `flush = {flush:g}s` (table: each second)",
            f"{one.written * each / 1e6:.1f} MB",
            f"{other.written * each / 1e6:.1f} MB",
            other.written / one.written,
            bar,
        )
    yield recovery_of(directory)
    yield from queries_of(directory, scale)


def taken_of(scale: float) -> tuple[str, str, str, float, float]:
    """Measure what a recorder costs the reactor: messages with a sample each, delivered and handed to the store, and not."""
    bus, taking = LocalBus(time.time), Taking(Selection(("session.>",)), lambda _: UNDESCRIBED)
    subjects = [f"session.main.bench.c{number}" for number in range(100)]

    def publish() -> float:
        begin = time.process_time()
        for _ in range(round(20 * scale)):
            for _ in range(10):
                for subject in subjects:
                    bus.publish(Message(subject, SampleTaken(20.5, 0.0)))
            samples, events = taking.swap()
            WriteBacklog().add(samples, events, 1 << 30, 0)
        return (time.process_time() - begin) / (1000 * round(20 * scale))

    without, with_it = [], []
    for _ in range(15):
        without.append(publish())
        subscription = bus.subscribe("session.>", partial(taking.take, "session.>"), Want.BATCH)
        with_it.append(publish())
        subscription.cancel()
    cost = min(with_it) - min(without)
    return "CPU of the reactor a sample, one sample a read (no table)", f"{cost * 1e6:.2f} µs", "1 µs", 1e-6 / cost, 1.0


def recovery_of(directory: Path) -> tuple[str, str, str, float, float]:
    """Measure how long a recorder takes to go on after a kill, with nearly as many samples in the journal as there can be."""
    plan = Plan(100, 10, 65, 1)
    clock = Clock()
    settings = StoreSettings(plan.sync, 1 << 26, Retention(None, None, 0.0))
    place = directory / "killed"
    writer = RecordWriter(RecorderFolder(place), settings, clock.wall, clock.wall, lambda path: None)
    writer.start()
    for now, reads in plan.batches():
        clock.now = now
        writer.write(gathered(reads), [], [], False)
    found = []
    for number in range(5):  # its files as they are now are what a kill leaves
        left = directory / f"killed{number}"
        shutil.copytree(place, left)
        again = RecordWriter(RecorderFolder(left), settings, clock.wall, clock.wall, lambda path: None)
        begin = time.monotonic()
        again.start()
        found.append(time.monotonic() - begin)
        again.close()
    writer.close()
    slowest = max(found)
    return (
        f"to go on after a kill, {plan.samples:,} samples in the journal (no table)",
        f"{slowest * 1e3:.0f} ms",
        "200 ms",
        0.2 / slowest,
        1.0,
    )


def queries_of(directory: Path, scale: float) -> Iterator[tuple[str, str, str, float, float]]:
    """Measure questions about a day of 20 series."""
    day = Plan(20, 12 * scale, 86_400, 10)
    record(directory / "q", day)
    write_rows(directory / "qr", day)
    begin, end = BEGIN * MICRO, (BEGIN + 86_400) * MICRO
    question = Query(("session.main.bench.c10",), begin, end, POINTS)
    fast = quickest(lambda: answer(directory / "q", question))
    slow = quickest(lambda: query_rows(directory / "qr" / "rows.db", 10, begin, end))
    yield (
        f"24 hours of one of 20 series ({day.samples / 20e6:.1f} M samples each) to 1,000 points",
        f"{fast * 1e3:.1f} ms",
        f"{slow * 1e3:.0f} ms",
        slow / fast,
        50.0,
    )


def table_of(rows: Sequence[tuple[str, str, str, float, float]]) -> str:
    """The Markdown."""
    lines = ["| recorder | netd | a row a sample | times netd | wanted |", "| --- | ---: | ---: | ---: | ---: |"]
    lines += [f"| {what} | {netd} | {table} | {ratio:.1f} | {bar:g} |" for what, netd, table, ratio, bar in rows]
    return "\n".join(lines)


def report(scale: float = 1.0) -> str:
    """Measure all, at *scale* of the usual number of samples. Return the Markdown."""
    with tempfile.TemporaryDirectory(prefix="netd-bench-") as name:
        return table_of(list(rows_of(Path(name), scale)))


if __name__ == "__main__":
    print(report(float(sys.argv[1]) if sys.argv[1:] else 1.0))

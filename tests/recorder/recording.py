"""A process that records two days of samples and events as fast as it can, and says what it has committed and synced.

Its one argument is the directory.  Each line on its standard output is ``COMMITS SYNCED``: so many batches were committed, and of
so many it was told that they are on the disk.  Batch ``n`` has :data:`SAMPLES` samples of each of :data:`SERIES` series with the
value ``n``, and one event that says ``n``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from netd.recorder.facts import StoreSettings
from netd.recorder.folder import RecorderFolder
from netd.recorder.intake import EventTaken, SamplesTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.retention import Retention
from netd.recorder.writer import RecordWriter
from tests.recorder.reads import ReadTaken, gather

BATCHES = 240
SERIES = 5
SAMPLES = 20
BEGIN = 1_767_225_600 + 86_400 - 100.0
"""The first batch's time: a hundred seconds before a midnight, so that a part is closed on the way."""
EVERY = 1.0
SYNC = 5.0
LONG = 3600.0
"""Seconds before the last third: samples of an hour that is over are sealed."""
NAMES = [SeriesName(f"session.main.bench.c{number}", f"c{number}", "V") for number in range(SERIES)]
EVENTS = SeriesName("custom.test")


class Clock:
    """The time of the batches."""

    def __init__(self) -> None:
        self.now = BEGIN

    def read(self) -> float:
        """The time in seconds."""
        return self.now


def batch(number: int, now: float) -> tuple[SamplesTaken, list[EventTaken]]:
    """Reads and events of one batch."""
    time = round(now * MICRO)
    reads = [ReadTaken(name, time + index, [float(number)]) for name in NAMES for index in range(SAMPLES)]
    return gather(reads), [EventTaken(EVENTS, time, b"%d" % number)]


def say(committed: int, synced: int) -> None:
    """Say how many batches were committed, and how many synced."""
    sys.stdout.write(f"{committed} {synced}\n")
    sys.stdout.flush()


def main(directory: Path) -> None:
    """Record."""
    clock = Clock()
    settings = StoreSettings(SYNC, 1 << 26, Retention(None, None, 0.0))
    writer = RecordWriter(RecorderFolder(directory), settings, clock.read, clock.read, lambda path: None)
    writer.start()
    synced = 0
    for number in range(BATCHES):
        clock.now += LONG if number == BATCHES * 2 // 3 else EVERY
        assert writer.write(*batch(number, clock.now)), writer.facts.error
        synced = number + 1 if writer.facts.is_synced else synced
        say(number + 1, synced)
    writer.close()
    say(BATCHES, BATCHES)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

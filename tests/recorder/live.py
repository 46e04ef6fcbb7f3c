"""A process that records with a real reactor and a real thread, in one process after the other, and says what is on the disk.

Its arguments are a directory, and how many batches it records before it ends properly; 0 is for ever.  For each line on its
standard input, it forks one that records, which costs a fraction of another interpreter.  Lines on the standard output are the
number of that process, then the number of each batch that a flush has answered for, and ``end`` when the process has ended.

Batch ``n`` has :data:`SAMPLES` samples of each of :data:`SERIES` series with values of its own, and one event that says ``n``.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

from twisted.internet.defer import Deferred, inlineCallbacks

from netd.clock import make_monotonic
from netd.recorder.facts import StoreSettings
from netd.recorder.intake import EventTaken, SamplesTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.retention import Retention
from netd.recorder.store import Store
from tests.recorder.reads import ReadTaken, gather

SERIES = 4
SAMPLES = 500
EVERY = 0.003
"""Seconds between two batches: with so many samples, blocks are sealed every 0.1 s."""
SYNC = 0.1
NAMES = [SeriesName(f"session.main.bench.c{number}", "", "V") for number in range(SERIES)]
EVENTS = SeriesName("custom.test")


def batch(number: int) -> tuple[SamplesTaken, list[EventTaken]]:
    """Reads and events of one batch."""
    now = round(time.time() * MICRO)
    values = [float(number * SAMPLES + index) for index in range(SAMPLES)]
    return gather([ReadTaken(name, now, values) for name in NAMES]), [EventTaken(EVENTS, now, b"%d" % number)]


def say(what: object) -> None:
    """Say it at once."""
    os.write(1, f"{what}\n".encode())


def record(directory: Path, first: int, most: int) -> None:
    """Record batches from number *first* on."""
    from twisted.internet import reactor

    make_monotonic(reactor, time.monotonic)
    store = Store(directory, StoreSettings(SYNC, 1 << 26, Retention(None, None, 0.0)), reactor, time.time)
    store.start()

    @inlineCallbacks
    def run() -> object:
        """Every other batch is flushed on demand; others are committed as they are due."""
        for number in itertools.count(first):
            store.append(*batch(number))
            if number % 2:
                yield store.flush()
                say(number)
            if number - first + 1 == most:
                yield store.close()
                break
            reactor.callLater(EVERY, (pause := Deferred()).callback, None)
            yield pause
        reactor.stop()

    reactor.callWhenRunning(run)
    reactor.run()


def main(directory: Path, most: int) -> None:
    """Fork a process for each line."""
    for turn, _ in enumerate(sys.stdin):
        number = os.fork()
        if not number:
            say(os.getpid())
            record(directory, turn * 1_000_000, most)
            os._exit(0)
        os.waitpid(number, 0)
        say("end")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

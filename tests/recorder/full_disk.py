"""A process that records until the disk is full, and goes on when there is room again; what it found is one line of JSON.

Its arguments are a directory, and how the disk is filled: ``ballast``, on a small file system of its own, by a large file beside
the parts, which is then deleted; or ``limit``, where no file system can be mounted, by the size that a file may have.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
import sys
from pathlib import Path

from attrs import asdict
from twisted.internet.task import Clock

from netd.recorder.facts import StoreSettings
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.retention import Retention
from netd.recorder.store import Store
from tests.recorder.place import MORNING, SameThread
from tests.recorder.reads import ReadTaken, gather

X = SeriesName("session.main.a.x")
ROOM = 2 << 20
"""Bytes that are left at first."""
SAMPLES = 2000


class Ballast:
    """A disk that a large file fills."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "ballast"

    def fill(self) -> None:
        """Leave :data:`ROOM`."""
        with self.file.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.file.parent).free - ROOM)

    def free(self) -> None:
        """Make room."""
        self.file.unlink()


class Limit:
    """A process whose files may only be so large."""

    def fill(self) -> None:
        """Leave :data:`ROOM`."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))

    def free(self) -> None:
        """Lift the limit."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def main(directory: Path, how: str) -> None:
    """Record until the disk is full, then twenty batches more, then five when there is room again."""
    disk = Ballast(directory) if how == "ballast" else Limit()
    clock, chance = Clock(), random.Random(4)
    settings = StoreSettings(10.0, 1 << 20, Retention(None, None, 0.0))
    store = Store(directory / "main", settings, clock, lambda: MORNING + clock.seconds(), threads=SameThread())
    sent = 0

    def record() -> None:
        nonlocal sent
        now = round((MORNING + clock.seconds()) * MICRO)
        values = [chance.random() for _ in range(SAMPLES - 1)]
        store.append(gather([ReadTaken(X, now, [float(sent), *values])]), [EventTaken(X, now, b"%d" % sent)])
        sent += 1
        clock.advance(1)

    store.start()
    disk.fill()
    while not store.state().paused and sent < 1000:
        record()
    paused, before = store.state().paused, sent
    for _ in range(20):
        record()
    waiting = store.waiting
    still = store.state().paused
    disk.free()
    for _ in range(5):
        record()
    after = store.state()
    store.close()
    (part,) = (directory / "main" / "parts").glob("*.db")
    database = sqlite3.connect(part)
    found = {
        "paused": paused,
        "still": still,
        "before": before,
        "waiting": waiting,
        "dropped": store.dropped,
        "after": asdict(after),
        "sent": sent,
        "samples": database.execute("SELECT sum(count) FROM block").fetchone()[0],
        "events": [int(text) for (text,) in database.execute("SELECT data FROM event ORDER BY id")],
        "marks": [[kind, json.loads(data)] for kind, data in database.execute("SELECT kind, data FROM mark ORDER BY rowid")],
        "integrity": database.execute("PRAGMA integrity_check").fetchone()[0],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

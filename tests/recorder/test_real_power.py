"""A recorder whose machine loses its power in the middle: nothing that was synced is lost, and no file is corrupt."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.archive import Archive
from netd.recorder.facts import StoreSettings
from netd.recorder.folder import RecorderFolder
from netd.recorder.paging import Reading, read
from netd.recorder.reading import StoredEvent
from netd.recorder.retention import Retention
from netd.recorder.writer import RecordWriter
from tests.recorder import recording
from tests.recorder.disk import Disk, Step, steps_of

CUTS = int(os.environ.get("CUTS", "40"))
MOST_LOST = round((recording.SYNC + recording.EVERY) / recording.EVERY)
"""Batches that a power cut may take: those of the last ``sync`` and ``flush``."""


def found_in(directory: Path) -> tuple[Counter[float], Counter[float]]:
    """How many samples and how many events of each batch the files hold."""
    archive = Archive(directory)
    samples, events = Counter[float](), Counter[float]()
    after: str | None = None
    while True:
        page = read(archive, Reading((">",), 0, 1 << 61, limit=100_000), after)
        for _, item in page.items:
            if isinstance(item, StoredEvent):
                events[float(item.data)] += 1
            else:
                samples.update(item.values)
        after = page.after
        if after is None:
            break
    archive.close()
    return samples, events


class PowerCutTests(SynchronousTestCase):
    def test_cuts(self) -> None:
        """At any moment, the power goes, and of what was not synced each sector reaches the disk or not."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        directory = folder / "recorder"
        command = [sys.executable, "-m", "tests.recorder.recording", str(directory)]
        steps = steps_of(folder / "trace", directory, command, 120.0)
        self.assertIn(Step("say", steps[-1].path, content=b"240 240\n"), steps)
        chance = random.Random(20)
        turns = [at for at, step in enumerate(steps) if step.kind in ("create", "remove", "truncate")]
        places = [chance.randrange(len(steps)) for _ in range(CUTS // 2)]
        places += [
            chance.choice(turns) + chance.randrange(-2, 6) for _ in range(CUTS // 2)
        ]  # files are made, and closed: few steps
        lost = [self.cut(steps, place, chance, directory, folder / "found") for place in places]
        self.assertGreater(max(lost), 0, "no cut took anything: the disk is not simulated")

    def cut(self, steps: list[Step], end: int, chance: random.Random, directory: Path, found: Path) -> int:
        """Cut the power after *end* steps; check what is left. Return how many committed batches are lost."""
        disk, committed, synced = Disk(), 0, 0
        for step in steps[:end]:
            disk.do(step)
            if step.kind == "say":
                committed, synced = map(int, step.content.split())
        shutil.rmtree(found, ignore_errors=True)
        (found / "parts").mkdir(parents=True)
        for path, content in disk.after_cut(chance).items():
            (found / Path(path).relative_to(directory)).write_bytes(content)
        writer = self.restart(found)
        samples, events = found_in(found)
        kept = len(events)
        place = f"cut after step {end} of {len(steps)}"
        self.assertEqual(dict.fromkeys(range(kept), recording.SERIES * recording.SAMPLES), dict(samples), place)
        self.assertEqual(dict.fromkeys(range(kept), 1), dict(events), place)
        self.assertGreaterEqual(kept, synced, place)
        self.assertLessEqual(committed - kept, MOST_LOST, place)
        self.assertEqual((), writer.facts.damaged, place)
        for path in (found / "parts").glob("*.db"):
            with sqlite3.connect(path) as database:
                self.assertEqual([("ok",)], database.execute("PRAGMA integrity_check").fetchall(), place)
            database.close()
        return committed - kept

    def restart(self, directory: Path) -> RecordWriter:
        """Start netd's writer on what is left, two days later, and stop it."""
        settings = StoreSettings(None, 1 << 26, Retention(None, None, 0.0))
        clock = recording.Clock()
        clock.now += 2 * 86_400
        writer = RecordWriter(RecorderFolder(directory), settings, clock.read, clock.read, lambda path: None)
        writer.start()
        writer.close()
        return writer

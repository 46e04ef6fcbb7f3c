"""Tests of ``netd.client.history``: the past for programs, from files and from a daemon."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy
from attrs import asdict
from twisted.trial.unittest import SynchronousTestCase

from netd.client import history
from netd.codec.times import BadTime
from netd.codec.units import ABSENT
from netd.recorder.answers import Asked, page_of, runs_of, series_of
from netd.recorder.archive import Archive
from netd.recorder.micros import MICRO
from tests.client.night import COUNT, DOOR, EVENING, TEMP, make_night


class Daemon:
    """A daemon that reads the same files, a small page at a time, and answers in JSON."""

    def __init__(self, directory: Path) -> None:
        self._archive = Archive(directory)
        self.calls: list[str] = []
        self.subjects: list[str] | None = None

    def call(self, method: str, /, **params: Any) -> Any:
        if method == "system.whoami":
            return {"subjects": self.subjects}
        assert params.pop("instance") == "main"
        self.calls.append(method)
        if method == "history.events":
            return []
        if method == "history.subjects":
            return [asdict(one) for one in series_of(self._archive, Asked((params["pattern"],), -(1 << 62), 1 << 62), None)]
        if method == "history.runs":
            found = runs_of(self._archive, None, params["newest"], lambda _subject: True)
            return [asdict(one, filter=lambda _attribute, value: value is not ABSENT) for one in found]
        begin, end = round(params.get("begin", 0) * MICRO), round(params.get("end", 0) * MICRO)
        asked = Asked(tuple(params["pattern"]), begin, end, params.get("run"))
        return asdict(page_of(self._archive, asked, params.get("after"), 100))

    def close(self) -> None:
        """Close the files."""
        self._archive.close()


class HistoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = Path(self.mktemp())
        make_night(self.state / "recorder" / "main")
        self.past = history.open(self.state)
        self.addCleanup(self.past.close)

    def both(self) -> list[history.History]:
        """The same past from files and from a daemon."""
        daemon = Daemon(self.state / "recorder" / "main")
        self.addCleanup(daemon.close)
        return [self.past, history.open(daemon)]

    def test_series(self) -> None:
        """A program finds what there is: subjects, labels, units, and how much."""
        for past in self.both():
            door, temp = past.series("session.>")
            self.assertEqual((door.subject, door.count, temp.label, temp.unit), (DOOR.subject, 2, TEMP.label, TEMP.unit))
            self.assertEqual((temp.first, temp.last, temp.count), (EVENING + 0.25, EVENING + COUNT - 0.75, COUNT))
            self.assertTrue(temp.numeric)
            self.assertEqual([one.subject for one in past.series() if not one.numeric], ["relay.main.sent.lamp"])

    def test_read(self) -> None:
        """One call gives times and values, across the files of days, as arrays."""
        for past in self.both():
            times, values = past.read(TEMP.subject, EVENING, EVENING + COUNT)
            self.assertEqual((len(times), times.dtype, values.dtype), (COUNT, numpy.float64, numpy.float64))
            self.assertTrue((numpy.diff(times) == 1).all())
            self.assertEqual((times[0], values[0], values[-1]), (EVENING + 0.25, 20.0, 20 + (COUNT - 1) / 100))
            times, values = past.read(TEMP.subject, EVENING + 590, EVENING + 610)
            self.assertEqual(len(times), 20)

    def test_run(self) -> None:
        """A run brings its own times."""
        for past in self.both():
            [run] = past.runs()
            self.assertEqual((run.run, run.name, run.patterns), (1, "sunset", ["session.>"]))
            times, _ = past.read(TEMP.subject, run=1)
            self.assertEqual((len(times), times[0]), (300, EVENING + 300.25))
            error = self.assertRaises(history.NoHistory, past.read, TEMP.subject, run=2)
            self.assertEqual(str(error), "there is no run 2; `netd record list` lists them")

    def test_frame(self) -> None:
        """A frame has a row a sample, with times that pandas knows as such."""
        for past in self.both():
            frame = past.frame("session.main.greenhouse.*", EVENING, EVENING + COUNT)
            self.assertEqual((list(frame.columns), len(frame)), (["time", "subject", "value", "unit"], COUNT + 2))
            self.assertEqual(str(frame.time.dt.tz), "UTC")
            temp = frame[frame.subject == TEMP.subject]
            self.assertEqual((str(temp.time.iloc[0]), temp.unit.iloc[0]), ("2026-11-28 23:50:00.250000+00:00", "°C"))
            wide = frame.pivot_table(index="time", columns="subject", values="value", observed=True)
            self.assertEqual(wide.shape, (COUNT, 2))
            self.assertEqual(len(past.frame("session.none.*", EVENING, EVENING + 1)), 0)

    def test_items(self) -> None:
        """Events come with the samples, as they were published."""
        for past in self.both():
            items = list(past.items(past.wanted((">",), EVENING, EVENING + COUNT)))
            events = [item for item in items if isinstance(item, history.Event)]
            self.assertEqual([event.data for event in events], ['{"text":"on","by":"éva"}'] * 2)
            [door, _] = [item for item in items if isinstance(item, history.Samples) and item.subject == DOOR.subject]
            self.assertEqual((door.times, door.agent_times), ([EVENING + 5.25], [EVENING + 4.25]))

    def test_gaps(self) -> None:
        """What is missing is told: when netd was stopped, and files that cannot be read."""
        (self.state / "recorder" / "main" / "parts" / "2026-11-29.db").write_bytes(b"no database" * 500)
        for past in self.both():
            self.assertEqual(past.gaps, [])
            times, _ = past.read(TEMP.subject, EVENING, EVENING + COUNT)
            self.assertEqual(len(times), COUNT // 2)
            self.assertTrue(any("2026-11-29" in gap.reason for gap in past.gaps), past.gaps)

    def test_several_patterns(self) -> None:
        """Several patterns are asked for at once."""
        for past in self.both():
            items = past.items(past.wanted((DOOR.subject, "relay.>"), EVENING, EVENING + COUNT))
            self.assertEqual(sorted({item.subject for item in items}), ["relay.main.sent.lamp", DOOR.subject])

    def test_without_numpy(self) -> None:
        """Without numpy, times and values are lists."""
        hidden = sys.modules.get("numpy")
        self.addCleanup(sys.modules.__setitem__, "numpy", hidden)
        sys.modules["numpy"] = None  # type: ignore[assignment] # how Python is told that there is none
        times, values = self.past.read(TEMP.subject, EVENING, EVENING + 2)
        self.assertEqual((times, values), ([EVENING + 0.25, EVENING + 1.25], [20.0, 20.01]))

    def test_places(self) -> None:
        """The state directory leads to the files, and so does the recorder's own; an error says where there are none."""
        with history.open(self.state / "recorder" / "main") as past:
            self.assertEqual(len(past.series()), 3)
        with history.open("http://127.0.0.1:1") as past:
            self.assertIsInstance(past, history.History)
        error = self.assertRaises(history.NoHistory, history.open, self.state / "none")
        self.assertIn(f"nothing is recorded in {self.state / 'none'}", str(error))

    def test_damaged_catalog(self) -> None:
        """A catalog that is none is named with the remedy, whatever is asked; without it, the samples are there."""
        catalog = self.state / "recorder" / "main" / "catalog.db"
        catalog.write_bytes(b"not a database" * 100)
        with history.open(self.state) as past:
            for ask in (past.series, past.runs, lambda: past.read(TEMP.subject, EVENING, EVENING + 60)):
                error = self.assertRaises(history.NoHistory, ask)
                self.assertTrue(str(error).startswith(f"{catalog} cannot be read: "), error)
        catalog.unlink()
        with history.open(self.state) as past:
            self.assertEqual(len(past.read(TEMP.subject, EVENING, EVENING + 60)[0]), 60)

    def test_unreadable(self) -> None:
        """A directory that this user may not look into is told from one in which there is nothing."""
        error = self.assertRaises(history.NoHistory, history.open, Path("x" * 300))
        self.assertIn("only the user of the daemon may; others ask its gateway", str(error))

    def test_times(self) -> None:
        """A text that is no time is refused."""
        self.assertRaises(BadTime, self.past.read, TEMP.subject, "whenever")

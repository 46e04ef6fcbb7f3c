"""The files of a recorder that has recorded a short night: a part that is closed, and one that is open, with a run and events."""

from __future__ import annotations

from pathlib import Path

from netd.recorder.blocks import Columns
from netd.recorder.catalog import open_catalog
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.part_file import open_part

__all__ = ["COUNT", "DOOR", "EVENING", "TEMP", "make_night"]

EVENING = 1_795_910_400 - 600
"""Ten minutes to midnight, UTC: 2026-11-28."""

COUNT = 1200
"""Samples of the temperature: one a second, half of them after midnight."""

TEMP = SeriesName("session.main.greenhouse.temp", "Temperature", "°C")
DOOR = SeriesName("session.main.greenhouse.door", "Door", "")


def make_night(directory: Path) -> None:
    """Write the files into *directory*, which is made. Run 1 is the five minutes before midnight."""
    (directory / "parts").mkdir(parents=True)
    middle = EVENING + COUNT // 2
    for day, begin, end, is_closed in (("2026-11-28", EVENING, middle, True), ("2026-11-29", middle, EVENING + COUNT, False)):
        part = open_part(directory / "parts" / f"{day}.db")
        part.prepare()
        times = [second * MICRO + 250_000 for second in range(begin, end)]
        part.append({TEMP: Columns(times, [20 + (time // MICRO - EVENING) / 100 for time in times])})
        part.append({DOOR: Columns([times[5]], [1], [times[5] - MICRO])})
        part.append({}, [EventTaken(SeriesName("relay.main.sent.lamp"), times[7], b'{"text":"on","by":"\xc3\xa9va"}')])
        if is_closed:
            part.finish(None)
            part.settle()
        else:
            part.close()
    catalog = open_catalog(directory / "catalog.db")
    catalog.begin_run("sunset", (middle - 300) * MICRO, ("session.>",), {}, "eva")
    catalog.finish_run(None, middle * MICRO)
    catalog.close()

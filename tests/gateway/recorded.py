"""A gateway beside a recorder, whose files the test has written, and whose threads are the test."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from netd.operations import Operation
from netd.recorder.blocks import Columns
from netd.recorder.catalog import open_catalog
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.part_file import open_part
from netd.testing import configured, result_of
from tests.gateway.test_chunks import dechunk
from tests.gateway.visits import GatewayTestCase, Reply, replies
from tests.recorder.kind import RecorderKind

__all__ = ["NOW", "RecordedTestCase"]

NOW = 1_700_000_000.0
"""The wall clock of the bench: 2023-11-14 22:13:20, UTC."""

SAMPLES = {
    "session.main.greenhouse.temp": ("°C", [(NOW - 60 + number, 20.0 + number) for number in range(10)]),
    "session.main.greenhouse.door": ("", [(NOW - 55.5, 1.0)]),
    "session.main.cellar.temp": ("°C", [(NOW - 60 + number, 8.25) for number in range(4)]),
}
"""What was recorded: unit and samples by subject."""


Recorded = Mapping[str, tuple[str, list[tuple[float, float]]]]


class RecordedTestCase(GatewayTestCase):
    """A started gateway beside a recorder that has :data:`SAMPLES`, an event, two notes and run 1."""

    def setUp(self) -> None:
        self.place = Path(self.mktemp()).absolute()
        shutil.copytree(_template(), self.place)
        self.numbers = count(1)
        super().setUp()

    def record(self, samples: Recorded, events: Sequence[tuple[str, float, Any]] = ()) -> None:
        """Write one more file of the day."""
        _write_part(self.place, next(self.numbers), samples, events)

    def own_operations(self) -> list[Operation]:
        """The operations of the recorder."""
        kind = RecorderKind()
        self.recorder = kind.make_service(configured(kind, f"folder = {self.place}"), self.reactor, self.bus)
        self.recorder.startService()
        self.addCleanup(self.stop_recorder)
        return self.recorder.operations()

    def stop_recorder(self) -> None:
        """Stop the recorder, unless it is stopped."""
        if self.recorder.running:
            result_of(self.recorder.stopService())

    def stop(self) -> None:
        self.stop_recorder()
        super().stop()

    def fetch(self, asked: bytes, seconds: float = 0.0) -> Reply:
        """The answer to a request; its body is put together if it comes in chunks.

        :param seconds: how long each turn takes.
        """
        connection = self.visit()
        heard = connection.say(asked)
        for _turn in range(60):
            self.reactor.advance(seconds)
            heard += connection.heard()
        head, _, rest = heard.partition(b"\r\n\r\n")
        if b"Transfer-Encoding: chunked" not in head:
            [reply] = replies(heard)
            return reply
        body, behind = dechunk(rest)
        assert not behind
        [reply] = replies(head + b"\r\n\r\n")
        return Reply(reply.status, reply.headers, body)


@cache
def _template() -> Path:
    """The files as they are at the beginning of each test, written once: they are on the disk each time they are written."""
    place = Path(tempfile.mkdtemp(prefix="netd-"))
    atexit.register(shutil.rmtree, place)
    (place / "parts").mkdir()
    _write_part(place, 0, SAMPLES, [("relay.main.sent.lamp", NOW - 30, {"text": "on"})])
    catalog = open_catalog(place / "catalog.db")
    catalog.annotate(round((NOW - 20) * MICRO), None, None, "window opened", None, "eva")
    catalog.annotate(round((NOW - 10) * MICRO), None, "session.main.cellar.temp", "cold", None, "eva")
    catalog.begin_run("night", round((NOW - 50) * MICRO), ("session.>",), {}, "eva")
    catalog.finish_run(None, round((NOW - 40) * MICRO))
    catalog.close()
    return place


def _write_part(place: Path, number: int, samples: Recorded, events: Sequence[tuple[str, float, Any]]) -> None:
    part = open_part(place / "parts" / (f"2023-11-14.{number}.db" if number else "2023-11-14.db"))
    part.prepare()
    for subject, (unit, some) in samples.items():
        times, values = [round(time * MICRO) for time, _ in some], [value for _, value in some]
        part.append({SeriesName(subject, "", unit): Columns(times, values)})
    taken = [EventTaken(SeriesName(name), round(time * MICRO), json.dumps(data).encode()) for name, time, data in events]
    part.append({}, taken)
    part.finish(None)
    part.settle()

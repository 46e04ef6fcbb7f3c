"""A gateway beside a recorder that has the past in a dict. Its operations check rights as those of the recorder do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netd.bus.subject import matches
from netd.errors import OperationFailed
from netd.operations import Caller, Operation, Role
from netd.recorder.results import (
    Gap,
    HistoryPage,
    HistoryPoints,
    NoteFacts,
    PastEvent,
    PastSamples,
    RunFacts,
    SeriesFacts,
    SeriesPoints,
)
from tests.gateway.test_chunks import dechunk
from tests.gateway.visits import GatewayTestCase, Reply, replies

__all__ = ["NOW", "RecordedTestCase"]

NOW = 1_700_000_000.0
"""The wall clock of the bench."""

Samples = list[tuple[float, float]]

BLOCK = 500
"""Samples of a block."""


class RecordedTestCase(GatewayTestCase):
    """A started gateway beside a recorder.

    :ivar samples: by subject, unit and samples.
    :ivar events: subject, time and data of each.
    :ivar is_broken: whether nothing can be read behind the first page.
    :ivar asked: the operations that were called, with their arguments.
    """

    def setUp(self) -> None:
        self.samples: dict[str, tuple[str, Samples]] = {
            "session.main.greenhouse.temp": ("°C", [(NOW - 60 + number, 20.0 + number) for number in range(10)]),
            "session.main.greenhouse.door": ("", [(NOW - 55.5, 1)]),
            "session.main.cellar.temp": ("°C", [(NOW - 60 + number, 8.25) for number in range(4)]),
        }
        self.events: list[tuple[str, float, Any]] = [("relay.main.sent.lamp", NOW - 30, {"text": "on"})]
        self.notes = [
            NoteFacts(1, NOW - 20, None, None, "window opened", None, "eva"),
            NoteFacts(2, NOW - 10, None, "session.main.cellar.temp", "cold", None, "eva"),
        ]
        self.runs = [RunFacts(7, "night", NOW - 50, NOW - 40, ["session.>"], {}, "eva")]
        self.is_broken = False
        self.asked: list[tuple[str, dict[str, Any]]] = []
        super().setUp()

    def own_operations(self) -> list[Operation]:
        def operation(verb: str, function: Any) -> Operation:
            return Operation(f"history.{verb}", function, Role.VIEWER, verb, kind="recorder", checks_subjects=True)

        return [
            operation("subjects", self._subjects),
            operation("query", self._query),
            operation("read", self._read),
            operation("events", self._events),
            operation("runs", self._runs),
        ]

    def fetch(self, asked: bytes) -> Reply:
        """The answer to a request; its body is put together if it comes in chunks."""
        connection = self.visit()
        heard = connection.say(asked)
        for _turn in range(100):
            self.reactor.advance(0)
            heard += connection.heard()
        head, _, rest = heard.partition(b"\r\n\r\n")
        if b"Transfer-Encoding: chunked" not in head:
            [reply] = replies(heard)
            return reply
        body, behind = dechunk(rest)
        assert not behind
        [reply] = replies(head + b"\r\n\r\n")
        return Reply(reply.status, reply.headers, body)

    def _within(self, pattern: str, caller: Caller, begin: float, end: float) -> Iterable[tuple[str, str, Samples]]:
        caller.check(pattern)
        for subject, (unit, samples) in sorted(self.samples.items()):
            found = [(time, value) for time, value in samples if begin <= time < end]
            if matches(pattern, subject) and found:
                yield subject, unit, found

    def _subjects(self, caller: Caller, pattern: str = ">", since: float | None = None) -> list[SeriesFacts]:
        self.asked.append(("subjects", {"pattern": pattern, "since": since}))
        found = self._within(pattern, caller, -1e15 if since is None else since, 1e15)
        numeric = [SeriesFacts(subject, "", unit, some[0][0], some[-1][0], len(some), True) for subject, unit, some in found]
        others = [(subject, time) for subject, time, _ in self.events if matches(pattern, subject)]
        return numeric + [SeriesFacts(subject, "", "", time, time, 1, False) for subject, time in others]

    def _query(
        self, caller: Caller, pattern: str, begin: float, end: float, points: int = 1000, run: int | None = None
    ) -> HistoryPoints:
        self.asked.append(("query", {"pattern": pattern, "begin": begin, "end": end, "points": points, "run": run}))
        width = (end - begin) / points
        series = []
        for subject, unit, found in self._within(pattern, caller, begin, end):
            buckets: dict[int, list[float]] = {}
            for time, value in found:
                buckets.setdefault(int((time - begin) // width), []).append(value)
            times = [begin + index * width for index in buckets]
            columns = ([way(some) for some in buckets.values()] for way in (min, max, lambda some: sum(some) / len(some), len))
            series.append(SeriesPoints(subject, "", unit, True, times, *columns))
        notes = [
            note
            for note in self.notes
            if begin <= note.time <= end
            and (caller.principal.subjects is None or (note.subject is not None and caller.may(note.subject)))
        ]
        return HistoryPoints(begin, end, width, series, self._gaps(), notes)

    def _read(
        self,
        caller: Caller,
        pattern: str,
        begin: float | None = None,
        end: float | None = None,
        run: int | None = None,
        after: str | None = None,
        limit: int = 10_000,
    ) -> HistoryPage:
        self.asked.append(("read", {"pattern": pattern, "begin": begin, "end": end, "run": run, "after": after}))
        if run is not None:
            [found] = [one for one in self.runs if one.run == run]
            begin, end = found.begin, found.end
        assert begin is not None
        assert end is not None
        if after is not None and self.is_broken:
            raise OperationFailed("the part is gone")
        items: list[Any] = []
        for subject, unit, some in self._within(pattern, caller, begin, end):
            for at in range(0, len(some), BLOCK):
                times, values = zip(*some[at : at + BLOCK], strict=True)
                items.append(PastSamples(subject, unit, list(times), list(values), None))
        items += [PastEvent(subject, time, data) for subject, time, data in self.events if matches(pattern, subject)]
        first = int(after or 0)
        most = limit // BLOCK
        rest = str(first + most) if first + most < len(items) else None
        return HistoryPage(items[first : first + most], rest, self._gaps())

    def _events(self, caller: Caller, pattern: str, begin: float, end: float, newest: int = 100) -> list[PastEvent]:
        caller.check(pattern)
        return [PastEvent(*one) for one in self.events if matches(pattern, one[0]) and begin <= one[1] < end][:newest]

    def _runs(self, caller: Caller, newest: int = 50) -> list[RunFacts]:
        return [run for run in self.runs if all(map(caller.may, run.patterns))][:newest]

    def _gaps(self) -> list[Gap]:
        return [Gap(NOW - 5, None, "disk full")]

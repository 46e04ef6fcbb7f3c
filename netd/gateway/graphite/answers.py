"""Answers to the questions that Grafana asks a Graphite server, made by the recorder (gateway protocol, "Grafana").

Grafana's data source asks for series (``/render``), walks down the tree of their names (``/metrics/find``) and fetches events for
annotations (``/events/get_data``). A caller that is confined to some subjects sees these alone, as everywhere.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from http import HTTPStatus

from netd.codec.jsontext import encode
from netd.errors import InvalidArguments
from netd.gateway.answer import JSON, Answer
from netd.gateway.fields import Fields
from netd.gateway.graphite.annotations import (
    AUDIT,
    Annotation,
    audit_annotation,
    note_annotation,
    run_annotations,
    wanted_tags,
    without_wildcards,
)
from netd.gateway.graphite.grid import LEAST_POINTS, Points, RenderGrid
from netd.gateway.graphite.targets import RenderTarget, read_target
from netd.gateway.graphite.tree import Wildcards, find, read_paths
from netd.gateway.past import Past, handler_of, started
from netd.gateway.routes import FORM_BODY, READING, Access, Admission, SiteRoute
from netd.operations import Caller

__all__ = ["Graphite"]

MOST_TARGETS, MOST_SERIES = 100, 200
"""Most targets of one request, and most series of its answer."""

AT_ONCE, POINTS_AT_ONCE = 10, 50_000
"""Most subjects and points of one question to the recorder. Its bounds are twice that: a subject may have had two units."""

MOST_EVENTS = 1000
"""Most annotations of each sort in one answer, the newest."""

POINTS = 1000
"""Points of a series where a request does not say how many."""

VERSION = "1.1.8"
"""The version of Graphite whose API this is a part of. From 1.1 on, Grafana asks for the list of functions."""


WantedSeries = tuple[RenderTarget, str]
"""A target, and one subject that it stands for."""


class Graphite:
    """Answers requests of Graphite's API."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def routes(self) -> dict[str, SiteRoute]:
        """Return the paths."""
        both = ("GET", "HEAD", "POST", "OPTIONS")
        handlers = {
            "/render": (both, self._render),
            "/metrics/find": (both, self._find),
            "/metrics/expand": (both, self._expand),
            "/functions": (READING, self._functions),
            "/version": (READING, self._version),
            "/events/get_data": (READING, self._events),
            "/tags/autoComplete/tags": (both, self._no_tags),
            "/tags/autoComplete/values": (both, self._no_tags),
        }
        kinds = handlers.items()
        routes = {path: SiteRoute(methods, Access.KNOWN, handler_of(handler), FORM_BODY) for path, (methods, handler) in kinds}
        # Grafana puts its paths behind the URL of its form as that is: behind one that ends in a slash, two slashes come.
        return routes | {f"/{path}": route for path, route in routes.items()}

    async def _render(self, admission: Admission, fields: Fields) -> Answer:
        fields.choice("format", ("json",))
        targets = [read_target(text) for text in fields.all("target")[: MOST_TARGETS + 1]]
        if len(targets) > MOST_TARGETS:
            raise InvalidArguments(f"a request has at most {MOST_TARGETS} targets")
        begin, end = self._past.time(fields, "from", "-24h"), self._past.time(fields, "until", "now")
        if begin >= end:
            raise InvalidArguments("from: it has to be before until")
        grid = RenderGrid.over(begin, end, fields.number("maxDataPoints") or POINTS)
        subjects: list[str] = []
        if any(target.path is not None for target in targets):
            subjects = await self._past.subjects(admission.caller, since=grid.begin)
        wanted = _wanted(targets, subjects)
        if len(wanted) > MOST_SERIES:
            raise InvalidArguments(f"the targets stand for {len(wanted)} series, and at most {MOST_SERIES} can be drawn")
        return Answer(HTTPStatus.OK, content_type=JSON, chunks=await started(self._series(admission.caller, wanted, grid)))

    async def _series(self, caller: Caller, wanted: list[WantedSeries], grid: RenderGrid) -> AsyncGenerator[bytes, None]:
        """Yield the answer of ``/render``: some series are asked for when the client has taken those before."""
        separator = b"["
        at_once = min(AT_ONCE, POINTS_AT_ONCE // grid.asked)
        for at in range(0, len(wanted), at_once):
            some = wanted[at : at + at_once]
            found = await self._found(caller, some, grid)
            for target, subject in some:
                for datapoints in _datapoints(target, found.get(subject, []), grid):
                    yield separator + encode({"target": target.name(subject), "datapoints": datapoints})
                    separator = b","
        yield b"[]" if separator == b"[" else b"]"

    async def _found(self, caller: Caller, wanted: list[WantedSeries], grid: RenderGrid) -> dict[str, list[Points]]:
        """Return the points of the subjects that are wanted: of each, a series for each unit that it has had in the time."""
        subjects = sorted({subject for target, subject in wanted if target.path is not None})
        if not subjects:
            return {}
        begin, end = float(grid.begin), float(grid.end)
        answer = await self._past.call("query", caller, pattern=subjects, begin=begin, end=end, points=grid.asked)
        found: dict[str, list[Points]] = {}
        for one in answer.series:
            found.setdefault(one.subject, []).append(Points(one.times, one.min, one.max, one.mean, one.count, one.exact))
        return found

    async def _find(self, admission: Admission, fields: Fields) -> Answer:
        query = _query(fields)
        return _json(find(query, await self._seen(admission, fields)))

    async def _expand(self, admission: Admission, fields: Fields) -> Answer:
        wildcards = Wildcards(_query(fields))
        subjects = await self._seen(admission, fields)
        found = {".".join(one.split(".")[:depth]) for one in subjects for depth in wildcards.starts(one)}
        return _json({"results": sorted(found)})

    async def _seen(self, admission: Admission, fields: Fields) -> list[str]:
        """Return the subjects of which something came since the field ``from``, where there is one."""
        since = self._past.time(fields, "from", "now") if fields.get("from") else None
        return await self._past.subjects(admission.caller, since)

    async def _events(self, admission: Admission, fields: Fields) -> Answer:
        begin, end = self._past.time(fields, "from", "-24h"), self._past.time(fields, "until", "now")
        tags = wanted_tags(fields.get("tags"))
        found = await self._annotations(admission.caller, begin, end)
        return _json([one.as_graphite() for one in found if tags <= set(one.tags)])

    async def _annotations(self, caller: Caller, begin: float, end: float) -> list[Annotation]:
        """Return notes, runs and calls of operators, oldest first."""
        own = caller.principal.subjects
        nothing = ["-"] if own is None else [without_wildcards(pattern) for pattern in own]  # notes alone are wanted, no series
        noted = await self._past.call("query", caller, pattern=nothing[0], begin=begin, end=end, points=LEAST_POINTS)
        runs = await self._past.call("runs", caller, newest=MOST_EVENTS)
        found = [*map(note_annotation, noted.notes), *(one for run in runs for one in run_annotations(run))]
        if caller.principal.sees(AUDIT):
            done = await self._past.call("events", caller, pattern=AUDIT, begin=begin, end=end, newest=MOST_EVENTS)
            found += map(audit_annotation, done)
        return sorted((one for one in found if begin <= one.when <= end), key=lambda one: one.when)

    async def _functions(self, _admission: Admission, _fields: Fields) -> Answer:
        return _json({})

    async def _version(self, _admission: Admission, _fields: Fields) -> Answer:
        return _json(VERSION)

    async def _no_tags(self, _admission: Admission, _fields: Fields) -> Answer:
        return _json([])


def _datapoints(target: RenderTarget, found: list[Points], grid: RenderGrid) -> Iterator[list[list[float | None]]]:
    if target.path is None:
        yield grid.line(target.constant)
    else:
        yield from (grid.place(points, target.consolidation) for points in found)


def _wanted(targets: list[RenderTarget], subjects: list[str]) -> list[WantedSeries]:
    """Return the series that the targets stand for, in their order."""
    wildcards = read_paths(target.path for target in targets if target.path is not None)
    nodes = [(subject, subject.split(".")) for subject in subjects]
    found: list[WantedSeries] = []
    for target in targets:
        if target.path is None:
            found.append((target, ""))
        else:
            matches = wildcards[target.path].matches
            found += [(target, subject) for subject, parts in nodes if matches(parts)]
    return found


def _query(fields: Fields) -> str:
    query = fields.get("query")
    if not query:
        raise InvalidArguments("query: it is missing; `*` stands for all names of the first node")
    return query


def _json(value: object) -> Answer:
    return Answer(HTTPStatus.OK, encode(value), JSON)

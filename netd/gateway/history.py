"""The past as files: ``/history.csv`` and ``/history.jsonl`` (gateway protocol, "The past").

A file is as long as what was recorded. It is read a page at a time, and a chunk of rows is made when the client has taken those
before: neither the event loop nor the memory notices how long a night was.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

from netd import __version__
from netd.codec.history_rows import (
    LONG_HEADER,
    csv_rows,
    event_line,
    iso_time,
    json_lines,
    wide_header,
    wide_rows,
)
from netd.codec.jsontext import encode
from netd.errors import InvalidArguments
from netd.gateway.answer import Answer
from netd.gateway.fields import Fields
from netd.gateway.past import PAGE, Past, handler_of
from netd.gateway.routes import READING, Access, Admission, SiteRoute

__all__ = ["CSV", "LINES", "HistoryFiles"]

CSV, LINES = "text/csv; charset=utf-8", "application/x-ndjson"

ROWS = 1024
"""Rows that are made at once: about a millisecond."""

_COMMON = ("pattern", "begin", "end", "run", "instance")
_CSV_FIELDS = (*_COMMON, "points", "layout", "time", "comments")


class HistoryFiles:
    """Answers requests for files of the past."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def routes(self) -> dict[str, SiteRoute]:
        """Return the paths."""
        return {
            "/history.csv": SiteRoute(READING, Access.KNOWN, handler_of(self._csv)),
            "/history.jsonl": SiteRoute(READING, Access.KNOWN, handler_of(self._json_lines)),
        }

    async def _csv(self, admission: Admission, fields: Fields) -> Answer:
        fields.check(_CSV_FIELDS)
        is_iso = fields.choice("time", ("seconds", "iso")) == "iso"
        is_wide = fields.choice("layout", ("long", "wide")) == "wide"
        points, arguments = fields.number("points"), self._arguments(fields)
        if points is None:
            if is_wide:
                raise InvalidArguments("layout: wide needs `points`: a row of it is a time that all series have")
            first = await self._past.call("read", admission.caller, **arguments, limit=PAGE)
            rows = self._long(admission, first, arguments, is_iso)
        else:
            first = await self._past.call("query", admission.caller, **arguments, points=points)
            rows = _in_steps(_wide(first, is_iso) if is_wide else _decimated(first, is_iso))
        comment = _comment(first, arguments) if fields.is_set("comments") else ""
        return _file(fields, CSV, "csv", rows, comment)

    async def _json_lines(self, admission: Admission, fields: Fields) -> Answer:
        fields.check(_COMMON)
        arguments = self._arguments(fields)
        first = await self._past.call("read", admission.caller, **arguments, limit=PAGE)
        return _file(fields, LINES, "jsonl", self._lines(admission, first, arguments))

    def _arguments(self, fields: Fields) -> dict[str, Any]:
        """Return the arguments of the operation. A run has its own times."""
        run = fields.number("run")
        if run is not None and (fields.get("begin") or fields.get("end")):
            raise InvalidArguments("run: a run has its own times; give `run`, or `begin` and `end`")
        patterns = [pattern for pattern in fields.all("pattern") if pattern]
        arguments: dict[str, Any] = {
            "pattern": patterns if len(patterns) > 1 else fields.get("pattern", ">"),
            "run": run,
            "instance": fields.get("instance") or None,
        }
        if run is None:
            arguments |= {"begin": self._past.time(fields, "begin", "-1h"), "end": self._past.time(fields, "end", "now")}
        return arguments

    async def _long(self, admission: Admission, first: Any, arguments: dict[str, Any], is_iso: bool) -> AsyncGenerator[str, None]:
        yield LONG_HEADER
        async for page in self._past.pages(admission.caller, first, {**arguments, "limit": PAGE}):
            for item in page.items:
                for some in _slices(getattr(item, "times", ())):
                    yield csv_rows(item.subject, item.unit, item.times[some], item.values[some], is_iso)

    async def _lines(self, admission: Admission, first: Any, arguments: dict[str, Any]) -> AsyncGenerator[str, None]:
        async for page in self._past.pages(admission.caller, first, {**arguments, "limit": PAGE}):
            for item in page.items:
                if not hasattr(item, "times"):
                    yield event_line(item.subject, item.time, encode(item.data).decode())
                    continue
                for some in _slices(item.times):
                    said = None if item.agent_times is None else item.agent_times[some]
                    yield json_lines(item.subject, item.unit, item.times[some], item.values[some], said)


def _slices(times: list[float] | tuple[()]) -> Iterator[slice]:
    return (slice(at, at + ROWS) for at in range(0, len(times), ROWS))


def _decimated(points: Any, is_iso: bool) -> Iterator[str]:
    """Yield rows of the long layout: the mean value of each point."""
    yield LONG_HEADER
    for one in points.series:
        for some in _slices(one.times):
            yield csv_rows(one.subject, one.unit, one.times[some], one.mean[some], is_iso)


def _wide(points: Any, is_iso: bool) -> Iterator[str]:
    """Yield the wide layout: each point at the begin of its stretch of time, so that those of different series meet."""
    subjects = [one.subject for one in points.series]
    yield wide_header(f"{one.subject} [{one.unit}]" if subjects.count(one.subject) > 1 else one.subject for one in points.series)
    begin, width = points.begin, points.width
    columns: list[dict[float, float]] = []
    for one in points.series:
        places = (begin + (time - begin + width * 1e-6) // width * width for time in one.times)
        columns.append(dict(zip(places, one.mean, strict=True)))
        yield ""  # lets others have their turn
    rows = iter(wide_rows(columns, is_iso))
    while some := "".join(islice(rows, max(1, ROWS // max(1, len(columns))))):
        yield some


async def _in_steps(rows: Iterable[str]) -> AsyncGenerator[str, None]:
    for some in rows:
        yield some


def _comment(first: Any, arguments: dict[str, Any]) -> str:
    """Return the line that tells from where the file is, and what is missing in it."""
    said = (f"{iso_time(gap.begin)} to {'now' if gap.end is None else iso_time(gap.end)} ({gap.reason})" for gap in first.gaps)
    asked = ", ".join(f"{name} {value}" for name, value in arguments.items() if value is not None)
    line = f"# netd {__version__}, {asked}, gaps: {'; '.join(said) or 'none'}"
    return " ".join(line.split()) + "\n"


def _file(fields: Fields, kind: str, ending: str, rows: AsyncGenerator[str, None], comment: str = "") -> Answer:
    run = fields.number("run")
    name = f"history.{ending}" if run is None else f"run-{run}.{ending}"
    return Answer(
        HTTPStatus.OK,
        content_type=kind,
        extra=(("Content-Disposition", f'attachment; filename="{name}"'),),
        chunks=_bytes(rows, comment),
    )


async def _bytes(rows: AsyncGenerator[str, None], comment: str) -> AsyncGenerator[bytes, None]:
    try:
        if comment:
            yield comment.encode()
        async for some in rows:
            yield some.encode(errors="replace")
    finally:
        await rows.aclose()

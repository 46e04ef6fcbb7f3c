"""Samples and events as rows of text, CSV or JSON lines: the same from the gateway and from ``netd export``. Pure.

A row costs about a microsecond: the text that all rows of a series share is made once, and what differs is put in by ``%``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

__all__ = ["LONG_HEADER", "csv_cell", "csv_rows", "event_line", "iso_time", "json_lines", "wide_header", "wide_rows"]

LONG_HEADER = "time,subject,value,unit\n"


def iso_time(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC, to the microsecond."""
    return next(_iso_times((seconds,)))


def csv_cell(text: str) -> str:
    """Return *text* as a cell (RFC 4180)."""
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(sign in text for sign in ',"\r\n') else text


def _harmless(unit: str) -> str:
    """Return the unit as no spreadsheet takes it for a formula. Agents say what they like; a subject is a name."""
    return f"'{unit}" if len(unit) > 1 and unit.lstrip()[:1] in ("=", "+", "-", "@") else unit


def csv_rows(subject: str, unit: str, times: Iterable[float], values: Iterable[float], is_iso: bool = False) -> str:
    """Return the rows of the long layout: ``time,subject,value,unit``.

    :param times: seconds since the epoch.
    :param is_iso: whether times are written as ISO 8601; else as seconds with six digits behind the point.
    """
    middle, end = _literal(f",{csv_cell(subject)},"), _literal(f",{csv_cell(_harmless(unit))}\n")
    if is_iso:
        return "".join(map(f"%s{middle}%r{end}".__mod__, zip(_iso_times(times), values, strict=True)))
    return "".join(map(f"%.6f{middle}%r{end}".__mod__, zip(times, values, strict=True)))


def json_lines(
    subject: str, unit: str, times: Sequence[float], values: Sequence[float], agent_times: Sequence[float | None] | None = None
) -> str:
    """Return one JSON object a sample: ``{"time", "subject", "value", "unit"}``, and ``agent_time`` if the agent gave one."""
    middle, end = _literal(f',"subject":{json.dumps(subject)},"value":'), _literal(f',"unit":{json.dumps(unit)}')
    if agent_times is None:
        return "".join(map(f'{{"time":%.6f{middle}%r{end}}}\n'.__mod__, zip(times, values, strict=True)))
    rows = zip(times, values, map(_agent_time, agent_times), strict=True)
    return "".join(map(f'{{"time":%.6f{middle}%r{end}%s}}\n'.__mod__, rows))


def event_line(subject: str, time: float, data: str) -> str:
    """Return one event as a line of JSON: ``{"time", "subject", "data"}``.

    :param data: the event as JSON.
    """
    return f'{{"time":{time:.6f},"subject":{json.dumps(subject)},"data":{data}}}\n'


def wide_header(names: Iterable[str]) -> str:
    """Return the first row of the wide layout: the time, and a column for each series."""
    return ",".join(["time", *map(csv_cell, names)]) + "\n"


def wide_rows(columns: Sequence[dict[float, float]], is_iso: bool = False) -> Iterable[str]:
    """Yield the rows of the wide layout: one for each time at which some series has a value, and an empty cell for the others.

    :param columns: the values of each series by time.
    """
    written: Callable[[float], str] = iso_time if is_iso else "%.6f".__mod__
    for time in sorted(set().union(*columns)):
        yield ",".join([written(time), *(repr(one[time]) if time in one else "" for one in columns)]) + "\n"


def _iso_times(times: Iterable[float]) -> Iterator[str]:
    """Yield each time as :func:`iso_time` writes it. Times of the same second, which stand together, share the work for it."""
    known, text = None, ""
    for time in times:
        second, rest = divmod(round(time * 1e6), 1_000_000)
        if second != known:
            known, text = second, datetime.fromtimestamp(second, UTC).isoformat()[:19]
        yield f"{text}.{rest:06d}Z"


def _agent_time(seconds: float | None) -> str:
    return "" if seconds is None else f',"agent_time":{seconds:.6f}'


def _literal(text: str) -> str:
    return text.replace("%", "%%")

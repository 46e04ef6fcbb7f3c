"""JSON values in words: moments as local times; spans, sizes and rates with units; nested objects on one line.  Pure.

The unit of a value comes from its JSON Schema, which ``system.operations`` and ``system.subjects`` list, and never from its name.
A value without a schema is the word of a peer and is written unchanged. Nothing is escaped here: the console that prints it does
that.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from netd.bus.subject import covers
from netd.codec.schemas import ANYTHING, branch_of, items_of, kind_of, member_of
from netd.plaintext import duration, short_address

__all__ = ["EventSchemas", "Words", "is_empty", "is_page", "page_line", "rate", "records", "schemas_of_events", "size", "span"]

EventSchemas = tuple[tuple[str, Mapping[str, Any]], ...]
"""The schemas of events, each with a pattern of the subjects under which such events are published."""

_FIRST_MOMENT, _LAST_MOMENT = 1e9, 1e10
"""Seconds since 1970 that are written as a moment: from 2001 to 2286. Others come from a clock that was never set."""

_SAME_MOMENT = 1.0
"""Seconds by which the member ``time`` of an event may differ from its publication and still be left out."""

_DEEPEST = 8
"""Levels of nesting that are written in words; deeper values are JSON."""


def is_empty(value: object) -> bool:
    """Return True if *value* is null or empty, and not worth a word."""
    return value is None or value in ("", [], {})


def is_page(value: object) -> bool:
    """Return True if *value* is a page of a list: its rows, and what is known of those of all pages."""
    return isinstance(value, dict) and value.keys() == {"rows", "counts", "matching", "after"}


def page_line(page: Mapping[str, Any]) -> str:
    """The line below the rows of *page*: how many there are in each state, and where the next page begins."""
    counted = ", ".join(f"{number} {state}" for state, number in page["counts"].items())
    if page["after"] is None:
        return counted
    return f"{counted}; these are {len(page['rows'])} of {page['matching']}: the next ones come with after={page['after']}"


def records(value: object) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects in *value*, if it holds objects only: the name of each, and its other members. Empty for other values."""
    if isinstance(value, dict) and value and all(isinstance(one, dict) for one in value.values()):
        return list(value.items())
    if isinstance(value, list) and value and all(isinstance(one, dict) and one for one in value):
        return [_named(one) for one in value]
    return []


def _named(thing: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    key = "name" if "name" in thing else next(iter(thing))
    return str(thing[key]), {name: one for name, one in thing.items() if name != key}


@dataclass(frozen=True)
class Words:
    """Writes values in words, for one moment and time zone.

    :ivar now: in seconds since 1970; moments of the same day are written without a date.
    :ivar zone: the time zone; None for that of this machine.
    :ivar events: the schemas of the events of services.
    """

    now: float
    zone: tzinfo | None = None
    events: EventSchemas = ()

    def value(self, value: object, schema: Mapping[str, Any] = ANYTHING, *, depth: int = 0, unit: object = None) -> str:
        """*value* on one line.

        :param depth: depth of nesting.
        :param unit: unit of the object that holds the value, for numbers of the format ``measured``.
        """
        schema = branch_of(schema, value)
        if value is None:
            return str(schema.get("title", "")) if schema.get("type") == "null" else ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, (int, float)):
            return self._number(value, schema, unit)
        if isinstance(value, str):
            return _text(value, schema)
        if depth >= _DEEPEST:
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            return kind_of(value) if schema.get("format") == "schema" else self.line(value, schema, depth)
        assert isinstance(value, list), "JSON has no other"
        return ", ".join(self._nested(one, items_of(schema), depth, unit) for one in value)

    def line(self, thing: Mapping[str, Any], schema: Mapping[str, Any] = ANYTHING, depth: int = 0) -> str:
        """The members of *thing* on one line, without empty ones. A unit is written behind the values that it belongs to."""
        schema = branch_of(schema, thing)
        members = {name: branch_of(member_of(schema, name), one) for name, one in thing.items()}
        unit = thing.get("unit") if any(member.get("format") == "measured" for member in members.values()) else None
        parts = []
        for name, one in thing.items():
            member = members[name]
            title = str(member.get("title", "")) if member.get("type") in ("number", "integer") else ""
            title = title or name.replace("_", " ")
            if isinstance(one, bool):
                parts.append(title if one else f"not {title}")
            elif not is_empty(one) and (name != "unit" or unit is None):
                parts.append(f"{title} {self._nested(one, member, depth, unit)}")
        return ", ".join(parts)

    def event(self, subject: object, moment: object, said: object) -> str:
        """An event of *subject*, published at *moment*. Its member ``time`` is left out if it is about the same."""
        found = (schema for pattern, schema in self.events if isinstance(subject, str) and covers(pattern, subject))
        schema = next(found, ANYTHING)
        is_timed = member_of(branch_of(schema, said), "time").get("format") == "epoch"
        if is_timed and isinstance(said, dict) and _is_near(said.get("time"), moment):
            said = {name: one for name, one in said.items() if name != "time"}
        return self.value(said, schema)

    def moment(self, seconds: float) -> str:
        """*seconds* since 1970 as a local time, with the date if that is not today."""
        when, today = (datetime.fromtimestamp(one, self.zone) for one in (seconds, self.now))
        return when.strftime("%H:%M:%S" if when.date() == today.date() else "%Y-%m-%d %H:%M:%S")

    def _nested(self, value: object, schema: Mapping[str, Any], depth: int, unit: object) -> str:
        text = self.value(value, schema, depth=depth + 1, unit=unit)
        is_many = isinstance(value, (list, dict)) and branch_of(schema, value).get("format") != "schema"
        return f"({text})" if is_many and depth + 1 < _DEEPEST else text

    def _number(self, value: int | float, schema: Mapping[str, Any], unit: object) -> str:
        measure = schema.get("format")
        if measure == "epoch" and _FIRST_MOMENT <= value < _LAST_MOMENT:
            return self.moment(value)
        if measure == "seconds" and 0 <= value < _FIRST_MOMENT:
            return span(value)
        if measure == "rate":
            return rate(value)
        if measure == "bytes":
            return size(value)
        if not schema:
            return str(value)
        said = f"{value:.12g}" if isinstance(value, float) else str(value)
        return f"{said} {unit}" if measure == "measured" and unit else said


def _text(value: str, schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "address":
        return short_address(value)
    if schema.get("contentEncoding") != "base64":
        return value
    try:
        return b64decode(value, validate=True).decode("utf-8", "backslashreplace")
    except ValueError:
        return value


def _is_near(one: object, other: object) -> bool:
    return isinstance(one, (int, float)) and isinstance(other, (int, float)) and abs(one - other) < _SAME_MOMENT


def span(seconds: float) -> str:
    """*seconds* in words: ``12 ms``, ``3.5 s``, ``2 min 5 s``."""
    if seconds >= 59.95:  # each limit is the value from which the smaller unit would round up to one of the next
        return duration(max(60.0, seconds))
    return f"{seconds:.3g} s" if seconds >= 0.9995 or not seconds else f"{seconds * 1000:.3g} ms"


def rate(number: float) -> str:
    """A rate per second, or per minute if it is low: ``1,200/s``, ``5.19/s``, ``2/min``; zero is ``0/s``."""
    if abs(number) >= 999.5:
        return f"{number:,.0f}/s"
    return f"{number:.3g}/s" if abs(number) >= 0.1 or not number else f"{number * 60:.3g}/min"


def size(number: float) -> str:
    """A size in bytes: ``80 B``, ``1.5 KiB``, ``12 MiB``, ``1 GiB``."""
    if abs(number) < 1024:
        return f"{number} B"
    power = next((power for power in (10, 20) if abs(number) < 1023.5 * (1 << power)), 30)
    return f"{number / (1 << power):.4g} {dict(zip((10, 20, 30), ('KiB', 'MiB', 'GiB'), strict=True))[power]}"


def schemas_of_events(subjects: Iterable[Mapping[str, Any]]) -> EventSchemas:
    """The result of ``system.subjects`` in the form for :class:`Words`; empty if it has an unknown form."""
    try:
        return tuple((str(one["subject"]), dict(one["schema"])) for one in subjects)
    except (KeyError, TypeError, ValueError):
        return ()

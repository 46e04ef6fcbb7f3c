"""JSON values in words: moments as local times, spans, sizes and rates with their units, nested things on one line.  Pure.

What a value is measured in is read off its JSON Schema, which ``system.operations`` and ``system.subjects`` tell; a name means
nothing here. A value whose schema says nothing is what others have said, and is left as it is. Nothing is escaped: that is for
the console that writes it.
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

__all__ = ["EventSchemas", "Words", "is_empty", "rate", "records", "schemas_of_events", "size", "span"]

EventSchemas = tuple[tuple[str, Mapping[str, Any]], ...]
"""The schemas of events, each with a pattern of the subjects under which such events are published."""

_FIRST_MOMENT, _LAST_MOMENT = 1e9, 1e10
"""Seconds since 1970 that are told as a moment: from 2001 to 2286. Others come from a clock that was never set."""

_SAME_MOMENT = 1.0
"""Seconds by which the time in an event may differ from the event's own before it is told."""

_DEEPEST = 8
"""Levels that are put into words; below them, it is JSON."""


def is_empty(value: object) -> bool:
    """Whether there is nothing to say of *value*."""
    return value is None or value in ("", [], {})


def records(value: object) -> list[tuple[str, Mapping[str, Any]]]:
    """The things in *value*, where it is a list or an object of nothing but objects: each by its name, and what else there is."""
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
    """How values are put, seen from one moment and place.

    :ivar now: seconds since 1970; a moment of the same day is a time only.
    :ivar zone: where; None for the zone of this machine.
    :ivar events: the schemas of those that services publish.
    """

    now: float
    zone: tzinfo | None = None
    events: EventSchemas = ()

    def value(self, value: object, schema: Mapping[str, Any] = ANYTHING, *, depth: int = 0, unit: object = None) -> str:
        """*value* on one line.

        :param depth: how deeply it is nested.
        :param unit: what the thing that it belongs to is measured in.
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
        """All members of *thing* on one line; those that say nothing are left out, and a unit stands behind what it is of."""
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
        """What an event says that was published under *subject* at *moment*; its own time only where that is another."""
        found = (schema for pattern, schema in self.events if isinstance(subject, str) and covers(pattern, subject))
        schema = next(found, ANYTHING)
        is_timed = member_of(branch_of(schema, said), "time").get("format") == "epoch"
        if is_timed and isinstance(said, dict) and _is_near(said.get("time"), moment):
            said = {name: one for name, one in said.items() if name != "time"}
        return self.value(said, schema)

    def moment(self, seconds: float) -> str:
        """When *seconds* since 1970 were: the time, and the day where that is another."""
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
    if seconds >= 59.95:  # each limit is where the smaller unit would be rounded up to a whole one of the next
        return duration(max(60.0, seconds))
    return f"{seconds:.3g} s" if seconds >= 0.9995 or not seconds else f"{seconds * 1000:.3g} ms"


def rate(number: float) -> str:
    """So many in a second, in the unit that makes it readable: ``1,200/s``, ``5.19/s``, ``2/min``; nothing is ``0/s``."""
    if abs(number) >= 999.5:
        return f"{number:,.0f}/s"
    return f"{number:.3g}/s" if abs(number) >= 0.1 or not number else f"{number * 60:.3g}/min"


def size(number: float) -> str:
    """So many bytes: ``80 B``, ``1.5 KiB``, ``12 MiB``."""
    if abs(number) < 1024:
        return f"{number} B"
    return f"{number / 1024:.3g} KiB" if abs(number) < 1023.5 * 1024 else f"{number / (1 << 20):.3g} MiB"


def schemas_of_events(subjects: Iterable[Mapping[str, Any]]) -> EventSchemas:
    """What ``system.subjects`` tells, as :class:`Words` takes it; nothing where it is of another version."""
    try:
        return tuple((str(one["subject"]), dict(one["schema"])) for one in subjects)
    except (KeyError, TypeError, ValueError):
        return ()

"""JSON values in words: moments as local times, spans and rates with their units, nested things on one line.  Pure.

What an operation gives is read by the names of its members, which are the same everywhere in netd: ``since`` is a moment,
``seconds`` a span, ``rate`` so many in a second. What others have said (``result``, events under ``custom.``) has no such names,
and gets no units.  Nothing here is escaped: that is for whoever writes it on a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any

from netd.cli.schema import kind_of
from netd.cli.text import duration, short_address

__all__ = ["Words", "is_empty", "rate", "records", "span"]

_MOMENTS = frozenset({"time", "since", "started", "ended", "expires", "until"})
_MOMENT_ENDS = ("_at", "_time", "_seen", "_since")
_SPANS = frozenset({"seconds", "uptime", "lag", "delay", "duration", "deadline", "age"})
_MEASURED = frozenset({"value", "last", "min", "max"})
"""What an instrument has said: good ones have more than six digits, and none has more than twelve."""

_MEANT_BY_NULL = MappingProxyType({"subjects": "all"})
"""What null says of a member; of any other, it is that there is nothing to say."""

_FOREIGN = frozenset({"result", "default"})
"""Members that hold what others have said."""

_CUSTOM = "custom."
"""What begins the subjects of events that others have published."""

_FIRST_MOMENT, _LAST_MOMENT = 1e9, 1e10
"""Seconds since 1970 between which a number can be a moment: from 2001 to 2286."""

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
    :ivar is_verbatim: whether all of it is what others have said: then numbers are left as they are.
    """

    now: float
    zone: tzinfo | None = None
    is_verbatim: bool = False

    def value(self, name: str, value: object, *, depth: int = 0, is_foreign: bool = False) -> str:
        """The member *name* on one line.

        :param depth: how deeply it is nested.
        :param is_foreign: whether it is what others have said.
        """
        if value is None:
            return "" if is_foreign or self.is_verbatim else _MEANT_BY_NULL.get(name, "")
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, (int, float)):
            return self._number(name, value, is_foreign)
        if isinstance(value, str):
            return short_address(value) if name == "address" else value
        if depth >= _DEEPEST:
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            allowed = _allowed(value) if name == "schema" else ""
            return allowed or self.line(value, depth, is_foreign or name in _FOREIGN)
        assert isinstance(value, list), "JSON has no other"
        return ", ".join(self._nested(name, one, depth, is_foreign) for one in value)

    def line(self, thing: Mapping[str, Any], depth: int = 0, is_foreign: bool = False) -> str:
        """All members of *thing* on one line; those that say nothing are left out, and a channel's are put together."""
        said = dict(thing)
        parts = [] if is_foreign or self.is_verbatim else self._measured(said)
        for name, one in said.items():
            title = name.replace("_", " ")
            if isinstance(one, bool):
                parts.append(title if one else f"not {title}")
            elif not is_empty(one):
                title = "in" if name == "seconds" and not is_foreign else title  # 3 ms are no seconds
                parts.append(f"{title} {self._nested(name, one, depth, is_foreign)}")
        return ", ".join(parts)

    def event(self, subject: object, moment: object, said: object) -> str:
        """What an event says that was published under *subject* at *moment*; its own time only where that is another."""
        if isinstance(said, dict) and _is_near(said.get("time"), moment):
            said = {name: one for name, one in said.items() if name != "time"}
        return self.value("data", said, is_foreign=isinstance(subject, str) and subject.startswith(_CUSTOM))

    def moment(self, seconds: float) -> str:
        """When *seconds* since 1970 were: the time, and the day where that is another."""
        when, today = (datetime.fromtimestamp(one, self.zone) for one in (seconds, self.now))
        return when.strftime("%H:%M:%S" if when.date() == today.date() else "%Y-%m-%d %H:%M:%S")

    def _nested(self, name: str, value: object, depth: int, is_foreign: bool) -> str:
        text = self.value(name, value, depth=depth + 1, is_foreign=is_foreign)
        has_many = isinstance(value, (list, dict)) and name != "schema"
        return f"({text})" if has_many and depth + 1 < _DEEPEST else text

    def _measured(self, said: dict[str, Any]) -> list[str]:
        """What a channel's members say together, taken out of *said*: ``Heart rate 68.7 bpm``, ``63 to 74``."""
        if "last" not in said or not isinstance(said.get("unit"), str):
            return []
        label, last, unit = (said.pop(name, None) for name in ("label", "last", "unit"))
        shown = "no value yet" if last is None else f"{self.value('last', last)} {unit}".rstrip()
        parts = [f"{self.value('label', label)} {shown}".lstrip()]
        least, greatest, each, samples, time = (said.pop(name, None) for name in ("min", "max", "rate", "samples", "time"))
        if not is_empty(least) and not is_empty(greatest):
            parts.append(f"{self.value('min', least)} to {self.value('max', greatest)}")
        parts += [] if is_empty(each) else [self.value("rate", each)]
        parts += [] if is_empty(samples) else [f"{self.value('samples', samples)} samples"]
        return parts + ([] if is_empty(time) else [self.value("time", time)])

    def _number(self, name: str, value: float, is_foreign: bool) -> str:
        if self.is_verbatim:
            return str(value)
        if not is_foreign:
            if (name in _MOMENTS or name.endswith(_MOMENT_ENDS)) and _FIRST_MOMENT <= value < _LAST_MOMENT:
                return self.moment(value)
            if name in _SPANS and 0 <= value < _FIRST_MOMENT:
                return span(value)
            if name == "rate" or name.endswith("_rate"):
                return rate(value)
        if name in _MEASURED and isinstance(value, float):
            return f"{value:.12g}"
        return str(value) if isinstance(value, int) or abs(value) >= 999_999.5 else f"{value:.6g}"


def _is_near(one: object, other: object) -> bool:
    return isinstance(one, (int, float)) and isinstance(other, (int, float)) and abs(one - other) < _SAME_MOMENT


def _allowed(schema: Mapping[str, Any]) -> str:
    """What a JSON Schema allows; nothing where it is none."""
    try:
        return kind_of(schema) if any(word in schema for word in ("type", "anyOf", "enum", "const")) else ""
    except (TypeError, AttributeError):
        return ""


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

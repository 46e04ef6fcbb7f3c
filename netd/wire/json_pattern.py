"""Patterns of JSON messages: ``json type=reading {temp=sensors.t °C} {name=device}``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from netd.wire.fields import SPECIAL, Field, FieldType, Match, parse_field
from netd.wire.messages import NO_JSON, WireMessage
from netd.wire.pieces import InBraces, split_pieces
from netd.wire.values import NoNumber, match_of, value_of

__all__ = ["JsonPattern", "parse_json_pattern"]

_WORDS = re.compile(r'(?:[^\s"\\]|\\.|"[^"]*")+')
_INDEX = re.compile(r"-?[0-9]{1,6}")
_STEPS = re.compile(r"(?:[^.\\]|\\.)+")

_NAMED = frozenset({"name", "channel", "value"})
"""Fields without which a message is not of the kind that the pattern is about."""

_TIMES = ("time", "timestamp", "ts")
_UNTOLD = frozenset({*_TIMES, "id"})
"""Members whose numbers are no values of channels."""

_NOTHING = object()

Path = tuple[str, ...]


@frozen
class MemberCondition:
    """A member that must be there.

    :ivar wanted: its value, as text; None for any.
    """

    path: Path
    wanted: str | None

    def holds(self, value: Any) -> bool:
        """Return True if *value* has the member."""
        found = _dig(value, self.path)
        return found is not _NOTHING and (self.wanted is None or _as_text(found) == self.wanted)


def parse_json_pattern(text: str, is_sample: bool) -> JsonPattern:
    """Read what follows ``json``.

    :raises ValueError: saying what is wrong with it.
    """
    fields: list[Field] = []
    conditions: list[MemberCondition] = []
    takes_all = False
    for piece in split_pieces(text):
        if isinstance(piece, InBraces):
            field = parse_field(piece.text, is_sample)
            _check_field(field)
            if any(other.name == field.name for other in fields):
                raise ValueError(f"{{{field.name}}} is there twice; give one of them another name")
            takes_all = takes_all or field.type is FieldType.REST
            fields += [field] if field.type is not FieldType.REST else []
            continue
        for word in _WORDS.findall(piece):
            path, equals, wanted = word.partition("=")
            if not path:
                raise ValueError(f"{word} names no member; write MEMBER=VALUE, or MEMBER for one that must be there")
            conditions.append(MemberCondition(_path(path.strip('"')), _plain(wanted.strip('"')) if equals else None))
    has_channel = any(field.is_reading for field in fields)
    return JsonPattern(tuple(fields), tuple(conditions), is_sample, takes_all or (not has_channel if is_sample else not fields))


def _check_field(field: Field) -> None:
    if field.type is FieldType.SKIP or (field.name is None and field.type is not FieldType.REST):
        raise ValueError(f"{field}: a field of json names a member, or its path: {{temp=sensors.t}}; {{*}} takes all numbers")
    if field.type in (FieldType.HEMI, FieldType.REST) and field.name is not None:
        raise ValueError(f"{field}: json has no {field.type.value}")
    if field.width is not None:
        raise ValueError(f"{field}: a field of json has no width")


def _path(written: str) -> Path:
    return tuple(_plain(step) for step in _STEPS.findall(written))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


class JsonPattern:
    """Members of a JSON message.

    :ivar fields: what is taken from the message.
    :ivar conditions: what must be there.
    :ivar takes_all: whether all numbers are taken: in a ``sample`` those without a field of their own, each as a channel.
    """

    takes_everything = False
    first = None

    def __init__(
        self, fields: tuple[Field, ...], conditions: tuple[MemberCondition, ...], is_sample: bool, takes_all: bool
    ) -> None:
        self.fields = fields
        self.conditions = conditions
        self.takes_all = takes_all
        self._is_sample = is_sample
        self._paths = tuple((field, _path(field.path or field.name or "")) for field in fields)
        self._is_named = any(field.name == "name" for field in fields)
        self._told = frozenset(path for _, path in self._paths)

    def match(self, message: WireMessage) -> Match | None:
        """Return what is in *message*; None if it is none of these."""
        value = message.json
        if value is NO_JSON or not isinstance(value, dict | list):
            return None
        if not all(condition.holds(value) for condition in self.conditions):
            return None
        pairs, is_found = [], False
        for field, path in self._paths:
            raw = _dig(value, path)
            if raw is _NOTHING or raw is None:
                if field.name in _NAMED:
                    return None
                is_found = is_found or raw is None
                continue
            try:
                pairs.append((field, self._value(field, raw)))
            except NoNumber:
                continue
            is_found = True
        if self.takes_all:
            all_pairs = list(self._rest(value))
            pairs += all_pairs
            is_found = is_found or bool(all_pairs) or not self._is_sample
        if not is_found:
            return None
        found = match_of(pairs, self._is_sample)
        return found if self._is_named else found._replace(name=None)

    def _value(self, field: Field, raw: Any) -> Any:
        if field.type.is_number:
            return value_of(field, raw)
        is_as_it_is = not self._is_sample and not field.is_typed and field.name not in SPECIAL
        return raw if is_as_it_is or field.type is FieldType.TIME else _as_text(raw)

    def _rest(self, value: Any) -> Iterator[tuple[Field, Any]]:
        """Yield the members that no field names: numbers for a sample, everything for an event."""
        if not self._is_sample:
            members = value if isinstance(value, dict) else {"items": value}
            yield from ((_member(name, False), one) for name, one in members.items() if (name,) not in self._told)
            return
        for time in _TIMES:
            if isinstance(value, dict) and time in value and not any(field.type is FieldType.TIME for field in self.fields):
                yield _TIME, value[time]
                break
        for path, number in _numbers(value, ()):
            if path not in self._told and path[-1] not in _UNTOLD:
                field = _member("-".join(path), True)
                yield field, value_of(field, number)


def _member(name: str, is_number: bool) -> Field:
    kind = FieldType.NUM if is_number else FieldType.TEXT
    return Field(name, name, None, kind, True, None, None, 0.0, "")


_TIME = Field("time", "time", None, FieldType.TIME, True, None, None, 0.0, "")


def _numbers(value: Any, path: Path) -> Iterator[tuple[Path, float | int]]:
    """Yield the numbers in *value*, whose depth the decoder has bounded, and the path of each."""
    if isinstance(value, bool | int | float):
        if path:
            yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(inner, (*path, str(index)))


def _dig(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, _NOTHING)
        elif isinstance(value, list) and _INDEX.fullmatch(step) and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        else:
            return _NOTHING
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)

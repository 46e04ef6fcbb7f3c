"""Numbers and times as programs write them, and the readings that are made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from netd.wire.fields import MAX_UNIT, Field, FieldType, Match, WireReading

__all__ = ["ABSENT", "NUMBER", "SHAPES", "WHOLE", "NoNumber", "match_of", "read_number", "read_time", "value_of"]

NUMBER = r"[+-]?+ *+(?:[0-9]{1,40}+(?:\.[0-9]{0,40}+)?+|\.[0-9]{1,40}+)(?:[eE][+-]?+[0-9]{1,4}+)?+"
"""A number, as a possessive expression: it is never tried at another length. A sign may stand apart, as scales print it."""

WHOLE = r"[+-]?+ *+[0-9]{1,40}+"
"""A number without a fraction."""

ABSENT = r"(?i:[+-]?+nan|[+-]?+inf|ovf|n/a|null|none)|-{1,8}+|\*{1,8}+|"
"""What programs write in place of a number that they do not have: the empty text, too."""

_COMMA = r"[+-]?+ *+[0-9]{1,40}+(?:[.,][0-9]{0,40}+)?+(?:[eE][+-]?+[0-9]{1,4}+)?+"
_FLAGS = {
    "true": 1, "on": 1, "yes": 1, "open": 1, "high": 1, "1": 1,
    "false": 0, "off": 0, "no": 0, "closed": 0, "shut": 0, "low": 0, "0": 0,
}  # fmt: skip
# A comma before milliseconds, as Python's logging has it, stands before a blank; in `12:00:00,19.4,52` it ends the column.
_ISO = (
    r"[0-9]{4}[-/]?+[0-9]{2}[-/]?+[0-9]{2}(?:[T ][0-9]{2}:?+[0-9]{2}(?::?+[0-9]{2}(?:\.[0-9]{1,9}+|,[0-9]{3}(?=[] \t]))?+)?+"
    r"(?:Z|[+-][0-9]{2}(?::?+[0-9]{2})?+)?+)?+"
)

SHAPES: Mapping[FieldType, str] = {
    FieldType.NUM: f"{NUMBER}|{ABSENT}",
    FieldType.COUNT: f"{NUMBER}|{ABSENT}",
    FieldType.INT: f"{WHOLE}|{ABSENT}",
    FieldType.COMMA: f"{_COMMA}|{ABSENT}",
    FieldType.HEX: r"(?:0[xX])?+[0-9A-Fa-f]{1,16}+",
    FieldType.FLAG: f"(?i:{'|'.join(sorted(_FLAGS, key=len, reverse=True))})|{ABSENT}",
    FieldType.DM: r"-?+[0-9]{3,6}+(?:\.[0-9]{0,20}+)?+|",
    FieldType.HEMI: r"[NSEWnsew]?+",
    FieldType.BCD: r"[0-9]{1,40}+",
    FieldType.TIME: rf"{_ISO}(?![0-9.])|{NUMBER}|{ABSENT}",
}
"""The expressions of fields whose end is known from what they hold. Each is to stand in an atomic group."""


_FULLY: Mapping[FieldType, Callable[[str], re.Match[str] | None]] = {
    kind: re.compile(shape, re.ASCII).fullmatch for kind, shape in SHAPES.items()
}

_GREATEST = 1.7976931348623157e308

_MILLISECONDS, _MICROSECONDS, _NANOSECONDS = 1e11, 1e14, 1e17
"""From these numbers on, a time is taken for one in the smaller unit: 1e11 s are in the year 5138, 1e11 ms in 1973."""


class NoNumber(ValueError):
    """A text is no number of the type that its field has."""


def read_number(text: str, kind: FieldType) -> float | int | None:
    """Return the number that *text* is; None if it stands for one that is not there.

    :raises NoNumber: if it is neither.
    """
    text = text.strip(" \t\r\n\0")
    if _FULLY[kind](text) is None:
        raise NoNumber(text)
    return _READERS[kind](text)


def _read_plain(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        if text[:1] not in "+-" or not text[1:].strip():
            return None  # absent, in one of its spellings
        try:
            value = float(text.replace(" ", ""))  # "- 21.5"
        except ValueError:
            return None
    return value if -_GREATEST <= value <= _GREATEST else None  # also false of NaN


def _read_whole(text: str) -> int | None:
    try:
        return int(text.replace(" ", ""))
    except ValueError:
        return None


def _read_comma(text: str) -> float | None:
    return _read_plain(text.replace(",", "."))


def _read_hex(text: str) -> int:
    return int(text, 16)


def _read_flag(text: str) -> int | None:
    return _FLAGS.get(text.lower())


def _read_degrees(text: str) -> float | None:
    """Read ddmm.mmm or dddmm.mmm: degrees and minutes, as NMEA writes them."""
    if not text:
        return None
    value = float(text)
    degrees = int(value / 100)
    return round(degrees + (value - 100 * degrees) / 60, 9)


_READERS: Mapping[FieldType, Callable[[str], float | int | None]] = {
    FieldType.NUM: _read_plain,
    FieldType.COUNT: _read_plain,
    FieldType.INT: _read_whole,
    FieldType.COMMA: _read_comma,
    FieldType.HEX: _read_hex,
    FieldType.FLAG: _read_flag,
    FieldType.DM: _read_degrees,
    FieldType.BCD: _read_whole,
}


def read_time(raw: object) -> float | None:
    """Return a time in seconds since 1970, from a number of s, ms, µs or ns, or a date of ISO 8601; None if *raw* is neither.

    A date without an offset is one of the daemon's own time zone.
    """
    if isinstance(raw, str):
        text = raw.strip()
        if (len(text) > 6 and text[4] in "-/") or (len(text) > 8 and text[8] in "T "):
            try:
                return datetime.fromisoformat(text.replace("/", "-").replace(",", ".")).timestamp()
            except (ValueError, OverflowError, OSError):
                return None
        try:
            raw = read_number(text, FieldType.NUM)
        except NoNumber:
            return None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    value = _finite(raw)
    if value is None:
        return None
    size = abs(value)
    if size < _MILLISECONDS:
        return value
    return value / (1e3 if size < _MICROSECONDS else 1e6 if size < _NANOSECONDS else 1e9)


def _finite(number: float | int) -> float | None:
    try:
        value = float(number)
    except OverflowError:
        return None
    return value if -_GREATEST <= value <= _GREATEST else None


def value_of(field: Field, raw: Any) -> Any:
    """Return what *raw* means for *field*: a number, with its scale; a text; or None for a number that is not there.

    :param raw: a text, or what JSON or a struct has in its place.
    :raises NoNumber: if *field* wants a number and *raw* is none.
    """
    if not field.type.is_number:
        return raw.rstrip("\0").strip() if isinstance(raw, str) else raw  # a buffer of C is filled up with zeros
    if isinstance(raw, str):
        number = read_number(raw, field.type)
    elif isinstance(raw, int | float):
        number = int(raw) if isinstance(raw, bool) else raw
    else:
        raise NoNumber(repr(raw)[:40])
    return None if number is None else scaled(field, number)


def scaled(field: Field, number: float | int) -> float | int | None:
    """Return *number* with the scale and the offset of *field*; None if that is beyond all numbers."""
    value: float | int | None = number
    if field.scale is not None:
        numerator, denominator = field.scale.numerator, field.scale.denominator
        value = _finite(number)
        value = None if value is None else value * numerator / denominator
    if field.offset and value is not None:
        # Twelve digits: 293.15 - 273.15 is 19.999999999999943.
        value = float(f"{value + field.offset:.12g}")
    return value if value is None or isinstance(value, int) or -_GREATEST <= value <= _GREATEST else None


def match_of(found: Iterable[tuple[Field, Any]], is_sample: bool) -> Match:
    """Put together what the fields of a pattern have found, in the message's order.

    :param found: fields with a name, or of a hemisphere, and their values as of :func:`value_of`.
    """
    gathered = _Gathered()
    for field, value in found:
        gathered.take(field, value, is_sample)
    return gathered.finish()


class _Gathered:
    """The values of a message, while they are put together."""

    __slots__ = ("_name", "_numbers", "_time", "_unit", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._numbers: list[list[Any]] = []  # field, value, unit
        self._unit = ""
        self._time: float | None = None
        self._name: str | None = None

    def take(self, field: Field, value: Any, is_sample: bool) -> None:
        if field.type is FieldType.HEMI:
            self._turn(str(value))
            return
        name = field.name
        assert name is not None, "others have no value"
        if field.type is FieldType.TIME:
            self._time = read_time(value)
        if value is None:
            return
        self._values[name] = value
        if is_sample and field.is_reading:
            self._numbers.append([field, value, field.unit or self._unit])
        elif name == "unit":
            self._measure(str(value))
        elif name == "name":
            self._name = str(value)

    def _turn(self, hemisphere: str) -> None:
        """Make the value before negative where it is of the south or the west."""
        if hemisphere.upper() in ("S", "W") and self._values:
            name = next(reversed(self._values))
            self._values[name] = -self._values[name]
            if self._numbers:
                self._numbers[-1][1] = self._values[name]

    def _measure(self, unit: str) -> None:
        """Give *unit* to the values before that have none; or to those behind, if there is none before."""
        if len(unit) > MAX_UNIT or not unit.isprintable():
            return
        if not self._numbers:
            self._unit = unit
        for number in self._numbers:
            number[2] = number[2] or unit

    def finish(self) -> Match:
        values, time, name, readings = self._values, self._time, self._name, []
        channel = values.get("channel")
        for field, value, unit in self._numbers:
            said = _finite(value)
            if said is not None:
                what = str(channel) if field.name == "value" and channel is not None else field.name
                readings.append(WireReading(name, what, said, unit, time, field.type is FieldType.COUNT))
        return Match(values, readings, time, name)

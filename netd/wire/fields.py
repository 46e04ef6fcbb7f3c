"""The parts of a pattern in braces, such as ``{temp/10 °C}``, and what a pattern has found in a message."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from attrs import frozen

from netd.spelling import did_you_mean

__all__ = ["MAX_UNIT", "NAMED_BY_RULES", "SPECIAL", "Field", "FieldType", "Match", "WireReading", "parse_field"]


class WireReading(NamedTuple):
    """One value that a message tells.

    :ivar name: whose value it is; None for the peer's own.
    :ivar channel: as the pattern or the peer writes it.
    :ivar unit: empty where neither the pattern nor the message has one.
    :ivar time: the time that the peer gave for it, in seconds since 1970; None where it gave none.
    :ivar adds: whether the value is to be added to those before it: it counts something.
    """

    name: str | None
    channel: str
    value: float
    unit: str
    time: float | None = None
    adds: bool = False


class Match(NamedTuple):
    """What a pattern has found in a message.

    :ivar values: texts, and numbers where the field has the type of one, by field.
    :ivar readings: the values of a ``sample``, in the message's order.
    :ivar time: the time that the peer gave, in seconds since 1970.
    :ivar name: what the field ``{name}`` has found. A member of that name in a peer's JSON is not it.
    """

    values: Mapping[str, Any]
    readings: Sequence[WireReading] = ()
    time: float | None = None
    name: str | None = None


class FieldType(enum.Enum):
    """What a field holds; the value is the word for it in a pattern."""

    NUM = "num"
    INT = "int"
    HEX = "hex"
    FLAG = "flag"
    COMMA = "comma"
    COUNT = "count"
    DM = "dm"
    HEMI = "hemi"
    BCD = "bcd"
    TIME = "time"
    WORD = "word"
    TEXT = "text"
    SKIP = "skip"
    REST = "rest"

    @property
    def is_number(self) -> bool:
        """Whether the field's value is a number."""
        return self in _NUMBERS


_NUMBERS = frozenset(
    {FieldType.NUM, FieldType.INT, FieldType.HEX, FieldType.FLAG, FieldType.COMMA, FieldType.COUNT, FieldType.DM, FieldType.BCD}
)

_WORDS = {one.value: one for one in FieldType}

SPECIAL = frozenset({"name", "channel", "value", "unit", "time", "text", "kind"})
"""Names of fields that mean something in a ``sample``. All others are channels."""

NAMED_BY_RULES = SPECIAL - {"value"}
"""Special names whose fields are no numbers."""

MAX_UNIT = 100
"""Characters of a unit, at most."""

_MAX_WIDTH = 10_000
"""Columns of a field, at most."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}(?:-[A-Za-z_][A-Za-z0-9_]{0,62})*"
_AMOUNT = r"(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,2})?"
_FIELD = re.compile(
    rf"(?P<name>{_NAME})?(?:=(?P<path>(?:\\.|[^\s\\:])+?))?(?P<scale>[*/]{_AMOUNT})?(?P<offset>(?<!\.)[+-]{_AMOUNT})?"
    r"(?P<types>(?::[A-Za-z0-9]*)*)(?:\s+(?P<unit>\S.*))?"
)


@frozen
class Field:
    """A part of a pattern in braces.

    :ivar text: as it is written, without the braces.
    :ivar name: None for a part that is skipped.
    :ivar path: where its value is, if that is not its name: in JSON a path of members, in a struct the value that must be there.
    :ivar type: what it holds.
    :ivar is_typed: whether the pattern says what it holds.
    :ivar width: the number of columns; None for as many as there are.
    :ivar scale: the number in the message is multiplied by this; then *offset* is added.
    """

    text: str
    name: str | None
    path: str | None
    type: FieldType
    is_typed: bool
    width: int | None
    scale: Fraction | None
    offset: float
    unit: str

    @property
    def is_reading(self) -> bool:
        """Whether it is a value of a ``sample``."""
        return self.type.is_number and self.name is not None and self.name not in NAMED_BY_RULES

    @property
    def is_kept(self) -> bool:
        """Whether its value counts: it has a name, or belongs to a field that has one."""
        return self.name is not None

    def __str__(self) -> str:
        return f"{{{self.text}}}"


def parse_field(text: str, is_sample: bool = False) -> Field:
    """Read what stands between two braces of a pattern.

    :param is_sample: whether it is a number where it says nothing else.
    :raises ValueError: saying what is wrong with it.
    """
    written = text.strip()
    if written == "*":
        return Field(text, None, None, FieldType.REST, True, None, None, 0.0, "")
    found = _FIELD.fullmatch(written)
    if found is None:
        raise ValueError(f"{{{text}}} is no field; {_remedy(written)}")
    kind, width = _type_and_width(text, found["types"])
    name, unit = found["name"], found["unit"] or ""
    is_scaled = bool(found["scale"] or found["offset"])
    resolved = kind or _default_type(name, is_sample, is_scaled or bool(unit))
    if (is_scaled or unit) and not resolved.is_number:
        raise ValueError(f"{{{text}}}: only a number has a scale or a unit, and this is {resolved.value}")
    if len(unit) > MAX_UNIT or not unit.isprintable():
        raise ValueError(f"{{{text}}}: a unit has at most {MAX_UNIT} characters, none a control")
    offset = float(found["offset"] or 0)
    return Field(text, name, found["path"], resolved, kind is not None, width, _scale(text, found["scale"]), offset, unit)


def _remedy(written: str) -> str:
    if written[:1] in ('"', "'", "{", "["):
        return "write \\{ and \\} for the braces of JSON"
    if not written.isascii() and written[:1].isalpha():
        return "its name has letters a to z, digits, _ and - alone; `channels` gives it a label: temperature:Température"
    return "write {name}, {name/10 °C}, {name:hex}, {} or {*}"


def _type_and_width(text: str, written: str) -> tuple[FieldType | None, int | None]:
    kind = width = None
    for word in written.split(":")[1:]:
        if word.isdecimal() and width is None and 0 < int(word) <= _MAX_WIDTH:
            width = int(word)
        elif word in _WORDS and kind is None:
            kind = _WORDS[word]
        else:
            known = ", ".join(_WORDS)
            raise ValueError(f"{{{text}}}: no type {word}{did_you_mean(word, _WORDS)}; there are {known}, and a width such as 7")
    if width is not None and kind in (FieldType.REST, FieldType.DM, FieldType.HEMI, FieldType.TIME):
        raise ValueError(f"{{{text}}}: {kind.value} has no width")
    return kind, width


def _default_type(name: str | None, is_sample: bool, is_quantity: bool) -> FieldType:
    if name is None:
        return FieldType.NUM if is_quantity else FieldType.SKIP
    if name == "time" and not is_quantity:
        return FieldType.TIME
    if name in NAMED_BY_RULES and not is_quantity:
        return FieldType.TEXT
    return FieldType.NUM if is_sample or is_quantity else FieldType.TEXT


def _scale(text: str, written: str | None) -> Fraction | None:
    if not written:
        return None
    amount = Fraction(written[1:])
    if not amount:
        raise ValueError(f"{{{text}}}: a scale of 0 leaves nothing")
    # A fraction, because 217 * 0.1 is 21.700000000000003 where 217 / 10 is 21.7.
    return amount if written[0] == "*" else 1 / amount

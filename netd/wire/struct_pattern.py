"""Patterns of binary messages: ``struct <BHf4x {=1} {name} {level m}``, with the formats of Python's struct."""

from __future__ import annotations

import re
import struct
from typing import Any

from netd.wire.escapes import unescape
from netd.wire.fields import SPECIAL, Field, FieldType, Match, parse_field
from netd.wire.messages import WireMessage, as_shown
from netd.wire.pieces import split_pieces
from netd.wire.values import NoNumber, match_of, scaled, value_of

__all__ = ["StructPattern", "parse_struct_pattern"]

_LARGEST = 1 << 16
"""Bytes of a struct, at most."""

_FORMAT = re.compile(r"[@=<>!]?(?:[0-9]{0,5}[xcbB?hHiIlLqQefdsp])*")
_WANTED = re.compile(r"=\s*(.+)", re.DOTALL)
_INTEGER = re.compile(r"-?(?:0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20})")

_REST = "*"


def parse_struct_pattern(text: str, is_sample: bool, encoding: str) -> StructPattern:
    """Read what follows ``struct``.

    :raises ValueError: saying what is wrong with it.
    """
    written, _, rest = text.partition(" ")
    layout = _layout(written)
    fields: list[Field] = []
    wanted: list[int | bytes | None] = []
    is_open = False
    for piece in split_pieces(rest):
        if isinstance(piece, str):
            if piece.strip():
                raise ValueError(f"struct: {piece.strip()!r} is no field; write {{name}} for each value")
        elif is_open:
            raise ValueError("struct: nothing follows {*}, which is all that stands behind the struct")
        elif piece.text.strip() == _REST:
            is_open = True
        else:
            condition = _WANTED.fullmatch(piece.text.strip())
            wanted.append(_value(condition[1], encoding) if condition is not None else None)
            fields.append(_field("" if condition is not None else piece.text, fields, is_sample))
    values = len(layout.unpack(bytes(layout.size)))
    if len(fields) != values:
        raise ValueError(
            f"struct {written} has {values} values, and {len(fields)} fields are named; write {{}} for one that does not matter"
        )
    return StructPattern(layout, tuple(fields), tuple(wanted), is_open, is_sample, encoding)


def _layout(written: str) -> struct.Struct:
    if not _FORMAT.fullmatch(written) or not written.strip("@=<>!"):
        raise ValueError(f"struct {written}: no such format; write it as in Python's struct: <BHf is a byte, a short and a float")
    try:
        layout = struct.Struct(written)
    except struct.error as error:
        raise ValueError(f"struct {written}: {error}") from None
    if not 0 < layout.size <= _LARGEST:
        raise ValueError(f"struct {written}: it has {layout.size} bytes, and 1 to {_LARGEST} are taken")
    return layout


def _value(written: str, encoding: str) -> int | bytes:
    return int(written, 0) if _INTEGER.fullmatch(written) else unescape(written, encoding)


def _field(text: str, before: list[Field], is_sample: bool) -> Field:
    field = parse_field(text, is_sample)
    if field.type in (FieldType.HEMI, FieldType.DM, FieldType.REST, FieldType.COMMA) or field.width is not None:
        raise ValueError(f"{field}: a struct has no {field.type.value if field.width is None else 'width'}")
    if field.name is not None and any(other.name == field.name for other in before):
        raise ValueError(f"{{{field.name}}} is there twice; give one of them another name")
    return field


class StructPattern:
    """Binary values at fixed places.

    :ivar fields: one for each value.
    :ivar size: bytes of a message.
    :ivar is_open: whether more bytes may follow.
    """

    takes_everything = False

    def __init__(
        self,
        layout: struct.Struct,
        fields: tuple[Field, ...],
        wanted: tuple[int | bytes | None, ...],
        is_open: bool,
        is_sample: bool,
        encoding: str,
    ) -> None:
        self.fields = fields
        self.size = layout.size
        self.is_open = is_open
        self._unpack = layout.unpack_from
        self._wanted = tuple((place, one) for place, one in enumerate(wanted) if one is not None)
        self._kept = tuple((place, field) for place, field in enumerate(fields) if field.is_kept)
        self._is_sample = is_sample
        self._encoding = encoding

    @property
    def first(self) -> None:
        """Of a number, the first byte is not looked for."""

    def match(self, message: WireMessage) -> Match | None:
        """Return what is in *message*; None if it is none of these."""
        raw = message.raw
        if len(raw) != self.size and not (self.is_open and len(raw) > self.size):
            return None
        values = self._unpack(raw)
        if any(_as_wanted(values[place], wanted) != wanted for place, wanted in self._wanted):
            return None
        try:
            pairs = [(field, self._read(field, values[place])) for place, field in self._kept]
        except NoNumber:
            return None
        return match_of(pairs, self._is_sample)

    def _read(self, field: Field, value: Any) -> Any:
        if field.type is FieldType.BCD:
            return self._read_bcd(field, value)
        if isinstance(value, bytes):
            if field.type is FieldType.HEX:
                return value.hex()
            return value_of(field, as_shown(value.rstrip(b"\0").decode(self._encoding, "surrogateescape")))
        is_text = not field.type.is_number and field.type is not FieldType.TIME and (field.is_typed or field.name in SPECIAL)
        return str(value) if is_text else value_of(field, value)

    def _read_bcd(self, field: Field, value: Any) -> Any:
        """Read decimal digits of four bits each. Those of a text, such as the IMEI of a tracker, stay digits."""
        digits = value.hex() if isinstance(value, bytes) else f"{value:x}" if isinstance(value, int) else ""
        if not digits.isdecimal():
            raise NoNumber(digits)
        if self._is_sample and field.is_reading:
            return scaled(field, int(digits))
        return digits.lstrip("0") if isinstance(value, bytes) else int(digits)


def _as_wanted(value: Any, wanted: int | bytes) -> Any:
    return value.rstrip(b"\0") if isinstance(value, bytes) and isinstance(wanted, bytes) else value

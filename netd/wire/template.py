r"""What netd says to the peer of a wire: text with fields, as ``welcome {name}`` or ``\x01{serial:H}{modbus}``."""

from __future__ import annotations

import enum
import json
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from netd.spelling import did_you_mean
from netd.wire.checks import SUMS
from netd.wire.escapes import unescape
from netd.wire.pieces import InBraces, split_pieces

__all__ = ["CannotPack", "PackedField", "SumField", "TextField", "WireTemplate", "cut_short", "parse_template"]

_FIELD = re.compile(r"(?P<name>[A-Za-z_][\w-]*)(?::(?P<format>[^\s:]*))?")
_PACK = re.compile(r"[<>]?[bBhHiIlLqQfd]")
_STRING = re.compile(rb'(?:[^"]|"(?:[^"\\]|\\.)*+")*+', re.DOTALL)


class CannotPack(ValueError):
    """A value does not fit into the bytes that a template has for it; the message says why."""


class Quoting(enum.Enum):
    """Where a field stands in JSON."""

    INSIDE = "within a string"
    ALONE = "as a value"


@frozen
class TextField:
    """A value, as text.

    :ivar quoting: how it stands in JSON: within a string, or as a value of its own; None where the text is no JSON.
    """

    name: str
    quoting: Quoting | None = None

    def in_json(self, value: Any) -> str:
        """Return *value* as it stands in JSON."""
        return _as_json(value) if self.quoting is Quoting.ALONE else json.dumps(as_text(value), ensure_ascii=False)[1:-1]


@frozen
class PackedField:
    """A number, as bytes.

    :ivar format: as in Python's struct.
    """

    name: str
    format: str

    def packed(self, value: Any) -> bytes:
        """Return the bytes.

        :raises CannotPack: if *value* is no such number.
        """
        try:
            number = float(value) if self.format[-1] in "fd" else int(value)
            return struct.pack(self.format, number)
        except (struct.error, ValueError, TypeError, OverflowError):
            raise CannotPack(f"{{{self.name}:{self.format.lstrip('>')}}} cannot hold {value!r:.40}") from None


@frozen
class SumField:
    """A check over the bytes before it.

    :ivar start: the first byte that counts.
    """

    kind: str
    start: int


TemplatePart = bytes | TextField | PackedField | SumField
"""Bytes that are always the same, or what takes a value."""


@frozen
class WireTemplate:
    """A text with fields.

    :ivar text: as it is written.
    :ivar is_json: whether it is a JSON object. Then values are JSON, too: what a peer says opens and closes nothing.
    """

    text: str
    encoding: str
    _parts: tuple[TemplatePart, ...]
    is_json: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, in their order."""
        return tuple(part.name for part in self._parts if isinstance(part, TextField | PackedField))

    @property
    def is_open(self) -> bool:
        """Whether its length depends on its values."""
        return any(isinstance(part, TextField) for part in self._parts)

    def encoded(self, encoding: str) -> WireTemplate:
        """Return the same template for texts in *encoding*."""
        return self if encoding == self.encoding else parse_template(self.text, encoding)

    def _value(self, field: TextField, value: Any, before: bytes, cuts: Sequence[bytes]) -> bytes:
        encoding = self.encoding
        if field.quoting is None:
            text = as_text(value).encode(encoding, "replace")
            return _cut(before, text, cuts) if cuts else text
        if cuts and isinstance(value, str):
            value = _cut(before, value.encode(encoding, "replace"), cuts).decode(encoding, "replace")
        return field.in_json(value).encode(encoding, "replace")

    def render(self, values: Mapping[str, Any], cuts: Sequence[bytes] = ()) -> bytes:
        """Return the bytes. A field without a value is empty.

        :param cuts: no value may hold one of these, nor make one with what stands beside it: it ends before it.
        :raises CannotPack: if a value does not fit into its bytes.
        """
        said = bytearray()
        for part in self._parts:
            if isinstance(part, bytes):
                said += part
            elif isinstance(part, TextField):
                said += self._value(part, values.get(part.name), bytes(said), cuts)
            elif isinstance(part, PackedField):
                said += part.packed(values.get(part.name))
            else:
                said += SUMS[part.kind](bytes(said[part.start :]))
        return bytes(said)


def parse_template(text: str, encoding: str = "utf-8") -> WireTemplate:
    """Read a template.

    :raises ValueError: saying what is wrong with it.
    """
    parts: list[TemplatePart] = []
    for piece in split_pieces(text):
        parts.append(_field(piece.text) if isinstance(piece, InBraces) else unescape(piece, encoding))
    quoted = _quoted(parts)
    return WireTemplate(text, encoding, tuple(quoted or parts), is_json=quoted is not None)


def _quoted(parts: Sequence[TemplatePart]) -> list[TemplatePart] | None:
    """Return *parts*, whose fields know where they stand in JSON; None if the text is no JSON object."""
    found: list[TemplatePart] = []
    example = b""
    for part in parts:
        if isinstance(part, bytes):
            example += part
            found.append(part)
        elif isinstance(part, TextField):
            is_inside = _STRING.match(example).end() < len(example)  # type: ignore[union-attr] # it matches anything
            found.append(TextField(part.name, Quoting.INSIDE if is_inside else Quoting.ALONE))
            example += b"0"
        else:
            return None
    try:
        return found if isinstance(json.loads(example), dict) else None
    except ValueError:
        return None


def _field(text: str) -> TextField | PackedField | SumField:
    found = _FIELD.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{{{text}}} is no field; write {{name}}, or \\{{ and \\}} for the braces of JSON")
    name, form = found["name"], found["format"]
    if name in SUMS:
        if form is not None and not (form.isdecimal() and len(form) < 5):
            raise ValueError(f"{{{text}}}: a number follows {name}, of the first byte that counts: {{{name}:2}}")
        return SumField(name, int(form or 0))
    if form is None:
        return TextField(name)
    if not _PACK.fullmatch(form):
        raise ValueError(
            f"{{{text}}}: no format {form}{did_you_mean(form, 'bBhHiIqQfd')}; there are b B h H i I q Q f d, as in struct, "
            "and < before it for the least byte first"
        )
    return PackedField(name, form if form[0] in "<>" else f">{form}")


def as_text(value: Any) -> str:
    """Return *value* as a peer is told it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if not isinstance(value, bool | dict | list):
        return str(value)
    from netd.codec.jsontext import encode  # noqa: PLC0415 - `netd check` starts without it

    return encode(value).decode()


def _as_json(value: Any) -> str:
    """Return *value* as JSON. A text that is JSON itself, such as a number or the result of a function, stays as it is."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return value if _is_json(value) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return as_text(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return text.isprintable()  # a line end, which is a blank in JSON, may end the message


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def cut_short(text: bytes, cuts: Sequence[bytes]) -> bytes:
    """Return *text* up to the first of *cuts*."""
    return _cut(b"", text, cuts)


def _cut(before: bytes, text: bytes, cuts: Sequence[bytes]) -> bytes:
    """Return *text* up to where it would hold or complete a mark of *cuts*, or begin one at its end."""
    for cut in cuts:
        overlap = before[max(len(before) - len(cut) + 1, 0) :] if len(cut) > 1 else b""
        place = (overlap + text).find(cut)
        if place >= 0:
            text = text[: max(place - len(overlap), 0)] if place >= len(overlap) else text[: place + len(cut) - 1 - len(overlap)]
    while begun := max((_begun(text, cut) for cut in cuts), default=0):
        text = text[:-begun]
    return text


def _begun(text: bytes, cut: bytes) -> int:
    """Return how many bytes at the end of *text* begin the mark *cut*."""
    return next((length for length in range(min(len(cut) - 1, len(text)), 0, -1) if text.endswith(cut[:length])), 0)

"""Messages of one size as values at fixed places: the cut that describes the bytes in the fewest bits.

A value that moves little needs few bits, and the bytes of a float or of a clock, read as small integers, need many. So the
cheapest cut is the likeliest, and still a guess: each rule of this kind is marked as unsure.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence

from attrs import frozen

from netd.wire.learn.columns import ColumnSlot, runs_with_clock
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.utterances import Utterance

__all__ = ["introduction_struct", "struct_kind"]

_LONGEST = 256
"""Bytes of a message that are cut; a longer one is no packed struct."""
_MOST = 300
_FIELD_BITS = 3.0
_CONSTANT_BITS = 2.0
_CLOCK_BITS = 2.0
_FLOAT_BITS = 8.0
_IDLE_BITS = 10.0
_EARLIEST, _LATEST = 9e8, 4e9
_NEVER = 1e9
_LEAST, _GREATEST = 1e-4, 1e7
"""What a float that measures something is between."""
_INTRODUCTION = re.compile(rb"([^A-Za-z]{0,4})([A-Za-z][A-Za-z0-9._-]{2,62})\0+", re.DOTALL)
_CLUSTERED = 0.15
"""Share of the spread of a value that is left once the messages are told apart by another one, which then is a name."""


@frozen
class _StructPlace:
    """A value at a place.

    :ivar code: as in Python's struct; ``x`` for bytes that mean nothing.
    """

    code: str
    size: int
    bits: float
    is_clock: bool = False


def struct_kind(members: list[Utterance], tail: int) -> MessageKind | None:
    """Return the kind of *members*, whose messages have one size; None if there are too few of them to tell.

    :param tail: bytes at the end that hold check bytes and an end mark.
    """
    messages = [one.data for one in members][:_MOST]
    times = [one.time for one in members][:_MOST]
    if len(set(messages)) < 3 or len(messages[0]) > _LONGEST:
        return None
    cuts = [_cheapest(messages, times, order, len(messages[0]) - tail) for order in "<>"]
    order, (_, places) = min(zip("<>", cuts, strict=True), key=lambda one: one[1][0])
    slots = list(_slots(messages, order, places))
    if not any(slot.is_number and slot.is_named for slot in slots):
        return None
    form = f"struct {order}{_format([*places, *[_StructPlace('x', 1, 0.0)] * tail])} "
    parts: list[str | ColumnSlot] = []
    for slot in slots:
        parts += [" ", slot] if parts else [slot]
    doubt = "the cut into values is a guess; compare the values with what the program measured, and name them"
    return MessageKind(members, "sample", parts, form, doubts=[doubt])


def introduction_struct(members: list[Utterance], tail: int) -> MessageKind | None:
    """Return the kind of *members*, with which connections begin, and which end with a name that zeros fill up; None for others.

    :param tail: bytes at the end that hold check bytes and an end mark.
    """
    found = [_INTRODUCTION.fullmatch(one.data) for one in members]
    names = [one[2] for one in found if one is not None]
    if tail or any(one.place for one in members) or len(names) < len(members) or len({found[1] for found in found if found}) > 1:
        return None
    first = found[0]
    assert first is not None, "all of them match"
    parts: list[str | ColumnSlot] = [part for byte in first[1] for part in (f"{{={byte}}}", " ")]
    parts.append(ColumnSlot("name", is_named=True, values=[name.decode() for name in names]))
    form = f"struct <{'B' * len(first[1])}{len(first[0]) - len(first[1])}s "
    return MessageKind(members, "name", parts, form)


def _cheapest(messages: Sequence[bytes], times: Sequence[float], order: str, size: int) -> tuple[float, list[_StructPlace]]:
    """The cut of the fewest bits, by dynamic programming from the end."""
    best: list[tuple[float, _StructPlace | None]] = [(0.0, None)] * (size + 1)
    for place in range(size - 1, -1, -1):
        best[place] = min(
            ((one.bits + best[place + one.size][0], one) for one in _places(messages, times, order, place, size)),
            key=lambda found: found[0],
        )
    cut, place = [], 0
    while place < size:
        one = best[place][1]
        assert one is not None, "each place has a byte at least"
        cut.append(one)
        place += one.size
    return best[0][0], cut


def _places(messages: Sequence[bytes], times: Sequence[float], order: str, place: int, size: int) -> Iterator[_StructPlace]:
    column = [message[place] for message in messages]
    if len(set(column)) == 1:
        yield _StructPlace("x", 1, _CONSTANT_BITS)
    for code in "BHIQfd":
        width = struct.calcsize(order + code)
        if place + width > size:
            continue
        raw = [message[place : place + width] for message in messages]
        if code == "d" and _are_two_floats(raw, order):
            continue
        if code in "fd":
            yield _StructPlace(
                code, width, _bits_of_floats([one[0] for one in map(struct.Struct(order + code).unpack, raw)], code)
            )
        elif len(set(raw)) > 1:
            yield from _whole(raw, times, order, code, width)
    yield from _text(messages, place, size)


def _whole(raw: Sequence[bytes], times: Sequence[float], order: str, code: str, width: int) -> Iterator[_StructPlace]:
    least = 0 if order == "<" else -1
    if width > 1 and len({one[least] for one in raw}) == 1:
        return  # its lowest byte never changes: these are two values
    values = [one[0] for one in map(struct.Struct(order + code).unpack, raw)]
    scale = 1000.0 if code == "Q" else 1.0
    moments = [value / scale for value in values]
    if code in "IQ" and all(_EARLIEST < moment < _LATEST for moment in moments) and runs_with_clock(moments, times):
        yield _StructPlace(code, width, _FIELD_BITS + _CLOCK_BITS, is_clock=True)
        return
    signed = [one[0] for one in map(struct.Struct(order + code.lower()).unpack, raw)]
    if width > 1 and min(signed) < 0 < max(signed):
        yield _StructPlace(code.lower(), width, _bits(signed, width))
    yield _StructPlace(code, width, _bits(values, width))


def _bits(values: Sequence[int], width: int) -> float:
    spread = math.log2(max(values) - min(values) + 1)
    magnitude = math.log2(max(map(abs, values)) + 1)
    unused = width * 8 - magnitude
    is_idle = width >= 4 and unused < 16 and spread <= (width - 2) * 8  # its upper half never changes and is not zero
    return _FIELD_BITS + spread + (_IDLE_BITS if is_idle else 0.0)


def _bits_of_floats(values: Sequence[float], code: str) -> float:
    present = [abs(value) for value in values if value]
    if not present or len(set(values)) == 1 or not all(math.isfinite(value) for value in values):
        return _NEVER
    if not all(map(_is_plausible, present)):
        return _NEVER
    spread = math.log2(max(present) / min(present)) if present else 0.0
    return _FIELD_BITS + _FLOAT_BITS + spread + (2.0 if code == "d" else 0.0)


def _are_two_floats(raw: Sequence[bytes], order: str) -> bool:
    """Whether eight bytes that could be a double are two floats: the lower half of a double has any bytes, or none but zeros."""
    halves = list(zip(*map(struct.Struct(f"{order}ff").unpack, raw), strict=True))
    lower = halves[0 if order == "<" else 1]
    return any(lower) and all(_is_plausible(value) for half in halves for value in half)


def _is_plausible(value: float) -> bool:
    """Whether somebody measures such a value."""
    return not value or _LEAST <= abs(value) <= _GREATEST


def _text(messages: Sequence[bytes], place: int, size: int) -> Iterator[_StructPlace]:
    """Text of at least three letters that NULs or blanks fill up."""
    for width in (4, 6, 8, 10, 12, 15, 16, 20, 32):
        if place + width > size:
            return
        texts = [message[place : place + width].rstrip(b"\0 ") for message in messages]
        if all(len(text) >= 3 and text.isascii() and text.decode().replace("-", "").replace("_", "").isalnum() for text in texts):
            yield _StructPlace(f"{width}s", width, _FIELD_BITS + 1.0)


def _slots(messages: Sequence[bytes], order: str, places: Sequence[_StructPlace]) -> Iterator[ColumnSlot]:
    """The fields of the values, in their order. A value by which the others fall into clusters is a name."""
    values: list[tuple[_StructPlace, list[object]]] = []
    offset = 0
    for place in places:
        if place.code != "x":
            unpack = struct.Struct(order + place.code).unpack_from
            values.append((place, [unpack(message, offset)[0] for message in messages]))
        offset += place.size
    name = _name_of(values)
    number, has_time = 0, False
    for at, (place, _) in enumerate(values):
        if at == name or (place.code.endswith("s") and name is None):
            name = at
            yield ColumnSlot("name", is_named=True)
        elif place.is_clock and not has_time:
            has_time = True
            yield ColumnSlot("time", is_named=True)
        elif place.is_clock or place.code.endswith("s"):
            yield ColumnSlot("", is_named=False)
        else:
            number += 1
            yield ColumnSlot(f"v{number}", is_named=True, is_number=True)


def _name_of(values: Sequence[tuple[_StructPlace, list[object]]]) -> int | None:
    for at, (place, ids) in enumerate(values):
        if place.code not in "BHI" or place.is_clock or not 2 <= len(set(ids)) <= 16 or len(ids) < 3 * len(set(ids)):
            continue
        others = [column for place, column in values[at + 1 :] if place.code in "BHIhifd" and not place.is_clock]
        if any(_left(column, ids) < _CLUSTERED for column in others):
            return at
    return None


def _left(column: Sequence[object], ids: Sequence[object]) -> float:
    """The share of the variance of *column* that is left within the messages of one of *ids*."""
    numbers = [float(value) for value in column if isinstance(value, (int, float))]
    if len(numbers) != len(ids) or len(set(numbers)) < 4:
        return 1.0
    groups: dict[object, list[float]] = {}
    for value, one in zip(numbers, ids, strict=True):
        groups.setdefault(one, []).append(value)
    total = _square(numbers)
    return sum(map(_square, groups.values())) / total if total else 1.0


def _square(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values)


def _format(places: Sequence[_StructPlace]) -> str:
    """The format, runs of skipped bytes as one: ``2xIHhh``."""
    found, skipped = "", 0
    for place in places:
        if place.code == "x":
            skipped += 1
            continue
        found += f"{skipped if skipped > 1 else ''}x" * bool(skipped) + place.code
        skipped = 0
    return found + f"{skipped if skipped > 1 else ''}x" * bool(skipped)

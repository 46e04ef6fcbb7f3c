"""What a column holds over all messages of a kind: a constant, a number, the time, a place on earth, a word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

from attrs import define, field, frozen

from netd.wire.learn.cells import is_absent, is_number, parted
from netd.wire.learn.vocabulary import FLAGS, unit_of

__all__ = [
    "ColumnHolds",
    "ColumnSlot",
    "Stretch",
    "check_digits_behind",
    "column_of",
    "counts_up",
    "keeps_time",
    "runs_with_clock",
    "scatters",
]

_LONG_NUMBER = 3
"""Digits from which a number that never changes identifies something, and measures nothing."""
_LONGEST_KEY = 2
"""Letters glued before a number that are a key: ``N12``. Longer ones before whole numbers are names: ``node12``."""
_SHORTEST_CODE, _LONGEST_QUANTITY, _FEWEST_CODES = 5, 11, 3
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*")
_STAMP = re.compile(r"[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}|[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{2,4}|[0-9]{1,2}:[0-9]{2}(?::[0-9.]+)?")
_HEX = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")
_BARE_HEX = re.compile(r"[0-9A-F]{2,16}|[0-9a-f]{2,16}")
_DIGITS_OF_DEVICE = re.compile(r"[0-9]{10,20}")
_FEWEST_CHECKS = 5
_ROUNDED, _DRIFT, _SHORTEST_CLOCK = 1.0, 0.02, 5.0
"""Seconds by which a clock may be off because it is rounded, its drift, and the least time in which both are told from chance."""
_FEWEST_STEPS, _LONGEST_STEP = 3, 5
_LATEST, _EARLIEST = 4.0e9, 9.0e8


class ColumnHolds(Enum):
    """What a column holds."""

    CONSTANT = "a literal"
    NUMBER = "a number that changes, or a short one"
    COMMA = "a number with a comma"
    HEX = "a number behind 0x"
    FLAG = "on or off"
    TIME = "the time of the message"
    DEGREES = "degrees and minutes"
    HEMISPHERE = "N, S, E or W"
    IDENTITY = "the long number of a device"
    CODE = "digits that are no quantity"
    SKIPPED = "what changes and means nothing here"
    WORD = "a word that changes"
    EMPTY = "nothing"


_CLOCKS = (
    (1.0, ColumnHolds.TIME),
    (1e3, ColumnHolds.TIME),
    (1e6, ColumnHolds.SKIPPED),
    (1e9, ColumnHolds.SKIPPED),
)
"""Units of clocks, per second, and what becomes of each: the type ``time`` knows s and ms."""


@frozen
class Stretch:
    """A column.

    :ivar before: what is glued before each value, and is a literal.
    :ivar behind: what is glued behind.
    :ivar units: the units that are glued behind, where they change.
    """

    holds: ColumnHolds
    values: tuple[str, ...]
    before: str = ""
    behind: str = ""
    units: tuple[str, ...] = ()


@define(eq=False)
class ColumnSlot:
    """A field of a pattern.

    :ivar label: the name that it has when a name is needed.
    :ivar is_named: whether the pattern names it; otherwise it is written ``{}``.
    :ivar values: what it held in each message.
    :ivar is_generic: whether the label says nothing of what it holds.
    """

    label: str
    is_named: bool
    type: str = ""
    unit: str = ""
    is_number: bool = False
    values: Sequence[str] = field(factory=tuple)
    is_generic: bool = False

    def __str__(self) -> str:
        if not self.is_named:
            return "{}"
        return f"{{{self.label}{':' + self.type if self.type else ''}{' ' + self.unit if self.unit else ''}}}"


def column_of(
    values: Sequence[str], times: Sequence[float], *, is_key: bool = False, is_switch: bool = False, has_commas: bool = False
) -> Stretch:
    """Return what a column with *values* at *times* holds.

    :param is_key: whether ``=`` follows, so that it is the name of something.
    :param is_switch: whether ``=`` stands before it.
    """
    found = tuple(values)
    if is_key:
        return Stretch(ColumnHolds.CONSTANT if len(set(found)) == 1 else ColumnHolds.WORD, found)
    present = [value for value in found if not is_absent(value)]
    if not present:
        return Stretch(ColumnHolds.NUMBER if any(found) else ColumnHolds.EMPTY, found)
    if all(is_number(value, has_commas=has_commas) for value in present):
        return Stretch(_number(present, found, times, has_commas), found)
    for pattern, holds in ((_MOMENT, ColumnHolds.TIME), (_STAMP, ColumnHolds.SKIPPED), (_HEX, ColumnHolds.HEX)):
        if all(pattern.fullmatch(value) for value in present):
            return Stretch(holds, found)
    if _are_hex(present):
        return Stretch(ColumnHolds.HEX, found)
    glued = _glued(present, found, times)
    if glued is not None:
        return glued
    if all(value.lower() in FLAGS for value in found) and (is_switch or len(set(found)) > 1):
        return Stretch(ColumnHolds.FLAG, found)
    return Stretch(ColumnHolds.CONSTANT if len(set(found)) == 1 else ColumnHolds.WORD, found)


def _number(present: Sequence[str], values: Sequence[str], times: Sequence[float], has_commas: bool) -> ColumnHolds:
    clock = _clock(values, times)
    if clock is not None:
        return clock
    if _are_codes(present):
        return ColumnHolds.CODE
    if all(_DIGITS_OF_DEVICE.fullmatch(value) for value in present):
        return ColumnHolds.IDENTITY
    if has_commas and any("," in value for value in present):
        return ColumnHolds.COMMA
    if _is_time_of_day(values, times):
        return ColumnHolds.SKIPPED
    if len(set(values)) == 1 and len(values) > 1 and len(present[0].lstrip("+-")) >= _LONG_NUMBER and present[0].isdigit():
        return ColumnHolds.SKIPPED
    return ColumnHolds.NUMBER


def _clock(values: Sequence[str], times: Sequence[float]) -> ColumnHolds | None:
    """Return TIME for moments since 1970, in s or ms, that run with the clock of the recording; SKIPPED for those in µs or ns.

    A moment's magnitude alone is not enough where there are several: large counters have it, too.
    """
    if any(is_absent(value) for value in values):
        return None
    numbers = [float(value.replace(" ", "")) for value in values if is_number(value)]
    if len(numbers) != len(values):
        return None
    for scale, holds in _CLOCKS:
        moments = [number / scale for number in numbers]
        if all(_EARLIEST < moment < _LATEST for moment in moments) and runs_with_clock(moments, times):
            return holds
    return None


def runs_with_clock(moments: Sequence[float], times: Sequence[float]) -> bool:
    """Whether *moments*, in seconds, keep step with *times*: with those of the recording, to 2 s or a fifth."""
    tolerance = max(2.0, 0.2 * (times[-1] - times[0]))
    return all(abs((moment - moments[0]) - (time - times[0])) <= tolerance for moment, time in zip(moments, times, strict=True))


def counts_up(values: Sequence[str], talks: Sequence[int]) -> bool:
    """Return True if *values* number the messages of each of *talks*: they grow by one, but where other messages are between."""
    if not all(map(str.isdigit, values)):
        return False
    newest: dict[int, int] = {}
    steps = []
    for value, talk in zip(map(int, values), talks, strict=True):
        if talk in newest:
            steps.append(value - newest[talk])
        newest[talk] = value
    return len(steps) >= _FEWEST_STEPS and all(0 < step <= _LONGEST_STEP for step in steps) and steps.count(1) * 2 >= len(steps)


def keeps_time(values: Sequence[str], times: Sequence[float], talks: Sequence[int]) -> bool:
    """Return True if *values* are the seconds or milliseconds that a program has run in each of *talks*, as *times* have it."""
    if len(values) < _FEWEST_CHECKS or not all(is_number(value) and value[0] not in "+-" for value in values):
        return False
    return any(_keeps_time([float(value) / scale for value in values], times, talks) for scale in (1.0, 1e3))


def _keeps_time(seconds: Sequence[float], times: Sequence[float], talks: Sequence[int]) -> bool:
    longest = 0.0
    for talk in set(talks):
        own = [(one, time) for one, time, of in zip(seconds, times, talks, strict=True) if of == talk]
        span = own[-1][1] - own[0][1]
        drift = max(abs(one - own[0][0] - (time - own[0][1])) for one, time in own)
        if drift > max(_ROUNDED, _DRIFT * span) or any(later[0] < sooner[0] for sooner, later in pairwise(own)):
            return False
        longest = max(longest, span)
    return longest > _SHORTEST_CLOCK


def _are_codes(present: Sequence[str]) -> bool:
    """Whether the values are digits of one length all over the range, as on cards and parcels; quantities keep together."""
    length = len(present[0])
    if (
        length < _SHORTEST_CODE
        or len(set(present)) < _FEWEST_CODES
        or not all(len(one) == length and one.isdigit() for one in present)
    ):
        return False
    numbers = [int(one) for one in present]
    return (max(numbers) - min(numbers)) * 2 > max(numbers) or any(one[0] == "0" for one in present) or length > _LONGEST_QUANTITY


def _is_time_of_day(values: Sequence[str], times: Sequence[float]) -> bool:
    """Whether the values are ``hhmmss`` and run with the clock."""
    if len(values) < 2 or not all(re.fullmatch(r"[0-2][0-9][0-5][0-9][0-5][0-9](?:\.[0-9]+)?", value) for value in values):
        return False
    moments = [int(value[:2]) * 3600 + int(value[2:4]) * 60 + float(value[4:]) for value in values]
    return len(set(values)) > 1 and runs_with_clock(moments, times)


def _are_hex(present: Sequence[str]) -> bool:
    """Whether the values are numbers in base 16 of one length, without ``0x``."""
    few = max(_FEWEST_CODES, len(present) // 4)
    if len({len(value) for value in present}) != 1 or len(set(present)) < few:
        return False
    has_letter = any(char.isalpha() for value in present for char in value[1:]) or len({value[0] for value in present}) > 2
    has_digit = sum(any(map(str.isdigit, value)) for value in present) * 2 > len(present)
    return has_letter and has_digit and all(map(_BARE_HEX.fullmatch, present))


def check_digits_behind(values: Sequence[str]) -> Stretch | None:
    """Return the column with *values* that are the same letters and two hexadecimal digits that change, ``kg4F``; or None."""
    digits = tuple(value[-2:] for value in values)
    before = values[0][:-2]
    if not before.isalpha() or any(value[:-2] != before for value in values) or len(set(digits)) < _FEWEST_CODES:
        return None
    are_hex = all(map(_BARE_HEX.fullmatch, digits)) and any(map(str.isalpha, "".join(digits)))
    return Stretch(ColumnHolds.SKIPPED, digits, before) if are_hex else None


def scatters(values: Sequence[str]) -> bool:
    """Return True if *values*, hexadecimal digits, are all over the range and nearly all different: check digits of a message."""
    if not _are_hex(values):
        return False
    numbers = [int(value, 16) for value in values]
    is_wide = (max(numbers) - min(numbers)) * 2 > 16 ** len(values[0])
    return is_wide and len(numbers) >= _FEWEST_CHECKS and len(set(numbers)) * 10 >= len(numbers) * 8


def _glued(present: Sequence[str], values: tuple[str, ...], times: Sequence[float]) -> Stretch | None:
    """A number with a key before it or a unit behind it, if it is so in every message."""
    parts = [parted(value) for value in present]
    found = [part for part in parts if part is not None]
    if len(found) != len(parts) or len({part[0] for part in found}) > 1:
        return None
    before, behind = found[0][0], {part[2] for part in found}
    is_whole = all("." not in part[1] for part in found)
    if before and (len(before) > _LONGEST_KEY and is_whole):
        return None
    if not before and len(behind) == 1 and is_whole and not unit_of(found[0][2]) and len(set(values)) == 1:
        return None
    numbers = tuple(part[1] if (part := parted(value)) is not None else "" for value in values)
    if len(behind) == 1:
        return Stretch(ColumnHolds.NUMBER, numbers, before, found[0][2])
    if all(unit_of(unit) for unit in behind):
        return Stretch(ColumnHolds.NUMBER, numbers, before, units=tuple(part[2] for part in found))
    return None

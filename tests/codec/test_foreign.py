"""Tests of ``netd.codec.foreign``: what the functions of users return, which no JSON library knows."""

from __future__ import annotations

import math
from array import array
from collections import Counter, OrderedDict, UserDict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import numpy as np
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import BadJSON, check_numbers, decode, encode


class Mode(IntEnum):
    SLOW = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Reading:
    at: Path
    value: object


@attrs.frozen
class Pair:
    left: object
    right: object


class Word(str):
    __slots__ = ()


class Moment(datetime):
    """As pandas derives its own from datetime."""


class Duration(timedelta):
    """As pandas derives its own from timedelta."""


class NaT(datetime):
    """The moment that is none: it differs from itself."""

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = datetime.__hash__


class NAType:
    """What is missing: comparing it gives itself, which is neither true nor false."""

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError("neither true nor false")

    __hash__ = object.__hash__


class Column:
    """What :func:`plain` asks of a column of pandas."""

    iloc = None

    def __init__(self, values: list[object]) -> None:
        self.values = values

    def astype(self, kind: type) -> Column:
        assert kind is object, kind
        return self

    def notna(self) -> list[bool]:
        return [value == value for value in self.values]  # noqa: PLR0124 - what is missing differs from itself

    def where(self, wanted: list[bool], other: object) -> Column:
        return Column([value if keep else other for value, keep in zip(self.values, wanted, strict=True)])

    def tolist(self) -> list[object]:
        return self.values


@dataclass
class Names:
    """The names of a table's columns."""

    is_unique: bool


class Table(Column):
    """What it asks of a table; here of one column."""

    columns = Names(is_unique=True)

    def where(self, wanted: list[bool], other: object) -> Table:
        return type(self)(super().where(wanted, other).values)

    def to_dict(self, orient: str) -> list[dict[str, object]]:
        assert orient == "records"
        return [{"v": value} for value in self.values]


class Twins(Table):
    """A table of two columns of one name, of which a row would lose one."""

    columns = Names(is_unique=False)


class Period:
    """A month, as pandas has it."""

    __module__ = "pandas._libs.tslibs.period"

    def __str__(self) -> str:
        return "2026-01"


class Same:
    """A list of which is itself."""

    def tolist(self) -> Same:
        return self


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class ForeignTests(SynchronousTestCase):
    def test_standard_library(self) -> None:
        """Values of the standard library's classes, and of their heirs, travel as what they stand for."""
        for value, wanted in (
            (Path("/srv/log"), "/srv/log"),
            (PureWindowsPath("c:/x"), "c:\\x"),
            (Decimal("0.10"), "0.10"),
            (Fraction(1, 2), 0.5),
            (NOON, "2026-01-02T12:00:00Z"),
            (date(2026, 1, 2), "2026-01-02"),
            (timedelta(seconds=1.5), "PT1.5S"),
            (Duration(days=2, hours=1, microseconds=5), "P2DT3600.000005S"),
            (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (ip_address("::1"), "::1"),
            (Mode.SLOW, 1),
            (Word("a"), "a"),
            (Point(1, 2), [1, 2]),
            (Reading(Path("a"), {1}), {"at": "a", "value": [1]}),
            (Pair(b"a", range(2)), {"left": "YQ==", "right": [0, 1]}),
            (OrderedDict(a=1), {"a": 1}),
            (Counter("aa"), {"a": 2}),
            (UserDict(a=1), {"a": 1}),
            (deque([1]), [1]),
            ({"a": 1}.values(), [1]),
            (array("d", [1.5]), [1.5]),
            ({True: 1, None: 2, Path("p"): 3}, {"true": 1, "null": 2, "p": 3}),
        ):
            self.assertEqual(decode(encode(value)), wanted, repr(value))

    def test_numpy(self) -> None:
        """Scalars and arrays of numpy are numbers, texts and lists, also as the names of members; moments are texts."""
        for value, wanted in (
            (np.float64(1.5), 1.5),
            (np.float32(1.5), 1.5),
            (np.int64(2**60), 2**60),
            (np.bool_(True), True),
            (np.str_("a"), "a"),
            (np.bytes_(b"a"), "YQ=="),
            (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
            (np.array(3), 3),
            (np.array([1.5, "a"], dtype=object), [1.5, "a"]),
            (np.datetime64("2026-01-02T12"), "2026-01-02T12:00:00"),
            (np.array(["2026-01-02", "NaT"], dtype="datetime64[ns]"), ["2026-01-02T00:00:00", None]),
            (np.timedelta64(1500, "ms"), "PT1.5S"),
            (np.array([1_500_000_000], dtype="timedelta64[ns]"), ["PT1.5S"]),
            ({np.int64(1): np.float32(2)}, {"1": 2}),
            (np.longdouble(1.5), 1.5),
            (np.array([1.5], dtype=np.longdouble), [1.5]),
            (Pair(np.int8(1), (np.array([True]),)), {"left": 1, "right": [[True]]}),
        ):
            self.assertEqual(decode(encode(value)), wanted, repr(value))

    def test_no_number_in_an_array(self) -> None:
        """A NaN of numpy is found as others are: null in its place would be a lie."""
        for value in (np.float64("nan"), np.float32("inf"), {"a": np.array([1, math.nan])}):
            self.assertIn("there is no number", str(self.assertRaises(BadJSON, check_numbers, value)))

    def test_pandas(self) -> None:
        """A table is a list of rows, a column a list; what is missing in them is null, as pandas has it."""
        moment = Moment(2026, 1, 2)
        for value, wanted in (
            (Column([1, math.nan]), [1, None]),
            (Table([1.5, math.nan]), [{"v": 1.5}, {"v": None}]),
            (moment, "2026-01-02T00:00:00"),
            ({moment: NaT(1, 1, 1)}, {"2026-01-02T00:00:00": None}),
            ([NAType()], [None]),
            ({Period(): Period()}, {"2026-01": "2026-01"}),
        ):
            self.assertEqual(decode(encode(value)), wanted, repr(value))

    def test_what_stays_foreign(self) -> None:
        """What has no JSON form is refused with the name of its class, and never asked for ever."""
        for value, named in (
            (1j, "there is no complex in JSON"),
            (np.array([object()]), "there is no object in JSON"),
            ((value for value in "ab"), "there is no generator in JSON"),
            (Same(), "there is no Same in JSON"),
            (Twins([1]), "two columns of a table have one name"),
            ({(1, 2): 3}, "a tuple cannot name a member"),
            ({frozenset(): 3}, "a frozenset cannot name a member"),
        ):
            self.assertEqual(str(self.assertRaises(BadJSON, encode, value)), f"cannot be written as JSON: {named}")

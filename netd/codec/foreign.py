"""Values that no JSON library knows, as JSON values: those of numpy and pandas, paths, and classes of the user's own.

Neither numpy nor pandas is imported: their objects are known by what they can do. Only a value that cannot be written as it
is comes here.
"""

from __future__ import annotations

import datetime
import ipaddress
import numbers
from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Any

__all__ = ["plain"]

_WORDS = {True: "true", False: "false", None: "null"}
"""What these are as members' names; as values, they never come here."""

_SPANS = ("Period", "Interval")
"""Classes of pandas that are neither a moment nor a number, and whose text is their usual notation."""


def plain(value: Any) -> Any:
    """What JSON can say of *value*, or a value nearer to that: it is asked again for what is in it.

    An array is a list, a table a list of rows; a value that pandas calls missing is None. A moment is text as ISO 8601 has it.

    :raises TypeError: when there is no such thing.
    """
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if _is_missing(value):
        return None
    if isinstance(value, tuple) or type(value) in {list, dict, frozenset}:  # as values, they never come here either
        raise TypeError(f"a {type(value).__name__} cannot name a member")
    for kind, made in _KINDS:
        if isinstance(value, kind):
            return made(value)
    if hasattr(value, "iloc"):  # a table or a column of pandas
        return _rows(value.astype(object).where(value.notna(), None))
    if type(value).__name__ in _SPANS and type(value).__module__.partition(".")[0] == "pandas":
        return str(value)
    if callable(getattr(value, "tolist", None)):
        return _listed(value)
    for kind, made in _ABSTRACT:
        if isinstance(value, kind):
            return made(value)
    raise TypeError(f"there is no {type(value).__name__} in JSON")


def _rows(value: Any) -> Any:
    """A table as a list of its rows, a column as a list."""
    if not hasattr(value, "columns"):
        return value.tolist()
    if not value.columns.is_unique:
        raise TypeError("two columns of a table have one name")
    return value.to_dict("records")


def _is_missing(value: Any) -> bool:
    """Whether *value* is a moment that is none (NaT), or compares as itself with itself (NA)."""
    if isinstance(value, datetime.date):
        return bool(value != value)  # noqa: PLR0124 - what is none differs from itself
    return type(value).__name__ == "NAType"


def _listed(value: Any) -> Any:
    """The plain value of a scalar, or the list that an array is. Moments and durations lose their nanoseconds."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in {"M", "m"}:
        value = value.astype("datetime64[us]" if kind == "M" else "timedelta64[us]")
    listed = value.tolist()
    if type(listed) is type(value):
        if isinstance(value, numbers.Real):  # of more digits than Python has
            return float(value)
        raise TypeError(f"there is no {type(value).__name__} in JSON")
    return listed


def _duration(value: datetime.timedelta) -> datetime.timedelta:
    return datetime.timedelta(value.days, value.seconds, value.microseconds)


_KINDS: tuple[tuple[Any, Any], ...] = (
    (str, str),
    (int, int),
    (float, float),
    (bytes, bytes),
    ((datetime.date, datetime.time), lambda moment: moment.isoformat()),
    (datetime.timedelta, _duration),
    (PurePath, str),
    ((ipaddress.IPv4Address, ipaddress.IPv6Address), str),
)
"""Classes whose heirs are as good as they are, and others that have one plain form. The order counts: a bool came before."""

_ABSTRACT: tuple[tuple[Any, Any], ...] = ((numbers.Rational, float), (Mapping, dict), (Collection, list))
"""What any other class may be; a string, a list and what numpy has came before."""

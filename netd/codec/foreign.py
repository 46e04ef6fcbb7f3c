"""JSON values for objects that the JSON library does not know: those of numpy and pandas, paths, classes of users.

Neither numpy nor pandas is imported; their objects are recognised by their attributes. The library calls this module only for a
value that it cannot write itself.
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
"""These as the names of members, as Python's ``json`` writes them. As values, the library writes them itself."""

_SPANS = ("Period", "Interval")
"""Classes of pandas that become text, because ``str`` gives their usual notation."""


def plain(value: Any) -> Any:
    """Return *value* as a JSON value, or as a container whose items the library then asks about one by one.

    An array becomes a list, a table a list of rows, a missing value of pandas None, and a moment text in the format of ISO 8601.

    :raises TypeError: when *value* has no such form.
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
    """Return the rows of a table, or the values of a column, as a list."""
    if not hasattr(value, "columns"):
        return value.tolist()
    if not value.columns.is_unique:
        raise TypeError("two columns of a table have one name")
    return value.to_dict("records")


def _is_missing(value: Any) -> bool:
    """Return True for the missing values of pandas, NaT and NA."""
    if isinstance(value, datetime.date):
        return bool(value != value)  # noqa: PLR0124 - NaT is a date, and the only one that differs from itself
    return type(value).__name__ == "NAType"


def _listed(value: Any) -> Any:
    """Return a scalar of numpy as Python's own, an array as a list. Moments and durations lose their nanoseconds."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in {"M", "m"}:
        value = value.astype("datetime64[us]" if kind == "M" else "timedelta64[us]")
    listed = value.tolist()
    if type(listed) is type(value):
        if isinstance(value, numbers.Real):  # longdouble, which has more digits than a float
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
"""Classes, and how an instance of each, or of a derived one, becomes plain. ``bool``, which derives from ``int``, came before."""

_ABSTRACT: tuple[tuple[Any, Any], ...] = ((numbers.Rational, float), (Mapping, dict), (Collection, list))
"""The same for abstract classes. They come last: a string and an array of numpy are collections, too."""

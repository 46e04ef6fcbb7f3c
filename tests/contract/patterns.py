"""What a result should look like, where some of it cannot be known: times, ports, numbers that grow.

A pattern is a JSON value in which a class stands for any value of it, ``...`` for anything, and the classes below for what they
say.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from attrs import frozen

__all__ = ["Holding", "Octets", "Saying", "difference", "filled"]


@frozen
class Holding:
    """A list that has an item like this one, among others."""

    item: Any


@frozen
class Saying:
    """A text in which each of these is found."""

    words: tuple[str, ...]


@frozen
class Octets:
    """Bytes: in base64 where there is JSON, and as text for people."""

    content: bytes


def difference(pattern: Any, value: Any, place: str = "it") -> str | None:
    """Where and how *value* is not as *pattern* says; None where it is.

    :param place: what *value* is called.
    """
    if pattern is ...:
        return None
    if isinstance(pattern, Holding):
        return _unlike_all(pattern.item, value, place)
    if isinstance(pattern, Mapping) and isinstance(value, Mapping):
        return _unlike_object(pattern, value, place)
    if isinstance(pattern, list) and isinstance(value, list) and len(pattern) == len(value):
        found = (difference(one, other, f"{place}[{at}]") for at, (one, other) in enumerate(zip(pattern, value, strict=True)))
        return next((one for one in found if one is not None), None)
    is_like, wanted = _compared(pattern, value)
    return None if is_like else f"{place} is {value!r}, {wanted}"


def _compared(pattern: Any, value: Any) -> tuple[bool, str]:
    """Whether *value* is as a simple *pattern* says, and what should have been there."""
    if isinstance(pattern, type):
        return isinstance(value, pattern) and (pattern is bool or not isinstance(value, bool)), f"and no {pattern.__name__}"
    if isinstance(pattern, re.Pattern):
        return isinstance(value, str) and pattern.fullmatch(value) is not None, f"not {pattern.pattern}"
    if isinstance(pattern, Saying):
        missing = [word for word in pattern.words if word not in str(value)]
        return not missing, f"without {missing}"
    wanted = b64encode(pattern.content).decode() if isinstance(pattern, Octets) else pattern
    return type(wanted) is type(value) and wanted == value, f"not {wanted!r}"


def _unlike_object(pattern: Mapping[str, Any], value: Mapping[str, Any], place: str) -> str | None:
    if pattern.keys() != value.keys():
        return f"{place} has the members {sorted(value)}, not {sorted(pattern)}: {value!r}"
    found = (difference(pattern[name], value[name], f"{place}.{name}") for name in pattern)
    return next((one for one in found if one is not None), None)


def _unlike_all(pattern: Any, value: Any, place: str) -> str | None:
    if not isinstance(value, list):
        return f"{place} is no list: {value!r}"
    found = [difference(pattern, one, f"{place}[{at}]") for at, one in enumerate(value)]
    return None if None in found else f"{place} has nothing like {pattern!r}: {found}"


def filled(pattern: Any, blanks: Mapping[Any, Any]) -> Any:
    """*pattern*, or arguments, with what *blanks* has in place of its keys."""
    if isinstance(pattern, Mapping):
        return {name: filled(one, blanks) for name, one in pattern.items()}
    if isinstance(pattern, list):
        return [filled(one, blanks) for one in pattern]
    if isinstance(pattern, Holding):
        return Holding(filled(pattern.item, blanks))
    return next((given for blank, given in blanks.items() if pattern is blank), pattern)

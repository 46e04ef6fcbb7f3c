"""One rule tried on one message."""

from __future__ import annotations

from typing import Any

from netd.errors import LineError
from netd.wire.fields import Match
from netd.wire.rules import RuleSet, parse_rule, parse_rules

__all__ = ["mistake", "readings", "tried", "values"]


def tried(rule: str, message: bytes | str, encoding: str = "utf-8") -> Match | None:
    """What *rule* finds in *message*; None if it does not match."""
    found = RuleSet((parse_rule(rule),), encoding).match(message.encode(encoding) if isinstance(message, str) else message)
    return None if found is None else found[1]


def values(rule: str, message: bytes | str, encoding: str = "utf-8") -> dict[str, Any] | None:
    """The values of its fields, or None."""
    found = tried(rule, message, encoding)
    return None if found is None else dict(found.values)


def readings(rule: str, message: bytes | str, encoding: str = "utf-8") -> list[tuple[Any, ...]] | None:
    """Channel, value and unit of each reading; with the name in front of those that have one. None if the rule does not match."""
    found = tried(rule, message, encoding)
    if found is None:
        return None
    return [(*(() if one.name is None else (one.name,)), one.channel, one.value, one.unit) for one in found.readings]


def mistake(rules: str) -> str:
    """What is wrong with *rules*, with the number of the line."""
    try:
        parse_rules(rules)
    except LineError as error:
        return f"{error.index}: {error}"
    return "nothing"

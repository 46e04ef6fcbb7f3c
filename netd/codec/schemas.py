"""JSON Schemas in consoles: describing them in words, reading their parts, and converting typed words by them.  Pure.

A word is converted to the first of these types that the schema allows and the word fits: null, boolean, integer, number, array or
object (as JSON), string.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = [
    "ANYTHING",
    "UnfitWord",
    "branch_of",
    "choices_of",
    "convert",
    "is_switch",
    "items_of",
    "kind_of",
    "member_of",
    "metavar_of",
    "takes_text",
]

ANYTHING: Mapping[str, Any] = MappingProxyType({})
"""The schema of any value."""

_EVERY_TYPE = ("null", "boolean", "integer", "number", "array", "object", "string")


class UnfitWord(ValueError):
    """The schema does not allow the word. The message names what it allows."""


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is too large")
    return value


def _json(word: str, *types: type) -> Any:
    value = json.loads(word, parse_constant=_refuse_constant, parse_float=_finite)
    if type(value) not in types:
        raise ValueError(f"a JSON {type(value).__name__}")
    return value


def _boolean(word: str) -> bool:
    return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}[word.lower()]


def _null(word: str) -> None:
    if word != "null":
        raise ValueError(word)


def _readers() -> Mapping[str, Callable[[str], Any]]:
    return {
        "null": _null,
        "boolean": _boolean,
        "integer": lambda word: _json(word, int),
        "number": lambda word: _json(word, int, float),
        "array": lambda word: _json(word, list),
        "object": lambda word: _json(word, dict),
        "string": lambda word: word,
    }


def _choices(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if isinstance(schema.get("enum"), list) else None


def _branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of *schema*, with nested unions resolved."""
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return [leaf for one in schema[word] if isinstance(one, Mapping) for leaf in _branches(one)]
    return [schema]


def _types(schema: Mapping[str, Any]) -> list[str]:
    """The JSON types that *schema* allows, in the order in which they are tried."""
    named: set[str] = set()
    for branch in _branches(schema):
        if _choices(branch) is not None:
            continue
        types = branch.get("type", _EVERY_TYPE)
        named |= {types} if isinstance(types, str) else set(types)
    if "string" in named and len(named) < len(_EVERY_TYPE):
        named.discard("null")  # where text is allowed, the word null is text; leaving the option out means null
    return [name for name in _EVERY_TYPE if name in named]


def _all_choices(schema: Mapping[str, Any]) -> list[Any]:
    return [choice for branch in _branches(schema) for choice in _choices(branch) or []]


def convert(word: str, schema: Mapping[str, Any]) -> Any:
    """Convert *word* to a type that *schema* allows. Ranges and lengths are checked by the daemon.

    :raises UnfitWord: if it fits none.
    """
    for choice in _all_choices(schema):
        if word in {choice if isinstance(choice, str) else json.dumps(choice)}:
            return choice
    readers = _readers()
    for name in _types(schema):
        try:
            return readers[name](word)
        except (ValueError, KeyError, RecursionError):
            continue
    raise UnfitWord(f"must be {kind_of(schema)}, not {word!r}")


def kind_of(schema: Mapping[str, Any]) -> str:
    """Describe *schema* in a few words: ``number or null``, ``"fast" or "slow"``, ``JSON array``."""
    try:
        words = [json.dumps(choice, ensure_ascii=False) for choice in _all_choices(schema)]
        types = _types(schema)
    except (TypeError, AttributeError):  # it is not a schema
        types = list(_EVERY_TYPE)
    if len(types) == len(_EVERY_TYPE):
        return "any JSON or text"
    plain = {
        "array": "JSON array",
        "object": "JSON object",
        "string": "text",
        "boolean": "true or false",
        "integer": "whole number",
    }
    words += [plain.get(name, name) for name in types if name != "null"]
    words += [name for name in types if name == "null"]
    return " or ".join(words)


def choices_of(schema: Mapping[str, Any]) -> list[str]:
    """The possible words for *schema*; empty if it allows others that cannot be listed."""
    types = set(_types(schema)) - {"null"}
    if types - {"boolean"}:
        return []
    listed = [choice if isinstance(choice, str) else json.dumps(choice) for choice in _all_choices(schema)]
    return [*listed, *(("true", "false") if types else ())]


def is_switch(schema: Mapping[str, Any]) -> bool:
    """Return True if *schema* allows booleans, and besides them at most null, so that a pair of flags can express it."""
    return set(_types(schema)) - {"null"} == {"boolean"} and not _all_choices(schema)


def metavar_of(schema: Mapping[str, Any]) -> str:
    """The placeholder for *schema* in a usage line: ``NUMBER``, ``TEXT``, ``[fast|slow]``."""
    choices = choices_of(schema)
    if choices:
        return f"[{'|'.join(choices)}]"
    types = set(_types(schema)) - {"null"}
    short = {"integer": "INTEGER", "number": "NUMBER", "string": "TEXT"}
    return short.get(next(iter(types)), "JSON") if len(types) == 1 else "WORD"


def takes_text(schema: Mapping[str, Any]) -> bool:
    """Return True if *schema* allows text, but not every value."""
    return any(isinstance(choice, str) for choice in _all_choices(schema)) or (
        "string" in _types(schema) and len(_types(schema)) < len(_EVERY_TYPE)
    )


_TYPES_OF_VALUES: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {
        type(None): ("null",),
        bool: ("boolean",),
        int: ("integer", "number"),
        float: ("number",),
        str: ("string",),
        list: ("array",),
        dict: ("object",),
    }
)


def branch_of(schema: Mapping[str, Any], value: object) -> Mapping[str, Any]:
    """The alternative of *schema* that describes *value*; :data:`ANYTHING` if none of several does."""
    branches = _branches(schema)
    if len(branches) == 1:
        return branches[0]
    types = _TYPES_OF_VALUES.get(type(value), ())
    fit = [branch for branch in branches if branch.get("type") in types and _has_constants(branch, value)]
    return fit[0] if fit else ANYTHING


def _has_constants(branch: Mapping[str, Any], value: object) -> bool:
    """Return True if the object *value* has the constant members of *branch*."""
    if not isinstance(value, dict):
        return True
    constants = {name: member["const"] for name, member in _members(branch).items() if "const" in member}
    return all(value.get(name) == constant for name, constant in constants.items())


def _members(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    listed = schema.get("properties")
    members = listed.items() if isinstance(listed, Mapping) else ()
    return {name: member for name, member in members if isinstance(member, Mapping)}


def member_of(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The schema of an object's member *name*."""
    found = _members(schema).get(name, schema.get("additionalProperties"))
    return found if isinstance(found, Mapping) else ANYTHING


def items_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an array's elements."""
    found = schema.get("items")
    return found if isinstance(found, Mapping) else ANYTHING

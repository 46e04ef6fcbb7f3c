"""JSON, decided once for all of netd: the only module that knows which library does it.

Taken: one JSON text in UTF-8, of bounded size and depth; of repeated keys the last counts; whole numbers may exceed 64 bits.
Refused: NaN and infinities, numbers out of range, lone surrogates, control characters in strings, other encodings, anything after
the text.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from netd.errors import InvalidArguments, ProtocolError, text_of
from netd.operations import Argument

__all__ = ["MAX_DEPTH", "BadJSON", "bind", "decode", "decode_object", "encode", "schema"]

MAX_DEPTH = 64
"""How deeply arrays and objects may nest."""

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?+|([\[{])|([\]}])', re.DOTALL)


class BadJSON(ProtocolError):
    """Bytes that are no acceptable JSON text; the message says why and where."""

    kind = "bad JSON"


def decode(text: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """The value of the JSON *text*. Its size is the caller's to bound, before it is collected.

    :raises BadJSON: for all that the module refuses.
    """
    if text.count(b"[") + text.count(b"{") > max_depth:
        _check_depth(text, max_depth)
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadJSON(f"not JSON: {error}") from None


def decode_object(text: bytes, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Like :func:`decode`, for wires on which only an object makes sense.

    :raises BadJSON: also when the text is JSON, but no object.
    """
    value = decode(text, max_depth)
    if not isinstance(value, dict):
        raise BadJSON("not a JSON object")
    return value


def encode(value: object) -> bytes:
    """*value* as compact JSON in UTF-8: plain values, attrs objects, enums; bytes become base64, NaN becomes null.

    :raises BadJSON: when some part of it cannot be JSON.
    """
    try:
        return msgspec.json.encode(value)
    except Exception as error:  # values of users' own classes may raise anything
        raise BadJSON(f"cannot be written as JSON: {text_of(error)}") from None


def schema(annotation: object) -> dict[str, Any]:
    """The JSON Schema of values that *annotation* takes; ``{}`` takes anything. A class unknown to JSON has a title alone."""
    if annotation is object:
        return {}
    return msgspec.json.schema(annotation, schema_hook=lambda kind: {"title": kind.__name__})


def bind(arguments: tuple[Argument, ...], parameters: dict[str, Any]) -> dict[str, Any]:
    """*parameters* checked and converted by the types of *arguments*, defaults filled in.

    :raises InvalidArguments: naming the argument that is missing, unknown or of the wrong type.
    """
    known = {argument.name for argument in arguments}
    if not parameters.keys() <= known:
        unknown = next(name for name in parameters if name not in known)
        raise InvalidArguments(f"{unknown}: no such argument; there are: {', '.join(sorted(known)) or 'none'}")
    bound = {}
    for argument in arguments:
        name = argument.name
        if name in parameters:
            value = parameters[name]
            bound[name] = value if type(value) is argument.type else _convert(argument, value)
        elif argument.is_required:
            raise InvalidArguments(f"{name}: this argument is missing")
        else:
            bound[name] = argument.default
    return bound


def _convert(argument: Argument, value: object) -> object:
    if argument.type is object or argument.type is Any:
        return value
    try:
        return msgspec.convert(value, argument.type)
    except Exception as error:  # the type may be a class of a user's own, which may raise anything
        raise InvalidArguments(f"{argument.name}: {text_of(error)}") from None


def _check_depth(text: bytes, max_depth: int) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        if found[1]:
            depth += 1
            if depth > max_depth:
                raise BadJSON(f"nested more than {max_depth} deep")
        elif found[2]:
            depth -= 1

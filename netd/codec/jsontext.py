"""JSON, with one set of rules for all of netd. With :mod:`netd.codec.jsontypes` the only module that imports the JSON library.

Accepted: one JSON text in UTF-8, of bounded size and depth. Of repeated keys the last one counts; whole numbers may exceed 64
bits. Refused: NaN and infinities, numbers out of range, lone surrogates, control characters in strings, other encodings, and
anything behind the text.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from netd.codec.foreign import plain
from netd.errors import ProtocolError, text_of
from netd.plaintext import BOM, unpadded

__all__ = [
    "MAX_DEPTH",
    "BadJSON",
    "check_numbers",
    "decode",
    "decode_object",
    "decode_object_with_nan",
    "depth_of",
    "encode",
    "encode_with_nan",
    "is_conclusive",
    "leading_objects",
    "objects_in",
    "to_plain",
]

MAX_DEPTH = 64
"""How deeply arrays and objects may nest."""

_NO_NUMBERS = re.compile(rb'"(?:[^"\\]|\\.)*+"?+|-?\bInfinity\b|\bNaN\b', re.DOTALL)
"""A string (so that words in it are passed over), or what Python's ``json`` writes for numbers that JSON does not have."""

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?+|([\[{])|([\]}])', re.DOTALL)
"""A string (so that brackets in it are passed over), an opening bracket, or a closing one."""

_encode = msgspec.json.Encoder(enc_hook=plain).encode


class BadJSON(ProtocolError):
    """Bytes are no acceptable JSON text. The message says why, and where."""

    kind = "bad JSON"


def decode(text: bytes) -> Any:
    """Return the value of the JSON *text*. The caller must have bounded its size, while it was received.

    :raises BadJSON: for everything that the module refuses.
    """
    # Counting brackets costs a fraction of following them, and a text with few of them, as nearly all are, cannot be deep.
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _check_depth(text)
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadJSON(f"not JSON: {error}") from None


def decode_object(text: bytes) -> dict[str, Any]:
    """Like :func:`decode`, for protocols in which each text is an object.

    :raises BadJSON: also for a text that is not an object.
    """
    value = decode(text)
    if not isinstance(value, dict):
        raise BadJSON("not a JSON object")
    return value


def decode_object_with_nan(text: bytes) -> dict[str, Any]:
    """Like :func:`decode_object`, for programs that write ``NaN``, ``Infinity`` and ``-Infinity``, as Python's ``json`` does.

    :raises BadJSON: as :func:`decode_object` does for the same text with zeros instead of these.
    """
    decode_object(_NO_NUMBERS.sub(lambda found: found[0] if found[0].startswith(b'"') else b"0", text))
    try:
        value = json.loads(text)
    except ValueError as error:  # -NaN and the like
        raise BadJSON(f"not JSON: {error}") from None
    assert isinstance(value, dict)
    return value


def leading_objects(text: bytes) -> tuple[list[bytes], bytes]:
    """Split *text* into the whole objects and arrays that it begins with, and the rest behind them.

    Only brackets are counted; whether each part is JSON is for :func:`decode` to find out.
    """
    found, depth, start = [], 0, 0
    for bracket in _BRACKETS.finditer(text):
        if bracket[1]:
            depth += 1
        elif bracket[2]:
            depth -= 1
            if depth < 0:
                return [], text
            if depth == 0:
                found.append(text[start : bracket.end()])
                start = bracket.end()
    return found, text[start:]


def objects_in(text: bytes) -> list[bytes]:
    """Return the objects and arrays that *text* consists of; an empty list if anything but blanks is left over."""
    found, rest = leading_objects(text)
    return [] if unpadded(rest) else found


def depth_of(text: bytes) -> int:
    """Return how many more brackets *text* opens than it closes."""
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket[1] else -1 if bracket[2] else 0
    return depth


def is_conclusive(text: bytes) -> bool:
    """Return True if no further byte can change what *text* is: it consists of whole objects, or it is no JSON."""
    return depth_of(text) <= 0 and not BOM.startswith(unpadded(text))


def encode_with_nan(value: object) -> bytes:
    """Like :func:`encode`, but NaN and infinities stay: for the programs that :func:`decode_object_with_nan` is for."""
    try:
        builtins = msgspec.to_builtins(value, enc_hook=plain)
        return json.dumps(builtins, ensure_ascii=False, separators=(",", ":")).encode()
    except Exception as error:  # values of users' own classes may raise anything
        raise BadJSON(f"cannot be written as JSON: {text_of(error)}") from None


def encode(value: object) -> bytes:
    """Return *value* as compact JSON in UTF-8.

    :param value: plain values, attrs objects, dataclasses, enums, moments, and what :mod:`netd.codec.foreign` knows. Bytes become
        base64, decimals become text, NaN becomes null.
    :raises BadJSON: when some part of *value* has no form in JSON.
    """
    try:
        return _encode(value)
    except Exception as error:  # values of users' own classes may raise anything
        raise BadJSON(f"cannot be written as JSON: {text_of(error)}") from None


def to_plain(value: object, keeps_bytes: bool = False) -> Any:
    """Return *value* as reading its JSON text would: made of dictionaries, lists or tuples, strings and numbers.

    :param keeps_bytes: whether bytes stay bytes instead of becoming base64.
    :raises BadJSON: when some part of *value* has no form in JSON.
    """
    try:
        return msgspec.to_builtins(value, builtin_types=(bytes,) if keeps_bytes else (), enc_hook=plain, str_keys=True)
    except Exception as error:  # values of users' own classes may raise anything
        raise BadJSON(f"cannot be written as JSON: {text_of(error)}") from None


def check_numbers(value: object) -> None:
    """Refuse a *value* that has NaN or an infinity in it, where null, which :func:`encode` would make of them, would mislead.

    :raises BadJSON: naming the place of such a number; and when some part of *value* has no form in JSON.
    """
    try:
        waiting = [("", msgspec.to_builtins(value, enc_hook=plain))]
    except Exception as error:  # values of users' own classes may raise anything
        raise BadJSON(f"cannot be written as JSON: {text_of(error)}") from None
    while waiting:
        place, one = waiting.pop()
        if isinstance(one, float) and not math.isfinite(one):
            raise BadJSON(f"cannot be written as JSON: there is no number {one}{place and f' (at {place})'}; None becomes null")
        if isinstance(one, dict):
            waiting += [(f"{place}[{key!r:.40}]", inner) for key, inner in one.items()]
        elif isinstance(one, list | tuple):
            waiting += [(f"{place}[{index}]", inner) for index, inner in enumerate(one)]


def _check_depth(text: bytes) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        if found[1]:
            depth += 1
            if depth > MAX_DEPTH:
                raise BadJSON(f"nested more than {MAX_DEPTH} deep")
        elif found[2]:
            depth -= 1

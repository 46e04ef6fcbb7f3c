"""``frame`` and ``say`` of a wire: how bytes become messages, read from the text of the option."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from netd.spelling import none_of, quoted
from netd.wire.checks import Check
from netd.wire.ended import BetweenFrame, EndedFrame
from netd.wire.escapes import unescape
from netd.wire.frame import Frame, FrameDecoder, FramingFailed, ShiftWatch
from netd.wire.objects import ObjectFrame
from netd.wire.sized import LengthFrame, RecordFrame
from netd.wire.strangers import recognised
from netd.wire.whole import DatagramFrame, RawFrame, SilenceFrame

__all__ = ["KINDS", "Frame", "FrameDecoder", "FramingFailed", "ShiftWatch", "parse_frame", "parse_say", "recognised"]

SHORTEST_SILENCE = 0.005
LONGEST_SILENCE = 60.0
MAX_SIZE = 1 << 20
MAX_MARK = 64

_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(ms|s)")


def parse_frame(text: str, check: Check | None = None) -> Frame:
    """Read the text of ``frame``.

    :param check: the sum within each message. The decoder drops messages in which it is wrong, and counts them.
    :raises ValueError: saying what is wrong with it.
    """
    kind, colon, rest = text.partition(":")
    read = KINDS.get(kind)
    if read is None:
        raise ValueError(none_of(kind, KINDS))
    return read(text, rest if colon else None, check)


def parse_say(text: str) -> Frame:
    """Read the text of ``say``: a frame, or ``raw``.

    :raises ValueError: saying what is wrong with it.
    """
    if text == "raw":
        return RawFrame(text)
    if text.partition(":")[0] not in KINDS:
        raise ValueError(none_of(text, (*KINDS, "raw")))
    return parse_frame(text)


def _mark(text: str, form: str) -> bytes:
    mark = unescape(text)
    if not 0 < len(mark) <= MAX_MARK:
        raise ValueError(f"write {form}, with 1 to {MAX_MARK} bytes for each of its marks")
    return mark


def _lines(text: str, rest: str | None, check: Check | None) -> Frame:
    ending = b"\n" if rest is None else _mark(rest, r"lines, or lines:\r for another end")
    return EndedFrame(text, ending, is_line=True, check=check)


def _until(text: str, rest: str | None, check: Check | None) -> Frame:
    return EndedFrame(text, _mark(rest or "", "until:END, such as until:;"), is_line=False, check=check)


def _between(text: str, rest: str | None, check: Check | None) -> Frame:
    form = r"between:A:B, such as between:\x02:\x03, or between:A:B:1 with a check byte (a colon within A or B is \x3a)"
    opening, ending, tail, *more = [*(rest or "").split(":"), "", "", ""][: max(3, (rest or "").count(":") + 1)]
    if more or (tail and not re.fullmatch("[1-8]", tail)):
        raise ValueError(f"write {form}")
    return BetweenFrame(text, _mark(opening, form), _mark(ending, form), int(tail or 0), check=check)


def _json(text: str, rest: str | None, check: Check | None) -> Frame:
    return ObjectFrame(_alone(text, rest), check=check)


def _datagram(text: str, rest: str | None, check: Check | None) -> Frame:
    return DatagramFrame(_alone(text, rest), check=check)


def _alone(text: str, rest: str | None) -> str:
    if rest is not None:
        raise ValueError(f"write {text.partition(':')[0]} alone: nothing follows it")
    return text


def _silence(text: str, rest: str | None, check: Check | None) -> Frame:
    found = _DURATION.fullmatch(rest or "")
    if found is None:
        raise ValueError("write silence:50ms, or another pause in ms or s")
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
    if not SHORTEST_SILENCE <= seconds <= LONGEST_SILENCE:
        raise ValueError(
            f"silence is 5ms to 60s: networks cut what one send() sends, and a shorter pause than 5ms is none, not {rest}"
        )
    return SilenceFrame(text, seconds, check=check)


def _bytes(text: str, rest: str | None, check: Check | None) -> Frame:
    form = "bytes:N, such as bytes:20, or bytes:20:start=aa55 for records that all begin so"
    words, named = _arguments(rest, ("start",), form)
    if len(words) != 1:
        raise ValueError(f"write {form}")
    size, start = _number(words[0], 1, MAX_SIZE, "bytes:N", form), _start(named)
    if len(start) > size:
        raise ValueError(f"start={named['start']} is longer than the record of {size} bytes")
    return RecordFrame(text, start, size, check=check)


_ORDERS: Mapping[str, Literal["big", "little"] | None] = MappingProxyType(
    {"text": None, "digits": None, "big": "big", "little": "little"}
)
"""How a length is written, with the order of its bytes if it is binary."""


def _length(text: str, rest: str | None, check: Check | None) -> Frame:
    form = "length:N, such as length:64 for text, length:8:digits, or length:4:big"
    words, named = _arguments(rest, ("at", "add", "start"), form)
    if not 1 <= len(words) <= 2:
        raise ValueError(f"write {form}")
    name = words[1] if len(words) > 1 else "text"
    if name not in _ORDERS:
        raise ValueError(none_of(name, _ORDERS))
    size, start = _number(words[0], 1, 64, "length:N", form), _start(named)
    if _ORDERS[name] is not None and size not in {1, 2, 4, 8}:
        raise ValueError(f"a binary length has 1, 2, 4 or 8 bytes, not {size}")
    at = _number(named.get("at", str(len(start))), 0, 1024, "at", form)
    add = _number(named.get("add", "0"), -1024, 1024, "add", form)
    if at < len(start):
        raise ValueError(f"at={at} is within start={named['start']}; the length stands behind it: at={len(start)} or more")
    return LengthFrame(text, start, size, _ORDERS[name], name == "digits", at, add, check=check)


def _arguments(rest: str | None, names: tuple[str, ...], form: str) -> tuple[list[str], dict[str, str]]:
    """Split what follows the first colon into words and ``name=value``."""
    words: list[str] = []
    named: dict[str, str] = {}
    for part in (rest or "").split(":"):
        name, equals, value = part.partition("=")
        if not equals:
            words.append(part)
        elif name not in names:
            raise ValueError(none_of(name, names))
        elif name in named:
            raise ValueError(f"{name} is given twice")
        else:
            named[name] = value
    if named and any("=" not in part for part in (rest or "").split(":")[len(words) :]):
        raise ValueError(f"write {form}; what has a = stands last")
    return words, named


def _number(text: str, least: int, most: int, name: str, form: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ValueError(f"{name} is a number from {least} to {most}, not {quoted(text)}; write {form}")
    return int(text)


def _start(named: Mapping[str, str]) -> bytes:
    text = named.get("start", "")
    if "start" in named and not re.fullmatch(r"(?:[0-9A-Fa-f]{2}){1,16}", text):
        raise ValueError(f"start is 1 to 16 bytes in hexadecimal, such as start=7878, not {quoted(text)}")
    return bytes.fromhex(text)


KINDS: Mapping[str, Callable[[str, str | None, Check | None], Frame]] = MappingProxyType(
    {
        "lines": _lines,
        "until": _until,
        "between": _between,
        "length": _length,
        "bytes": _bytes,
        "json": _json,
        "silence": _silence,
        "datagram": _datagram,
    }
)
"""The kinds of frames, with the function that reads each."""

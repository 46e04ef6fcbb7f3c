"""What was recorded as lines of InfluxDB's protocol: ``session,instance=main,agent=greenhouse,channel=temp value=21.5 1796…``.

The measurement is the kind of service. What tells series apart is a tag; all fields are floating-point numbers, so that a field
never changes its type. Times are microseconds. A server keeps one value of a series and time: further samples with the same time
get the next free microseconds, the same ones each time that they are sent.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

__all__ = ["LineBatch", "LineBatches", "body_of", "key_of", "make_batches"]

MOST_MEMBERS = 64
"""Numbers of an event that become fields."""

LONGEST = 200
"""Characters of a tag or of the name of a field."""

MOST_BYTES = 4 << 20
"""Bytes of the lines of a batch, but for a longer line."""

OWN_MEMBERS = ("time", "agent_time", "generation", "session")
"""Members of events that are no measurements: the line has a time, and numbers of sessions and connections only grow."""

TAGS: Mapping[str, tuple[str, ...]] = {
    "session": ("instance", "agent", "channel"),
    "wire": ("instance", "event", "name", "channel"),
    "relay": ("instance", "event", "device"),
    "feed": ("instance", "event"),
    "command": ("instance", "event"),
    "room": ("instance", "room", "event"),
    "recorder": ("instance", "event"),
    "forward": ("instance", "event"),
    "system": ("instance", "event"),
    "alert": ("alert",),
}
"""The tags of the tokens of a subject, behind the kind. All that are left, of other subjects all, are the tag ``subject``."""

LEVEL = 1
"""Of the compression: lines are so much alike that more costs time and wins little."""


@frozen
class LineBatch:
    """Lines that are posted together.

    :ivar body: all of them, as they are posted.
    :ivar until: everything before this time has been sent when this batch has, in microseconds since the epoch.
    """

    lines: list[bytes]
    body: bytes
    until: int


@frozen
class LineBatches:
    """The lines of a piece of the past.

    :ivar taken: for each series, the last time that one of its lines has, where that is not before the end of the piece.
    """

    batches: list[LineBatch]
    taken: dict[str, int]


def key_of(subject: str, unit: str) -> str:
    """Return measurement and tags of a series."""
    kind, *rest = subject.split(".")
    tags = list(zip(TAGS.get(kind, ()), rest, strict=False))
    left = ".".join(rest[len(tags) :])
    if left:
        tags.append(("subject", left))
    if unit:
        tags.append(("unit", unit))
    written = [f"{name}={_escaped(value, ', =')}" for name, value in tags]
    return ",".join([_escaped(kind, ", "), *written])


def make_batches(moments: Sequence[Any], end: int, taken: Mapping[str, int], most: int, is_zipped: bool) -> LineBatches:
    """Return batches of *moments*.

    :param moments: samples and events in the order of time (:class:`netd.recorder.pieces.PastMoment`).
    :param end: where the next piece begins.
    :param taken: what the piece before has said.
    :param most: lines of a batch.
    """
    last = dict(taken)
    keys: dict[tuple[str, str], str] = {}
    batches: list[LineBatch] = []
    lines: list[bytes] = []
    size = 0
    for moment in moments:
        series = moment.series
        if "@" in series.subject:  # another node's, which sends it itself
            continue
        name = series.subject, series.unit
        key = keys.get(name) or keys.setdefault(name, key_of(*name))
        fields = _fields(moment)
        if not fields:
            continue
        if len(lines) >= most or size >= MOST_BYTES:
            batches.append(_batch(lines, moment.time, is_zipped))
            lines, size = [], 0
        time = last[key] = max(moment.time, last.get(key, moment.time - 1) + 1)
        lines.append(f"{key} {fields} {time}".encode())
        size += len(lines[-1])
    if lines:
        batches.append(_batch(lines, end, is_zipped))
    return LineBatches(batches, {key: time for key, time in last.items() if time >= end})


def body_of(lines: Iterable[bytes], is_zipped: bool) -> bytes:
    """Return *lines* as they are posted."""
    text = b"\n".join(lines) + b"\n"
    return gzip.compress(text, LEVEL, mtime=0) if is_zipped else text


def _batch(lines: list[bytes], until: int, is_zipped: bool) -> LineBatch:
    return LineBatch(lines, body_of(lines, is_zipped), until)


def _fields(moment: Any) -> str:
    """Return the fields of a sample or an event; nothing if it has no number."""
    if moment.text is None:
        number = _number(moment.event[0])
        return f"value={number}" if number else ""
    event = moment.event
    members = event if isinstance(event, dict) else {"value": event}
    found = []
    for name, value in members.items():
        written = _number(value)
        if written and name and name not in OWN_MEMBERS and not name.startswith("_"):
            found.append(f"{_escaped(name, ', =')}={written}")
            if len(found) == MOST_MEMBERS:
                break
    return ",".join(found)


def _number(value: object) -> str:
    """Return a number as the protocol writes it; nothing for what is none."""
    if not isinstance(value, (int, float)):
        return ""
    try:
        number = float(value)  # True is 1
    except OverflowError:
        return ""
    return repr(number) if math.isfinite(number) else ""


def _escaped(text: str, marks: str) -> str:
    """Return *text* with a backslash before *marks*. It can have no backslash of its own: before a comma it would escape that."""
    if not text.isascii() or not text.isalnum():
        text = "".join(mark if mark.isprintable() and mark != "\\" else "_" for mark in text[:LONGEST])
        for mark in marks:
            text = text.replace(mark, f"\\{mark}")
        return text
    return text[:LONGEST]

"""Samples and events on their way to the node that keeps everybody's history: blocks of bytes, and which of them have come.

A block is JSON, compressed by zlib: ``{"samples": [[subject, label, unit, [times], [values], [agents' times] or null], …],
"events": [[subject, label, unit, time, text], …]}``. Times are whole microseconds since the epoch.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import frozen

from netd.bus.subject import is_subject
from netd.codec.jsontext import BadJSON, decode, encode
from netd.recorder.blocks import BadBlock, Columns, sound
from netd.recorder.intake import EventTaken, SamplesTaken, SeriesName
from netd.recorder.micros import MICRO

__all__ = ["MOST_BYTES", "MOST_ROWS", "Received", "Rename", "pack_shipment", "taken_of", "unpack_shipment"]

MOST_ROWS = 200
"""Samples and events of a block."""

MOST_BYTES = 400_000
"""Bytes of the text of the events of a block. A single event that is longer is not shipped: NATS would not take it."""

LARGEST = 1 << 24
"""Bytes of JSON in a block, at most."""

MOST_RANGES = 100
"""Holes that are remembered, of one sender. Blocks come in order; a hole is one that was lost for good, or comes late."""

LATEST = 253_402_300_800 * MICRO
"""The end of the year 9999, and of the times of a block. A part with a later one could be neither sealed nor shown."""

LEVEL = 1

Rename = Callable[[str], str | None]
"""Returns the name that a subject of another node has on this one, or None for one that has none."""


def pack_shipment(samples: SamplesTaken, events: Iterable[EventTaken]) -> Iterator[bytes]:
    """Yield blocks of at most :data:`MOST_ROWS` rows. What is no finite number is left out."""
    packed: list[object] = []
    rows = 0
    for name, taken in samples.items():
        columns, start = sound(taken), 0
        while start < len(columns):
            part = columns.part(start, start + MOST_ROWS - rows)
            packed.append([*name, part.times, part.values, part.agent_times])
            rows, start = rows + len(part), start + len(part)
            if rows == MOST_ROWS:
                yield _compressed(packed, ())
                packed, rows = [], 0
    said: list[object] = []
    size = 0
    for name, time, text in events:
        if len(text) > MOST_BYTES:
            continue
        if rows == MOST_ROWS or size + len(text) > MOST_BYTES:
            yield _compressed(packed, said)
            packed, said, rows, size = [], [], 0, 0
        said.append([*name, time, text.decode("utf-8", "replace")])
        rows, size = rows + 1, size + len(text)
    if rows:
        yield _compressed(packed, said)


def unpack_shipment(data: bytes) -> tuple[dict[SeriesName, Columns], list[EventTaken]]:
    """Return the samples and events of a block.

    :raises BadBlock: if it is none.
    """
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(data, LARGEST)
        if not inflate.eof:
            raise BadBlock("it is cut off, or too long")
        found = decode(text)
        samples: dict[SeriesName, Columns] = {}
        for subject, label, unit, times, values, agent_times in found["samples"]:
            columns = _columns(times, values, agent_times)
            samples.setdefault(_series(subject, label, unit), Columns([], [])).add(columns)
        events = [
            EventTaken(_series(subject, label, unit), _time(time), _event(event))
            for subject, label, unit, time, event in found["events"]
        ]
    except (zlib.error, BadJSON, TypeError, KeyError, ValueError) as error:
        raise error if isinstance(error, BadBlock) else BadBlock(f"no block of a history: {error!r}") from None
    return samples, events


def taken_of(blocks: Iterable[bytes], rename: Rename) -> tuple[dict[SeriesName, Columns], list[EventTaken]]:
    """Return the samples and events of all *blocks*, under the names that they have here. A block that is none is left out."""
    samples: dict[SeriesName, Columns] = {}
    events: list[EventTaken] = []
    for block in blocks:
        try:
            found, said = unpack_shipment(block)
        except BadBlock:
            continue
        for series, columns in found.items():
            subject = rename(series.subject)
            if subject is not None:
                samples.setdefault(series._replace(subject=subject), Columns([], [])).add(columns)
        for series, time, text in said:
            subject = rename(series.subject)
            if subject is not None:
                events.append(EventTaken(series._replace(subject=subject), time, text))
    return samples, events


@frozen
class Received:
    """The numbers of blocks that have come from one sender, as ranges: they come in order, but for some that come late.

    :ivar ranges: first and last number of each, in order.
    """

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def read(cls, text: str) -> Received:
        """Return what :attr:`text` has said."""
        spans = (span.partition("-") for span in text.split(","))
        return cls(tuple((int(first), int(last)) for first, _, last in spans))

    @property
    def text(self) -> str:
        """All of it in one line."""
        return ",".join(f"{first}-{last}" for first, last in self.ranges)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.ranges, (number, LARGEST * LARGEST)) - 1
        if at < 0:
            return len(self.ranges) >= MOST_RANGES  # of those before, it is not known any more
        return number <= self.ranges[at][1]

    def plus(self, numbers: Sequence[int]) -> Received:
        """Return this with *numbers*, too."""
        spans = sorted([*self.ranges, *((number, number) for number in numbers)])
        joined: list[tuple[int, int]] = []
        for first, last in spans:
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        return Received(tuple(joined[-MOST_RANGES:]))


def _compressed(samples: Sequence[object], events: Sequence[object]) -> bytes:
    return zlib.compress(encode({"samples": samples, "events": events}), LEVEL)


def _series(subject: Any, label: Any, unit: Any) -> SeriesName:
    if not is_subject(_text(subject)):
        raise BadBlock("a subject is none")
    return SeriesName(subject, _text(label), _text(unit))


def _columns(times: Any, values: Any, agent_times: Any) -> Columns:
    if type(times) is not list or type(values) is not list or len(times) != len(values) or {*map(type, times)} - {int}:
        raise BadBlock("times and values do not fit")
    if times and not 0 <= min(times) <= max(times) < LATEST:
        raise BadBlock("a time is no time")
    if {*map(type, values)} - {int, float}:
        raise BadBlock("a value is no number")
    if agent_times is not None and (len(agent_times) != len(times) or {*map(type, agent_times)} - {int, type(None)}):
        raise BadBlock("agents' times do not fit")
    return Columns(times, values, agent_times)


def _time(value: Any) -> int:
    if type(value) is not int or not 0 <= value < LATEST:
        raise BadBlock("a time is no time")
    return value


def _event(value: Any) -> bytes:
    text = _text(value).encode()
    decode(text)  # or each answer with this event in it would fail, as long as the record is kept
    return text


def _text(value: Any) -> str:
    if type(value) is not str:
        raise BadBlock("a name is no text")
    return value

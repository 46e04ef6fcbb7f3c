"""Samples and events between the bus and the store: samples as columns, a pair for each series, and events as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from netd.recorder.blocks import Columns
from netd.recorder.micros import MICRO, micros

__all__ = ["EventTaken", "SamplesTaken", "SeriesName", "add_read", "merged", "samples_in", "weight_of"]

_TEXT = itemgetter(2)
"""The text of an event."""


class SeriesName(NamedTuple):
    """The name of a series. A series is a subject with a unit: another label is the same series, another unit is not."""

    subject: str
    label: str = ""
    unit: str = ""


SamplesTaken = Mapping[SeriesName, Columns]
"""The samples of some time, by series, in the order in which they came."""


class EventTaken(NamedTuple):
    """One event. *time* is when it was published, in microseconds since the epoch; *text* is its JSON."""

    series: SeriesName
    time: int
    text: bytes


def add_read(columns: Columns, time: int, values: Sequence[float], agent_times: Sequence[float | None]) -> None:
    """Append the samples of one read to the *columns* of their series.

    :param time: when they came, in microseconds since the epoch.
    :param agent_times: the time that the agent gave for each, in seconds since the epoch; empty where it gave none.
    """
    count = len(values)
    if agent_times or columns.agent_times is not None:
        columns.add(Columns([time] * count, list(values), _all_micros(agent_times) or None))
    elif count == 1:  # half the time, for what sessions send most
        columns.times.append(time)
        columns.values.append(values[0])
    else:
        columns.times += [time] * count
        columns.values += values


def samples_in(samples: Mapping[Any, Columns]) -> int:
    """Return how many samples these are."""
    return sum([len(columns.times) for columns in samples.values()])


def weight_of(samples: SamplesTaken, events: Sequence[EventTaken], count: int) -> int:
    """Return about how many bytes of memory these take.

    :param count: how many samples there are.
    """
    return 300 * len(samples) + 90 * count + 200 * len(events) + sum(map(len, map(_TEXT, events)))


def merged(batches: Sequence[SamplesTaken]) -> SamplesTaken:
    """Return the samples of several batches, which stay as they are."""
    if len(batches) == 1:
        return batches[0]
    found: dict[SeriesName, Columns] = {}
    for batch in batches:
        for series, columns in batch.items():
            before = found.get(series)
            if before is None:
                found[series] = columns.copy()
            else:
                before.add(columns)
    return found


def _all_micros(agent_times: Sequence[float | None]) -> list[int | None]:
    try:
        return [round(one * MICRO) for one in agent_times]  # type: ignore[operator] # None raises TypeError
    except (TypeError, OverflowError, ValueError):
        return [None if one is None else _micros_or_none(one) for one in agent_times]


def _micros_or_none(seconds: float) -> int | None:
    """Return *seconds* as whole microseconds; None for a time that is no number."""
    try:
        return micros(seconds)
    except (OverflowError, ValueError):
        return None

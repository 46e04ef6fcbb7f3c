"""Samples and events between the bus and the store: the samples of one read, and events as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from netd.recorder.blocks import Columns
from netd.recorder.micros import MICRO, micros

__all__ = ["EventTaken", "ReadTaken", "SeriesName", "gather", "samples_in", "weight_of"]

_THIRD = itemgetter(2)
"""The values of a read, or the text of an event."""


class SeriesName(NamedTuple):
    """The name of a series. A series is a subject with a unit: another label is the same series, another unit is not."""

    subject: str
    label: str = ""
    unit: str = ""


class ReadTaken(NamedTuple):
    """Samples of one series that came at once.

    :ivar time: when they came, in microseconds since the epoch.
    :ivar agent_times: the time that the agent gave for each, in seconds since the epoch; empty where it gave none.
    """

    series: SeriesName
    time: int
    values: Sequence[float]
    agent_times: Sequence[float | None] = ()


class EventTaken(NamedTuple):
    """One event. *time* is when it was published, in microseconds since the epoch; *text* is its JSON."""

    series: SeriesName
    time: int
    text: bytes


def samples_in(reads: Iterable[ReadTaken]) -> int:
    """Return how many samples *reads* have. Of each read this costs 40 ns, a fifth of what a generator does."""
    return sum(map(len, map(_THIRD, reads)))


def weight_of(reads: Sequence[ReadTaken], events: Sequence[EventTaken], samples: int) -> int:
    """Return about how many bytes of memory these take.

    :param samples: how many the reads have.
    """
    return 200 * (len(reads) + len(events)) + 60 * samples + sum(map(len, map(_THIRD, events)))


def gather(reads: Iterable[ReadTaken]) -> dict[SeriesName, Columns]:
    """Return the samples of *reads* by series, in the order in which they came."""
    found: dict[SeriesName, Columns] = {}
    for series, time, values, agent_times in reads:
        columns = found.get(series)
        if columns is None:
            columns = found[series] = Columns([], [])
        count = len(values)
        if agent_times or columns.agent_times is not None:
            columns.add(Columns([time] * count, list(values), _all_micros(agent_times) or None))
        elif count == 1:  # half the time, for what sessions send most
            columns.times.append(time)
            columns.values.append(values[0])
        else:
            columns.times += [time] * count
            columns.values += values
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

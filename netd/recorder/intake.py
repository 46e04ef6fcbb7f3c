"""What the recorder takes from the bus, and hands to the store: samples of one read, and events as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netd.recorder.blocks import MICRO, Columns

__all__ = ["EventTaken", "ReadTaken", "SeriesName", "gather", "weight_of_event", "weight_of_read"]


class SeriesName(NamedTuple):
    """What a series is called. A series is a subject with a unit: another label is the same series, another unit is not."""

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


def weight_of_read(read: ReadTaken) -> int:
    """Return about how many bytes of memory *read* takes."""
    return 200 + 40 * (len(read.values) + len(read.agent_times))


def weight_of_event(event: EventTaken) -> int:
    """Return about how many bytes of memory *event* takes."""
    return 200 + len(event.text)


def gather(reads: Iterable[ReadTaken]) -> dict[SeriesName, Columns]:
    """Return the samples of *reads* by series, in the order in which they came."""
    found: dict[SeriesName, Columns] = {}
    for series, time, values, agent_times in reads:
        columns = found.get(series)
        if columns is None:
            columns = found[series] = Columns([], [])
        count = len(values)
        if agent_times or columns.agent_times is not None:
            said = [None if one is None else _micros(one) for one in agent_times] or [None] * count
            columns.add(Columns([time] * count, list(values), said))
        elif count == 1:  # most agents send a sample at a time: without its lists, one costs half
            columns.times.append(time)
            columns.values.append(values[0])
        else:
            columns.times += [time] * count
            columns.values += values
    return found


def _micros(seconds: float) -> int | None:
    """Return *seconds* as whole microseconds; None for a time that is no number."""
    try:
        return round(seconds * MICRO)
    except (OverflowError, ValueError):
        return None

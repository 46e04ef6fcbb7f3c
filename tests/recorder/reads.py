"""Reads of samples, as tests write them down, gathered by series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netd.recorder.blocks import Columns
from netd.recorder.intake import SeriesName, add_read

__all__ = ["ReadTaken", "gather"]


class ReadTaken(NamedTuple):
    """Samples of one series that came at once."""

    series: SeriesName
    time: int
    values: Sequence[float]
    agent_times: Sequence[float | None] = ()


def gather(reads: Iterable[ReadTaken]) -> dict[SeriesName, Columns]:
    """The samples of *reads* by series."""
    found: dict[SeriesName, Columns] = {}
    for read in reads:
        add_read(found.setdefault(read.series, Columns([], [])), *read[1:])
    return found

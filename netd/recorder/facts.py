"""The settings by which a recorder writes, and the facts about its writing."""

from __future__ import annotations

from attrs import frozen

from netd.recorder.retention import Retention

__all__ = ["StoreFacts", "StoreSettings"]


@frozen
class StoreSettings:
    """Settings of the writing. Times are seconds, sizes bytes.

    :ivar sync: the longest time until what was written is on the disk for sure; None leaves that to SQLite's checkpoints.
    :ivar most_waiting: memory for samples and events that wait to be written; further ones are dropped.
    :ivar keep_hourly: how long the hourly summary stays; None for ever.
    """

    sync: float | None
    most_waiting: int
    retention: Retention
    keep_hourly: float | None = None


@frozen
class StoreFacts:
    """Facts about the writing, for people and metrics.

    :ivar part: the file that is written to; empty before the first.
    :ivar parts: the number of parts, and their *size* in bytes.
    :ivar oldest: the name of the oldest part.
    :ivar open_samples: samples that are in the journal, and in no block yet.
    :ivar samples: samples that were written since the start, *events* likewise.
    :ivar refused: samples that were no numbers, and samples and events of too many series.
    :ivar paused: why nothing is written; empty while all is well. *paused_since* is the time by the wall clock.
    :ivar is_synced: whether all that was written is on the disk for sure.
    :ivar error: what went wrong last, and *error_time* when, by the wall clock.
    :ivar damaged: names of files that were set aside because they cannot be read.
    :ivar unchecked: a part that was not closed, and goes on: its integrity is to be checked by a reader.
    """

    part: str = ""
    parts: int = 0
    size: int = 0
    oldest: str = ""
    open_samples: int = 0
    samples: int = 0
    events: int = 0
    refused: int = 0
    paused: str = ""
    paused_since: float | None = None
    is_synced: bool = True
    error: str = ""
    error_time: float | None = None
    damaged: tuple[str, ...] = ()
    unchecked: str = ""

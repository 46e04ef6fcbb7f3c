"""The results of the operations of a recorder, and its status."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.codec.units import ABSENT, Absent, Bytes, Epoch, Measured, Prose, Seconds, Took
from netd.status import ServiceStatus, Work

__all__ = [
    "DeletedParts",
    "FlushedRecorder",
    "Gap",
    "HistoryPage",
    "HistoryPoints",
    "NoteFacts",
    "PastEvent",
    "PastSamples",
    "RecorderStatus",
    "ReplayFacts",
    "ReplayedSample",
    "RunFacts",
    "SeriesFacts",
    "SeriesPoints",
]


@frozen(slots=False)
class SeriesFacts:
    """A series: a subject with a unit. The same subject in another unit is another series.

    :ivar label: what is measured, in words, as it was said last.
    :ivar first: when the first sample or event came; *last* is when the last did.
    :ivar count: samples and events.
    :ivar numeric: whether it has samples; otherwise it has events alone.
    """

    subject: str
    label: str
    unit: str
    first: Epoch
    last: Epoch
    count: int
    numeric: bool


@frozen(slots=False)
class SeriesPoints:
    """The points of one series. The lists are equally long.

    :ivar exact: whether each point is made of the samples of its stretch of time alone, which begins at its time. Otherwise
        samples are counted with the first one of their block, and the time of a point is that of its first sample.
    :ivar min: the least value of each point, *max* the greatest, *mean* the mean value.
    :ivar count: samples of each point.
    """

    subject: str
    label: str
    unit: str
    exact: bool
    times: list[Epoch]
    min: list[Measured]
    max: list[Measured]
    mean: list[Measured]
    count: list[int]


@frozen(slots=False)
class Gap:
    """A time in which nothing was recorded, or not everything.

    :ivar end: None where it goes on.
    """

    begin: Epoch
    end: Epoch | None
    reason: Prose


@frozen(slots=False)
class NoteFacts:
    """A note.

    :ivar until: the end of the time that it is about; None where it is about a moment.
    :ivar subject: the subjects that it is about, a pattern; None where it is about all.
    :ivar run: the number of the run that it belongs to.
    :ivar who: the caller who wrote it.
    :ivar instance: the recorder of another node that keeps it, ``main@B``.
    """

    note: int
    time: Epoch
    until: Epoch | None
    subject: str | None
    text: Prose
    run: int | None
    who: str
    instance: str | Absent = ABSENT


@frozen(slots=False)
class RunFacts:
    """A run: a time that has a number and a name.

    :ivar end: None while it goes on.
    :ivar patterns: the subjects that belong to it.
    :ivar facts: what its beginner wanted to be kept with it.
    :ivar who: the caller who began it.
    :ivar instance: the recorder of another node that keeps it, ``main@B``.
    """

    run: int
    name: str
    begin: Epoch
    end: Epoch | None
    patterns: list[str]
    facts: dict[str, Any]
    who: str
    instance: str | Absent = ABSENT


@frozen(slots=False)
class HistoryPoints:
    """The answer of ``history.query``.

    :ivar width: the time that each point covers.
    :ivar gaps: when nothing was recorded, or not everything.
    """

    begin: Epoch
    end: Epoch
    width: Seconds
    series: list[SeriesPoints]
    gaps: list[Gap]
    notes: list[NoteFacts]


@frozen(slots=False)
class PastSamples:
    """Samples of one series, sorted by time. The lists are equally long.

    :ivar agent_times: the time that the agent gave for each, or null; null where it gave none for any.
    """

    subject: str
    unit: str
    times: list[Epoch]
    values: list[Measured]
    agent_times: list[Epoch | None] | None


@frozen(slots=False)
class PastEvent:
    """An event.

    :ivar time: when it was published.
    :ivar data: the event as it was published.
    """

    subject: str
    time: Epoch
    data: Any


@frozen(slots=False)
class HistoryPage:
    """The answer of ``history.read``.

    :ivar items: samples and events.
    :ivar after: the argument ``after`` of the call for the next page; null behind the last.
    :ivar gaps: those of the whole time, with the first page; later pages have none.
    """

    items: list[Any]
    after: str | None
    gaps: list[Gap]


@frozen
class ReplayedSample:
    """A sample that is published again.

    :ivar time: when it came for the first time.
    """

    value: Measured
    time: Epoch
    agent_time: Epoch | None


@frozen(slots=False)
class ReplayFacts:
    """A replay; also the event ``<prefix>.<number>.state``.

    :ivar state: ``running``, ``ended``, ``halted`` or ``failed``; *reason* says why.
    :ivar subjects: the pattern of what it publishes.
    :ivar position: the time that it has come to; None before the first event.
    :ivar behind: by how much it is late, because netd had other things to do or the disk was slow.
    :ivar loops: how often it has begun again.
    """

    number: int
    state: str
    reason: Prose
    subjects: str
    patterns: list[str]
    begin: Epoch
    end: Epoch
    position: Epoch | None
    speed: float
    published: int
    behind: Seconds
    loops: int
    who: str


@frozen(slots=False)
class FlushedRecorder:
    """Everything that was published before is on the disk."""

    seconds: Took


@frozen(slots=False)
class DeletedParts:
    """The files of days that were deleted."""

    parts: list[str]


@frozen(slots=False, kw_only=True)
class RecorderStatus(ServiceStatus):
    """The status of a recorder.

    :ivar state: ``recording``; ``paused``, when nothing is written and what comes waits; ``dropping``, when no more can wait.
    :ivar reason: why it is not recording, and the remedy; empty while it is.
    :ivar directory: where the files are.
    :ivar size: bytes of all files.
    :ivar parts: the number of files of days.
    :ivar newest_part: the file that is written now; empty before the first.
    :ivar waiting: bytes of memory of what waits to be written.
    :ivar work: where it records to, and how much it keeps.
    :ivar damaged: for each file that cannot be read, the reason.
    """

    state: str
    reason: Prose
    directory: str
    size: Bytes
    parts: int
    newest_part: str
    waiting: Bytes
    work: list[Work]
    damaged: dict[str, str]

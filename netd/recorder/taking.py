"""What the recorder takes of the messages of the bus: numbers as samples, everything else as JSON text.

This runs for each message, in the reactor's thread, and costs less than a microsecond a sample: samples are appended to the
columns of their series, without an object for each, and an event is encoded once for all who need its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import define, field, frozen

from netd.bus.subject import matches
from netd.codec.jsontext import BadJSON, encode
from netd.message import UNDESCRIBED, Described, Message
from netd.recorder.blocks import Columns
from netd.recorder.intake import EventTaken, SeriesName, add_read
from netd.recorder.micros import MICRO

__all__ = ["Selection", "Taking"]

MOST_KNOWN = 65_536
"""Subjects that are remembered, with what is to be done with them. Above, all are looked up again."""

SPECIAL = ("replay.>", "system.main.vitals")
"""Subjects that are recorded only where a pattern names them: replayed events would be recorded again, and vitals are no data."""


@frozen
class Selection:
    """What is recorded.

    :ivar record: the patterns that the recorder subscribes to.
    :ivar exclude: the patterns of subjects among these that it leaves out.
    """

    record: tuple[str, ...]
    exclude: tuple[str, ...] = ()

    def owner(self, subject: str) -> str | None:
        """Return the pattern by which *subject* is recorded, the first that takes it; None where it is left out.

        Several patterns may take one subject, and the bus delivers an event for each of them; those of other nodes only for
        patterns that name a node.
        """
        if any(matches(pattern, subject) for pattern in self.exclude):
            return None
        special = next((pattern for pattern in SPECIAL if matches(pattern, subject)), None)
        if special is not None:
            name = special.removesuffix(".>")
            return next((one for one in self.record if f"{one}.".startswith(f"{name}.") and matches(one, subject)), None)
        return next((one for one in self.record if matches(one, subject) and ("@" in one or "@" not in subject)), None)


@define
class _Known:
    """A subject.

    :ivar owner: the pattern by which it is recorded, if it is.
    :ivar described: the description by which its *series* is named.
    :ivar columns: where its samples go while *taken* is what is being filled.
    """

    owner: str | None
    described: Described
    series: SeriesName
    columns: Columns = field(factory=lambda: Columns([], []))
    taken: object = None


class Taking:
    """Collects what came until the next flush.

    :param described: returns the description of a subject.
    :ivar samples: samples that were taken, by series, and *events* likewise.
    :ivar count: how many samples and events these are.
    :ivar size: bytes of the text of these events.
    """

    def __init__(self, selection: Selection, described: Callable[[str], Described]) -> None:
        self._selection = selection
        self._described = described
        self._known: dict[str, _Known] = {}
        self._readers: dict[type, Callable[[Any], tuple[float, float | None] | None]] = {}
        self.samples: dict[SeriesName, Columns] = {}
        self.events: list[EventTaken] = []
        self.count = 0
        self.size = 0
        self.unfit = 0

    def select(self, selection: Selection) -> None:
        """Take by *selection* from now on."""
        self._selection = selection
        self._known.clear()

    def take(self, pattern: str, message: Message) -> None:
        """Take a message that came by the subscription of *pattern*."""
        subject = message.subject
        known = self._known.get(subject)
        if known is None:
            known = self._learn(subject)
        if known.owner != pattern:
            return
        described = self._described(subject)
        # A busy bus forgets subjects, with their descriptions; the one that is remembered here holds until another is given.
        if described is not known.described and described is not UNDESCRIBED:
            known.described, known.series = described, SeriesName(subject, described.label, described.unit)
            known.taken = None
        time = round(message.time * MICRO)
        batch: Any = message.batch
        if batch is None:
            self._take_one(known, time, message.event, message)
            return
        values = getattr(batch, "values", None)
        if values is not None:
            add_read(self._columns(known), time, values, batch.agent_times)
            self.count += len(values)
            return
        for event in batch:
            self._take_one(known, time, event, None)

    def swap(self) -> tuple[dict[SeriesName, Columns], list[EventTaken]]:
        """Return what was taken, and begin anew."""
        taken = self.samples, self.events
        self.samples, self.events, self.count, self.size = {}, [], 0, 0
        return taken

    def _take_one(self, known: _Known, time: int, event: object, message: Message | None) -> None:
        kind = type(event)
        read = self._readers.get(kind)
        if read is None:
            read = self._readers[kind] = _reader_of(kind)
        sample = read(event)
        if sample is not None:
            value, agent_time = sample
            columns = known.columns if known.taken is self.samples else self._columns(known)
            if agent_time is None and columns.agent_times is None:
                columns.times.append(time)
                columns.values.append(value)
            else:
                add_read(columns, time, (value,), (agent_time,))
            self.count += 1
            return
        try:
            text = encode(event) if message is None else message.encoded(encode)
        except BadJSON:
            self.unfit += 1
            return
        self.events.append(EventTaken(known.series, time, text))
        self.count += 1
        self.size += len(text)

    def _columns(self, known: _Known) -> Columns:
        """Return the columns of the series of *known*, which the subject keeps until the next swap."""
        if known.taken is not self.samples:
            known.taken = self.samples
            known.columns = self.samples.setdefault(known.series, Columns([], []))
        return known.columns

    def _learn(self, subject: str) -> _Known:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        described = self._described(subject)
        series = SeriesName(subject, described.label, described.unit)
        known = self._known[subject] = _Known(self._selection.owner(subject), described, series)
        return known


def _reader_of(kind: type) -> Callable[[Any], tuple[float, float | None] | None]:
    """Return the function that makes a sample of an event of *kind*, or None of one that is no number.

    Numbers are samples, and so are events with a number as ``value`` and nothing else but times: such an event says no more.
    """
    if kind is float or kind is int:
        return _plain
    if issubclass(kind, dict):
        return _of_object
    if attrs.has(kind):
        names = {field.name for field in attrs.fields(kind)}
        if "value" in names and names <= {"value", "time", "agent_time"}:
            return _of_attributes_with_agent if "agent_time" in names else _of_attributes
    return _none


def _none(_event: object) -> None:
    return None


def _plain(event: float) -> tuple[float, None]:
    return event, None


def _of_attributes(event: Any) -> tuple[float, None] | None:
    return (event.value, None) if _is_number(event.value) else None


def _of_attributes_with_agent(event: Any) -> tuple[float, float | None] | None:
    value = event.value
    kind = type(value)  # without _is_number, because this is what samples of agents are
    return (value, event.agent_time) if kind is float or kind is int else None


def _of_object(event: Mapping[str, Any]) -> tuple[float, float | None] | None:
    """Read ``{"value": 1.5}`` and ``{"value": 1.5, "time": …}``, as programs publish them; the time is then theirs."""
    value, time = event.get("value"), event.get("time")
    if not event.keys() <= {"value", "time"} or not _is_number(value) or not (time is None or _is_number(time)):
        return None
    return value, time  # type: ignore[return-value] # numbers


def _is_number(value: object) -> bool:
    return type(value) in (float, int)

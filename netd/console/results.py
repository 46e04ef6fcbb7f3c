"""The results of the operations of the bus, and of the lists of operations and subjects."""

from __future__ import annotations

from typing import Any, TypedDict

from attrs import frozen

from netd.codec.arguments import ArgumentFacts
from netd.codec.units import ABSENT, Absent, Bytes, Epoch, Schema

__all__ = [
    "Forgotten",
    "Gap",
    "LastEvent",
    "OperationFacts",
    "Published",
    "SubjectFacts",
    "Subscribed",
    "Unsubscribed",
]

Gap = TypedDict("Gap", {"from": int, "to": int | None})
"""Lost events by their numbers; ``to`` is None if the last one is unknown. It is no class because ``from`` is a keyword."""


@frozen(slots=False)
class LastEvent:
    """The newest event of a subject."""

    subject: str
    time: Epoch
    data: Any


@frozen(slots=False)
class Published:
    """An event that was published.

    :ivar size: its size as JSON.
    :ivar kept: whether it is on the disk, so that a restart finds it; otherwise it is written within ten seconds.
    """

    subject: str
    size: Bytes
    kept: bool


@frozen(slots=False)
class Forgotten:
    """A subject or pattern, and the subjects under it whose newest events were dropped."""

    subject: str
    forgotten: list[str]


@frozen(slots=False)
class Subscribed:
    """A subscription that has begun.

    :ivar position: ``epoch:seq`` of the last event before it.
    :ivar recovered: number of events since the given position that follow; None if no position was given, or it is too old.
    :ivar gap: the lost ones of these events.
    :ivar subjects: the subjects that have an index so far, in its order; absent unless the events come together.
    """

    pattern: str
    position: str
    recovered: int | None
    gap: Gap | None
    subjects: list[str] | Absent = ABSENT


@frozen(slots=False)
class Unsubscribed:
    """A subscription that has ended."""

    pattern: str


@frozen(slots=False)
class SubjectFacts:
    """The events under the subjects of a pattern.

    :ivar schema: the JSON Schema of the events.
    """

    subject: str
    schema: Schema


@frozen(slots=False)
class OperationFacts:
    """One operation.

    :ivar kind: the kind of service that offers it.
    :ivar role: the least role that may call it.
    :ivar lasting: its effect ends with the caller's connection.
    :ivar result: the JSON Schema of its result; ``{}`` for any value.
    """

    name: str
    kind: str
    role: str
    summary: str
    instances: list[str]
    lasting: bool
    arguments: list[ArgumentFacts]
    result: Schema

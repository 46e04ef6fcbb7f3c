"""What the operations of the bus, and the list of operations itself, give."""

from __future__ import annotations

from typing import Any, TypedDict

from attrs import frozen

from netd.codec.arguments import ArgumentFacts
from netd.codec.units import Bytes, Epoch, Schema

__all__ = ["Forgotten", "Gap", "LastEvent", "OperationFacts", "Published", "SubjectFacts", "Subscribed", "Unsubscribed"]

Gap = TypedDict("Gap", {"from": int, "to": int | None})
"""Events that are lost, by their numbers; ``to`` is None where nobody knows how many. No class: ``from`` is a keyword."""


@frozen(slots=False)
class LastEvent:
    """The newest event of a subject."""

    subject: str
    time: Epoch
    data: Any


@frozen(slots=False)
class Published:
    """An event that was published, and its size as JSON."""

    subject: str
    size: Bytes


@frozen(slots=False)
class Forgotten:
    """A subject or pattern, and the subjects under it whose newest events are kept no longer."""

    subject: str
    forgotten: list[str]


@frozen(slots=False)
class Subscribed:
    """A subscription that has begun.

    :ivar position: ``epoch:seq`` of the last event before it.
    :ivar recovered: how many events since the wanted position follow; None where no position was given, or is not known any more.
    :ivar gap: what of these is lost.
    """

    pattern: str
    position: str
    recovered: int | None
    gap: Gap | None


@frozen(slots=False)
class Unsubscribed:
    """A subscription that has ended."""

    pattern: str


@frozen(slots=False)
class SubjectFacts:
    """What is published under the subjects of a pattern.

    :ivar schema: the JSON Schema of the events.
    """

    subject: str
    schema: Schema


@frozen(slots=False)
class OperationFacts:
    """One operation.

    :ivar kind: the kind of service that offers it.
    :ivar role: the least role that may call it.
    :ivar lasting: what it does ends with the caller's connection.
    :ivar result: the JSON Schema of what it gives; ``{}`` is anything.
    """

    name: str
    kind: str
    role: str
    summary: str
    instances: list[str]
    lasting: bool
    arguments: list[ArgumentFacts]
    result: Schema

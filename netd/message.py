"""Messages of the bus: a subject and an event; and how many of the events a subscriber needs."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Sized
from typing import Any, Final, Protocol

from attrs import define, field, frozen

__all__ = ["NAME", "UNDESCRIBED", "Batch", "Demand", "Described", "EventKind", "Message", "Want"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
"""The names that nodes, devices and the like may have. Such a name is one token of a subject, unchanged."""


class Want(enum.IntEnum):
    """How much of a subject its subscribers need. Publishers build what the greatest want of them asks for, and no more.

    Every subscriber receives that form: one that asks for less must accept more.
    """

    NOBODY = 0
    NEWEST = 1
    """The newest event, at most once in the interval that the subscription names."""
    BATCH = 2
    """Every event; events of the same moment, or of the interval that the subscription names, may come in one message."""
    EACH = 3
    """Every event, each in a message of its own."""


@frozen
class Demand:
    """What the subscribers of one pattern need, together.

    :ivar want: the greatest of their wants.
    :ivar every: the shortest of their intervals, in seconds.
    """

    want: Want
    every: float


class Batch(Iterable[Any], Sized, Protocol):
    """Several events of one subject, oldest first."""


@frozen
class EventKind:
    """One kind of event that a service publishes.

    :ivar subject: the pattern of the subjects.
    :ivar event: the class of the events, or another type that JSON can say.
    """

    subject: str
    event: object


@frozen
class Described:
    """What the numbers under one subject are.

    :ivar label: what is measured, in words; empty where nobody said.
    :ivar unit: the unit of the values; empty where nobody said. The same subject in another unit is another series.
    """

    label: str = ""
    unit: str = ""


UNDESCRIBED = Described()
"""The description of a subject that nobody has described."""


@define(slots=True)
class Message:
    """One event under one subject, or a batch of them. Shared by all subscribers: nobody assigns to it.

    The type checker sees to that. A frozen class would, too, and triples the cost of a message, which is that of each sample.

    :ivar subject: NATS grammar, tokens ``[A-Za-z0-9_@-]+`` joined by dots.
    :ivar event: an attrs object or a plain JSON value. Nobody changes it after publication.
    :ivar weight: bytes of memory that a peer's own words take in it; of those a bus retains only so much.
    :ivar batch: where several events came at once, all of them; *event* is the last of these. Only subscribers that want
        batches see one (:class:`Want`).
    :ivar text: *event* as JSON, given by a publisher that has it already, or made by the first subscriber that asks
        (:meth:`encoded`); None before.
    :ivar time: when it was published, by the wall clock, in seconds since the epoch; 0 before, unless its publisher gives the
        time at which it was published elsewhere. A clock that is set back makes newer messages look older: their order is
        *number*'s.
    :ivar origin: the node that published it; empty where that is this node.
    :ivar entries: what a journal has made of it, for the next stream that asks (:class:`netd.bus.journal.Journal`).
    :ivar number: grows with each message on its bus; 0 before it is published.
    """

    subject: Final[str]
    event: Final[object]
    weight: Final[int] = field(default=0, kw_only=True, eq=False, repr=False)
    batch: Final[Batch | None] = field(default=None, kw_only=True, eq=False, repr=False)
    text: bytes | None = field(default=None, kw_only=True, eq=False, repr=False)
    time: float = field(default=0.0, kw_only=True, eq=False, repr=False)
    origin: Final[str] = field(default="", kw_only=True, eq=False, repr=False)
    number: int = field(default=0, init=False, eq=False, repr=False)
    entries: tuple[Any, ...] = field(default=(), init=False, eq=False, repr=False)

    def encoded(self, encode: Callable[[object], bytes]) -> bytes:
        """The event as JSON, encoded by the first subscriber that asks and kept for the others.

        :param encode: ``netd.codec.jsontext.encode``; handed in because the vocabulary knows no codec.
        """
        if self.text is None:
            self.text = encode(self.event)
        return self.text

"""Events between nodes, as bytes: those of one turn, kind and instance in one message.

A message is an array: the epoch of the node, the number of its last event, and its events, each an array of subject, time and
event. Events are numbered without a hole for each subject of NATS, so that a receiver can tell how many it has not got. A fourth
member tells more of an event: the others of its batch, and what its numbers are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import NamedTuple

from attrs import field, frozen

from netd.bus.subject import is_own_subject, split_pattern
from netd.codec.jsontext import MAX_DEPTH, BadJSON, decode, encode
from netd.codec.jsontypes import JSONText, reader
from netd.errors import ProtocolError
from netd.message import NAME, UNDESCRIBED, Demand, Described, Want

__all__ = [
    "LONGEST_BODY",
    "MOST_WANTS",
    "BadEvents",
    "FarEvent",
    "FarEvents",
    "MoreOfEvent",
    "NewestEvent",
    "NewestQuestion",
    "event_item",
    "events_bodies",
    "newest_answer",
    "newest_question",
    "read_events",
    "read_newest",
    "read_newest_question",
    "read_wants",
    "wants_answer",
]

LONGEST_BODY = 1 << 19
"""The longest message, in bytes."""

ENVELOPE = 128
"""Bytes of a message beside its events, at most."""

MOST_WANTS = 1000
"""Patterns that a node asks for at a time. One with more asks for everything."""

LONGEST_WORD = 200
"""Characters of a label or unit."""

LATEST = float(1 << 53)
"""Times and numbers are below it."""


class BadEvents(ProtocolError):
    """A message of another node holds no events, or no question or answer about events."""

    kind = "bad events"


@frozen
class MoreOfEvent:
    """What an event has beside its subject, time and value.

    :ivar batch: all events of its batch, oldest first; it is the last of these.
    :ivar values: instead, the values of the samples of its batch, with the times that an agent gave for them, if it did.
    :ivar label: what its numbers are, and *unit* their unit; told when they have changed.
    """

    batch: list[JSONText] | None = None
    values: list[float] | None = None
    agent_times: list[float | None] = field(factory=list)
    label: str | None = None
    unit: str = ""


class FarEvent(NamedTuple):
    """An event of another node, in the names of that node. Whether *subject* is one is for the reader to see."""

    subject: str
    time: float
    event: JSONText
    more: MoreOfEvent | None = None

    @property
    def number(self) -> int:
        """How many events it is."""
        more = self.more
        if more is None:
            return 1
        return len(more.values or more.batch or (self,))


class FarEvents(NamedTuple):
    """A message of events. *last* is the number of the last of them."""

    epoch: str
    last: int
    events: list[FarEvent]


_read_events = reader(FarEvents)


def event_item(head: bytes, time: float, text: bytes, more: Mapping[str, object] | None = None) -> bytes:
    """Return an event as an item of a message.

    :param head: the subject, as a JSON text.
    :param text: the event, as a JSON text.
    :param more: members of :class:`MoreOfEvent`.
    """
    if more is None:
        return b"[%b,%b,%b]" % (head, encode(time), text)
    return b"[%b,%b,%b,%b]" % (head, encode(time), text, encode(more))


def events_bodies(epoch: str, last: int, items: Iterable[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """Join *items*, each with the number of its events, to messages of at most :data:`LONGEST_BODY` bytes.

    An item that is longer is left out. Its events are numbered, and so are counted as lost where they are missed.

    :param last: the number of the last event before these.
    :returns: each message, with the number of its events.
    """
    joined: list[bytes] = []
    size = count = 0
    for item, events in items:
        is_too_long = len(item) > LONGEST_BODY - ENVELOPE
        if joined and (is_too_long or size + len(item) > LONGEST_BODY - ENVELOPE):
            yield _body(epoch, last, joined), count
            joined, size, count = [], 0, 0
        last += events
        if not is_too_long:
            joined.append(item)
            size += len(item) + 1
            count += events
    if joined:
        yield _body(epoch, last, joined), count


def _body(epoch: str, last: int, items: list[bytes]) -> bytes:
    return b'["%b",%d,[%b]]' % (epoch.encode(), last, b",".join(items))


def read_events(body: bytes) -> FarEvents:
    """Return the events in *body*.

    :raises BadEvents: if it holds none.
    """
    if len(body) > LONGEST_BODY:
        raise BadEvents(f"{len(body)} bytes are too many; a message has at most {LONGEST_BODY}")
    try:
        if not body.isascii():
            str(body, "utf-8")  # the reader passes over the texts of events
        found: FarEvents = _read_events(body)
    except (BadJSON, UnicodeDecodeError) as error:
        raise BadEvents(str(error)) from None
    if not NAME.fullmatch(found.epoch) or not found.events:
        raise BadEvents("no epoch, or no event")
    is_deep = body.count(b"[") + body.count(b"{") > MAX_DEPTH
    count = 0
    for event in found.events:
        if not 0.0 <= event.time < LATEST:
            raise BadEvents(f"{event.time} is no time")
        if event.more is not None:
            _check(event.more, is_deep)
            count += event.number
        else:
            count += 1
        if is_deep:
            _check_depth(event.event)
    if not count <= found.last < LATEST:
        raise BadEvents(f"the last of {count} events has no number {found.last}")
    return found


def _check(more: MoreOfEvent, is_deep: bool) -> None:
    if more.agent_times and len(more.agent_times) != len(more.values or ()):
        raise BadEvents("other times than values")
    if len(more.label or "") > LONGEST_WORD or len(more.unit) > LONGEST_WORD:
        raise BadEvents(f"a label or unit is longer than {LONGEST_WORD} characters")
    if is_deep:
        for text in more.batch or ():
            _check_depth(text)


def _check_depth(text: JSONText) -> None:
    plain = bytes(text)
    if plain.count(b"[") + plain.count(b"{") > MAX_DEPTH:
        try:
            decode(plain)
        except BadJSON as error:
            raise BadEvents(f"an event is {error}") from None


# What is wanted


def wants_answer(wants: Mapping[str, Demand]) -> list[list[object]]:
    """Return *wants* as they are told."""
    return [[pattern, int(demand.want), demand.every] for pattern, demand in wants.items()]


def read_wants(told: object) -> dict[str, Demand]:
    """Return the wants that a node has told.

    :raises BadEvents: if *told* is no list of wants.
    """
    if not isinstance(told, list) or len(told) > MOST_WANTS:
        raise BadEvents(f"no list of at most {MOST_WANTS} wants")
    return dict(map(_read_want, told))


def _read_want(told: object) -> tuple[str, Demand]:
    if not isinstance(told, list) or len(told) < 3:
        raise BadEvents(f"{told!r:.80} is no want")
    pattern, want, every = told[:3]
    try:
        split_pattern(pattern if isinstance(pattern, str) else "")
        if type(want) is not int or type(every) not in (int, float) or not 0.0 <= every < LATEST:
            raise ValueError(f"{want!r:.80} and {every!r:.80} are no want and interval")
        return pattern, Demand(Want(want), float(every))
    except ValueError as error:
        raise BadEvents(str(error)) from None


# The newest events


@frozen
class NewestQuestion:
    """A question for the newest events.

    :ivar node: the node that asks, and *epoch* its process.
    :ivar wants: what it asks for, and wants from then on.
    :ivar after: the subject to go on after; empty for the beginning.
    """

    node: str
    epoch: str
    wants: Mapping[str, Demand]
    after: str = ""


@frozen
class NewestEvent:
    """The newest event of a subject.

    :ivar text: the event, as a JSON text.
    """

    subject: str
    time: float
    text: bytes
    described: Described = UNDESCRIBED


def newest_question(question: NewestQuestion) -> dict[str, object]:
    """Return *question* as it is asked."""
    return {
        "node": question.node,
        "epoch": question.epoch,
        "wants": wants_answer(question.wants),
        "after": question.after,
    }


def read_newest_question(asked: object) -> NewestQuestion:
    """Return the question that a node asks.

    :raises BadEvents: if *asked* is none.
    """
    facts = asked if isinstance(asked, dict) else {}
    node, epoch, after = facts.get("node"), facts.get("epoch"), facts.get("after")
    if not (isinstance(node, str) and isinstance(epoch, str) and isinstance(after, str) and NAME.fullmatch(node)):
        raise BadEvents("the question names no node, epoch or subject")
    return NewestQuestion(node, epoch, read_wants(facts.get("wants")), after)


def newest_answer(events: Iterable[NewestEvent]) -> dict[str, object]:
    """Return as many of *events*, which are sorted by subject, as have room in an answer, and whether there are more."""
    told: list[list[object]] = []
    room = LONGEST_BODY - 1024
    for event in events:
        item = [event.subject, event.time, JSONText(event.text), event.described.label, event.described.unit]
        size = len(encode(item)) + 1
        if size > LONGEST_BODY - 1024:
            continue
        if size > room:
            return {"events": told, "more": True}
        room -= size
        told.append(item)
    return {"events": told, "more": False}


def read_newest(told: object) -> tuple[list[NewestEvent], bool]:
    """Return the events of an answer, sorted by subject, and whether there are more.

    :raises BadEvents: if *told* is no such answer.
    """
    facts = told if isinstance(told, dict) else {}
    events, more = facts.get("events"), facts.get("more")
    if not isinstance(events, list) or not isinstance(more, bool) or (more and not events):
        raise BadEvents("the answer holds no events")
    return [_read_newest_event(event) for event in events], more


def _read_newest_event(told: object) -> NewestEvent:
    if not isinstance(told, list) or len(told) < 5:
        raise BadEvents(f"{told!r:.80} is no event")
    subject, time, event, label, unit = told[:5]
    if not isinstance(subject, str) or not is_own_subject(subject):
        raise BadEvents(f"{subject!r:.80} is no subject of a node")
    if type(time) not in (int, float) or not isfinite(time) or not 0.0 <= time < LATEST:
        raise BadEvents(f"{time!r:.80} is no time")
    if not all(isinstance(word, str) and len(word) <= LONGEST_WORD for word in (label, unit)):
        raise BadEvents("a label or unit is no word")
    described = Described(label, unit) if label or unit else UNDESCRIBED
    return NewestEvent(subject, float(time), encode(event), described)

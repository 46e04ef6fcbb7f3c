"""Streams: they make rounds at equal times, and deliver them to their audience. They know no connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import ceil
from typing import Any, Protocol

from attrs import define, field, frozen

from netd.feed.audience import Audience, FeedMember
from netd.feed.generator import Values
from netd.feed.rounds import TYPES, Form, Round

__all__ = ["FeedSource", "FeedStream", "FeedSurroundings", "Publisher"]

AHEAD = 16
"""Common rounds made at once: one that is made by itself, every now and then, costs twice as much."""


SLOTS = 50
"""Parts of an interval, at most: clients that connect in the same one get their rounds at the same time."""

SHORTEST_SLOT = 0.02
"""Seconds of one, at least."""


class Publisher(Protocol):
    """The publisher of a stream's rounds, beside its clients: the feed, which publishes them on the bus."""

    def wants_rounds(self) -> bool:
        """Return True if rounds are to be made even without clients."""

    def made(self, made: Round) -> None:
        """Publish a common round."""


class FeedSource(Protocol):
    """The source of deliveries: a stream or a window.

    :ivar audience: the clients that it delivers to.
    """

    audience: Audience

    def join(self, member: FeedMember, form: Form, is_apart: bool) -> None:
        """Deliver to *member* from now on: what all of *form* get, or, apart from them, one delivery after the other."""

    def leave(self, member: FeedMember) -> None:
        """Deliver nothing more to *member*."""


@frozen
class FeedSurroundings:
    """What sources need of the world.

    :ivar monotonic: the clock of rounds, which is never set back.
    :ivar wall: the wall clock, which clients are told.
    :ivar later: calls after so many seconds; returns something to cancel.
    :ivar after: calls when the present turn of the reactor ends.
    :ivar start: does work step by step, in the share of the turn for deliveries.
    """

    monotonic: Callable[[], float]
    wall: Callable[[], float]
    later: Callable[[float, Callable[[], Any]], Any]
    after: Callable[[Callable[[], None]], None]
    start: Callable[[Iterator[None]], None]


@define(eq=False)
class Slot:
    """The clients that get each round some time after it was made, because they connected in that part of an interval.

    :ivar seconds: the time between a round and its delivery to them.
    """

    number: int
    seconds: float
    audience: Audience = field(factory=Audience)
    timer: Any = None
    is_delivering: bool = False


@define(eq=False)
class FeedStream:
    """Rounds at equal times, for as long as it runs.

    :ivar values: makes the next values.
    :ivar interval: seconds between rounds.
    :ivar per_client: whether each client gets a round of its own.
    :ivar publisher: for the common stream, whose rounds have all types.
    :ivar seq: of the last round.
    :ivar late: rounds left out, because the one before was still being delivered.
    """

    surroundings: FeedSurroundings
    values: Values
    interval: float
    per_client: bool = False
    publisher: Publisher | None = None
    audience: Audience = field(factory=Audience)
    seq: int = 0
    late: int = 0
    _ready: list[dict[str, str]] = field(factory=list)
    _due: float = 0.0
    _timer: Any = None
    _slots: dict[int, Slot] = field(factory=dict)
    _slot_of: dict[FeedMember, Slot] = field(factory=dict)
    _is_delivering: bool = False

    def start(self) -> None:
        """Make the first round after one interval."""
        if self._timer is None:
            self._due = self.surroundings.monotonic()
            self._schedule()

    def stop(self) -> None:
        """Make no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for slot in self._slots.values():
            if slot.timer is not None:
                slot.timer.cancel()
                slot.timer = None

    def change_interval(self, interval: float) -> None:
        """Make the next round one *interval* from now, and the others in that distance."""
        if interval == self.interval:
            return
        self.interval = interval
        length, last = self._slots_of_an_interval()
        for slot in self._slots.values():
            slot.seconds = min(slot.number, last) * length
        if self._timer is not None:
            self._timer.cancel()
            self._due = self.surroundings.monotonic()
            self._schedule()

    def join_in_turn(self, member: FeedMember, form: Form) -> None:
        """Deliver to *member* what all of *form* get, the first round one interval from now, or a slot sooner at most."""
        length, last = self._slots_of_an_interval()
        number = min(last, int((self.surroundings.monotonic() - self._due + self.interval) / length))
        if number <= 0:
            self.join(member, form, is_apart=False)
            return
        self.leave(member)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = Slot(number, number * length)
        self._slot_of[member] = slot
        slot.audience.join(member, form, self.per_client)

    def join(self, member: FeedMember, form: Form, is_apart: bool) -> None:
        """See :class:`FeedSource`."""
        self.leave(member)
        self.audience.join(member, form, is_apart or self.per_client)

    def leave(self, member: FeedMember) -> None:
        """Deliver nothing more to *member*."""
        slot = self._slot_of.pop(member, None)
        if slot is None:
            self.audience.leave(member)
            return
        slot.audience.leave(member)
        if not slot.audience.members:
            del self._slots[slot.number]
            if slot.timer is not None:
                slot.timer.cancel()

    def _slots_of_an_interval(self) -> tuple[float, int]:
        """The length of a slot in seconds, and the number of the last one.

        Nobody comes later than that, though the clock may be late: a slot in the next interval would miss rounds.
        """
        length = max(self.interval / SLOTS, SHORTEST_SLOT)
        return length, max(0, ceil(self.interval / length) - 1)

    def _schedule(self) -> None:
        """Times do not drift; those that have passed already are left out."""
        now = self.surroundings.monotonic()
        missed = max(0, int((now - self._due) / self.interval))
        self._due += (missed + 1) * self.interval
        self._timer = self.surroundings.later(max(0.0, self._due - now), self._tick)

    def _tick(self) -> None:
        self._schedule()
        if self._is_delivering:
            self.late += 1
            return
        is_wanted = self.audience.members or self._slots or (self.publisher is not None and self.publisher.wants_rounds())
        if is_wanted:
            self.seq += 1
            self._is_delivering = True
            self.surroundings.start(self._deliver_own(self.audience) if self.per_client else self._deliver())
            if self.per_client:
                self._deliver_later(None)

    def _make(self, types: Iterable[str]) -> Round:
        return Round(self.seq, self.surroundings.wall(), self.values.make(types))

    def _make_common(self) -> Round:
        if not self._ready:
            self._ready = [self.values.make(TYPES) for _ in range(AHEAD)][::-1]
        return Round(self.seq, self.surroundings.wall(), self._ready.pop())

    def _deliver(self) -> Iterator[None]:
        try:
            if self.publisher is not None:
                made = self._make_common()
                self.publisher.made(made)
            else:
                made = self._make(self.audience.types())
            self._deliver_later(made)
            yield from _hand_out(self.audience, made)
            yield from self.audience.deliver(made)
        finally:
            self._is_delivering = False

    def _deliver_own(self, audience: Audience) -> Iterator[None]:
        try:
            yield from self._make_own(audience)
        finally:
            self._is_delivering = False

    def _make_own(self, audience: Audience) -> Iterator[None]:
        for member, interest in list(audience.apart.items()):
            if member in audience.apart:
                member.deliver(self._make(interest.patterns or TYPES))
                yield

    def _deliver_later(self, made: Round | None) -> None:
        """Give *made*, or to each client a round of its own, to those whose time comes later in this interval."""
        passed = self.surroundings.monotonic() - (self._due - self.interval)
        for slot in self._slots.values():
            if slot.timer is None and not slot.is_delivering:
                left = max(0.0, slot.seconds - passed)
                slot.timer = self.surroundings.later(left, partial(self._slot_due, slot, made))
            else:
                self.late += 1

    def _slot_due(self, slot: Slot, made: Round | None) -> None:
        slot.timer = None
        slot.is_delivering = True
        self.surroundings.start(self._deliver_to(slot, made))

    def _deliver_to(self, slot: Slot, made: Round | None) -> Iterator[None]:
        try:
            yield from self._make_own(slot.audience) if made is None else _hand_out(slot.audience, made)
        finally:
            slot.is_delivering = False


def _hand_out(audience: Audience, made: Round) -> Iterator[None]:
    for form, group in list(audience.groups.items()):
        yield from group.hand_out([(made.framed(form), made.seq)])
        yield

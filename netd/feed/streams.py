"""Where deliveries come from: streams make rounds in time, a window passes on what the bus says.

Both know the clients that they deliver to by one method each, and no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from attrs import define, field, frozen

from netd.errors import ProtocolError
from netd.feed.generator import Values
from netd.feed.rounds import TYPES, Delivery, Round, Sighting
from netd.interfaces import IBus, ISubscription
from netd.message import Message

__all__ = ["Member", "Publisher", "Source", "Stream", "Surroundings", "Window"]

AHEAD = 16
"""Common rounds made at once: one that is made by itself, every now and then, costs twice as much."""

STEP = 50
"""Clients that get a common round before the clock is looked at."""


class Member(Protocol):
    """A client that deliveries go to.

    :ivar types: those that it wants.
    """

    types: tuple[str, ...]

    def deliver(self, delivery: Delivery) -> None:
        """Send it, in the client's form."""


class Publisher(Protocol):
    """Who else is interested in the rounds of a stream, beside its clients: the feed, for the bus."""

    def wants_rounds(self) -> bool:
        """Whether a round is to be made, even if there is no client."""

    def made(self, made: Round) -> None:
        """A common round was made."""


class Source(Protocol):
    """A stream or a window.

    :ivar members: who is delivered to, in the order of joining.
    """

    members: dict[Member, None]


@frozen
class Surroundings:
    """What sources need of the world.

    :ivar seconds: the wall clock.
    :ivar later: calls after so many seconds; returns something to cancel.
    :ivar pace: does work step by step.
    """

    seconds: Callable[[], float]
    later: Callable[[float, Callable[[], Any]], Any]
    pace: Callable[[Iterator[None]], None]


@define(eq=False)
class Stream:
    """Rounds at equal times, for as long as it runs.

    :ivar values: makes the next values.
    :ivar interval: seconds between rounds.
    :ivar per_client: whether each client gets a round of its own.
    :ivar publisher: for the common stream, whose rounds have all types.
    :ivar seq: of the last round.
    :ivar late: rounds left out, because the one before was still being delivered.
    """

    surroundings: Surroundings
    values: Values
    interval: float
    per_client: bool = False
    publisher: Publisher | None = None
    members: dict[Member, None] = field(factory=dict)
    seq: int = 0
    late: int = 0
    _ready: list[dict[str, str]] = field(factory=list)
    _due: float = 0.0
    _timer: Any = None
    _is_delivering: bool = False

    def start(self) -> None:
        """Make the first round after one interval."""
        if self._timer is None:
            self._due = self.surroundings.seconds()
            self._schedule()

    def stop(self) -> None:
        """Make no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        """Times do not drift; those that have passed already are left out."""
        now = self.surroundings.seconds()
        missed = max(0, int((now - self._due) / self.interval))
        self._due += (missed + 1) * self.interval
        self._timer = self.surroundings.later(max(0.0, self._due - now), self._tick)

    def _tick(self) -> None:
        self._schedule()
        if self._is_delivering:
            self.late += 1
            return
        is_wanted = self.members or (self.publisher is not None and self.publisher.wants_rounds())
        if is_wanted:
            self.seq += 1
            self._is_delivering = True
            self.surroundings.pace(self._deliver_own() if self.per_client else self._deliver())

    def _make(self, types: Iterable[str]) -> Round:
        return Round(self.seq, self.surroundings.seconds(), self.values.make(types))

    def _make_common(self) -> Round:
        if not self._ready:
            self._ready = [self.values.make(TYPES) for _ in range(AHEAD)][::-1]
        return Round(self.seq, self.surroundings.seconds(), self._ready.pop())

    def _deliver(self) -> Iterator[None]:
        try:
            if self.publisher is not None:
                made = self._make_common()
                self.publisher.made(made)
            else:
                made = self._make(dict.fromkeys(kind for member in self.members for kind in member.types))
            for position, member in enumerate(list(self.members), 1):
                if member in self.members:
                    member.deliver(made)
                if not position % STEP:
                    yield
        finally:
            self._is_delivering = False

    def _deliver_own(self) -> Iterator[None]:
        try:
            for member in list(self.members):
                if member in self.members:
                    member.deliver(self._make(member.types))
                    yield
        finally:
            self._is_delivering = False


@define(eq=False)
class Window:
    """What the bus says under a pattern, as it is said.

    :ivar seq: of the last message that was passed on.
    :ivar unfit: messages that cannot be JSON.
    """

    surroundings: Surroundings
    bus: IBus
    pattern: str
    members: dict[Member, None] = field(factory=dict)
    seq: int = 0
    unfit: int = 0
    _subscription: ISubscription | None = None

    def start(self) -> None:
        """Listen to the bus."""
        if self._subscription is None:
            self._subscription = self.bus.subscribe(self.pattern, self._said)

    def stop(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None

    def _said(self, message: Message) -> None:
        if not self.members:
            return
        try:
            sighting = Sighting(self.seq + 1, self.surroundings.seconds(), message)
        except ProtocolError:
            self.unfit += 1
            return
        self.seq += 1
        for member in list(self.members):
            member.deliver(sighting)

"""Conditions of alerts: what must be true of the events of a subject.

A condition makes a *gauge* for each subject. Gauges are told events and the time by the monotonic clock, and know no other.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from attrs import define, field, frozen

from netd.redaction import abridged

__all__ = [
    "Comparison",
    "Condition",
    "Ends",
    "Gauge",
    "Judge",
    "Offline",
    "Plain",
    "SilentFor",
    "TooMany",
    "Value",
    "plain_value",
    "value_of",
]

Value = float | bool | str
"""A value that members of events are compared with."""

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}
)

ONLINE = ("streaming", "joined")
"""The states of sessions and bots in which they are connected; in all others they are offline."""

ENDS = ("over", "ended")
"""The last states of rooms and sessions."""


def value_of(event: object, member: str) -> Any:
    """Return *member* of *event*; the event itself where that is a value and has no members; None if there is no such member."""
    if isinstance(event, Mapping):
        return event.get(member)
    if isinstance(event, bool | int | float | str):
        return event if member == "value" else None
    return getattr(event, member, None)


def plain_value(value: Any) -> Any:
    """Return *value* if it is a number or a text; otherwise None. Objects are no value that a message could tell.

    Long texts are cut: a mail has no use for them, and no program can be run with more than 128 KiB in a variable.
    """
    if isinstance(value, str):
        return abridged(value)
    return value if isinstance(value, bool | int | float) else None


class Judge(Protocol):
    """Tells whether one event is as a condition says; None if the event is about something else."""

    @property
    def member(self) -> str:
        """The member whose value people are told."""

    def __call__(self, event: object) -> bool | None: ...


@frozen
class Comparison:
    """Compares a member of an event with a value.

    :ivar sign: one of :data:`OPERATORS`.
    """

    member: str
    sign: str
    value: Value

    def __call__(self, event: object) -> bool | None:
        found = event if type(event) is float and self.member == "value" else value_of(event, self.member)
        if type(found) is float and type(self.value) is float:  # a sample; all else takes the longer way
            return OPERATORS[self.sign](found, self.value)
        if isinstance(self.value, bool) or isinstance(found, bool):
            is_alike = isinstance(self.value, bool) and isinstance(found, bool)
        else:
            is_alike = isinstance(found, str) if isinstance(self.value, str) else isinstance(found, int | float)
        return OPERATORS[self.sign](found, self.value) if is_alike else None


@frozen
class Offline:
    """Whether a device, an agent or a bot is away."""

    member: ClassVar[str] = "state"

    def __call__(self, event: object) -> bool | None:
        online, state = value_of(event, "online"), value_of(event, "state")
        if isinstance(online, bool):
            return not online
        return state not in ONLINE if isinstance(state, str) else None


@frozen
class Ends:
    """Whether a room or a session has ended."""

    member: ClassVar[str] = "state"

    def __call__(self, event: object) -> bool | None:
        state = value_of(event, "state")
        return state in ENDS if isinstance(state, str) else None


class Gauge(Protocol):
    """What a condition knows about one subject."""

    def take(self, event: object, now: float) -> bool | None:
        """Take an event. Return whether the condition holds now; None if the event says nothing about that."""

    def holds(self, now: float) -> bool | None:
        """Return whether the condition holds now, without a further event; None if only events can tell."""

    def due(self, now: float) -> float | None:
        """Return the time after *now* at which :meth:`holds` changes without a further event; None if it does not."""

    def is_idle(self) -> bool:
        """Return True if a new gauge would know as much."""


class Condition(Protocol):
    """The condition of an alert: one for each subject that its pattern matches."""

    @property
    def pattern(self) -> str:
        """The subjects."""

    @property
    def member(self) -> str:
        """The member whose value people are told."""

    @property
    def is_told_by_last(self) -> bool:
        """Whether the last event of a subject tells if it holds. A silence, and a rate, are only heard."""

    def gauge(self, now: float, holds: bool = False) -> Gauge:
        """Return the gauge of a subject that is looked at from now on.

        :param holds: whether the condition held before, as an earlier run of netd knew.
        """


@frozen
class Plain:
    """Holds while the newest event is as *judge* says. It is its own gauge: events need not be remembered."""

    pattern: str
    judge: Judge
    is_told_by_last: ClassVar[bool] = True

    @property
    def member(self) -> str:
        """The member whose value people are told."""
        return self.judge.member

    def gauge(self, _now: float, holds: bool = False) -> Gauge:
        """See :class:`Condition`."""
        return self

    def take(self, event: object, _now: float) -> bool | None:
        """See :class:`Gauge`."""
        return self.judge(event)

    def holds(self, _now: float) -> bool | None:
        """See :class:`Gauge`."""
        return None

    def due(self, _now: float) -> float | None:
        """See :class:`Gauge`."""
        return None

    def is_idle(self) -> bool:
        """See :class:`Gauge`."""
        return True


@frozen
class SilentFor:
    """Holds when no event has come for *seconds*."""

    pattern: str
    seconds: float
    member: ClassVar[str] = "value"
    is_told_by_last: ClassVar[bool] = False

    def gauge(self, now: float, holds: bool = False) -> Gauge:
        """See :class:`Condition`."""
        return _Silence(self.seconds, now - self.seconds if holds else now)


@define(eq=False)
class _Silence:
    seconds: float
    heard: float

    def take(self, _event: object, now: float) -> bool | None:
        self.heard = now
        return False

    def holds(self, now: float) -> bool | None:
        return self.heard + self.seconds <= now

    def due(self, now: float) -> float | None:
        return None if self.holds(now) else self.heard + self.seconds

    def is_idle(self) -> bool:
        return False


@frozen
class TooMany:
    """Holds while more than *most* events within *seconds* are as *judge* says; without one, all events count."""

    pattern: str
    judge: Judge | None
    most: int
    seconds: float
    is_told_by_last: ClassVar[bool] = False

    @property
    def member(self) -> str:
        """The member whose value people are told."""
        return "value" if self.judge is None else self.judge.member

    def gauge(self, now: float, holds: bool = False) -> Gauge:
        """See :class:`Condition`."""
        count = _Count(self)
        if holds:
            count.fill(now)
        return count


@define(eq=False)
class _Count:
    condition: TooMany
    _times: deque[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._times = deque(maxlen=self.condition.most + 1)  # more of them say nothing more

    def fill(self, now: float) -> None:
        """Have it hold from *now* for as long as events count."""
        self._times.extend([now] * (self.condition.most + 1))

    def take(self, event: object, now: float) -> bool | None:
        judge = self.condition.judge
        if judge is None or judge(event):
            self._times.append(now)
        return self.holds(now)

    def holds(self, now: float) -> bool | None:
        times = self._times
        while times and times[0] + self.condition.seconds <= now:
            times.popleft()
        return len(times) > self.condition.most

    def due(self, now: float) -> float | None:
        self.holds(now)
        return self._times[0] + self.condition.seconds if self._times else None

    def is_idle(self) -> bool:
        return not self._times

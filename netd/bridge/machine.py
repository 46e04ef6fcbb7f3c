"""When the messages of a bridge leave: not too often for each subject, and never so fast that events run in a circle.

Times are those of the monotonic clock alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define, field

__all__ = ["MOST_A_SECOND", "MOST_SUBJECTS", "PAUSE", "Fuse", "Pacing"]

MOST_SUBJECTS = 1000
"""Subjects of one bridge whose times are remembered. Events of others are dropped meanwhile."""

MOST_A_SECOND = 100
"""Messages of one bridge within a second. More are a circle, or nothing that a bridge is for."""

PAUSE = 10.0
"""Seconds for which a bridge with more than that sends nothing."""

T = TypeVar("T")


@define(eq=False)
class _Pace(Generic[T]):
    next: float
    waiting: T | None = None


@define(eq=False)
class Pacing(Generic[T]):
    """Lets one thing of each subject pass at most, each *every* seconds; the newest of those that came meanwhile waits.

    :ivar every: None lets everything pass.
    """

    every: float | None
    monotonic: Callable[[], float]
    _paces: dict[str, _Pace[T]] = field(factory=dict, init=False)

    @property
    def waiting(self) -> int:
        """Subjects of which something waits."""
        return sum(pace.waiting is not None for pace in self._paces.values())

    def take(self, subject: str, thing: T) -> bool | None:
        """Return True if *thing* may pass, False if it waits, and None if there are too many subjects."""
        if self.every is None:
            return True
        now = self.monotonic()
        pace = self._paces.get(subject)
        if pace is not None and pace.next > now:
            pace.waiting = thing
            return False
        if pace is None and len(self._paces) >= MOST_SUBJECTS:
            self._forget(now)
            if len(self._paces) >= MOST_SUBJECTS:
                return None
        self._paces[subject] = _Pace(now + self.every)
        return True

    def due(self) -> float | None:
        """Return the time at which something that waits may pass; None if nothing waits."""
        return min((pace.next for pace in self._paces.values() if pace.waiting is not None), default=None)

    def ready(self) -> list[T]:
        """Return what has waited for long enough."""
        now = self.monotonic()
        found: list[T] = []
        for pace in self._paces.values():
            if pace.waiting is not None and pace.next <= now and self.every is not None:
                found.append(pace.waiting)
                pace.waiting, pace.next = None, now + self.every
        self._forget(now)
        return found

    def _forget(self, now: float) -> None:
        """Forget subjects of which anything may pass again, so that those which come and go leave nothing behind."""
        for subject in [subject for subject, pace in self._paces.items() if pace.waiting is None and pace.next <= now]:
            del self._paces[subject]


@define(eq=False)
class Fuse:
    """Bounds what one event can set off, whichever way it comes back: by a device, an alert, another bridge or another node.

    :ivar blown: how often it has blown.
    """

    monotonic: Callable[[], float]
    blown: int = field(default=0, init=False)
    _since: float = field(default=float("-inf"), init=False)
    _count: int = field(default=0, init=False)
    _until: float = field(default=float("-inf"), init=False)

    @property
    def is_blown(self) -> bool:
        """Whether nothing passes."""
        return self.monotonic() < self._until

    def admit(self) -> bool:
        """Return whether one message more may leave."""
        now = self.monotonic()
        if now < self._until:
            return False
        if now - self._since >= 1.0:
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= MOST_A_SECOND:
            return True
        self._until = now + PAUSE
        self.blown += 1
        return False

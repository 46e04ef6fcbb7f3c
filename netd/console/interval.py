"""A stream with at most one event of each subject in an interval: the newest, or the numbers of the interval folded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IReactorTime

from netd.bus.journal import MOST_SUBJECTS
from netd.bus.subject import matches
from netd.connection.shares import TurnShare
from netd.console.folding import Fold, Folds
from netd.message import Message

__all__ = ["Interval"]

STEP = 32
"""Subjects whose events pass in one step of the share."""


class Interval:
    """An interval of *seconds*. The first event after a quiet one passes at once; what follows waits for its end.

    The events of thousands of subjects pass in several turns. Until all have passed, no further interval ends.

    :param share: the share of the turn for what passes at the end of an interval.
    :param take: is given what passes.
    :param settle: is called between two steps, and does what costs time with what has passed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        share: TurnShare,
        take: Callable[[Message | Fold], object],
        settle: Callable[[], object],
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._share = share
        self._take = take
        self._settle = settle
        self._held: dict[str, Message] = {}
        self._folds = Folds()
        self._passing: deque[Message | Fold] = deque()
        self._timer: Any = None

    def receive(self, message: Message) -> None:
        """Let *message* pass now, or at the end of the interval if it is still its subject's newest then."""
        if self._timer is None:
            self._take(message)
            self._timer = self._clock.callLater(self._seconds, self._tick)
        elif message.subject in self._held or len(self._held) < MOST_SUBJECTS:
            self._held[message.subject] = message

    def fold(self, message: Message) -> None:
        """Fold the numbers of *message* into those of the interval. A message of anything else is received as it is."""
        if not self._folds.take(message):
            self.receive(message)
        elif self._timer is None:
            self._tick()

    def let_go(self, pattern: str) -> None:
        """Drop the events of the subjects under *pattern* that are held."""
        self._held = {subject: message for subject, message in self._held.items() if not matches(pattern, subject)}
        self._folds.let_go(pattern)
        self._passing = deque(one for one in self._passing if not matches(pattern, one.subject))

    def pass_all(self) -> None:
        """Let everything pass now that waits."""
        waiting = [*self._passing, *self._held.values(), *self._folds.take_out()]
        self._passing.clear()
        self._held.clear()
        for one in waiting:
            self._take(one)
        self._settle()

    def end(self) -> None:
        """Drop everything, and let nothing pass any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._passing.clear()

    def _tick(self) -> None:
        self._timer = None
        if not (self._held or self._folds or self._passing):
            return
        self._timer = self._clock.callLater(self._seconds, self._tick)
        if self._passing:
            return
        held, self._held = self._held, {}
        self._passing.extend(held.values())
        self._passing.extend(self._folds.take_out())
        self._share.start(self._pass())

    def _pass(self) -> Iterator[None]:
        while self._passing:
            for _ in range(min(STEP, len(self._passing))):
                self._take(self._passing.popleft())
            self._settle()
            yield

"""A stream with at most one event of each subject in an interval: the newest, or the numbers of the interval folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from netd.bus.journal import MOST_SUBJECTS
from netd.bus.subject import matches
from netd.console.folding import Fold, Folds
from netd.message import Message

__all__ = ["Interval"]


class Interval:
    """An interval of *seconds*. The first event after a quiet one passes at once; what follows waits for its end.

    :param take: is given what passes.
    """

    def __init__(self, clock: IReactorTime, seconds: float, take: Callable[[Message | Fold], object]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._take = take
        self._held: dict[str, Message] = {}
        self._folds = Folds()
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

    def end(self) -> None:
        """Drop everything, and let nothing pass any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        if not self._held and not self._folds:
            return
        self._timer = self._clock.callLater(self._seconds, self._tick)
        held, self._held = self._held, {}
        for message in held.values():
            self._take(message)
        for fold in self._folds.take_out():
            self._take(fold)

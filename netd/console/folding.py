"""The numbers of each subject over an interval, folded into one event: the newest, the least, the greatest, and how many.

A subscriber that names an interval sees the newest number alone, and a spike between two of them is hidden. Folded numbers hide
none. An event is a number if it is one, or if its member ``value`` is one, as in the samples of sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from attrs import define

from netd.bus.journal import MOST_SUBJECTS
from netd.bus.subject import matches
from netd.codec.jsontext import encode
from netd.message import Message

__all__ = ["Fold", "Folds"]


@define(eq=False)
class Fold:
    """The numbers of one subject that have come since the last time.

    :ivar number: the number of the newest message on its bus.
    :ivar time: when the newest number was published, in seconds since the epoch.
    :ivar value: the newest number.
    """

    subject: str
    number: int
    time: float
    value: float
    low: float
    high: float
    count: int

    def event(self) -> bytes:
        """Return the event as JSON."""
        time, value, low, high = encode(self.time), encode(self.value), encode(self.low), encode(self.high)
        return b'{"time":%b,"value":%b,"min":%b,"max":%b,"count":%d}' % (time, value, low, high, self.count)

    def columns(self) -> bytes:
        """Return the event as the end of a JSON array: value, min, max and count, or of a single number the value alone."""
        return encode((self.value,) if self.count == 1 else (self.value, self.low, self.high, self.count))[1:-1]


class Folds:
    """The folds of all subjects of a stream."""

    def __init__(self) -> None:
        self._folds: dict[str, Fold] = {}

    def __bool__(self) -> bool:
        return bool(self._folds)

    def take(self, message: Message) -> bool:
        """Add the numbers of *message*. Return False if it holds anything else, or if it is of one subject too many."""
        batch = message.batch
        if batch is None:
            value = _number_in(message.event)
            if value is None:
                return False
            low, high, count = value, value, 1
        else:
            values = _column(batch)
            if values is None:
                return False
            value, low, high, count = values[-1], min(values), max(values), len(values)
        fold = self._folds.get(message.subject)
        if fold is not None:
            fold.number, fold.time, fold.value = message.number, message.time, value
            fold.count += count
            fold.low, fold.high = min(low, fold.low), max(high, fold.high)
        elif len(self._folds) < MOST_SUBJECTS:
            self._folds[message.subject] = Fold(message.subject, message.number, message.time, value, low, high, count)
        else:
            return False
        return True

    def take_out(self) -> list[Fold]:
        """Return what has been folded since the last time."""
        folds, self._folds = self._folds, {}
        return list(folds.values())

    def let_go(self, pattern: str) -> None:
        """Drop the numbers of the subjects under *pattern*."""
        self._folds = {subject: fold for subject, fold in self._folds.items() if not matches(pattern, subject)}


def _column(batch: Any) -> Sequence[float] | None:
    """Return the numbers of *batch*, or None if some of its events is no number. Batches of samples have them as a column."""
    values: Sequence[float] | None = getattr(batch, "values", None)
    if values is not None:
        return values
    numbers = [number for event in batch if (number := _number_in(event)) is not None]
    return numbers if len(numbers) == len(batch) else None


def _number_in(event: Any) -> float | None:
    value = event
    if isinstance(event, Mapping):
        value = event.get("value")
    elif not isinstance(event, int | float):
        value = getattr(event, "value", None)
    return value if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None

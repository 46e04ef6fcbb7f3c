"""The measured values that ``/metrics`` shows: the newest of each subject, of a bounded number of subjects.

Clients choose names and channels here, and so the series; that is why there is a bound, and why only the patterns of the
configuration are followed.

Pure: the bus is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import define

from netd.gateway.metrics import MeasuredValue, MeasuredValues
from netd.interfaces import IBus, ISubscription
from netd.message import Message, Want
from netd.principal import Principal
from netd.reaction.condition import value_of
from netd.status import section_of

__all__ = ["MOST_VALUES", "STALE", "ValuesFollowing", "labels_of"]

MOST_VALUES = 1_000
"""Subjects whose values are kept."""

STALE = 300.0
"""Seconds after which a value is left out: as long as Prometheus itself goes on with a series that has ended."""

EVERY = 1.0
"""Seconds between two events of a subject that are asked for."""


def labels_of(subject: str) -> Mapping[str, str] | None:
    """Return the labels of the values under *subject*, but for their unit; None where there are none."""
    match subject.split("."):
        case ["session" as kind, instance, name, channel] | ["wire" as kind, instance, "sample", name, channel]:
            return {"kind": kind, "section": section_of({"kind": kind, "instance": instance}), "name": name, "channel": channel}
        case ["custom" as kind, *names, channel]:
            return {"kind": kind, "section": "", "name": ".".join(names), "channel": channel}
        case _:
            return None


@define(eq=False)
class _Series:
    """One subject.

    :ivar value: its newest value; None if its newest event has none that is a number.
    :ivar time: when that came, by the wall clock.
    """

    labels: Mapping[str, str]
    value: float | None = None
    time: float = 0.0

    def take(self, message: Message) -> None:
        """Keep the value of *message*, and not the message, in which there may be much more."""
        value = value_of(message.event, "value")
        try:
            self.value = float(value) if isinstance(value, bool | int | float) else None
        except OverflowError:  # a number of hundreds of digits
            self.value = None
        self.time = message.time


class ValuesFollowing:
    """Follows the values of a bus.

    :param overflowed: called with the first subject that finds no room.
    """

    def __init__(self, bus: IBus, overflowed: Callable[[str], None]) -> None:
        self._bus = bus
        self._overflowed = overflowed
        self._subscriptions: list[ISubscription] = []
        self._patterns: tuple[str, ...] = ()
        self._series: dict[str, _Series] = {}
        self._is_over = False
        self._unwatch = _nothing

    def follow(self, patterns: Iterable[str]) -> None:
        """Follow these patterns from now on, and no others."""
        wanted = tuple(patterns)
        if wanted == self._patterns:
            return
        self.stop()
        self._patterns = wanted
        if wanted:
            self._unwatch = self._bus.watch_forgotten(self._forget)
        for pattern in wanted:
            for message in self._bus.last(pattern):
                if "@" not in message.subject:
                    self._take(message)
            self._subscriptions.append(self._bus.subscribe(pattern, self._take, Want.NEWEST, EVERY, is_local=True))

    def stop(self) -> None:
        """Follow nothing any more, and forget all values."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._unwatch()
        self._subscriptions, self._patterns, self._unwatch = [], (), _nothing
        self._series.clear()
        self._is_over = False

    def seen_by(self, principal: Principal) -> MeasuredValues | None:
        """Return the values that *principal* may see and that are not stale; None if no values are followed."""
        if not self._patterns:
            return None
        self._drop_stale()
        return MeasuredValues(list(self._told(principal)), self._is_over)

    def _told(self, principal: Principal) -> Iterator[MeasuredValue]:
        for subject, series in sorted(self._series.items()):
            if series.value is not None and principal.sees(subject):
                unit = self._bus.described(subject).unit
                yield MeasuredValue({**series.labels, "unit": unit}, series.value)

    def _take(self, message: Message) -> None:
        known = self._series.get(message.subject)
        if known is not None:
            known.take(message)
            return
        labels = labels_of(message.subject)
        if labels is None:
            return
        if len(self._series) < MOST_VALUES:
            series = self._series[message.subject] = _Series(labels)
            series.take(message)
        elif not self._is_over:
            self._is_over = True
            self._overflowed(message.subject)

    def _forget(self, subject: str) -> None:
        self._series.pop(subject, None)

    def _drop_stale(self) -> None:
        oldest = self._bus.wall() - STALE
        stale = [subject for subject, series in self._series.items() if series.time < oldest]
        for subject in stale:
            del self._series[subject]
        if stale:
            self._is_over = False


def _nothing() -> None:
    """Nothing is watched."""

"""The channels of one session: newest value, range and rate, at next to no cost while nobody watches.

Blocks of samples are kept as they came and counted later: when a second has passed (with the next read, or by a sweep where none
follows), when they have become large, or when somebody asks. While somebody subscribes to a channel, each of its samples is
published as it comes; otherwise the newest one at each count, so that the bus always knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define

from netd.bus.subject import token
from netd.interfaces import IBus
from netd.message import Message
from netd.session.events import SampleTaken
from netd.session.lines import ChannelSpec
from netd.session.samples import Reader, Summary

__all__ = ["Channel", "Readings"]

COUNT_EVERY = 1.0
"""Seconds after which what was kept is counted, with the next read or the next sweep."""

KEPT = 1 << 12
"""Bytes kept uncounted, at most (a larger read is counted at once)."""

SPANNED = 1 << 16
"""Bytes a second whose samples count for the range; of an agent that sends more, a part does. That bounds what a flood costs."""

RATE_OVER = 5.0
"""Seconds over which the rate is an average, at least."""


@define(eq=False)
class Channel:
    """One channel of one session.

    :ivar subject: where its samples are published.
    :ivar time: when the newest sample came (or another that was counted with it), seconds since the epoch.
    :ivar rate: samples a second.
    """

    name: str
    label: str
    unit: str
    subject: str
    samples: int = 0
    last: float | None = None
    low: float | None = None
    high: float | None = None
    time: float | None = None
    rate: float = 0.0
    _rated_at: float | None = None
    _rated: int = 0

    def take(self, summary: Summary, time: float) -> None:
        """Add what a block held of it, the last of which came at *time*."""
        if summary.span is not None:
            low, high = summary.span
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
        self.last, self.time = summary.last, time
        self.samples += summary.samples

    def measure_rate(self, now: float) -> None:
        """Average over the time since the last measurement, when enough has passed; a first impression is quicker."""
        if self._rated_at is None:
            self._rated_at, self._rated = now, self.samples
        elif now - self._rated_at >= (RATE_OVER if self.rate else COUNT_EVERY):
            self.rate = (self.samples - self._rated) / (now - self._rated_at)
            self._rated_at, self._rated = now, self.samples

    def describe(self) -> dict[str, Any]:
        """Facts about it, as plain JSON values."""
        return {
            "label": self.label,
            "unit": self.unit,
            "last": self.last,
            "min": self.low,
            "max": self.high,
            "rate": round(self.rate, 3),
            "samples": self.samples,
            "time": self.time,
        }


class Readings:
    """What has been read in one session.

    *now* is the monotonic clock's in all methods; times that are shown are the bus's, of the wall clock.

    :param prefix: first tokens of its subjects, ``session.<instance>.<id>``.
    :param keep: called when something is kept uncounted: calls :meth:`settle` now and then, until that returns False.
    :ivar samples: how many samples were counted.
    :ivar bad: how many were no numbers, or of no channel.
    :ivar unspanned: how many do not count for the range of their channel, because there were too many at a time.
    :ivar is_watched: whether somebody subscribed to one of the channels when samples came last.
    """

    def __init__(self, bus: IBus, prefix: str, keep: Callable[[Readings], object]) -> None:
        self._bus = bus
        self._prefix = prefix
        self._keep = keep
        self._channels: dict[str, Channel] = {}
        self._blocks: list[bytes] = []
        self._kept = 0
        self._counted_at = 0.0
        self._taken_at = 0.0
        self._told: dict[str, Channel] = {}
        self._is_listed = False
        self._reader: Reader | None = None
        self._span_allowance = float(SPANNED)
        self.samples = 0
        self.bad = 0
        self.unspanned = 0
        self.is_watched = False

    def open(self, reader: Reader, specs: Iterable[ChannelSpec], now: float) -> None:
        """Samples of these channels are to come, read by *reader*. A channel of the same name goes on, under its new words."""
        self.count(now)
        self._told, self.is_watched = {}, False
        self._counted_at = now - COUNT_EVERY
        self._reader = reader
        before, self._channels = self._channels, {}
        for spec in specs:
            channel = before.get(spec.name)
            if channel is None:
                channel = Channel(spec.name, spec.label, spec.unit, f"{self._prefix}.{token(spec.name)}")
            channel.label, channel.unit = spec.label, spec.unit
            self._channels[spec.name] = channel

    def take(self, block: bytes, now: float) -> None:
        """Samples have come."""
        wants, time = self._bus.wants, self._bus.wall()
        wanted = {name: channel for name, channel in self._channels.items() if wants(channel.subject)}
        if wanted != self._told:
            self._change(wanted, now)
        if wanted:
            self._publish(block, wanted, time)
        self._taken_at = time
        self._blocks.append(block)
        self._kept += len(block)
        if self._kept >= KEPT or now - self._counted_at >= COUNT_EVERY:
            self.count(now)
        elif not self._is_listed:
            self._is_listed = True
            self._keep(self)

    def settle(self, now: float) -> bool:
        """Count what was kept for a second; True when something is kept still."""
        if self._blocks and now - self._counted_at >= COUNT_EVERY:
            self.count(now)
        self._is_listed = bool(self._blocks)
        return self._is_listed

    def count(self, now: float) -> None:
        """Count what was kept."""
        self._span_allowance = min(SPANNED, self._span_allowance + SPANNED * (now - self._counted_at))
        self._counted_at = now
        if not self._blocks:
            return
        assert self._reader is not None, "nothing is kept before there is a reader"
        block = self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)
        self._blocks.clear()
        self._kept = 0
        spans = len(block) <= self._span_allowance
        if spans:
            self._span_allowance -= len(block)
        for summary in self._reader.summarise(block, spans):
            channel = self._channels.get(summary.channel)
            if channel is None:
                self.bad += summary.samples
                continue
            self.samples += summary.samples
            self.unspanned += 0 if spans else summary.samples
            channel.take(summary, self._taken_at)
            channel.measure_rate(now)
            if channel.name not in self._told:
                self._bus.publish(Message(channel.subject, SampleTaken(summary.last, self._taken_at, summary.time)))

    def describe(self, now: float) -> dict[str, dict[str, Any]]:
        """Facts about each channel, by name; nothing is left uncounted."""
        self.count(now)
        for channel in self._channels.values():
            if channel.samples:
                channel.measure_rate(now)
        return {name: channel.describe() for name, channel in self._channels.items()}

    def _change(self, wanted: dict[str, Channel], now: float) -> None:
        """Other channels are *wanted* from now on; what was kept so far is counted first, and the newest of the others told."""
        if self._blocks:
            self.count(now)
        self._told = wanted
        self.is_watched = bool(wanted)

    def _publish(self, block: bytes, wanted: dict[str, Channel], time: float) -> None:
        assert self._reader is not None, "nothing comes before there is a reader"
        publish = self._bus.publish
        for name, value, agent_time in self._reader.samples(block):
            channel = wanted.get(name)
            if channel is not None:
                publish(Message(channel.subject, SampleTaken(value, time, agent_time)))

"""The channels of one session: newest value, range and rate, at little cost while nobody subscribes to them.

Blocks of samples are kept as they arrived, and counted later: after a second (with the next read, or by the sweep if none
follows), when they have become large, or when somebody asks for facts. Published is what the subscribers of a channel want: each
sample, or one batch for each read, at once; otherwise the newest sample at each count, so that the bus always has it, and one
batch of all if the subscribers name an interval. Shorter intervals make counts as frequent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from attrs import define

from netd.bus.subject import token
from netd.codec.samples import Samples, SampleTaken
from netd.interfaces import IBus
from netd.message import Described, Message, Want
from netd.session.events import ChannelName
from netd.session.lines import ChannelSpec
from netd.session.results import ChannelFacts
from netd.session.samples import Column, SampleReader, Summary

__all__ = ["Channel", "Readings"]

COUNT_EVERY = 1.0
"""Seconds after which blocks are counted, with the next read or the next sweep."""

KEPT = 1 << 12
"""Bytes of blocks that are not counted yet, at most. A longer read is counted at once."""

WORTHWHILE = 24
"""Bytes of a block that is published as batches, at least: the samples of a shorter one are cheaper one by one."""

SPANNED = 1 << 16
"""Bytes a second whose samples count for the range. Of an agent that sends more, a part counts: that bounds the cost."""

RATE_OVER = 5.0
"""Seconds over which the rate is an average, at least."""


@define(eq=False)
class Channel:
    """One channel of one session.

    :ivar subject: where its samples are published.
    :ivar time: when the newest block arrived, in seconds since the epoch.
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
        """Add the *summary* of blocks, the last of which arrived at *time*."""
        if summary.span is not None:
            low, high = summary.span
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
        self.last, self.time = summary.last, time
        self.samples += summary.samples

    def measure_rate(self, now: float) -> None:
        """Work the rate out anew if enough time has passed since the last measurement; less is enough for the first."""
        if self._rated_at is None:
            self._rated_at, self._rated = now, self.samples
        elif now - self._rated_at >= (RATE_OVER if self.rate else COUNT_EVERY):
            self.rate = (self.samples - self._rated) / (now - self._rated_at)
            self._rated_at, self._rated = now, self.samples

    def describe(self) -> ChannelFacts:
        """Facts about the channel."""
        rate = round(self.rate, 3)
        return ChannelFacts(self.label, self.unit, self.last, self.low, self.high, rate, self.samples, self.time)


class Readings:
    """The readings of one session.

    *now* is the time of the monotonic clock in all methods. Times that people see come from the bus, by the wall clock.

    :param prefix: first tokens of its subjects, ``session.<instance>.<agent>``.
    :param keep: called when blocks wait to be counted; must call :meth:`settle` from time to time, until that returns False.
    :ivar samples: the number of samples.
    :ivar bad: samples that were not a number, or of no channel.
    :ivar unspanned: samples left out of the range of their channel, because the agent sent too many at a time.
    :ivar is_watched: whether samples of some channel are published as they arrive.
    :ivar count_every: seconds between two counts.
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
        self._wanted: dict[str, Want] = {}
        self._told: dict[str, Channel] = {}  # channels with a subscriber that wants each sample
        self._batched: dict[str, Channel] = {}  # channels with one that wants batches at once, with none that wants each sample
        self._late: dict[str, Channel] = {}  # channels whose batches may wait for an interval
        self._patient: list[Channel] = []  # these, and channels whose subscribers want only the newest sample
        self._listed_for = inf  # the interval of the sweep that these readings wait for
        self._reader: SampleReader | None = None
        self._span_allowance = float(SPANNED)
        self.samples = 0
        self.bad = 0
        self.unspanned = 0
        self.is_watched = False
        self.count_every = COUNT_EVERY

    def open(self, reader: SampleReader, specs: Iterable[ChannelSpec], now: float) -> None:
        """Expect samples of the channels *specs*, read by *reader*. Known channels go on, with their new labels and units."""
        self.count(now)
        self._want({})
        self._counted_at = now - COUNT_EVERY
        self._reader = reader
        before, self._channels = self._channels, {}
        for spec in specs:
            channel = before.get(spec.name)
            if channel is None:
                channel = Channel(spec.name, spec.label, spec.unit, f"{self._prefix}.{token(spec.name)}")
            channel.label, channel.unit = spec.label, spec.unit
            self._channels[spec.name] = channel
            self._bus.describe(channel.subject, Described(spec.label, spec.unit))

    def rename(self, prefix: str) -> None:
        """Publish under another *prefix* from now on."""
        self._prefix = prefix
        for channel in self._channels.values():
            self._bus.forget(channel.subject)
            channel.subject = f"{prefix}.{token(channel.name)}"
            self._bus.describe(channel.subject, Described(channel.label, channel.unit))

    def take(self, block: bytes, now: float) -> None:
        """Take a block of samples."""
        wants, time = self._bus.wants, self._bus.wall()
        wanted = {name: want for name, channel in self._channels.items() if (want := wants(channel.subject))}
        if wanted != self._wanted:
            self._change(wanted, now)
        if self.is_watched:
            if self._told:
                self._publish(block, self._told, time)
            if self._batched and len(block) < WORTHWHILE:
                self._publish(block, self._batched, time)
            elif self._batched:
                self._publish_batches(block, time)
        self._taken_at = time
        self._blocks.append(block)
        self._kept += len(block)
        if self._kept >= KEPT or now - self._counted_at >= self.count_every:
            self.count(now)
        elif self.count_every < self._listed_for:
            self._listed_for = self.count_every
            self._keep(self)

    def settle(self, now: float) -> bool:
        """Count the blocks if they are due. Return True if some are left."""
        if self._blocks and (self._patient or now - self._counted_at >= COUNT_EVERY):
            self.count(now)
        self._listed_for = self.count_every if self._blocks else inf
        return bool(self._blocks)

    def count(self, now: float) -> None:
        """Count the blocks."""
        self._span_allowance = min(SPANNED, self._span_allowance + SPANNED * (now - self._counted_at))
        self._counted_at = now
        if self._blocks:
            self._count_blocks(now)
        if self._wanted:
            self._want(self._wanted)  # intervals may have changed, and subscriptions do not tell

    def _count_blocks(self, now: float) -> None:
        assert self._reader is not None, "nothing is kept before there is a reader"
        block = self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)
        self._blocks.clear()
        self._kept = 0
        spans = len(block) <= self._span_allowance
        if spans:
            self._span_allowance -= len(block)
        columns: dict[str, Column] | None = None
        for summary in self._reader.summarise(block, spans):
            channel = self._channels.get(summary.channel)
            if channel is None:
                self.bad += summary.samples
                continue
            self.samples += summary.samples
            self.unspanned += 0 if spans else summary.samples
            channel.take(summary, self._taken_at)
            channel.measure_rate(now)
            if self.is_watched and (channel.name in self._told or channel.name in self._batched):
                continue
            batch = None
            if summary.samples > 1 and channel.name in self._late:
                columns = self._reader.columns(block) if columns is None else columns
                batch = Samples(self._taken_at, *columns[channel.name])
            self._bus.publish(Message(channel.subject, SampleTaken(summary.last, self._taken_at, summary.time), batch=batch))

    def describe(self, now: float) -> dict[str, ChannelFacts]:
        """Count the blocks, and return facts about each channel by name."""
        self.count(now)
        for channel in self._channels.values():
            if channel.samples:
                channel.measure_rate(now)
        return {name: channel.describe() for name, channel in self._channels.items()}

    def names(self) -> dict[str, ChannelName]:
        """Return label and unit of each channel, by name."""
        return {name: ChannelName(channel.label, channel.unit) for name, channel in self._channels.items()}

    def words(self) -> str:
        """Return names, labels and units of the channels, as one text."""
        return " ".join(f"{channel.name} {channel.label} {channel.unit}" for channel in self._channels.values())

    def _change(self, wanted: dict[str, Want], now: float) -> None:
        """Use *wanted* from now on. Blocks are counted before, under the wants that were in force when they arrived."""
        if self._blocks:
            self.count(now)
        self._want(wanted)

    def _want(self, wanted: dict[str, Want]) -> None:
        self._wanted = wanted
        interval = self._bus.interval
        self._told = {name: self._channels[name] for name, want in wanted.items() if want is Want.EACH}
        batches = {name: self._channels[name] for name, want in wanted.items() if want is Want.BATCH}
        self._late = {name: channel for name, channel in batches.items() if interval(channel.subject) > 0.0}
        self._batched = {name: channel for name, channel in batches.items() if name not in self._late}
        self._patient = [self._channels[name] for name, want in wanted.items() if want is Want.NEWEST or name in self._late]
        self.is_watched = bool(self._told or self._batched)
        self.count_every = min([COUNT_EVERY, *[interval(channel.subject) for channel in self._patient]])

    def _publish(self, block: bytes, channels: dict[str, Channel], time: float) -> None:
        assert self._reader is not None, "nothing comes before there is a reader"
        publish = self._bus.publish
        for name, value, agent_time in self._reader.samples(block):
            channel = channels.get(name)
            if channel is not None:
                publish(Message(channel.subject, SampleTaken(value, time, agent_time)))

    def _publish_batches(self, block: bytes, time: float) -> None:
        assert self._reader is not None, "nothing comes before there is a reader"
        for name, (values, times) in self._reader.columns(block).items():
            channel = self._batched.get(name)
            if channel is not None:
                newest = SampleTaken(values[-1], time, times[-1] if times else None)
                batch = Samples(time, values, times) if len(values) > 1 else None
                self._bus.publish(Message(channel.subject, newest, batch=batch))

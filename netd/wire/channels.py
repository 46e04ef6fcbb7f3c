"""The channels of a wire's peers: samples are published as somebody wants them, and counted where nobody does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field

from netd.codec.samples import Samples, SampleTaken
from netd.interfaces import IBus
from netd.message import Message, Want
from netd.wire.plain import SampleBlock

__all__ = ["SHOWN_EVERY", "ChannelPublisher", "LateSamples", "WireChannel"]

SHOWN_EVERY = 1.0
"""Seconds between two samples of a channel on the bus that nobody asks for: the bus always has a recent one."""


@define(eq=False)
class WireChannel:
    """A channel of a peer.

    :ivar place: where the rule is written that gave the unit.
    :ivar is_disputed: whether another unit has come since.
    :ivar values: samples of this turn that are to be published together.
    """

    subject: str
    label: str
    unit: str
    place: str
    is_disputed: bool = False
    value: float = 0.0
    time: float = 0.0
    agent_time: float | None = None
    samples: int = 0
    shown: float = 0.0
    is_behind: bool = False
    values: list[float] = field(factory=list)
    agent_times: list[float | None] = field(factory=list)


@define(eq=False)
class LateSamples:
    """Samples of a peer that one rule has read, which are counted at the next look at the hub: nobody wants them now.

    :ivar channels: in the order of the block's readings.
    :ivar shown: when the newest of them were on the bus.
    :ivar block: the last one; None if nothing is late.
    :ivar count: the samples of each channel in all blocks.
    :ivar time: when the last block came.
    """

    channels: Sequence[WireChannel]
    shown: float
    block: SampleBlock | None = None
    count: int = 0
    time: float = 0.0


class ChannelPublisher:
    """Publishes the samples of one wire.

    :param wake: called when :meth:`settle` is to be called about a second later.
    """

    def __init__(self, bus: IBus, wake: Callable[[], object]) -> None:
        self._bus = bus
        self._wake = wake
        self._batched: list[WireChannel] = []
        self._behind: list[WireChannel] = []
        self._late: list[LateSamples] = []

    def take(self, channel: WireChannel, value: float, wall: float, said: float | None) -> None:
        """Take one sample, and publish it now, in a batch or later, as somebody wants it.

        :param wall: the present time, in seconds since 1970.
        :param said: the time that the peer gave.
        """
        want = self._bus.wants(channel.subject)
        if want is Want.BATCH:
            self.batch(channel, (value,), (said,), wall)
            return
        channel.value, channel.time, channel.agent_time = value, wall, said
        channel.samples += 1
        if want is Want.EACH or abs(wall - channel.shown) >= (self._bus.interval(channel.subject) if want else SHOWN_EVERY):
            self._publish(channel)
        else:
            self._fall_behind(channel)

    def batch(self, channel: WireChannel, values: Sequence[float], times: Sequence[float | None], wall: float) -> None:
        """Keep samples that are published together with the next :meth:`flush`."""
        if not channel.values:
            self._batched.append(channel)
        said = times or [None] * len(values)
        channel.values.extend(values)
        channel.agent_times.extend(said)
        channel.value, channel.time, channel.agent_time = values[-1], wall, said[-1]
        channel.samples += len(values)

    def is_wanted(self, late: LateSamples) -> bool:
        """Whether somebody has come to want samples of these channels."""
        wants = self._bus.wants
        for channel in late.channels:  # noqa: SIM110 - any() would take twice as long, for each read
            if wants(channel.subject):
                return True
        return False

    def count_later(self, late: LateSamples, block: SampleBlock, wall: float) -> None:
        """Keep *block* until its samples are counted; only the newest one is."""
        if late.block is None:
            self._late.append(late)
            if len(self._late) == 1:
                self._wake()
        late.block = block
        late.count += block.count
        late.time = wall

    def catch_up(self) -> None:
        """Count all that is late."""
        if self._late:
            late, self._late = self._late, []
            for one in late:
                self.count(one)

    def count(self, late: LateSamples) -> None:
        """Count the samples that are *late*."""
        if late.block is None:
            return
        for channel, reading in zip(late.channels, late.block.newest(), strict=True):
            channel.value, channel.time, channel.agent_time = reading.value, late.time, reading.time
            channel.samples += late.count
            self._fall_behind(channel)
        late.block, late.count, late.shown = None, 0, late.time

    def flush(self) -> None:
        """Publish what was kept for a batch."""
        for channel in self._batched:
            values, times = channel.values, channel.agent_times
            channel.values, channel.agent_times = [], []
            has_times = any(time is not None for time in times)
            batch = Samples(channel.time, values, times if has_times else ()) if len(values) > 1 else None
            self._publish(channel, batch)
        self._batched.clear()

    def settle(self) -> None:
        """Publish the newest samples that nobody has asked for."""
        self.catch_up()
        behind, self._behind = self._behind, []
        for channel in behind:
            if channel.is_behind:
                self._publish(channel)

    def _fall_behind(self, channel: WireChannel) -> None:
        if not channel.is_behind:
            channel.is_behind = True
            self._behind.append(channel)
            if len(self._behind) == 1:
                self._wake()

    def _publish(self, channel: WireChannel, batch: Samples | None = None) -> None:
        channel.is_behind = False
        channel.shown = channel.time
        event = SampleTaken(channel.value, channel.time, channel.agent_time)
        self._bus.publish(Message(channel.subject, event, batch=batch))

"""Samples, as agents and devices send them: what is published of them on the bus.

These are no frozen classes: a frozen one takes three times as long to make, and there is one for each sample. All subscribers
share them, and nobody assigns to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define

from netd.codec.units import Epoch, Measured

__all__ = ["SampleTaken", "Samples"]


@define
class SampleTaken:
    """``session.<instance>.<agent>.<channel>``, ``wire.<instance>.sample.<name>.<channel>``: somebody sent a sample.

    :ivar time: when it arrived, in seconds since the epoch.
    :ivar agent_time: the time that the sender gave for it; None where it gave none.
    """

    value: Measured
    time: Epoch
    agent_time: float | None = None


@define
class Samples:
    """Several samples of one channel that arrived together: a :class:`netd.message.Batch` of :class:`SampleTaken`.

    :ivar time: when they arrived, in seconds since the epoch.
    :ivar values: the values, oldest first.
    :ivar agent_times: the time that the sender gave for each; empty where it gave none.
    """

    time: float
    values: Sequence[float]
    agent_times: Sequence[float | None] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[SampleTaken]:
        time = self.time
        if not self.agent_times:
            return (SampleTaken(value, time) for value in self.values)
        return (SampleTaken(value, time, said) for value, said in zip(self.values, self.agent_times, strict=True))

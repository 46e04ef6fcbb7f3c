"""The events that sessions publish on the bus.

Those of samples are no frozen classes: a frozen one takes three times as long to make, and there is one for each sample. All
subscribers share them, and nobody assigns to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define, frozen

from netd.codec.units import Address, Epoch, Measured, Prose

__all__ = ["ChannelName", "SampleTaken", "Samples", "StateChanged"]


@define
class SampleTaken:
    """``session.<instance>.<agent>.<channel>``: an agent sent a sample.

    :ivar time: when it arrived, in seconds since the epoch.
    :ivar agent_time: the time that the agent gave for it; None where it gave none.
    """

    value: Measured
    time: Epoch
    agent_time: float | None = None


@define
class Samples:
    """Several samples of one channel that arrived together: a :class:`netd.message.Batch` of :class:`SampleTaken`.

    :ivar time: when they arrived, in seconds since the epoch.
    :ivar values: the values, oldest first.
    :ivar agent_times: the time that the agent gave for each; empty where it gave none.
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


@frozen
class ChannelName:
    """What a channel measures, in words, and its unit."""

    label: str
    unit: str


@frozen
class StateChanged:
    """``session.<instance>.<agent>``: a session is dialled, awaited, streaming, stopping, resting, ended.

    :ivar agent: what the agent is called; the token of its subjects.
    :ivar host: the host as the operator wrote it; *address* is what it resolved to.
    :ivar attempt: 1 for the first time that the agent is dialled.
    :ivar reason: why the session is in this state, where the state alone does not say it.
    :ivar channels: the channels of its agent, as far as they are known.
    """

    session: int
    agent: str
    host: str
    address: Address
    state: str
    attempt: int
    reason: Prose
    time: Epoch
    channels: dict[str, ChannelName]

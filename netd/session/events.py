"""What sessions publish on the bus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

__all__ = ["SampleTaken", "Samples", "StateChanged"]


@frozen
class SampleTaken:
    """``session.<instance>.<agent>.<channel>``: an agent said a value.

    :ivar time: when it came, seconds since the epoch.
    :ivar agent_time: the agent's own time for it, where it said one.
    """

    value: float
    time: float
    agent_time: float | None = None


@frozen
class Samples:
    """Several samples of one channel that came at the same time: a :class:`netd.message.Batch` of :class:`SampleTaken`.

    :ivar time: when they came, seconds since the epoch.
    :ivar values: oldest first.
    :ivar agent_times: the agent's own time of each; empty where it said none.
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
class StateChanged:
    """``session.<instance>.<agent>``: a session is dialled, awaited, streaming, stopping, resting, ended.

    :ivar agent: what the agent is called; the token of its subjects.
    :ivar host: what was asked for; *address* is what it resolved to.
    :ivar attempt: 1 for the first time that the agent is dialled.
    :ivar reason: why, where that is not plain.
    """

    session: int
    agent: str
    host: str
    address: str
    state: str
    attempt: int
    reason: str
    time: float

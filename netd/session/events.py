"""What sessions publish on the bus."""

from __future__ import annotations

from attrs import frozen

__all__ = ["SampleTaken", "StateChanged"]


@frozen
class SampleTaken:
    """``session.<instance>.<id>.<channel>``: an agent said a value.

    :ivar time: when it came, seconds since the epoch.
    :ivar agent_time: the agent's own time for it, where it said one.
    """

    value: float
    time: float
    agent_time: float | None = None


@frozen
class StateChanged:
    """``session.<instance>.<id>``: a session is dialled, awaited, streaming, stopping, resting, ended.

    :ivar host: what was asked for; *address* is what it resolved to.
    :ivar attempt: 1 for the first time that the agent is dialled.
    :ivar reason: why, where that is not plain.
    """

    session: int
    host: str
    address: str
    state: str
    attempt: int
    reason: str
    time: float

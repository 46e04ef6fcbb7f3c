"""The events that sessions publish on the bus, beside samples (:mod:`netd.codec.samples`)."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Address, Epoch, Prose

__all__ = ["ChannelName", "StateChanged"]


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

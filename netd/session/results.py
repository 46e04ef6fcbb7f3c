"""What the operations of telemetry sessions give, and the status of a session service."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Address, Epoch, Measured, Port, Prose, Rate
from netd.status import ServiceStatus

__all__ = ["ChannelFacts", "PingedSession", "SessionFacts", "SessionServiceStatus"]


@frozen(slots=False)
class ChannelFacts:
    """One channel of a session.

    :ivar label: what is measured, in words.
    :ivar unit: what it is measured in.
    :ivar last: the newest value; None before the first.
    :ivar samples: how many values came.
    :ivar time: when the newest came.
    """

    label: str
    unit: str
    last: Measured | None
    min: Measured | None
    max: Measured | None
    rate: Rate
    samples: int
    time: Epoch | None


@frozen(slots=False)
class SessionFacts:
    """A session with an agent.

    :ivar session: its id.
    :ivar agent: what its agent is called, in subjects, too.
    :ivar state: what it does, in a word or two.
    :ivar number: what its agent was told to announce.
    :ivar host: as asked for.
    :ivar reason: why it is in its state.
    :ivar attempt: how many times the agent was dialled.
    :ivar since: when it came into its state.
    :ivar announced: the numbers that the agent has announced.
    :ivar channels: by name.
    :ivar bad: samples that were no numbers, or of no channel.
    :ivar unspanned: samples that do not count for the range of their channel, because there were too many at a time.
    """

    session: int
    agent: str
    number: int
    host: str
    address: Address
    state: str
    reason: Prose
    attempt: int
    since: Epoch
    dialect: str
    announced: list[int]
    channels: dict[str, ChannelFacts]
    samples: int
    bad: int
    unspanned: int


@frozen(slots=False)
class PingedSession:
    """A session whose agent was told to show a ping."""

    session: int
    host: str


@frozen(slots=False, kw_only=True)
class SessionServiceStatus(ServiceStatus):
    """The status of a session service.

    :ivar agent_port: where agents are dialled.
    :ivar sessions: those that have not ended.
    :ivar streaming: those of them that stream.
    """

    agent_port: Port
    sessions: int
    streaming: int

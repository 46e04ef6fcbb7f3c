"""The results of the operations of telemetry sessions, and the status of a session service."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Address, Epoch, Measured, Port, Prose, Rate
from netd.status import ServiceStatus

__all__ = ["ChannelFacts", "PingedSession", "SessionFacts", "SessionList", "SessionServiceStatus"]


@frozen(slots=False)
class ChannelFacts:
    """One channel of a session.

    :ivar label: what is measured, in words.
    :ivar unit: the unit of the values.
    :ivar last: the newest value; None before the first.
    :ivar rate: samples a second, lately.
    :ivar samples: the number of samples.
    :ivar time: when the newest sample arrived.
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

    :ivar session: the id of the session.
    :ivar number: the id that the agent was told in the newest attempt.
    :ivar agent: the name of the agent, which is also the token of its subjects.
    :ivar host: the host as the operator wrote it.
    :ivar state: the state of the session.
    :ivar reason: why the session is in this state, where the state alone does not say it.
    :ivar attempt: how many times the agent was dialled.
    :ivar since: when the session entered its state.
    :ivar announced: the ids that the agent has announced.
    :ivar channels: the channels by name.
    :ivar bad: samples that were not a number, or of no channel.
    :ivar unspanned: samples left out of the range of their channel, because the agent sent too many at a time.
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
class SessionList:
    """A page of the list of sessions.

    :ivar counts: number of sessions that contain the text, by state.
    :ivar matching: number of those in the wanted state, on all pages.
    :ivar after: end of this page, from which the next one goes on; None on the last page.
    """

    rows: list[SessionFacts]
    counts: dict[str, int]
    matching: int
    after: str | None


@frozen(slots=False)
class PingedSession:
    """The session whose agent was told to show a ping."""

    session: int
    host: str


@frozen(slots=False, kw_only=True)
class SessionServiceStatus(ServiceStatus):
    """The status of a session service.

    :ivar agent_port: the port at which agents are dialled.
    :ivar sessions: sessions that have not ended.
    :ivar streaming: sessions whose agents stream.
    """

    agent_port: Port
    sessions: int
    streaming: int

"""What the operations of a feed give, and its status."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import ABSENT, Absent, Address, Epoch, Prose, Rate, Seconds
from netd.status import ServiceStatus

__all__ = ["ClientFacts", "FeedServiceStatus", "SubscriberFacts"]


@frozen(slots=False)
class ClientFacts:
    """What one client has reported, over all its connections.

    :ivar client: its name.
    :ivar blocks: how many it has reported.
    :ivar last_block: the number that it gave the last one.
    :ivar seconds: how long all of them took together.
    :ivar rate: blocks a second.
    :ivar last_seen: when it said something, or left.
    :ivar remarks: what else it has said.
    """

    client: str
    address: Address
    online: bool
    blocks: int
    last_block: int | None
    seconds: Seconds
    rate: Rate | None
    last_seen: Epoch
    remarks: list[Prose]


@frozen(slots=False)
class SubscriberFacts:
    """A client that is connected, and what it gets.

    :ivar since: when it connected.
    :ivar types: of the values, in the order of a sample.
    :ivar block: samples in one message.
    :ivar interval: between two samples; absent where the feed's source is a subject.
    """

    client: str
    address: Address
    dialect: str
    since: Epoch
    types: list[str]
    block: int
    locale: str | None
    seed: int | None
    interval: Seconds | Absent = ABSENT


@frozen(slots=False, kw_only=True)
class FeedServiceStatus(ServiceStatus):
    """The status of a feed.

    :ivar source: ``faker``, or a subject pattern.
    :ivar streams: how many different streams are made.
    """

    subscribers: int
    source: str
    streams: int

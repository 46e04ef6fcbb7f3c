"""The results of the operations of a feed, and its status."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import ABSENT, Absent, Address, Epoch, Prose, Rate, Seconds
from netd.status import ServiceStatus

__all__ = ["ClientFacts", "FeedServiceStatus", "SubscriberFacts"]


@frozen(slots=False)
class ClientFacts:
    """The reports of one client, over all its connections.

    :ivar client: its name.
    :ivar blocks: number of reported blocks.
    :ivar last_block: the client's number of the last block.
    :ivar seconds: time that all blocks took together.
    :ivar rate: blocks per second.
    :ivar last_seen: time of its last message, or of its disconnection.
    :ivar remarks: other texts that it has sent.
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
    """A connected client, and its subscription.

    :ivar since: time at which it connected.
    :ivar types: types of the values of a sample, in this order.
    :ivar block: samples per message.
    :ivar interval: time between two samples; absent if the source of the feed is a subject.
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
    :ivar streams: number of different streams.
    """

    subscribers: int
    source: str
    streams: int

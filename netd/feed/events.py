"""What the feed publishes on the bus."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from netd.codec.units import Address, Epoch, Rate, Took

__all__ = ["BlockReported", "ClientRemarked", "RoundMade"]


@frozen
class RoundMade:
    """``feed.<instance>.round``: one round of values was made for all.

    :ivar seq: grows by one with each round; the same as clients are told.
    :ivar time: seconds since the epoch.
    :ivar values: by type.
    """

    seq: int
    time: Epoch
    values: Mapping[str, str]


@frozen
class BlockReported:
    """``feed.<instance>.report``: a client has received a block.

    :ivar client: its name as it says it, or its address.
    :ivar block: the block's number, as the client counts.
    :ivar seconds: how long the block took, by the client's clock.
    :ivar rate: blocks a second over all that this client has reported; None while they took no time.
    """

    client: str
    address: Address
    block: int
    seconds: Took
    rate: Rate | None


@frozen
class ClientRemarked:
    """``feed.<instance>.remark``: a client said something else."""

    client: str
    address: Address
    text: str

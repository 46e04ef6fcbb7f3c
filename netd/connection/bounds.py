"""The bounds of an outbox: how much may wait for a slow peer, and the policy for what is over that.

Pure. A service states its bounds; :mod:`netd.connection.outbox` keeps to them.
"""

from __future__ import annotations

import enum
from collections import Counter

from attrs import define, field, frozen

__all__ = ["Bounds", "Policy", "Traffic"]


class Policy(enum.Enum):
    """The effect of more unsent bytes than the bounds allow."""

    DROP_OLDEST = "drop-oldest"
    """The oldest waiting items are dropped."""
    LATEST = "latest"
    """A new item replaces the waiting item of the same key, at that one's place; over the bounds, the oldest are dropped."""
    ROUND = "round"
    """Items of one key form a round. The oldest rounds are dropped whole; a round that is partly written is never dropped."""
    PAUSE = "pause"
    """Nothing is dropped. The source of the items is paused until all of them have been written."""
    REFUSE = "refuse"
    """The new item is refused: :meth:`netd.connection.outbox.Outbox.send` returns False."""
    DISCONNECT = "disconnect"
    """The connection is cut."""


@frozen
class Bounds:
    """The limits of an outbox: the bytes that may wait for one connection.

    :ivar size: bytes that may wait.
    :ivar items: items that may wait, each from one call of :meth:`netd.connection.outbox.Outbox.send`.
    """

    policy: Policy
    size: int
    items: int = 1 << 20


@define
class Traffic:
    """The numbers of items that the outboxes of one service have dropped, by reason."""

    dropped: Counter[str] = field(factory=Counter)

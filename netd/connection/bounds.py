"""How much may wait for a connection, and what happens over that: said by a service, kept to by :mod:`netd.connection.outbox`.

Pure.  A service names its bounds without knowing how they are kept.
"""

from __future__ import annotations

import enum
from collections import Counter

from attrs import define, field, frozen

__all__ = ["Bounds", "Policy", "Traffic"]


class Policy(enum.Enum):
    """What happens when more waits than the bounds allow."""

    DROP_OLDEST = "drop-oldest"
    """The oldest waiting items go."""
    LATEST = "latest"
    """A new item replaces the waiting one of the same key, at its place; over the bounds the oldest go."""
    ROUND = "round"
    """Items of one key are a round: the oldest rounds go whole, and never one of which a part was already written."""
    PAUSE = "pause"
    """Everything is kept, and the source is told to stop until all has been taken."""
    REFUSE = "refuse"
    """The new item is not taken; :meth:`netd.connection.outbox.Outbox.send` returns False."""
    DISCONNECT = "disconnect"
    """The connection is given up."""


@frozen
class Bounds:
    """How much may wait for one connection.

    :ivar size: bytes.
    :ivar items: calls of :meth:`netd.connection.outbox.Outbox.send`.
    """

    policy: Policy
    size: int
    items: int = 1 << 20


@define
class Traffic:
    """What the outboxes of one service gave up, by reason."""

    dropped: Counter[str] = field(factory=Counter)

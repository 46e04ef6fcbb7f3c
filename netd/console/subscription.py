"""One subscription of one console connection: what it is sent, and what it loses when it reads too slowly.

While the connection keeps up, a subscription is a member of its topic's fan-out, and does nothing by itself. While the connection
is full, what comes waits here, bounded, under the subscription's policy; and before anything else that follows a loss, the
subscriber is told how much it lost.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from netd.console.jsonrpc import notification
from netd.console.link import BACKLOG, ConsoleLink
from netd.wire.fanout import BLOCK, Item

__all__ = ["SlowPolicy", "Subscription"]


class SlowPolicy(enum.Enum):
    """What a subscriber that reads too slowly loses."""

    DROP_OLDEST = "drop-oldest"
    """The oldest of the events that wait."""
    LATEST = "latest"
    """All but the newest of each subject."""


class Subscription:
    """A member of a topic's fan-out, on behalf of a link.

    :ivar dropped: events lost since the subscriber was last told.
    """

    __slots__ = ("_count", "_link", "_pattern", "_policy", "_size", "_waiting", "dropped")

    def __init__(self, link: ConsoleLink, pattern: str, policy: SlowPolicy) -> None:
        self._link = link
        self._pattern = pattern
        self._policy = policy
        self._waiting: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0
        self._count = 0
        self.dropped = 0

    @property
    def is_full(self) -> bool:
        """Whether what comes has to wait. What waits goes on as soon as there is room: nothing can overtake it."""
        return self._link.peer.is_full

    def put(self, block: bytes) -> bool:
        """Write *block* now."""
        return self._link.peer.put(block)

    def spill(self, items: Sequence[Item]) -> None:
        """Let *items* wait, and send what can be sent."""
        for item, key in items:
            self._keep(item, key)
        if not self.forward():
            self._link.backlogs[self] = None

    def forward(self) -> bool:
        """Send what fits now, the notice of a loss first; False when something is left."""
        peer = self._link.peer
        while self._waiting or self.dropped:
            if peer.is_full:
                return False
            peer.put(self._portion())
        return True

    def end(self) -> None:
        """Forget what waits."""
        self._link.backlogged -= self._size
        self._link.backlogs.pop(self, None)
        self._size = self.dropped = 0
        self._waiting.clear()

    def _keep(self, item: bytes, key: Hashable) -> None:
        if self._policy is SlowPolicy.LATEST:
            replaced = self._waiting.get(key)
            if replaced is not None:
                self._grow(-len(replaced))
                self._count_dropped()
        else:
            key = self._count = self._count + 1
        self._waiting[key] = item
        self._grow(len(item))
        while self._waiting and self._link.backlogged > BACKLOG:
            _, oldest = self._waiting.popitem(last=False)
            self._grow(-len(oldest))
            self._count_dropped()

    def _count_dropped(self) -> None:
        self.dropped += 1
        self._link.peer.count_dropped(self._policy.value, 1)

    def _grow(self, size: int) -> None:
        self._size += size
        self._link.backlogged += size

    def _portion(self) -> bytes:
        items = []
        size = 0
        if self.dropped:
            told = {"pattern": self._pattern, "count": self.dropped, "policy": self._policy.value}
            items.append(self._link.frame(notification("dropped", told)))
            self.dropped = 0
        while self._waiting and size < BLOCK:
            _, item = self._waiting.popitem(last=False)
            items.append(item)
            size += len(item)
        self._grow(-size)
        return b"".join(items)

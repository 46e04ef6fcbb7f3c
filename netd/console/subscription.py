"""One subscription of one console connection: what it is sent, and what it loses when it reads too slowly.

While the connection keeps up, a subscription is a member of its topic's fan-out, and does nothing by itself. What is replayed
goes first; while that, or the connection itself, takes its time, what comes waits here, bounded, under the subscription's policy.
Before anything else that follows a loss, the subscriber is told how much it lost. Numbers always ascend.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence

from twisted.logger import Logger

from netd.connection.fanout import BLOCK, Item
from netd.console.jsonrpc import notification
from netd.console.link import ConsoleLink

__all__ = ["SlowPolicy", "Subscription"]

OVERHEAD = 150
"""Bytes that an event takes beside its frame while it waits."""


class SlowPolicy(enum.Enum):
    """What a subscriber that reads too slowly loses."""

    DROP_OLDEST = "drop-oldest"
    """The oldest of the events that wait."""
    LATEST = "latest"
    """All but the newest of each subject."""


class Subscription:
    """A member of a topic's fan-out, on behalf of a link.

    :param lost: events that an earlier subscription of the same pattern had waiting when this one took its place.
    :ivar frame: how the connection sends a JSON text.
    :ivar offer: writes a block now, while nothing waits here.
    :ivar size: bytes that wait, of what counts for the link's bound.
    :ivar dropped: events lost since the subscriber was last told.
    """

    _log = Logger()

    __slots__ = ("_count", "_link", "_past", "_pattern", "_waiting", "dropped", "frame", "offer", "policy", "size")

    def __init__(self, link: ConsoleLink, pattern: str, policy: SlowPolicy, lost: int = 0) -> None:
        self._link = link
        self.frame = link.frame
        self._pattern = pattern
        self._past: list[bytes] = []  # the next one last
        self._waiting: OrderedDict[Hashable, bytes] = OrderedDict()
        self._count = 0
        self.offer: Callable[[bytes], bool] = link.peer.offer  # what is called most
        self.policy = policy
        self.size = 0
        self.dropped = lost

    def begin(self, past: Iterable[bytes]) -> None:
        """Send *past*, texts that are kept anyway and so count for nothing, before anything that comes from now on."""
        self._past = [*past][::-1]
        self.offer = _decline

    def spill(self, items: Sequence[Item]) -> None:
        """Let *items* wait; what can be sent is sent at once, and does not count."""
        for item, key in self._send(items) if self.offer is not _decline else items:
            self._keep(item, key)
        if self.offer is _decline:
            self.forward_or_wait()

    def fail(self) -> None:
        """See :class:`netd.connection.fanout.FanoutMember`."""
        self._log.failure("{pattern}: a subscriber could not be told", pattern=self._pattern)
        self._link.peer.abort("a fault of netd's own")

    def forward_or_wait(self) -> None:
        """Send what can be sent; the rest has to fit."""
        if not self.forward():
            self._link.backlogs[self] = None
            self._link.fit()

    def forward(self) -> bool:
        """Send what fits now, the notice of a loss first; False when something is left."""
        peer = self._link.peer
        while self._past or self._waiting or self.dropped:
            if peer.is_full:
                return False
            portion = self._portion()
            if not peer.offer(portion):
                peer.send(portion)  # what the peer had collected has filled it
        self.offer = peer.offer
        return True

    def drop(self, size: int) -> bool:
        """Lose the oldest of what waits, *size* bytes of it or a little more; False when nothing waits."""
        if not self._waiting:
            return False
        while self._waiting and size > 0:
            _, oldest = self._waiting.popitem(last=False)
            self._grow(-len(oldest) - OVERHEAD)
            size -= len(oldest) + OVERHEAD
            self._count_dropped()
        return True

    def end(self) -> int:
        """Forget what waits; returns how many events that were, with those lost that were not told."""
        lost = self.dropped + len(self._waiting) + len(self._past)
        self._link.backlogs.pop(self, None)
        self._grow(-self.size)
        self.dropped = 0
        self._past.clear()
        self._waiting.clear()
        return lost

    def _send(self, items: Sequence[Item]) -> Sequence[Item]:
        """Send of *items* what can be sent now; the others are left."""
        start = end = 0
        while start < len(items):
            size = 0
            while end < len(items) and size < BLOCK:
                size += len(items[end][0])
                end += 1
            if not self.offer(b"".join([item for item, _ in items[start:end]])):
                break
            start = end
        return items[start:]

    def _keep(self, item: bytes, key: Hashable) -> None:
        self.offer = _decline
        if self.policy is SlowPolicy.LATEST:
            replaced = self._waiting.pop(key, None)
            if replaced is not None:
                self._grow(-len(replaced) - OVERHEAD)
                self._count_dropped()
        else:
            key = self._count = self._count + 1
        self._waiting[key] = item
        self._grow(len(item) + OVERHEAD)

    def _count_dropped(self) -> None:
        self.dropped += 1
        self._link.peer.count_dropped(self.policy.value, 1)

    def _grow(self, size: int) -> None:
        self.size += size
        self._link.backlogged += size

    def _portion(self) -> bytes:
        items = []
        size = 0
        if self.dropped:
            told = {"pattern": self._pattern, "count": self.dropped, "policy": self.policy.value}
            items.append(self._link.frame(notification("dropped", told)))
            self.dropped = 0
        while self._past and size < BLOCK:
            items.append(self._link.frame(self._past.pop()))
            size += len(items[-1])
        taken = 0
        while self._waiting and not self._past and size + taken < BLOCK:
            _, item = self._waiting.popitem(last=False)
            items.append(item)
            taken += len(item) + OVERHEAD
        self._grow(-taken)
        return b"".join(items)


def _decline(block: bytes) -> bool:
    """Something waits: nothing overtakes it."""
    return False

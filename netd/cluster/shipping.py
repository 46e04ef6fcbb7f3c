"""The history of this node, on its way to the nodes that keep everybody's: blocks, each of which JetStream acknowledges.

The recorder puts what it writes into an outbox, too, from the moment that a node with ``history = yes`` was met. Each block is a
message to ``history.<node>``; it leaves the outbox when the stream has it on its disk. A block that was sent but not acknowledged
is sent again, under its old number, by which the other end knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.cluster.interfaces import LinkLost, NoAnswer, NobodyThere
from netd.cluster.nodes import Nodes
from netd.codec.jsontext import decode_object
from netd.errors import NetdError
from netd.log import LogLimiter

__all__ = ["HISTORY", "HistoryShipping", "write_block"]

HISTORY = "history"
"""What nodes that keep everybody's history say a version of in their hellos."""

EVERY = 1.0
"""Seconds between two looks into the outbox; as often as the recorder writes."""

PATIENCE = 5.0
"""Seconds that JetStream has to bring a block to its disk."""

Keepers = Callable[[], Sequence[Any]]
"""Returns the recorders of this node, each an :class:`netd.interfaces.IHistoryKeeper`."""


class NotStored(NetdError):
    """JetStream has not taken a block. The message says why."""


def write_block(epoch: str, number: int, data: bytes) -> bytes:
    """Return the message of a block: the name of its outbox and its number in a line, then the block."""
    return b"%s %d\n%s" % (epoch.encode(), number, data)


class HistoryShipping:
    """Ships what the first recorder of this node writes. See :class:`netd.cluster.membership.ClusterPart`.

    :ivar shipped: blocks that were acknowledged.
    """

    _log = Logger()

    def __init__(self, nodes: Nodes, link: Any, keepers: Keepers, reactor: Any) -> None:
        self._nodes = nodes
        self._link = link
        self._keepers = keepers
        self._limiter = LogLimiter(reactor.seconds)
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self.shipped = 0

    def start(self) -> None:
        """Look into the outbox from now on."""
        self._looking.start(EVERY, now=False)

    def stop(self) -> None:
        """Send no further block."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> Deferred[None] | None:
        """Ship what waits. The next look waits for the end of this one."""
        keepers = self._keepers()
        if not keepers or not self._link.is_up:
            return None
        if any(HISTORY in member.versions for member in self._nodes.members.values()):
            keepers[0].ship()
        return self._ship(keepers[0]).addErrback(self._failed)

    def _ship(self, keeper: Any) -> Deferred[None]:
        outgoing: Deferred[tuple[str, list[tuple[int, bytes]]]] = keeper.outgoing()
        return outgoing.addCallback(lambda found: self._send(keeper, *found))

    def _send(self, keeper: Any, epoch: str, blocks: Sequence[tuple[int, bytes]]) -> Deferred[None] | None:
        """Send *blocks*, then look again; nothing when there are none."""
        if not blocks or not self._looking.running:
            return None
        sent = self._request(None, epoch, *blocks[0])
        for number, data in blocks[1:]:
            sent.addCallback(self._request, epoch, number, data)
        return sent.addCallback(lambda _: keeper.shipped(epoch, blocks[-1][0])).addCallback(lambda _: self._ship(keeper))

    def _request(self, _before: None, epoch: str, number: int, data: bytes) -> Deferred[None]:
        subject = f"{self._nodes.root}.{HISTORY}.{self._nodes.name}"
        asked: Deferred[bytes] = self._link.request(subject, write_block(epoch, number, data), PATIENCE)
        return asked.addCallback(self._acknowledged)

    def _acknowledged(self, answer: bytes) -> None:
        found = decode_object(answer)
        if "stream" not in found:
            raise NotStored(str(found.get("error", "it says nothing of a stream")))
        self.shipped += 1

    def _failed(self, failure: Failure) -> None:
        """Try again with the next look. Without NATS, or before there is a stream, that is no trouble."""
        if failure.check(LinkLost, NobodyThere) is not None:
            return
        if self._limiter.admit("history") is None:
            return
        if failure.check(NetdError) is None:
            self._log.failure("cluster: history is not shipped", failure=failure)
        else:
            self._log.warn("cluster: history waits in the outbox: {why}", why=failure.getErrorMessage() or NoAnswer.__name__)

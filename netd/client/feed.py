"""The feed's client side: :class:`Feed` gives samples, or blocks of them, and reports what it received.

Two dialects: ``"netd"`` asks the server for what it wants and gets samples with type, time and number; ``"old"`` is all that
older servers know: rounds of eight bare texts, told apart by their position.  ``"auto"`` offers the first, and takes the second
from a server that does not agree to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netd.client.feed_messages import TYPES, Block, ConnectionLost, Denied, FeedError, NotConnected, Refused, Sample, Welcome
from netd.client.feed_plan import FeedProgram
from netd.client.way_sockets import Blocking, SocketWay, Surroundings, carry_out

__all__ = [
    "TYPES",
    "Block",
    "ConnectionLost",
    "Denied",
    "Feed",
    "FeedError",
    "NotConnected",
    "Refused",
    "Sample",
    "Surroundings",
    "Welcome",
]


class Feed(FeedProgram[SocketWay], Blocking):
    """A client of the feed; connects again for ever, with backoff, until :meth:`close`.

    Iterating gives each :class:`Sample`; :meth:`blocks` gives blocks of them, and reports each to the server. Whoever takes more
    than some seconds over one sample must expect the server to take this client for dead; then it connects again.
    """

    def __iter__(self) -> Iterator[Sample]:
        """Each sample as it comes, over all connections, until :meth:`close`. Iterating anew goes on with the connection.

        :raises Refused: when the server does not have what is wanted.
        """
        pending = self._client.pending
        while carry_out(self._client.fill()):
            while pending and not self._way.is_closed:
                yield pending.popleft()

    def blocks(self, size: int | None = None, collected: Callable[[int], object] | None = None) -> Iterator[Block]:
        """Blocks of *size* samples, each reported to the server before it is given.

        :param size: None for as many as the server was asked to send together.
        :param collected: called with the number of samples that the block has so far, after each of them.
        :raises ValueError: when *size* is below 1.
        :raises Refused: when the server does not have what is wanted.
        """
        collector = self._client.collector(size, collected)
        for sample in self:
            block = carry_out(self._client.collect(collector, sample))
            if block is not None:
                yield block

    def report(self, block: int, seconds: float) -> bool:
        """Tell the server that a block was received. From any thread.

        :returns: False when there is no connection: reports are not kept.
        """
        return carry_out(self._client.report(block, seconds))

    def remark(self, text: str) -> bool:
        """Tell the server something else, for its log. Returns as :meth:`report` does."""
        return carry_out(self._client.remark(text))

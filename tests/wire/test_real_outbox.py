"""What it costs to send to a peer that does not read, by the processor's clock: it must not grow with what waits."""

from __future__ import annotations

from time import process_time

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.bounds import Bounds, Policy, Traffic
from netd.wire.outbox import Outbox
from netd.wire.turn import Turn
from tests.wire.transports import FakeTransport

BATCH = 300


class DropOldestTests(SynchronousTestCase):
    def test_cost_at_the_limit(self) -> None:
        """A viewer for whom a quarter of a million messages wait slows the daemon down no more than one for whom few do."""
        few, many = self.cost(1 << 8), self.cost(1 << 18)
        self.assertLess(many, 8 * few)

    def cost(self, items: int) -> float:
        """Seconds that a batch of messages takes at best, when *items* wait and no more may."""
        outbox = Outbox(FakeTransport(), Turn(Clock().callLater), Bounds(Policy.DROP_OLDEST, 1 << 30, items), Traffic())
        outbox.pauseProducing()
        for _ in range(items):
            outbox.send(b"x")
        return min(self.batch(outbox) for _ in range(10))

    def batch(self, outbox: Outbox) -> float:
        """Seconds that one batch takes."""
        before = process_time()
        for _ in range(BATCH):
            outbox.send(b"x")
        return process_time() - before

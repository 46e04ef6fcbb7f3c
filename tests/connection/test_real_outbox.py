"""What it costs to send to a peer that does not read, by the processor's clock; and blocks offered to real sockets."""

from __future__ import annotations

import socket
from time import process_time

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.eager import EagerServer
from netd.connection.outbox import Outbox
from netd.connection.turn import Turn
from tests.connection.connections import SocketTests
from tests.connection.transports import FakeTransport, block_of

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


class OfferTests(SocketTests):
    """Blocks that many connections share, over a connection that sends at once."""

    def outbox(self) -> tuple[Outbox, EagerServer, socket.socket]:
        """An outbox, its transport, and the peer's socket."""
        transport, _listener, theirs = self.connect()
        outbox = Outbox(transport, self.turn, Bounds(Policy.PAUSE, 1 << 20), Traffic())
        outbox.attach()
        return outbox, transport, theirs

    def test_until_it_is_full(self) -> None:
        """Blocks are with the peer at once until it takes no more; the one that it took a part of is whole, the next declined."""
        outbox, transport, theirs = self.outbox()
        blocks = [block_of(1000, number) for number in range(200)]
        taken = [block for block in blocks if outbox.offer(block)]
        self.assertTrue(outbox.is_full)
        self.assertEqual(blocks[: len(taken)], taken)
        self.assertLess(len(taken), len(blocks))
        size = 1000 * len(taken)
        self.assertEqual(size, outbox.written)
        self.assertEqual(b"".join(taken), self.read_all(theirs, size, transport))
        self.assertTrue(outbox.offer(b"again"))
        self.assertEqual(b"again", theirs.recv(100, socket.MSG_DONTWAIT))

    def test_behind_what_was_sent(self) -> None:
        """A block goes after what the turn has sent already."""
        outbox, _transport, theirs = self.outbox()
        outbox.send(b"first ")
        self.assertTrue(outbox.offer(b"then"))
        self.assertEqual(b"first then", theirs.recv(100))

    def test_to_a_peer_that_is_gone(self) -> None:
        """A broken connection is the reactor's to report: offering raises nothing, and what follows is declined."""
        outbox, transport, theirs = self.outbox()
        theirs.close()
        outbox.offer(b"x")
        outbox.offer(b"y")
        self.assertEqual([transport], self.reactor.writers)
        self.assertFalse(outbox.offer(b"z"))

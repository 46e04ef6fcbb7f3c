"""History that is shipped and collected, over a JetStream that is played: each block arrives, and is written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.collecting import read_block
from netd.cluster.shipping import write_block
from netd.errors import OperationFailed
from tests.cluster.assembled import AssembledNode
from tests.cluster.clocks import pass_time
from tests.cluster.fake import FakeNet
from tests.cluster.jetstream import FakeJetStream


class FakeKeeper:
    """A recorder that is played.

    :ivar blocks: what waits in its outbox, *written* what it has collected.
    :ivar is_full: whether its disk is.
    """

    def __init__(self) -> None:
        self.blocks: list[tuple[int, bytes]] = []
        self.written: list[tuple[str, int, bytes]] = []
        self.names: list[str | None] = []
        self.ships = False
        self.is_full = False
        self.broken: Exception | None = None

    def ship(self) -> None:
        self.ships = True

    def outgoing(self) -> Deferred[Any]:
        return succeed(("e1", self.blocks[:3])) if self.broken is None else fail(self.broken)

    def shipped(self, epoch: str, number: int) -> Deferred[None]:
        assert epoch == "e1"
        self.blocks = [block for block in self.blocks if block[0] > number]
        return succeed(None)

    def collect(self, sender: str, blocks: Sequence[tuple[int, bytes]], rename: Callable[[str], str | None]) -> Deferred[bool]:
        if self.broken is not None:
            return fail(self.broken)
        if self.is_full:
            return succeed(False)
        self.names += [rename("session.main.a.x"), rename("custom.x"), rename("system")]
        known = {(one, number) for one, number, _ in self.written}
        self.written += [(sender, number, data) for number, data in blocks if (sender, number) not in known]
        return succeed(True)


class HistoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = FakeNet(MemoryReactorClock())
        self.jetstream = FakeJetStream(self.net)
        self.source, self.collector = FakeKeeper(), FakeKeeper()
        self.a = AssembledNode(self.net, "a", 1)
        self.a.cluster.use_keepers(lambda: [self.source])
        self.b = AssembledNode(self.net, "b", 1, history=True)
        self.keepers: list[FakeKeeper] = [self.collector]
        self.b.cluster.use_keepers(lambda: self.keepers)

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        pass_time(self.net.clock, seconds)

    def start(self) -> None:
        """Start both nodes."""
        self.a.start()
        self.b.start()
        self.run_for(4)

    def waiting(self, count: int, first: int = 1) -> list[tuple[int, bytes]]:
        """Blocks for an outbox."""
        return [(number, b"block %d" % number) for number in range(first, first + count)]

    def numbers(self) -> list[int]:
        """The numbers of the blocks that were written."""
        return [number for _, number, _ in self.collector.written]

    def test_way_of_a_block(self) -> None:
        """What waits at one node is written at the one that collects, under the names that it has there, and waits no more."""
        self.start()
        self.assertTrue(self.source.ships)
        self.source.blocks = self.waiting(10)
        self.run_for(5)
        self.assertEqual([("a e1", number, b"block %d" % number) for number in range(1, 11)], self.collector.written)
        self.assertEqual([], self.source.blocks)
        self.assertEqual({"session.main@a.a.x", None}, set(self.collector.names))
        counters = self.a.cluster.status().counters["history"], self.b.cluster.status().counters["history"]
        self.assertEqual(({"shipped": 10, "collected": 0}, {"shipped": 0, "collected": 10}), counters)

    def test_two_collect(self) -> None:
        """A node that collects ships its own history, too, to the other one that does; it does not collect it itself."""
        other = AssembledNode(self.net, "c", 1, history=True)
        other.start()
        self.start()
        self.collector.blocks = self.waiting(3)
        self.run_for(5)
        self.assertEqual(([], []), (self.collector.blocks, self.collector.written))
        self.source.blocks = self.waiting(2)
        self.run_for(5)
        self.assertEqual({"a e1"}, {sender for sender, _, _ in self.collector.written})

    def test_nobody_collects(self) -> None:
        """Where no node collects, nothing is put into the outbox."""
        self.a.start()
        self.run_for(5)
        self.assertFalse(self.source.ships)

    def test_block_without_an_answer(self) -> None:
        """A block that was stored but not acknowledged is sent again, and written once."""
        self.start()
        self.jetstream.is_silent = True
        self.source.blocks = self.waiting(2)
        self.run_for(7)
        self.jetstream.is_silent = False
        self.run_for(10)
        self.assertGreater(len(self.jetstream.stored), 2)
        self.assertEqual([1, 2], self.numbers())
        self.assertEqual([], self.source.blocks)

    def test_nats_away(self) -> None:
        """While NATS is away, blocks wait; then they go on, and what was under way comes again."""
        self.start()
        self.source.blocks = self.waiting(2)
        for node in (self.a, self.b):
            node.link.go_down()
        self.run_for(5)
        self.assertEqual(2, len(self.source.blocks))
        for node in (self.a, self.b):
            node.link.go_up()
        self.run_for(10)
        self.assertEqual([1, 2], self.numbers())

    def test_full_disk(self) -> None:
        """While the collector's disk is full, nothing is acknowledged; afterwards each block is written once, in order."""
        self.start()
        self.collector.is_full = True
        self.source.blocks = self.waiting(5)
        self.run_for(30)
        self.assertEqual(([], []), (self.numbers(), self.source.blocks))
        self.collector.is_full = False
        self.run_for(30)
        self.assertEqual([1, 2, 3, 4, 5], self.numbers())

    def test_many(self) -> None:
        """More blocks than are asked for at a time all come."""
        self.start()
        self.source.blocks = self.waiting(500)
        self.run_for(60)
        self.assertEqual(list(range(1, 501)), self.numbers())

    def test_no_recorder(self) -> None:
        """A collector without a recorder says so in its log, and asks for nothing."""
        self.keepers.clear()
        self.start()
        self.assertEqual([], self.jetstream.calls)

    def test_collector_leaves(self) -> None:
        """A collector that leaves and joins again goes on where it was."""
        self.start()
        self.b.call("cluster.leave")
        self.source.blocks = self.waiting(3)
        self.run_for(5)
        self.assertEqual([], self.numbers())
        self.b.call("cluster.join")
        self.run_for(20)
        self.assertEqual([1, 2, 3], self.numbers())

    def test_no_jetstream(self) -> None:
        """A server that has no JetStream for this account is tried again, and works as soon as it has."""
        self.jetstream.error = {"code": 503, "err_code": 10039, "description": "JetStream not enabled for account"}
        self.start()
        self.source.blocks = self.waiting(1)
        self.run_for(5)
        self.assertEqual([], self.numbers())
        self.jetstream.error = None
        self.run_for(15)
        self.assertEqual([1], self.numbers())

    def test_stream_of_somebody_else(self) -> None:
        """A stream whose limits an administrator has set is used as it is."""
        self.jetstream.error = {"code": 400, "err_code": 10058, "description": "stream name already in use"}
        self.start()
        self.assertIn("CONSUMER.MSG.NEXT", self.jetstream.calls)

    def test_foreign_message(self) -> None:
        """A message in the stream that is no block is not asked for again."""
        self.start()
        for body in (b"hello", b"e1 x\nblock", b"e1 1 2\nblock", b"e1 1234567890123456789\nblock"):
            self.jetstream._store("netd.lab.history.a", body, "")
        self.run_for(3)
        self.assertEqual([1, 2, 3, 4], self.jetstream.refused)
        self.assertIsNone(read_block("netd.lab.history.a@b", write_block("e1", 1, b"x"), "r"))

    def test_recorder_that_fails(self) -> None:
        """A recorder that cannot be asked, or is not there, is asked again."""
        self.start()
        self.source.blocks = self.waiting(1)
        self.source.broken = OperationFailed("too many questions wait")
        self.run_for(3)
        self.source.broken, self.collector.broken = None, ValueError("broken")
        self.run_for(3)
        self.assertTrue(self.flushLoggedErrors(ValueError))
        self.collector.broken = None
        self.run_for(15)
        self.assertEqual([1], self.numbers())

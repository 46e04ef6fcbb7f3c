"""Blocks of history between nodes, and the outbox in which they wait: nothing is lost, nothing is written twice."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import OperationFailed
from netd.recorder.archive import Archive
from netd.recorder.blocks import BadBlock, Columns
from netd.recorder.intake import EventTaken, SeriesName
from netd.recorder.micros import MICRO
from netd.recorder.outbox import OUTBOX, HistoryOutbox
from netd.recorder.query import Query, query
from netd.recorder.shipment import MOST_BYTES, MOST_ROWS, Received, pack_shipment, taken_of, unpack_shipment
from netd.recorder.store import Store
from tests.recorder.place import DAY, ON, StoreTestCase, X, Y
from tests.recorder.reads import gather


def same(subject: str) -> str:
    """The name that a subject has here: its own."""
    return subject


class BlockTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """What is packed is unpacked as it was, in blocks of 200 rows, whatever the series are."""
        samples = {
            X: Columns(list(range(450)), [float(number) for number in range(450)]),
            Y: Columns([1, 2], [0.5, 7], [None, 3]),
        }
        events = [EventTaken(ON, number, b'{"online": true}') for number in range(30)]
        blocks = list(pack_shipment(samples, events))
        self.assertEqual([200, 200, 82], [self.rows(block) for block in blocks])
        self.assertEqual((samples, events), taken_of(blocks, same))

    def rows(self, block: bytes) -> int:
        """How many rows a block has."""
        samples, events = unpack_shipment(block)
        return sum(map(len, samples.values())) + len(events)

    def test_what_no_block_takes(self) -> None:
        """What is no number is left out, as in a part; so is an event that NATS would not take; long ones share no block."""
        samples = {X: Columns([1, 2], [float("nan"), 2.0])}
        long = b'"' + b"x" * (MOST_BYTES - 10) + b'"'
        events = [EventTaken(ON, 1, long), EventTaken(ON, 2, b'"' + b"x" * MOST_BYTES + b'"'), EventTaken(ON, 3, long)]
        blocks = list(pack_shipment(samples, events))
        self.assertEqual(2, len(blocks))
        found, said = taken_of(blocks, same)
        self.assertEqual(({X: Columns([2], [2.0])}, [1, 3]), (found, [event.time for event in said]))
        self.assertEqual([], list(pack_shipment({}, [])))

    def test_names(self) -> None:
        """A subject has another name where it arrives, or none: it is left out then. A block that is none is, too."""
        blocks = [*pack_shipment({X: Columns([1], [2.0])}, [EventTaken(ON, 1, b"{}")]), b"nonsense"]
        names = {X.subject: "session.main@b.greenhouse.x"}
        samples, events = taken_of(blocks, names.get)
        self.assertEqual({SeriesName("session.main@b.greenhouse.x", *X[1:]): Columns([1], [2.0])}, samples)
        self.assertEqual([], events)

    def test_damage(self) -> None:
        """Of 2,000 damaged blocks, each is refused as such, or is still a block."""
        chance = random.Random(1)
        [block] = pack_shipment({X: Columns([1, 2, 3], [1.0, 2.0, 3.0])}, [EventTaken(ON, 1, b"{}")])
        for _ in range(2000):
            damaged = bytearray(block)
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                unpack_shipment(bytes(damaged[: chance.randrange(len(damaged) + 1)]))
            except BadBlock:
                continue

    def test_forged_blocks(self) -> None:
        """Blocks whose columns do not fit, or that hold something else, are refused."""
        for text in (
            b"[]",
            b'{"samples": []}',
            b'{"samples": [["a.b", "", "", [1], [1.0, 2.0], null]], "events": []}',
            b'{"samples": [["a.b", "", "", [1.5], [1.0], null]], "events": []}',
            b'{"samples": [["a.b", "", "", [1], ["x"], null]], "events": []}',
            b'{"samples": [["a.b", "", "", [1], [1.0], [1, 2]]], "events": []}',
            b'{"samples": [[5, "", "", [1], [1.0], null]], "events": []}',
            b'{"samples": [], "events": [["a.b", "", "", 1.5, "{}"]]}',
            b'{"samples": [], "events": [["a.b", "", "", 1%b, "{}"]]}' % (b"0" * 30),
            b'{"samples": [], "events": [["a.b", "", "", -1, "{}"]]}',
            b'{"samples": [], "events": [["a.b", "", "", 1, "no JSON"]]}',
            b'{"samples": [["a.b", "", "", [1%b], [1.0], null]], "events": []}' % (b"0" * 30),
            b'{"samples": [["a.b", "", "", [-1], [1.0], null]], "events": []}',
            b'{"samples": [["a b..c", "", "", [1], [1.0], null]], "events": []}',
        ):
            self.assertRaises(BadBlock, unpack_shipment, zlib.compress(text))


class ReceivedTests(SynchronousTestCase):
    @given(st.lists(st.lists(st.integers(1, 60), max_size=5), max_size=20))
    def test_numbers_in_any_order(self, batches: list[list[int]]) -> None:
        """A number is known when it has come, in whatever order, and after it was written and read."""
        received, expected = Received(), set[int]()
        for batch in batches:
            received = received.plus(batch)
            expected |= set(batch)
        self.assertEqual(expected, {number for number in range(70) if number in received})
        if expected:
            self.assertEqual(received, Received.read(received.text))

    def test_bounds(self) -> None:
        """Holes are forgotten when there are many: what is before them counts as received."""
        received = Received().plus(list(range(2, 1002, 2)))
        self.assertEqual(100, len(received.ranges))
        self.assertIn(3, received)
        self.assertNotIn(999, received)


class OutboxTests(StoreTestCase):
    def waiting(self, store: Store) -> list[tuple[int, bytes]]:
        """The blocks in the outbox."""
        return list(self.successResultOf(store.outgoing())[1])

    def test_life(self) -> None:
        """Before somebody collects, nothing waits; then all that is recorded does, also after a restart, until it is shipped."""
        store = self.make()
        store.append(gather([self.read(X, 1)]), [])
        self.assertEqual(("", []), self.successResultOf(store.outgoing()))
        store.ship()
        store.append(gather([self.read(X, *range(2 * MOST_ROWS))]), [self.event()])
        self.close(store)
        store = self.make()
        epoch, blocks = self.successResultOf(store.outgoing())
        self.assertEqual([1, 2, 3], [number for number, _ in blocks])
        samples, events = taken_of([block for _, block in blocks], same)
        self.assertEqual((list(range(400)), 1), (samples[X].values, len(events)))
        self.successResultOf(store.shipped("another", 3))
        self.assertEqual(3, len(self.waiting(store)))
        self.successResultOf(store.shipped(epoch, 2))
        store.append(gather([self.read(X, 5)]), [])
        self.assertEqual([3, 4], [number for number, _ in self.waiting(store)])
        self.successResultOf(store.shipped(epoch, 4))
        self.close(store)
        store = self.make()
        store.append(gather([self.read(X, 6)]), [])
        self.assertEqual([5], [number for number, _ in self.waiting(store)], "numbers are never used again")
        self.close(store)

    def test_bounds(self) -> None:
        """Above its size, the oldest go; what a disk refuses is dropped, and both are counted."""
        folder = Path(self.mktemp())
        folder.mkdir()
        outbox = HistoryOutbox(folder / OUTBOX, lambda: "e", most_kept=250)
        outbox.is_on = True
        for number in range(5):
            outbox.add([bytes([number]) * 100])
        self.assertEqual(("e", [(4, bytes([3]) * 100), (5, bytes([4]) * 100)]), outbox.waiting())
        self.assertEqual(3, outbox.dropped)
        outbox.forget("e", 4)
        outbox.add([bytes([5]) * 100])
        self.assertEqual([5, 6], [number for number, _ in outbox.waiting()[1]], "what was shipped takes no room")
        outbox.close()
        (folder / OUTBOX).write_bytes(b"no database, but something else" * 100)
        outbox.add([b"x"])
        self.assertEqual(4, outbox.dropped)
        self.assertIn("outbox.db: file is not a database", str(self.assertRaises(OperationFailed, outbox.waiting)))


class CollectTests(StoreTestCase):
    def blocks(self, first: int, count: int = 1) -> list[tuple[int, bytes]]:
        """Numbered blocks, each with its number as the only sample."""
        return [(number, *pack_shipment(gather([self.read(X, number)]), [])) for number in range(first, first + count)]

    def collect(self, store: Store, blocks: list[tuple[int, bytes]], sender: str = "b 01") -> bool:
        """Whether they are written."""
        return bool(self.successResultOf(store.collect(sender, blocks, same)))

    def test_once(self) -> None:
        """A block is written once, however often and in whatever order it comes, also after a restart and a midnight."""
        store = self.make()
        self.assertTrue(self.collect(store, self.blocks(1, 3)))
        self.assertTrue(self.collect(store, self.blocks(2, 4)))
        self.assertTrue(self.collect(store, self.blocks(8)))
        self.assertTrue(self.collect(store, self.blocks(6, 2)))
        self.close(store)
        store = self.make()
        self.assertTrue(self.collect(store, self.blocks(1, 8)))
        self.ahead += DAY
        self.assertTrue(self.collect(store, self.blocks(8, 2)))
        self.close(store)
        store = self.make()
        self.ahead += DAY
        self.assertTrue(self.collect(store, self.blocks(1, 10)))
        self.assertTrue(self.collect(store, self.blocks(1), "b 02"))
        self.assertTrue(self.collect(store, self.blocks(1), "c 01"))
        self.close(store)
        self.assertEqual([1, 2, 3, 4, 5, 8, 6, 7, 9, 10, 1, 1], self.values()[X.subject])

    def test_disk_that_refuses(self) -> None:
        """While nothing can be written, no block counts as received, and its sender offers it again."""
        store = self.make(min_free=1e18)
        self.assertFalse(self.collect(store, self.blocks(1)))
        store.apply(self.settings())
        self.assertTrue(self.collect(store, self.blocks(1)))
        self.close(store)
        self.assertEqual([1], self.values()[X.subject])

    def test_beside_own_samples(self) -> None:
        """What this node takes itself, and what it collects, stand side by side."""
        store = self.make()
        store.append(gather([self.read(Y, 1)]), [])
        self.assertTrue(self.collect(store, self.blocks(1)))
        store.append(gather([self.read(Y, 2)]), [])
        self.assertEqual(3, store.state().samples)
        self.close(store)
        self.assertEqual({X.subject: [1], Y.subject: [1, 2]}, self.values())

    def test_late_blocks(self) -> None:
        """What another node could not ship for days is found at its own time, in the part of today and when that is closed."""
        then = self.now()
        late = gather([self.read(X, 5)])
        self.ahead += 5 * DAY
        store = self.make()
        store.append(gather([self.read(Y, 1)]), [])
        archive = Archive(self.directory)
        self.addCleanup(archive.close)
        self.assertEqual([], archive.names(then - 1, then + 1))
        self.assertTrue(self.collect(store, [(1, block) for block in pack_shipment(late, [])]))
        self.assertEqual([5.0], self.found(archive, then))
        self.ahead += DAY
        store.append(gather([self.read(Y, 1)]), [])
        archive.settle()
        self.assertEqual([5.0], self.found(archive, then))
        self.close(store)

    def found(self, archive: Archive, then: int) -> list[float]:
        """The mean values that a question about that minute finds."""
        series = query(archive, Query((X.subject,), then - 30 * MICRO, then + 30 * MICRO, 60))
        return [bucket.mean for one in series for _, bucket in one.points.buckets()]

"""Tests of ``netd.feed.reports``: what is kept of what clients say."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import to_plain
from netd.feed.reports import KEPT_FOR, LONGEST_REMARK, REMARKS, ReportLedger
from netd.state.state import LAZILY
from netd.testing import MemoryDisk, MemoryState, WallClock


class LedgerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 100.0
        self.ledger = ReportLedger(lambda: self.now, remembered=3)

    def test_reports(self) -> None:
        """Blocks, seconds and rate add up over the connections of one client, whatever its capital letters."""
        client = self.ledger.open("client-1", "127.0.0.1:1")
        self.assertEqual((client.rate, client.describe().online), (None, True))
        self.ledger.report(client, 1, 2.0)
        self.ledger.close(client)
        self.now = 107.0
        again = self.ledger.open("Client-1", "127.0.0.1:2")
        self.ledger.report(again, 2, 3.0)
        self.ledger.close(again)
        [described] = [client.describe() for client in self.ledger]
        self.assertEqual(
            to_plain(described),
            {
                "client": "Client-1",
                "address": "127.0.0.1:2",
                "online": False,
                "blocks": 2,
                "last_block": 2,
                "seconds": 5.0,
                "rate": 0.4,
                "last_seen": 107.0,
                "remarks": [],
            },
        )

    def test_last_seen(self) -> None:
        """A client was seen last when the last byte of its last connection came."""
        client = self.ledger.open("x", "x")
        self.ledger.open("x", "y")
        self.ledger.close(client, 40.0)
        before = client.last_seen
        self.ledger.close(client, 4.0)
        self.assertEqual(client.last_seen - before, self.ledger._wall() - 4.0 - before)

    def test_remarks(self) -> None:
        """The newest remarks are kept, each cut where it is too long."""
        client = self.ledger.open("x", "x")
        for number in range(REMARKS + 5):
            self.ledger.remark(client, f"{number} " + "x" * 1000)
        self.assertEqual(len(client.remarks), REMARKS)
        self.assertTrue(client.remarks[0].startswith("5 "))
        self.assertEqual(len(client.remarks[0]), LONGEST_REMARK)

    def test_bounded(self) -> None:
        """Of too many clients the oldest is forgotten, absent ones first."""
        first, second, _third = (self.ledger.open(name, name) for name in ("a", "b", "c"))
        self.ledger.close(second)
        self.ledger.open("d", "d")
        self.assertEqual([client.name for client in self.ledger], ["a", "c", "d"])
        self.ledger.open("e", "e")
        self.assertEqual([client.name for client in self.ledger], ["c", "d", "e"])
        self.ledger.report(first, 1, 1.0)


class RestartTests(SynchronousTestCase):
    """What clients have reported outlives a restart."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wall = WallClock(self.clock)
        self.disk = MemoryDisk()
        self.restart()

    def restart(self) -> None:
        """The next daemon, after the one before was killed."""
        self.ledger = ReportLedger(self.wall, remembered=3)
        self.ledger.load(MemoryState(self.clock, self.wall, self.disk).part("feed.main"))

    def test_found_again(self) -> None:
        """Blocks go on to add up; a client of an earlier run is not connected."""
        client = self.ledger.open("Client-1", "127.0.0.1:1")
        self.ledger.report(client, 7, 2.0)
        self.ledger.remark(client, "hello")
        self.clock.advance(LAZILY)
        self.ledger.report(client, 8, 2.0)
        self.clock.advance(LAZILY)
        seen = client.last_seen
        self.restart()
        [found] = [one.describe() for one in self.ledger]
        self.assertEqual(("Client-1", "127.0.0.1:1", False), (found.client, found.address, found.online))
        self.assertEqual((2, 8), (found.blocks, found.last_block))
        self.assertEqual((4.0, seen, ["hello"], 0), (found.seconds, found.last_seen, found.remarks, self.ledger.blocks))
        self.ledger.report(self.ledger.open("client-1", "127.0.0.1:2"), 9, 1.0)
        self.assertEqual([3], [one.blocks for one in self.ledger])

    def test_few_writes(self) -> None:
        """A client that reports all the time is written once a minute; one without a name, never."""
        client, nameless = self.ledger.open("a", "127.0.0.1:1"), self.ledger.open("127.0.0.1:2", "127.0.0.1:2")
        for block in range(600):
            self.ledger.report(client, block, 0.1)
            self.ledger.report(nameless, block, 0.1)
            self.clock.advance(0.1)
        self.assertEqual(1, len(self.disk.commits))
        self.ledger.close(client)
        self.clock.advance(LAZILY)
        self.assertEqual([["a"], ["a"]], [[row[2] for row in rows] for rows in self.disk.commits])

    def test_forgotten(self) -> None:
        """A client that had to make room is forgotten on the disk as well, and one that stayed away for a year."""
        for number in range(4):
            client = self.ledger.open(f"client{number}", "127.0.0.1:1")
            self.ledger.close(client)
            self.clock.advance(LAZILY)
        self.restart()
        self.assertEqual(["client1", "client2", "client3"], [client.name for client in self.ledger])
        self.wall.step(KEPT_FOR)
        self.restart()
        self.assertEqual([], list(self.ledger))

    def test_entry_of_another_version(self) -> None:
        """An entry that this netd does not understand is dropped."""
        self.disk.commit([("feed.main", "client", "a", self.wall(), "{}")])
        self.restart()
        self.clock.advance(0)
        self.assertEqual(([], []), (list(self.ledger), self.disk.load("feed.main")))

"""Tests of ``netd.feed.reports``: what is kept of what clients say."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import to_plain
from netd.feed.reports import LONGEST_REMARK, REMARKS, ReportLedger


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

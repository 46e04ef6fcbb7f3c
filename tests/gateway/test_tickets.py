"""Tests of ``netd.gateway.tickets``."""

from __future__ import annotations

import itertools

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.head import Head
from netd.gateway.tickets import GOOD_FOR, MOST_TICKETS, Tickets, without_ticket
from netd.principal import LOCAL_ADMIN

TARGET = "/history.csv?pattern=a"


class TicketTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, numbers = Clock(), itertools.count()
        self.tickets = Tickets(self.clock.seconds, lambda size: next(numbers).to_bytes(size, "big"))

    def make(self) -> str:
        """A ticket."""
        return self.tickets.make(TARGET, LOCAL_ADMIN, None)

    def test_once(self) -> None:
        """A ticket lets one request in."""
        text = self.make()
        found = self.tickets.take(text, TARGET)
        assert found is not None
        self.assertIs(found.principal, LOCAL_ADMIN)
        self.assertIsNone(self.tickets.take(text, TARGET))

    def test_other_address(self) -> None:
        """A ticket is for its address alone; one that was tried at another is used up."""
        text = self.make()
        self.assertIsNone(self.tickets.take(text, "/history.csv?pattern=b"))
        self.assertIsNone(self.tickets.take(text, TARGET))

    def test_late(self) -> None:
        """A ticket is good for half a minute."""
        text, other = self.make(), self.make()
        self.clock.advance(GOOD_FOR - 0.1)
        self.assertIsNotNone(self.tickets.take(text, TARGET))
        self.clock.advance(0.1)
        self.assertIsNone(self.tickets.take(other, TARGET))

    def test_many(self) -> None:
        """Tickets that are never used do not pile up."""
        first, second = self.make(), self.make()
        for _ in range(MOST_TICKETS - 1):
            self.make()
        self.assertIsNone(self.tickets.take(first, TARGET))
        self.assertIsNotNone(self.tickets.take(second, TARGET))

    def test_in_an_address(self) -> None:
        """A ticket stands at the end of the query, and the rest of the address is as it was."""
        for query, ticket, rest in (
            ("pattern=a&ticket=abc", "abc", "pattern=a"),
            ("ticket=abc", "abc", ""),
            ("ticket=abc&pattern=a", "", "ticket=abc&pattern=a"),
            ("ticket=", "", "ticket="),
            ("", "", ""),
        ):
            found, head = without_ticket(Head("GET", "/", "HTTP/1.1", {}, query))
            self.assertEqual((found, head.query), (ticket, rest))

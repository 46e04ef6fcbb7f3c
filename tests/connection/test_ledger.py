"""Who holds most of the memory, and which of those goes first."""

from __future__ import annotations

from attrs import define
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.ledger import MemoryLedger


@define(eq=False)
class Guest:
    """Somebody who holds something."""

    address: str


class LedgerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ledger: MemoryLedger[Guest] = MemoryLedger(100)

    def test_limit(self) -> None:
        """Up to the limit, and with it, nobody has to go."""
        guest = Guest("a")
        self.assertEqual(self.ledger.most, 0)
        self.ledger.change(guest, 100)
        self.assertFalse(self.ledger.is_over)
        self.ledger.change(guest, 1)
        self.assertTrue(self.ledger.is_over)
        self.ledger.forget(guest)
        self.ledger.forget(guest)
        self.assertEqual((self.ledger.total, self.ledger.is_over), (0, False))

    def test_victim(self) -> None:
        """The address that holds most goes, not who came last; of it, who began last, however little that is."""
        first, last, other = Guest("flood"), Guest("flood"), Guest("honest")
        self.ledger.change(first, 80)
        self.ledger.change(last, 5)
        self.ledger.change(other, 50)
        self.ledger.change(first, 1)
        self.assertIs(self.ledger.victim(), last)
        self.ledger.forget(last)
        self.assertIs(self.ledger.victim(), first)
        self.ledger.forget(first)
        self.assertIs(self.ledger.victim(), other)

    def test_one_address(self) -> None:
        """One address may have less than all together; of it, who began last goes, and nobody else."""
        ledger: MemoryLedger[Guest] = MemoryLedger(100, 40)
        first, last, other = Guest("flood"), Guest("flood"), Guest("honest")
        ledger.change(first, 30)
        ledger.change(last, 10)
        ledger.change(other, 40)
        self.assertEqual((False, False, False), (ledger.is_over, ledger.is_over_at("flood"), ledger.is_over_at("honest")))
        ledger.change(last, 1)
        self.assertEqual((False, True, False), (ledger.is_over, ledger.is_over_at("flood"), ledger.is_over_at("honest")))
        self.assertIs(ledger.victim_at("flood"), last)
        self.assertFalse(ledger.is_over_at("nobody"))

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50))))
    def test_sums(self, steps: list[tuple[int, int]]) -> None:
        """However it goes up and down, the sum is that of what each holds, and nothing is left of who holds nothing."""
        ledger: MemoryLedger[Guest] = MemoryLedger(100)
        guests = [Guest("abc"[number % 3]) for number in range(6)]
        held = [0] * 6
        for number, size in steps:
            ledger.change(guests[number], size - held[number])
            held[number] = size
            self.assertEqual(ledger.total, sum(held))
            if any(held):
                sums = [sum(held[at::3]) for at in range(3)]
                self.assertEqual(sums["abc".index(ledger.victim().address)], max(sums))
        for guest in guests:
            ledger.forget(guest)
        self.assertEqual((ledger.total, ledger._by_holder, ledger._by_address), (0, {}, {}))

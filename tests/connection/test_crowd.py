"""Who goes when there are too many: held against the plainest way to find out."""

from __future__ import annotations

from collections import Counter

from attrs import define
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.crowd import CHANCE, Crowd


@define(eq=False)
class Guest:
    """A member."""

    address: str
    since: float = 0.0


class CrowdTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.crowd: Crowd[Guest] = Crowd()

    def add(self, address: str, count: int = 1, since: float = 0.0) -> list[Guest]:
        """Members of *address*."""
        guests = [Guest(address, since) for _ in range(count)]
        for guest in guests:
            self.crowd.add(guest)
        return guests

    def test_the_greatest_makes_room(self) -> None:
        """The oldest connection of the address that has most of them goes, not that of whoever came first."""
        self.add("honest", 2)
        flood = self.add("flood", 3)
        self.assertIs(self.crowd.victim("honest", 0.0), flood[0])
        self.assertIs(self.crowd.victim("another", 0.0), flood[0])
        self.crowd.discard(flood[0])
        third = self.add("third", 3)
        self.assertIs(self.crowd.victim("another", 0.0), third[0])

    def test_a_flood_displaces_itself(self) -> None:
        """A newcomer of the address that has most takes the place of its own oldest one, if that had time to speak."""
        flood = self.add("flood", 3, since=100.0)
        self.assertIsNone(self.crowd.victim("flood", 100.0 + CHANCE - 0.1))
        self.assertIs(self.crowd.victim("flood", 100.0 + CHANCE), flood[0])

    def test_empty(self) -> None:
        """Where there is nobody, nobody goes."""
        self.assertIsNone(self.crowd.victim("flood", 10.0))
        self.crowd.discard(Guest("flood"))
        self.assertEqual(len(self.crowd), 0)

    @given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde"))))
    def test_as_the_plain_way(self, steps: list[tuple[bool, str]]) -> None:
        """However they come and go, the victim is the oldest of an address that has most."""
        crowd: Crowd[Guest] = Crowd()
        guests: list[Guest] = []
        for is_coming, address in steps:
            own = [guest for guest in guests if guest.address == address]
            if is_coming:
                guests.append(Guest(address))
                crowd.add(guests[-1])
            elif own:
                guests.remove(own[-1])
                crowd.discard(own[-1])
                crowd.discard(own[-1])
            counts = Counter(guest.address for guest in guests)
            self.assertEqual((len(crowd), crowd.size_of(address)), (len(guests), counts[address]))
            victim = crowd.victim("z", CHANCE)
            if victim is None:
                self.assertEqual(guests, [])
            else:
                self.assertEqual(counts[victim.address], max(counts.values()))
                self.assertIs(victim, next(guest for guest in guests if guest.address == victim.address))

"""The daemon's budget: who gets in, who goes for that, and what is left when all are gone."""

from __future__ import annotations

from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.budget import GRAIN, UNLIMITED, Budget, Place, Quota, Refusal, Share
from netd.connection.crowd import CHANCE


class Guest:
    """A connection: it writes down why it had to go."""

    def __init__(self) -> None:
        self.displaced: Refusal | None = None

    def make_room(self, refusal: Refusal, is_at_once: bool) -> None:
        self.displaced = refusal
        self.was_at_once = is_at_once


class BudgetTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.budget = Budget(self.clock.seconds)

    def come(self, share: Share, address: str) -> tuple[Guest, Place]:
        """A connection that gets in."""
        guest = Guest()
        place = share.admit(address, guest)
        assert isinstance(place, Place), place
        return guest, place


class LimitTests(BudgetTestCase):
    def test_unlimited(self) -> None:
        """Outside of a daemon, everybody gets in."""
        share = self.budget.share(UNLIMITED)
        guests = [self.come(share, "a")[0] for _ in range(1000)]
        self.assertEqual({guest.displaced for guest in guests}, {None})

    def test_silent(self) -> None:
        """Over the section's limit of unidentified connections, the oldest of the greatest address goes; identified ones stay."""
        share = self.budget.share(Quota(silent=2))
        known, first, second = (self.come(share, "flood") for _ in range(3) if self.clock.advance(CHANCE) is None)
        self.assertIs(known[0].displaced, Refusal.SILENT)
        first[1].identify()
        self.come(share, "flood")
        self.assertEqual([first[0].displaced, second[0].displaced], [None, None])
        self.come(share, "honest")
        self.assertEqual([first[0].displaced, second[0].displaced], [None, Refusal.SILENT])

    def test_doubt(self) -> None:
        """A connection whose proof was wrong is a newcomer again: another one may have to go for it, and then itself."""
        share = self.budget.share(Quota(silent=2))
        guest, place = self.come(share, "a")
        place.doubt()
        place.identify()
        first, second = self.come(share, "b")[0], self.come(share, "c")[0]
        place.doubt()
        self.assertEqual((guest.displaced, first.displaced, first.was_at_once), (None, Refusal.SILENT, False))
        self.come(share, "d")
        self.come(share, "e")
        self.assertEqual((guest.displaced, second.displaced), (Refusal.SILENT, Refusal.SILENT))
        place.doubt()
        self.assertFalse(place.is_taken)

    def test_doubt_in_a_crowd(self) -> None:
        """Where only younger ones of its own address could go, the connection whose proof was wrong goes itself."""
        share = self.budget.share(Quota(silent=1))
        guest, place = self.come(share, "a")
        place.identify()
        other, _ = self.come(share, "a")
        place.doubt()
        self.assertEqual((guest.displaced, other.displaced), (Refusal.SILENT, None))

    def test_section(self) -> None:
        """A full section lets somebody in for an unidentified connection, and nobody for an identified one."""
        share = self.budget.share(Quota(connections=2))
        (known, place), (new, _) = self.come(share, "a"), self.come(share, "a")
        place.identify()
        self.come(share, "b")[1].identify()
        self.assertEqual((known.displaced, new.displaced), (None, Refusal.SECTION))
        self.assertIs(share.admit("c"), Refusal.SECTION)
        place.leave()
        self.come(share, "c")

    def test_whoever_leaves_makes_room_for_one(self) -> None:
        """For each that leaves, one can come, of the same address and in all."""
        self.budget.limit = 3
        share = self.budget.share(Quota(per_address=2))
        for address in "ab":
            places = []
            for _ in range(2):
                places.append(self.come(share, address)[1])
                places[-1].identify()
            self.assertIs(share.admit(address), Refusal.PER_ADDRESS)
            places[0].leave()
            self.come(share, address)[1].identify()
            self.assertIs(share.admit(address), Refusal.PER_ADDRESS)
            places[1].leave()
        self.come(share, "c")[1].identify()
        self.assertIs(share.admit("c"), Refusal.DAEMON)

    def test_address(self) -> None:
        """One address has so many places; what others have is not touched for it."""
        share = self.budget.share(Quota(per_address=1))
        other, _ = self.come(share, "b")
        silent, _ = self.come(share, "a")
        self.assertIs(share.admit("a"), Refusal.PER_ADDRESS)
        self.clock.advance(CHANCE)
        _, place = self.come(share, "a")
        self.assertEqual((silent.displaced, other.displaced), (Refusal.PER_ADDRESS, None))
        place.identify()
        self.clock.advance(CHANCE)
        self.assertIs(share.admit("a"), Refusal.PER_ADDRESS)

    def test_daemon(self) -> None:
        """The sections share what there is: a flood on one displaces its own connections when another needs a place."""
        self.budget.limit = 8
        calm, busy = self.budget.share(UNLIMITED), self.budget.share(UNLIMITED)
        flood = [self.come(busy, "flood")[0] for _ in range(2)]
        self.come(calm, "honest")[1].identify()
        self.assertEqual([guest.displaced for guest in flood], [Refusal.UNIDENTIFIED, None])
        self.come(busy, "flood")
        self.assertIs(busy.admit("flood"), Refusal.UNIDENTIFIED)

    def test_a_quarter_is_for_unidentified_ones(self) -> None:
        """A quarter of the places, and one at least, may be taken by connections that have not said what they are."""
        for limit, unidentified in ((3, 1), (11, 2)):
            self.budget = Budget(self.clock.seconds)
            self.budget.limit = limit
            share = self.budget.share(UNLIMITED)
            for _ in range(unidentified):
                self.come(share, "a")
            self.assertIs(share.admit("a"), Refusal.UNIDENTIFIED)

    def test_full_of_identified_ones(self) -> None:
        """When every descriptor is taken by somebody who is known, newcomers are refused."""
        self.budget.limit = 3
        share = self.budget.share(UNLIMITED)
        for _ in range(3):
            self.come(share, "a")[1].identify()
        self.assertIs(share.admit("b"), Refusal.DAEMON)

    def test_one_credential(self) -> None:
        """A credential gets a quarter of all places, from whatever addresses it is shown; what leaves or changes makes room."""
        share = self.budget.share(UNLIMITED)
        places = [self.come(share, f"address {number}")[1] for number in range(6)]
        self.budget.limit = 12
        self.assertEqual([place.prove("stolen") for place in places], [True] * 3 + [False] * 3)
        self.assertTrue(places[0].prove("stolen"))
        self.assertTrue(places[3].prove("another"))
        places[0].leave()
        self.assertTrue(places[4].prove("stolen"))
        self.assertFalse(places[5].prove("stolen"))
        self.assertTrue(places[1].prove(None))
        self.assertTrue(places[5].prove("stolen"))
        for place in places:
            place.leave()
        self.assertTrue(places[0].prove("stolen"))
        self.assertEqual(self.budget._by_credential, {})

    def test_leaving(self) -> None:
        """However a connection ends, its place is free again, once."""
        self.budget.limit = 4
        share = self.budget.share(Quota(connections=1))
        for is_identified in (True, False):
            _, place = self.come(share, "a")
            if is_identified:
                place.identify()
                place.identify()
            place.leave()
            place.leave()
            self.assertEqual((place.occupant, len(self.budget.unidentified), self.budget.is_full), (None, 0, False))

    def test_nobody_there_yet(self) -> None:
        """A place whose connection is still being made can be taken from it, too."""
        share = self.budget.share(Quota(silent=1))
        share.admit("a")
        self.clock.advance(CHANCE)
        self.come(share, "a")


class MemoryTests(BudgetTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.budget = Budget(self.clock.seconds, 400_000)
        self.share = self.budget.share(UNLIMITED)

    def test_unidentified(self) -> None:
        """All that unidentified connections send fits into a quarter; over it, who sent most goes, at once."""
        (honest, small), (_, big) = self.come(self.share, "honest"), self.come(self.share, "flood")
        self.assertTrue(small.arrive(2000))
        self.assertTrue(big.arrive(97_000))
        last, least = self.come(self.share, "flood")
        self.assertFalse(least.arrive(1001))
        self.assertEqual((last.displaced, last.was_at_once), (Refusal.UNIDENTIFIED_MEMORY, True))
        self.assertIsNone(honest.displaced)
        self.assertTrue(small.arrive(1000))
        guest, busy = self.come(self.share, "flood")
        busy.note_unfinished(100_001)
        self.assertEqual((guest.displaced, guest.was_at_once), (Refusal.UNIDENTIFIED_MEMORY, False))

    def test_unidentified_of_one_address(self) -> None:
        """However much there is, half messages of one address take 16 MiB of it; what others send is no matter of theirs."""
        self.share = Budget(self.clock.seconds, 1 << 30).share(UNLIMITED)
        _, other = self.come(self.share, "other")
        self.assertTrue(other.arrive(1 << 24))
        for _ in range(16):
            _, place = self.come(self.share, "flood")
            self.assertTrue(place.arrive(1 << 20))
        last, place = self.come(self.share, "flood")
        self.assertFalse(place.arrive(1))
        self.assertEqual((last.displaced, last.was_at_once), (Refusal.UNIDENTIFIED_MEMORY, True))
        place = self.come(self.share, "known")[1]
        place.identify()
        place.note_unfinished(1 << 25)
        self.assertTrue(place.is_taken and other.is_taken)

    def test_what_is_kept(self) -> None:
        """What a machine is done with no longer counts."""
        _, place = self.come(self.share, "a")
        for _ in range(100):
            self.assertTrue(place.arrive(50_000))
            place.note_unfinished(0)
        self.assertEqual(self.budget.memory.total, 0)
        self.assertTrue(place.arrive(3000) and place.arrive(3000))
        self.assertEqual(self.budget.memory.total, 6000)
        place.note_unfinished(0)
        self.assertEqual(self.budget.memory.total, 0)

    def test_what_is_kept_when_it_is_known(self) -> None:
        """With its first message all that came so far is done with; what is kept afterwards is, however often it is known."""
        _, place = self.come(self.share, "a")
        place.arrive(500)
        place.identify()
        self.assertEqual(self.budget.memory.total, 0)
        place.note_unfinished(5000)
        place.identify()
        self.assertEqual(self.budget.memory.total, 5000)

    def test_identified(self) -> None:
        """Who is known has all of the memory, in and out together; over it, the newest of the address that has most goes."""
        places = []
        for address in ("a", "a", "b"):
            guest, place = self.come(self.share, address)
            place.arrive(500)
            place.identify()
            place.note_unfinished(60_000)
            place.note_waiting(60_000)
            places.append((guest, place))
        self.assertEqual(self.budget.memory.total, 360_000)
        places[2][1].note_waiting(105_000)
        self.assertEqual([None, Refusal.MEMORY, None], [guest.displaced for guest, _ in places])
        self.assertFalse(places[1][0].was_at_once)
        places[1][1].note_unfinished(100_000)
        self.assertEqual(self.budget.memory.total, 285_000)

    def test_after_the_end(self) -> None:
        """A connection that is gone holds nothing, whatever is still said of it."""
        _, place = self.come(self.share, "a")
        place.arrive(5000)
        place.note_waiting(5000)
        place.leave()
        place.note_unfinished(9000)
        place.note_waiting(9000)
        place.identify()
        self.assertEqual((self.budget.memory.total, self.budget.unidentified_memory.total), (0, 0))

    def test_small_changes(self) -> None:
        """Less than a KiB is not written down each time, and still given back whole."""
        _, place = self.come(self.share, "a")
        place.identify()
        for hold in (place.note_unfinished, place.note_waiting):
            hold(GRAIN)
            hold(GRAIN + 1)
            self.assertEqual(self.budget.memory.total, GRAIN)
            hold(GRAIN - 1)
            self.assertEqual(self.budget.memory.total, GRAIN)
            hold(0)
            self.assertEqual(self.budget.memory.total, 0)


class FloodTests(BudgetTestCase):
    """200 places for unidentified connections, attackers who say nothing, and honest peers who speak after 50 ms."""

    def admitted(self, rate: int, addresses: int, honest_address: str | None = None) -> float:
        """The part of honest peers that got in, of two each second."""
        chance = Random(1)
        self.budget.limit = 800
        share = self.budget.share(UNLIMITED)
        came, stayed = 0, 0
        waiting: list[tuple[Guest, Place]] = []
        for step in range(20 * 20):
            for guest, place in waiting:
                place.identify()
                stayed += guest.displaced is None
                place.leave()
            waiting = []
            for _ in range(rate // 20):
                share.admit(f"attacker {chance.randrange(addresses)}", Guest())
            if step % 10 == 0:
                came += 1
                guest = Guest()
                place = share.admit(honest_address or f"honest {chance.randrange(20)}", guest)
                if isinstance(place, Place):
                    waiting.append((guest, place))
            self.clock.advance(0.05)
        return stayed / (came - len(waiting))

    def test_floods(self) -> None:
        """Honest peers get in while others are flooded: from one address or from thousands."""
        for rate, addresses in ((400, 1), (400, 20), (400, 200), (400, 5000)):
            self.setUp()
            self.assertGreaterEqual(self.admitted(rate, addresses), 0.97, (rate, addresses))

    def test_from_the_own_address(self) -> None:
        """So does one who has the same address as the flood, as all have on loopback, while the flood is no greater than this."""
        self.assertGreaterEqual(self.admitted(100, 1, "attacker 0"), 0.97)

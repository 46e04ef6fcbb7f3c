"""Tests of ``netd.connection.fairness``: whose work is done next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.fairness import MOST_KEYS, NEW_FOR, TURN_SHARE, WEIGHTS, Contender, Lane, Standing, Turns
from netd.connection.shares import TurnShares

KNOWN, UNKNOWN = Lane.KNOWN, Lane.UNKNOWN


class Worker(Contender):
    """A connection whose pieces of work take so long, and which lines up again until so many are done."""

    def __init__(self, world: World, lane: Lane, key: str, cost: float = 0.0005, pieces: int = 1) -> None:
        super().__init__(world.turns)
        self.world = world
        self.stands = lane, key
        self.cost = cost
        self.pieces = pieces
        self.had = 0.0
        self.fails = False

    def standing(self) -> Standing:
        return self.stands

    def serve(self) -> None:
        self.world.now += self.cost
        self.had += self.cost
        self.world.served.append(self)
        self.pieces -= 1
        if self.pieces > 0:
            self.line_up()
        if self.fails:
            self.fails = False
            raise ZeroDivisionError

    def work(self, pieces: int = 1) -> None:
        """Have so much to do from now on, where nothing waited."""
        self.pieces = pieces
        self.speak(self.world.now)
        self.line_up()


class World:
    """A clock that only work moves, and the turns of its reactor."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[Callable[[], None]] = []
        self.served: list[Worker] = []
        self.shares = TurnShares(lambda: self.now, lambda _delay, call: self.calls.append(call))
        self.turns = Turns(self.shares.share("receive", TURN_SHARE), lambda: self.now)

    def turn(self) -> list[Worker]:
        """What is served in the next turn."""
        self.served.clear()
        calls, self.calls = self.calls, []
        for call in calls:
            call()
        return list(self.served)

    def settled(self, lane: Lane, key: str, cost: float = 0.0005) -> Worker:
        """One that is no newcomer."""
        worker = Worker(self, lane, key, cost)
        worker.speak(self.now + NEW_FOR)
        return worker


class TurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()

    def test_order(self) -> None:
        """Those that are alike are served in the order in which they came, in the next turn and not at once."""
        workers = [Worker(self.world, KNOWN, f"t{number}", 0.0) for number in range(3)]
        for worker in workers:
            worker.work()
            worker.line_up()
        self.assertEqual(self.world.served, [])
        self.assertEqual(self.world.turn(), workers)
        self.assertEqual((self.world.calls, self.world.turns.has_time), ([], True))

    def test_a_turn_ends(self) -> None:
        """When the time of a turn is over, the rest waits for the next, and nothing is done at once meanwhile."""
        workers = [Worker(self.world, KNOWN, f"t{number}", TURN_SHARE * 0.6) for number in range(4)]
        for worker in workers:
            worker.work()
        self.assertEqual(self.world.turn(), workers[:2])
        self.assertFalse(self.world.turns.has_time)
        self.assertEqual(self.world.turn(), workers[2:])
        self.assertTrue(self.world.turns.has_time)

    def test_work_at_once(self) -> None:
        """Work that is done at once uses the time of the turn up; little of it costs no turn of its own."""
        self.world.turns.spend(TURN_SHARE * 0.9)
        self.assertEqual((self.world.turns.has_time, self.world.calls), (True, []))
        self.world.turns.spend(TURN_SHARE * 0.2)
        self.assertFalse(self.world.turns.has_time)
        self.world.turn()
        self.assertEqual((self.world.turns.has_time, self.world.calls), (True, []))

    def test_failure(self) -> None:
        """Work that fails is done with, costs what it took, and the others get their turn."""
        failing, other = Worker(self.world, KNOWN, "a"), Worker(self.world, KNOWN, "b")
        failing.fails = True
        failing.work(3)
        other.work()
        first = self.world.turn()[0]
        self.assertEqual((first, len(self.flushLoggedErrors(ZeroDivisionError))), (failing, 1))
        self.assertEqual(self.world.served[1], other)
        self.assertEqual((self.world.turns._keys[KNOWN, "a"].due, self.world.turns.has_time), (3 * 0.0005, True))

    def test_one_that_says_little(self) -> None:
        """Beside a hundred that flood from the same address, one that says little is served as soon as it speaks."""
        floods = [self.world.settled(UNKNOWN, "10.0.0.5") for _ in range(100)]
        modest = self.world.settled(UNKNOWN, "10.0.0.5")
        for flood in floods:
            flood.work(1000)
        for _ in range(60):
            self.world.turn()
        for _ in range(5):
            modest.work()
            self.assertIs(self.world.turn()[0], modest)
            for _ in range(20):
                self.world.turn()

    def test_newcomers(self) -> None:
        """A flood of newcomers that nobody could serve does not hold up one that was there before, whatever that one had."""
        known = self.world.settled(UNKNOWN, "10.0.0.5")
        for _ in range(100):
            for _ in range(20):  # thrice what fits into a turn
                Worker(self.world, UNKNOWN, "10.0.0.5").work()
            known.work(2)
            self.assertEqual(self.world.turn()[:3].count(known), 2)

    def test_a_newcomer_that_floods_stays_one(self) -> None:
        """However long it takes to do what a newcomer brought, it does not stand before others then; the next time it does."""
        newcomer = Worker(self.world, UNKNOWN, "10.0.0.5", TURN_SHARE)
        newcomer.work(int(2 * NEW_FOR / TURN_SHARE))
        while self.world.calls:
            self.world.turn()
            self.assertEqual(newcomer._standing, (Lane.NEWCOMER, "10.0.0.5"))
        newcomer.work()
        self.assertEqual(newcomer._standing, (UNKNOWN, "10.0.0.5"))

    def test_login(self) -> None:
        """Whoever has a credential is no newcomer; a login counts from the next time that there is work."""
        worker = Worker(self.world, UNKNOWN, "10.0.0.5")
        worker.work(2)
        worker.stands = KNOWN, "operator"
        self.world.turn()
        self.assertEqual(worker._standing, (KNOWN, "operator"))
        members = {standing: key.members for standing, key in self.world.turns._keys.items()}
        self.assertEqual(members, {(Lane.NEWCOMER, "10.0.0.5"): 0, (KNOWN, "operator"): 1})

    def test_leaving(self) -> None:
        """A connection that has gone counts for its key no more; what it owes, the key still owes."""
        worker = Worker(self.world, KNOWN, "operator")
        worker.work()
        self.world.turn()
        worker.leave()
        worker.leave()
        key = self.world.turns._keys[KNOWN, "operator"]
        self.assertEqual((key.members, key.due), (0, 0.0005))

    def test_leaving_while_it_waits(self) -> None:
        """A connection that goes while it waits holds up nobody."""
        gone, other = Worker(self.world, KNOWN, "a"), Worker(self.world, KNOWN, "b")
        gone.work()
        other.work()
        gone.leave()
        self.assertEqual(self.world.turn(), [gone, other])  # what is served of it is its own to know
        self.assertEqual(self.world.calls, [])

    def test_one_of_two_leaves(self) -> None:
        """What an address owes is remembered as long as one of its connections is open."""
        first, second = (self.world.settled(KNOWN, "operator") for _ in range(2))
        for worker in (first, second):
            worker.work()
        self.world.turn()
        first.leave()
        self.assertEqual(self.world.turns._keys[KNOWN, "operator"].members, 1)

    def test_who_owes_nothing(self) -> None:
        """Of those that owe nothing, whoever speaks first is first, whether it has been served before or not."""
        before, never, busy = (Worker(self.world, KNOWN, "a", 0.0001) for _ in range(3))
        before.work()
        self.world.turn()
        busy.work(5)
        self.world.turn()
        never.work()
        before.work()
        self.assertEqual(self.world.turn(), [never, before])
        never = Worker(self.world, KNOWN, "a", 0.0001)
        busy.work(5)
        self.world.turn()
        before.work()
        never.work()
        self.assertEqual(self.world.turn(), [before, never])

    def test_keys_are_bounded(self) -> None:
        """Of addresses that come once and never again, only so many are remembered, and never those of open connections."""
        stays, idles = (self.world.settled(UNKNOWN, key, cost) for key, cost in (("stays", 0.01), ("idles", 0.0)))
        idles.work()
        stays.work(3)
        for _ in range(3):
            self.world.turn()
        for number in range(2 * MOST_KEYS):
            worker = Worker(self.world, UNKNOWN, str(number), 0.01 if number % 2 else 0.0)
            worker.work()
            self.world.turn()
            worker.leave()
        self.assertLessEqual(len(self.world.turns._keys), MOST_KEYS)
        self.assertIn((UNKNOWN, "stays"), self.world.turns._keys)
        self.assertIn((UNKNOWN, "idles"), self.world.turns._keys)


costs = st.floats(0.0001, 0.002)


class FairnessTests(SynchronousTestCase):
    """Of those that always have work, none gets more than its share and a piece."""

    def _work(self, workers: list[Worker], world: World) -> None:
        for worker in workers:
            worker.work(10**9)
        for _ in range(300):
            world.turn()

    @given(st.lists(costs, min_size=2, max_size=6))
    def test_connections(self, costs: list[float]) -> None:
        """Connections of one address have equal time, whatever their pieces cost."""
        world = World()
        workers = [world.settled(UNKNOWN, "10.0.0.5", cost) for cost in costs]
        self._work(workers, world)
        had = [worker.had for worker in workers]
        self.assertLessEqual(max(had) - min(had), 2 * max(costs) + 1e-6)

    @given(st.lists(st.tuples(costs, st.integers(1, 5)), min_size=2, max_size=5))
    def test_addresses(self, keys: list[tuple[float, int]]) -> None:
        """Addresses have equal time, however many connections each has."""
        world = World()
        workers = [world.settled(UNKNOWN, str(key), cost) for key, (cost, count) in enumerate(keys) for _ in range(count)]
        self._work(workers, world)
        had = Counter[str]()
        for worker in workers:
            had[worker.stands[1]] += worker.had  # type: ignore[assignment]  # seconds
        self.assertLessEqual(max(had.values()) - min(had.values()), 2 * max(cost for cost, _ in keys) + 1e-6)

    @given(costs, costs, st.integers(1, 20))
    def test_lanes(self, cost: float, other: float, crowd: int) -> None:
        """One that has a credential gets its lane's share beside any number of those without."""
        world = World()
        known = world.settled(KNOWN, "operator", cost)
        crowded = [world.settled(UNKNOWN, f"10.0.0.{number}", other) for number in range(crowd)]
        self._work([known, *crowded], world)
        shares = known.had / WEIGHTS[KNOWN], sum(worker.had for worker in crowded) / WEIGHTS[UNKNOWN]
        self.assertLessEqual(abs(shares[0] - shares[1]), cost / WEIGHTS[KNOWN] + other / WEIGHTS[UNKNOWN] + 1e-6)

    @given(st.lists(st.tuples(costs, st.integers(0, 3), st.integers(1, 40)), min_size=1, max_size=20))
    def test_nobody_is_forgotten(self, work: list[tuple[float, int, int]]) -> None:
        """All work that there is gets done, each piece once."""
        world = World()
        workers = [Worker(world, Lane(key % 2), str(key), cost) for cost, key, _ in work]
        for worker, (_, _, pieces) in zip(workers, work, strict=True):
            worker.work(pieces)
        done = Counter[Worker]()
        while world.calls:
            done.update(world.turn())
        self.assertEqual([done[worker] for worker in workers], [pieces for _, _, pieces in work])

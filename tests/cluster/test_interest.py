"""What nodes want of each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.subject import matches
from netd.cluster.address import subject_at
from netd.cluster.eventwire import MOST_WANTS
from netd.cluster.interest import ALL, asked_parts, demand_for, own_wants
from netd.message import Demand, Want
from tests.cluster.test_address import OWN, WRITTEN

DEMANDS = st.sampled_from([ALL, Demand(Want.EACH, 0.0), Demand(Want.NEWEST, 1.0), Demand(Want.NEWEST, 5.0)])


class OwnWantsTests(SynchronousTestCase):
    def test_own(self) -> None:
        """What is about this node alone is not asked for; events always come in batches, and those of short intervals, too."""
        newest = Demand(Want.NEWEST, 1.0)
        interests = {
            "session.main.>": ALL,
            "session.>": newest,
            "relay.main@B.>": Demand(Want.EACH, 0.0),
            "room.*.x": Demand(Want.NEWEST, 0.0),
        }
        expected = {"session.>": newest, "relay.main@B.>": ALL, "room.*.x": ALL, "custom.>": ALL}
        self.assertEqual(expected, own_wants(interests, ["custom.>"]))

    def test_covered(self) -> None:
        """What a wider pattern brings anyway is not asked for by itself; ``system`` is in no wider one."""
        newest = Demand(Want.NEWEST, 1.0)
        interests = {
            ">": newest,
            "session.>": ALL,
            "session.*.x": ALL,
            "relay.>": newest,
            "system.*.state": newest,
            "*.*.x": newest,
        }
        expected = {">": newest, "session.>": ALL, "system.*.state": newest, "*.*.x": newest}
        self.assertEqual(expected, own_wants(interests, []))

    def test_too_many(self) -> None:
        """A node that wants very much wants everything."""
        many = {f"session.*.n{number}": ALL for number in range(MOST_WANTS)}
        self.assertEqual(MOST_WANTS, len(own_wants(many, [])))
        self.assertEqual({">": ALL}, own_wants(many, ["custom.>"]))


class AskedTests(SynchronousTestCase):
    @given(st.dictionaries(WRITTEN, DEMANDS, max_size=5), OWN)
    def test_enough(self, interests: dict[str, Demand], subject: str) -> None:
        """What a subscriber of another node takes is forwarded with at least what it needs, and nothing else is."""
        far = subject_at(subject, "north")
        assert far is not None
        parts = asked_parts("north", [own_wants(interests, [])]).values()
        demand = demand_for(subject, parts)
        takers = [interests[pattern] for pattern in interests if matches(pattern, far)]
        if not takers:
            self.assertIsNone(demand)
        elif demand is None:  # only patterns for all kinds take it
            self.assertTrue(subject.startswith("system."))
        elif not subject.startswith("system."):
            self.assertGreaterEqual(demand.want, min(Want.BATCH, max(taker.want for taker in takers)))
            self.assertLessEqual(demand.every, min(taker.every for taker in takers))

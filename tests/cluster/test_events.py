"""Events between nodes: who gets what, what is lost, and what is not sent at all."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.eventwire import LONGEST_BODY, event_item, events_bodies
from netd.cluster.receiving import MOST_SEQUENCES
from netd.codec.samples import Samples, SampleTaken
from netd.message import Demand, Described, Message, Want
from tests.cluster.assembled import AssembledCluster, AssembledNode


class EventsTestCase(SynchronousTestCase):
    """Three nodes that know each other."""

    options: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        self.cluster = AssembledCluster(**self.options)
        self.a, self.b, self.c = (self.cluster[name] for name in "ABC")
        self.cluster.start()
        self.heard: list[Message] = []
        self.lost: list[int] = []
        self.sent = len(self.cluster.net.traffic)

    def listen(self, node: AssembledNode, pattern: str, want: Want = Want.BATCH, every: float = 0.0) -> Any:
        """Subscribe at a node, and let it be known."""
        found = node.bus.subscribe(pattern, self.heard.append, want, every, lost=self.lost.append)
        self.cluster.pass_time(0.2)
        return found

    def publish(self, node: AssembledNode, subject: str, *events: object, **members: Any) -> None:
        """Publish *events*, and let them arrive."""
        for event in events:
            node.bus.publish(Message(subject, event, **members))
        self.cluster.pass_time(0.05)

    def events(self) -> list[tuple[str, object]]:
        """What was heard."""
        return [(message.subject, message.event) for message in self.heard]

    def turns(self) -> list[str]:
        """The subjects of the messages with events since the beginning of the test."""
        subjects = [subject for subject, _ in self.cluster.net.traffic[self.sent :]]
        return [subject.removeprefix("netd.lab.") for subject in subjects if ".turn." in subject or ".custom." in subject]


class InterestTests(EventsTestCase):
    def test_nobody_asks(self) -> None:
        """What nobody asks for is not built, and not sent."""
        self.publish(self.b, "session.main.oven.temp", 1)
        self.assertEqual((Want.NOBODY, []), (self.b.bus.wants("session.main.oven.temp"), self.turns()))

    def test_own_instance(self) -> None:
        """A pattern of an own instance asks nobody."""
        self.listen(self.a, "session.main.>")
        self.publish(self.b, "session.main.oven.temp", 1)
        self.assertEqual(([], []), (self.events(), self.turns()))

    def test_of_all_nodes(self) -> None:
        """Whoever subscribes to a kind gets the events of all nodes, each under its node's name, with its time and origin."""
        self.listen(self.a, "session.>")
        self.b.wall.step(100.0)
        self.publish(self.b, "session.main.oven.temp", {"value": 1})
        self.publish(self.c, "session.lab.oven.temp", 2)
        self.publish(self.a, "session.main.oven.temp", 3)
        self.publish(self.b, "relay.main.said.pump", 4)
        self.assertEqual(
            [("session.main@B.oven.temp", {"value": 1}), ("session.lab@C.oven.temp", 2), ("session.main.oven.temp", 3)],
            self.events(),
        )
        self.assertEqual(["B", "C", ""], [message.origin for message in self.heard])
        self.assertAlmostEqual(100.0, self.heard[0].time - self.heard[1].time, places=0)
        self.assertEqual(b'{"value":1}', self.heard[0].text)

    def test_of_one_node(self) -> None:
        """Whoever names a node gets the events of that node, and no other node sends anything."""
        self.listen(self.a, "session.main@B.oven.>")
        for node in (self.b, self.c):
            self.publish(node, "session.main.oven.temp", node.name)
            self.publish(node, "session.main.lamp.temp", node.name)
        self.assertEqual([("session.main@B.oven.temp", "B")], self.events())
        self.assertEqual(["turn.B.session.main"], self.turns())

    def test_everything(self) -> None:
        """A subscriber of everything gets all kinds but ``system``, which is about the nodes themselves."""
        self.listen(self.a, ">")
        del self.heard[:]
        for subject in ("room.main.3.said", "custom.door", "system.main.state"):
            self.publish(self.b, subject, 1)
        self.assertEqual([("room.main@B.3.said", 1), ("custom.door", 1)], self.events())
        self.listen(self.a, "system.*.state")
        del self.heard[:]
        self.publish(self.b, "system.main.state", 2)
        self.assertEqual([("system.main@B.state", 2)] * 2, self.events())

    def test_once(self) -> None:
        """However many patterns take an event, it goes out once, to all nodes that ask, and comes in once."""
        seen: list[Message] = []
        self.listen(self.a, "session.>")
        self.listen(self.a, "session.*.oven.*")
        self.c.bus.subscribe("session.main@B.oven.temp", seen.append)
        self.cluster.pass_time(0.2)
        self.publish(self.b, "session.main.oven.temp", 1)
        self.assertEqual(([("session.main@B.oven.temp", 1)] * 2, 1), (self.events(), len(seen)))
        self.assertEqual(["turn.B.session.main"], self.turns())

    def test_no_circle(self) -> None:
        """What came from another node goes no further, whoever asks for it."""
        for node in (self.a, self.b, self.c):
            node.bus.subscribe(">", lambda _message: None)
        self.cluster.pass_time(0.2)
        self.sent = len(self.cluster.net.traffic)
        for subject in ("session.main.oven.temp", "custom.door", "alert.hot.session.main@C.oven"):
            self.publish(self.b, subject, 1)
        self.assertEqual(["turn.B.session.main", "custom.B"], self.turns())

    def test_turn(self) -> None:
        """The events of some milliseconds go in one message for each kind and instance."""
        self.listen(self.a, ">")
        self.sent = len(self.cluster.net.traffic)
        for number in range(20):
            self.b.bus.publish(Message("session.main.oven.temp", number))
            self.b.bus.publish(Message("room.main.1.said", number))
        self.cluster.pass_time(0.05)
        self.assertEqual(["turn.B.session.main", "turn.B.room.main"], self.turns())
        values = [event for subject, event in self.events() if subject == "session.main@B.oven.temp"]
        self.assertEqual(list(range(20)), values)

    def test_end(self) -> None:
        """When the last subscriber goes, nothing is built or sent any more, and what was the newest is not taken for today's."""
        subscription = self.listen(self.a, "session.>")
        self.publish(self.b, "session.main.oven.temp", 1)
        self.assertEqual(1, len(self.a.bus.last("session.main@B.>")))
        subscription.cancel()
        self.cluster.pass_time(0.2)
        self.assertEqual(Want.NOBODY, self.b.bus.wants("session.main.oven.temp"))
        self.assertEqual([], self.a.bus.last("session.main@B.>"))

    def test_newest_only(self) -> None:
        """For whoever wants the newest once a second, no more is sent; with somebody who wants all, everything is."""
        self.listen(self.a, "session.>", Want.NEWEST, 1.0)
        self.assertEqual((Want.NEWEST, 1.0), (self.b.bus.wants("session.main.x.y"), self.b.bus.interval("session.main.x.y")))
        for number in range(21):
            self.publish(self.b, "session.main.x.y", number)
        self.cluster.pass_time(1.0)
        self.assertEqual([0, 20], [event for _, event in self.events()])
        self.listen(self.c, "session.main@B.x.y")
        del self.heard[:]
        self.publish(self.b, "session.main.x.y", 31, 32, 33)
        self.assertEqual([31, 31, 32, 32, 33, 33], sorted(event for _, event in self.events()))

    def test_newest_only_meanwhile(self) -> None:
        """What waits for its interval comes, also when other nodes ask for other things meanwhile, and before what is newer."""
        self.listen(self.a, "session.>", Want.NEWEST, 1.0)
        self.publish(self.b, "session.main.x.y", 1, 2)
        self.listen(self.c, "room.>")
        self.cluster.pass_time(2.0)
        self.assertEqual([1, 2], [event for _, event in self.events()])
        self.publish(self.b, "session.main.x.y", 3, 4)
        self.c.bus.subscribe("session.*.x.y", lambda message: None)  # which has no interval
        self.cluster.pass_time(0.2)
        self.publish(self.b, "session.main.x.y", 5)
        self.cluster.pass_time(2.0)
        self.assertEqual([1, 2, 3, 4, 5], [event for _, event in self.events()])

    def test_newest_only_left(self) -> None:
        """A node that leaves sends what waits for its interval first."""
        self.listen(self.a, "session.>", Want.NEWEST, 1.0)
        self.publish(self.b, "session.main.x.y", 1, 2)
        self.cluster.result(self.b.call("cluster.leave"))
        self.assertEqual([1, 2], [event for _, event in self.events()])

    def test_newest_only_ends(self) -> None:
        """When nobody wants the newest any more, what waits for its interval is not sent."""
        subscription = self.listen(self.a, "session.>", Want.NEWEST, 1.0)
        self.publish(self.b, "session.main.x.y", 1, 2)
        subscription.cancel()
        self.cluster.pass_time(2.0)
        self.assertEqual(([1], Want.NOBODY), ([event for _, event in self.events()], self.b.bus.wants("session.main.x.y")))

    def test_leave(self) -> None:
        """A node that leaves asks for nothing and sends nothing, also when that had just changed; it goes on when it joins."""
        self.listen(self.a, "session.>")
        self.a.bus.subscribe("room.>", self.heard.append)
        self.publish(self.b, "session.main.x.y", 1)
        self.b.bus.publish(Message("session.main.x.y", 0))  # which waits for others
        for node in (self.b, self.a):
            self.cluster.result(node.call("cluster.leave"))
        self.publish(self.b, "session.main.x.y", 2)
        self.assertEqual([("session.main@B.x.y", 1), ("session.main@B.x.y", 0)], self.events())
        self.assertEqual([], self.a.bus.last("session.>"))
        for node in (self.a, self.b):
            node.call("cluster.join")
        self.cluster.pass_time(2.0)
        self.publish(self.b, "room.main.1.said", 3)
        self.assertEqual([("session.main@B.x.y", 2), ("room.main@B.1.said", 3)], self.events()[2:])

    def test_many_patterns(self) -> None:
        """A node that would ask for too many patterns asks for everything."""
        for number in range(1001):
            self.a.bus.subscribe(f"session.*.oven.n{number}", self.heard.append)
        self.cluster.pass_time(0.3)
        self.assertEqual({">": Demand(Want.BATCH, 0.0)}, self.a.cluster.events.wants)
        self.publish(self.b, "session.main.oven.n7", 7)
        self.publish(self.b, "session.main.oven.x", 8)
        self.assertEqual([("session.main@B.oven.n7", 7)], [one for one in self.events() if one[1] in (7, 8)])

    def test_local_subscribers(self) -> None:
        """What a recorder of everything follows is its own node: nobody sends anything for it."""
        self.a.bus.subscribe(">", self.heard.append, Want.BATCH, is_local=True)
        self.cluster.pass_time(0.2)
        self.publish(self.b, "session.main.oven.temp", 1)
        self.assertEqual(([], []), (self.events(), self.turns()))


class ClosedTests(EventsTestCase):
    """Nodes with ``grant = nothing``."""

    options: ClassVar[dict[str, Any]] = {"grant": "nothing"}

    def test_closed(self) -> None:
        """Nobody gets the events of a closed node: neither those to come nor the newest, whoever asks for them."""
        self.b.bus.publish(Message("session.main.oven.temp", 1))
        self.listen(self.a, "session.>")
        self.listen(self.a, "custom.>")
        self.listen(self.a, "system.main@B.>")
        for subject in ("session.main.oven.temp", "custom.door", "system.main.state", "alert.hot.x"):
            self.publish(self.b, subject, 2)
        self.cluster.pass_time(3.0)
        self.assertEqual(([], [], Want.NOBODY), (self.events(), self.turns(), self.b.bus.wants("session.main.oven.temp")))

    def test_no_history(self) -> None:
        """A closed node ships no history, and may collect that of others."""
        parts = len(self.b.cluster.parts)
        self.b.cluster.use_keepers(list)
        self.assertEqual(parts, len(self.b.cluster.parts))


class BatchTests(EventsTestCase):
    def test_samples(self) -> None:
        """Samples that came together stay together, as columns, with label and unit of their channel."""
        self.b.bus.describe("session.main.oven.temp", Described("temperature", "K"))
        self.listen(self.a, "session.>")
        for times in ((), (1.0, None, 3.5)):
            batch = Samples(5.5, [1.0, 2.5, 3.0], times)
            self.publish(self.b, "session.main.oven.temp", SampleTaken(3.0, 5.5, times[-1] if times else None), batch=batch)
            message = self.heard.pop()
            found: Any = message.batch
            self.assertEqual(([1.0, 2.5, 3.0], list(times)), (found.values, list(found.agent_times)))
            said = times or (None, None, None)
            expected = [{"value": v, "time": 5.5, "agent_time": t} for v, t in zip([1.0, 2.5, 3.0], said, strict=True)]
            self.assertEqual((3, expected, expected[-1]), (len(found), list(found), message.event))
        self.assertEqual(Described("temperature", "K"), self.a.bus.described("session.main@B.oven.temp"))
        self.assertEqual(6, self.a.cluster.events.counts().taken)

    def test_each(self) -> None:
        """Whoever wants each event by itself gets it so; numbers that JSON does not have are null, as in single events."""
        self.listen(self.a, "session.>", Want.EACH)
        self.publish(self.b, "session.main.oven.temp", SampleTaken(3.0, 5.5), batch=Samples(5.5, [1.0, 3.0]))
        infinite = Samples(5.5, [float("inf"), 3.0])
        self.publish(self.b, "session.main.oven.temp", SampleTaken(3.0, 5.5), batch=infinite)
        self.assertEqual([1.0, 3.0, None, 3.0], [event["value"] for _, event in self.events()])  # type: ignore[index]

    def test_other_batches(self) -> None:
        """Other events that came together stay together, too."""
        self.listen(self.a, "relay.>")
        self.publish(self.b, "relay.main.sent.pump", {"text": "b"}, batch=[{"text": "a"}, {"text": "b"}])
        [message] = self.heard
        assert message.batch is not None
        self.assertEqual((2, [{"text": "a"}, {"text": "b"}]), (len(message.batch), list(message.batch)))

    def test_no_json(self) -> None:
        """An event that JSON cannot say is left out and counted; the others come."""
        self.listen(self.a, "relay.>")
        self.publish(self.b, "relay.main.said.pump", object(), 1)
        self.assertEqual(([1], 1), ([event for _, event in self.events()], self.b.cluster.events.forwarding.unfit["no JSON"]))
        self.assertEqual([], self.lost)

    def test_too_long(self) -> None:
        """An event that has no room in a message is counted where it is missed; long ones go in several messages."""
        self.listen(self.a, "relay.>")
        self.publish(self.b, "relay.main.said.pump", 0)
        self.sent = len(self.cluster.net.traffic)
        long = "x" * (LONGEST_BODY // 3)
        self.publish(self.b, "relay.main.said.pump", "x" * LONGEST_BODY, long, long, long)
        self.assertEqual([1, 2, 3], [len(str(event)) // len(long) + at for at, (_, event) in enumerate(self.events()[1:])])
        self.assertEqual(([1], 1), (self.lost, self.b.cluster.events.forwarding.unfit["too long"]))
        self.assertEqual(2, len(self.turns()))

    def test_many_at_once(self) -> None:
        """Events do not wait without end: above a number of them, they go at once."""
        self.listen(self.a, "relay.>")
        for number in range(2000):
            self.b.bus.publish(Message("relay.main.said.pump", number))
        self.cluster.pass_time(0.002)
        self.assertEqual(2000, len(self.heard))


class LossTests(EventsTestCase):
    def test_hole(self) -> None:
        """Events that did not come are counted, told to the subscribers of their subjects, and the newest are fetched."""
        self.listen(self.a, "session.>")
        other = self.a.bus.subscribe("relay.>", self.heard.append, lost=lambda _count: self.fail("nothing of it is lost"))
        self.cluster.pass_time(0.2)
        self.publish(self.b, "session.main.oven.temp", 1)
        self.cluster.net.partition("A", "BC")
        self.publish(self.b, "session.main.oven.temp", 2, 3)
        self.publish(self.b, "session.main.lamp.temp", 4)
        self.cluster.net.heal()
        self.publish(self.b, "session.main.oven.temp", 5)
        self.cluster.pass_time(0.2)
        self.assertEqual([3], self.lost)
        self.assertEqual({"B": 3}, self.a.cluster.events.receiving.lost)
        oven, lamp = "session.main@B.oven.temp", "session.main@B.lamp.temp"
        self.assertEqual([(oven, 1), (oven, 5), (lamp, 4)], self.events())
        other.cancel()

    def test_doubled(self) -> None:
        """What comes a second time is dropped and counted."""
        self.cluster.net.faults.double = 1.0
        self.listen(self.a, "session.>")
        self.publish(self.b, "session.main.oven.temp", 1, 2)
        self.assertEqual([1, 2], [event for _, event in self.events()])
        self.assertEqual(2, self.a.cluster.events.receiving.doubled)

    def test_without_nats(self) -> None:
        """What is published while NATS is away comes when it is back."""
        self.listen(self.a, "session.>")
        self.b.link.go_down()
        self.publish(self.b, "session.main.oven.temp", 1, 2)
        self.b.link.go_up()
        self.cluster.pass_time(0.2)
        self.assertEqual([1, 2], [event for _, event in self.events()])
        self.assertEqual([], self.lost)

    def test_restarted(self) -> None:
        """A node that was started again numbers its events anew, and what it has published meanwhile is fetched."""
        self.listen(self.a, "session.>")
        self.publish(self.b, "session.main.oven.temp", 1, 2, 3)
        self.cluster.result(self.b.call("cluster.leave"))
        self.publish(self.b, "session.main.oven.temp", 4)
        self.b.call("cluster.join")
        self.cluster.pass_time(1.5)
        self.publish(self.b, "session.main.oven.temp", 5)
        self.assertEqual([1, 2, 3, 4, 5], [event for _, event in self.events()])
        self.assertEqual([], self.lost)

    def test_gone(self) -> None:
        """What a node has published stays the newest while it can be named, and is forgotten with it."""
        self.listen(self.a, "session.>")
        self.publish(self.b, "session.main.oven.temp", 1)
        self.b.kill()
        self.cluster.pass_time(2.0)
        self.assertEqual(1, len(self.a.bus.last("session.main@B.>")))
        self.cluster.pass_time(602.0)
        self.assertEqual([], self.a.bus.last("session.main@B.>"))

    def test_ended(self) -> None:
        """The sessions and rooms of a node that is gone have ended; when it is there again, they are as it says."""
        self.listen(self.a, ">")
        del self.heard[:]
        state = {"session": 3, "state": "streaming", "reason": "", "agent": "oven"}
        for subject, event in (
            ("session.main.oven", state),
            ("session.main.oven.temp", {"value": 1}),
            ("room.main.7.state", {"state": "talking"}),
        ):
            self.publish(self.b, subject, event)
        self.cluster.net.partition("A", "BC")
        self.cluster.pass_time(4.0)
        told = [(subject, event) for subject, event in self.events()[3:] if not subject.startswith("system.")]
        reason = "node B is gone"
        self.assertEqual(("session.main@B.oven", {**state, "state": "ended", "reason": reason}), told[0])
        self.assertEqual([("room.main@B.7.state", {"state": "over", "reason": reason})], told[1:])
        del self.heard[:]
        self.cluster.net.heal()
        self.cluster.pass_time(2.0)
        self.assertIn(("session.main@B.oven", state), self.events())
        self.assertNotIn("session.main@B.oven.temp", [subject for subject, _ in self.events()])

    def test_wants_of_a_node_that_is_gone(self) -> None:
        """For a node that is gone nothing is built."""
        self.listen(self.a, "session.>")
        self.assertEqual(Want.BATCH, self.b.bus.wants("session.main.oven.temp"))
        self.a.kill()
        self.cluster.pass_time(3.0)
        self.assertEqual(Want.NOBODY, self.b.bus.wants("session.main.oven.temp"))


class NewestTests(EventsTestCase):
    def test_fetched(self) -> None:
        """A new subscriber learns the newest event of each subject, with its time and unit, and of nothing else."""
        self.b.bus.describe("session.main.oven.temp", Described("temperature", "K"))
        self.publish(self.b, "session.main.oven.temp", 1, 2)
        self.publish(self.b, "room.main.3.said", 3)
        self.cluster.pass_time(10.0)
        self.listen(self.a, "session.>")
        [message] = self.heard
        self.assertEqual(("session.main@B.oven.temp", 2, "B"), (message.subject, message.event, message.origin))
        self.assertEqual(self.b.bus.last("session.main.oven.temp")[0].time, message.time)
        self.assertEqual(Described("temperature", "K"), self.a.bus.described(message.subject))
        self.listen(self.a, "session.main@B.oven.*")
        self.assertEqual(1, len(self.heard))  # the newest is known

    def test_overtaken(self) -> None:
        """An answer that comes after newer events changes nothing of their subjects."""
        self.publish(self.b, "session.main.oven.temp", 1)
        self.publish(self.b, "session.main.lamp.temp", 1)
        find = self.b.cluster.events.newest.answer
        self.b.cluster.nodes.answer("newest", lambda asked: find(asked).addCallback(self.later))
        self.listen(self.a, "session.>")
        self.publish(self.b, "session.main.oven.temp", 2)
        self.cluster.pass_time(2.0)
        oven, lamp = "session.main@B.oven.temp", "session.main@B.lamp.temp"
        self.assertEqual([(oven, 2), (lamp, 1)], self.events())
        self.assertEqual([2], [message.event for message in self.a.bus.last(oven)])

    def later(self, answer: Any) -> Any:
        """Have *answer* come half a second later."""
        return deferLater(self.cluster.net.clock, 0.5, lambda: answer)

    def test_in_parts(self) -> None:
        """Many newest events come in several answers."""
        for number in range(30):
            self.publish(self.b, f"relay.main.said.n{number}", "x" * 60_000)
        self.listen(self.a, "relay.>")
        self.cluster.pass_time(0.5)
        self.assertEqual(30, len({message.subject for message in self.heard}))
        self.assertEqual(30, len(self.heard))

    def test_newcomer(self) -> None:
        """A node that joins is asked for the newest of what is wanted already."""
        self.cluster.result(self.b.call("cluster.leave"))
        self.listen(self.a, "session.>")
        self.publish(self.b, "session.main.oven.temp", 1)
        self.b.call("cluster.join")
        self.cluster.pass_time(1.5)
        self.assertEqual([("session.main@B.oven.temp", 1)], self.events())

    def test_no_answer(self) -> None:
        """A node that does not answer is asked again."""
        self.publish(self.b, "session.main.oven.temp", 1)
        self.b.link.stall(2.5)
        self.listen(self.a, "session.>")
        self.assertEqual([], self.events())
        self.listen(self.a, "session.*.oven.*")  # asked together with what is asked again
        self.cluster.pass_time(5.0)
        self.assertEqual([("session.main@B.oven.temp", 1)] * 2, self.events())

    def test_nats_too_slow(self) -> None:
        """A question that cannot be sent for now is asked later."""
        self.publish(self.b, "session.main.oven.temp", 1)
        self.a.link.is_full = True
        self.listen(self.a, "session.>")
        self.a.link.is_full = False
        self.cluster.pass_time(2.0)
        self.assertEqual([("session.main@B.oven.temp", 1)], self.events())

    def test_gone_meanwhile(self) -> None:
        """A node that is gone before it has answered, and one that is left, are asked no more."""
        self.publish(self.b, "session.main.oven.temp", 1)
        self.b.link.stall(1.0)
        self.listen(self.a, "session.>")
        self.cluster.result(self.a.call("cluster.leave"))
        self.cluster.pass_time(3.0)
        self.a.call("cluster.join")
        self.cluster.pass_time(2.0)
        self.assertEqual([("session.main@B.oven.temp", 1)], self.events())
        self.b.link.stall(20.0)
        self.listen(self.a, "room.>")
        self.cluster.pass_time(2.2)  # it is asked again in a second
        self.cluster.result(self.a.call("cluster.leave"))
        self.cluster.pass_time(25.0)
        self.assertEqual(1, len(self.heard))

    def test_no_json(self) -> None:
        """What JSON cannot say is no newest event, and of an answer that holds none, nothing is taken."""
        self.publish(self.b, "session.main.oven.temp", object())
        self.publish(self.b, "session.main.oven.flow", 2)
        self.c.cluster.nodes.answer("newest", lambda _: {"events": 7})
        self.listen(self.a, "session.>")
        self.assertEqual([("session.main@B.oven.flow", 2)], self.events())

    def test_many_patterns(self) -> None:
        """Long patterns are asked for in several questions."""
        self.publish(self.b, "session.main.oven.temp", 1)
        for number in range(100):
            self.a.bus.subscribe(f"session.*.{'x' * 450}.n{number}", self.heard.append)
        self.listen(self.a, "session.*.oven.*")
        self.assertEqual([("session.main@B.oven.temp", 1)], self.events())
        asked = [size for subject, size in self.cluster.net.traffic if subject == "netd.lab.node.B.ask"]
        self.assertGreater(len([size for size in asked if size > 10_000]), 1)


class CustomTests(EventsTestCase):
    def test_one_space(self) -> None:
        """A value under ``custom`` is the same subject on all nodes, and its newest is known without a subscriber."""
        self.publish(self.b, "custom.door", {"open": True})
        for node in (self.a, self.c):
            [message] = node.bus.last("custom.door")
            self.assertEqual(({"open": True}, "B"), (message.event, message.origin))
        self.publish(self.a, "custom.door", {"open": False})
        self.assertEqual([{"open": False}], [message.event for message in self.b.bus.last("custom.door")])

    def test_newest_wins(self) -> None:
        """Of what several nodes have published under one subject while they were apart, the newest by the clock counts."""
        self.cluster.result(self.b.call("cluster.leave"))
        self.publish(self.b, "custom.door", 1)
        self.publish(self.a, "custom.door", 2)
        self.publish(self.a, "custom.lamp", 3)
        self.publish(self.b, "custom.lamp", 4)
        self.b.call("cluster.join")
        self.cluster.pass_time(2.0)
        for node in (self.a, self.b):
            self.assertEqual([2, 4], [message.event for message in node.bus.last("custom.*")], node.name)


class AcceptTests(EventsTestCase):
    options: ClassVar[dict[str, Any]] = {"accept": ("custom.lab.>",), "publish": ("session.>", "session.*.oven.*")}

    def test_accepted(self) -> None:
        """Under ``custom`` only what is accepted is taken, whoever subscribes."""
        self.listen(self.a, "custom.>")
        self.publish(self.b, "custom.door", 1)
        self.publish(self.b, "custom.lab.door", 2)
        self.assertEqual([("custom.lab.door", 2)], self.events())

    def test_published(self) -> None:
        """What is published for other programs goes out event by event, once, under the node's name; only what is its own."""
        got: list[tuple[str, bytes]] = []
        self.cluster.net.link("mqtt").start()
        self.cluster.net.links[-1].subscribe("netd.lab.ev.>", lambda subject, body, _reply: got.append((subject, body)))
        self.listen(self.a, "session.>")
        self.publish(self.b, "session.main.oven.temp", SampleTaken(2.0, 5.0), batch=Samples(5.0, [1.0, 2.0]))
        self.publish(self.b, "session.main.oven.temp", object())
        self.publish(self.b, "relay.main.said.pump", 1)
        subject = "netd.lab.ev.B.session.main.oven.temp"
        events = [{"value": value, "time": 5.0, "agent_time": None} for value in (1.0, 2.0)]
        self.assertEqual([(subject, event) for event in events], [(under, json.loads(text)) for under, text in got])
        self.cluster.result(self.b.call("cluster.leave"))
        self.publish(self.b, "session.main.oven.temp", 3)
        self.assertEqual(2, len(got))


class HostileTests(EventsTestCase):
    def forge(self, subject: str, body: bytes) -> None:
        """Send something in the name of node B."""
        self.b.link.post(f"netd.lab.{subject}", body)
        self.cluster.pass_time(0.05)

    def body(self, *items: bytes, last: int = 1, epoch: str = "") -> bytes:
        """A message of the node B."""
        epoch = epoch or self.b.cluster.nodes.epoch
        [(body, _)] = events_bodies(epoch, last - len(items), [(item, 1) for item in items])
        return body

    def test_many_subjects(self) -> None:
        """Of so many subjects of NATS the numbers are remembered; those of a node that is forgotten are not."""
        self.listen(self.a, "session.>")
        receiving = self.a.cluster.events.receiving
        for number in range(MOST_SEQUENCES + 10):
            receiving._came(f"netd.lab.turn.B.session.n{number}", self.body(event_item(b'"session.main.x"', 1.0, b"1")), "")
            self.cluster.net.clock.advance(0)
        self.assertEqual(10, len(receiving._sequences))
        receiving.forget("B")
        self.assertEqual({}, receiving._sequences)

    def test_refused(self) -> None:
        """What is no message of events, or of no known process, is counted and published nowhere."""
        self.listen(self.a, ">")
        del self.heard[:]
        receiving = self.a.cluster.events.receiving
        item = event_item(b'"session.main.x"', 1.0, b"1")
        self.forge("turn.B.session.main", b"nonsense")
        self.forge("turn.B.session.main", self.body(item, epoch="other"))
        self.forge("turn.Z.session.main", self.body(item))
        self.forge("turn.B.session.main", self.body(event_item(b'"session.main@C.x"', 1.0, b"1"), last=5))
        self.forge("turn.B.session.main", self.body(event_item(b'"session..x"', 1.0, b"1"), last=6))
        self.assertEqual({"bad events": 3, "unknown node": 2, "too many": 0}, receiving.refused)
        self.assertEqual(["netd.lab.turn.B.session.main"], list(receiving._sequences))  # nothing is kept of strangers
        self.assertEqual([], self.events())

    def test_no_wants(self) -> None:
        """A node that does not say what it wants gets nothing, and is asked again when it says that this has changed."""
        self.c.cluster.nodes.answer("wants", lambda _: "nonsense")
        self.c.bus.subscribe("session.main@B.>", self.heard.append)
        with capturedLogs() as events:
            self.cluster.pass_time(0.3)
        told = [formatEvent(event) for event in events if event["log_namespace"] == "netd.cluster.events.Events"]
        self.assertEqual(["cluster: node C does not say what it wants: no list of at most 1000 wants"] * 2, told)

    def test_numbers_out_of_range(self) -> None:
        """A number that is too large for a double is passed on in its text, and is null for whoever looks at the value."""
        self.listen(self.a, "session.>")
        self.forge("turn.B.session.main", self.body(event_item(b'"session.main.x"', 1.0, b"1e999")))
        [message] = self.heard
        self.assertEqual((b"1e999", None), (message.text, message.event))
        self.assertRaises(AttributeError, getattr, message, "events")

    def test_unwanted(self) -> None:
        """A node that sends what nobody has asked for makes nothing of it known here."""
        self.listen(self.a, "session.*.oven.*")
        items = [event_item(b'"session.main.n%d"' % number, 1.0, b"1") for number in range(40)]
        self.forge("turn.B.session.main", self.body(*items, last=40))
        self.assertEqual(([], []), (self.events(), self.a.bus.last("session.>")))

    def test_flood(self) -> None:
        """What comes faster than it can be read waits within a bound; the oldest goes, and is counted as lost."""
        self.listen(self.a, "session.>")
        share: Any = self.a.cluster.events.shares[0]
        share.seconds, share._left = 1e-9, 0.0
        item = event_item(b'"session.main.x.y"', 1.0, b'"%b"' % (b"x" * 500_000))
        for number in range(1, 31):
            self.b.link.post("netd.lab.turn.B.session.main", self.body(item, last=number))
        self.cluster.clock.advance(0.005)
        self.assertEqual(14, self.a.cluster.events.receiving.refused["too many"])
        self.cluster.pass_time(1.0)
        self.assertEqual(16, len(self.heard))

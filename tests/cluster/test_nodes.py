"""Nodes that find, lose and suspect each other, over a server that is played."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.hello import Hello, write_hello
from netd.cluster.interfaces import NobodyThere
from netd.cluster.member import Member
from netd.cluster.membership import Membership, MembershipState
from netd.cluster.nodes import KEPT, MOST_NODES, Nodes
from netd.errors import Gone, OperationFailed
from netd.testing import WallClock
from tests.cluster.clocks import pass_time
from tests.cluster.fake import FakeLink, FakeNet

HUNG = (
    "gone B B0: it does not answer, although the NATS server of this node does: it hangs, or there is no way between the servers"
)


class Peer:
    """One node, and what it was told."""

    def __init__(self, net: FakeNet, name: str, epoch: str = "") -> None:
        self.name = name
        self.told: list[str] = []
        self.announced: list[tuple[str, str]] = []
        self.wall = WallClock(net.clock)
        self.link: FakeLink = net.link(name)
        self.nodes = Nodes(name, "lab", self.link, net.clock, self.wall, self._announce)
        self._epochs = iter(f"{epoch or name}{number}" for number in range(100))
        self.membership = Membership(self.nodes, [], net.clock, lambda: 0.5, lambda: next(self._epochs))
        self.nodes.watch(self._there, self._gone, lambda: self.told.append("unreachable"), self._forgotten)

    def start(self) -> Peer:
        """Join."""
        self.membership.start()
        self.link.start()
        return self

    def state(self, name: str) -> str:
        """The state of another node."""
        member = self.nodes.members.get(name) or self.nodes.absent.get(name)
        return "" if member is None else member.state.value

    def heard(self) -> list[str]:
        """What it was told, which is forgotten."""
        told, self.told = self.told, []
        return told

    def _there(self, member: Member) -> None:
        self.told.append(f"there {member.name} {member.epoch}")

    def _gone(self, member: Member, reason: str) -> None:
        self.told.append(f"gone {member.name} {member.epoch}: {reason}")

    def _forgotten(self, member: Member) -> None:
        self.told.append(f"forgotten {member.name}")

    def _announce(self, member: Member) -> None:
        self.announced.append((member.name, member.state.value))


class NodesBench(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.net = FakeNet(self.clock)
        self.a, self.b = Peer(self.net, "A"), Peer(self.net, "B")

    def join(self) -> None:
        """Have A and B know each other."""
        self.a.start()
        self.b.start()
        pass_time(self.clock, 1.5)
        self.assertEqual((["there B B0"], ["there A A0"]), (self.a.heard(), self.b.heard()))


class JoiningTests(NodesBench):
    def test_two_nodes_meet(self) -> None:
        """Two nodes know each other within a few milliseconds, and stay there."""
        self.a.start()
        pass_time(self.clock, 0.5)
        self.b.start()
        pass_time(self.clock, 0.02)
        self.assertEqual("there", self.a.state("B"))
        pass_time(self.clock, 30)
        self.assertEqual((["there B B0"], ["there A A0"]), (self.a.heard(), self.b.heard()))

    def test_versions_bring_news(self) -> None:
        """What a node can be asked for is asked by the others when they meet and when it has changed, in parts if need be."""
        wanted, got = [["a", "b", "c"]], []

        def receive(member: Member, answer: Any) -> Any:
            got.append(answer)
            return answer["next"]

        def answer(after: Any) -> Any:
            start = after or 0
            following = start + 2 if start + 2 < len(wanted[0]) else None
            return {"items": wanted[0][start : start + 2], "next": following}

        self.b.nodes.answer("wants", answer)
        self.a.nodes.follow("wants", receive)
        self.join()
        self.assertEqual([["a", "b"], ["c"]], [one["items"] for one in got])
        got.clear()
        wanted[0] = ["d"]
        self.b.nodes.bump("wants")
        pass_time(self.clock, 0.1)
        self.assertEqual([["d"]], [one["items"] for one in got])

    def test_many_changes_are_few_hellos(self) -> None:
        """A thousand changes a second make twenty hellos, and the last one says all of them."""
        self.join()
        self.net.traffic.clear()
        for _ in range(1000):
            self.b.nodes.bump("devices")
            pass_time(self.clock, 0.001)
        self.assertLessEqual(len([one for one in self.net.traffic if one[0] == "netd.lab.hello"]), 23)
        pass_time(self.clock, 0.1)
        self.assertEqual(1000, self.a.nodes.members["B"].versions["devices"])

    def test_refused_answer(self) -> None:
        """An answer that cannot be had says why; the next hello has it asked for again."""
        self.a.nodes.follow("wants", lambda member, answer: None)
        self.join()
        self.net.traffic.clear()
        pass_time(self.clock, 2.0)
        self.assertEqual(2, len([one for one in self.net.traffic if one[0] == "netd.lab.node.B.ask"]))
        asked = self.a.nodes.ask("B", "wants")
        pass_time(self.clock, 0.1)
        self.assertIn("node B: this node cannot be asked for 'wants'", str(self.failureResultOf(asked, OperationFailed).value))

    def test_idle_traffic(self) -> None:
        """Two idle nodes send a hello a second each, and nothing else."""
        self.join()
        self.net.traffic.clear()
        pass_time(self.clock, 10.0)
        self.assertEqual({"netd.lab.hello"}, {subject for subject, _ in self.net.traffic})
        self.assertEqual(20, len(self.net.traffic))


class DeathTests(NodesBench):
    def test_killed(self) -> None:
        """A node that was killed is gone when it has been silent for 1.3 s, because nobody responds to its name."""
        self.join()
        self.b.link.die()
        pass_time(self.clock, 1.4)
        self.assertEqual(["gone B B0: nobody responds"], self.a.heard())
        self.assertEqual([("B", "there"), ("B", "suspect"), ("B", "absent")], self.a.announced)

    def test_hung(self) -> None:
        """A node that hangs is gone within 4 s, and there again when it goes on, within a second."""
        self.join()
        self.b.link.stall(10.0)
        pass_time(self.clock, 4.0)
        self.assertEqual([HUNG], self.a.heard())
        pass_time(self.clock, 7.0)
        self.assertEqual(["there B B0"], self.a.heard())
        self.assertEqual([], self.b.heard())

    def test_short_stall(self) -> None:
        """A node that hangs for 1.8 s is suspected, and not gone."""
        self.join()
        self.b.link.stall(1.8)
        pass_time(self.clock, 5.0)
        self.assertEqual(([], []), (self.a.heard(), self.b.heard()))
        self.assertIn(("B", "suspect"), self.a.announced)

    def test_nats_stalls(self) -> None:
        """Nobody is called dead because NATS is silent, however long."""
        for seconds in (1.0, 1.8, 2.6, 3.5, 10.0):
            self.setUp()
            self.join()
            for peer in (self.a, self.b):
                peer.link.stall(seconds)
            pass_time(self.clock, seconds + 5.0)
            self.assertEqual(([], []), (self.a.heard(), self.b.heard()), seconds)

    def test_dead_after_a_stall(self) -> None:
        """A node that hangs while NATS stalls, too, is asked again when NATS is well, also if nobody else says anything."""
        self.join()
        self.b.link.stall(60.0)
        pass_time(self.clock, 2.0)
        self.assertEqual("suspect", self.a.state("B"))
        self.a.link.stall(2.2)
        pass_time(self.clock, 2.0)
        self.assertEqual("suspect", self.a.state("B"))
        pass_time(self.clock, 4.5)
        self.assertEqual([HUNG], self.a.heard())

    def test_silent_newcomer(self) -> None:
        """A newcomer that is being asked when it has been silent for long is forgotten all the same."""
        self.a.start()
        pass_time(self.clock, 1.0)
        rogue = self.net.link("rogue")
        rogue.go_up()
        rogue.subscribe("netd.lab.node.X.ask", lambda subject, body, reply: None)
        for beat in (1, 2):
            rogue.post("netd.lab.hello", write_hello(Hello("X", "x", beat, 1.0)))
            pass_time(self.clock, 2.5)
        pass_time(self.clock, 60.0)
        self.assertEqual({}, self.a.nodes.members)

    def test_nats_lost(self) -> None:
        """Without NATS nobody dies. When it is back, the others may take 3 s longer to find it, and are there again."""
        self.join()
        self.a.link.go_down()
        self.b.link.go_down()
        self.assertEqual(["unreachable"], self.a.heard())
        pass_time(self.clock, 60.0)
        self.assertEqual("unreachable", self.a.state("B"))
        self.a.link.go_up()
        pass_time(self.clock, 3.0)
        self.b.link.go_up()
        pass_time(self.clock, 1.0)
        self.assertEqual((["there B B0"], ["unreachable", "there A A0"]), (self.a.heard(), self.b.heard()))

    def test_died_while_nats_was_away(self) -> None:
        """A node that has not come back when NATS has is gone after a few seconds."""
        self.join()
        self.a.link.go_down()
        self.b.link.die()
        self.a.link.go_up()
        pass_time(self.clock, 4.5)
        self.assertEqual(["unreachable", "gone B B0: nobody responds"], self.a.heard())

    def test_restarted(self) -> None:
        """A node that was started again is gone, then there, in that order; a late hello of the old process changes nothing."""
        self.join()
        late = write_hello(Hello("B", "B0", 99, self.b.wall()))
        self.b.link.die()
        again = Peer(self.net, "B", "b").start()
        pass_time(self.clock, 0.1)
        again.link.post("netd.lab.hello", late)
        pass_time(self.clock, 3.0)
        self.assertEqual(["gone B B0: it was started again", "there B b0"], self.a.heard())

    def test_gone_nodes_stay_nameable(self) -> None:
        """A node that is gone can be named for ten minutes, then it is forgotten."""
        self.join()
        self.b.link.die()
        pass_time(self.clock, KEPT)
        self.assertEqual("absent", self.a.state("B"))
        pass_time(self.clock, 5.0)
        self.assertEqual("", self.a.state("B"))
        self.assertEqual("forgotten B", self.a.heard()[-1])

    def test_answer_of_another_process(self) -> None:
        """An answer of another process than the one that is known does not count."""
        self.join()
        self.b.nodes.epoch = "other"
        asked = self.a.nodes.ask("B", "alive")
        pass_time(self.clock, 0.1)
        self.failureResultOf(asked, Gone)

    def test_nobody(self) -> None:
        """A question to a node that is not there fails at once."""
        self.join()
        asked = self.a.nodes.ask("C", "alive")
        pass_time(self.clock, 0.1)
        self.failureResultOf(asked, NobodyThere)


class LeavingTests(NodesBench):
    def test_leave_and_join(self) -> None:
        """A node that leaves is gone at once, and not by silence; when it joins again it is there as a new one."""
        self.join()
        left = self.b.membership.leave()
        pass_time(self.clock, 0.01)
        self.successResultOf(left)
        self.assertEqual(["gone B B0: it has left"], self.a.heard())
        self.assertEqual(["gone A A0: this node has left the cluster"], self.b.heard())
        pass_time(self.clock, 60.0)
        self.b.membership.join()
        pass_time(self.clock, 0.05)
        self.assertEqual((["there B B1"], ["there A A0"]), (self.a.heard(), self.b.heard()))

    def test_leave_without_nats(self) -> None:
        """A node can leave while there is no NATS; the next connection tells nobody about it."""
        self.join()
        self.b.link.go_down()
        self.successResultOf(self.b.membership.leave())
        self.b.link.go_up()
        self.b.membership.join()
        pass_time(self.clock, 1.0)
        self.assertEqual(["gone B B0: it was started again", "there B B1"], self.a.heard())

    def test_nothing_is_left(self) -> None:
        """After both have left no timer runs."""
        self.join()
        self.a.membership.leave()
        self.b.membership.leave()
        pass_time(self.clock, 3.0)
        self.assertEqual([], self.clock.calls)

    def test_leave_twice(self) -> None:
        """Leaving twice, and joining twice, changes nothing."""
        self.join()
        self.a.membership.join()
        for _ in range(2):
            self.a.membership.leave()
        self.assertEqual(MembershipState.LEFT, self.a.membership.state)


class NameTests(NodesBench):
    def test_same_name_twice(self) -> None:
        """The later of two nodes with one name stays alone, says so, and takes the name within 8 s when the first has left."""
        self.join()
        twin = Peer(self.net, "B", "b").start()
        pass_time(self.clock, 20.0)
        self.assertEqual(MembershipState.ALONE, twin.membership.state)
        self.assertEqual(([], []), (self.a.heard(), twin.heard()))
        self.b.membership.leave()
        pass_time(self.clock, 8.0)
        self.assertEqual(MembershipState.JOINED, twin.membership.state)
        self.assertEqual(["gone B B0: it has left", "there B b0"], self.a.heard())

    def test_twins_meet(self) -> None:
        """Of two nodes that took one name while they could not see each other, the one that joined first keeps it."""
        self.join()
        self.net.partition({"A", "B"}, {"twin"})
        twin = Peer(self.net, "B", "b")
        twin.link.name = "twin"
        twin.start()
        pass_time(self.clock, 2.0)
        self.assertEqual(MembershipState.JOINED, twin.membership.state)
        self.net.heal()
        pass_time(self.clock, 5.0)
        self.assertEqual((MembershipState.ALONE, MembershipState.JOINED), (twin.membership.state, self.b.membership.state))
        self.assertEqual(("there", "B0"), (self.a.state("B"), self.a.nodes.members["B"].epoch))

    def test_lost_while_alone(self) -> None:
        """A node that stays alone goes on asking when NATS was away meanwhile."""
        self.join()
        twin = Peer(self.net, "B", "b").start()
        pass_time(self.clock, 1.0)
        twin.link.go_down()
        self.b.membership.leave()
        pass_time(self.clock, 20.0)
        twin.link.go_up()
        pass_time(self.clock, 8.0)
        self.assertEqual(MembershipState.JOINED, twin.membership.state)
        twin.membership.leave()

    def test_other_version(self) -> None:
        """A node that speaks another version is listed as incompatible, and gets no traffic."""
        self.a.start()
        pass_time(self.clock, 0.1)
        self.net.traffic.clear()
        self.hello(b'{"v": 2, "node": "C"}')
        self.assertEqual("incompatible", self.a.state("C"))
        self.assertEqual([], [subject for subject, _ in self.net.traffic if ".C." in subject])
        pass_time(self.clock, 12.0)
        self.assertEqual("", self.a.state("C"))

    def test_updated(self) -> None:
        """A node that is started again in another version is gone; in the right one it joins."""
        self.join()
        self.b.membership.leave()
        self.hello(b'{"v": 2, "node": "B"}')
        self.assertEqual("incompatible", self.a.state("B"))
        self.b.membership.join()
        pass_time(self.clock, 0.1)
        self.assertEqual("there", self.a.state("B"))

    def test_forged(self) -> None:
        """A hello with a wrong name, wrong types or of a MiB is counted and logged once a minute."""
        self.a.start()
        pass_time(self.clock, 0.1)
        for body in (b'{"v": 1, "node": "C@B", "epoch": "e", "beat": 1, "sent": 1}', b"x" * (1 << 20), b"[]"):
            self.hello(body)
        self.assertEqual(({}, 3), (self.a.nodes.members, self.a.nodes.refused["bad hello"]))

    def test_flood_of_names(self) -> None:
        """Made-up names take no place: none of them answers. Even all at once, so many are known at most."""
        self.join()
        forger = self.net.link("forger")
        forger.start()
        for number in range(MOST_NODES + 500):
            forger.post("netd.lab.hello", write_hello(Hello(f"made-up-{number}", "e", 1, 1.0)))
        pass_time(self.clock, 0.001)
        self.assertEqual((MOST_NODES, 501), (len(self.a.nodes.members), self.a.nodes.refused["too many nodes"]))
        pass_time(self.clock, 5.0)
        self.assertEqual((["B"], {}), (list(self.a.nodes.members), self.a.nodes.absent))
        self.assertEqual([], self.a.heard())

    def hello(self, body: bytes) -> None:
        """Send A a hello that somebody made up."""
        forger = self.net.link("forger")
        forger.start()
        forger.post("netd.lab.hello", body)
        pass_time(self.clock, 0.01)


class SkewTests(NodesBench):
    def test_clocks_an_hour_apart(self) -> None:
        """Nodes whose clocks are an hour apart work together, and say by how much they differ."""
        self.b.wall.step(3600)
        self.join()
        self.assertAlmostEqual(3600, self.a.nodes.members["B"].skew or 0, places=2)
        self.assertAlmostEqual(-3600, self.b.nodes.members["A"].skew or 0, places=2)

    def test_slow_network(self) -> None:
        """A slow way does not look like a clock that is wrong."""
        self.join()
        self.net.faults.delay, self.net.faults.slow = 0.5, 0.9
        pass_time(self.clock, 20.0)
        self.assertLess(abs(self.a.nodes.members["B"].skew or 0), 0.2)

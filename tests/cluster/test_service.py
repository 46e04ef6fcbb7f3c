"""The service of ``[cluster]``: nodes that list each other, leave and join."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from netd import __version__
from netd.cluster.results import CHANGED, NodeChanged
from netd.cluster.service import ClusterService
from netd.codec.length_header import encode_frame
from netd.errors import NoSuchTarget, OperationFailed
from netd.kinds import ServiceKind
from netd.relay.config import Config as RelayConfig
from netd.testing import ServiceKindTests, connect
from tests.cluster.assembled import AssembledCluster, AssembledNode
from tests.cluster.fake import FakeNet

RELAY = ServiceKind("relay", "netd.relay")


class ClusterBench(SynchronousTestCase):
    def setUp(self) -> None:
        self.cluster = AssembledCluster()
        self.a, self.b = self.cluster["A"], self.cluster["B"]
        self.cluster.start()

    def nodes(self, of: str = "A") -> dict[str, Any]:
        """The rows of ``cluster.nodes`` on a node, by name."""
        rows = self.cluster.result(self.cluster[of].call("cluster.nodes"))
        return {row.name: row for row in rows}

    def states(self, of: str = "A") -> dict[str, str]:
        """The states of the nodes, as one of them sees them."""
        return {name: row.state for name, row in self.nodes(of).items()}

    def changes(self, of: str = "A") -> list[tuple[str, str, str]]:
        """The changes that were published on a node."""
        events = [event for event in self.cluster[of].bus.events(CHANGED) if isinstance(event, NodeChanged)]
        return [(event.node, event.state, event.reason) for event in events]


class ListTests(ClusterBench):
    def test_each_sees_the_others(self) -> None:
        """Each node lists itself first, then the others by name."""
        self.assertEqual({"A": "here", "B": "there", "C": "there"}, self.states("A"))
        self.assertEqual(["B", "A", "C"], list(self.states("B")))

    def test_own_name(self) -> None:
        """Each node answers to its own name, too."""
        rows = self.cluster.result(self.cluster["B"].call("cluster.nodes", instance="@B"))
        self.assertEqual("B", rows[0].name)

    def test_facts(self) -> None:
        """A row tells version, epoch, NATS server, skew and round trip; others' numbers come from themselves."""
        self.b.wall.step(60.0)
        self.cluster.pass_time(10.0)
        relay = self.b.add(RELAY, RelayConfig())
        connect(self.b.factories["relay"], self.cluster.clock).say(encode_frame(b"raspberrypi"))
        row = self.nodes()["B"]
        self.assertEqual((__version__, self.b.cluster.nodes.epoch, "nats://fake:4222"), (row.version, row.epoch, row.server))
        self.assertAlmostEqual(60.0, row.skew, places=1)
        self.assertLess(row.round_trip, 0.01)
        self.assertEqual((1, 0, 0, 0), (row.devices, row.sessions, row.lost, row.dropped))
        self.assertLess(abs(self.a.wall() - 11.5 - row.since), 0.1)
        relay.stopService()

    def test_a_node_that_does_not_answer(self) -> None:
        """The row of a node that hangs says what is known without it, after a second."""
        self.b.link.stall(2.0)
        self.assertIsNone(self.nodes()["B"].devices)
        self.assertEqual("there", self.states()["C"])

    def test_gone(self) -> None:
        """A node that was killed is listed as gone, with the reason, and the change is published."""
        self.b.kill()
        self.cluster.pass_time(2.0)
        row = self.nodes()["B"]
        self.assertEqual(("gone", "nobody responds", None), (row.state, row.reason, row.skew))
        self.assertEqual([("B", "there", ""), ("C", "there", "")], sorted(self.changes()[:2]))
        self.assertEqual([("B", "suspect", ""), ("B", "gone", "nobody responds")], self.changes()[2:])
        self.assertEqual({"there": 1, "gone": 1}, self.a.cluster.status().nodes)
        self.cluster.pass_time(600.0)
        self.assertNotIn("B", self.states())

    def test_reason_that_is_over(self) -> None:
        """A node that is back has no reason from before, in the list, the events and the log: gone, suspect or unreachable."""
        self.b.link.stall(3.5)
        self.cluster.pass_time(10.0)
        self.a.link.go_down("NATS closed the connection")
        self.a.link.go_up()
        self.cluster.pass_time(10.0)
        self.cluster.result(self.b.call("cluster.leave"))
        self.cluster.result(self.b.call("cluster.join"))
        self.cluster.pass_time(1.0)
        self.assertEqual(("there", ""), (self.nodes()["B"].state, self.nodes()["B"].reason))
        told = [(state, reason) for node, state, reason in self.changes() if node == "B"]
        self.assertEqual(set(), {reason for state, reason in told if state in {"there", "suspect"}} - {""})
        self.assertLessEqual({("gone", "it has left"), ("unreachable", "NATS closed the connection")}, set(told))

    def test_since_after_a_suspicion(self) -> None:
        """A node that was silent for a moment is there since it came, and not since the suspicion."""
        since = self.nodes()["B"].since
        self.b.link.stall(2.0)
        self.cluster.pass_time(10.0)
        self.assertIn(("B", "suspect", ""), self.changes())
        self.assertAlmostEqual(since, self.nodes()["B"].since, places=3)

    def test_same_name(self) -> None:
        """A node whose name another process has says so in its list and its status, with the remedy."""
        twin = AssembledNode(self.cluster.net, "B", 7)
        twin.start()
        self.cluster.pass_time(2.0)
        (row,) = self.cluster.result(twin.call("cluster.join"))
        self.assertEqual("alone", row.state)
        for told in (row.reason, twin.cluster.status().trouble):
            self.assertIn("another process has joined as B: ", told)
            self.assertIn("give one of them another `name` in [netd]", told)

    def test_before_the_connection(self) -> None:
        """What is told at the start, before NATS could answer, is no bad news."""
        node = AssembledNode(self.cluster.net, "D", 8)
        self.assertEqual("connecting to NATS", node.cluster.status().work[0].how)

    def test_refused_by_nats(self) -> None:
        """A node that cannot join, because NATS does not let it in, says why in its list."""
        node = AssembledNode(self.cluster.net, "D", 8)
        node.link.start = lambda: None
        node.start()
        node.link.trouble = "it refuses the credentials"
        (row,) = self.cluster.result(node.call("cluster.nodes"))
        self.assertEqual(("joining", "it refuses the credentials"), (row.state, row.reason))

    def test_without_nats(self) -> None:
        """Without NATS the others are unreachable, and the list says so at once."""
        self.a.link.go_down("NATS closed the connection")
        self.assertEqual({"A": "here", "B": "unreachable", "C": "unreachable"}, self.states())
        status = self.a.cluster.status()
        self.assertEqual(("", {"unreachable": 2}, 0), (status.server, status.nodes, status.connections))
        self.assertEqual("NATS is away", status.work[0].how)

    def test_status(self) -> None:
        """The status counts nodes by their state."""
        status = self.a.cluster.status()
        self.assertEqual(("joined", {"there": 2}), (status.state, status.nodes))
        self.assertEqual(("meets others at nats://fake:4222", "joined, 2 other nodes"), (status.work[0].what, status.work[0].how))


class LeavingTests(ClusterBench):
    def test_leave_and_join(self) -> None:
        """A node that leaves is gone at once everywhere, and knows nobody; it joins again as a new process would."""
        epoch = self.b.cluster.nodes.epoch
        rows = self.cluster.result(self.b.call("cluster.leave"))
        self.assertEqual({"B": "left", "A": "gone", "C": "gone"}, {row.name: row.state for row in rows})
        self.assertEqual(("gone", "it has left"), (self.nodes()["B"].state, self.nodes()["B"].reason))
        rows = self.cluster.result(self.b.call("cluster.join"))
        self.assertEqual({"B": "here", "A": "there", "C": "there"}, {row.name: row.state for row in rows})
        self.assertEqual({"A": "here", "B": "there", "C": "there"}, self.states())
        self.assertNotEqual(epoch, self.nodes()["B"].epoch)

    def test_forget(self) -> None:
        """A node that will not come back leaves the lists when somebody says so; one that is there does not."""
        for node, refusal in (("A", OperationFailed), ("B", OperationFailed), ("Z", NoSuchTarget)):
            self.failureResultOf(maybeDeferred(self.a.call, "cluster.forget", node=node), refusal)
        self.cluster.result(self.b.call("cluster.leave"))
        rows = self.cluster.result(self.a.call("cluster.forget", node="B"))
        self.assertEqual({"A": "here", "C": "there"}, {row.name: row.state for row in rows})
        self.failureResultOf(maybeDeferred(self.a.call, "cluster.forget", node="B"), NoSuchTarget)
        self.cluster.result(self.b.call("cluster.join"))
        self.assertEqual("there", self.nodes()["B"].state)

    def test_stop(self) -> None:
        """A daemon that stops leaves: the others need not find out. Nothing of it is left."""
        for name in ("B", "C", "A"):
            stopped = self.cluster[name].cluster.stopService()
            self.cluster.result(stopped)
        self.assertEqual(("gone", "it has left"), self.changes()[-2][1:])
        self.cluster.pass_time(3.0)
        self.assertEqual([], self.cluster.clock.calls)

    def test_parts(self) -> None:
        """The parts work while their node is a member: they begin before the others hear of it, and end when it leaves."""
        told: list[str] = []

        class Part:
            def start(self) -> None:
                told.append("start")

            def stop(self) -> None:
                told.append("stop")

        self.b.cluster.parts.append(Part())
        self.cluster.result(self.b.call("cluster.leave"))
        self.cluster.result(self.b.call("cluster.join"))
        self.cluster.pass_time(0.1)
        self.assertEqual(["stop", "start"], told)


class PlayedKind(ServiceKind):
    """The kind with a link whose NATS is away: the real one needs a loop of asyncio."""

    def make_service(self, config: Any, reactor: Any, bus: Any) -> Any:
        link: Any = FakeNet(reactor).link(config.node)
        link.start = lambda: None
        return ClusterService(config, link, reactor, bus, lambda: 0.5, lambda: "epoch")


class ClusterKindTests(ServiceKindTests, SynchronousTestCase):
    kind = PlayedKind("cluster", "netd.cluster")
    options = ("servers = nats://127.0.0.1:4222",)


class LostEventTests(ClusterBench):
    def test_the_last_event_is_lost(self) -> None:
        """A device that comes while the network loses everything is known everywhere 4 s later, though no event has told it."""
        for name in ("A", "B"):
            self.cluster[name].add(RELAY, RelayConfig(node=name))
        self.cluster.pass_time(1.0)
        self.cluster.net.faults.drop = 1.0
        connect(self.b.factories["relay"], self.cluster.clock).say(encode_frame(b"raspberrypi"))
        self.cluster.pass_time(0.1)
        self.cluster.net.heal()
        carrier = self.a.carriage.carrier
        assert carrier is not None
        self.assertEqual([], list(carrier.elsewhere()))
        self.cluster.pass_time(4.0)
        self.assertEqual(["B"], [node for node, _ in carrier.elsewhere()])
        [message] = self.a.bus.last("relay.main@B.presence.*")
        self.assertTrue(getattr(message.event, "online", False))

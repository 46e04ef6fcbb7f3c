"""Nodes that meet over real nats-servers: a server that hangs or dies is no node's death."""

from __future__ import annotations

import time
from pathlib import Path

from netd.cluster.config import Config
from netd.cluster.link import Link
from netd.cluster.member import Member, MemberState
from netd.cluster.membership import Membership
from netd.cluster.nodes import Nodes
from tests.cluster.loops import LoopCase
from tests.cluster.nats_server import NatsServer
from tests.process import RealTestCase


class RealNode:
    """One node on a real link.

    :ivar dead: what it was told of deaths.
    """

    def __init__(self, case: NodesCase, name: str, server: NatsServer) -> None:
        self.dead: list[str] = []
        self.link = Link(Config(servers=(server.url,), node=name), case.reactor, time.time)
        self.link.loop = case.loop
        self.nodes = Nodes(name, "lab", self.link, case.reactor, time.time, lambda member: None)
        self.nodes.watch(lambda member: None, self._gone)
        self.membership = Membership(self.nodes, [], case.reactor, lambda: 0.5, lambda: f"epoch-{name}")
        self.membership.start()
        self.link.start()
        case.addCleanup(lambda: case.result(self.link.stop()))
        case.addCleanup(self.membership.leave)

    @property
    def sees_all(self) -> bool:
        """Whether the other node is there."""
        return [member.state for member in self.nodes.members.values()] == [MemberState.THERE]

    def _gone(self, member: Member, reason: str) -> None:
        self.dead.append(f"{member.name}: {reason}")


class NodesCase(LoopCase, RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make_loop()

    def pair(self, name: str) -> tuple[NatsServer, RealNode, RealNode]:
        """A server with two nodes, which know each other."""
        server = NatsServer(Path(self.folder / name))
        self.addCleanup(server.end)
        return server, RealNode(self, "A", server), RealNode(self, "B", server)

    def meet(self, *pairs: tuple[NatsServer, RealNode, RealNode]) -> float:
        """Wait until all know each other."""
        return self.run_until(lambda: all(a.sees_all and b.sees_all for _, a, b in pairs))


class HangTests(NodesCase):
    def test_hangs(self) -> None:
        """C5: NATS hangs for 1 to 10 s. Nobody is declared dead, all are back, and no node stands still meanwhile."""
        times = (1.0, 1.5, 2.6, 3.5, 10.0)
        pairs = [self.pair(f"nats-{seconds}") for seconds in times]
        self.meet(*pairs)
        watch = self.loop.create_task(self.reactor.watch())
        for seconds, (server, a, _) in zip(times, pairs, strict=True):
            server.freeze()
            self.loop.call_later(seconds, server.thaw)
            for number in range(10):
                self.loop.call_later(number / 10, a.link.post, "netd.lab.ev.x", bytes(100_000))
        self.run_for(max(times))
        self.meet(*pairs)
        self.run_for(1.5)  # a silent node would be asked by now
        watch.cancel()
        self.assertEqual([0, 0], [a.link.facts().reconnects for _, a, _ in pairs[:2]], "less than 2 s are waited for")
        self.assertEqual([], [told for _, a, b in pairs for told in (*a.dead, *b.dead)])
        self.assertTrue(all(a.sees_all and b.sees_all for _, a, b in pairs))
        self.assertLess(self.reactor.worst, 1.5)  # a turn of a machine that has much to do is long, too


class KillTests(NodesCase):
    def test_killed(self) -> None:
        """C4: NATS is killed and started again. Events of the meantime reach the other node, though it comes back later."""
        server, a, b = self.pair("nats")
        came: list[int] = []
        b.link.subscribe("netd.lab.ev.>", lambda _subject, body, _reply: came.append(int(body)))
        self.meet((server, a, b))
        for number in range(1000):
            a.link.post("netd.lab.ev.x", b"%d" % number)
            if number == 300:
                server.kill()
            if number % 100 == 0:
                self.run_for(0.05)
        self.run_for(1.0)
        server.start()
        self.meet((server, a, b))
        self.run_until(lambda: len(set(came)) == 1000)
        self.assertEqual(list(range(1000)), list(dict.fromkeys(came)), "doubles have the numbers of what came before")
        self.assertEqual(([], []), (a.dead, b.dead))

"""Real daemons over a real nats-server: a node that hangs, one that is killed, one that stops, and what a stranger can send."""

from __future__ import annotations

import signal
import socket
from typing import Any

from tests.cluster.devicebench import wait_until
from tests.cluster.nats_server import NatsServer
from tests.process import LOOPBACK, PATIENCE, Daemon, RealTestCase


class RealNodesTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.nats = NatsServer(self.folder / "nats")
        self.addCleanup(self.nats.end)

    def node(self, name: str, state: str = "") -> Daemon:
        """A daemon that joins as *name*, started."""
        state = state or name
        sections = f"name = {name}\n[cluster]\nservers = {self.nats.url}\n[relay]\nlisten = {LOOPBACK}\n"
        return self.start(self.write_ini(sections, state))

    def states(self, daemon: Daemon) -> dict[str, str]:
        """The states of the nodes, as one of them sees them."""
        return {node["name"]: node["state"] for node in daemon.call("cluster.nodes")}

    def test_hung_killed_stopped(self) -> None:
        """C3: a node that hangs is gone, and back when it goes on; it calls no other dead for that. A killed one is gone.

        How long each takes is asserted on a clock that is played.
        """
        a, b, c = self.node("a"), self.node("b"), self.node("c")
        everybody = {"a": "here", "b": "there", "c": "there"}
        wait_until(lambda: self.states(a) == everybody)
        b.signal(signal.SIGSTOP)
        wait_until(lambda: self.states(a)["b"] == "gone")
        b.signal(signal.SIGCONT)
        wait_until(lambda: self.states(a) == everybody)
        wait_until(lambda: self.states(b) == {"b": "here", "a": "there", "c": "there"})
        self.assertNotIn("is gone", b.output)
        c.signal(signal.SIGKILL)
        wait_until(lambda: self.states(a)["c"] == "gone")
        self.assertEqual(0, b.stop())
        a.wait_for("node b is gone: it has left")

    def test_strangers(self) -> None:
        """C10: a second process of one name stays alone, what is forged is refused in one line, another version is listed."""
        a, b = self.node("a"), self.node("b")
        wait_until(lambda: self.states(a) == {"a": "here", "b": "there"})
        twin = self.node("b", "twin")
        twin.wait_for("another process has joined as b: this one stays alone")
        wait_until(lambda: self.states(twin) == {"b": "alone"})
        for _ in range(3):
            self.publish("netd.lab.hello", b'{"v": 1, "node": "a@b", "epoch": "e", "beat": 1, "sent": 1}', b"x" * (1 << 20 - 1))
        self.publish("netd.lab.hello", b'{"v": 2, "node": "d"}')
        wait_until(lambda: self.states(a) == {"a": "here", "b": "there", "d": "incompatible"})
        self.assertEqual(1, a.output.count("it is ignored"))
        status = next(one for one in a.call("system.status")["services"] if one["kind"] == "cluster")
        self.assertEqual(6, status["counters"]["refused"]["bad hello"])
        b.stop()
        wait_until(lambda: self.states(a).get("b") == "there" and self.states(twin)["b"] == "here")

    def publish(self, subject: str, *bodies: bytes) -> None:
        """Publish as a program of nobody's does."""
        with socket.create_connection((self.nats.host, self.nats.port), timeout=PATIENCE) as connection:
            connection.sendall(b'CONNECT {"verbose":false}\r\n')
            for body in bodies:
                connection.sendall(b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(body), body))
            connection.sendall(b"PING\r\n")
            heard: Any = b""
            while b"PONG" not in heard:
                heard += connection.recv(4096)

"""Real daemons over a real nats-server: a node that hangs, one that is killed, one that stops, and what a stranger can send."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from typing import Any

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

    def wait_until(self, holds: Callable[[], bool], within: float = PATIENCE) -> float:
        """Return the seconds until *holds* did."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < within, f"not within {within} s"
            time.sleep(0.02)
        return time.monotonic() - began

    def test_hung_killed_stopped(self) -> None:
        """C3: a node that hangs is gone within 4 s, and back within 3 s. A killed one is gone within 2.5 s.

        The node that hung calls no other dead for that.
        """
        a, b, c = self.node("a"), self.node("b"), self.node("c")
        everybody = {"a": "here", "b": "there", "c": "there"}
        self.wait_until(lambda: self.states(a) == everybody)
        b.signal(signal.SIGSTOP)
        gone = self.wait_until(lambda: self.states(a)["b"] == "gone")
        self.assertLess(gone, 4.0)
        time.sleep(max(0.0, 5.0 - gone))
        b.signal(signal.SIGCONT)
        self.assertLess(self.wait_until(lambda: self.states(a) == everybody), 3.0)
        self.assertEqual({"b": "here", "a": "there", "c": "there"}, self.states(b))
        self.assertNotIn("is gone", b.output)
        c.signal(signal.SIGKILL)
        self.assertLess(self.wait_until(lambda: self.states(a)["c"] == "gone"), 2.5)
        self.assertEqual(0, b.stop())
        self.assertIn("node b is gone: it has left", a.output)

    def test_strangers(self) -> None:
        """C10: a second process of one name stays alone, what is forged is refused in one line, another version is listed."""
        a, b = self.node("a"), self.node("b")
        self.wait_until(lambda: self.states(a) == {"a": "here", "b": "there"})
        twin = self.node("b", "twin")
        twin.wait_for("another process has joined as b: this one stays alone")
        self.assertEqual({"b": "alone"}, self.states(twin))
        for _ in range(3):
            self.publish("netd.lab.hello", b'{"v": 1, "node": "a@b", "epoch": "e", "beat": 1, "sent": 1}', b"x" * (1 << 20 - 1))
        self.publish("netd.lab.hello", b'{"v": 2, "node": "d"}')
        self.wait_until(lambda: self.states(a) == {"a": "here", "b": "there", "d": "incompatible"})
        self.assertEqual(1, a.output.count("it is ignored"))
        status = next(one for one in a.call("system.status")["services"] if one["kind"] == "cluster")
        self.assertEqual(6, status["counters"]["refused"]["bad hello"])
        b.stop()
        self.wait_until(lambda: self.states(a).get("b") == "there" and self.states(twin)["b"] == "here")

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

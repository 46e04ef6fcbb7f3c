"""The history of all nodes at one: each row of another node is there once, whatever is killed meanwhile.

``KILLS=20`` in the environment makes it more than in the suite.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from netd.client.control import Control, ControlError
from netd.client.session import Agent
from netd.paths import CONTROL_SOCKET
from tests.cluster.nats_server import NatsServer
from tests.process import LOOPBACK, PATIENCE, TWISTD, Daemon, RealTestCase

KILLS = int(os.environ.get("KILLS", "2"))

ONE_PULL = 0.001
"""Seconds between two samples."""


class CollectedHistoryTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.nats = NatsServer(self.folder / "nats", f'jetstream {{ store_dir: "{self.folder}/js", sync_interval: always }}')
        self.addCleanup(self.nats.end)

    def node(self, name: str, *sections: str) -> Daemon:
        """A node, started."""
        state = self.folder / name
        ini = self.folder / f"{name}.ini"
        cluster = f"[netd]\nname = {name}\nstate_directory = {state}\n[cluster]\nservers = {self.nats.url}\n"
        ini.write_text("\n".join([cluster, *sections, "[recorder]\n"]))
        daemon = Daemon([TWISTD, "-n", "--pidfile=", "netd", "-c", ini], self.folder, state)
        self.addCleanup(daemon.end)
        return daemon

    @contextlib.contextmanager
    def agent(self, daemon: Daemon, port: int) -> Iterator[None]:
        """An agent that counts as fast as it may, while this lasts."""
        numbers = itertools.count()
        agent = Agent({"x": lambda: float(next(numbers))}, port=port, server_port=daemon.port("session"), every=ONE_PULL)
        thread = threading.Thread(target=agent.run)
        agent.listen()
        thread.start()
        try:
            daemon.call("session.start", host="127.0.0.1")
            yield
        finally:
            agent.close()
            thread.join()

    def read(self, node: str, pattern: str) -> list[tuple[float, float]]:
        """Times and values that the recorder of a node itself has."""
        found: list[tuple[float, float]] = []
        with Control(self.folder / node / CONTROL_SOCKET, PATIENCE) as control:
            after: Any = None
            while True:
                page = control.call("history.read", pattern=pattern, begin="-1h", instance="main", after=after, limit=50_000)
                for item in page["items"]:
                    if "times" not in item:
                        continue  # the session's state
                    found += zip(item["times"], item["values"], strict=True)
                after = page["after"]
                if after is None:
                    return found

    def test_each_row_once(self) -> None:
        """Collector and NATS are killed again and again while a thousand samples a second come: the collector has each once."""
        port = _free_port()
        source = self.node("a", f"[session]\nlisten = {LOOPBACK}\nagent_port = {port}\n")
        history = "history = yes"
        collector = self.node("b", history)
        chance = random.Random(7)
        with self.agent(source, port):
            collector.wait_for("connected to NATS")
            for number in range(KILLS):
                time.sleep(0.5 + chance.random())
                if number % 2:
                    self.nats.kill()
                    time.sleep(chance.random())
                    self.nats.start()
                else:
                    collector.end()
                    time.sleep(chance.random())
                    collector = self.node("b", history)
            time.sleep(1)
        own = self.read("a", "session.main.>")
        self.assertGreater(len(own), 500 * KILLS)
        end = time.monotonic() + 2 * PATIENCE
        theirs, expected = list[tuple[float, float]](), own
        while time.monotonic() < end and theirs != expected:
            time.sleep(0.2)
            with contextlib.suppress(ControlError):
                theirs = self.read("b", "session.main@a.>")
            expected = own[own.index(theirs[0]) :] if theirs else own  # from when the first node had met the second
        self.assertLess(len(own) - len(expected), 5000)
        self.assertEqual(expected, theirs)
        source.end()
        asked = {"pattern": "session.main@a.>", "begin": "-1h", "limit": 50_000}
        page = collector.call("history.read", **asked)  # of all nodes, of which one is gone
        self.assertEqual(theirs[-1][1], max(value for item in page["items"] for value in item.get("values", ())))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

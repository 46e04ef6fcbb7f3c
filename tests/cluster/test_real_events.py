"""Events of real daemons over a real nats-server that cuts whoever is slow."""

from __future__ import annotations

import signal
import socket
import threading
from functools import partial
from typing import Any

from netd.client.control_subscription import subscribe
from netd.client.events import Dropped, Event, Wish
from netd.paths import CONTROL_SOCKET
from tests.cluster.devicebench import Nodes, wait_until
from tests.cluster.nats_server import NatsServer
from tests.process import Daemon, RealTestCase, frame

BIG = b"x" * 50_000
BLAST = 400
"""Frames of that size: more than the sockets and the nats-server keep for a node that reads nothing."""


class SlowNodeTests(RealTestCase):
    def test_blocked(self) -> None:
        """C8: what a node has missed while it was blocked is counted exactly and told to its subscribers."""
        nats = NatsServer(self.folder / "nats", config="max_payload: 1MB\nmax_pending: 1MB")
        self.addCleanup(nats.end)
        nodes = Nodes(self.folder, nats.url)
        self.addCleanup(nodes.end)
        reader, speaker = nodes.start("A"), nodes.start("B")
        device = self.connect(speaker.port())
        device.sendall(frame(b"raspberrypi"))
        heard: list[Any] = []

        def listen() -> None:
            with subscribe(reader.state / CONTROL_SOCKET, Wish("relay.*.said.*")) as subscription:
                heard.extend(subscription)

        threading.Thread(target=listen, daemon=True).start()

        def hears(text: str) -> bool:
            device.sendall(frame(text.encode()))
            return any(isinstance(one, Event) and one.data["text"] == text for one in list(heard))

        wait_until(lambda: hears("before"))
        for number in range(
            3
        ):  # on a busy machine the node may be gone before it is slow, and what a gone node misses is no hole
            heard_before, out_before = self.totals_at_rest(reader, speaker)
            self.block(reader, speaker, device)
            wait_until(partial(hears, f"after {number}"))
            if self.counts(reader)[1]:
                break
        self.assertGreater(self.counts(reader)[1], 0)
        wait_until(lambda: sum(self.counts(reader)) - heard_before == self.events(speaker)["out"] - out_before)
        wait_until(lambda: self.counts(reader)[1] <= sum(one.events for one in list(heard) if isinstance(one, Dropped)))
        wait_until(lambda: {row["state"] for row in reader.call("cluster.nodes")} == {"here", "there"})

    def block(self, reader: Daemon, speaker: Daemon, device: socket.socket) -> None:
        """Have one node blocked while a device says very much to the other."""
        wait_until(lambda: self.gets_events(speaker))
        until = self.events(speaker)["out"] + BLAST
        reader.signal(signal.SIGSTOP)
        for _ in range(BLAST):
            device.sendall(frame(BIG))
        wait_until(lambda: self.events(speaker)["out"] >= until or not self.gets_events(speaker))
        reader.signal(signal.SIGCONT)

    def totals_at_rest(self, reader: Daemon, speaker: Daemon) -> tuple[int, int]:
        """How many events have come or were lost, and how many were sent, once nothing more is on its way."""
        seen: list[tuple[int, int]] = []

        def rests() -> bool:
            seen.append((sum(self.counts(reader)), self.events(speaker)["out"]))
            return seen[-3:] == [seen[-1]] * 3

        wait_until(rests)
        return seen[-1]

    def status(self, daemon: Daemon) -> Any:
        """What the cluster says of itself on a node."""
        return next(one for one in daemon.call("system.status")["services"] if one["kind"] == "cluster")

    def events(self, daemon: Daemon) -> Any:
        """The counts of events."""
        return self.status(daemon)["counters"]["events"]

    def counts(self, daemon: Daemon) -> tuple[int, int]:
        """How many events came to a node, and how many did not."""
        counters = self.status(daemon)["counters"]
        return counters["events"]["in"], counters["lost"]

    def gets_events(self, daemon: Daemon) -> bool:
        """Whether the other node gets events of this one: it is neither gone, nor is either of them without NATS."""
        return any(row["state"] in ("there", "suspect") for row in daemon.call("cluster.nodes"))

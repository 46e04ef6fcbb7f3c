"""Devices of several real daemons over a real nats-server: one list and one send, nodes that are killed, names that move."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from functools import partial
from typing import Any

from tests.cluster.devicebench import Nodes, connected, listed, wait_until
from tests.cluster.nats_server import NatsServer
from tests.process import CHECKOUT, PATIENCE, Daemon, Program, RealTestCase

KILLS = int(os.environ.get("KILLS", "2"))
"""How often a node is killed with a message in hand."""

NETD = ("-c", "from netd.cli.main import main; main()")


class RealDevicesTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.nats = NatsServer(self.folder / "nats")
        self.addCleanup(self.nats.end)
        self.nodes = Nodes(self.folder, self.nats.url)
        self.addCleanup(self.nodes.end)

    def test_each_from_each(self) -> None:
        """C1: on each of three nodes, `netd devices`, `netd send` and `netd tail` do what they do on the device's own node."""
        daemons = {name: self.nodes.start(name) for name in "ABC"}
        for name, daemon in daemons.items():
            self.device(daemon, f"of-{name}", f"from {name}".encode())
        for daemon in daemons.values():
            wait_until(lambda daemon=daemon: listed(daemon) == {f"of-{name}": (name, True) for name in "ABC"})  # type: ignore[misc]
        tails = {name: self.netd(daemon, "tail", "relay.*.sent.*") for name, daemon in daemons.items()}
        lists = [self.netd(daemon, "devices") for daemon in daemons.values()]
        sends = [self.netd(daemon, "send", "of-C", "water") for daemon in daemons.values()]
        for daemon in daemons.values():
            self.assertEqual(["A", "B", "C"], [self.status_on(daemon, name)["name"] for name in "ABC"])
        for command in (*lists, *sends):
            self.assertEqual(0, command.wait(), command.output)
        self.assertRegex(lists[0].output, r"(?m)^of-C +127\.0\.0\.1:\d+ +online +C$")
        self.assertEqual([lists[0].output] * 3, [one.output for one in lists])
        self.assertEqual(["acknowledged\nfrom C\n"] * 3, [one.output for one in sends])

        def sees(name: str) -> bool:
            """Whether the tail at a node has the message; it may have begun after the last one was sent."""
            daemons["C"].call("relay.send", target="of-C", text="water")
            return f"relay.{'main' if name == 'C' else 'main@C'}.sent.of-C " in tails[name].output

        for name in "ABC":
            wait_until(partial(sees, name))

    @staticmethod
    def status_on(daemon: Daemon, name: str) -> dict[str, Any]:
        """What a node tells of another one, or of itself."""
        is_own = daemon.call("system.status")["name"] == name
        found: dict[str, Any] = daemon.call("system.status", instance="main" if is_own else f"@{name}")
        return found

    def test_killed(self) -> None:
        """C2: of a node that is killed with a message in hand nobody reads `acknowledged`, and its devices are offline."""
        asked, other = self.nodes.start("A"), self.nodes.start("B")
        for _ in range(KILLS):
            handed = threading.Event()

            def never(_: bytes, handed: threading.Event = handed) -> None:
                handed.set()
                threading.Event().wait(0.5)

            device = connected("127.0.0.1", other.port(), "greenhouse", never)
            wait_until(lambda: listed(asked).get("greenhouse") == ("B", True))
            outcomes: list[dict[str, str]] = []
            waiting = threading.Thread(target=lambda: outcomes.append(asked.call("relay.send", target="greenhouse", text="x")))  # noqa: B023
            waiting.start()
            self.assertTrue(handed.wait(10))
            other.signal(signal.SIGKILL)
            wait_until(lambda: listed(asked)["greenhouse"] == ("B", False))
            waiting.join(10)
            device.close()
            [outcome] = outcomes
            self.assertEqual(("failed", "maybe"), (outcome["status"], outcome["known"]))
            self.assertIn("node B is gone", outcome["error"])
            other.end()
            other = self.nodes.start("B")

    def test_met(self) -> None:
        """C7: two nodes that cannot see each other both take a name. When they meet nobody is cut, and senders are asked."""
        script = Program(["unshare", "--net", sys.executable, "-m", "tests.cluster.apart", self.folder / "apart"], CHECKOUT)
        self.addCleanup(script.end)
        self.addCleanup(script.signal, signal.SIGTERM)  # it ends what it has started
        self.assertEqual(0, script.wait(6 * PATIENCE), script.output)
        told = json.loads(script.output.splitlines()[-1])
        self.assertEqual({"A": ["A", "B"], "B": ["A", "B"]}, told["met"])
        self.assertEqual("greenhouse is on A and B; say greenhouse@B", told["refusal"])
        self.assertEqual([0, 0], told["cut"])
        self.assertEqual("from B", told["named"])
        self.assertEqual(("from A again", 1), (told["after"], told["replaced"]))

    def device(self, daemon: Daemon, name: str, answer: bytes) -> None:
        """A device that gives this answer."""
        device = connected("127.0.0.1", daemon.port(), name, lambda _: answer)
        self.addCleanup(device.close)

    def netd(self, daemon: Daemon, *arguments: str) -> Program:
        """The ``netd`` command, started."""
        command = Program([sys.executable, *NETD, "--state", daemon.state, *arguments], self.folder)
        self.addCleanup(command.end)
        return command

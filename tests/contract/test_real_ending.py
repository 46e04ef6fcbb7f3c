"""The end of a daemon: drained, then stopped, over every way to call.

Each test has a daemon of its own, whose gateway is open to whoever is on this machine.
"""

from __future__ import annotations

import socket
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.contract.clients import AsyncClient, Client
from tests.contract.drivers import ControlSocket, Driver, Rpc, WebSocket
from tests.contract.patterns import difference
from tests.contract.table import TABLE
from tests.contract.terminals import CommandLine, ManholeMenu, ManholePrompt, RemoteCommandLine
from tests.contract.world import World
from tests.process import PATIENCE


class EndTestCase(SynchronousTestCase):
    """The tests of one way to call.

    :cvar way: the way.
    """

    way: ClassVar[type[Driver]]

    def setUp(self) -> None:
        """Start a daemon whose gateway is open."""
        self.world = World(with_tokens=False)
        self.addCleanup(self.world.close)
        self.driver = self.way(self.world)
        self.addCleanup(self.driver.close)

    def check(self, operation: str) -> None:
        """Call it; see that it is done."""
        (case,) = (case for case in TABLE[operation].cases if case.fault is None)
        outcome = self.driver.call(operation, {})
        self.assertIsNone(difference(self.driver.as_done(case, case.result), outcome, operation))

    def check_stop(self) -> None:
        """See that it ends, and well. Who does not hang up is waited for, politely, for a second."""
        self.check("system.stop")
        self.driver.close()
        self.world.hang_up()
        self.assertEqual(self.world.daemon.wait(), 0, self.world.daemon.output)
        self.assertNotIn("Traceback", self.world.daemon.output)


class RpcTests(EndTestCase):
    """``POST /rpc``."""

    way: ClassVar[type[Driver]] = Rpc

    def test_end(self) -> None:
        """Whoever is on this machine may drain: no program is let in, callers go on; and resume; and stop, with status 0."""
        ports = [self.world.port(kind) for kind in ("relay", "session", "feed", "command", "room")]
        self.check("system.drain")
        for port in ports:
            with socket.socket() as late:
                self.assertRaises(ConnectionRefusedError, late.connect, ("127.0.0.1", port))
        self.check("system.resume")
        for port in ports:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        (_, case) = TABLE["bus.last"].cases[:2]
        outcome = self.driver.call("bus.last", case.arguments)
        self.assertIsNone(difference(self.driver.as_done(case, case.result), outcome))
        self.check_stop()


class WebSocketTests(RpcTests):
    """``/ws``."""

    way = WebSocket


class ControlSocketTests(RpcTests):
    """The control socket."""

    way = ControlSocket


class ClientTests(RpcTests):
    """The blocking client."""

    way = Client


class AsyncClientTests(RpcTests):
    """The asyncio client."""

    way = AsyncClient


class CommandLineTests(RpcTests):
    """The command line."""

    way = CommandLine


class RemoteCommandLineTests(EndTestCase):
    """The command line with a context: likewise."""

    way = RemoteCommandLine

    def test_stop(self) -> None:
        """It stops the daemon."""
        self.check_stop()

    def test_drain(self) -> None:
        """It drains it, and resumes: the gateway is open all the time."""
        self.check("system.drain")
        self.assertEqual(self.driver.call("system.status", {})["result"]["state"], "draining")
        self.check("system.resume")


class ManholeMenuTests(RpcTests):
    """The manhole's menu."""

    way = ManholeMenu


class ManholePromptTests(RpcTests):
    """The manhole's Python prompt."""

    way = ManholePrompt

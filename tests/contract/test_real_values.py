"""Values go through every way as they are, there and back: numbers, texts, whatever JSON can say."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from netd.operations import Role
from tests.contract.clients import AsyncClient, Client
from tests.contract.drivers import ControlSocket, Driver, Rpc, WebSocket, WebSocketLogin
from tests.contract.terminals import CommandLine, ManholeMenu, ManholePrompt
from tests.contract.world import the_world

SUBJECT = "custom.value"

VALUE: Any = {
    "numbers": [0, -1, 1.5, 1e-7, 2**53 + 1, 2**70, -0.25],
    "texts": ["", "null", "grün 开 🦀", "\"'\\/", "a\tb\r\nc", "\x00\x1b[31m\x7f", "\u2028\u202e", " x "],
    "": {"a.b": None, "c d": [True, False, []], "e=f": {}},
}
"""What must not be changed. It is compared with its types: 1 is not 1.0."""


class RpcTests(SynchronousTestCase):
    """``POST /rpc``.

    :cvar way: the way to call.
    :cvar reads: whether results come as values.
    """

    way: ClassVar[type[Driver]] = Rpc
    reads: ClassVar[bool] = True

    def test_value(self) -> None:
        """What is published here is kept as it was said, and read here as it was kept."""
        driver = self.way(the_world(), Role.OPERATOR)
        self.addCleanup(driver.close)
        for value in (VALUE, [VALUE], "text", 5, 1.0, True, False, None):
            driver.call("bus.publish", {"subject": SUBJECT, "data": value})
            self.assertEqual(repr(the_world().call("bus.last", pattern=SUBJECT)[0]["data"]), repr(value))
            if self.reads:
                told = driver.call("bus.last", {"pattern": SUBJECT})["result"][0]["data"]
                self.assertEqual(repr(told), repr(value))


class WebSocketTests(RpcTests):
    """``/ws``, the token in the handshake."""

    way = WebSocket


class WebSocketLoginTests(RpcTests):
    """``/ws``, the token in the first message."""

    way = WebSocketLogin


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
    """The command line, with JSON."""

    way = CommandLine


class ManholeMenuTests(RpcTests):
    """The manhole's menu, which shows results to people."""

    way = ManholeMenu
    reads = False


class ManholePromptTests(RpcTests):
    """The manhole's Python prompt."""

    way = ManholePrompt

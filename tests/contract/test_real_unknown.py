"""Operations that there are not, and other ends that only some ways to call have: what is said, and with which exit status."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.operations import Role
from tests.contract.cases import Code
from tests.contract.clients import AsyncClient, Client
from tests.contract.company import device
from tests.contract.drivers import ControlSocket, Driver, Rpc, WebSocket, WebSocketLogin
from tests.contract.terminals import CommandLine, ManholeMenu, ManholePrompt, RemoteCommandLine
from tests.contract.world import the_world


class UnknownTests(SynchronousTestCase):
    def call(self, way: type[Driver], operation: str) -> Any:
        """What comes of an operation, for a viewer where there are roles."""
        driver = way(the_world(), Role.VIEWER)
        self.addCleanup(driver.close)
        return driver.call(operation, {})

    def test_over_jsonrpc(self) -> None:
        """The same error everywhere; the clients raise it as what it is."""
        told = [self.call(way, "relay.sned") for way in (Rpc, WebSocket, WebSocketLogin, ControlSocket)]
        self.assertEqual(told[0]["code"], Code.NO_SUCH_OPERATION)
        self.assertTrue(told[0]["text"].startswith("no operation 'relay.sned' (did you mean relay.send"), told[0])
        self.assertEqual(told, told[:1] * 4)
        for way in (Client, AsyncClient):
            self.assertEqual(self.call(way, "relay.sned"), {**told[0], "class": "NoSuchOperation"})

    def test_at_the_manhole(self) -> None:
        """The menu names the nearest; the Python prompt has no such name."""
        shown = self.call(ManholeMenu, "relay.sned")["shown"]
        self.assertTrue(shown.startswith("error: no command 'relay.sned' (did you mean relay.send?)"), shown)
        raised = self.call(ManholePrompt, "relay.sned")
        self.assertEqual(raised["kinds"][0], "AttributeError")
        self.assertIn("'sned'", raised["text"])

    def test_on_the_command_line(self) -> None:
        """The exit status is 3, and the nearest is named, whether the operation or the whole service is not there."""
        for way in (CommandLine, RemoteCommandLine):
            driver = way(the_world(), Role.VIEWER)
            for words, near in ((("relay", "sned"), "send"), (("rely", "send"), "relay")):
                outcome = driver.run(*words)
                self.assertEqual(outcome["status"], 3, outcome)
                self.assertIn(f"did you mean {near}", outcome["text"])


class ExitTests(SynchronousTestCase):
    """The exit statuses of the command line that come from no answer."""

    def run_netd(self, *words: str) -> Any:
        """What comes of ``netd`` with these words."""
        return CommandLine(the_world()).run(*words)

    def test_in_time(self) -> None:
        """A command that is not waited for long enough ends with 124."""
        with device(the_world()):
            outcome = self.run_netd("--timeout", "0.1", "relay", "send", "lamp", "--text", "sleep", "--deadline", "2")
        self.assertEqual(outcome["status"], 124, outcome)

    def test_usage(self) -> None:
        """One that is typed wrongly ends with 2."""
        for words in (
            ("relay", "send"),
            ("relay", "send", "lamp", "more"),
            ("room", "end", "x"),
            ("bus", "last", "--colour", "1"),
        ):
            self.assertEqual(self.run_netd(*words)["status"], 2, words)

    def test_nobody_there(self) -> None:
        """One that finds no daemon ends with 1, and says how to start it."""
        outcome = self.run_netd("--state", str(the_world().folder), "bus", "last")
        self.assertEqual(outcome["status"], 1)
        self.assertIn("netd is not running here", outcome["text"])

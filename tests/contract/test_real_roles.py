"""Who may call what: each role, over each way that shows a token, exactly what the table says, and nobody without one.

The calls have an argument that no operation takes: whoever may call is told so, whoever may not is told that, and nothing is
done.
"""

from __future__ import annotations

import getpass
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from netd.operations import Role
from tests.contract.cases import Code, Row
from tests.contract.clients import AsyncClient, Client
from tests.contract.drivers import ControlSocket, Driver, Outcome, Rpc, WebSocket, WebSocketLogin
from tests.contract.patterns import difference
from tests.contract.table import TABLE
from tests.contract.terminals import CommandLine, ManholePrompt, RemoteCommandLine
from tests.contract.world import USER, the_world

WRONG = {"no_such_argument": 1}

NOBODY = "say who you are first: a token, in `Authorization: Bearer …` or by system.login"


def allowed(outcome: Outcome) -> bool:
    """Whether it came as far as the arguments."""
    is_told = str(outcome.get("text")).startswith("no_such_argument: ") or "needs a connection that stays" in str(outcome)
    return is_told and outcome.get("code", Code.INVALID_ARGUMENTS) == Code.INVALID_ARGUMENTS


class RoleTestCase(SynchronousTestCase):
    """The tests of one way to call.

    :cvar way: the way.
    """

    way: ClassVar[type[Driver]]

    def driver(self, role: Role | None) -> Any:
        """One who shows the token of *role*."""
        driver = self.way(the_world(), role)
        self.addCleanup(driver.close)
        return driver

    def check(self, role: Role) -> None:
        """See what *role* may call, and what it is told of the rest."""
        driver, wrong = self.driver(role), []
        for name, row in TABLE.items():
            outcome = driver.call(name, WRONG)
            if role >= row.role:
                wrong += [] if allowed(outcome) else [f"{name} is refused: {outcome}"]
            else:
                unlike = difference(driver.as_fault(row.forbidden(name, role)), outcome, name)
                wrong += [] if unlike is None else [unlike]
        self.assertEqual([], wrong)


class TokenTests:
    """What each token is good for."""

    check: Any

    def test_viewer(self) -> None:
        """A viewer looks, and does nothing."""
        self.check(Role.VIEWER)

    def test_operator(self) -> None:
        """An operator acts on devices, sessions and rooms, and not on the daemon."""
        self.check(Role.OPERATOR)

    def test_admin(self) -> None:
        """An admin may do all."""
        self.check(Role.ADMIN)


class RpcTests(TokenTests, RoleTestCase):
    """``POST /rpc``."""

    way = Rpc

    def test_nobody(self) -> None:
        """Without a token there is no answer of JSON-RPC, not even about operations that are open to all."""
        driver = self.driver(None)
        self.assertEqual({name: {"status": 401} for name in TABLE}, {name: driver.call(name, WRONG) for name in TABLE})


class WebSocketTests(TokenTests, RoleTestCase):
    """``/ws``, the token in the handshake."""

    way: ClassVar[type[Driver]] = WebSocket

    def test_nobody(self) -> None:
        """Without a token, one can say who one is and ask what one may do; nothing else, nor learn what else there is."""
        names = [*TABLE, "no.such"]
        told = {}
        for start in range(0, len(names), 10):  # one that goes on and on is closed
            driver = self.driver(None)
            told |= {name: driver.call(name, WRONG) for name in names[start : start + 10]}
        driver = self.driver(None)
        refused = {"code": Code.NOT_PERMITTED, "text": NOBODY}
        closed = {name: refused for name in told if TABLE.get(name, Row(Role.ADMIN, ())).role > Role.NOBODY}
        self.assertEqual(closed, {name: outcome for name, outcome in told.items() if not allowed(outcome)})
        whoami = driver.call("system.whoami", {})
        self.assertEqual(whoami, {"result": {"name": None, "role": "nobody", "subjects": None, "proof": "loopback"}})


class WebSocketLoginTests(WebSocketTests):
    """``/ws``, the token in the first message."""

    way = WebSocketLogin

    def test_login(self) -> None:
        """Whoever has logged in has the rights of that token, and keeps them: no other one is taken on this connection."""
        driver = self.driver(Role.VIEWER)
        other = driver.call("system.login", {"token": driver.world.tokens[Role.ADMIN]})
        self.assertEqual(other["code"], Code.NOT_PERMITTED)
        self.assertEqual(driver.call("system.whoami", {})["result"]["role"], "viewer")


class ClientTests(TokenTests, RoleTestCase):
    """The blocking client."""

    way: ClassVar[type[Driver]] = Client

    def test_nobody(self) -> None:
        """Without a token, every call raises the error that says so."""
        driver = self.driver(None)
        for name in TABLE:
            outcome = driver.call(name, WRONG)
            self.assertEqual((outcome["class"], outcome["code"]), ("NotPermitted", Code.NOT_PERMITTED), name)
            self.assertIn("a token is needed", outcome["text"])


class AsyncClientTests(ClientTests):
    """The asyncio client."""

    way = AsyncClient


class AdminTests(SynchronousTestCase):
    """Ways that show no token: whoever gets there is an admin, and has the name of a user."""

    def check(self, driver: Driver, operations: list[str], name: str, proof: str) -> None:
        """See that *operations* are allowed to the user *name*."""
        self.addCleanup(driver.close)
        refused = {name: outcome for name in operations if not allowed(outcome := driver.call(name, WRONG))}
        self.assertEqual({}, refused)
        who = driver.call("system.whoami", {})["result"]
        self.assertEqual(who, {"name": name, "role": "admin", "subjects": None, "proof": proof})

    def test_control_socket(self) -> None:
        """The daemon's own user may do all over the control socket."""
        self.check(ControlSocket(the_world()), list(TABLE), getpass.getuser(), "unix")

    def test_command_line(self) -> None:
        """So may the command line, which uses it."""
        self.check(CommandLine(the_world()), [], getpass.getuser(), "unix")

    def test_manhole(self) -> None:
        """Whoever may log in at the manhole may do all there."""
        self.check(ManholePrompt(the_world()), list(TABLE), USER, "password")


ALL = {"id": "a", "kind": "plot", "x": 0, "y": 0, "w": 1, "h": 1, "subjects": [">"]}
"""A tile that shows everything."""


class ConfinedTests(SynchronousTestCase):
    """An operator whose token is for one device alone, over each way that shows a token."""

    SUBJECTS = ("relay.main.*.kiln", "custom.kiln.>")

    LOOK_THEMSELVES = frozenset(
        (
            *("system.operations", "system.status", "system.subjects", "system.whoami", "system.login"),
            *("system.session", "system.doctor"),
            *("bus.last", "bus.publish", "bus.forget", "bus.subscribe", "bus.unsubscribe"),
            *("relay.devices", "relay.send", "relay.forget"),
            *("board.list", "board.read", "board.versions", "board.write", "board.restore", "board.delete"),
        )
    )
    """Operations that such a token may call at all: they see to it that it reaches no other subjects."""

    REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
        ("bus.last", {"pattern": ">"}),
        ("bus.publish", {"subject": "custom.door"}),
        ("bus.forget", {"subject": "relay.main.presence.door"}),
        ("relay.send", {"target": "door", "text": "on"}),
        ("relay.forget", {"target": "door"}),
        ("board.write", {"name": "all", "version": 0, "board": {"title": "All", "tiles": [ALL]}}),
    )

    def driver(self, way: type[Driver]) -> Driver:
        """One who shows that token."""
        driver = way(the_world().confined_to(*self.SUBJECTS), Role.OPERATOR)
        self.addCleanup(driver.close)
        return driver

    def test_operations(self) -> None:
        """What does not look itself is closed, whatever role it takes; no way in knows better."""
        for way in (Rpc, WebSocket, WebSocketLogin, Client, AsyncClient):
            driver = self.driver(way)
            told = {name: driver.call(name, WRONG) for name in TABLE}
            self.assertEqual(self.LOOK_THEMSELVES, {name for name in told if allowed(told[name])}, way)
            codes = {told[name]["code"] for name in told if name not in self.LOOK_THEMSELVES}
            self.assertEqual({Code.NOT_PERMITTED}, codes, way)

    def test_subjects(self) -> None:
        """Other devices and subjects are closed, its own are open, and lists hold nothing else."""
        for way in (Rpc, WebSocket, WebSocketLogin, Client, AsyncClient):
            driver = self.driver(way)
            for name, arguments in self.REFUSED:
                self.assertEqual(Code.NOT_PERMITTED, driver.call(name, arguments).get("code"), (way, name))
            self.assertEqual({"result": []}, driver.call("bus.last", {"pattern": "relay.main.presence.kiln"}), way)
            self.assertIn("result", driver.call("bus.publish", {"subject": "custom.kiln.hue", "data": 1}), way)
            self.assertEqual([], driver.call("relay.devices", {})["result"]["rows"], way)
            self.assertEqual([], driver.call("system.status", {})["result"]["services"], way)
            if driver.lasts:
                refused = driver.call("bus.subscribe", {"pattern": "relay.main.presence.>"})
                self.assertEqual(Code.NOT_PERMITTED, refused.get("code"), way)
                self.assertIn("result", driver.call("bus.subscribe", {"pattern": "relay.main.said.kiln"}), way)

    def test_command_line(self) -> None:
        """So it is for the command line with a context, which says what it takes."""
        outcome = self.driver(RemoteCommandLine).call("bus.last", {"pattern": ">"})
        self.assertEqual(outcome["status"], 1)
        why = "bus.last needs a token for the subjects >; this one is for relay.main.*.kiln, custom.kiln.>"
        self.assertIn(why, outcome["text"])


class RemoteCommandLineTests(SynchronousTestCase):
    """The command line with a context: the token in a file."""

    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("system.whoami", {}),
        ("bus.last", {"pattern": "custom.nothing"}),
        ("bus.publish", {"subject": "custom.role"}),
        ("manhole.sessions", {}),
    )

    def check(self, role: Role) -> None:
        """See what *role* may call, and how the others end."""
        driver = RemoteCommandLine(the_world(), role)
        for name, arguments in self.calls:
            row, outcome = TABLE[name], driver.call(name, arguments)
            if role >= row.role:
                self.assertEqual((outcome["status"], "result" in outcome), (0, True), outcome)
            else:
                self.assertEqual(outcome, driver.as_fault(row.forbidden(name, role)))

    def test_viewer(self) -> None:
        """A viewer's commands end with 1 where they would do something."""
        self.check(Role.VIEWER)

    def test_operator(self) -> None:
        """So do an operator's where they are about the daemon."""
        self.check(Role.OPERATOR)

    def test_admin(self) -> None:
        """An admin's do not."""
        self.check(Role.ADMIN)

    def test_nobody(self) -> None:
        """Without a token, a command says that one is needed, and ends with 1."""
        outcome = RemoteCommandLine(the_world()).call("system.whoami", {})
        self.assertEqual(outcome["status"], 1)
        self.assertIn("a token is needed", outcome["text"])

"""Tests of :mod:`netd.client.token`, and of the way that the token of each client travels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client import command, relay, session
from netd.client.command_messages import GREATEST_PROOF
from netd.client.relay_messages import RELAY
from netd.client.room_plan import greeting
from netd.client.session_messages import Channel, hello
from netd.client.token import ClientToken, Denial
from tests.client.test_command import FakeSocket, WorldTests
from tests.client.test_relay import FakeSocket as RelaySocket
from tests.client.test_relay import QuietTests, World, frames, message
from tests.client.test_room import FakeSocket as RoomSocket
from tests.client.test_room import bot

WELCOME = message({"status": "welcome", "name": "gh", "address": "x", "generation": 1})


class ClientTokenTests(SynchronousTestCase):
    def test_none(self) -> None:
        """A client without a token shows none."""
        self.assertEqual((ClientToken().is_given, ClientToken().read(RELAY)), (False, None))

    def test_text(self) -> None:
        """White space around a token, as a shell leaves it, is no part of it."""
        self.assertEqual(ClientToken(" netd_abc\n").read(RELAY), "netd_abc")
        for wrong in ("", "a b", "a\x00b", "gr\u00fcn"):
            self.assertNotIn(wrong or "?", str(self.assertRaises(ValueError, ClientToken, wrong)))

    def test_file(self) -> None:
        """The file is read for each connection, so that a token can be exchanged while the client runs."""
        path = Path(self.mktemp())
        token = ClientToken(token_file=path)
        self.assertTrue(token.is_given)
        self.assertIn("cannot read the token in", str(self.assertRaises(relay.NotConnected, token.read, RELAY)))
        for text in ("netd_a\n", "netd_b\n"):
            path.write_text(text)
            self.assertEqual(token.read(RELAY), text.strip())
        path.write_text("two words")
        self.assertNotIn("words", str(self.assertRaises(relay.NotConnected, token.read, RELAY)))

    def test_both(self) -> None:
        """One of the two is enough."""
        self.assertRaises(ValueError, ClientToken, "netd_a", "file")

    def test_secret(self) -> None:
        """A traceback that shows the object does not show the token."""
        self.assertEqual((repr(ClientToken("netd_abc")), repr(ClientToken())), ("<ClientToken>", "<ClientToken, none>"))


class RelayTests(QuietTests):
    def test_device(self) -> None:
        """A device shows its token in the hello; a relay that does not answer is not tried in the old dialect, which has none."""
        connection, silent = RelaySocket(WELCOME), RelaySocket(hangs_up=False)
        world = World(connection, silent)
        self.assertEqual(list(self.device(world, name="gh", token="netd_a")), [])
        for one in (connection, silent):
            self.assertTrue(one.sent.startswith(frames(b'device {"name": "gh", "ping": 15, "token": "netd_a"}')), one.sent)
        self.assertEqual(len(world.opened), 2)

    def test_controller(self) -> None:
        """So does a controller."""
        connection = RelaySocket(WELCOME + message({"id": 1, "status": "sent", "final": True}))
        surroundings = World(connection).surroundings
        with relay.Controller("relay.test", 5050, token="netd_a", surroundings=surroundings) as controller:
            self.assertEqual(controller.send("gh", b"x").status, "sent")
        self.assertTrue(connection.sent.startswith(frames(b'controller {"token": "netd_a"}')))

    def test_old_dialect(self) -> None:
        """A program that insists on the old dialect learns that it cannot carry a token."""
        for make in (relay.Device, relay.Controller):
            error = self.assertRaises(ValueError, make, "h", 1, dialect="old", token="netd_a")
            self.assertIn("old dialect cannot carry one", str(error))

    def test_denied(self) -> None:
        """A device that is not let in says why, and waits for a minute."""
        world = World(RelaySocket(message({"status": "error", "error": "unknown token", "denied": True})))
        self.assertEqual(list(self.device(world, name="gh", token="netd_a")), [])
        self.assertEqual(world.pauses, [75.0])
        self.assertIn("the relay refused: unknown token", self.records[0].getMessage())

    def test_denied_at_the_door(self) -> None:
        """A relay that refuses before it knows the dialect says the same twice: that is no message to the device."""
        refusal = frames(b"|error: [relay] takes no connections from 10.0.0.9|")
        world = World(*(RelaySocket(refusal) for _ in range(4)), RelaySocket(), RelaySocket(frames(b"light on")))
        connected: list[Any] = []
        device = self.device(world, name="gh", on_connect=connected.append)
        self.assertEqual([received.payload for received in device], [b"light on"])
        self.assertEqual((world.pauses[:2], len(connected)), ([75.0, 75.0], 1))
        self.assertIn("the relay refused: error: [relay] takes no connections from", self.records[0].getMessage())


class CommandTests(WorldTests):
    def proved(self, *sockets: FakeSocket) -> command.Caller:
        """A caller with a token."""
        self.sockets = list(sockets)
        return command.Caller("h", 1, token="netd_a", surroundings=self.surroundings)

    def said(self, connection: FakeSocket) -> list[dict[str, Any]]:
        """The commands that were sent."""
        return [json.loads(line) for line in connection.sent.splitlines()]

    def test_first_command(self) -> None:
        """The first command of a connection carries the token; a connection that is kept stays proved."""
        kept = FakeSocket(*(b'{"id": %d, "status": "success"}\n' % number for number in (1, 2)))
        caller = self.proved(kept)
        for _ in range(2):
            self.assertIsNone(caller.call("add", first=1))
        with_token = {"command_id": "add", "first": 1, "id": 1, "token": "netd_a"}
        self.assertEqual(self.said(kept), [with_token, {"command_id": "add", "first": 1, "id": 2}])

    def test_each_connection(self) -> None:
        """A server that closes after each answer is shown the token each time."""
        answers = [FakeSocket(b'{"status": "success"}\n') for _ in range(2)]
        caller = self.proved(*answers)
        for one in answers:
            caller.call("add")
            self.assertEqual(self.said(one)[0]["token"], "netd_a")

    def test_denied(self) -> None:
        """What this program may not run is told from what failed; the next command carries the token again."""
        denied = b'{"id": %d, "status": "error", "error": "not for you", "denied": true}\n'
        connection = FakeSocket(denied % 1, denied % 2)
        caller = self.proved(connection)
        for _ in range(2):
            error = self.assertRaises(command.Denied, caller.call, "reset")
            self.assertEqual(str(error), "not for you")
            self.assertIsInstance(error, Denial)
        self.assertEqual([line["token"] for line in self.said(connection)], ["netd_a"] * 2)

    def test_long_command(self) -> None:
        """A command that is longer than an unproved connection may send goes behind a short one with the token."""
        connection = FakeSocket(b'{"id": 1, "status": "success", "result": []}\n', b'{"id": 2, "status": "success"}\n')
        self.proved(connection).call("keep", text="x" * GREATEST_PROOF)
        first, second = self.said(connection)
        self.assertEqual(first, {"command_id": "command.list", "id": 1, "token": "netd_a"})
        self.assertEqual((second["id"], "token" in second), (2, False))

    def test_name(self) -> None:
        """An argument cannot have the token's name where there is a token."""
        self.assertIn("token: no argument", str(self.assertRaises(ValueError, self.proved().call, "add", {"token": 1})))
        self.caller(plain := FakeSocket(b'{"id": 1, "status": "success"}\n')).call("add", {"token": 1})
        self.assertEqual(self.said(plain), [{"command_id": "add", "token": 1, "id": 1}])

    def test_call(self) -> None:
        """So does a command by itself."""
        self.assertRaises(command.NotConnected, command.call, "add", port=1, token_file=self.mktemp())


class OtherTests(SynchronousTestCase):
    def test_agent(self) -> None:
        """An agent shows its token in the hello; the old dialect has no place for one."""
        said = json.loads(hello(42, {"x": Channel()}, None, "netd_a"))
        self.assertEqual(said["token"], "netd_a")
        self.assertRaises(ValueError, session.Agent, {"x": [1]}, dialect="old", token="netd_a")

    def test_bot(self) -> None:
        """A bot with a token says both in one line, and speaks lines from then on."""
        self.assertEqual(greeting("Lars", "old", None), b"Lars")
        room = RoomSocket(b"Bot: Lars has been sucessfully connected\n", b"Batman: Do you want to eat?\n")
        bot(room, token="netd_a").run()
        self.assertEqual(json.loads(room.said[0]), {"name": "Lars", "token": "netd_a"})
        self.assertTrue(room.said[0].endswith(b"\n") and room.said[1].endswith(b"?\n"))

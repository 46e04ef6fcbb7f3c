"""What hangs on a connection: subscriptions, devices, places in rooms. The same on every way whose connection stays."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from netd.operations import Role
from tests.contract.company import bot, until
from tests.contract.drivers import ControlSocket, Staying, WebSocket, WebSocketLogin, request
from tests.contract.world import the_world


class WebSocketTests(SynchronousTestCase):
    """``/ws``, the token in the handshake.

    :cvar way: the way to call.
    """

    way: ClassVar[type[Staying]] = WebSocket

    def driver(self, way: type[Staying] | None = None) -> Staying:
        """A connection of an operator's."""
        driver = (way or self.way)(the_world(), Role.OPERATOR)
        self.addCleanup(driver.close)
        return driver

    def lamp(self, name: str) -> dict[str, Any]:
        """What is known of the device *name*."""
        return next(one for one in the_world().call("relay.devices")["rows"] if one["name"] == name)

    def test_subscription(self) -> None:
        """Events come from the answer on, numbered, until they are wanted no more."""
        driver = self.driver()
        position = driver.call("bus.subscribe", {"pattern": "custom.bell"})["result"]["position"]
        offset = int(position.rpartition(":")[2])
        the_world().call("bus.publish", subject="custom.bell", data="rings")
        event = driver.wait_for("event")
        self.assertEqual((event["subject"], event["data"], event["seq"]), ("custom.bell", "rings", offset + 1))
        self.assertEqual(driver.call("bus.unsubscribe", {"pattern": "custom.bell"}), {"result": {"pattern": "custom.bell"}})
        the_world().call("bus.publish", subject="custom.bell", data="rings again")
        driver.call("system.whoami", {})
        self.assertEqual(driver.heard, [])

    def test_device(self) -> None:
        """What is sent to a connection that is a device comes as a notification, its answer is the sender's; then it is gone."""
        device, sender = self.driver(), self.driver(ControlSocket)
        attached = device.call("relay.attach", {"name": "panel"})["result"]
        for answer, outcome in (
            ({"text": "done"}, {"status": "acknowledged", "answer": "ZG9uZQ=="}),
            ({"error": "no"}, {"status": "failed", "error": "no", "answer": "", "known": "yes"}),
        ):
            sender.say(request("relay.send", {"target": "panel", "text": "on"}))
            message = device.wait_for("relay.message")
            self.assertEqual((message["device"], message["text"], message["instance"]), ("panel", "on", "main"))
            device.call("relay.answer", {"device": "panel", "id": message["id"], **answer})
            self.assertEqual(sender.read()["result"], outcome)
        self.assertEqual(self.lamp("panel")["address"], attached["address"])
        device.call("relay.detach", {"device": "panel"})
        self.assertFalse(self.lamp("panel")["online"])

    def test_place(self) -> None:
        """Whoever has a place in a room hears the others, is heard by them, and leaves."""
        with bot(the_world()) as room:
            visitor = self.driver()
            visitor.call("room.join", {"name": "Ada"})
            other = self.driver()
            other.call("room.join", {"name": "Ola"})
            other.call("room.say", {"name": "Ola", "text": "Hello!"})
            while (line := visitor.wait_for("room.line")["text"]) != "Hello!":
                self.assertNotIn("Hello", line)
            visitor.call("room.leave", {"name": "Ada"})
            there = next(one for one in the_world().call("room.list")["rows"] if one["room"] == room)
            self.assertEqual([one["name"] for one in there["bots"]], ["Ida", "Ola"])

    def test_end(self) -> None:
        """With the connection, the device and the place in the room are gone."""
        driver = self.driver()
        driver.call("relay.attach", {"name": "panel"})
        driver.call("room.join", {"name": "Ada"})
        driver.close()
        until(lambda: not self.lamp("panel")["online"])
        until(lambda: all(one["name"] != "Ada" for room in the_world().call("room.list")["rows"] for one in room["bots"]))


class WebSocketLoginTests(WebSocketTests):
    """``/ws``, the token in the first message."""

    way = WebSocketLogin


class ControlSocketTests(WebSocketTests):
    """The control socket."""

    way = ControlSocket

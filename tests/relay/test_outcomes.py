"""What became of messages to devices: one event each, of both dialects, with the sender."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.message import Message, Want
from netd.operations import Role
from netd.relay.outcomes import _excerpt
from netd.testing import connect, make_caller, result_of
from tests.relay.bench import Relay, ask, event
from tests.relay.test_service import ServiceBench

TARGET = "('127.0.0.1', 50412)"


class OutcomeTests(ServiceBench):
    def setUp(self) -> None:
        self._start(queue_for=60.0)
        self.heard: list[Message] = []
        self.subscription = self.bus.subscribe("relay.*.outcome.>", self.heard.append)

    def told(self) -> list[tuple[str, Any, Any, Any, Any]]:
        """Subject token, sender, request, status and error of each event so far, which are forgotten."""
        found = []
        for message in self.heard:
            for one in message.batch or [message.event]:
                found.append((message.subject.split(".")[-1], one["from"], one["request"], one["status"], one["error"]))
        self.heard.clear()
        return found

    def test_old_controller(self) -> None:
        """A frame is sent when the operating system has it, also of a burst; what has no target has gone nowhere."""
        self._device()
        controller = connect(self.factory, self.reactor, port=50413)
        controller.say(event(TARGET, b"water"))
        sender = "127.0.0.1:50413"
        self.assertEqual(self.told(), [("127-0-0-1", sender, "water", "sent", "")])
        controller.say(event(TARGET, b"a") * 3 + event("pump", b"b"))
        sent = ("127-0-0-1", sender, "a", "sent", "")
        self.assertEqual(sorted(self.told()), [*[sent] * 3, ("_", sender, "b", "failed", "no such device")])

    def test_batches(self) -> None:
        """A subscriber that takes batches gets a burst in one message, of what was sent and of what became of it."""
        self.subscription.cancel()
        sent: list[Message] = []
        self.bus.subscribe("relay.*.outcome.>", self.heard.append, Want.BATCH)
        batches = self.bus.subscribe("relay.*.sent.>", sent.append, Want.BATCH)
        self._device()
        controller = connect(self.factory, self.reactor, port=50413)
        controller.say(event(TARGET, b"a") + event(TARGET, b"b") * 2)
        self.assertEqual([len(message.batch or [1]) for message in self.heard], [1, 2])
        self.assertEqual([[one.text for one in message.batch or [message.event]] for message in sent], [["a"], ["b", "b"]])
        self.assertEqual([1, 2], [message.weight // 4 for message in sent])
        batches.cancel()
        self.bus.subscribe("relay.*.sent.>", sent.append)
        controller.say(event(TARGET, b"c") * 2)
        self.assertEqual([None, None], [message.batch for message in sent[2:]])

    def test_requests(self) -> None:
        """A request of the second dialect has its last status, with the time until then."""
        device = self._device(name="pump")
        controller = connect(self.factory, self.reactor, port=50413)
        controller.say(_controller())
        controller.say(ask(b"water", id=1, to="pump"))
        self.assertEqual(self.told(), [])
        self.reactor.advance(1.5)
        device.say(_answer(1, b"done"))
        self.assertEqual(self.heard[0].event["seconds"], 1.5)  # type: ignore[index]
        self.assertEqual(self.told(), [("pump", "127.0.0.1:50413", "water", "acknowledged", "")])

    def test_console(self) -> None:
        """A message of a console has the console's user as sender, and an unknown device no token of its own."""
        self._device(name="pump")
        sent = self.service.send(make_caller(Role.OPERATOR), "pump", text="water", deadline=2.0)
        self.reactor.advance(2.0)
        result_of(sent)
        self.assertEqual(self.told(), [("pump", "token test, console", "water", "expired", "the deadline passed")])
        self.service.send(make_caller(), "tank", text="x").addErrback(lambda why: None)
        self.assertEqual(self.told(), [("_", "token test, console", "x", "failed", "no such device")])

    def test_kept(self) -> None:
        """A frame that was kept for an absent device is told when its fate is known."""
        self._device(name="pump").lose()
        controller = connect(self.factory, self.reactor, port=50413)
        controller.say(event("pump", b"later"))
        self.assertEqual(self.told(), [])
        self.reactor.advance(60)
        self.assertEqual(self.told(), [("pump", "127.0.0.1:50413", "later", "expired", "the deadline passed")])

    def test_nobody_listens(self) -> None:
        """Without a subscriber nothing is published."""
        self.subscription.cancel()
        self._device()
        connect(self.factory, self.reactor, port=50413).say(event(TARGET, b"a"))
        self.service.send(make_caller(), "tank", text="x").addErrback(lambda why: None)
        self.assertFalse([message for message in self.bus.messages if ".outcome." in message.subject])

    def test_excerpt(self) -> None:
        """A long message is cut, also in the middle of a character; of bytes the length is told."""
        self.assertEqual(_excerpt(b"x" * 300), "x" * 199 + "…")
        self.assertEqual(_excerpt("ä".encode() * 300), "ä" * 199 + "…")
        self.assertEqual(_excerpt(b"x" + "\U0001f600".encode() * 300), "x" + "\U0001f600" * 198 + "…")
        self.assertEqual(_excerpt(b"\xff\x00"), "2 bytes")
        self.assertEqual(_excerpt(b"\xff" * 900), "900 bytes")


def _controller() -> bytes:
    return encode_frame(b"controller {}")


def _answer(request: int, payload: bytes) -> bytes:
    return ask(payload, id=request, status="acknowledged")


class SlowDeviceTests(SynchronousTestCase):
    """A device that does not read at once."""

    def setUp(self) -> None:
        self.relay = Relay()
        self.heard: list[Any] = []
        self.relay.bus.subscribe("relay.*.outcome.>", lambda message: self.heard.append(message.event))
        self.device = self.relay.device()
        self.controller = self.relay.connect()
        self.target = str(self.device.address())

    def test_taken_later(self) -> None:
        """A frame for a device that reads slowly is told when the operating system has it."""
        self.device.peer.is_full = True
        self.controller.say(event(self.target, b"a"))
        self.assertEqual(self.heard, [])
        self.device.drain()
        self.relay.end_turn()
        self.assertEqual([one["status"] for one in self.heard], ["sent"])

    def test_lost(self) -> None:
        """A frame that waits for a device that goes is told to have failed."""
        self.device.peer.is_full = True
        self.controller.say(event(self.target, b"a"))
        self.device.lose()
        self.relay.end_turn()
        self.assertEqual([(one["status"], one["error"]) for one in self.heard], [("failed", "the device disconnected")])

    def test_refused(self) -> None:
        """A frame that the outbox of its device refuses is told at once."""
        self.device.peer.accepts = False
        self.controller.say(event(self.target, b"a"))
        [one] = self.heard
        self.assertEqual((one["status"], one["error"]), ("failed", "the device does not read what was sent before"))

"""Tests of ``netd.relay.guests``: console connections that are devices."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.errors import InvalidArguments, NoSuchTarget, OperationFailed
from netd.kinds import ServiceKind
from netd.operations import Caller, OperationTable, Role
from netd.relay.config import Config
from netd.relay.guests import MOST_DEVICES
from netd.relay.results import SendResult
from netd.testing import RecordingLink, connect, make_caller, result_of, wired
from tests.relay.bench import event, frames

KIND = ServiceKind("relay", "netd.relay")


class AttachmentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.service, self.factory, self.reactor, self.bus = wired(KIND, Config())
        self.addCleanup(lambda: self.assertEqual([], self.reactor.getDelayedCalls()))
        self.addCleanup(self.stop)
        table = OperationTable()
        table.add(self.service.operations())
        self.functions = {operation.name: operation.function for operation, _ in table}
        self.page = self.caller()

    def stop(self) -> None:
        """Stop the relay."""
        for connection in list(self.factory.connections):
            connection.transport.loseConnection()
            connection.peer.lost()
            connection.closed()
            self.factory.connections.discard(connection)
        result_of(self.service.stopService())
        self.reactor.advance(0)

    def caller(self, host: str = "10.0.0.7", token: str | None = None) -> Caller:
        """A console connection, at the same address as all others or at *host*, without a token or with *token*."""
        return make_caller(Role.OPERATOR, link=RecordingLink(), host=host, credential=token)

    def do(self, operation: str, caller: Caller | None = None, /, **arguments: Any) -> Any:
        """Call an operation on behalf of *caller*, or the page."""
        return self.functions[f"relay.{operation}"](caller=caller or self.page, **arguments)

    def send(self, target: str, **arguments: Any) -> list[Any]:
        """Send something; the outcome, as soon as there is one."""
        outcomes: list[Any] = []
        self.functions["relay.send"](caller=self.caller(), target=target, **arguments).addBoth(outcomes.append)
        self.reactor.advance(0)
        return outcomes

    def told(self, caller: Caller | None = None) -> list[tuple[str, Any]]:
        """What a console connection was told since the last time."""
        link = (caller or self.page).link
        assert isinstance(link, RecordingLink)
        return link.take_told()

    def test_being_a_device(self) -> None:
        """A page that attaches is listed, is told what is sent to it, and its answer reaches the sender."""
        facts = self.do("attach", name="panel")
        self.assertEqual(("panel", "('console', 1)"), (facts.device, facts.address))
        self.assertEqual(["panel"], [device.name for device in self.service.devices(self.caller()).rows])
        outcomes = self.send("panel", text="on")
        ((method, message),) = self.told()
        self.assertEqual(("main", "main"), (facts.instance, message["instance"]))
        self.assertEqual(
            ("relay.message", "panel", "on", "console"), (method, message["device"], message["text"], message["from"])
        )
        self.assertEqual([], outcomes)
        self.do("answer", device="panel", id=message["id"], text="done")
        self.assertEqual([SendResult("acknowledged", answer=b"done")], outcomes)

    def test_refusal(self) -> None:
        """A page may refuse, and say why; without text it answers with nothing."""
        self.do("attach", name="panel")
        refused, empty = self.send("panel", text="a"), self.send("panel", text="b")
        first, second = (message["id"] for _, message in self.told())
        self.do("answer", device="panel", id=first, error="not now")
        self.do("answer", device="panel", id=second)
        self.assertEqual(("failed", "not now"), (refused[0].status, refused[0].error))
        self.assertEqual([SendResult("acknowledged", answer=b"")], empty)

    def test_bytes(self) -> None:
        """What is no text comes, and goes, as base64."""
        self.do("attach", name="panel")
        outcomes = self.send("panel", base64="/wA=")
        ((_, message),) = self.told()
        self.assertEqual(("/wA=", False), (message["base64"], "text" in message))
        self.do("answer", device="panel", id=message["id"], base64="/w==")
        self.assertEqual(b"\xff", outcomes[0].answer)

    def test_old_controller(self) -> None:
        """An old controller finds the page in its list, and reaches it by the address there."""
        self.do("attach", name="panel")
        controller = connect(self.factory, self.reactor, port=50413)
        (listed,) = frames(controller.say(event("|no target|")))
        self.assertEqual(b"('console', 1),", listed)
        self.assertEqual([b"data succesfully sent"], frames(controller.say(event(listed.decode().rstrip(","), b"water"))))
        self.assertEqual(["water"], [message["text"] for _, message in self.told()])

    def test_not_reading(self) -> None:
        """A page that does not read what it was sent gets nothing more, and senders hear of it at once."""
        self.do("attach", name="panel")
        assert isinstance(self.page.link, RecordingLink)
        self.page.link.is_full = True
        (outcome,) = self.send("panel", text="on")
        self.assertEqual("failed", outcome.status)

    def test_lost(self) -> None:
        """When the page's connection is lost, the device is away, and who waits for it hears so."""
        self.do("attach", name="panel")
        outcomes = self.send("panel", text="on")
        assert isinstance(self.page.link, RecordingLink)
        self.page.link.lose()
        self.assertEqual("failed", outcomes[0].status)
        self.assertEqual([False], [device.online for device in self.service.devices(self.caller()).rows])

    def test_why_it_was_lost(self) -> None:
        """A page's device is away for the reason why its connection broke, and was seen last when the page said something."""
        for reason, told in ((None, "its connection closed"), ("reset by the peer", "reset by the peer")):
            self.page = self.caller()
            self.do("attach", name="panel")
            assert isinstance(self.page.link, RecordingLink)
            self.page.link.reason, self.page.link.quiet = reason, 25.0
            self.reactor.advance(60)
            self.page.link.lose()
            away: Any = self.bus.events("relay.main.presence.panel")[-1]
            self.assertEqual((told, self.bus.wall() - 25), (away.reason, away.last_seen))

    def test_detach(self) -> None:
        """After detaching, the page is no device any more, and cannot answer as one."""
        self.do("attach", name="panel")
        self.do("detach", device="panel")
        self.assertEqual([False], [device.online for device in self.service.devices(self.caller()).rows])
        for name, arguments in (("detach", {}), ("answer", {"id": 1})):
            self.assertRaises(NoSuchTarget, self.do, name, device="panel", **arguments)
        self.assertEqual([], self.told())

    def test_replaced(self) -> None:
        """Another page that takes the name is the device from then on; the first one is told, and its end changes nothing."""
        other = self.caller()
        self.do("attach", name="panel")
        self.do("attach", other, name="panel")
        ((method, params),) = self.told()
        self.assertEqual(("relay.detached", "panel"), (method, params["device"]))
        assert isinstance(self.page.link, RecordingLink)
        self.page.link.lose()
        self.send("panel", text="on")
        self.assertEqual(["on"], [message["text"] for _, message in self.told(other)])
        self.do("detach", other, device="panel")

    def test_a_name_that_is_held(self) -> None:
        """Another's page cannot take the name: neither from another address, nor with another token, which counts alone."""
        for first, others in (
            (self.page, [self.caller("10.0.0.8"), self.caller(token="ops admin 1")]),
            (self.caller(token="ops admin 1"), [self.caller(token="lab operator 2"), self.caller()]),
        ):
            self.do("attach", first, name="panel")
            for other in others:
                error = self.assertRaises(OperationFailed, self.do, "attach", other, name="panel")
                self.assertIn("the name 'panel' is held by the device at console:", str(error))
                self.assertNotIn("ops admin", str(error))
            assert isinstance(first.link, RecordingLink)
            self.assertEqual((self.told(first), first.link.probes), ([], 2))
            self.do("detach", first, device="panel")
        self.do("attach", self.caller("10.0.0.8", "ops admin 1"), name="panel")
        self.do("attach", self.caller("10.0.0.9", "ops admin 1"), name="panel")

    def test_attached_again(self) -> None:
        """The same page may take its own name over."""
        self.do("attach", name="panel")
        self.do("attach", name="panel")
        self.told()
        self.send("panel", text="on")
        self.assertEqual(1, len(self.told()))

    def test_disconnected(self) -> None:
        """An operator can disconnect a page's device like any other."""
        self.do("attach", name="panel")
        self.functions["relay.disconnect"](target="panel")
        self.assertEqual(["relay.detached"], [method for method, _ in self.told()])
        self.assertRaises(NoSuchTarget, self.do, "detach", device="panel")

    def test_relay_stops(self) -> None:
        """A relay that stops tells the pages that are its devices."""
        self.do("attach", name="panel")
        self.service.stopService()
        self.assertEqual([("relay.detached", {"instance": "main", "device": "panel", "reason": "netd stops"})], self.told())

    def test_drained(self) -> None:
        """A relay that drains takes no new device; one that there is goes on."""
        self.do("attach", name="panel")
        result_of(self.service.drain())
        error = self.assertRaises(OperationFailed, self.do, "attach", name="other")
        self.assertEqual("netd is draining: it accepts nothing new until it is resumed (`netd resume`)", str(error))
        self.send("panel", text="on")
        self.assertEqual(1, len(self.told()))

    def test_mistakes(self) -> None:
        """A bad name, a device that the caller is not, too many devices, two answers in one: each is told."""
        for name in ("", "a b", "x" * 64, "ä"):
            self.assertRaises(InvalidArguments, self.do, "attach", name=name)
        self.assertRaises(NoSuchTarget, self.do, "detach", self.caller(), device="panel")
        for number in range(MOST_DEVICES):
            self.do("attach", name=f"panel{number}")
        self.assertRaises(OperationFailed, self.do, "attach", name="panel")
        self.assertRaises(InvalidArguments, self.do, "answer", device="panel0", id=1, text="a", base64="YQ==")
        self.assertRaises(InvalidArguments, self.do, "answer", device="panel0", id=1, base64="?")
        self.assertRaises(InvalidArguments, self.do, "answer", device="panel0", id=1, text="\ud800")

    def test_from_a_frame(self) -> None:
        """A named device of the second dialect is replaced by a page of its name, as by a newer connection."""
        device = connect(self.factory, self.reactor)
        device.say(encode_frame(b'device {"name": "panel"}'))
        self.assertRaises(OperationFailed, self.do, "attach", name="panel")
        self.do("attach", self.caller("127.0.0.1"), name="panel")
        self.reactor.advance(0)
        self.assertTrue(device.is_closing)

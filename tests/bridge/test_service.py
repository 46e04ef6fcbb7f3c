"""A bridge from its section: the bus, the clock, and the operations that it calls."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.bridge.grammar import read_destinations
from netd.bridge.machine import MOST_A_SECOND, PAUSE
from netd.bridge.service import BridgeService
from netd.codec.jsontext import to_plain
from netd.errors import NoSuchTarget, OperationFailed
from netd.kinds import ServiceKind
from netd.message import Message
from netd.operations import Caller, Operation, OperationTable, Role
from netd.relay.results import SendResult
from netd.testing import RecordingBus, ServiceKindTests, WallClock, configured, reload
from netd.wire.results import WireAnswer

KIND = ServiceKind("bridge", "netd.bridge")
TEMP = "session.main.greenhouse.temp"
FAN = ("from = custom.temp", "to = relay.main.fan")


class BridgeKindTests(ServiceKindTests, SynchronousTestCase):
    """A bridge keeps what every kind of service must keep."""

    kind = KIND
    options = ("from = custom.a", "to = custom.b")


class BridgeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.results: list[Any] = []
        self.instances: list[str] = []

    def make(self, *lines: str) -> BridgeService:
        """A running bridge, among operations that do nothing."""
        self.reactor = MemoryReactorClock()
        self.bus = RecordingBus(WallClock(self.reactor))
        service: BridgeService = KIND.make_service(self.config(*lines), self.reactor, self.bus)  # type: ignore[assignment]
        table = OperationTable()
        table.add([Operation("relay.send", self.send, Role.OPERATOR, "Send", checks_subjects=True)])
        table.add([Operation("relay.send", self.send_far, Role.OPERATOR, "Send", checks_subjects=True)], "main@north")
        table.add([Operation("wire.send", self.send_to_peer, Role.OPERATOR, "Send", checks_subjects=True)], "shed")
        table.add([Operation("command.run", self.run_command, Role.OPERATOR, "Run")])
        table.add([Operation("bus.publish", self.publish, Role.OPERATOR, "Publish", spans_services=True)])
        service.use_operations(table)
        service.startService()
        self.addCleanup(service.stopService)
        self.service = service
        return service

    def config(self, *lines: str) -> Any:
        """The options of a section; the sections of its targets are not looked for here."""
        more = [line for line in lines if line.startswith("to = ")]
        plain = configured(KIND, *[line if line not in more else "to = custom.very.far.away" for line in lines])
        return evolve(plain, to=read_destinations(more[0].removeprefix("to = ")))

    def send(self, caller: Caller, target: str, text: str, deadline: float, wait: bool) -> Deferred[SendResult]:
        """In place of a relay."""
        self.instances.append("main")
        self.sent.append((caller.who, target, text, deadline, wait))
        return self._result(SendResult("sent"))

    def send_far(self, caller: Caller, target: str, text: str, deadline: float, wait: bool) -> Deferred[Any]:
        """In place of the relay of another node, whose result is plain JSON."""
        self.instances.append("main@north")
        return succeed({"status": "sent"})

    def send_to_peer(self, caller: Caller, name: str, text: str) -> Deferred[WireAnswer]:
        """In place of a wire."""
        self.sent.append((caller.who, name, text))
        return self._result(WireAnswer(name, ""))

    def run_command(self, command_id: str, arguments: dict[str, Any]) -> Deferred[dict[str, str]]:
        """In place of a command service."""
        self.sent.append((command_id, arguments))
        return self._result({"status": "success"})

    def publish(self, subject: str, data: object) -> None:
        """In place of the bus's own operation."""
        self.sent.append((subject, data))
        self.bus.publish(Message(subject, data))

    def _result(self, default: Any) -> Any:
        result = self.results.pop(0) if self.results else default
        if isinstance(result, Exception):
            raise result
        return result if isinstance(result, Deferred) else succeed(result)

    def failures(self) -> list[Any]:
        """The events about what did not arrive."""
        return [(m.event.to, m.event.why) for m in self.bus.messages if m.subject == "bridge.main.failed"]

    def test_device(self) -> None:
        """An event becomes a message to a device, from an operator that is the section."""
        self.make(*FAN, "template = {value:.0f}")
        self.bus.publish(Message("custom.temp", 31.4))
        self.assertEqual(self.sent, [("section bridge, configuration", "fan", "31", 10.0, False)])
        self.assertEqual(self.service.list().counts, {"sent": 1})

    def test_peer_of_a_wire(self) -> None:
        """A program of a wire is told in the same way; what it has answered is no failure, and its refusal is one."""
        self.make("from = custom.temp", "to = wire.shed.fan", "template = {value:.0f}")
        self.results = [WireAnswer("fan", "OK"), OperationFailed("the answer does not fit")]
        with capturedLogs():
            for value in (31.4, 32.0):
                self.bus.publish(Message("custom.temp", value))
        self.assertEqual(self.sent[0], ("section bridge, configuration", "fan", "31"))
        self.assertEqual(self.failures()[0], ("wire.shed.fan", "the answer does not fit"))
        self.assertEqual(self.service.list().counts["sent"], 1)

    def test_others(self) -> None:
        """Several targets, a command with arguments among them; a word of the subject names the device."""
        self.make("from = custom.*", "to = command.main.spin | relay.main.{2}", "template = speed={value}")
        self.bus.publish(Message("custom.temp", 31.5))
        self.assertEqual(self.sent[0], ("spin", {"speed": 31.5}))
        self.assertEqual(self.sent[1][1:3], ("temp", "speed=31.5"))

    def test_when(self) -> None:
        """Only events of which the condition is true go on, also of those that came together."""
        self.make(f"from = {TEMP}", "to = custom.hot", "when = > 30")
        values = [29.0, 31.0, 30.0, 32.0]
        self.bus.publish(Message(TEMP, 32.0, batch=values))
        self.assertEqual(self.sent, [("custom.hot", 31.0), ("custom.hot", 32.0)])

    def test_every(self) -> None:
        """At most one in a time; the newest of those that came meanwhile follows."""
        self.make("from = custom.temp", "to = custom.copy", "every = 5s")
        for value in (1, 2, 3):
            self.bus.publish(Message("custom.temp", value))
        self.assertEqual((self.sent, self.service.status().waiting), ([("custom.copy", 1)], 1))
        self.reactor.advance(5.0)
        self.assertEqual(self.sent, [("custom.copy", 1), ("custom.copy", 3)])

    def test_restart_is_no_event(self) -> None:
        """What the bus has retained is not sent."""
        service = self.make("from = custom.temp", "to = custom.copy")
        self.bus.publish(Message("custom.temp", 1))
        reload(service, self.config("from = custom.*", "to = custom.copy", "template = {value}!", "when = < 5"))
        self.bus.publish(Message("custom.other", 2))
        self.assertEqual(self.sent[:2], [("custom.copy", 1), ("custom.copy", "2!")])

    def test_failures(self) -> None:
        """A device that is not there, or away, and an event that does not fit are counted, told as events, and shown."""
        self.make(*FAN)
        self.results = [NoSuchTarget("no device 'fan' is connected"), SendResult("expired"), SendResult("failed", "it broke")]
        with capturedLogs():
            for event in (1, 2, 3, {"state": "x"}):
                self.bus.publish(Message("custom.temp", event))
        self.assertEqual(
            [why for _, why in self.failures()],
            [
                "no device 'fan' is connected",
                "the device was not told: expired",
                "the device was not told: it broke",
                "the event has no value; `template` has to fit all events that `when` lets through",
            ],
        )
        told = self.service.list()
        self.assertEqual((told.counts["failed"], told.state), (4, "carries"))
        self.assertIn("relay.main.fan: the event has no value", told.last_failure or "")

    def test_in_order(self) -> None:
        """While a target is slow, messages wait for it, within a bound; others are served."""
        self.make(*FAN)
        slow: Deferred[Any] = Deferred()
        self.results = [slow]
        for value in (1, 2):
            self.bus.publish(Message("custom.temp", value))
        self.assertEqual((len(self.sent), self.service.status().waiting), (1, 1))
        slow.callback(SendResult("sent"))
        self.assertEqual([one[2] for one in self.sent], ["1", "2"])

    def test_circle_at_run_time(self) -> None:
        """Events that come back by a way that no configuration shows are stopped, and told; later the bridge goes on."""
        self.make("from = custom.a", "to = custom.b")
        self.bus.subscribe("custom.b", lambda message: self.bus.publish(Message("custom.a", message.event)))
        with capturedLogs():
            self.bus.publish(Message("custom.a", 1))
        self.assertEqual((len(self.sent), self.service.status().state), (MOST_A_SECOND, "paused"))
        self.assertEqual(self.service.status().counters, {"messages": {"sent": MOST_A_SECOND, "dropped": 1}, "pauses": 1})
        self.assertIn("more than 100 messages within a second; nothing is sent for 10 s", self.failures()[0][1])
        self.reactor.advance(PAUSE)
        self.assertEqual(self.service.status().state, "carries")

    def test_too_many_subjects(self) -> None:
        """Subjects over the bound of `every` are dropped, and told once."""
        self.make("from = session.main.>", "to = relay.main.log", "every = 1h")
        with capturedLogs():
            for number in range(1002):
                self.bus.publish(Message(f"session.main.x{number}", 1))
                self.reactor.advance(0.02)
        self.assertEqual((len(self.sent), self.service.list().counts), (1000, {"sent": 1000, "dropped": 2}))
        self.assertEqual(len(self.failures()), 1)

    def test_own_events(self) -> None:
        """A pattern that covers the audit and the bridge's own events does not send them on."""
        self.make("from = *.main.failed", "to = custom.copy", "template = {event}")
        self.bus.publish(Message("bridge.main.failed", {"a": 1}))
        self.bus.publish(Message("relay.main.failed", {"a": 2}))
        self.assertEqual(self.sent, [("custom.copy", {"a": 2})])

    def test_other_nodes(self) -> None:
        """A pattern without a node takes this node's events, so that the same section on all nodes sends once."""
        self.make("from = session.*.oven.temp", "to = relay.main.here")
        self.bus.publish(Message("session.main.oven.temp", 1))
        self.bus.publish(Message("session.main@north.oven.temp", 2, origin="north"))
        self.assertEqual([one[1:3] for one in self.sent], [("here", "1")])
        self.make("from = session.main@north.*.temp", "to = relay.main@north.{3}")
        self.bus.publish(Message("session.main@north.oven.temp", 3, origin="north"))
        self.assertEqual(self.instances, ["main", "main@north"])

    def test_reload(self) -> None:
        """Another target has a queue of its own; what was counted stays."""
        service = self.make("from = custom.temp", "to = custom.copy", "every = 5s")
        for value in (1, 2):
            self.bus.publish(Message("custom.temp", value))
        reload(service, self.config("from = custom.temp", "to = custom.more"))
        self.bus.publish(Message("custom.temp", 3))
        self.assertEqual(self.sent, [("custom.copy", 1), ("custom.more", 3)])
        self.assertEqual((service.list().counts, to_plain(service.list())["to"]), ({"sent": 2}, ["custom.more"]))

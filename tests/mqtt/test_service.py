"""A whole section, from its INI text, at a broker that the test plays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mqtt5
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.samples import Samples, SampleTaken
from netd.errors import NoSuchTarget
from netd.message import Described, Message
from netd.mqtt.commands import BURST, MOST_PENDING
from netd.operations import Caller, Operation, OperationTable, Role
from netd.relay.results import SendResult
from netd.state.state import LAZILY
from netd.testing import FakeRemote, MemoryDisk, ServiceKindTests, configured, reload, result_of, wired
from netd.wire.results import WireAnswer
from tests.mqtt.broker import BROKER, KIND, PlayedBroker

RETAINED = tuple[str, bytes]

OVEN = "homeassistant/device/netd_test_session_main_oven/config"


class MqttKindTests(ServiceKindTests, SynchronousTestCase):
    """A section keeps what every kind of service must keep."""

    kind = KIND
    options = (BROKER, "discovery = homeassistant")


class MqttKindKeptTests(ServiceKindTests, SynchronousTestCase):
    """So does one with QoS 1, which follows the bus without a connection."""

    kind = KIND
    options = (BROKER, "qos = 1")


class MqttTestCase(SynchronousTestCase):
    """The fixture: a section, its bus, and relays and brokers as the test plays them."""

    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.disk = MemoryDisk()
        self.service: Any = None
        self.begin()
        self.addCleanup(self.end)

    def begin(self, *lines: str) -> None:
        """Start the section."""
        config = configured(KIND, BROKER, "prefix = p", *(lines or self.options))
        self.service, _, self.reactor, self.bus = wired(KIND, config, self.disk)
        self.sent: list[tuple[str, str | None, str | None]] = []
        self.answer: Callable[[], Any] = lambda: SendResult("acknowledged", answer=b"is on")
        table = OperationTable()
        table.add([Operation("relay.send", self.send, Role.OPERATOR, "Send")], "main")
        table.add([Operation("wire.send", self.send_to_peer, Role.OPERATOR, "Send")], "line")
        self.service.use_operations(table)

    def end(self) -> None:
        """Stop it; nothing is left."""
        stopped = self.service.stopService()
        for connection in list(self.service._factory.connections):
            connection.connectionLost(_done())
        self.reactor.advance(LAZILY)
        result_of(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def send(self, caller: Caller, target: str, text: str | None = None, base64: str | None = None, deadline: float = 0) -> Any:
        """Play relay.send."""
        self.assertEqual((str(caller.principal), caller.principal.role), ("section mqtt", Role.OPERATOR))
        self.sent.append((target, text, base64))
        return self.answer()

    def send_to_peer(self, caller: Caller, name: str, text: str) -> Any:
        """Play wire.send."""
        self.sent.append((name, text, None))
        return self.answer()

    def welcome(self, **facts: Any) -> PlayedBroker:
        """Let netd in at the broker."""
        return PlayedBroker.welcome(self.reactor, **facts)

    def publish(self, subject: str, event: object, batch: Any = None) -> None:
        """Publish on the bus."""
        self.bus.publish(Message(subject, event, batch=batch))

    def presence(self, device: str, online: bool) -> None:
        """A device comes or goes."""
        self.publish(f"relay.main.presence.{device}", {"device": device, "online": online})


def _done() -> Any:
    from twisted.internet.error import ConnectionDone
    from twisted.python.failure import Failure

    return Failure(ConnectionDone())


def values(published: list[RETAINED], topic: str) -> list[Any]:
    """What was published under *topic*."""
    return [json.loads(payload) if payload else None for one, payload in published if one == topic]


class PublishingTests(MqttTestCase):
    def test_values(self) -> None:
        """The newest value of each subject is published at once and then once a second; devices have a plain status, too."""
        broker = self.welcome()
        self.assertEqual(broker.published(), [("p/status", b"online")])
        for value in (1.0, 2.0, 3.0):
            self.publish("session.main.oven.temp", SampleTaken(value, 7.0))
        self.presence("fan", True)
        published = broker.published()
        self.assertEqual(values(published, "p/session/main/oven/temp"), [{"agent_time": None, "time": 7.0, "value": 1.0}])
        self.assertEqual(dict(published)["p/relay/main/fan/status"], b"online")
        self.assertEqual(values(published, "p/relay/main/presence/fan"), [{"device": "fan", "online": True}])
        self.reactor.advance(1)
        self.assertEqual([one["value"] for one in values(broker.published(), "p/session/main/oven/temp")], [3.0])
        self.reactor.pump([1] * 5)
        self.assertEqual(broker.published(), [])
        self.assertEqual(self.service.status().counters["published"], 4)

    def test_late_broker(self) -> None:
        """What was published before is there for whoever subscribes at the broker, each subject once."""
        for value in (1, 2):
            self.publish("session.main.oven.temp", SampleTaken(value, 7.0))
        self.publish("relay.main.said.fan", {"text": "hello"})
        published = self.welcome().published()
        self.assertEqual([one["value"] for one in values(published, "p/session/main/oven/temp")], [2])
        self.assertEqual(len(published), 2)

    def test_demand(self) -> None:
        """While there is no broker, nobody has to make samples for it."""
        self.assertFalse(self.bus.wants("session.main.oven.temp"))
        broker = self.welcome()
        self.assertTrue(self.bus.wants("session.main.oven.temp"))
        self.assertEqual(self.bus.interval("session.main.oven.temp"), 1.0)
        broker.lose()
        self.assertFalse(self.bus.wants("session.main.oven.temp"))

    def test_each(self) -> None:
        """With `every = off` each sample of a batch is published; two patterns for one subject publish it once."""
        self.end()
        self.begin("every = off", "publish = session.>, session.*.*.temp, relay.>")
        broker = self.welcome()
        broker.published()
        self.publish("session.main.oven.temp", SampleTaken(2.0, 7.0), Samples(7.0, [1.0, 2.0]))
        self.publish("session.main.oven.temp", SampleTaken(3.0, 8.0))
        self.assertEqual([one["value"] for one in values(broker.published(), "p/session/main/oven/temp")], [1.0, 2.0, 3.0])
        self.publish("relay.main.said.fan", {"text": "hello", "base64": None})
        self.publish("relay.main.said.fan", {"text": None, "base64": b"\xff"})
        self.publish("relay.main.said.fan", {"text": None, "base64": "/w=="})
        says = [payload for topic, payload in broker.published() if topic == "p/relay/main/fan/say"]
        self.assertEqual(says, [b"hello", b"\xff", b"\xff"])

    def test_no_json(self) -> None:
        """An event that JSON cannot say is counted, and stops nothing."""
        self.end()
        self.begin("publish = custom.>", "every = off")
        broker = self.welcome()
        broker.published()
        self.publish("custom.bad", {1j: 2})
        self.publish("custom.bad", 1, [{1j: 2}, 3])
        self.assertEqual(broker.published(), [("p/custom/bad", b"3")])
        self.assertEqual(self.service.status().counters["dropped"], {"no JSON": 2})

    def test_other_nodes(self) -> None:
        """Events of other nodes are theirs to publish, unless a pattern names one."""
        self.publish("session.main@north.oven.temp", 1)
        broker = self.welcome()
        self.assertEqual(broker.published(), [("p/status", b"online")])

    def test_busy_turns(self) -> None:
        """Many subjects are waiting at once; those that are due together leave together."""
        broker = self.welcome()
        broker.published()
        for number in range(30):
            self.reactor.advance(0.01)
            for value in range(3):
                self.publish(f"session.main.oven.c{number}", value)
        broker.published()
        self.reactor.pump([0.01] * 150)
        self.assertEqual(len(broker.published()), 30)

    def test_full_broker(self) -> None:
        """A broker that takes nothing costs a place for each subject: newer values replace older ones, which is counted."""
        self.end()
        self.begin("every = off", "backlog = 64KiB")
        broker = self.welcome()
        broker.published()
        broker.transport.producer.pauseProducing()
        self.publish("session.main.oven.x", 1)
        self.reactor.advance(0)
        for value in range(1000):
            self.publish("session.main.oven.temp", value)
        status = self.service.status()
        self.assertEqual((status.waiting, status.counters["dropped"]), (2, {"replaced": 999}))
        for value in range(1000):
            self.publish(f"session.main.oven.c{value}", value)
        self.assertLess(self.service.status().size, 1 << 16)
        self.assertGreater(self.service.status().counters["dropped"]["dropped"], 500)
        broker.transport.producer.resumeProducing()
        self.reactor.advance(0)
        self.assertEqual(broker.published()[-1], ("p/session/main/oven/c999", b"999"))
        self.assertEqual(self.service.status().waiting, 0)


class KeptTests(MqttTestCase):
    options = ("qos = 1", "every = off", "publish = custom.>")

    def test_outage(self) -> None:
        """With QoS 1 nothing is missing after a lost connection, and the order is kept."""
        self.publish("custom.x", 0)
        broker = self.welcome(receive_max=2)
        broker.packets()
        for value in range(1, 6):
            self.publish("custom.x", value)
        broker.lose()
        self.publish("custom.x", 6)
        self.reactor.advance(1)
        broker = self.welcome(receive_max=2)
        found: list[bytes] = []
        for _ in range(20):
            for packet in broker.packets():
                if isinstance(packet, mqtt5.PublishPacket) and packet.packet_id is not None:
                    found.append(packet.payload)
                    broker.say(mqtt5.PubAckPacket(packet.packet_id))
            self.reactor.advance(0)
        self.assertEqual(list(dict.fromkeys(found)), [b"0", b"1", b"2", b"3", b"4", b"5", b"6"])
        self.assertEqual((self.service.status().waiting, self.service.status().size), (0, 0))

    def test_poor_broker(self) -> None:
        """A broker without QoS 1 is told of, and gets QoS 0."""
        self.welcome(max_qos=mqtt5.QoS.AT_MOST_ONCE)
        self.assertIn("QoS 1", self.service.status().last_objection)


class ConnectionTests(MqttTestCase):
    def test_farewell(self) -> None:
        """A stop says `offline` before it says goodbye."""
        broker = self.welcome()
        broker.packets()
        stopped = self.service.stopService()
        offline, goodbye = broker.packets()
        self.assertEqual((offline.topic, offline.payload, offline.retain), ("p/status", b"offline", True))
        self.assertIsInstance(goodbye, mqtt5.DisconnectPacket)
        broker.lose()
        result_of(stopped)

    def test_wrong_password(self) -> None:
        """One line of the log has the broker's reason and the remedy; the status has it, too; it is tried ever more rarely."""
        logged: list[Any] = []
        from twisted.logger import globalLogPublisher

        globalLogPublisher.addObserver(logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, logged.append)
        remote, calls = FakeRemote(self.reactor), 0
        for _ in range(600):
            if remote.is_called:
                calls += 1
                broker = PlayedBroker(remote.accept())
                broker.say(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD))
                self.assertTrue(broker.is_closing)
                broker.lose()
            self.reactor.advance(0.1)
        levels = [event["log_level"].name for event in logged if event["log_format"] and event["log_level"].name != "debug"]
        self.assertLess(calls, 9)
        self.assertEqual(levels, ["warn"])
        [dialled] = self.service.status().dialling
        self.assertIn("bad user name or password: correct `username`", dialled.last_failure)

    def test_thrown_out(self) -> None:
        """Two clients with one id do not throw each other out for ever: the wait grows, however long a connection lasts."""
        waits = []
        for _ in range(5):
            broker = self.welcome()
            self.reactor.advance(11)
            broker.say(mqtt5.PingRespPacket())
            broker.say(mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER))
            broker.lose()
            waits.append(self.service.status().dialling[0].next_attempt)
            self.reactor.advance(waits[-1])
        self.assertGreater(waits[-1], 7)
        self.assertIn("another client has the id", self.service.status().dialling[0].last_failure)

    def test_nonsense(self) -> None:
        """Something that is no broker is refused and counted."""
        broker = self.welcome()
        broker.packets()
        broker.say_bytes(b"\x00\x00")
        [goodbye] = broker.packets()
        self.assertEqual(goodbye.reason_code, mqtt5.DisconnectReasonCode.PROTOCOL_ERROR)
        self.assertTrue(broker.is_closing)
        self.assertEqual(self.service.status().counters["refused"], {"malformed packet": 1})

    def test_silent_broker(self) -> None:
        """A broker that answers nothing is given up: at the login, and at a ping."""
        first = PlayedBroker.accept(self.reactor)
        self.reactor.advance(10)
        self.assertTrue(first.is_closing)
        first.lose()
        self.assertEqual(self.service.status().state, "waiting")
        self.reactor.advance(1)
        second = self.welcome()
        self.assertEqual(self.service.status().state, "connected")
        self.reactor.pump([1] * 31)
        self.assertTrue(second.is_closing)

    def test_logging_in(self) -> None:
        """The status tells a connection that has not been let in."""
        PlayedBroker.accept(self.reactor)
        self.assertEqual(self.service.status().state, "logging in")

    def test_reload(self) -> None:
        """Another prefix takes effect at once, by a goodbye and a new login; another delay does not disturb the connection."""
        self.publish("session.main.oven.temp", 1)
        broker = self.welcome()
        broker.packets()
        reload(self.service, configured(KIND, BROKER, "prefix = p", "reconnect_delay = 2s"))
        self.assertFalse(broker.is_closing)
        self.publish("session.main.oven.temp", 2)
        reload(self.service, configured(KIND, BROKER, "prefix = q", "qos = 1", "discovery = homeassistant"))
        self.assertEqual(broker.published(), [("p/status", b"offline")])
        broker.lose()
        self.reactor.advance(2)
        published = dict(self.welcome().published())
        self.assertEqual((published["q/status"], published["q/session/main/oven/temp"]), (b"online", b"2"))

    def test_password(self) -> None:
        """The password goes to the broker; a file that has been lost refuses a reload, and leaves all as it was."""
        place = Path(self.mktemp())
        place.write_text("secret\n")
        place.chmod(0o600)
        self.end()
        lines = ("username = netd", f"password_file = {place.absolute()}")
        self.begin(*lines)
        login = PlayedBroker.accept(self.reactor).login
        self.assertEqual((login.username, login.password), ("netd", b"secret"))
        place.unlink()
        with self.assertRaisesRegex(AssertionError, "no such file"):
            reload(self.service, configured(KIND, BROKER, "prefix = q", *lines))


class HomeTests(MqttTestCase):
    options = ("discovery = homeassistant", "commands = relay")

    def told(self, broker: PlayedBroker) -> dict[str, Any]:
        """What Home Assistant was told, by device."""
        found = [one for one in broker.published() if one[0].startswith("homeassistant/device/")]
        return {topic.split("/")[2]: json.loads(payload) if payload else None for topic, payload in found}

    def test_told(self) -> None:
        """Home Assistant is told of what is there, of what comes, and of everything when it starts anew."""
        self.presence("fan", True)
        broker = self.welcome()
        first = self.told(broker)
        self.assertEqual(list(first), ["netd_test", "netd_test_relay_main_fan"])
        self.assertIn("_send", first["netd_test_relay_main_fan"]["cmps"])
        self.bus.describe("session.main.oven.temp", Described("Temperature", "°C"))
        self.publish("session.main.oven.temp", 1)
        self.publish("session.main.oven.hum", 1)
        self.assertEqual(self.told(broker), {})
        self.reactor.advance(0.5)
        [oven] = self.told(broker).values()
        self.assertEqual((oven["cmps"]["temp"]["unit_of_meas"], len(oven["cmps"])), ("°C", 3))
        broker.send("homeassistant/status", b"offline")
        self.assertEqual(self.told(broker), {})
        broker.send("homeassistant/status", b"online")
        self.assertEqual(len(self.told(broker)), 3)

    def test_class(self) -> None:
        """A class that does not fit the unit is told in the status."""
        self.end()
        self.begin("discovery = homeassistant", "channels = temp=temperature")
        self.welcome()
        self.publish("session.main.oven.temp", 1)
        self.assertIn("temp=temperature: the channel has no unit", self.service.status().last_objection)
        self.bus.describe("session.main.oven.temp", Described("", "bar"))
        self.reactor.advance(1)
        self.publish("session.main.oven.temp", 1)
        self.assertIn("the unit 'bar'", self.service.status().last_objection)

    def test_lost_before_it_is_told(self) -> None:
        """A broker that goes before a device is told is told by the next connection."""
        broker = self.welcome()
        self.presence("fan", True)
        broker.lose()
        self.reactor.advance(1)
        self.assertIn("netd_test_relay_main_fan", self.told(self.welcome()))

    def test_forgotten(self) -> None:
        """A forgotten device leaves Home Assistant and the broker; the channel of another agent alone leaves its device."""
        self.presence("fan", False)
        for name in ("temp", "hum"):
            self.publish(f"session.main.oven.{name}", 1)
        broker = self.welcome()
        broker.published()
        self.bus.forget("relay.main.presence.fan")
        self.bus.forget("relay.main.said.fan")
        self.bus.forget("custom.door")
        empty = [topic for topic, payload in broker.published() if not payload]
        fan = ["p/relay/main/presence/fan", "homeassistant/device/netd_test_relay_main_fan/config", "p/relay/main/fan/status"]
        self.assertEqual(empty, fan)
        self.publish("session.main.oven.temp", 2)
        self.bus.forget("session.main.oven.temp")
        self.assertEqual(broker.published(), [("p/session/main/oven/temp", b"")])
        self.reactor.advance(2)
        [(topic, payload)] = broker.published()  # what came before it was forgotten is not published after that
        self.assertEqual((topic, json.loads(payload)["cmps"]["temp"]), (OVEN, {"p": "sensor"}))
        self.end()
        self.begin()
        self.assertNotIn("p/relay/main/fan/status", dict(self.welcome().published()))

    def test_restart(self) -> None:
        """After a crash, the broker still says that devices are online which have not come back: netd corrects that."""
        self.welcome()
        self.presence("fan", True)
        self.publish("session.main.oven", {"state": "streaming"})
        self.reactor.advance(120)
        self.end()
        self.begin()
        published = dict(self.welcome().published())
        self.assertEqual(published["p/relay/main/fan/status"], b"offline")
        self.assertEqual(json.loads(published["p/session/main/oven"])["state"], "ended")
        self.presence("fan", True)

    def test_removed_subject(self) -> None:
        """Forgetting what was never published by a pattern tells nothing."""
        self.end()
        self.begin("publish = custom.>")
        broker = self.welcome()
        broker.published()
        self.bus.forget("relay.main.presence.fan")
        self.bus.forget("custom.door")
        self.assertEqual(broker.published(), [("p/custom/door", b"")])


class CommandTests(MqttTestCase):
    options = ("commands = relay", "discovery = homeassistant")

    def setUp(self) -> None:
        super().setUp()
        self.broker = self.welcome()
        self.broker.published()

    def ask(self, device: str, payload: bytes = b"on", **more: Any) -> list[tuple[str, Any]]:
        """Send a message to a device by its topic, and return what is published."""
        self.broker.send(f"p/relay/main/{device}/send", payload, **more)
        return [(topic, json.loads(text)) for topic, text in self.broker.published()]

    def test_filters(self) -> None:
        """Without `commands` and `discovery`, netd subscribes to nothing."""
        self.end()
        self.begin("commands = off")
        broker = PlayedBroker.accept(self.reactor)
        broker.say(mqtt5.ConnAckPacket())
        self.assertEqual([type(one) for one in broker.packets()], [mqtt5.PublishPacket])
        broker.send("p/relay/main/fan/send", b"on")
        self.assertEqual(self.sent, [])

    def test_answer(self) -> None:
        """The device's answer comes under its own topic, and where the asker wants it, with what the asker knows it by."""
        self.broker.send("p/relay/main/fan/send", b"on", response_topic="r", correlation_data=b"7")
        answer = b'{"device":"fan","status":"acknowledged","answer":"is on"}'
        first, second = self.broker.packets()
        self.assertEqual((first.topic, first.payload, first.retain), ("p/relay/main/fan/answer", answer, False))
        self.assertEqual((second.topic, second.payload, second.correlation_data), ("r", answer, b"7"))
        self.assertEqual((self.sent, self.service.status().counters["commands"]), ([("fan", "on", None)], {"acknowledged": 1}))

    def test_bytes(self) -> None:
        """Payloads and answers that are no text go as base64; an answer of another node is base64 already."""
        self.answer = lambda: SendResult("acknowledged", answer=b"\xfe")
        [(_, told)] = self.ask("fan", b"\xff")
        self.assertEqual((self.sent, told["base64"]), ([("fan", None, "/w==")], "/g=="))
        self.answer = lambda: {"status": "acknowledged", "answer": "aXMgb24="}
        self.assertEqual(self.ask("fan")[0][1]["answer"], "is on")

    def test_failed(self) -> None:
        """A device that is unknown, or does not answer, is told with the reason."""

        def unknown() -> None:
            raise NoSuchTarget("no device 'fan' is connected")

        self.answer = unknown
        failed = {"device": "fan", "status": "failed", "error": "no device 'fan' is connected"}
        self.assertEqual(self.ask("fan", response_topic="r"), [("p/relay/main/fan/answer", failed), ("r", failed)])
        self.answer = lambda: SendResult("expired", "the device did not answer in time")
        self.assertEqual(self.ask("fan")[0][1]["status"], "expired")

    def test_own_fault(self) -> None:
        """A fault of netd's own is logged, and the asker is told that there was one."""
        self.answer = lambda: 1 / 0
        self.assertIn("its log has the reason", self.ask("fan")[0][1]["error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_shielded(self) -> None:
        """Nobody makes netd publish under its own topics, those of Home Assistant or the broker's, or under no topic at all."""
        for topic in ("p/relay/main/door/send", "p", "homeassistant/device/x/config", "$SYS/x", "x" * 1001):
            self.assertEqual([one for one, _ in self.ask("fan", response_topic=topic)], ["p/relay/main/fan/answer"], topic)
        self.assertEqual(len(self.ask("fan", response_topic="paper")), 2)

    def test_flood(self) -> None:
        """A flood of messages is cut to a rate, which later ones may use again."""
        for _ in range(int(BURST)):
            self.ask("fan")
        self.assertEqual(self.ask("fan")[0][1]["error"], "too many messages at once; send fewer")
        self.reactor.advance(1)
        self.assertEqual(self.ask("fan")[0][1]["status"], "acknowledged")

    def test_slow_devices(self) -> None:
        """Devices that do not answer hold up a bounded number of messages."""
        waiting: list[Deferred[Any]] = []

        def wait() -> Deferred[Any]:
            waiting.append(Deferred())
            return waiting[-1]

        self.answer = wait
        for _ in range(MOST_PENDING):
            self.assertEqual(self.ask("fan"), [])
            self.reactor.advance(0.02)
        self.assertIn("too many", self.ask("fan")[0][1]["error"])
        for one in waiting:
            one.callback(SendResult("acknowledged", answer=b""))
        self.assertEqual(len(self.broker.published()), MOST_PENDING)

    def test_device_without_a_name(self) -> None:
        """A device without a name has its host as topic, and is sent to by its address."""
        self.publish("relay.main.presence.192-168-1-20", {"device": "192.168.1.20:5000", "online": True})
        self.broker.published()
        self.ask("192-168-1-20")
        self.assertEqual(self.sent[-1][0], "192.168.1.20:5000")

    def test_program(self) -> None:
        """A program of a wire is sent text, by its own name; what it acknowledges with is the answer, if it does."""
        self.end()
        self.begin("commands = wire, relay", "discovery = homeassistant")
        self.broker = self.welcome()
        [subscription] = [one for one in self.broker.packets() if isinstance(one, mqtt5.SubscribePacket)]
        filters = [one.pattern for one in subscription.topic_filters]
        self.assertEqual(filters, ["p/relay/+/+/send", "p/wire/+/+/send", "homeassistant/status"])
        self.publish("wire.line.presence.10-0-0-7", {"name": "10.0.0.7", "online": True})
        self.broker.published()
        topic, answer = "p/wire/line/10-0-0-7/send", "p/wire/line/10-0-0-7/answer"
        self.answer = lambda: WireAnswer("10.0.0.7", "OK")
        self.broker.send(topic, b"RUN", response_topic="r")
        told = b'{"device":"10-0-0-7","status":"acknowledged","answer":"OK"}'
        self.assertEqual(self.broker.published(), [(answer, told), ("r", told)])
        self.answer = lambda: WireAnswer("10.0.0.7", "")
        self.broker.send(topic, b"RUN")
        self.assertEqual(self.broker.published(), [(answer, b'{"device":"10-0-0-7","status":"sent"}')])
        self.broker.send(topic, b"\xff")
        [(_, told)] = self.broker.published()
        self.assertIn(b"a wire is sent text", told)
        self.assertEqual(self.sent, [("10.0.0.7", "RUN", None)] * 2)

    def test_echo(self) -> None:
        """What comes in under a topic of a command does not go out again."""
        self.assertEqual([topic for topic, _ in self.ask("fan")], ["p/relay/main/fan/answer"])

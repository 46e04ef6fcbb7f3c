"""The client's side of MQTT 5, without a socket and without a clock."""

from __future__ import annotations

from typing import Any

import mqtt5
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ProtocolError
from netd.mqtt.machine import (
    KEEP_ALIVE,
    LONGEST_PACKET,
    MOST_FLYING,
    PORTION,
    Arrival,
    BrokerFacts,
    MqttMachine,
    MqttPlan,
    MqttState,
)
from netd.mqtt.outgoing import Outgoing, Publication
from netd.mqtt.packets import PacketReader
from netd.testing import RecordingPeer

PLAN = MqttPlan("netd-lab", "netd/lab/status", ("netd/lab/relay/+/+/send", "homeassistant/status"), "netd", b"secret")


class RecordingShell:
    """Writes down what the machine tells its shell."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.pumps = 0

    def welcomed(self, facts: BrokerFacts) -> None:
        self.told.append(facts)

    def arrived(self, arrival: Arrival) -> None:
        self.told.append(arrival)

    def turned_away(self, why: str, remedy: str, is_taken: bool) -> None:
        self.told.append((why, remedy, is_taken))

    def objected(self, what: str, why: str) -> None:
        self.told.append((what, why))

    def pump_later(self) -> None:
        self.pumps += 1


class MachineTestCase(SynchronousTestCase):
    """The fixture: a machine that has sent its CONNECT."""

    qos = 0

    def setUp(self) -> None:
        self.peer = RecordingPeer()
        self.shell = RecordingShell()
        self.outgoing = Outgoing(self.qos, 1 << 30)
        self.machine = MqttMachine(self.peer, self.shell, PLAN, self.outgoing)
        self.reader = PacketReader(1 << 20)
        self.machine.begin()

    def sent(self) -> list[Any]:
        """The packets since the last call."""
        written, self.peer.sent = self.peer.sent, b""
        return list(self.reader.feed(written))

    def hear(self, *packets: Any) -> None:
        """Let packets come from the broker."""
        self.machine.received(b"".join(packet.write() for packet in packets))

    def welcome(self, **facts: Any) -> None:
        """Let the broker accept the login, and forget what was said until then."""
        self.hear(mqtt5.ConnAckPacket(**facts))
        self.sent()
        self.shell.told.clear()


class LoginTests(MachineTestCase):
    def test_login(self) -> None:
        """Netd logs in with a will, and keeps no session at the broker."""
        [login] = self.sent()
        self.assertEqual((login.client_id, login.username, login.password), ("netd-lab", "netd", b"secret"))
        self.assertEqual((login.clean_start, login.session_expiry_interval, login.keep_alive), (True, 0, KEEP_ALIVE))
        self.assertEqual((login.will.topic, login.will.payload, login.will.retain), ("netd/lab/status", b"offline", True))
        self.assertEqual(login.max_packet_size, LONGEST_PACKET)
        self.assertNotIn("secret", repr(PLAN))

    def test_welcome(self) -> None:
        """When it is let in, it says that it is there, and subscribes to what concerns it, without an echo of its own words."""
        self.sent()
        self.hear(mqtt5.ConnAckPacket(receive_max=7, max_qos=mqtt5.QoS.AT_LEAST_ONCE, max_packet_size=500))
        birth, subscription = self.sent()
        self.assertEqual((birth.topic, birth.payload, birth.retain), ("netd/lab/status", b"online", True))
        self.assertEqual([one.pattern for one in subscription.topic_filters], list(PLAN.filters))
        self.assertTrue(all(one.no_local for one in subscription.topic_filters))
        self.assertTrue(all(one.retain_handling == mqtt5.RetainHandling.SEND_NEVER for one in subscription.topic_filters))
        self.assertEqual(self.shell.told, [BrokerFacts(1, 7, 500, True)])
        self.assertIs(self.machine.state, MqttState.READY)

    def test_poor_broker(self) -> None:
        """A broker may take QoS 0 alone, retain nothing and allow any number under way."""
        self.sent()
        self.hear(mqtt5.ConnAckPacket(max_qos=mqtt5.QoS.AT_MOST_ONCE, retain_available=False))
        self.assertFalse(self.sent()[0].retain)
        self.assertEqual(self.shell.told, [BrokerFacts(0, MOST_FLYING, None, False)])

    def test_refused(self) -> None:
        """The reason of a refusal is told with its remedy, and the connection ends."""
        self.hear(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED, reason_str="no"))
        [(why, remedy, is_taken)] = self.shell.told
        self.assertEqual((why, is_taken), ("the broker refuses netd: not authorized (no)", False))
        self.assertIn("password_file", remedy)
        self.assertEqual(self.peer.closed, f"{why}: {remedy}")
        self.assertIs(self.machine.state, MqttState.OVER)

    def test_no_answer(self) -> None:
        """Something that listens there and does not answer is no broker."""
        self.machine.expired()
        self.assertIn("does an MQTT broker listen there?", str(self.peer.closed))

    def test_out_of_turn(self) -> None:
        """A packet that has no place in a state breaks the protocol."""
        with self.assertRaisesRegex(ProtocolError, "PubAckPacket, while netd waits for the broker's answer"):
            self.hear(mqtt5.PubAckPacket(1))
        self.machine.violated()
        self.assertIs(self.machine.state, MqttState.OVER)


class ReadyTests(MachineTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.welcome(max_packet_size=200_000)

    def test_publishing(self) -> None:
        """What waits leaves together; a payload that netd retains is retained."""
        self.outgoing.add(Publication("a", b"1", is_retained=True))
        self.outgoing.add(Publication("r", b"2", correlation=b"c"))
        self.machine.pump()
        first, second = self.sent()
        self.assertEqual((first.topic, first.payload, first.retain, first.packet_id), ("a", b"1", True, None))
        self.assertEqual((second.topic, second.retain, second.correlation_data), ("r", False, b"c"))
        self.assertEqual(self.machine.sent, 2)
        self.machine.pump()
        self.assertEqual(self.sent(), [])

    def test_portion(self) -> None:
        """A long backlog leaves over several turns, and not at all while the broker takes nothing."""
        for number in range(10):
            self.outgoing.add(Publication(f"{number}", b"x" * (PORTION // 4)))
        self.peer.is_full = True
        self.machine.pump()
        self.assertEqual((self.sent(), self.shell.pumps), ([], 0))
        self.peer.is_full = False
        self.machine.pump()
        self.assertEqual((len(self.sent()), self.shell.pumps), (4, 1))
        self.machine.pump()
        self.machine.pump()
        self.assertEqual((len(self.sent()), self.outgoing.waiting), (6, 0))

    def test_too_long(self) -> None:
        """What is longer than the broker takes is left out, and said."""
        self.outgoing.add(Publication("a", b"x" * 200_000))
        self.outgoing.add(Publication("b", b"1"))
        self.machine.pump()
        self.assertEqual([one.topic for one in self.sent()], ["b"])
        self.assertEqual(self.outgoing.counts, {"too long": 1})
        self.assertIn("more than the 200000", self.shell.told[0][1])

    def test_arrival(self) -> None:
        """A message is handed on with where its answer belongs, and acknowledged if the broker wants that."""
        self.hear(mqtt5.PublishPacket("t", b"on", response_topic="r", correlation_data=b"7"))
        self.hear(mqtt5.PublishPacket("t", b"off", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=9))
        self.assertEqual(self.shell.told, [Arrival("t", b"on", "r", b"7"), Arrival("t", b"off")])
        [ack] = self.sent()
        self.assertEqual(ack.packet_id, 9)

    def test_retained_command(self) -> None:
        """What was retained before is no command: a restart must not switch anything."""
        self.hear(mqtt5.PublishPacket("t", b"on", retain=True))
        self.assertEqual(self.shell.told, [])

    def test_pings(self) -> None:
        """A ping is sent each half keep-alive; a broker that does not answer it is given up."""
        self.machine.expired()
        [ping] = self.sent()
        self.assertIsInstance(ping, mqtt5.PingReqPacket)
        self.hear(mqtt5.PingRespPacket())
        self.machine.expired()
        self.assertIsNone(self.peer.closed)
        self.machine.expired()
        self.assertIn("has not answered a ping", str(self.peer.closed))

    def test_thrown_out(self) -> None:
        """The broker's reason for the end is told; that another client has the id is a reason to wait for longer."""
        self.hear(mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER), mqtt5.PingRespPacket())
        [(why, remedy, is_taken)] = self.shell.told
        self.assertEqual((why, is_taken), ("the broker ended the connection: session taken over", True))
        self.assertIn("'netd-lab'", remedy)

    def test_refused_subscription(self) -> None:
        """A subscription that the broker refuses is told, the others go on."""
        codes = [mqtt5.SubAckReasonCode.NOT_AUTHORIZED, mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]
        self.hear(mqtt5.SubAckPacket(1, codes))
        self.assertEqual(self.shell.told, [("the subscription to netd/lab/relay/+/+/send", "not authorized")])

    def test_farewell(self) -> None:
        """Netd says that it goes before it goes: a broker that is told goodbye does not publish the will."""
        self.machine.leave()
        offline, goodbye = self.sent()
        self.assertEqual((offline.payload, offline.retain), (b"offline", True))
        self.assertEqual(goodbye.reason_code, mqtt5.DisconnectReasonCode.NORMAL_DISCONNECTION)
        self.machine.leave()
        self.machine.pump()
        self.assertEqual(self.sent(), [])

    def test_violated(self) -> None:
        """A broker that breaks the protocol is told so, and publishes the will."""
        self.assertRaises(ProtocolError, self.hear, mqtt5.ConnAckPacket())
        self.machine.violated()
        [goodbye] = self.sent()
        self.assertEqual(goodbye.reason_code, mqtt5.DisconnectReasonCode.PROTOCOL_ERROR)


class AcknowledgedTests(MachineTestCase):
    qos = 1

    def fill(self, count: int) -> None:
        """Have publications wait."""
        for number in range(count):
            self.outgoing.add(Publication(f"{number}", b"1", is_retained=True))

    def test_window(self) -> None:
        """No more are under way than the broker allows; each acknowledgement lets another leave."""
        self.welcome(receive_max=2)
        self.fill(4)
        self.machine.pump()
        first, second = self.sent()
        self.assertEqual([(one.qos, one.duplicate) for one in (first, second)], [(mqtt5.QoS.AT_LEAST_ONCE, False)] * 2)
        self.machine.pump()
        self.assertEqual(self.sent(), [])
        self.hear(mqtt5.PubAckPacket(first.packet_id))
        self.assertEqual(self.shell.pumps, 1)
        self.machine.pump()
        self.assertEqual([one.topic for one in self.sent()], ["2"])

    def test_refused(self) -> None:
        """What the broker refuses is counted and told, and not sent again; that nobody has subscribed is no refusal."""
        self.welcome()
        self.fill(2)
        self.machine.pump()
        first, second = self.sent()
        self.hear(mqtt5.PubAckPacket(first.packet_id, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED))
        self.hear(mqtt5.PubAckPacket(second.packet_id, reason_code=mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS))
        self.hear(mqtt5.PubAckPacket(999))
        self.assertEqual(self.shell.told, [("0", "not authorized")])
        self.assertEqual((self.outgoing.counts, self.outgoing.flying), ({"refused": 1}, 0))

    def test_too_long(self) -> None:
        """A publication that is too long for the broker takes no place in the window."""
        self.welcome(max_packet_size=20)
        self.outgoing.add(Publication("a", b"x" * 50))
        self.machine.pump()
        self.assertEqual((self.outgoing.flying, self.outgoing.size), (0, 0))

    def test_broker_without_qos_1(self) -> None:
        """A broker that takes QoS 0 alone gets that."""
        self.welcome(max_qos=mqtt5.QoS.AT_MOST_ONCE)
        self.fill(1)
        self.machine.pump()
        self.assertEqual([one.packet_id for one in self.sent()], [None])

    def test_keep_alive_of_the_broker(self) -> None:
        """The broker's own keep-alive counts."""
        self.welcome(server_keep_alive=4)
        self.assertEqual(self.peer.expiry, 2.0)

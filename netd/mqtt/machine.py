"""The client's side of one MQTT 5 connection: login, will and birth, publications, subscriptions, pings and the end.

Pure: it talks to its connection through a peer, and is told when time has passed. Source: MQTT Version 5.0, OASIS Standard,
sections 3 and 4.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import mqtt5
from attrs import field, frozen

from netd.errors import ProtocolError
from netd.interfaces import IPeer
from netd.mqtt.outgoing import Outgoing, Publication
from netd.mqtt.packets import PacketReader, reason_text

__all__ = ["KEEP_ALIVE", "LONGEST_PACKET", "Arrival", "BrokerFacts", "MqttMachine", "MqttPlan", "MqttShell", "MqttState"]

KEEP_ALIVE = 30
"""Seconds without a packet of netd after which the broker, half of that later, gives the connection up and publishes the will.
netd sends a ping each half of them."""

LOGIN_TIMEOUT = 10.0
"""Seconds that the broker has to answer CONNECT."""

LONGEST_PACKET = 1 << 20
"""Bytes of a packet that netd takes. The broker is told, and leaves out longer ones."""

RECEIVED_AT_ONCE = 20
"""Publications that the broker may send before netd has acknowledged the first of them."""

MOST_FLYING = 100
"""Publications with QoS 1 that are under way at once, at most. The broker may allow fewer."""

PORTION = 1 << 16
"""Bytes that leave in one turn, at most."""

FAILED = 128
"""Reason codes from here on are failures."""

REMEDIES = {
    "BAD_USER_NAME_OR_PASSWORD": "correct `username` and `password_file`",
    "NOT_AUTHORIZED": "correct `username` and `password_file`, or let this user in, in the broker's configuration",
    "CLIENT_ID_NOT_VALID": "the broker must admit the client id {client_id!r}",
    "UNSUPPORTED_PROTOCOL_VERSION": "netd needs MQTT 5, which mosquitto has from 1.6 on",
    "SESSION_TAKEN_OVER": "another client has the id {client_id!r}: give one of the two nodes another `name` in [netd]",
}
"""What to do about the reasons of a broker."""


class MqttState(enum.Enum):
    """The state of a connection to a broker."""

    OPENING = "waits for the broker's answer"
    READY = "connected"
    OVER = "over"


@frozen
class MqttPlan:
    """What a connection begins with.

    :ivar status_topic: where the birth, the will and the farewell are published.
    :ivar filters: topic filters that are subscribed to.
    """

    client_id: str
    status_topic: str
    filters: tuple[str, ...] = ()
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)


@frozen
class BrokerFacts:
    """What the broker can do, as it says in CONNACK.

    :ivar qos: the highest QoS that it takes.
    :ivar window: publications with QoS 1 that may be under way at once.
    :ivar longest: bytes of a packet that it takes; None without a limit.
    :ivar retains: whether it keeps retained messages.
    """

    qos: int
    window: int
    longest: int | None
    retains: bool


@frozen
class Arrival:
    """A message from the broker.

    :ivar response: the topic under which an answer is wanted; None if none is.
    :ivar correlation: what the answer has to bring back.
    """

    topic: str
    payload: bytes
    response: str | None = None
    correlation: bytes | None = None


class MqttShell(Protocol):
    """The connection around the machine."""

    def welcomed(self, facts: BrokerFacts) -> None:
        """The broker has accepted the login, and has been told the birth."""

    def arrived(self, arrival: Arrival) -> None:
        """A message has come."""

    def turned_away(self, why: str, remedy: str, is_taken: bool) -> None:
        """The broker has refused the login or ended the connection.

        :param is_taken: whether another client has the same id: whoever comes back at once throws the other one out.
        """

    def objected(self, what: str, why: str) -> None:
        """The broker has refused a publication or a subscription; *what* says which."""

    def pump_later(self) -> None:
        """Call :meth:`MqttMachine.pump` in the next turn."""


MqttAction = Callable[["MqttMachine", Any], None]


class MqttMachine:
    """One connection.

    :ivar state: where it stands.
    :ivar sent: publications that have left.
    """

    def __init__(self, peer: IPeer, shell: MqttShell, plan: MqttPlan, outgoing: Outgoing) -> None:
        self._peer = peer
        self._shell = shell
        self._plan = plan
        self._outgoing = outgoing
        self._reader = PacketReader(LONGEST_PACKET)
        self._facts = BrokerFacts(0, 0, None, True)
        self._keep_alive = KEEP_ALIVE
        self._awaits_pong = False
        self.state = MqttState.OPENING
        self.sent = 0

    def begin(self) -> None:
        """Log in. Nothing outlives the connection on the broker's side: netd itself keeps what is not acknowledged."""
        plan = self._plan
        will = mqtt5.Will(plan.status_topic, payload=b"offline", qos=mqtt5.QoS.AT_LEAST_ONCE, retain=True)
        login = mqtt5.ConnectPacket(
            plan.client_id,
            username=plan.username,
            password=plan.password,
            clean_start=True,
            will=will,
            keep_alive=KEEP_ALIVE,
            receive_max=RECEIVED_AT_ONCE,
            max_packet_size=LONGEST_PACKET,
        )
        self._peer.send(login.write())
        self._peer.expire_after(LOGIN_TIMEOUT)

    def received(self, data: bytes) -> None:
        """Take the bytes of a read.

        :raises netd.errors.ProtocolError: if they break the protocol.
        """
        for packet in self._reader.feed(data):
            step = self.TRANSITIONS.get((self.state, type(packet)))
            if step is None:
                raise ProtocolError(f"the broker sent {type(packet).__name__}, while netd {self.state.value}")
            action, self.state = step
            action(self, packet)
            if self.state is MqttState.OVER:
                return
        self._peer.note_unfinished(self._reader.held)

    def expired(self) -> None:
        """Some time has passed: the broker is late, or it is time for a ping."""
        if self.state is MqttState.OPENING:
            self._end(f"no answer to the login within {LOGIN_TIMEOUT:g} s; does an MQTT broker listen there?")
        elif self._awaits_pong:
            self._end(f"the broker has not answered a ping for {self._keep_alive / 2:g} s")
        else:
            self._awaits_pong = True
            self._peer.send(mqtt5.PingReqPacket().write())
            self._peer.expire_after(self._keep_alive / 2)

    def pump(self) -> None:
        """Send what waits, as much as the broker takes now, and no more than a turn's portion."""
        peer, outgoing, facts = self._peer, self._outgoing, self._facts
        if self.state is not MqttState.READY:
            return
        blocks: list[bytes] = []
        left = PORTION
        is_numbered = outgoing.qos and facts.qos
        while left > 0 and not peer.is_full:
            if is_numbered and outgoing.flying >= facts.window:
                break
            publication = outgoing.take()
            if publication is None:
                break
            block = self._written(publication, outgoing.number(publication) if is_numbered else None)
            if block is not None:
                blocks.append(block)
                left -= len(block)
        outgoing.is_held = outgoing.waiting > 0
        if blocks:
            self.sent += len(blocks)
            peer.send(b"".join(blocks))
        if left <= 0:
            self._shell.pump_later()

    def leave(self) -> None:
        """Say goodbye. A broker that is told goodbye does not publish the will, so the farewell says the same before."""
        if self.state is MqttState.READY:
            self._peer.send(self._status(b"offline"))
            self._peer.send(mqtt5.DisconnectPacket().write())
        self.state = MqttState.OVER

    def violated(self) -> None:
        """Tell the broker that it has broken the protocol. The will is published then."""
        if self.state is MqttState.READY:
            self._peer.send(mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.PROTOCOL_ERROR).write())
        self.state = MqttState.OVER

    def _written(self, publication: Publication, number: int | None) -> bytes | None:
        """Return the packet of *publication*; None if the broker does not take one of that size."""
        is_retained = publication.is_retained and self._facts.retains
        qos = mqtt5.QoS.AT_MOST_ONCE if number is None else mqtt5.QoS.AT_LEAST_ONCE
        topic, payload, _, correlation = publication
        packet = mqtt5.PublishPacket(
            topic, payload, qos=qos, retain=is_retained, packet_id=number, correlation_data=correlation
        ).write()
        longest = self._facts.longest
        if longest is None or len(packet) <= longest:
            return packet
        if number is not None:
            self._outgoing.acknowledged(number)
        self._outgoing.counts["too long"] += 1
        self._shell.objected(topic, f"{len(packet)} bytes are more than the {longest} that it takes")
        return None

    def _status(self, payload: bytes) -> bytes:
        return mqtt5.PublishPacket(self._plan.status_topic, payload, retain=self._facts.retains).write()

    def _end(self, why: str) -> None:
        self.state = MqttState.OVER
        self._peer.close(why)

    # What each packet does

    def _do_welcome(self, packet: mqtt5.ConnAckPacket) -> None:
        # A member of an enumeration whose value is 0 is true here: the package says IntEnum, and its classes are none.
        if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            self._turn_away("the broker refuses netd", packet)
            return
        qos = 0 if packet.max_qos == mqtt5.QoS.AT_MOST_ONCE else 1
        window = min(packet.receive_max, MOST_FLYING)
        self._facts = BrokerFacts(qos, window, packet.max_packet_size, packet.retain_available)
        if packet.server_keep_alive:
            self._keep_alive = packet.server_keep_alive
        self._peer.send(self._status(b"online"))
        if self._plan.filters:
            self._peer.send(mqtt5.SubscribePacket(1, [_filter(each) for each in self._plan.filters]).write())
        self._peer.expire_after(self._keep_alive / 2)
        self._shell.welcomed(self._facts)

    def _do_take(self, packet: mqtt5.PublishPacket) -> None:
        if packet.packet_id is not None:
            self._peer.send(mqtt5.PubAckPacket(packet.packet_id).write())
        # What was retained is not new: a device must not be told again, at each start of netd, what it was told a year ago.
        if not packet.retain:
            self._shell.arrived(Arrival(packet.topic, packet.payload, packet.response_topic, packet.correlation_data))

    def _do_acknowledge(self, packet: mqtt5.PubAckPacket) -> None:
        publication = self._outgoing.acknowledged(packet.packet_id)
        if publication is not None and packet.reason_code.value >= FAILED:
            self._outgoing.counts["refused"] += 1
            self._shell.objected(publication.topic, reason_text(packet.reason_code, packet.reason_str))
        self._shell.pump_later()

    def _do_see_subscriptions(self, packet: mqtt5.SubAckPacket) -> None:
        for pattern, code in zip(self._plan.filters, packet.reason_codes, strict=False):
            if code.value >= FAILED:
                self._shell.objected(f"the subscription to {pattern}", reason_text(code, packet.reason_str))

    def _do_note_pong(self, packet: mqtt5.PingRespPacket) -> None:
        self._awaits_pong = False

    def _do_hang_up(self, packet: mqtt5.DisconnectPacket) -> None:
        self._turn_away("the broker ended the connection", packet)

    def _turn_away(self, what: str, packet: mqtt5.ConnAckPacket | mqtt5.DisconnectPacket) -> None:
        name = packet.reason_code.name
        why = f"{what}: {reason_text(packet.reason_code, packet.reason_str)}"
        remedy = REMEDIES.get(name, "").format(client_id=self._plan.client_id)
        self._shell.turned_away(why, remedy, name == "SESSION_TAKEN_OVER")
        self._end(f"{why}: {remedy}" if remedy else why)

    TRANSITIONS: ClassVar[dict[tuple[MqttState, type], tuple[MqttAction, MqttState]]] = {
        (MqttState.OPENING, mqtt5.ConnAckPacket): (_do_welcome, MqttState.READY),
        (MqttState.OPENING, mqtt5.DisconnectPacket): (_do_hang_up, MqttState.OVER),
        (MqttState.READY, mqtt5.PublishPacket): (_do_take, MqttState.READY),
        (MqttState.READY, mqtt5.PubAckPacket): (_do_acknowledge, MqttState.READY),
        (MqttState.READY, mqtt5.SubAckPacket): (_do_see_subscriptions, MqttState.READY),
        (MqttState.READY, mqtt5.PingRespPacket): (_do_note_pong, MqttState.READY),
        (MqttState.READY, mqtt5.DisconnectPacket): (_do_hang_up, MqttState.OVER),
    }
    """What is done with each packet in each state, and the state afterwards. An absent pair breaks the protocol."""


def _filter(pattern: str) -> mqtt5.TopicFilter:
    """Return a subscription to *pattern*, without what netd itself publishes, and without what was retained before."""
    return mqtt5.TopicFilter(
        pattern,
        max_qos=mqtt5.QoS.AT_LEAST_ONCE,
        no_local=True,
        retain_as_published=False,
        retain_handling=mqtt5.RetainHandling.SEND_NEVER,
    )

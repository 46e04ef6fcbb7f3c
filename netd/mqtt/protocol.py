"""The connection to the broker: the shell around :class:`netd.mqtt.machine.MqttMachine`."""

from __future__ import annotations

from typing import Protocol

from twisted.logger import LogLevel

from netd.connection.bounds import Bounds, Policy
from netd.connection.dialing import DialledFactory, DialledProtocol
from netd.connection.peer import PeerContext
from netd.errors import ProtocolError
from netd.mqtt.machine import Arrival, BrokerFacts, MqttMachine, MqttPlan, MqttState
from netd.mqtt.outgoing import Outgoing

__all__ = ["MqttConnection", "MqttFactory", "MqttOwner"]

WAITING = 1 << 20
"""Bytes that may wait in the outbox of the connection: a turn's portion, and acknowledgements. What else waits is in
:class:`netd.mqtt.outgoing.Outgoing`, which has its own bound."""


class MqttOwner(Protocol):
    """The service, as its connections see it."""

    outgoing: Outgoing

    def plan(self) -> MqttPlan:
        """What a connection begins with."""

    def welcomed(self, facts: BrokerFacts) -> None:
        """The broker has let netd in."""

    def arrived(self, arrival: Arrival) -> None:
        """A message has come."""

    def objected(self, what: str, why: str) -> None:
        """The broker has refused a publication or a subscription."""

    def parted(self) -> None:
        """The connection has ended that the broker had let in."""


class MqttConnection(DialledProtocol):
    """One connection to the broker."""

    bounds = Bounds(Policy.DISCONNECT, WAITING)
    has_login = True
    machine = ("mqtt",)
    factory: MqttFactory
    mqtt: MqttMachine

    def opened(self) -> None:
        owner = self.factory.owner
        self._is_in = False
        self.mqtt = MqttMachine(self.peer, self, owner.plan(), owner.outgoing)
        self.mqtt.begin()

    def received(self, data: bytes) -> None:
        try:
            self.mqtt.received(data)
        except ProtocolError as error:
            self.refuse(error.kind, str(error), data)
            self.mqtt.violated()
            self.peer.close(str(error))

    def expired(self) -> None:
        self.mqtt.expired()

    def drained(self) -> None:
        self.mqtt.pump()

    def finish(self) -> None:
        self.mqtt.leave()
        super().finish()

    def closed(self) -> None:
        self.factory.published += self.mqtt.sent
        if self._is_in:
            self.factory.owner.parted()
        if self.is_unwelcome:
            self.leaving = LogLevel.debug  # the refusal has a line of its own

    # MqttShell

    def welcomed(self, facts: BrokerFacts) -> None:
        """See :class:`netd.mqtt.machine.MqttShell`, as for all that follow."""
        self._is_in = True
        self.ready()
        self.factory.owner.welcomed(facts)

    def arrived(self, arrival: Arrival) -> None:
        """Hand a message on."""
        self.factory.owner.arrived(arrival)

    def turned_away(self, why: str, remedy: str, is_taken: bool) -> None:
        """Log (limited) why the broker does not want this connection, and have the dialer wait for longer."""
        self.is_unwelcome = True
        text = f"{why}: {remedy}" if remedy else why
        self.refuse("taken over" if is_taken else "turned away", text, b"")

    def objected(self, what: str, why: str) -> None:
        """Hand it on."""
        self.factory.owner.objected(what, why)

    def pump_later(self) -> None:
        """Go on in the next turn."""
        self.factory.context.clock.callLater(0, self.pump)

    def pump(self) -> None:
        """Send what waits."""
        if self.peer.is_open and self.mqtt.state is MqttState.READY:
            self.mqtt.pump()


class MqttFactory(DialledFactory):
    """Makes the connections to the broker.

    :ivar published: publications that have left on connections that have ended.
    """

    connection = MqttConnection
    owner: MqttOwner

    def __init__(self, name: str, context: PeerContext) -> None:
        super().__init__(name, context)
        self.published = 0

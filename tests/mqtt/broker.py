"""A broker as tests play it: it reads what netd has written, and says what the test wants."""

from __future__ import annotations

from typing import Any

import mqtt5
from twisted.internet.testing import MemoryReactorClock

from netd.kinds import ServiceKind
from netd.mqtt.packets import PacketReader
from netd.testing import FakeRemote
from netd.testing.connections import Connection

__all__ = ["BROKER", "KIND", "PlayedBroker"]

KIND = ServiceKind("mqtt", "netd.mqtt")

BROKER = "broker = tcp:127.0.0.1:1883"


class PlayedBroker:
    """One connection of netd.

    :ivar login: the CONNECT of netd.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader = PacketReader(1 << 20)
        self._heard = b""
        [self.login] = self.packets()

    @classmethod
    def accept(cls, reactor: MemoryReactorClock) -> PlayedBroker:
        """Accept netd's call."""
        return cls(FakeRemote(reactor).accept())

    @classmethod
    def welcome(cls, reactor: MemoryReactorClock, **facts: Any) -> PlayedBroker:
        """Accept netd's call, and let it in."""
        broker = cls.accept(reactor)
        broker.say(mqtt5.ConnAckPacket(**facts))
        return broker

    @property
    def is_closing(self) -> bool:
        """Whether netd has closed the connection."""
        return self._connection.is_closing

    @property
    def transport(self) -> Any:
        """The transport that netd writes to."""
        return self._connection.transport

    def say(self, *packets: Any) -> None:
        """Send packets to netd."""
        self.say_bytes(b"".join(packet.write() for packet in packets))

    def say_bytes(self, data: bytes) -> None:
        """Send bytes to netd, which need not be packets."""
        self._heard += self._connection.say(data)

    def send(self, topic: str, payload: bytes, **more: Any) -> None:
        """Send a message to netd."""
        self.say(mqtt5.PublishPacket(topic, payload, **more))

    def packets(self) -> list[Any]:
        """What netd has sent since the last call."""
        heard, self._heard = self._heard + self._connection.heard(), b""
        return list(self._reader.feed(heard))

    def published(self) -> list[tuple[str, bytes]]:
        """Topic and payload of what it has published since the last call."""
        return [(one.topic, one.payload) for one in self.packets() if isinstance(one, mqtt5.PublishPacket)]

    def lose(self) -> None:
        """The connection ends."""
        self._connection.lose()

"""The relay in plain Twisted: ``StatefulProtocol`` calls back for every field, every message is a ``write``.

Usage: ``relay_twisted.py PORT``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import react
from twisted.protocols.stateful import StatefulProtocol
from twisted.python.failure import Failure

HEADER = 64
SENT = b"data succesfully sent"
NOT_FOUND = b"|target not found|"

State = tuple[Callable[[bytes], Any], int]
"""What takes the next field, and how long that field is."""


def frame(payload: bytes) -> bytes:
    """*payload* behind its header."""
    return str(len(payload)).encode().ljust(HEADER) + payload


class RelayProtocol(StatefulProtocol):
    """One connection.

    :ivar devices: the devices of all connections, by address.
    """

    _transport: ITCPTransport

    def __init__(self, devices: dict[str, ITCPTransport]) -> None:
        self.devices = devices
        self._address = ""
        self._target = ""
        self._header = b""

    def connectionMade(self) -> None:
        self._transport = ITCPTransport(self.transport)
        self._transport.setTcpNoDelay(True)
        peer = self._transport.getPeer()
        assert isinstance(peer, IPv4Address)
        self._address = str((peer.host, peer.port))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.devices.pop(self._address, None)

    def getInitialState(self) -> State:  # noqa: N802 - StatefulProtocol asks for it
        return self._take_type_header, HEADER

    def _take_type_header(self, field: bytes) -> State:
        return self._take_type, int(field)

    def _take_type(self, field: bytes) -> State:
        if field == b"raspberrypi":
            self.devices[self._address] = self._transport
            return self.getInitialState()
        return self._take_target, HEADER

    def _take_target(self, field: bytes) -> State:
        self._target = field.decode().strip()
        return self._take_header, HEADER

    def _take_header(self, field: bytes) -> State:
        self._header = field
        return self._take_payload, int(field)

    def _take_payload(self, field: bytes) -> State:
        device = self.devices.get(self._target)
        if device is not None:
            device.write(self._header + field)
        self._transport.write(frame(NOT_FOUND if device is None else SENT))
        return self.getInitialState()


def main(reactor: Any, port: str) -> Deferred[None]:
    """Accept for ever."""
    devices: dict[str, ITCPTransport] = {}
    factory = Factory.forProtocol(lambda: RelayProtocol(devices))
    reactor.listenTCP(int(port), factory, backlog=1024, interface="127.0.0.1")
    return Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:2])

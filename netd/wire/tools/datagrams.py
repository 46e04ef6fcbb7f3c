"""The datagrams that ``netd learn`` records.

Each address of a program is a connection, with a socket of its own to the old server.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import DatagramProtocol

from netd.wire.tools.streams import LearnedFactory
from netd.wire.tools.witness import PATIENCE

__all__ = ["LearnedDatagrams"]

MOST_ADDRESSES = 200
"""Addresses whose datagrams are recorded."""


class LearnedDatagrams(DatagramProtocol):
    """The port to which programs send.

    :param shared: the clock, and what sees everything.
    :param server: address and port of the old server; None if there is none.
    """

    transport: Any

    def __init__(self, shared: LearnedFactory, reactor: Any, server: tuple[str, int] | None = None) -> None:
        self._shared = shared
        self._reactor = reactor
        self._server = server
        self._known: dict[tuple[str, int], LearnedAddress] = {}

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802 - Twisted's name
        place = (addr[0], addr[1])
        known = self._known.get(place)
        if known is None:
            if len(self._known) == MOST_ADDRESSES:
                self._shared.tell_once(f"{MOST_ADDRESSES} addresses have sent datagrams; those of others are not recorded")
                return
            known = self._known[place] = LearnedAddress(self._shared, self.transport, place)
            if self._server is not None:
                server = OldDatagramServer(self._shared, known, self._server)
                self._reactor.listenUDP(0, server, interface="::" if ":" in self._server[0] else "")
        known.said(datagram)

    def stopProtocol(self) -> None:  # noqa: N802 - Twisted's name
        for known in self._known.values():
            known.end()


class LearnedAddress:
    """The datagrams of one address."""

    def __init__(self, shared: LearnedFactory, transport: Any, place: tuple[str, int]) -> None:
        self._shared = shared
        self._transport = transport
        self._place = place
        self._waiting: Any = None
        host, port = place
        self._number = shared.witness.opened(shared.now(), f"{f'[{host}]' if ':' in host else host}:{port}")
        self.upstream: Any = None

    def said(self, datagram: bytes) -> None:
        """The program sends *datagram*."""
        self._shared.witness.said(self._shared.now(), self._number, datagram)
        if self.upstream is not None:
            self.upstream.write(datagram)
            return
        self.end()
        self._waiting = self._shared.clock.callLater(PATIENCE, self._try)

    def heard(self, datagram: bytes) -> None:
        """Its server answers."""
        self._shared.witness.heard(self._shared.now(), self._number, datagram)
        self._transport.write(datagram, self._place)

    def end(self) -> None:
        """Try nothing any more."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()

    def _try(self) -> None:
        attempt = self._shared.witness.waits(self._shared.now(), self._number)
        if attempt is not None:
            self._transport.write(attempt, self._place)


class OldDatagramServer(DatagramProtocol):
    """The socket by which an address talks to its old server."""

    transport: Any

    def __init__(self, shared: LearnedFactory, address: LearnedAddress, server: tuple[str, int]) -> None:
        self._shared = shared
        self._address = address
        self._server = server

    def startProtocol(self) -> None:  # noqa: N802 - Twisted's name
        self.transport.connect(*self._server)
        self._address.upstream = self.transport

    def datagramReceived(self, datagram: bytes, _addr: object) -> None:  # noqa: N802 - Twisted's name
        self._address.heard(datagram)

    def connectionRefused(self) -> None:  # noqa: N802 - Twisted's name
        """Nobody listens there."""
        self._shared.tell_once("nobody listens where --through says; start the old server")

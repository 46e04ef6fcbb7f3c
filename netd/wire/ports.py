"""The UDP ports of one wire: they are opened, kept over a reload where they stay the same, and closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError

from netd.change import Change
from netd.config.descriptions import arguments_of
from netd.listener import CannotListen, reach_of
from netd.status import ListeningPlace
from netd.wire.datagram import WireDatagrams
from netd.wire.protocol import WireFactory
from netd.wire.section import WireSection

__all__ = ["DatagramPorts"]

LARGEST = 1 << 16
"""Bytes of a datagram that are read: all that one can have."""


class DatagramPorts:
    """The ports of one wire, by the descriptions of their endpoints.

    :param factory: of its connections, whose access and last words the senders of datagrams share.
    :param remedy: what a person can do when a port cannot be opened.
    """

    def __init__(self, section: WireSection, factory: WireFactory, reactor: Any, remedy: str) -> None:
        self._section = section
        self._factory = factory
        self._reactor = reactor
        self._remedy = remedy
        self._open: dict[str, tuple[WireDatagrams, Any]] = {}

    @property
    def addresses(self) -> int:
        """How many addresses send datagrams."""
        return sum(len(links) for links, _ in self._open.values())

    def open(self, wanted: Sequence[str]) -> None:
        """Open those of the *wanted* ports that are not.

        :raises CannotListen: for the first that cannot be.
        """
        for one in wanted:
            if one not in self._open:
                self._open[one] = self._opened(one)

    def prepare(self, wanted: Sequence[str], change: Change) -> None:
        """Open what a *change* of the section adds, in case that it is applied."""
        opened: dict[str, tuple[WireDatagrams, Any]] = {}
        for one in wanted:
            if one not in self._open:
                try:
                    opened[one] = self._opened(one)
                except CannotListen as error:
                    change.refuse("listen", error.why)
        change.when_discarded(lambda: [port.stopListening() for _, port in opened.values()])
        change.when_applied(lambda: self._open.update(opened))

    def follow(self, wanted: Sequence[str]) -> None:
        """Close those that are not *wanted* any more."""
        for one in [one for one in self._open if one not in wanted]:
            links, port = self._open.pop(one)
            links.end("netd does not listen there any more")
            port.stopListening()

    def consider(self) -> None:
        """Let go of the addresses that are not admitted any more."""
        for links, _ in self._open.values():
            links.consider()

    def end(self) -> None:
        """Let go of all addresses politely."""
        for links, _ in self._open.values():
            links.end(self._factory.farewell)

    def close(self) -> list[Deferred[Any]]:
        """Close all. Return what fires when they are."""
        self.end()
        closed = [maybeDeferred(port.stopListening) for _, port in self._open.values()]
        self._open.clear()
        return closed

    def listening(self) -> list[ListeningPlace]:
        """Return where datagrams are received."""
        places = []
        for _, port in self._open.values():
            host = port.getHost()
            shown = f"[{host.host}]:{host.port}" if ":" in host.host else f"{host.host}:{host.port}"
            places.append(ListeningPlace(f"udp:{shown}", reach_of(host)))
        return places

    def _opened(self, description: str) -> tuple[WireDatagrams, Any]:
        _, arguments = arguments_of(description)
        links = WireDatagrams(self._section, lambda: self._factory.access)
        try:
            port = self._reactor.listenUDP(int(arguments["port"]), links, arguments["interface"], LARGEST)
        except CannotListenError as error:
            why = f"cannot listen on {description}: {error.socketError}. {self._remedy}"
            raise CannotListen(self._factory.name, why) from error
        return links, port

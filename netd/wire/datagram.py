"""Datagrams to a wire: each address that sends them is a peer, until it has been silent for ``idle_timeout``.

The address of a datagram can be forged. So an answer is never much longer than what it answers, few go out in a second, and
addresses that send nothing are forgotten.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import DatagramProtocol

from netd.access.section import SectionAccess
from netd.connection.refusals import NOT_ADMITTED
from netd.principal import ANONYMOUS, Principal
from netd.reserved import Reserves
from netd.wire.link import WireLink
from netd.wire.outlet import WireNote
from netd.wire.section import WireSection

__all__ = ["WireDatagrams"]

Place = tuple[str, int]

MORE = 64
"""Bytes that answers to a datagram may have more than the datagram."""

MOST_ANSWERS = 100
"""Answers a second to one address."""

READ = 1 << 12
"""Bytes of datagrams that are read at a time; connections have their turn in between."""


class _DatagramLink(WireLink):
    """A link over datagrams from one address."""

    is_forgeable = True

    def __init__(self, port: WireDatagrams, place: Place, principal: Principal) -> None:
        self._port = port
        self._place = place
        self._principal = principal
        self._allowance = 0
        self._second = 0.0
        self._answers = 0
        section = port.section
        host = place[0]
        address = f"[{host}]:{place[1]}" if ":" in host else f"{host}:{place[1]}"
        super().__init__(section, section.named(host), address, host, is_datagram=True)

    def received(self, data: bytes) -> None:
        self._allowance = len(data) + MORE
        super().received(data)

    def write(self, data: bytes) -> None:
        now = self.clock()
        if now - self._second >= 1.0:
            self._second, self._answers = now, 0
        if self.section.speaks_freely:
            self._port.send(data, self._place)
        elif len(data) > self._allowance:
            self.note(WireNote.UNSAID, f"an answer may have {MORE} bytes more than its datagram, and this has {len(data)}", data)
        elif self._answers >= MOST_ANSWERS:
            self.note(WireNote.UNSAID, f"{MOST_ANSWERS} answers went to this address within a second", data)
        else:
            self._allowance -= len(data)
            self._answers += 1
            self._port.send(data, self._place)

    def finish(self, reason: str) -> None:
        self._port.forget(self._place, reason)

    def pause(self, is_paused: bool) -> None:
        """Do nothing: datagrams come or are lost, and the machine keeps few of them."""

    def principal(self) -> Principal:
        return self._principal

    def reserves(self) -> Reserves:
        access: Reserves = self._port.access()
        return access


class WireDatagrams(DatagramProtocol):
    """One port for datagrams.

    :param access: returns who may send here.
    """

    transport: Any

    def __init__(self, section: WireSection, access: Any) -> None:
        self.section = section
        self.access = access
        self._links: dict[Place, _DatagramLink] = {}
        self._nameless: dict[Place, None] = {}  # addresses of which nothing has counted yet

    def startProtocol(self) -> None:  # noqa: N802 - Twisted's name
        """Read little at a time."""
        self.transport.maxThroughput = READ

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802 - Twisted's name
        """Take one datagram."""
        place = addr[0], addr[1]
        self.section.bytes_in += len(datagram)
        link = self._links.get(place)
        if link is None:
            link = self._begin(place)
        if link is not None:
            link.received(datagram)
            if place in self._nameless and link.machine.identity.name:
                del self._nameless[place]

    def _begin(self, place: Place) -> _DatagramLink | None:
        access: SectionAccess = self.access()
        principal = access.admit_host(place[0])
        who = f"{place[0]}:{place[1]}"
        if principal is None or principal is ANONYMOUS:
            self.section.note(WireNote.UNPROVEN, who, f"{NOT_ADMITTED}: {access.objection()}", b"", place[0])
            return None
        most = self.section.config.max_connections
        if most is not None and len(self._links) >= most and self._nameless:
            self.forget(next(iter(self._nameless)), "made room for another address")
        if most is not None and len(self._links) >= most:
            self.section.note(WireNote.CROWDED, who, f"{most} addresses send already (`max_connections`)", b"", place[0])
            return None
        link = self._links[place] = _DatagramLink(self, place, principal)
        self._nameless[place] = None
        link.connected()
        return link

    def send(self, data: bytes, place: Place) -> None:
        """Send a datagram, if the operating system takes it."""
        self.section.bytes_out += len(data)
        try:
            self.transport.write(data, place)
        except OSError as error:
            self.section.note(WireNote.UNSAID, f"{place[0]}:{place[1]}", str(error.strerror or error), data, place[0])

    def forget(self, place: Place, reason: str) -> None:
        """Forget an address: it has said goodbye, or nothing for too long."""
        link = self._links.pop(place, None)
        self._nameless.pop(place, None)
        if link is not None:
            link.gone(reason)

    def end(self, reason: str) -> None:
        """Forget all addresses."""
        for place in list(self._links):
            self.forget(place, reason)

    def consider(self) -> None:
        """Forget the addresses that are not admitted any more."""
        for place in list(self._links):
            if self.access().admit_host(place[0]) is None:
                self.forget(place, NOT_ADMITTED)

    def __len__(self) -> int:
        return len(self._links)

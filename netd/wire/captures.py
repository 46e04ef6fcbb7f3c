"""A recording out of captured packets: one program's conversations, each direction in its order.

TCP's segments are put in order, repeated ones are dropped, and what was never captured ends its connection: messages with a hole
would teach nonsense.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from attrs import define, field, frozen

from netd.wire.capture_file import BadCapture, CapturedPacket, LinkType
from netd.wire.recording import PROGRAM, SERVER, Direction, Recorded, Recording, Transport

__all__ = ["recording_of"]

MOST_OUT_OF_ORDER = 256
"""Segments of one direction that wait for the one before them. With more, that one was not captured."""

_TCP, _UDP = 6, 17
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


@frozen
class _Packet:
    """What TCP or UDP carries from one address to another."""

    time: float
    source: tuple[bytes, int]
    target: tuple[bytes, int]
    data: bytes
    flags: int = 0
    number: int = 0


def recording_of(packets: Iterable[CapturedPacket], port: int, is_udp: bool = False) -> Recording:
    """Return what programs and the server at *port* said to each other.

    :raises BadCapture: if there is nothing of the kind.
    """
    teller = _CaptureTeller(port, is_udp)
    ports: set[int] = set()
    for captured in packets:
        for packet in _unpacked(captured, _UDP if is_udp else _TCP):
            ports |= {packet.source[1], packet.target[1]}
            if port in {packet.source[1], packet.target[1]}:
                if not captured.is_whole:
                    raise BadCapture("the capture has the beginnings of packets alone; tcpdump -s 0 -w FILE keeps them whole")
                teller.take(packet)
    if not teller.events:
        name = "udp" if is_udp else "tcp"
        seen = ", ".join(map(str, sorted(ports)[:8]))
        raise BadCapture(
            f"nothing in the capture is about {name} port {port}; {f'it has ports {seen}' if seen else 'it has none'}"
        )
    return teller.recording()


# From the link to TCP and UDP

_ETHERTYPE = {LinkType.ETHERNET: 12, LinkType.LINUX_SLL: 14, LinkType.LINUX_SLL2: 0}
_BEHIND = {LinkType.ETHERNET: 14, LinkType.LINUX_SLL: 16, LinkType.LINUX_SLL2: 20, LinkType.NULL: 4, LinkType.LOOP: 4}
_KNOWN = {*_BEHIND, LinkType.RAW, LinkType.IPV4, LinkType.IPV6}


def _unpacked(captured: CapturedPacket, protocol: int) -> Iterator[_Packet]:
    if captured.link not in _KNOWN:
        raise BadCapture(f"the capture is of link type {captured.link}; Ethernet, loopback and Linux' cooked ones are read")
    start = _BEHIND.get(captured.link, 0)
    data = captured.data
    if captured.link in _ETHERTYPE:
        at = _ETHERTYPE[captured.link]
        while data[at : at + 2] in {b"\x81\x00", b"\x88\xa8"}:  # VLAN
            at, start = at + 4, start + 4
        if data[at : at + 2] not in {b"\x08\x00", b"\x86\xdd"}:
            return
    packet = data[start:]
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        yield from _of_ipv4(captured, packet, protocol)
    elif version == 6:
        yield from _of_ipv6(captured, packet, protocol)


def _of_ipv4(captured: CapturedPacket, packet: bytes, protocol: int) -> Iterator[_Packet]:
    if len(packet) < 20 or packet[9] != protocol:
        return
    length, fragment = struct.unpack_from(">H2xH", packet, 2)
    if not fragment & 0x3FFF:
        body = packet[(packet[0] & 15) * 4 : length or len(packet)]
        yield from _of_transport(captured, packet[12:16], packet[16:20], body, protocol)


def _of_ipv6(captured: CapturedPacket, packet: bytes, protocol: int) -> Iterator[_Packet]:
    if len(packet) < 40:
        return
    (length,) = struct.unpack_from(">H", packet, 4)
    following, at = packet[6], 40
    while following in {0, 43, 60} and at + 2 <= len(packet):  # hop-by-hop, routing, destination options
        following, at = packet[at], at + 8 * (packet[at + 1] + 1)
    if following == protocol:
        yield from _of_transport(captured, packet[8:24], packet[24:40], packet[at : 40 + length if length else None], protocol)


def _of_transport(captured: CapturedPacket, source: bytes, target: bytes, body: bytes, protocol: int) -> Iterator[_Packet]:
    if len(body) < (8 if protocol == _UDP else 20):
        return
    ports = struct.unpack_from(">HH", body)
    ends = (captured.time, (source, ports[0]), (target, ports[1]))
    if protocol == _UDP:
        yield _Packet(*ends, body[8:])
    else:
        (number,) = struct.unpack_from(">I", body, 4)
        yield _Packet(*ends, body[(body[12] >> 4) * 4 :], body[13], number)


# From packets to events


@define
class _SegmentOrder:
    """One direction of a connection.

    :ivar next: number of the byte that comes next; None before the first packet.
    """

    next: int | None = None
    waiting: dict[int, bytes] = field(factory=dict)
    fin: int | None = None

    def take(self, packet: _Packet) -> bytes:
        """Return the bytes that *packet* completes."""
        number = packet.number
        if packet.flags & _SYN:
            self.next = (number + 1) & 0xFFFFFFFF
            return b""
        if self.next is None:
            self.next = number
        if packet.flags & _FIN:
            self.fin = (number + len(packet.data)) & 0xFFFFFFFF
        if packet.data:
            self.waiting[number] = max(self.waiting.get(number, b""), packet.data, key=len)
        return b"".join(self._in_order())

    def _in_order(self) -> Iterator[bytes]:
        found = True
        while found:
            found = False
            for number, data in sorted(self.waiting.items()):
                ahead = (number - (self.next or 0) + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                if ahead <= 0:
                    del self.waiting[number]
                    fresh = data[-ahead:] if ahead else data
                    self.next = ((self.next or 0) + len(fresh)) & 0xFFFFFFFF
                    found = True
                    yield fresh

    @property
    def has_ended(self) -> bool:
        """Whether the last byte is there."""
        return self.fin is not None and self.fin == self.next


@define
class _Flow:
    """One connection, or the datagrams of one address."""

    number: int
    said: _SegmentOrder = field(factory=_SegmentOrder)
    heard: _SegmentOrder = field(factory=_SegmentOrder)
    first_to_end: bytes | None = None
    is_closed: bool = False


class _CaptureTeller:
    """Makes events of packets.

    :ivar events: so far.
    """

    def __init__(self, port: int, is_udp: bool) -> None:
        self.events: list[Recorded] = []
        self._port = port
        self._is_udp = is_udp
        self._flows: dict[tuple[bytes, int], _Flow] = {}
        self._began: float | None = None
        self._count = 0
        self._last = 0.0

    def recording(self) -> Recording:
        """Return what was told. A connection of which one side has ended is closed at the end of the capture."""
        for flow in self._flows.values():
            if flow.first_to_end is not None and not flow.is_closed:
                self._close(flow)
        return Recording(Transport.UDP if self._is_udp else Transport.TCP, False, tuple(self.events), self._began)

    def take(self, packet: _Packet) -> None:
        """Take a packet from or to the server's port."""
        is_said = packet.target[1] == self._port
        program = packet.source if is_said else packet.target
        flow = self._flows.get(program)
        begins = packet.flags & (_SYN | _ACK) == _SYN and is_said
        if (begins and (flow is None or flow.is_closed)) or (flow is None and packet.data):
            flow = self._open(packet, program)
        if flow is None or flow.is_closed:
            return  # the end of a conversation whose beginning was not captured, or a segment that was sent twice
        self._at(packet.time)
        direction = Direction.SAID if is_said else Direction.HEARD
        if self._is_udp:
            self._tell(flow, direction, packet.data)
            return
        way = flow.said if is_said else flow.heard
        data = way.take(packet)
        if data:
            self._tell(flow, direction, data)
        is_broken = packet.flags & _RST or len(way.waiting) > MOST_OUT_OF_ORDER
        if flow.first_to_end is None and (way.has_ended or is_broken):
            flow.first_to_end = PROGRAM if is_said else SERVER
        if is_broken or (flow.said.has_ended and flow.heard.has_ended):
            self._close(flow)

    def _open(self, packet: _Packet, program: tuple[bytes, int]) -> _Flow:
        self._count += 1
        flow = self._flows[program] = _Flow(self._count)
        self._at(packet.time)
        self._tell(flow, Direction.OPENED, _written(program))
        return flow

    def _close(self, flow: _Flow) -> None:
        flow.is_closed = True
        self._tell(flow, Direction.CLOSED, flow.first_to_end or PROGRAM)

    def _at(self, time: float) -> None:
        """Events are at *time* from now on; captures of several interfaces may be a little out of order."""
        self._began = time if self._began is None else self._began
        self._last = max(self._last, round(time - self._began, 3))

    def _tell(self, flow: _Flow, direction: Direction, data: bytes) -> None:
        self.events.append(Recorded(self._last, flow.number, direction, data))


def _written(end: tuple[bytes, int]) -> bytes:
    address = str(ip_address(end[0]))
    return f"{f'[{address}]' if ':' in address else address}:{end[1]}".encode()

"""Packets out of the files that tcpdump and Wireshark write: pcap and pcapng. Pure: bytes in, packets out.

The packages on PyPI that read such files either bring a whole toolbox of protocols or leave the order of TCP's segments to their
caller, which is most of the work (:mod:`netd.wire.captures`). The files themselves are a few fixed structures.
Sources: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from attrs import field, frozen

__all__ = ["BadCapture", "CapturedPacket", "LinkType", "read_packets"]


class BadCapture(ValueError):
    """Bytes are no capture that netd reads; the message says why."""


class LinkType:
    """Numbers of the link layers that are read."""

    NULL = 0
    ETHERNET = 1
    RAW = 101
    LOOP = 108
    LINUX_SLL = 113
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


@frozen
class CapturedPacket:
    """One packet.

    :ivar time: in seconds since 1970.
    :ivar link: number of the link layer.
    :ivar is_whole: whether all of it was captured.
    """

    time: float
    link: int
    data: bytes
    is_whole: bool


def read_packets(data: bytes) -> Iterator[CapturedPacket]:
    """Return the packets of a capture in the file's order. A file whose end is missing has those before it.

    :raises BadCapture: if *data* is no such file.
    """
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return _read_blocks(data)
    for order, marks in (("<", _LITTLE), (">", _BIG)):
        if data[:4] in marks:
            return _read_records(data, order, marks[data[:4]])
    if data[:2] == b"\x1f\x8b":
        raise BadCapture("the capture is compressed; gunzip it first")
    raise BadCapture("the file is neither pcap nor pcapng; tcpdump -w FILE and Wireshark write both")


_LITTLE = {b"\xd4\xc3\xb2\xa1": 1e6, b"\x4d\x3c\xb2\xa1": 1e9}
_BIG = {b"\xa1\xb2\xc3\xd4": 1e6, b"\xa1\xb2\x3c\x4d": 1e9}
"""The first bytes of a pcap file, and its ticks a second."""


def _read_records(data: bytes, order: str, ticks: float) -> Iterator[CapturedPacket]:
    if len(data) < 24:
        raise BadCapture("the header of the capture is not whole")
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0x0FFFFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, kept, length = struct.unpack_from(f"{order}IIII", data, at)
        if at + 16 + kept > len(data):
            return
        yield CapturedPacket(seconds + fraction / ticks, link, data[at + 16 : at + 16 + kept], kept == length)
        at += 16 + kept


@frozen
class _Interface:
    """An interface of a pcapng section."""

    link: int
    ticks: float
    offset: int


@frozen
class _CaptureSection:
    """A section of a pcapng file: its byte order and its interfaces so far."""

    order: str
    interfaces: list[_Interface] = field(factory=list)


_SECTION, _INTERFACE, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 3, 6


def _read_blocks(data: bytes) -> Iterator[CapturedPacket]:
    section = _CaptureSection("<")
    at = 0
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            section = _CaptureSection("<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">")
        kind, length = struct.unpack_from(f"{section.order}II", data, at)
        if length < 12 or length % 4:
            raise BadCapture(f"a block at byte {at} says that it is {length} bytes long; the capture is damaged")
        if at + length > len(data):
            return
        body = data[at + 8 : at + length - 4]
        if kind == _INTERFACE and len(body) >= 8:
            section.interfaces.append(_read_interface(body, section.order))
        elif kind in {_ENHANCED, _SIMPLE}:
            yield from _read_block(kind, body, section)
        at += length


def _read_interface(body: bytes, order: str) -> _Interface:
    (link,) = struct.unpack_from(f"{order}H", body)
    ticks, offset, at = 1e6, 0, 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == 9 and length == 1:  # if_tsresol
            ticks = float(2 ** (value[0] & 0x7F)) if value[0] & 0x80 else 10.0 ** value[0]
        elif code == 14 and length == 8:  # if_tsoffset
            (offset,) = struct.unpack(f"{order}q", value)
        at += 4 + length + -length % 4
    return _Interface(link, ticks, offset)


def _read_block(kind: int, body: bytes, section: _CaptureSection) -> Iterator[CapturedPacket]:
    if kind == _SIMPLE:
        raise BadCapture("the capture has packets without times; write it with tcpdump -w FILE")
    if len(body) < 20:
        return
    number, high, low, kept, length = struct.unpack_from(f"{section.order}IIIII", body)
    if number >= len(section.interfaces) or 20 + kept > len(body):
        raise BadCapture("a packet names an interface that the capture does not have; the capture is damaged")
    interface = section.interfaces[number]
    time = (high << 32 | low) / interface.ticks + interface.offset
    yield CapturedPacket(time, interface.link, body[20 : 20 + kept], kept == length)

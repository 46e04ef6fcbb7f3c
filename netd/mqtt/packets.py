"""MQTT 5 packets out of a stream of bytes, and the reasons of a broker in words.

The codec is the package mqtt5, which reads and writes single packets. Source: MQTT Version 5.0, OASIS Standard, section 2.1.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import mqtt5

from netd.errors import ProtocolError

__all__ = ["LONGEST_HEADER", "MalformedPacket", "PacketReader", "PacketTooLong", "reason_text"]

LONGEST_HEADER = 5
"""Bytes of the longest fixed header: the type, and a length of four bytes."""

_OLD_CONNACK = b"\x20\x02"
"""The beginning of a CONNACK of MQTT 3, which has no properties."""


class MalformedPacket(ProtocolError):
    """The broker sent bytes that are no packet of MQTT 5."""

    kind = "malformed packet"


class PacketTooLong(ProtocolError):
    """The broker announced a packet that is longer than netd takes."""

    kind = "packet too long"


class PacketReader:
    """Turns the reads of a connection into packets, wherever the reads were cut.

    :param limit: the longest packet, in bytes. CONNECT tells it to the broker.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()
        self._needed = 0

    @property
    def held(self) -> int:
        """Bytes of the unfinished packet."""
        return len(self._held)

    def feed(self, received: bytes) -> Iterator[mqtt5.Packet]:
        """Yield each packet that *received* completes.

        :raises MalformedPacket: at bytes that are no packet; the packets before them have been yielded.
        :raises PacketTooLong: at a packet that is longer than the limit, as soon as its length is known.
        """
        if self._held:
            self._held += received
            if len(self._held) < self._needed:  # so that a long packet in small pieces is not read once for each piece
                return
            received = bytes(self._held)
            self._held.clear()
        view, at = memoryview(received), 0
        while at < len(received):
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                self._keep(received[at:])
                return
            except ValueError as error:
                raise MalformedPacket(_complaint(received[at:], str(error))) from None
            at += size
            yield packet

    def _keep(self, rest: bytes) -> None:
        """Keep the beginning of a packet. The codec says the same of a whole packet whose fields are longer than itself."""
        size = _size_of(rest)
        if size is None:
            size = len(rest) + 1
        elif size <= len(rest):
            raise MalformedPacket(_complaint(rest, "its fields are longer than itself"))
        if size > self._limit:
            raise PacketTooLong(f"a packet of {size} bytes; netd takes {self._limit} at most")
        self._held += rest
        self._needed = size


def _size_of(packet: bytes) -> int | None:
    """Return the size that the header of *packet* announces; None while the header is not whole."""
    length = 0
    for place, byte in enumerate(packet[1:LONGEST_HEADER]):
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return length + place + 2
    if len(packet) >= LONGEST_HEADER:
        raise MalformedPacket("a packet whose length has more than four bytes")
    return None


def _complaint(packet: bytes, why: str) -> str:
    if packet.startswith(_OLD_CONNACK):
        return "the broker speaks MQTT 3 alone; netd needs MQTT 5, which mosquitto has from 1.6 on"
    return f"no packet of MQTT 5: {why}"


def reason_text(code: enum.IntEnum, text: str | None) -> str:
    """Return the reason *code* of a packet in words, with the broker's own *text* if it gave one."""
    words = code.name.lower().replace("_", " ")
    return f"{words} ({text[:200]})" if text else words

"""Sums that programs append to their messages, so that a damaged one is noticed: XOR, sum, CRC-16 of Modbus, CRC-ITU, NMEA."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from binascii import crc_hqx
from collections.abc import Callable, Mapping
from functools import reduce
from operator import xor
from types import MappingProxyType

from attrs import frozen

from netd.spelling import none_of, quoted

__all__ = ["SUMS", "Check", "parse_check"]

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in reverse order."""


def _xor(data: bytes) -> bytes:
    return bytes((reduce(xor, data, 0),))


def _sum(data: bytes) -> bytes:
    return bytes((sum(data) & 0xFF,))


def _x25(data: bytes) -> bytes:
    # The CRC of X.25 is that of CCITT over reversed bits, which the standard library computes in C.
    return bytes(_REVERSED[byte] ^ 0xFF for byte in reversed(crc_hqx(data.translate(_REVERSED), 0xFFFF).to_bytes(2, "big")))


def _modbus_row(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_MODBUS = tuple(_modbus_row(byte) for byte in range(256))


def _modbus(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _MODBUS[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


SUMS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType({"xor": _xor, "sum": _sum, "modbus": _modbus, "x25": _x25})
"""The bytes that each sum appends to a message. Those of Modbus are little-endian, those of X.25 big-endian, as is usual."""

_RANGE = re.compile(r"(\d{1,6})?\.\.(-?\d{1,6})?")
_NMEA = re.compile(rb"([$!][^*]*+)\*([0-9A-Fa-f]{2})[ \r\n]*+", re.DOTALL)


class Check(ABC):
    """A sum within each message."""

    __slots__ = ()

    @abstractmethod
    def body(self, message: bytes) -> bytes | None:
        """Return what the rules see of *message*; None if its sum is wrong."""

    def holds(self, message: bytes) -> bool:
        """Return True if the sum of *message* is right."""
        return self.body(message) is not None


@frozen
class SumCheck(Check):
    """A sum over a part of each message, which stands behind that part. The rules see the whole message.

    :ivar kind: a key of :data:`SUMS`.
    :ivar start: index of the first byte that is counted.
    :ivar stop: index behind the last of them, from the end of the message if it is negative; None if the sum ends the message.
    """

    kind: str
    start: int = 0
    stop: int | None = None

    def body(self, message: bytes) -> bytes | None:
        """See :meth:`Check.body`."""
        return message if self.sealed(message) == message else None

    def sealed(self, message: bytes) -> bytes:
        """Return *message* with its sum over what stands there; a message that is too short gets longer."""
        sum_of = SUMS[self.kind]
        size = len(sum_of(b""))
        stop = -size if self.stop is None else self.stop
        stop = stop if stop >= 0 else max(self.start, len(message) + stop)
        return message[:stop] + sum_of(message[self.start : stop]) + message[stop + size :]


@frozen
class NmeaCheck(Check):
    """The sum of NMEA 0183: ``$GPGLL,…*5C``. The rules do not see ``*5C``; other messages than sentences have no sum."""

    def body(self, message: bytes) -> bytes | None:
        """See :meth:`Check.body`."""
        if not message.startswith((b"$", b"!")):
            return message
        found = _NMEA.fullmatch(message)
        return found[1] if found is not None and _xor(found[1][1:])[0] == int(found[2], 16) else None


def parse_check(text: str) -> Check:
    """Read a check: ``nmea``, or ``xor``, ``sum``, ``modbus``, ``x25`` with or without a range, such as ``x25:2..-4``.

    :raises ValueError: saying what is wrong with it.
    """
    kind, colon, range_ = text.partition(":")
    if kind not in (*SUMS, "nmea"):
        raise ValueError(none_of(kind, ("nmea", *SUMS)))
    if not colon:
        return NmeaCheck() if kind == "nmea" else SumCheck(kind)
    if kind == "nmea":
        raise ValueError("nmea has no range: the sum of a sentence is over all from $ to *")
    found = _RANGE.fullmatch(range_)
    if found is None:
        raise ValueError(f"{quoted(range_)} is no range; write {kind}:2..-4 for all but the first two and the last four bytes")
    return SumCheck(kind, int(found[1] or 0), None if found[2] is None else int(found[2]))

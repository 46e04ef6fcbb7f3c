"""Messages to devices of other nodes, and their outcomes, as bytes: all of a turn in one body.

A body is a line of JSON and what it announces: ``{"node", "epoch", "rows"}``, a newline, and the payloads of the rows one behind
the other. A row ends with the numbers of its piece: the bytes in this body, those in earlier ones, and those in all of them. A
payload that is too long for one body goes in several pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

from attrs import frozen

from netd.codec.jsontext import decode_object, encode
from netd.errors import ProtocolError
from netd.message import NAME

__all__ = ["BODY", "LONGEST", "LONGEST_SPAN", "BadFreight", "Freight", "FreightPiece", "FreightPieces", "pack", "unpack"]

BODY = 256 * 1024
"""Bytes of payload in one body, about. NATS takes 1 MiB."""

LONGEST = 16 << 20
"""The longest payload, in bytes."""

LONGEST_SPAN = 1 << 32
"""Spans of time are shorter, in seconds."""

ROW = 200
"""Bytes of a row without its payload, about."""


class BadFreight(ProtocolError):
    """A body is none of these."""

    kind = "bad freight"


@frozen
class FreightPiece:
    """A row, with a piece of its payload.

    :ivar values: what the row says.
    :ivar start: where in the payload the piece begins.
    :ivar whole: bytes of the payload.
    """

    values: tuple[Any, ...]
    data: bytes
    start: int
    whole: int


@frozen
class Freight:
    """A body that was read.

    :ivar node: the node that it comes from.
    :ivar epoch: the process that has sent the messages, and has numbered them.
    """

    node: str
    epoch: str
    pieces: list[FreightPiece]


def pack(node: str, epoch: str, rows: Iterable[tuple[tuple[Any, ...], bytes]]) -> Iterator[tuple[bytes, list[Any]]]:
    """Yield the bodies for *rows*, each a tuple of values and a payload, with the first value of each row that is in the body."""
    heads: list[tuple[Any, ...]] = []
    data: list[bytes] = []
    size = 0
    for values, payload in rows:
        whole, start = len(payload), 0
        while True:
            piece = payload[start : start + BODY - size] if start or whole > BODY - size else payload
            heads.append((*values, len(piece), start, whole))
            data.append(piece)
            start += len(piece)
            size += len(piece) + ROW
            if size >= BODY:
                yield _body(node, epoch, heads, data)
                heads, data, size = [], [], 0
            if start == whole:
                break
    if heads:
        yield _body(node, epoch, heads, data)


def _body(node: str, epoch: str, heads: list[tuple[Any, ...]], data: list[bytes]) -> tuple[bytes, list[Any]]:
    head = encode({"node": node, "epoch": epoch, "rows": heads})
    return b"\n".join((head, b"".join(data))), [values[0] for values in heads]


def unpack(body: bytes, width: int) -> Freight:
    """Return what *body* holds.

    :param width: the values of each row. Further ones, of a later netd, are ignored.
    :raises BadFreight: when *body* is none.
    """
    head, newline, data = body.partition(b"\n")
    try:
        facts = decode_object(head)
    except ProtocolError as error:
        raise BadFreight(str(error)) from None
    node, epoch, rows = facts.get("node"), facts.get("epoch"), facts.get("rows")
    if not newline or not _is_name(node) or not _is_name(epoch) or not isinstance(rows, list):
        raise BadFreight("there is no node, no epoch, or there are no rows")
    pieces, at = [], 0
    for row in rows:
        if not isinstance(row, list) or len(row) < width + 3:
            raise BadFreight("a row is too short")
        size, start, whole = row[-3:]
        if not all(type(number) is int and number >= 0 for number in (size, start, whole)):
            raise BadFreight("a row has no size")
        if whole > LONGEST or start + size > whole or at + size > len(data):
            raise BadFreight("a row is longer than what it announces")
        pieces.append(FreightPiece(tuple(row[:width]), data[at : at + size], start, whole))
        at += size
    return Freight(node, epoch, pieces)


def _is_name(word: Any) -> TypeGuard[str]:
    return isinstance(word, str) and NAME.fullmatch(word) is not None


class FreightPieces:
    """Puts the pieces of one sender's payloads together.

    They come one payload after the other. A payload of which a piece is lost on the way never becomes whole.
    """

    __slots__ = ("_data", "_key")

    def __init__(self) -> None:
        self._key: Any = None
        self._data = bytearray()

    @property
    def is_waiting(self) -> bool:
        """Whether a payload has begun and is not whole."""
        return self._key is not None

    def add(self, key: Any, piece: FreightPiece) -> bytes | None:
        """Return the whole payload, if *piece* is the last of it.

        :param key: tells one payload from another.
        """
        if len(piece.data) == piece.whole:
            return piece.data
        if piece.start == 0:
            self._key, self._data = key, bytearray()
        if key != self._key or piece.start != len(self._data):
            return None
        self._data += piece.data
        if len(self._data) < piece.whole:
            return None
        whole, self._key, self._data = bytes(self._data), None, bytearray()
        return whole

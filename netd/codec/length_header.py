"""Frames with a 64-byte decimal length header, and fields of fixed width between them (relay protocol, section 1).

:class:`LengthHeaderDecoder` is the codec: bytes in, payloads out, no I/O. :class:`LengthHeaderReceiver` has the interface of
Twisted's ``IntNStringReceiver``, so that protocols written for that class can use this framing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, ClassVar

from netd.errors import ProtocolError

__all__ = [
    "HEADER",
    "BadHeader",
    "FrameTooLong",
    "Gatherer",
    "LengthHeaderDecoder",
    "LengthHeaderReceiver",
    "begins_header",
    "encode_frame",
    "parse_header",
    "parse_spaced_header",
]

HEADER = 64
"""Bytes in a header, and in a target field."""

MAX_LENGTH = 1 << 20

LONGEST = 9_999_999
"""The greatest length that seven digits can state."""

_FORM = re.compile(rb"([0-9]{1,7})[ \0]*")
_BEGINNING = re.compile(rb"(?:[0-9]{1,7}[ \0]*)?")


class BadHeader(ProtocolError):
    """64 bytes are no header: one to seven digits, followed by spaces, or by NULs as programs in C write them.

    The usual cause is a length before it that was too small: the program counted characters instead of bytes, and the rest of its
    text stands where a header should be. The message says so.
    """

    kind = "bad header"

    def __init__(self) -> None:
        super().__init__("a header is one to seven digits, padded with spaces to 64 bytes; lengths count bytes, not characters")


class FrameTooLong(ProtocolError):
    """A header announces more bytes than the limit. Nothing was allocated for them.

    :ivar length: the bytes announced.
    """

    kind = "frame too long"

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"{length} bytes announced, at most {limit} are taken")
        self.length = length


@lru_cache(maxsize=4096)
def parse_header(header: bytes) -> int:
    """Return the length that *header*, 64 bytes, announces.

    Cached, because a program sends the same few lengths again and again: a dictionary look-up is cheaper than the match.

    :raises BadHeader: when *header* is not one to seven digits, followed by spaces or NULs.
    """
    found = _FORM.fullmatch(header)
    if found is None:
        raise BadHeader
    return int(found[1])


@lru_cache(maxsize=4096)
def parse_spaced_header(header: bytes) -> int:
    """Like :func:`parse_header`, for a header that will be passed on as it is: it must be padded with spaces.

    :raises BadHeader: also when it is padded with NULs, which old devices in Python cannot parse.
    """
    length = parse_header(header)
    if b"\0" in header:
        raise BadHeader
    return length


def begins_header(received: bytes) -> bool:
    """Return True if *received*, less than 64 bytes, can become a header."""
    return _BEGINNING.fullmatch(received) is not None


def encode_frame(payload: bytes) -> bytes:
    """Return header and payload in one bytes object, for a single write.

    :raises FrameTooLong: when seven digits cannot state the length of *payload*.
    """
    if len(payload) > LONGEST:
        raise FrameTooLong(len(payload), LONGEST)
    return b"%-64d" % len(payload) + payload


class Gatherer:
    """Collects bytes until a known number of them is there, in linear time however they are cut.

    A read that is whole by itself, as most are, passes through without a copy.

    :ivar is_empty: whether no bytes are held back.
    """

    __slots__ = ("_kept", "_need", "is_empty")

    def __init__(self) -> None:
        self._kept: bytes | bytearray = b""  # a bytearray only while something is held back: most connections never need it
        self._need = 0
        self.is_empty = True

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, received: bytes) -> bytes | None:
        """Return all bytes so far, or None while there are fewer than are needed."""
        if self.is_empty:
            return received
        self._kept += received
        if len(self._kept) < self._need:
            return None
        whole = bytes(self._kept)
        self._kept = b""
        self.is_empty = True
        return whole

    def peek(self, start: int, size: int) -> bytes:
        """Return up to *size* of the bytes that are held back, from the index *start* on."""
        return bytes(self._kept[start : start + size])

    def keep(self, rest: bytes, need: int) -> None:
        """Hold back *rest* until *need* bytes, counted from its start, are there."""
        self._kept = bytearray(rest)
        self._need = need
        self.is_empty = False


class LengthHeaderDecoder:
    """A byte stream of frames and fixed fields. The caller knows which of them comes next, and asks for it.

    :param limit: the longest payload, in bytes. It is compared with the header, before anything is allocated.
    """

    __slots__ = ("_at", "_buffer", "_gatherer", "limit")

    def __init__(self, limit: int = MAX_LENGTH) -> None:
        self.limit = limit
        self._gatherer = Gatherer()
        self._buffer = b""
        self._at = 0

    def feed(self, received: bytes) -> None:
        """Add bytes. To be followed by calls of :meth:`next_frame` and :meth:`next_field` until one returns None."""
        gathered = self._gatherer.take(received)
        if gathered is not None:
            self._buffer, self._at = gathered, 0

    def next_frame(self) -> bytes | None:
        """Return the payload of the next frame, or None until the frame is whole.

        :raises BadHeader: when the next 64 bytes are no header.
        :raises FrameTooLong: when the header announces more than the limit.
        """
        body = self._at + HEADER
        if len(self._buffer) < body:
            self._wait(HEADER)
            return None
        length = parse_header(self._buffer[self._at : body])
        if length > self.limit:
            raise FrameTooLong(length, self.limit)
        return self._pull(body, HEADER + length)

    def next_field(self, size: int = HEADER) -> bytes | None:
        """Return the next *size* bytes, or None until they are there."""
        return self._pull(self._at, size)

    def _pull(self, start: int, size: int) -> bytes | None:
        end = self._at + size
        if len(self._buffer) < end:
            self._wait(size)
            return None
        self._at = end
        return self._buffer[start:end]

    def _wait(self, need: int) -> None:
        if self._at < len(self._buffer):
            self._gatherer.keep(self._buffer[self._at :], need)
        self._buffer, self._at = b"", 0


class LengthHeaderReceiver:
    """A base class with the interface of Twisted's ``IntNStringReceiver``, for 64-byte decimal headers.

    Mix in before :class:`twisted.internet.protocol.Protocol`; override :meth:`stringReceived`::

        class Echo(LengthHeaderReceiver, Protocol):
            def stringReceived(self, string):
                self.sendString(string)
    """

    MAX_LENGTH: ClassVar[int] = MAX_LENGTH
    transport: Any
    _decoder: LengthHeaderDecoder | None = None
    _is_refused = False

    def dataReceived(self, data: bytes) -> None:
        """Decode *data*, and call :meth:`stringReceived` for each whole payload."""
        if not self._is_refused:
            for payload in self._payloads(data):
                self.stringReceived(payload)

    def stringReceived(self, string: bytes) -> None:
        """A whole payload has come. Override."""
        raise NotImplementedError

    def lengthLimitExceeded(self, length: int) -> None:
        """A frame announces more than :attr:`MAX_LENGTH` bytes, or has no valid header (*length* is -1). Close, or override."""
        self.transport.loseConnection()

    def sendString(self, string: bytes) -> None:
        """Send *string* as one frame, in one write."""
        self.transport.write(encode_frame(string))

    def _payloads(self, received: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            self._decoder = LengthHeaderDecoder()
        self._decoder.feed(received)
        while True:
            self._decoder.limit = self.MAX_LENGTH
            try:
                payload = self._decoder.next_frame()
            except (BadHeader, FrameTooLong) as error:
                self._is_refused = True
                self.lengthLimitExceeded(error.length if isinstance(error, FrameTooLong) else -1)
                return
            if payload is None:
                return
            yield payload

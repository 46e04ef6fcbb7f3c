"""Messages of a known size: behind a header that tells it, or all of the same."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from netd.codec.length_header import Gatherer
from netd.wire.frame import Frame, FrameDecoder, FramingFailed
from netd.wire.strangers import MARK, stray, text_in

__all__ = ["LengthFrame", "RecordFrame"]

_PADDING = b" \0"


@frozen
class SizedFrame(Frame):
    """What both frames share: a head that tells the size, and perhaps the bytes that each message begins with.

    :ivar start: the first bytes of each message; empty where they are not known.
    """

    start: bytes

    @property
    def can_shift(self) -> bool:
        """See :attr:`Frame.can_shift`."""
        return not self.start

    def decoder(self, limit: int) -> FrameDecoder:
        """See :meth:`Frame.decoder`."""
        return SizedDecoder(self, limit)

    @property
    def head(self) -> int:
        """The number of bytes that tell the size of a message."""
        raise NotImplementedError

    @property
    def is_bare(self) -> bool:
        """Whether messages come without their head."""
        return False

    def announced(self, head: bytes) -> int | None:
        """Return how many bytes follow *head*; None if it tells no number."""
        raise NotImplementedError


@frozen
class RecordFrame(SizedFrame):
    """``bytes:N[:start=aa]``: records of one size, such as a packed struct, or text in a buffer of C."""

    size: int

    @property
    def head(self) -> int:
        """See :attr:`SizedFrame.head`."""
        return self.size

    def announced(self, head: bytes) -> int | None:
        """See :meth:`SizedFrame.announced`."""
        return 0

    def encode(self, payload: bytes) -> bytes:
        """See :meth:`Frame.encode`. A record is filled with zeros, as a buffer of C is: its reader waits for all of it."""
        if len(payload) > self.size:
            raise ValueError(f"a message of {len(payload)} bytes: {self.text} holds {self.size}")
        return payload.ljust(self.size, b"\0")

    def is_whole(self, payload: bytes) -> bool:
        """See :meth:`Frame.is_whole`. What is longer would shift all records after it."""
        return len(payload) <= self.size and payload.startswith(self.start)


@frozen
class LengthFrame(SizedFrame):
    """``length:N[:text|digits|big|little][:at=…][:add=…][:start=…]``.

    :ivar size: bytes of the number.
    :ivar order: the order of these bytes; None if the number is decimal text, padded with blanks or zeros.
    :ivar is_zero_padded: whether netd itself pads text with zeros.
    :ivar at: index of the number's first byte. Where it is not the first, the message is all of the frame.
    :ivar add: what the number has to be increased by, to be that of the bytes behind it.
    """

    size: int
    order: Literal["big", "little"] | None
    is_zero_padded: bool = field(default=False)
    at: int = field(default=0)
    add: int = field(default=0)

    @property
    def head(self) -> int:
        """See :attr:`SizedFrame.head`."""
        return self.at + self.size

    @property
    def is_bare(self) -> bool:
        """See :attr:`SizedFrame.is_bare`."""
        return not self.at

    def announced(self, head: bytes) -> int | None:
        """See :meth:`SizedFrame.announced`."""
        number = head[self.at :]
        if self.order is not None:
            return int.from_bytes(number, self.order) + self.add
        digits = number.strip(_PADDING)
        return int(digits) + self.add if digits.isdigit() else None

    def encode(self, payload: bytes) -> bytes:
        """See :meth:`Frame.encode`. Where the message is all of the frame, so is *payload*."""
        if not self.is_bare:
            return payload
        length = len(payload) - self.add
        try:
            return self._number(length) + payload
        except OverflowError:
            raise ValueError(f"a message of {len(payload)} bytes: {self.text} cannot say so many") from None

    def is_whole(self, payload: bytes) -> bool:
        """See :meth:`Frame.is_whole`. Where the header is a part of the message, it must be right."""
        return self.is_bare or self.announced(payload[: self.head]) == len(payload) - self.head

    def _number(self, length: int) -> bytes:
        if self.order is not None:
            return length.to_bytes(self.size, self.order)
        text = b"%d" % length
        if len(text) > self.size or length < 0:
            raise OverflowError
        return text.zfill(self.size) if self.is_zero_padded else text.ljust(self.size)


class SizedDecoder(FrameDecoder):
    """The decoder of frames whose size is known. With ``start``, what stands between two messages is skipped."""

    __slots__ = ("_frame", "_gatherer", "_has_framed")

    def __init__(self, frame: SizedFrame, limit: int) -> None:
        super().__init__(frame, limit)
        self._frame = frame
        self._gatherer = Gatherer()
        self._has_framed = False

    @property
    def held(self) -> int:
        """See :attr:`FrameDecoder.held`."""
        return len(self._gatherer)

    def _cut(self, received: bytes, found: list[bytes]) -> None:
        gathered = self._gatherer.take(received)
        if gathered is None:
            return
        frame, at = self._frame, 0
        size, is_bare = frame.head, frame.is_bare
        while True:
            at = self._find(gathered, at)
            body = at + size
            if len(gathered) < body:
                self._wait(gathered[at:], size)
                return
            announced = frame.announced(gathered[at:body])
            if announced is None or not 0 <= announced <= self.limit:
                if not (frame.start and self._has_framed):
                    raise self._refusal(gathered[at:], announced)
                self.lost += 1  # noise that looks like a beginning, or a header that was damaged: the next beginning counts
                at += 1
            elif len(gathered) < body + announced:
                self._wait(gathered[at:], size + announced)
                return
            else:
                if announced or not is_bare:
                    found.append(gathered[body if is_bare else at : body + announced])
                at = body + announced
                self._has_framed = True

    def _find(self, gathered: bytes, at: int) -> int:
        """Return the index of the next start; where there is none, that of what may become one."""
        start = self._frame.start
        place = gathered.find(start, at)
        if place < 0:
            fewest = max(at, len(gathered) - len(start) + 1)
            place = next((each for each in range(fewest, len(gathered)) if start.startswith(gathered[each:])), len(gathered))
        self.lost += place - at
        return place

    def _wait(self, rest: bytes, need: int) -> None:
        if rest:
            self._gatherer.keep(rest, need)

    def _refusal(self, opening: bytes, announced: int | None) -> FramingFailed:
        frame = self._frame
        head = opening[: frame.head]
        told = stray(opening) or text_in(head)
        if announced is None:
            return FramingFailed(f"the header {head[:MARK]!r} is no number{told}")
        return FramingFailed(f"{announced} bytes announced, at most {self.limit} are taken{told}")

    def _end(self) -> list[bytes]:
        self.lost += len(self._gatherer)
        self._gatherer = Gatherer()
        return []

    def _begun(self) -> bytes:
        frame = self._frame
        return self._gatherer.peek(frame.head if frame.is_bare else 0, MARK)

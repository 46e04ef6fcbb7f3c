"""Messages that have an end: lines, text up to any other end, and what stands between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import field, frozen

from netd.wire.checks import SumCheck
from netd.wire.frame import Frame, FrameDecoder, FramingFailed
from netd.wire.strangers import MARK

__all__ = ["BetweenFrame", "EndedFrame"]

STRIPPED = 2
"""Bytes beside a line's text that belong to no message and are not counted; of more, the line is longer."""

_BLANKS = b" \t\r\n\0"


@frozen
class EndedFrame(Frame):
    r"""``lines[:END]`` and ``until:END``. Messages of blanks alone are skipped.

    :ivar ending: the end of a message.
    :ivar is_line: whether what other line ends leave over is dropped: a carriage return before ``\n``, a newline after ``\r``.
    """

    ending: bytes
    is_line: bool
    is_text: ClassVar[bool] = True

    @property
    def cuts(self) -> Sequence[bytes]:
        """See :attr:`Frame.cuts`."""
        return (self.ending, b"\n", b"\r") if self.is_line else (self.ending,)

    def encode(self, payload: bytes) -> bytes:
        """See :meth:`Frame.encode`."""
        return payload + self.ending

    def decoder(self, limit: int) -> FrameDecoder:
        """See :meth:`Frame.decoder`."""
        return EndedDecoder(self, limit)


class EndedDecoder(FrameDecoder):
    """The decoder of an :class:`EndedFrame`."""

    __slots__ = ("_ending", "_kept", "_stripped")

    def __init__(self, frame: EndedFrame, limit: int) -> None:
        super().__init__(frame, limit)
        self._ending = frame.ending
        self._stripped = b"" if not frame.is_line else b"\r" if frame.ending == b"\n" else b"\r\n"
        self._kept: bytes | bytearray = b""  # a bytearray only while a message has begun: most connections seldom need one

    @property
    def held(self) -> int:
        """See :attr:`FrameDecoder.held`."""
        return len(self._kept)

    def gather(self, received: bytes) -> bytes:
        """Return the whole messages, with their ends, that *received* completes; nothing if it completes none.

        For ends that are not their own beginning. What is no block after all is fed again, with what :meth:`give_back` returns.

        :raises FramingFailed: if the message that has begun is too long.
        """
        if not self._kept and received.endswith(self._ending):  # as nearly always
            return received
        whole = self._joined(received)
        end = whole.rfind(self._ending) + len(self._ending) if whole else 0
        if end < len(whole):
            self._kept = bytearray(whole[end:])
        try:
            self._check_held()
        except FramingFailed as error:
            self._split(whole[:end], error.messages)
            raise
        return whole[:end]

    def give_back(self) -> bytes:
        """Return the beginning of the message that is unfinished, and forget it."""
        kept, self._kept = bytes(self._kept), b""
        return kept

    def _cut(self, received: bytes, found: list[bytes]) -> None:
        whole = self._joined(received)
        if whole:
            rest = self._split(whole, found)
            if rest:
                self._kept = bytearray(rest)
        self._check_held()

    def _joined(self, received: bytes) -> bytes:
        """Return *received* with what was kept; nothing if it has no end of a message, and is kept, too."""
        ending, kept = self._ending, self._kept
        if not kept:
            if ending not in received:
                self._kept = bytearray(received) if received else b""
                return b""
            return received
        assert isinstance(kept, bytearray), "what is kept is a copy"
        # Only the new bytes are searched, and so many of those before that an end which was cut in two is found.
        overlap = len(ending) - 1
        if ending not in ((bytes(kept[-overlap:]) + received) if overlap else received):
            kept += received
            return b""
        self._kept = b""
        return bytes(kept) + received

    def _split(self, whole: bytes, found: list[bytes]) -> bytes:
        """Append the messages in *whole* to *found*, and return what stands behind the last end."""
        *messages, rest = whole.split(self._ending)
        limit = self.limit
        has_none = len(self._stripped) < 2 and b"\r" not in whole
        if has_none and len(max(messages, key=len, default=b"")) <= limit:  # as nearly always
            found += [message for message in messages if message and not message.isspace()]
            return rest
        for message in messages:
            text = self._strip(message)
            if len(text) > limit or len(message) > limit + STRIPPED:
                raise self._too_long(message, is_whole=True)
            if text and not text.isspace():
                found.append(text)
        return rest

    def _end(self) -> list[bytes]:
        text, self._kept = self._strip(bytes(self._kept)), b""
        return [text] if text and not text.isspace() else []

    def _begun(self) -> bytes:
        return bytes(self._kept[:MARK])

    def _strip(self, message: bytes) -> bytes:
        stripped = self._stripped
        if len(stripped) < 2:
            return message.removesuffix(b"\r") if stripped else message
        return message.strip(stripped)

    def _check_held(self) -> None:
        # The first bytes of an end, and what is stripped, may be in it.
        if len(self._kept) > self.limit + STRIPPED + len(self._ending) - 1:
            raise self._too_long(self._kept, is_whole=False)


@frozen
class BetweenFrame(Frame):
    """``between:A:B[:N]``. The message is what stands between the marks.

    :ivar opening: A.
    :ivar ending: B.
    :ivar tail: N, the number of check bytes after B. A check is over the message, B and these.
    """

    opening: bytes
    ending: bytes
    tail: int = field(default=0)

    @property
    def cuts(self) -> Sequence[bytes]:
        """See :attr:`Frame.cuts`."""
        return (self.opening, self.ending)

    def encode(self, payload: bytes) -> bytes:
        """See :meth:`Frame.encode`. The check bytes are zeros if no check says what they are."""
        body = payload + self.ending + bytes(self.tail)
        return self.opening + (self.check.sealed(body) if self.tail and isinstance(self.check, SumCheck) else body)

    def decoder(self, limit: int) -> FrameDecoder:
        """See :meth:`Frame.decoder`."""
        return BetweenDecoder(self, limit)


class BetweenDecoder(FrameDecoder):
    """The decoder of a :class:`BetweenFrame`."""

    __slots__ = ("_behind", "_ending", "_is_inside", "_kept", "_mark", "_searched", "_tail")

    def __init__(self, frame: BetweenFrame, limit: int) -> None:
        super().__init__(frame, limit)
        self._mark = frame.opening
        self._ending = frame.ending
        self._tail = frame.tail
        self._behind = len(frame.ending) + frame.tail
        self._kept: bytes | bytearray = b""  # begins behind A, if A has come
        self._is_inside = False
        self._searched = 0  # what was kept has no B that begins before

    @property
    def held(self) -> int:
        """See :attr:`FrameDecoder.held`."""
        return len(self._kept)

    def _cut(self, received: bytes, found: list[bytes]) -> None:
        kept = self._kept if isinstance(self._kept, bytearray) else bytearray()
        kept += received
        at = self._messages_in(kept, found)
        if self._is_inside and len(kept) - at > self.limit + self._behind:
            raise self._too_long(kept[at:], is_whole=False)
        del kept[:at]
        self._kept = kept or b""

    def _messages_in(self, kept: bytearray, found: list[bytes]) -> int:
        """Append the whole messages in *kept* to *found*. Return the index of the first byte that is still needed."""
        at = 0
        while True:
            if not self._is_inside:
                place = kept.find(self._mark, at)
                if place < 0:
                    end = max(at, len(kept) - len(self._mark) + 1)
                    self._skip(kept[at:end])
                    return end
                self._skip(kept[at:place])
                at = place + len(self._mark)
                self._is_inside, self._searched = True, 0
            place = kept.find(self._ending, at + self._searched)
            if place < 0:
                self._searched = max(0, len(kept) - at - len(self._ending) + 1)
                return at
            self._searched = place - at
            if place - at > self.limit:
                raise self._too_long(kept[at:place], is_whole=True)
            end = place + self._behind
            if len(kept) < end:
                return at
            found.append(bytes(kept[at : end if self._tail else place]))
            at = end
            self._is_inside = False

    def _skip(self, junk: bytearray) -> None:
        self.lost += len(junk.strip(_BLANKS))

    def _checked(self, found: list[bytes]) -> list[bytes]:
        if not self._tail:
            return super()._checked(found)
        return [message[: -self._behind] for message in super()._checked(found)]

    def _end(self) -> list[bytes]:
        self.lost += len(self._kept)
        self._kept, self._is_inside = b"", False
        return []

    def _begun(self) -> bytes:
        return bytes(self._kept[:MARK]) if self._is_inside else b""

"""Messages that nothing in the bytes ends: each datagram is one, or what comes without a pause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import field, frozen

from netd.wire.frame import Frame, FrameDecoder
from netd.wire.strangers import MARK

__all__ = ["DatagramFrame", "RawFrame", "SilenceFrame"]


@frozen
class SilenceFrame(Frame):
    """``silence:50ms``: the bytes that come without a pause, from programs whose message is one ``send()``.

    :ivar silence: seconds of a pause.
    """

    silence: float = field(default=0.0)
    is_text: ClassVar[bool] = True

    def decoder(self, limit: int) -> FrameDecoder:
        """See :meth:`Frame.decoder`. The owner of the decoder calls ``end()`` after a pause."""
        return SilenceDecoder(self, limit)


class SilenceDecoder(FrameDecoder):
    """The decoder of a :class:`SilenceFrame`."""

    __slots__ = ("_kept",)

    def __init__(self, frame: SilenceFrame, limit: int) -> None:
        super().__init__(frame, limit)
        self._kept = bytearray()

    @property
    def held(self) -> int:
        """See :attr:`FrameDecoder.held`."""
        return len(self._kept)

    def _cut(self, received: bytes, found: list[bytes]) -> None:
        self._kept += received
        if len(self._kept) > self.limit:
            raise self._too_long(self._kept, is_whole=False)

    def _end(self) -> list[bytes]:
        whole = bytes(self._kept)
        self._kept.clear()
        return [whole] if whole else []

    def _begun(self) -> bytes:
        return bytes(self._kept[:MARK])


@frozen
class DatagramFrame(Frame):
    """``datagram``: each is a message."""

    def decoder(self, limit: int) -> FrameDecoder:
        """See :meth:`Frame.decoder`. Each call of ``feed()`` is a datagram."""
        return DatagramDecoder(self, limit)


class DatagramDecoder(FrameDecoder):
    """The decoder of a :class:`DatagramFrame`."""

    __slots__ = ()
    held = 0

    def _cut(self, received: bytes, found: list[bytes]) -> None:
        if len(received) > self.limit:
            raise self._too_long(received, is_whole=True)
        if received:
            found.append(received)

    def _end(self) -> list[bytes]:
        return []


@frozen
class RawFrame(DatagramFrame):
    """``say = raw``: what is said is sent as written."""

    @property
    def cuts(self) -> Sequence[bytes]:
        """See :attr:`Frame.cuts`. Nothing tells what ends a message of this peer: line ends, most probably."""
        return (b"\n", b"\r")

"""Lines: bytes up to a newline, with a limit and without a quadratic corner."""

from __future__ import annotations

from netd.errors import ProtocolError

__all__ = ["LineDecoder", "LineTooLong"]


class LineTooLong(ProtocolError):
    """More bytes than the limit without a newline."""

    kind = "line too long"


class LineDecoder:
    """Cuts a byte stream into lines; a newline ends a line, one carriage return before it is dropped.

    :param limit: the longest line in bytes, without its ending.
    :ivar has_begun: there are bytes of a line that has not ended.
    """

    __slots__ = ("_kept", "has_begun", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept = bytearray()
        self.has_begun = False

    @property
    def unfinished(self) -> int:
        """Bytes of the line that has begun and not ended."""
        return len(self._kept)

    def feed(self, received: bytes) -> list[bytes]:
        """The lines that *received* completes.

        :raises LineTooLong: when a line is over the limit, whole or not. Lines before it in the same read are lost with it:
            the connection ends there.
        """
        first, newline, rest = received.partition(b"\n")
        if not newline:
            self._kept += received
            self.has_begun = bool(self._kept)
            self._check(len(self._kept), self._kept.endswith(b"\r"))
            return []
        lines = rest.split(b"\n")
        lines.insert(0, bytes(self._kept) + first)
        self._kept = bytearray(lines.pop())
        self.has_begun = bool(self._kept)
        for line in lines:
            self._check(len(line), line.endswith(b"\r"))
        self._check(len(self._kept), self._kept.endswith(b"\r"))
        return [line.removesuffix(b"\r") for line in lines]

    def finish(self) -> bytes:
        """What is left without a newline, for protocols that take the end of the stream for one."""
        rest = bytes(self._kept)
        self._kept.clear()
        self.has_begun = False
        return rest

    def _check(self, length: int, has_return: bool) -> None:
        if length - has_return > self.limit:
            raise LineTooLong(f"a line has at most {self.limit} bytes")

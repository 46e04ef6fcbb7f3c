"""Lines: bytes up to a newline, of bounded length, decoded in linear time however the stream is cut."""

from __future__ import annotations

from netd.errors import ProtocolError

__all__ = ["LineDecoder", "LineTooLong"]


class LineTooLong(ProtocolError):
    """A line is longer than the limit."""

    kind = "line too long"


class LineDecoder:
    """Cuts a byte stream into lines. A newline ends a line; one carriage return before it is dropped.

    :param limit: the longest line in bytes, without its ending.
    :ivar has_begun: whether some bytes of an unfinished line are here.
    """

    __slots__ = ("_kept", "has_begun", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept = bytearray()
        self.has_begun = False

    @property
    def unfinished(self) -> int:
        """The number of bytes of the unfinished line."""
        return len(self._kept)

    def feed(self, received: bytes) -> list[bytes]:
        """Return the lines that *received* completes.

        :raises LineTooLong: when a line is over the limit, whole or not. Earlier lines of the same read are lost with it, because
            the connection ends there.
        """
        # Only the new bytes are searched for a newline: to search the kept ones again with each read would be quadratic for a
        # long line that comes in small pieces.
        first, newline, rest = received.partition(b"\n")
        if not newline:
            self._kept += received
            self.has_begun = bool(self._kept)
            self._check_unfinished()
            return []
        lines = rest.split(b"\n")
        lines.insert(0, bytes(self._kept) + first)
        self._kept = bytearray(lines.pop())
        self.has_begun = bool(self._kept)
        whole = []
        for ended in lines:
            line = ended.removesuffix(b"\r")
            if len(line) > self.limit:
                raise self._too_long()
            whole.append(line)
        if self._kept:
            self._check_unfinished()
        return whole

    def finish(self) -> bytes:
        """Return the unfinished line, for protocols in which the end of the stream ends a line, too."""
        rest = bytes(self._kept)
        self._kept.clear()
        self.has_begun = False
        return rest

    def _check_unfinished(self) -> None:
        if len(self._kept) - self._kept.endswith(b"\r") > self.limit:
            raise self._too_long()

    def _too_long(self) -> LineTooLong:
        return LineTooLong(f"a line has at most {self.limit} bytes")

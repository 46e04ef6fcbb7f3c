"""A transport in memory that fills up like a socket, for the tests of what is written to one."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.address import IPv4Address

__all__ = ["FakeTransport", "block_of"]


def block_of(size: int, number: int = 0) -> bytes:
    """The block *number*: *size* bytes without a pattern, so that a part of it that is lost, repeated or moved is noticed."""
    return random.Random(number).randbytes(size)


class FakeTransport:
    """Takes bytes until it is full, then pauses its producer; the peer's reading makes room again.

    :param room: bytes that it takes before it is full; None for any number.
    :ivar writes: the blocks written, in order.
    :ivar unsent: bytes written that the operating system, as it were, has not taken.
    :ivar producer: who is paused and resumed.
    :ivar is_reading: whether the other direction is on.
    :ivar steps: what was done to the connection as a whole, in order, ``pause`` and ``resume`` of reading included.
    """

    def __init__(self, room: int | None = None) -> None:
        self._room = room
        self.writes: list[bytes] = []
        self.unsent = 0
        self.producer: Any = None
        self.is_reading = True
        self.steps: list[str] = []
        self._is_full = False

    @property
    def written(self) -> bytes:
        """All that was written."""
        return b"".join(self.writes)

    def take_writes(self) -> list[bytes]:
        """The blocks written since the last call."""
        writes, self.writes = self.writes, []
        return writes

    def read(self, size: int | None = None) -> None:
        """The peer reads *size* bytes (from now on everything, with None), which makes as much room."""
        self._room = None if size is None else (self._room or 0) + size
        self._move()
        if self._is_full and not self.unsent:
            self._is_full = False
            if self.producer is not None:
                self.producer.resumeProducing()

    def _move(self) -> None:
        taken = self.unsent if self._room is None else min(self.unsent, self._room)
        self.unsent -= taken
        if self._room is not None:
            self._room -= taken

    # What Twisted's transports have

    @property
    def _tempDataLen(self) -> int:  # noqa: N802 - Twisted's name
        """Bytes that Twisted's transports hold back."""
        return self.unsent

    def write(self, data: bytes) -> None:
        """Take *data*; pause the producer when some of it is left."""
        self.writes.append(data)
        self.unsent += len(data)
        self._move()
        if self.unsent and not self._is_full:
            self._is_full = True
            if self.producer is not None:
                self.producer.pauseProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Pause and resume *producer* from now on."""
        assert streaming
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Leave the producer alone."""
        assert self.producer is not None
        self.producer = None

    def pauseProducing(self) -> None:
        """Stop reading."""
        self.is_reading = False
        self.steps.append("pause")

    def resumeProducing(self) -> None:
        """Go on reading."""
        self.is_reading = True
        self.steps.append("resume")

    def loseWriteConnection(self) -> None:  # noqa: N802  # Twisted's name
        """Send FIN after what was written."""
        self.steps.append("FIN")

    def loseConnection(self) -> None:
        """Close after what was written."""
        self.steps.append("close")

    def abortConnection(self) -> None:
        """Cut."""
        self.steps.append("abort")

    def getPeer(self) -> IPv4Address:
        """Where the peer is."""
        return IPv4Address("TCP", "127.0.0.1", 50412)

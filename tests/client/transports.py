"""What hanging up asks of a transport, for connections that live in memory."""

from __future__ import annotations

import asyncio

__all__ = ["Transport"]


class Transport:
    """The other side hangs up as soon as this side has, unless it is deaf.

    :ivar is_closed: whether this side has hung up.
    :ivar is_half: whether the connection can end on one side alone.
    :ivar closings: how often it did.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self.is_deaf = False
        self.is_half = True
        self.closings = 0
        self._protocol = asyncio.Protocol()

    @property
    def transport(self) -> Transport:
        """A stream's way here."""
        return self

    def get_protocol(self) -> asyncio.Protocol:
        """What has taken over, in the end."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        """Take over."""
        self._protocol = protocol

    def can_write_eof(self) -> bool:
        """Whether one side alone can end: not through TLS."""
        return self.is_half

    def write_eof(self) -> None:
        """The client says nothing more."""
        self.is_closed = True
        self.closings += 1
        if not self.is_deaf:
            self.abort()

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""

    def abort(self) -> None:
        """The connection ends."""
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

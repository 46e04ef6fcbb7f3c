"""The peer of a newcomer at the door, whose connection is not made yet."""

from __future__ import annotations

from zope.interface import implementer

from netd.interfaces import IPeer
from netd.principal import ANONYMOUS

__all__ = ["EarlyPeer"]


@implementer(IPeer)
class EarlyPeer:
    """An :class:`IPeer` before there is a transport: it notes what is done to it.

    :ivar sent: all that was sent.
    :ivar reason: why it was closed, or None.
    """

    __slots__ = ("_expiry", "_is_reading", "is_flushed", "is_full", "reason", "sent")
    principal = ANONYMOUS  # one line is a command, and no proof

    def __init__(self) -> None:
        self.sent = b""
        self.reason: str | None = None
        self.is_flushed = True
        self.is_full = False
        self._expiry: float | None = None
        self._is_reading = True

    def send(self, data: bytes) -> bool:
        """Note it."""
        self.sent += data
        return True

    def close(self, reason: str) -> None:
        """Note the first *reason*."""
        self.reason = self.reason or reason

    def expire_after(self, seconds: float | None) -> None:
        """Note it."""
        self._expiry = seconds

    def keep(self, size: int, is_new: bool = False) -> bool:
        """Nothing is kept here: whatever is not one whole line goes the ordinary way."""
        return True

    def set_reading(self, enabled: bool) -> None:
        """Note it."""
        self._is_reading = enabled

    def probe(self) -> None:
        """It has just come: it is there."""

    def silence(self) -> float:
        """None: its first words have come just now."""
        return 0.0

    def hand_over(self, peer: IPeer) -> None:
        """Do to *peer* what was done here."""
        if self.sent:
            peer.send(self.sent)
        peer.expire_after(self._expiry)
        if not self._is_reading:
            peer.set_reading(False)
        if self.reason is not None:
            peer.close(self.reason)

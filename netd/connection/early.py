"""The peer of a newcomer at the door (:mod:`netd.connection.door`), for which no transport exists yet."""

from __future__ import annotations

from zope.interface import implementer

from netd.connection.peer import Peer
from netd.errors import NotPermitted
from netd.interfaces import IPeer
from netd.principal import Principal

__all__ = ["EarlyPeer"]


@implementer(IPeer)
class EarlyPeer:
    """An :class:`IPeer` that notes each call, to be repeated on the peer of the connection if one is made.

    :ivar principal: the newcomer, of which only the address is known.
    :ivar host: the address.
    :ivar sent: the bytes that were sent.
    :ivar reason: why it was closed, or None.
    """

    __slots__ = ("_expiry", "_is_reading", "host", "is_flushed", "is_full", "principal", "reason", "sent")

    def __init__(self, principal: Principal, host: str) -> None:
        self.principal = principal
        self.host = host
        self.sent = b""
        self.reason: str | None = None
        self.is_flushed = True
        self.is_full = False
        self._expiry: float | None = None
        self._is_reading = True

    def send(self, data: bytes) -> bool:
        """Add *data* to :attr:`sent`."""
        self.sent += data
        return True

    def close(self, reason: str) -> None:
        """Note *reason*, if it is the first."""
        self.reason = self.reason or reason

    def expire_after(self, seconds: float | None) -> None:
        """Note *seconds*. No timer is made: most newcomers are gone before the end of the turn."""
        self._expiry = seconds

    def note_unfinished(self, size: int, is_new: bool = False) -> bool:
        """Nothing is kept: input that is not one whole line goes the ordinary way."""
        return True

    def set_reading(self, enabled: bool) -> None:
        """Note whether to read."""
        self._is_reading = enabled

    def probe(self) -> None:
        """Do nothing: the newcomer has sent its line a moment ago, so it is there."""

    def silence(self) -> float:
        """Return 0: the line has come a moment ago."""
        return 0.0

    def prove(self, principal: Principal) -> None:
        """Note that the newcomer has proved to be *principal*."""
        self.principal = principal

    def hand_over(self, peer: Peer) -> None:
        """Repeat on *peer* what was done here."""
        if self.principal.has_rights:
            try:
                peer.prove(self.principal)
            except NotPermitted as error:  # its first command was carried out; it may send no more
                self.reason = self.reason or str(error)
        if self.sent:
            peer.send(self.sent)
        peer.expire_after(self._expiry)
        if not self._is_reading:
            peer.set_reading(False)
        if self.reason is not None:
            peer.close(self.reason)

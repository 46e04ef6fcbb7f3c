"""The rate of one connection: how many of its messages a second are taken. Pure."""

from __future__ import annotations

from netd.wire.outlet import IWireOutlet, WireNote

__all__ = ["MessageRate"]


class MessageRate:
    """Counts the messages of each second, and notes the first that is one too many.

    :param limit: messages a second; see ``rate``.
    """

    __slots__ = ("_count", "_outlet", "_since", "limit")

    def __init__(self, limit: int, outlet: IWireOutlet) -> None:
        self.limit = limit
        self._outlet = outlet
        self._since = 0.0
        self._count = 0

    def has_room(self, count: int, now: float) -> bool:
        """Whether *count* messages more are within the rate."""
        return self._counted(now) + count <= self.limit

    def add(self, count: int) -> None:
        """Count messages for which there was room."""
        self._count += count

    def admitted(self, count: int, message: bytes, now: float) -> int:
        """Count *count* messages. Return how many of them are within the rate.

        :param message: the one to be noted if there are more.
        """
        before = self._counted(now)
        self._count += count
        if self._count <= self.limit:
            return count
        if before <= self.limit:
            self._outlet.note(WireNote.RATE, f"more than {self.limit} messages a second (`rate`)", message)
        return max(0, self.limit - before)

    def _counted(self, now: float) -> int:
        if now - self._since >= 1.0:
            self._since, self._count = now, 0
        return self._count

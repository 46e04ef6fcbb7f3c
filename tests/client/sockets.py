"""What the blocking clients ask of a socket, for connections that live in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["MemorySocket", "waiter"]


class MemorySocket:
    """A socket; a subclass says what comes: ``recv`` raises ``BlockingIOError`` while nothing has.

    :ivar sent: all that was sent.
    :ivar broken: what is raised instead of sending; a ``BlockingIOError`` where nothing is ever taken.
    """

    def __init__(self) -> None:
        self.sent = b""
        self.is_closed = False
        self.broken: OSError | None = None

    def setblocking(self, flag: bool) -> None:
        """The clients wait by :meth:`wait` alone."""
        assert not flag

    def wait(self, seconds: float | None, is_writing: bool) -> bool:
        """Whether there is something to read, after so many seconds of the test's own time; it can never be written to."""
        return not is_writing

    def send(self, content: bytes) -> int:
        """Keep it, or break."""
        if self.broken is not None:
            raise self.broken
        self.take(bytes(content))
        return len(content)

    def take(self, content: bytes) -> None:
        """Keep what was sent."""
        self.sent += content

    def shutdown(self, how: int) -> None:
        """As if the other side had been first."""
        raise OSError("not connected")

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def waiter(connection: Any) -> Callable[[float | None, bool], bool]:
    """What waits for a socket in memory."""
    wait: Callable[[float | None, bool], bool] = connection.wait
    return wait

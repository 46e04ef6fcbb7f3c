"""The end of a reactor turn: everything that was sent during it is written, in one write per connection.

First the outboxes are flushed. Then the callbacks run that depend on it: a relay may answer "sent" only when the operating system
has taken the frame. What the callbacks send is flushed after them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.logger import Logger

__all__ = ["Flushable", "Turn"]


class Flushable(Protocol):
    """An outbox, as a turn sees it."""

    def flush(self) -> None:
        """Write what was collected. Called once for each :meth:`Turn.touch`."""


class Turn:
    """The outboxes to be flushed, and the callbacks to be called, at the end of the current reactor turn.

    :param call_later: the reactor's ``callLater``.
    """

    _log = Logger()

    def __init__(self, call_later: Callable[..., Any]) -> None:
        self._call_later = call_later
        self._touched: list[Flushable] = []
        self._callbacks: list[Callable[[], None]] = []
        self._is_scheduled = False

    def touch(self, outbox: Flushable) -> None:
        """Flush *outbox* when the turn ends."""
        self._touched.append(outbox)
        if not self._is_scheduled:
            self._schedule()

    def after(self, callback: Callable[[], None]) -> None:
        """Call *callback* at the end of the turn, when all outboxes have been flushed."""
        self._callbacks.append(callback)
        if not self._is_scheduled:
            self._schedule()

    def open(self) -> None:
        """Begin a turn that the caller ends with :meth:`end`. The hot sockets do: it saves the reactor's call of its own."""
        self._is_scheduled = True

    def end(self) -> None:
        """Flush and call back until nothing is left. An outbox or callback that raises is logged, and the others go on."""
        try:
            while self._touched or self._callbacks:
                touched, self._touched = self._touched, []
                for outbox in touched:
                    try:
                        outbox.flush()
                    except Exception:
                        self._log.failure("a connection could not be flushed")
                callbacks, self._callbacks = self._callbacks, []
                for callback in callbacks:
                    try:
                        callback()
                    except Exception:
                        self._log.failure("a callback at the end of the turn failed")
        finally:
            self._is_scheduled = False

    def _schedule(self) -> None:
        self._is_scheduled = True
        self._call_later(0, self.end)

"""The end of a reactor turn: what was collected during it leaves, in one write per connection.

Outboxes that were written to are flushed first; then the callbacks run that want to know whether those bytes were taken (an
answer "sent" is only true then); what *they* send is flushed after them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.logger import Logger

__all__ = ["Flushable", "Turn"]


class Flushable(Protocol):
    """What a turn flushes; an outbox."""

    def flush(self) -> None:
        """Write what was collected. Called once for each :meth:`Turn.touch`."""


class Turn:
    """Collects what has to happen at the end of the current reactor turn.

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
        """Call *callback* when all that was touched before the turn's end has been flushed."""
        self._callbacks.append(callback)
        if not self._is_scheduled:
            self._schedule()

    def open(self) -> None:
        """Promise to call :meth:`end` soon: nothing needs to be scheduled until then."""
        self._is_scheduled = True

    def end(self) -> None:
        """Flush, call back, flush again, until nothing is left. One failure stays its own."""
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

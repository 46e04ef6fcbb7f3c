"""Twisted's reactor on a loop of asyncio, on which the end of a turn comes before what arrived meanwhile.

A call without delay waits in the loop's heap of timers like any other there. Those are looked at after the sockets: all that has
arrived is read before the turn ends, and answers wait for it. Twisted's other reactors look at their timers first; so does this
one, and the loop's own queue costs less than its heap.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

__all__ = ["PromptReactor"]


class PromptReactor(AsyncioSelectorReactor):
    """See the module. It overrides a private method of Twisted's, whose tests notice when that changes."""

    _asyncioEventloop: Any  # noqa: N815 - Twisted's name
    _timerHandle: Any  # noqa: N815

    def _reschedule(self) -> None:
        if self.timeout() == 0:
            if self._timerHandle is not None:
                self._timerHandle.cancel()
            self._scheduledAt = self._asyncioEventloop.time()
            self._timerHandle = self._asyncioEventloop.call_soon(self._onTimer)
        else:
            super()._reschedule()  # type: ignore[no-untyped-call]

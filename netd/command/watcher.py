"""Sees that files have changed, by a look at them every now and then, and waits until they are no longer being written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import LoopingCall

__all__ = ["STEP", "Watcher"]

STEP = 1.0
"""Seconds between two looks. What is the same in two of them is not being written."""


class Watcher:
    """Calls *changed* once for each new content that stays the same for a :data:`STEP`.

    :param look: returns something that is another when a file has changed; it is compared.
    """

    def __init__(self, reactor: Any, look: Callable[[], object], changed: Callable[[], object]) -> None:
        self._look = look
        self._changed = changed
        self._known: object = None
        self._seen: object = None
        self._looking = LoopingCall(self._compare)
        self._looking.clock = reactor

    def start(self) -> None:
        """Look from now on; what the files are now is known. Starting twice is harmless."""
        if not self._looking.running:
            self._known = self._look()
            self._looking.start(STEP, now=False)

    def stop(self) -> None:
        """Look no more. Stopping twice is harmless."""
        if self._looking.running:
            self._looking.stop()

    def _compare(self) -> None:
        before, self._seen = self._seen, self._look()
        if self._seen == before and self._seen != self._known:
            self._known = self._seen
            self._changed()

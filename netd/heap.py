"""Returns memory that connections have freed to the operating system.

The allocator of glibc keeps free memory that lies between blocks in use. After a thousand incomplete messages of 1 MiB, most of
their memory would stay with the daemon for as long as it runs. ``malloc_trim`` returns it, but visits the whole heap. So it is
called only after connections have freed much.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

from netd.connection.budget import Budget

__all__ = ["HeapService", "trim"]

STEP = 2.0
"""Seconds between two looks."""

WORTH = 1 << 23
"""Bytes that connections must have held at some time. With less, trimming does not pay."""


def trim() -> None:
    """Return free memory to the operating system. No effect with another allocator than glibc's."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


class HeapService(Service):
    """Trims the heap when connections hold at most half of the memory that they have held.

    :param give_back: returns free memory to the operating system; :func:`trim`.
    """

    def __init__(self, reactor: Any, budget: Budget, give_back: Callable[[], None] = trim) -> None:
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._memory = budget.memory
        self._give_back = give_back

    def startService(self) -> None:
        """Start looking at the budget."""
        super().startService()  # type: ignore[no-untyped-call]
        self._looking.start(STEP, now=False)

    def stopService(self) -> None:
        """Stop looking at the budget."""
        if self._looking.running:
            self._looking.stop()
        super().stopService()  # type: ignore[no-untyped-call]

    def _look(self) -> None:
        memory = self._memory
        if memory.most >= WORTH and 2 * memory.total <= memory.most:
            self._give_back()
            memory.most = memory.total

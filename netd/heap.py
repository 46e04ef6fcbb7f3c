"""Memory that connections have let go of goes back to the system.

The allocator of glibc keeps what is freed between blocks that are in use: after a thousand half messages of a MiB that is most of
what they took, for as long as the daemon runs. It can be told to give back what it can; that looks at all of the heap, and so is
done only where it pays.
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
"""Bytes that connections must have held at a time."""


def trim() -> None:
    """Give back what is free. Without effect where the allocator is not glibc's."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


class HeapService(Service):
    """Gives memory back when connections hold no more than half of what they did.

    :param give_back: see :func:`trim`.
    """

    def __init__(self, reactor: Any, budget: Budget, give_back: Callable[[], None] = trim) -> None:
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._memory = budget.memory
        self._give_back = give_back

    def startService(self) -> None:
        """Begin to look."""
        super().startService()  # type: ignore[no-untyped-call]
        self._looking.start(STEP, now=False)

    def stopService(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()
        super().stopService()  # type: ignore[no-untyped-call]

    def _look(self) -> None:
        memory = self._memory
        if memory.most >= WORTH and 2 * memory.total <= memory.most:
            self._give_back()
            memory.most = memory.total

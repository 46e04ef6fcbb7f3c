"""How many connections there can be: one for each descriptor that the operating system grants, less what the daemon itself needs.

Without a limit of its own the daemon would take connections until no descriptor is left, and then neither open its files nor hear
``netd stop`` on the control socket.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

from twisted.application.service import Service
from twisted.logger import Logger

from netd.connection.budget import Budget

__all__ = ["DescriptorsService", "raise_limit"]

MOST = 1 << 16
"""Descriptors that are asked for, however many more the system would grant: with a connection on each, some 500 MiB of memory."""

FEWEST = 10_240
"""Descriptors that macOS grants where it says that there is no limit."""

KEPT_BACK = 64
"""Descriptors for the control socket, the manhole and files, beside those that are open when all services are up."""


class DescriptorsService(Service):
    """Asks for descriptors, and tells the budget how many connections it can have. Started after all that opens some for good."""

    _log = Logger()

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def startService(self) -> None:
        """Set the budget's limit."""
        super().startService()  # type: ignore[no-untyped-call]
        limit = self.measure()
        self._log.info(
            "room for {connections} connections ({limit} open files allowed, {kept} kept back for netd itself)",
            connections=self._budget.limit,
            limit=limit,
            kept=limit - self._budget.limit,
        )

    def measure(self) -> int:
        """Set the budget's limit anew: the services have other ports than before. Returns the limit of open files."""
        limit = raise_limit()
        free = max(2, limit - (_count_open() - self._budget.taken))
        self._budget.limit = free - min(KEPT_BACK, free // 2)
        return limit


def raise_limit() -> int:
    """Let this process have as many descriptors as it may, or :data:`MOST`; how many it has now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    for wanted in (most, min(most, FEWEST)):
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                return wanted
    return MOST if soft == resource.RLIM_INFINITY else soft


def _count_open() -> int:
    """Descriptors that are open now."""
    try:
        return len(list(Path("/dev/fd").iterdir()))
    except OSError:
        return KEPT_BACK  # not known

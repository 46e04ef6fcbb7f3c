"""The greatest number of connections: one for each descriptor that the operating system grants, less those that netd needs.

Without this limit, the daemon would accept connections until no descriptor is left. Then it could neither open a file nor take
``netd stop`` on the control socket.
"""

from __future__ import annotations

import resource
from contextlib import suppress

from twisted.application.service import Service
from twisted.logger import Logger

from netd.connection.budget import Budget
from netd.usage import count_descriptors

__all__ = ["DescriptorsService", "raise_limit", "set_limit"]

MOST = 1 << 16
"""The most descriptors that netd asks for. With a connection on each, they take some 500 MiB of memory."""

FEWEST = 10_240
"""Descriptors that macOS grants although it reports that there is no limit."""

KEPT_BACK = 64
"""Descriptors kept for the control socket, the manhole and files, beside those open once all services have started."""

FOR_LOGINS = 256
"""Further descriptors, an eighth of all at most: for the connections at the manhole that have not logged in."""


class DescriptorsService(Service):
    """Asks for descriptors, and limits the budget's connections. It starts after all services with descriptors of their own.

    :ivar wanted: the option ``nofile`` of ``[netd]``; None takes what the system allows. :meth:`measure` applies it.
    """

    _log = Logger()

    def __init__(self, budget: Budget, wanted: int | None = None) -> None:
        self._budget = budget
        self.wanted = wanted

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

    def ask(self) -> int:
        """Ask the system for the descriptors that are wanted. Return how many there may be."""
        return raise_limit() if self.wanted is None else set_limit(self.wanted)

    def measure(self) -> int:
        """Set the budget's limit anew: the services have other ports than before. Returns the limit of open files."""
        limit = self.ask()
        if self.wanted is not None and limit < self.wanted:
            self._log.warn(
                "the system allows {limit} open files, and not {wanted}, as `nofile` says: write LimitNOFILE={wanted} into the "
                "unit, or set `ulimit -Hn {wanted}` as root before the start",
                limit=limit,
                wanted=self.wanted,
            )
        free = max(2, limit - (_open_descriptors() - self._budget.taken))
        self._budget.limit = free - min(KEPT_BACK, free // 2) - min(FOR_LOGINS, free // 8)
        return limit


def raise_limit() -> int:
    """Raise this process's limit of descriptors to the greatest allowed one, or to :data:`MOST`. Return the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    for wanted in (most, min(most, FEWEST)):
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                return wanted
    return MOST if soft == resource.RLIM_INFINITY else soft


def set_limit(wanted: int) -> int:
    """Set this process's limit of descriptors to *wanted*, or to the greatest allowed one below. Return the new limit.

    Root may have more than the greatest allowed one.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard if unlimited else max(wanted, hard)))
        return wanted
    most = min(wanted, hard)
    with suppress(ValueError, OSError):  # a sandbox may forbid any change
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _open_descriptors() -> int:
    try:
        return count_descriptors()
    except OSError:
        return KEPT_BACK  # the number is not known

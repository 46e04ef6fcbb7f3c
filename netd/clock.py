"""The reactor's clock: Twisted takes the wall clock for it, and with that every timer waits for an hour when NTP sets it back.

netd has two clocks. What waits or measures asks the reactor, which is monotonic from here on. What people read asks
:meth:`netd.interfaces.IBus.wall`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["make_monotonic"]


def make_monotonic(reactor: Any, monotonic: Callable[[], float]) -> None:
    """Let *reactor* take its time from *monotonic*; each call that is pending keeps the seconds that it has left.

    :param reactor: a ``twisted.internet.base.ReactorBase``, as all of Twisted's are: each of its timers, and what it sleeps, goes
        by its ``seconds``.
    """
    now = reactor.seconds()
    pending = [(call, call.getTime() - now) for call in reactor.getDelayedCalls()]
    reactor.seconds = monotonic
    for call, left in pending:
        call.seconds = monotonic
        call.reset(left)

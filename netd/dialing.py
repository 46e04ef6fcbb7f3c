"""A service that dials: one connection to a remote, kept up from the start of the service to its end."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from netd.config import DialingConfig
from netd.connection.budget import UNLIMITED, Budget, Quota
from netd.connection.dialer import Dialer
from netd.connection.dialing import DialledFactory, DialledProtocol
from netd.connection.ending import end_connections
from netd.connection.remotes import Remote
from netd.interfaces import IBudgeted

__all__ = ["DialingService"]


@implementer(IBudgeted)
class DialingService(Service):
    """Dials *remote* with the connections of one factory, and dials again when the connection is lost or cannot be had.

    Nothing is kept for the remote while there is no connection: a service that wants to say something then keeps it itself,
    within bounds, and says it when its connection is ``opened``.

    :param remote: the description of a Twisted client endpoint, as :data:`netd.config.remote` reads it.
    :param rules: a ``Config`` that derives from :class:`netd.config.DialingConfig`.
    :param chance: returns a random number from 0 up to 1, which shortens waits.
    """

    def __init__(
        self,
        remote: str,
        factory: DialledFactory,
        reactor: Any,
        rules: DialingConfig,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._factory = factory
        self._rules = rules
        self._dialer = Dialer(factory, Remote(remote, reactor, rules.dial_timeout), remote, rules, chance)

    def use_budget(self, budget: Budget, quota: Quota) -> None:
        """Let the connection count in the daemon's *budget*; it never has to make room for others."""
        self._factory.share = budget.share(UNLIMITED)

    @property
    def connection(self) -> DialledProtocol | None:
        """The connection; None while there is none."""
        return self._dialer.connection

    def dialling(self) -> list[dict[str, Any]]:
        """What it dials and how that goes, for people: the ``dialling`` of its status."""
        return [self._dialer.status()]

    def startService(self) -> None:
        """Dial."""
        super().startService()  # type: ignore[no-untyped-call]
        self._dialer.start()

    def stopService(self) -> Deferred[None]:
        """Dial no more, end the connection politely, and wait for its end."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._dialer.pause()
        return end_connections(self._factory, self._rules.stop_timeout)

    def drain(self) -> Deferred[None]:
        """Dial no more; a connection that is there goes on."""
        self._dialer.pause()
        return succeed(None)

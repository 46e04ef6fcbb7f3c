"""A service that dials: one connection to a remote, kept up from the start of the service to its end."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from netd.change import Change
from netd.connection.budget import UNLIMITED, Budget, Quota
from netd.connection.dialer import Dialer, DialerRules
from netd.connection.dialing import DialledFactory, DialledProtocol
from netd.connection.eager import HotSockets
from netd.connection.eager_client import EagerReactor
from netd.connection.ending import end_connections
from netd.connection.remotes import Remote
from netd.interfaces import IBudgeted, IDrainable, ILogged, IReloadable
from netd.status import DialStatus

__all__ = ["DialingRules", "DialingService"]


class DialingRules(DialerRules, Protocol):
    """What a service that dials goes by: a :class:`netd.config.DialingConfig`, with the kind's own option ``remote``."""

    @property
    def remote(self) -> str:
        """The description of a Twisted client endpoint, as :data:`netd.config.remote` reads it."""

    @property
    def stall_timeout(self) -> float:
        """Seconds for which a remote may take none of the bytes that wait for it."""

    @property
    def stop_timeout(self) -> float:
        """Seconds that the connection gets to finish when the service stops."""

    @property
    def dead_timeout(self) -> float:
        """Seconds without a sign of life after which the connection is broken."""


@implementer(IBudgeted, IDrainable, ILogged, IReloadable)
class DialingService(Service):
    """Keeps a connection to a remote up: dials it, and dials again after failed attempts and lost connections.

    netd keeps nothing for a remote that is not connected. A service that must not lose what it has to say keeps it itself,
    within bounds, and sends it when its connection is ``opened``.

    :param config: the section.
    :param chance: returns a random number from 0 up to 1, which shortens waits.
    """

    def __init__(
        self,
        config: DialingRules,
        factory: DialledFactory,
        reactor: Any,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._factory = factory
        self._hot = HotSockets(reactor, factory.context.turn)
        self._is_eager = EagerReactor.can_serve(reactor)
        self._reactor = EagerReactor(reactor, self._hot) if self._is_eager else reactor
        self._rules = config
        self._is_paused = False
        self._dialer = Dialer(factory, self._endpoint(config), config.remote, config, chance)

    def use_budget(self, budget: Budget, quota: Quota) -> None:
        """Let the connection count in the daemon's *budget*; it never has to make room for others."""
        self._factory.share = budget.share(UNLIMITED)

    def log_everything(self, wanted: bool) -> None:
        """See :class:`netd.interfaces.ILogged`."""
        self._factory.log_limiter.is_lifted = wanted

    def prepare(self, config: DialingRules, change: Change) -> None:
        """See :class:`netd.interfaces.IReloadable`. A service with options that can fail extends it."""
        change.when_applied(lambda: self.follow(config))

    def follow(self, config: DialingRules) -> None:
        """Use the options of *config* from now on. A service with options of its own extends it."""
        before, self._rules = self._rules, config
        context = self._factory.context
        context.stall_timeout = config.stall_timeout
        context.dead_timeout = self._factory.vigil.limit = config.dead_timeout
        self._dialer.rules = config
        if (config.remote, config.dial_timeout) != (before.remote, before.dial_timeout):
            self._dialer.use(self._endpoint(config), config.remote)

    @property
    def connection(self) -> DialledProtocol | None:
        """The connection; None while there is none."""
        return self._dialer.connection

    def dialling(self) -> list[DialStatus]:
        """The state of the connection, for people: the ``dialling`` of the service's status."""
        return [self._dialer.status()]

    def startService(self) -> None:
        """Dial, unless the service was paused before: the daemon drains."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._is_eager:
            self._hot.start()
        if not self._is_paused:
            self._dialer.start()

    def stopService(self) -> Deferred[None]:
        """Dial no more, end the connection politely, and wait for its end."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._dialer.pause()
        return self.finish().addCallback(lambda _: self._hot.stop())

    def drain(self) -> Deferred[None]:
        """Dial no more; a connection that is there goes on."""
        self._dialer.pause()
        return succeed(None)

    def pause(self) -> None:
        """Dial no more until :meth:`resume`; a connection that is there goes on."""
        self._is_paused = True
        self._dialer.pause()

    def finish(self) -> Deferred[None]:
        """End the connection politely, and wait for its end."""
        return end_connections(self._factory, self._rules.stop_timeout)

    def resume(self) -> None:
        """Dial again, unless the connection is still there."""
        self._is_paused = False
        self._dialer.start()

    def _endpoint(self, config: DialingRules) -> Remote:
        return Remote(config.remote, self._reactor, config.dial_timeout)

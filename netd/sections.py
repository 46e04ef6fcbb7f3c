"""The services of all sections, wired to bus, operations and budget. A reload adds and removes some of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from netd.access.proofs import Proofs
from netd.access.refusals import REFUSED, PeerRefused
from netd.access.section import SectionAccess
from netd.access.watch import CredentialWatch
from netd.carriage import Carriage
from netd.config import Section
from netd.connection.budget import Budget
from netd.connection.shares import TurnShares
from netd.console.audit import Audit
from netd.errors import NetdError
from netd.interfaces import (
    IAdmitting,
    IAsyncio,
    IBudgeted,
    IBus,
    ICarried,
    IConsole,
    IHistoryCarrier,
    IHistoryKeeper,
    INetdService,
    IPaced,
    IRevoking,
    IServiceKind,
    IWatchful,
    IWitness,
)
from netd.listening import quota_of, rules_of
from netd.message import Message
from netd.operations import Operation, OperationTable
from netd.state.state import State

__all__ = ["NotInstalled", "Sections"]


FREE_WITHIN = 10.0
"""Seconds in which a section that is removed has to let go of its endpoints: this reload, and all after it, wait for that."""


class NotInstalled(NetdError):
    """A section needs a Python package that is not there."""


class Sections(MultiService):
    """The services that run, one for each section.

    :param admit: called with each service before it starts.
    :param state: the state database, of which services get their parts before they start.
    :ivar by_name: the services by section, in the order of the file.
    :ivar loop: the loop of asyncio on which the reactor runs; None if it runs on none.
    :ivar proofs: finds the credentials of tokens; None while no service may be built that takes any.
    :ivar watch: looks at the files of credentials.
    """

    _log = Logger()

    def __init__(
        self,
        kinds: Mapping[str, IServiceKind],
        reactor: Any,
        bus: IBus,
        table: OperationTable,
        budget: Budget,
        shares: TurnShares,
        admit: Callable[[INetdService], object],
        state: State,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kinds = kinds
        self._reactor = reactor
        self._bus = bus
        self._table = table
        self._budget = budget
        self._shares = shares
        self._admit = admit
        self._state = state
        self._carriage = Carriage()
        self._leaving: set[Deferred[Any]] = set()
        self._removed: list[tuple[str, INetdService]] = []
        self._offered: dict[str, list[Operation]] = {}
        self.by_name: dict[str, INetdService] = {}
        self.loop: Any = None
        self.proofs: Proofs | None = None
        self.watch = CredentialWatch(reactor, self.revoke, Audit(bus, reactor.seconds).credential_changed)

    def revoke(self, gone: frozenset[str]) -> None:
        """Close all connections that one of the credentials *gone* has proved, also those of removed sections."""
        for service in list(self):
            if IRevoking.providedBy(service):
                service.revoke(gone)

    def build(self, section: Section) -> INetdService:
        """Return the service of *section*, wired to bus, operations and budget, but not started.

        :raises NotInstalled: if a package is missing that the kind needs.
        """
        try:
            service = self._kinds[section.kind].make_service(section.config, self._reactor, self._bus)
        except ModuleNotFoundError as error:
            why = f"needs the Python module {error.name}, which is not installed for {sys.executable}"
            raise NotInstalled(f"[{section.name}] {why}; `netd check` names its package") from None
        if IConsole.providedBy(service):
            service.use_operations(self._table)
        if IBudgeted.providedBy(service):
            service.use_budget(self._budget, quota_of(section.config))
        if IAdmitting.providedBy(service):
            service.use_access(SectionAccess(section.name, rules_of(section.config), self.proofs, self._publish_refusal))
        if IWatchful.providedBy(service):
            service.use_watch(self.watch)
        if IAsyncio.providedBy(service):
            service.use_loop(self.loop)
        if IHistoryCarrier.providedBy(service):
            service.use_keepers(self._keepers)
        if ICarried.providedBy(service):
            service.use_carriage(self._carriage)
        return service

    def _publish_refusal(self, section: str, kind: str, who: str, why: str, more: int) -> None:
        self._bus.publish(Message(REFUSED, PeerRefused(section, kind, who, why, more, self._bus.wall())))

    def _keepers(self) -> list[Any]:
        return [service for service in self.by_name.values() if IHistoryKeeper.providedBy(service)]

    def start(self, section: Section, coming: OperationTable | None = None) -> INetdService:
        """Build the service of *section* and start it; :meth:`adopt` follows, or :meth:`stop`.

        :param coming: a table of operations that are not offered yet. Those of this service are added to it.
        :raises netd.errors.NetdError: if the service cannot start. It has been stopped again.
        """
        service = self.build(section)
        operations = service.operations()
        self._table.check(operations, service.instance)
        if coming is not None:
            coming.add(operations, service.instance)
        self._admit(service)
        if IPaced.providedBy(service):
            for share in service.turn_shares():
                self._shares.adopt(share)
        self._state.join(f"{section.kind}.{service.instance}", service)
        try:
            IService(service).setServiceParent(self)
        except Exception:
            self.stop(service)
            raise
        return service

    def adopt(self, name: str, service: INetdService) -> None:
        """Make *service* the service of section *name*, and offer its operations."""
        self.by_name[name] = service
        self.offer(name)

    def offer(self, name: str) -> None:
        """Offer the operations that the service of section *name* has now, instead of those that it had before."""
        service = self.by_name[name]
        operations = service.operations()
        self._table.replace(self._offered.get(name, ()), operations, service.instance)
        self._offered[name] = operations

    def remove(self, name: str) -> Deferred[Any]:
        """Take the section *name* out: its operations, and its endpoints. :meth:`end_removed` ends its connections.

        :returns: a Deferred that fires when its endpoints are free, or after :data:`FREE_WITHIN`. It never fails.
        """
        service = self.by_name.pop(name)
        self._table.replace(self._offered.pop(name), (), service.instance)
        self._removed.append((name, service))
        return self._free(service, name)

    def abandon(self, name: str, service: INetdService) -> Deferred[Any]:
        """Stop *service*, which was started for section *name* and not adopted.

        :returns: a Deferred that fires when its endpoints are free, or after :data:`FREE_WITHIN`. It never fails.
        """
        free = self._free(service, name)
        self.stop(service)
        return free

    def end_removed(self) -> None:
        """Stop the services of removed sections; their connections end within ``stop_timeout``."""
        removed, self._removed = self._removed, []
        for name, service in removed:
            self.stop(service).addCallback(self._forget, name, service.instance)

    def stop(self, service: INetdService) -> Deferred[Any]:
        """Stop *service*, which leaves the daemon at once. Return a Deferred that fires when it has stopped."""
        stopped = maybeDeferred(IService(service).disownServiceParent)
        self._leaving.add(stopped)

        def gone(result: Any) -> Any:
            self._leaving.discard(stopped)
            if IPaced.providedBy(service):
                for share in service.turn_shares():
                    self._shares.let_go(share)
            return result

        return stopped.addBoth(gone)

    def sort(self, names: Iterable[str]) -> None:
        """Put the services into the order of *names*."""
        for name in names:
            with suppress(KeyError):  # the service could not be started
                self.by_name[name] = self.by_name.pop(name)

    def stopService(self) -> Deferred[Any]:
        """Drain all services, also those of removed sections that are still finishing; then those that keep what these say."""
        Service.stopService(self)
        services = list(reversed(self.services))
        witnesses = [IService(service) for service in services if IWitness.providedBy(service)]
        others = [maybeDeferred(service.stopService) for service in services if service not in witnesses]
        stopped: Deferred[Any] = DeferredList([*others, *self._leaving])
        return stopped.addCallback(lambda _: DeferredList([maybeDeferred(one.stopService) for one in witnesses]))

    def _free(self, service: INetdService, name: str) -> Deferred[Any]:
        free: Deferred[Any] = maybeDeferred(service.drain).addTimeout(FREE_WITHIN, self._reactor)
        return free.addErrback(lambda failure: self._log.failure("[{name}] did not let go of its endpoints", failure, name=name))

    def _forget(self, _stopped: object, name: str, instance: str) -> None:
        """Drop the retained messages of a removed section, unless the section has been added again meanwhile."""
        kind, _, _ = name.partition(":")
        for message in () if name in self.by_name else self._bus.last(f"{kind}.{instance}.>"):
            self._bus.forget(message.subject)

"""A service that listens on any number of Twisted endpoints.

It binds its ports before twistd gives up privileges. Where the platform has epoll, its TCP connections are eager
(:mod:`netd.connection.eager`). At its end it stops accepting, closes each connection politely, waits for ``stop_timeout``, and
cuts the connections that are left.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Protocol

from twisted.application.service import Service
from twisted.internet import tcp
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger, globalLogPublisher
from zope.interface import implementer

from netd.access.rules import EVERYBODY, AccessRules
from netd.access.section import SectionAccess
from netd.access.watch import CredentialWatch, Tell
from netd.change import Change
from netd.config import AdmittingConfig, ListeningConfig, SecuredConfig
from netd.config.descriptions import is_exposed, is_loopback
from netd.config.tls import Security
from netd.connection.bounds import Traffic
from netd.connection.budget import NO_LIMIT, Budget, Quota
from netd.connection.door import QuickDoor, QuickFactory
from netd.connection.eager import HotSockets, accept_waiting, bound_accepts
from netd.connection.ending import end_connections, end_revoked, end_unadmitted, end_usurpers
from netd.connection.factory import BesideFactory, PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import describe_address
from netd.connection.turn import Turn
from netd.connection.vigil import DEAD_TIMEOUT
from netd.interfaces import (
    IAdmitting,
    IBudgeted,
    IDrainable,
    ILogged,
    IOpening,
    IPaced,
    IReloadable,
    IRevoking,
    ITurnShare,
    IWatchful,
)
from netd.listener import CannotListen, Listener, reach_of
from netd.listeners import Listeners
from netd.log import LimitedObserver
from netd.secrets.private_files import PrivateFileError
from netd.status import ListeningPlace

__all__ = ["CannotListen", "ListeningRules", "ListeningService", "make_context", "quota_of", "reach_of", "rules_of"]


class ListeningRules(Protocol):
    """What a service that listens goes by: a :class:`netd.config.ListeningConfig`, with the kind's own option ``listen``."""

    @property
    def instance(self) -> str:
        """The instance of the section."""

    @property
    def stop_timeout(self) -> float:
        """Seconds that connections get to finish when the service stops."""


def make_context(reactor: Any, stall_timeout: float, dead_timeout: float = DEAD_TIMEOUT) -> PeerContext:
    """Make the context that all connections of one service share."""
    return PeerContext(reactor, Turn(reactor.callLater), Traffic(), stall_timeout, dead_timeout)


def quota_of(config: object) -> Quota:
    """The limits of a section on its share of the budget: its options, or the defaults for a kind that has no such options."""
    limits = config if isinstance(config, ListeningConfig) else ListeningConfig()
    return Quota(
        connections=limits.max_connections or NO_LIMIT,
        per_address=limits.max_connections_per_address or NO_LIMIT,
        silent=limits.max_silent,
        silent_timeout=limits.silent_timeout,
    )


def rules_of(config: object) -> AccessRules:
    """Who may connect to a section: its options, or everybody for a kind that has no such options and its own rules."""
    return config.access_rules if isinstance(config, AdmittingConfig) else EVERYBODY


def _no_door(_exposed: list[str]) -> str:
    return ""


@implementer(IAdmitting, IBudgeted, IDrainable, ILogged, IOpening, IPaced, IReloadable, IRevoking, IWatchful)
class ListeningService(Service):
    """Listens on several endpoints with one factory.

    :cvar remedy: what a person can do when netd cannot listen on an endpoint.
    :cvar rest: seconds for which short reads may wait while there are many connections (:mod:`netd.connection.eager`); 0 where
        peers wait for answers.
    :param config: the section.
    :param quick: *factory* itself, if it can answer connections at the door (:mod:`netd.connection.door`).
    """

    _log = Logger()
    remedy: ClassVar[str] = "Stop what uses it, or choose another with `listen`."
    rest: ClassVar[float] = 0.0

    def __init__(self, config: ListeningRules, factory: PeerFactory, reactor: Any, quick: QuickFactory | None = None) -> None:
        self.instance = config.instance
        self._listen = self.endpoints_of(config)
        self._factory = factory
        self._reactor = reactor
        self._stop_timeout = config.stop_timeout
        self._open_door = config.open_door if isinstance(config, AdmittingConfig) else _no_door
        self._admitted = config.admitted if isinstance(config, AdmittingConfig) else ""
        self._security = config.security if isinstance(config, SecuredConfig) else None
        self._hot = HotSockets(reactor, factory.context.turn, self.rest)
        factory.end_those_who_left = self._hot.end_those_who_left
        self._door = QuickDoor(reactor, factory.context.turn, quick) if quick is not None else None
        self._files_watch: CredentialWatch | None = None
        self._forget: Callable[[], None] = lambda: None
        self._reserved: object = None
        self._listeners = Listeners(self._make_listener, self._give_up)
        self._is_listening = False
        self._is_paused = False
        self._accept_errors = LimitedObserver(reactor.seconds, globalLogPublisher)

    def use_budget(self, budget: Budget, quota: Quota) -> None:
        """Let the daemon's *budget* decide which connections are accepted. Without a budget, all are."""
        self._factory.share = budget.share(quota)

    def use_access(self, access: SectionAccess) -> None:
        """Let *access* say who the connections are. Without it, everybody is admitted, as a program on this machine."""
        self._factory.access = access

    def revoke(self, gone: frozenset[str]) -> None:
        """See :class:`netd.interfaces.IRevoking`."""
        end_revoked(self._factory, gone)

    def log_everything(self, wanted: bool) -> None:
        """See :class:`netd.interfaces.ILogged`."""
        self._factory.log_limiter.is_lifted = wanted

    def turn_shares(self) -> list[ITurnShare]:
        """See :class:`netd.interfaces.IPaced`. A service with work of another kind adds the share for it."""
        return [self._factory.turns.share]

    def privilegedStartService(self) -> None:
        """Listen on every endpoint.

        :raises CannotListen: for the first endpoint on which that is not possible.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._start_listening()

    def startService(self) -> None:
        """Listen, unless that was done before privileges were given up."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._files_watch is not None:
            self._forget = self._files_watch.add(self._look_at_files)
        self._start_listening()

    def stopService(self) -> Deferred[None]:
        """Stop accepting, close all connections, and wait for them."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._forget()
        done = self.drain()
        done.addCallback(lambda _: self.finish())
        done.addCallback(lambda _: self._hot.stop())
        return done

    def drain(self) -> Deferred[Any]:
        """Accept no further connections, for good. Open connections go on."""
        self._is_listening = False
        if self._door is not None:
            self._door.close()
        return DeferredList(self._listeners.close())

    def pause(self) -> None:
        """See :class:`netd.interfaces.IDrainable`."""
        self._is_paused = True
        for listener in self._listeners:
            self._leave(listener)
            listener.park()

    def resume(self) -> None:
        """See :class:`netd.interfaces.IDrainable`.

        :raises CannotListen: for the first endpoint whose address another program has taken; all others are open.
        """
        self._is_paused = False
        taken: CannotListen | None = None
        for listener in [listener for listener in self._listeners if listener.is_parked]:
            try:
                listener.unpark()
            except CannotListen as error:
                taken = taken or error
                continue
            for port in listener.ports:
                self._serve(port)
        if taken is not None:
            raise taken

    def finish(self) -> Deferred[None]:
        """Close all connections, those at the door too, and wait for them."""
        self._factory.farewell = self.farewell
        if self._door is not None:
            self._door.clear()
        return end_connections(self._factory, self._stop_timeout)

    def prepare(self, config: Any, change: Change) -> None:
        """See :class:`netd.interfaces.IReloadable`. A service with further options that can fail extends it.

        A service that does not listen yet, or has drained for good, opens no endpoints.
        """
        if self._is_listening:
            self._listeners.prepare(self.endpoints_of(config), change)
        change.when_applied(lambda: self.follow(config))

    def follow(self, config: Any) -> None:
        """Use the options of *config* from now on. A service with options of its own extends it."""
        self._listen = self.endpoints_of(config)
        self._stop_timeout = config.stop_timeout
        self._secure(config)
        context = self._factory.context
        context.dead_timeout = self._factory.vigil.limit = config.dead_timeout
        if isinstance(config, ListeningConfig):
            context.stall_timeout = config.stall_timeout
            self._factory.share.quota = quota_of(config)
            self._factory.silence.limit(config.silent_timeout)
        if isinstance(config, AdmittingConfig):
            self._admitted = config.admitted
            self._reconsider(config.access_rules)

    def listening(self) -> list[ListeningPlace]:
        """The places where it listens, or will, and who can reach them, for people."""
        return [place for listener in self._listeners for place in listener.places(self._admitted)]

    @property
    def farewell(self) -> str:
        """Why :meth:`finish` closes connections: the service stops for good, or drains and may go on later."""
        return "netd drains" if self._is_listening else "netd stops"

    @property
    def is_accepting(self) -> bool:
        """Whether it listens, or will as soon as it can."""
        return bool(self._listeners) and not self._is_paused

    @property
    def is_opening(self) -> bool:
        """See :class:`netd.interfaces.IOpening`."""
        return any(listener.is_opening for listener in self._listeners)

    def use_watch(self, watch: CredentialWatch) -> None:
        """Have the files of certificates looked at with those of credentials. A service with files of its own extends it."""
        self._files_watch = watch

    def _look_at_files(self, _tell: Tell) -> frozenset[str]:
        for listener in self._listeners:
            listener.look()
        with suppress(PrivateFileError):  # the daemon's own look reports that; nobody loses a name by it
            reserved = self._factory.access.reserved()
            if reserved is not self._reserved:
                self._reserved = reserved
                end_usurpers(self._factory)
        return frozenset()  # a certificate of netd proves nobody else; of credentials, the daemon tells which are gone

    def _secure(self, config: object) -> None:
        self._security = config.security if isinstance(config, SecuredConfig) else None
        for listener in self._listeners:
            listener.secure(self._security_at(listener.description))

    def _security_at(self, description: str) -> Security | None:
        """Return what ``tls = yes`` means at an endpoint: nothing at those that speak another protocol than the section's."""
        return self._security if self.factory_of(description) is self._factory else None

    def endpoints_of(self, config: Any) -> tuple[str, ...]:
        """Return the endpoints to listen on. Override where another option than ``listen`` names some, too."""
        endpoints: tuple[str, ...] = config.listen
        return endpoints

    def factory_of(self, description: str) -> PeerFactory | BesideFactory:
        """Return the factory of the connections at an endpoint. Override where endpoints differ in their protocol."""
        return self._factory

    def _reconsider(self, rules: AccessRules) -> None:
        """Go by *rules*, for the connections that are open as well."""
        access = self._factory.access
        if access.rules not in (rules, EVERYBODY):  # outside of a daemon, everybody stays admitted
            access.follow(rules)
            end_unadmitted(self._factory)

    def _start_listening(self) -> None:
        if not self._is_listening:
            self._is_listening = True
            self._listeners.open(self._listen)
            self._check_sockets()

    def _check_sockets(self) -> None:
        """Check the sockets whose addresses are known only once they listen: those of systemd.

        :raises CannotListen: if other machines reach one, and it is not said who may connect.
        """
        unknown = [listener for listener in self._listeners if is_exposed(listener.description) is None]
        hosts = [port.getHost() for listener in unknown for port in listener.ports]
        exposed = [describe_address(host) for host in hosts if not is_loopback(getattr(host, "host", "localhost"))]
        why = self._open_door(exposed)
        if why:
            raise CannotListen(self._factory.name, why)

    def _make_listener(self, description: str) -> Listener:
        listener = Listener(
            description, self.factory_of(description), self._reactor, self.remedy, self._listens, self._security_at(description)
        )
        if self._is_paused:
            listener.park()
        return listener

    def _give_up(self, listener: Listener) -> list[Deferred[Any]]:
        """Stop listening there. Connections in the backlog are accepted first: their clients believe to be connected."""
        self._leave(listener)
        return listener.close()

    def _leave(self, listener: Listener) -> None:
        for port in () if listener.is_parked else listener.ports:
            if isinstance(port, tcp.Port) and port.connected:
                if self._door is not None:
                    self._door.leave(port)
                accept_waiting(port)

    def _listens(self, port: Any) -> None:
        if isinstance(port, tcp.Port):
            bound_accepts(port)
            port._logger = Logger(port._logger.namespace, observer=self._accept_errors)
        if HotSockets.can_serve(self._reactor, port):
            self._hot.start()
            self._hot.adopt(port)
        if not self._is_paused:
            self._serve(port)

    def _serve(self, port: Any) -> None:
        """Let the door accept for *port*, if it can: hot connections, and those that do not begin with a proxy's header."""
        if self._door is not None and HotSockets.has_adopted(port) and port.factory is self._factory:
            self._door.open(port)

"""The operations of the daemon itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, get_type_hints

from attrs import define, evolve, field, frozen

from netd import __version__
from netd.access.proofs import TooManyWrongTokens
from netd.access.refusals import REFUSALS
from netd.bus.local import LocalBus
from netd.codec.jsontext import to_plain
from netd.codec.jsontypes import result_schema, schema
from netd.codec.units import Epoch, Everything, Seconds
from netd.connection.budget import CapacityFacts
from netd.console.audit import AUDITED
from netd.console.dispatch import describe
from netd.console.reach import sees_some, subjects_of
from netd.console.results import OperationFacts, SubjectFacts
from netd.errors import InvalidArguments, NotPermitted, OperationFailed
from netd.interfaces import INetdService, IPublisher
from netd.lifecycle import STATE, DaemonStateChanged, Draining, Lifecycle, ServingState
from netd.message import EventKind
from netd.operations import Caller, Operation, OperationTable, Role
from netd.principal import Kind, Principal, Proof
from netd.secrets.tokens import Tokens
from netd.state.state import StateFacts
from netd.usage import Usage, measure_usage
from netd.vitals import SUBJECT as VITALS
from netd.vitals import Vitals

__all__ = ["LAGS", "Rights", "SessionEnd", "Stopping", "System", "SystemStatus"]

LAGS = 600
"""Seconds of which the delays are kept."""


@frozen(slots=False)
class SystemStatus:
    """The daemon and its services.

    :ivar configuration: path of the file with the configuration.
    :ivar timezone: name of the time zone whose local times netd reads and writes; empty where it is not known by name.
    :ivar started: time of the start by the wall clock, which identifies this run of the daemon.
    :ivar published: messages on the bus since the start.
    :ivar lag: the greatest delay of the event loop within the last second.
    :ivar turns: time since the start that the event loop has spent on each kind of divided work.
    :ivar capacity: the connections of all services, and how many there may be.
    :ivar usage: memory and descriptors of the process.
    :ivar stored: the state database, which holds what a restart finds again.
    :ivar draining: progress of draining; None if the daemon does not drain.
    :ivar services: the :class:`netd.status.ServiceStatus` of each service, as plain values.
    """

    name: str
    version: str
    configuration: str
    timezone: str
    started: Epoch
    uptime: Seconds
    published: int
    lag: Seconds
    turns: dict[str, Seconds]
    capacity: CapacityFacts
    usage: Usage
    stored: StateFacts
    state: ServingState
    draining: Draining | None
    services: list[dict[str, Any]]


@frozen(slots=False)
class Stopping:
    """The daemon is about to end."""

    status: Literal["stopping"]


@frozen(slots=False)
class Rights:
    """What a caller may do.

    :ivar name: of its token or user; None if only its address is known.
    :ivar subjects: the patterns of subjects that it is confined to.
    :ivar proof: the kind of proof by which it is known.
    """

    name: str | None
    role: str
    subjects: tuple[str, ...] | Everything
    proof: Proof


@frozen(slots=False)
class SessionEnd:
    """The end of a browser's session.

    :ivar left: time until its end, however much it is used.
    :ivar idle_left: time until its end if nobody uses it.
    """

    left: Seconds
    idle_left: Seconds


@define(eq=False)
class System:
    """The daemon as a whole, and the operations for it.

    :ivar configuration: path of the file with the configuration.
    :ivar monotonic: the monotonic clock.
    :ivar tokens: the tokens by which callers log in.
    :ivar lifecycle: its state: serving, draining or stopping.
    :ivar spent: seconds that all turns have spent, by kind of work; see :mod:`netd.connection.shares`.
    :ivar capacity: facts about the budget of connections.
    :ivar stop_daemon: ends the daemon.
    :ivar stored: facts about the state database.
    :ivar timezone: name of the machine's time zone.
    :ivar own_events: events of parts of the daemon that belong to no section.
    :ivar usage: measures memory and descriptors.
    :ivar lag: delay of the event loop in seconds; see :mod:`netd.vitals`.
    :ivar lags: the same for the last minutes, second by second.
    :ivar began: time at which the daemon was built, by the monotonic clock.
    :ivar started: the same by the wall clock; it identifies this run of the daemon.
    """

    name: str
    configuration: str
    services: Collection[INetdService]
    table: OperationTable
    bus: LocalBus
    monotonic: Callable[[], float]
    tokens: Tokens
    lifecycle: Lifecycle
    spent: Callable[[], dict[str, float]]
    capacity: Callable[[], CapacityFacts]
    stop_daemon: Callable[[], None]
    stored: Callable[[], StateFacts]
    timezone: str = ""
    own_events: Sequence[EventKind] = ()
    usage: Callable[[], Usage] = measure_usage
    lag: float = 0.0
    lags: deque[float] = field(factory=lambda: deque(maxlen=LAGS), init=False)
    began: float = field(init=False)
    started: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.began, self.started = self.monotonic(), self.bus.wall()

    def operations(self) -> list[Operation]:
        """The operations that every daemon has."""
        listed, told = "List the operations with their arguments", "Tell what runs, where it listens, and how it does"
        published = "List what the services publish, by subject"
        return [
            Operation("system.operations", self.list_operations, Role.VIEWER, listed, spans_services=True),
            Operation(
                "system.status",
                self.status,
                Role.VIEWER,
                told,
                spans_services=True,
                describe_result=self._describe_status,
                kinds=frozenset({Kind.METRICS}),
            ),
            Operation("system.subjects", self.list_subjects, Role.VIEWER, published, spans_services=True),
            *self.lifecycle.operations(),
            Operation("system.stop", self.stop, Role.ADMIN, "Finish what is open, then end the daemon"),
            Operation("system.whoami", self.whoami, Role.NOBODY, "Tell what the caller may do", spans_services=True),
            *self._lasting(),
        ]

    def _lasting(self) -> list[Operation]:
        known = "Say who you are, by a token or by the page key of a browser's session"
        ends = "Tell when the browser's session ends; note that a person uses it"
        return [
            Operation("system.login", self.login, Role.NOBODY, known, spans_services=True, is_lasting=True),
            Operation("system.session", self.session, Role.VIEWER, ends, spans_services=True, is_lasting=True),
        ]

    def list_operations(self, caller: Caller) -> list[OperationFacts]:
        """List the operations with their JSON Schemas; for a confined caller, those that it may call."""
        return describe(self.table, caller.principal)

    def list_subjects(self, caller: Caller) -> list[SubjectFacts]:
        """List the published subjects with their JSON Schemas; for a confined caller, those that overlap with its own."""
        published = [EventKind(STATE, DaemonStateChanged), EventKind(VITALS, Vitals), AUDITED, REFUSALS, *self.own_events]
        for service in self.services:
            published += service.events() if IPublisher.providedBy(service) else []
        seen = [kind for kind in published if sees_some(caller.principal, kind.subject)]
        return [SubjectFacts(kind.subject, result_schema(kind.event)) for kind in seen]

    def status(self, caller: Caller) -> SystemStatus:
        """Like :meth:`facts`; for a confined caller, with those services alone whose subjects it may see all."""
        facts = self.facts()
        told = zip(self.services, facts.services, strict=True)
        seen = [status for service, status in told if caller.may(subjects_of(status["kind"], service.instance))]
        return evolve(facts, services=seen)

    def facts(self) -> SystemStatus:
        """Facts about the daemon and each of its services."""
        now = self.lifecycle.describe()
        return SystemStatus(
            name=self.name,
            version=__version__,
            configuration=self.configuration,
            timezone=self.timezone,
            started=self.started,
            uptime=self.monotonic() - self.began,
            published=self.bus.published,
            lag=self.lag,
            turns=self.spent(),
            capacity=self.capacity(),
            usage=self.usage(),
            stored=self.stored(),
            state=now.state,
            draining=now.draining,
            services=[to_plain(service.status()) for service in self.services],
        )

    def _describe_status(self) -> dict[str, Any]:
        """The schema of :meth:`status`, in which each kind of service has its own members."""
        kinds = {}
        for service in self.services:
            kind = to_plain(service.status())["kind"]
            described = result_schema(get_type_hints(service.status).get("return", object))
            members = described.get("properties", {}) | {"kind": {"const": kind}}
            kinds[kind] = {"type": "object"} | described | {"properties": members}
        listed = {"type": "array", "items": {"anyOf": list(kinds.values())}}
        described = schema(SystemStatus)
        return described | {"properties": described["properties"] | {"services": listed}}

    def stop(self) -> Stopping:
        """End the daemon after this answer has been sent."""
        self.stop_daemon()
        return Stopping("stopping")

    def login(self, caller: Caller, token: str | None = None, page: str | None = None) -> Rights:
        """Give the caller the rights of *token*, or of the session with the key *page*, until its connection ends.

        :raises NotPermitted: for an unknown token or session. Also for a caller with rights: the subscriptions that it has made
            with them would stay, even if the rights of the new token are narrower.
        """
        if (token is None) is (page is None):
            raise InvalidArguments("give `token`, or the `page` key of a browser's session")
        if caller.principal.role is not Role.NOBODY:
            raise NotPermitted("this connection has its rights already: connect anew to be somebody else")
        if caller.tries is not None and caller.tries.is_over:
            raise NotPermitted("too many unknown tokens; connect anew")
        principal = self._bearer(caller, token) if token is not None else _of_session(caller, page or "")
        caller.lasting_link.prove(principal)
        return _rights(principal)

    def _bearer(self, caller: Caller, token: str) -> Principal:
        found = self.tokens.find(token, caller.host)
        if found is None:
            wait = 0.0
            if caller.tries is not None:
                caller.tries.fail()
                wait = caller.tries.wait
            raise TooManyWrongTokens(wait) if wait else NotPermitted(self.tokens.objection(token))
        return found.principal

    def session(self, caller: Caller, used: bool = False) -> SessionEnd:
        """Tell when the session of the caller's browser ends.

        :param used: a person has used the page since the last call, so that the session goes on.
        :raises OperationFailed: if the caller has no session.
        """
        left = None if caller.session is None else caller.session.left()
        if caller.session is None or left is None:
            raise OperationFailed("this connection was not opened by a browser that has signed in")
        if used:
            caller.session.use()
            left = caller.session.left() or left
        return SessionEnd(*left)

    def whoami(self, caller: Caller) -> Rights:
        """The rights of the caller, in the form of :meth:`login`. Without a name, only the address is known."""
        return _rights(caller.principal)

    def note_lag(self, seconds: float) -> None:
        """Note the greatest delay of the event loop within the last second."""
        self.lag = seconds
        self.lags.append(seconds)

    def vitals(self) -> Vitals:
        """The vitals of the daemon at this moment."""
        statuses = self.facts().services
        return Vitals(
            time=self.bus.wall(),
            started=self.started,
            uptime=self.monotonic() - self.began,
            published=self.bus.published,
            connections=sum(status.get("connections", 0) for status in statuses),
            dropped=sum(sum(status.get("counters", {}).get("dropped", {}).values()) for status in statuses),
            lag=self.lag,
        )


def _of_session(caller: Caller, page: str) -> Principal:
    if caller.session is None:
        raise NotPermitted("no session came with this connection; sign in again")
    return caller.session.prove(page)


def _rights(principal: Principal) -> Rights:
    return Rights(principal.name, principal.role.name.lower(), principal.subjects, principal.proof)

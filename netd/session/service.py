"""The session service of one section: roster, dialer, listeners and operations put together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.access.section import SectionAccess
from netd.codec.samples import SampleTaken
from netd.config import section_name, variable_name
from netd.connection.budget import UNLIMITED, Budget, Quota
from netd.connection.ending import end_connections
from netd.connection.fairness import TURN_SHARE
from netd.connection.shares import own_share
from netd.errors import Gone, OperationFailed
from netd.interfaces import IActing, IBus, INetdService, IPublisher, IStateful, IStatePart, ITurnShare
from netd.listening import ListeningService, make_context
from netd.message import EventKind
from netd.operations import Operation, Role
from netd.paging import LIMIT, ListPager
from netd.principal import Action
from netd.session.addresses import Address, parse_host
from netd.session.config import Config
from netd.session.dialer import AgentControlFactory, AgentDialer, resolve
from netd.session.events import StateChanged
from netd.session.names import check_name
from netd.session.pacing import COUNTING, Sweep
from netd.session.protocol import StreamFactory
from netd.session.results import PingedSession, SessionFacts, SessionList, SessionServiceStatus
from netd.session.revival import Revival
from netd.session.roster import Roster
from netd.session.session import SessionSurroundings, TelemetrySession
from netd.session.states import SessionState
from netd.session.stream import STREAM
from netd.status import Counters

__all__ = ["SessionService", "make_service"]

DESCRIBING = 0.005
"""Most seconds of a turn for describing sessions to ``session.list``: a session can have many channels."""

STEP = 50
"""Sessions that are looked through in one step of the share."""

DECIDED = (SessionState.STREAMING, SessionState.RESTING, SessionState.STOPPING, SessionState.ENDED)
"""The states in which a start has either succeeded or failed."""


REST = 0.02
"""Seconds for which a sample of one of many agents may wait, to be read together with those of others."""


def make_service(config: Config, reactor: Any, bus: IBus) -> SessionService:
    """Build the session service of one ``[session]`` section."""
    context = make_context(reactor, config.stall_timeout, config.dead_timeout)
    name = section_name("session", config.instance)
    controls = AgentControlFactory(f"{name} (control)", context)
    dialer = AgentDialer(reactor, controls, config)
    chance = random.Random().random  # noqa: S311 - spreads attempts, keeps no secret
    prefix = f"session.{config.instance}"
    receiving = own_share(reactor, "receive", TURN_SHARE)
    sweep = Sweep(own_share(reactor, "count", COUNTING), reactor.seconds, reactor.callLater)
    world = SessionSurroundings(config, bus, prefix, reactor.seconds, reactor.callLater, receiving, sweep, dialer.dial, chance)
    roster = Roster(world, (f"[{name}]", variable_name("session", config.instance, "agents")))
    return SessionService(config, StreamFactory(name, context, roster), controls, dialer, reactor)


@implementer(IActing, INetdService, IPublisher, IStateful)
class SessionService(ListeningService):
    """One session service."""

    rest = REST

    def __init__(
        self, config: Config, factory: StreamFactory, controls: AgentControlFactory, dialer: AgentDialer, reactor: Any
    ) -> None:
        super().__init__(config, factory, reactor)
        self._dialer = dialer
        self._streams = factory
        self._controls = controls
        self._roster = factory.roster
        self._describing = own_share(reactor, "describe", DESCRIBING)
        self._revival = Revival(self._roster, dialer, reactor, self._describing, lambda: bool(self.running))

    def turn_shares(self) -> list[ITurnShare]:
        """The shares of the turn: for reading from agents, for counting their samples, and for listing sessions."""
        return [self._roster.turns.share, self._roster.world.sweep.share, self._describing]

    def use_budget(self, budget: Budget, quota: Quota) -> None:
        """Count the control connections as well, without a limit: netd itself makes them."""
        super().use_budget(budget, quota)
        self._controls.share = budget.share(UNLIMITED)

    def use_access(self, access: SectionAccess) -> None:
        """See :meth:`netd.listening.ListeningService.use_access`."""
        super().use_access(access)
        self._roster.reserves = access

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`."""
        self._roster.wanted.load(part)

    def startService(self) -> None:
        """Listen, and dial the agents of sessions that should be running."""
        super().startService()
        self._revival.begin()

    def follow(self, config: Config) -> None:
        """Use *config*. Live sessions use its time limits, and keep their channels."""
        super().follow(config)
        self._roster.follow(config)
        self._dialer.rules = config
        self._controls.vigil.limit = config.dead_timeout

    def operations(self) -> list[Operation]:
        """Return the operations of a session service."""
        return [
            Operation("session.list", self.sessions, Role.VIEWER, "List the sessions with their channels, then those that ended"),
            Operation("session.start", self.start, Role.OPERATOR, "Dial the agent at a host and have it stream"),
            Operation("session.stop", self.stop, Role.OPERATOR, "Have an agent stop, by session, name or host"),
            Operation("session.ping", self.ping, Role.OPERATOR, "Have an agent show a ping, by session, name or host"),
        ]

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`."""
        return [STREAM]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [
            EventKind(f"session.{self.instance}.*", StateChanged),
            EventKind(f"session.{self.instance}.*.*", SampleTaken),
        ]

    def status(self) -> SessionServiceStatus:
        """Facts about this service."""
        live = self._roster.live()
        totals = self._roster.totals
        counts: Counters = {
            "started": totals.started,
            "samples": totals.samples + sum(session.readings.samples for session in live),
            "dials": dict(self._controls.dials),
            "bad": totals.bad + sum(session.readings.bad for session in live),
        }
        return SessionServiceStatus(
            kind="session",
            instance=self.instance,
            listening=self.listening(),
            agent_port=self._dialer.rules.agent_port,
            connections=len(self._streams.connections),
            sessions=len(live),
            streaming=sum(session.state is SessionState.STREAMING for session in live),
            counters={**self._streams.counters(), **counts},
        )

    def sessions(
        self,
        contains: str = "",
        state: str | None = None,
        newest: bool = False,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> Deferred[SessionList]:
        """Return a page of the sessions, live ones first. It is made in several turns, so that other services are not held up.

        :param contains: a text in the agent's name, host or address, or in a channel's name, label or unit.
        :param state: the state of the sessions; by default, any.
        :param newest: whether the newest sessions come first, ended or not.
        :param limit: most rows of the page, up to 1000.
        :param after: what the page before gave as ``after``.
        """
        pager: ListPager[TelemetrySession] = ListPager(contains, state, newest, limit, after)
        listed: Deferred[SessionList] = Deferred(lambda _: None)

        def describe() -> Iterator[None]:
            for count, session in enumerate(list(self._roster)):
                pager.take(session, session.state.value, session.words, session.is_over, session.id)
                if count % STEP == 0:
                    yield
            rows, end = pager.page()
            described = []
            for session in rows:
                described.append(session.describe())
                yield
            if not listed.called:
                listed.callback(SessionList(described, dict(pager.counts), pager.matching, end))

        self._describing.start(describe())
        return listed

    def start(self, host: str, wait: bool = True, name: str | None = None) -> Deferred[SessionFacts]:
        """Begin a session with the agent at *host*, a name or an address.

        :param wait: whether the Deferred fires only when the agent streams, or as soon as it is being dialled.
        :param name: the name of the agent, in its subjects and everywhere else.
        :returns: a Deferred of facts about the session.
        :raises OperationFailed: if the agent may not be dialled, has a session already, or cannot be reached.
        """
        if name is not None:
            check_name(name)
        wanted = parse_host(host)
        if not self.is_accepting:
            raise OperationFailed("agents cannot connect back: this netd accepts no connections now")
        if not isinstance(wanted, str):
            return self._begin(host.strip(), wanted, wait, name)
        looked_up = resolve(self._reactor, wanted, self._dialer.rules.dial_timeout)
        looked_up.addErrback(_too_late, wanted)
        return looked_up.addCallback(lambda found: self._begin(wanted, self._roster.agents.choose(wanted, found), wait, name))

    def stop(self, session: int | str) -> Deferred[SessionFacts]:
        """End a session.

        :param session: its id, or its agent's name or host.
        :returns: a Deferred of facts about the session, which fires once it has ended, and a restart does not begin it again.
        :raises NoSuchTarget: if there is no such session.
        """
        found = self._roster.find(session)
        forgotten = maybeDeferred(self._roster.wanted.remove, found)
        found.stop("stopped by an operator")

        def not_forgotten(why: Failure) -> None:
            raise OperationFailed(f"session {found.id} ends, but a restart may dial it again: {why.getErrorMessage()}")

        forgotten.addErrback(not_forgotten)
        ended: Deferred[SessionFacts] = Deferred(lambda _: None)

        def watch(changed: TelemetrySession) -> bool:
            if changed.is_over and not ended.called:
                ended.callback(changed.describe())
            return changed.is_over

        found.watch(watch)
        return ended.addCallback(lambda facts: forgotten.addCallback(lambda _: facts))

    def ping(self, session: int | str) -> PingedSession:
        """Make an agent show a ping.

        :param session: its id, or its agent's name or host.
        :raises NoSuchTarget: if there is no such session.
        :raises OperationFailed: if the session is not streaming, or its agent was not dialled.
        """
        found = self._roster.find(session)
        if not found.ping():
            raise OperationFailed(
                f"session {found.id} is {found.state.value} and cannot be pinged; a streaming one that was dialled can"
            )
        return PingedSession(found.id, found.host)

    def stopService(self) -> Deferred[None]:
        """Tell every agent to stop, then end all connections."""
        return super().stopService().addCallback(lambda _: self._roster.world.sweep.stop())

    def pause(self) -> None:
        """Accept nothing, and dial nobody; sessions that stream go on."""
        self._dialer.is_paused = True
        super().pause()

    def resume(self) -> None:
        """Accept again, and dial: sessions that rest, when their pauses are over, and those that the drain has ended."""
        self._dialer.is_paused = False
        super().resume()
        self._roster.is_leaving = False
        self._revival.begin()

    def finish(self) -> Deferred[None]:
        """Tell every agent to stop, then close the remaining connections."""
        self._controls.farewell = self.farewell
        done: Deferred[Any] = self._end_sessions()
        done.addCallback(lambda _: end_connections(self._controls, self._stop_timeout))
        done.addCallback(lambda _: super(SessionService, self).finish())
        return done

    def _begin(self, host: str, address: Address, wait: bool, name: str | None) -> Deferred[SessionFacts]:
        session = self._roster.start(host, address, name)
        stored = maybeDeferred(self._roster.wanted.add, session, name is not None, self._roster.world.bus.wall())
        stored.addErrback(lambda _: None)  # it runs all the same; the state has logged why the disk refuses
        begun: Deferred[SessionFacts] = Deferred(lambda _: None)

        def watch(changed: TelemetrySession) -> bool:
            is_decided = not wait or changed.state in DECIDED
            if is_decided and not begun.called:
                if not wait or changed.state is SessionState.STREAMING:
                    begun.callback(changed.describe())
                else:
                    begun.errback(Gone(f"session {changed.id}: {changed.reason}"))
            return is_decided

        session.watch(watch)
        return begun.addCallback(lambda facts: stored.addCallback(lambda _: facts))

    def _end_sessions(self) -> Deferred[None]:
        self._roster.is_leaving = True
        ended: Deferred[None] = Deferred()
        live = self._roster.live()
        if not live:
            ended.callback(None)
            return ended
        deadline = self._reactor.callLater(self._stop_timeout, self._cut)
        for session in live:
            session.stop(self.farewell)

        def finish() -> None:
            if deadline.active():
                deadline.cancel()
            ended.callback(None)

        self._roster.when_empty(finish)
        return ended

    def _cut(self) -> None:
        for session in self._roster.live():
            session.cut(self.farewell)


def _too_late(failure: Failure, name: str) -> None:
    failure.trap(TookTooLong)
    raise OperationFailed(f"{name} could not be looked up in time; write the address")

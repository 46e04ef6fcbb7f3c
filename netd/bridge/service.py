"""The service of one ``[bridge:NAME]``: the bus, the clock, and the deliveries to its targets."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from netd.bridge.config import Config
from netd.bridge.events import BridgeFailed
from netd.bridge.grammar import OWN, Destination, name_of, resolved
from netd.bridge.machine import MOST_A_SECOND, MOST_SUBJECTS, PAUSE, Fuse, Pacing
from netd.bridge.making import BridgeMessage, Occurrence, make
from netd.bridge.results import BridgeOverview, BridgeServiceStatus
from netd.bridge.sending import BridgeCalls
from netd.change import Change
from netd.config import section_name
from netd.console.dispatch import Dispatcher
from netd.errors import NetdError
from netd.interfaces import IBus, IConsole, INetdService, IPublisher, IReloadable, ISubscription
from netd.log import LogLimiter, told_of
from netd.message import EventKind, Message, Want
from netd.operations import Operation, OperationTable, Role
from netd.reaction.caller import caller_of
from netd.reaction.delivery import Deliveries
from netd.status import Work

__all__ = ["BridgeService", "make_service"]

LOGGED_EVERY = 3600.0
"""Seconds between two lines of the log about what a bridge calls: it calls the same for years."""


def make_service(config: Config, reactor: Any, bus: IBus) -> BridgeService:
    """Build the service of one ``[bridge]`` section."""
    caller = caller_of(section_name("bridge", config.instance))
    return BridgeService(config, BridgeCalls(_dispatcher(OperationTable(), reactor, bus), caller), reactor, bus)


def _dispatcher(table: OperationTable, reactor: Any, bus: IBus) -> Dispatcher:
    return Dispatcher(table, reactor.seconds, bus, LOGGED_EVERY)


@implementer(INetdService, IConsole, IPublisher, IReloadable)
class BridgeService(Service):
    """One bridge."""

    _log = Logger()

    def __init__(self, config: Config, sending: BridgeCalls, reactor: Any, bus: IBus) -> None:
        self.instance = config.instance
        self._config = config
        self._reactor = reactor
        self._bus = bus
        self._section = section_name("bridge", config.instance)
        self._limiter = LogLimiter(reactor.seconds)
        self._fuse = Fuse(reactor.seconds)
        self._pacing: Pacing[Occurrence] = Pacing(config.every, reactor.seconds)
        self._template = config.read_template
        self._arguments = config.arguments if config.runs_commands else {}
        self._sending = sending
        self._deliveries: dict[Destination, Deliveries] = {}
        self._counts: Counter[str] = Counter()
        self._last_failure: str | None = None
        self._subscription: ISubscription | None = None
        self._timer: Any = None

    def use_operations(self, table: OperationTable) -> None:
        """See :class:`netd.interfaces.IConsole`. A bridge calls what people call, and no way leads past the checks of that."""
        self._sending = BridgeCalls(_dispatcher(table, self._reactor, self._bus), self._sending.caller)

    def startService(self) -> None:
        """Follow the bus from now on."""
        super().startService()  # type: ignore[no-untyped-call]
        self._begin()

    def stopService(self) -> Deferred[None]:
        """Follow the bus no longer, and give up what waits."""
        self._end()
        for deliveries in self._deliveries.values():
            deliveries.stop()
        return maybeDeferred(super().stopService)

    def drain(self) -> None:
        """Do nothing: nobody connects to a bridge."""

    def prepare(self, config: Config, change: Change) -> None:
        """Prepare for *config*: the loader has seen to all that may be wrong with it."""
        if config != self._config:
            change.when_applied(lambda: self._follow(config))

    def operations(self) -> list[Operation]:
        """Return the operations of a bridge."""
        return [Operation("bridge.list", self.list, Role.VIEWER, "Show the bridge: what it carries where, and what it has sent")]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [EventKind(f"bridge.{self.instance}.failed", BridgeFailed)]

    def status(self) -> BridgeServiceStatus:
        """Facts about this bridge."""
        to = ", ".join(name_of(target) for target in self._config.to)
        return BridgeServiceStatus(
            kind="bridge",
            instance=self.instance,
            listening=[],
            connections=0,
            counters={"messages": self._counted(), "pauses": self._fuse.blown},
            state=self._state(),
            work=[Work(f"sends {self._config.from_} to {to}", self._state())],
            waiting=self._waiting(),
            last_failure=self._last_failure,
        )

    def list(self) -> BridgeOverview:
        """The bridge, with what became of its messages."""
        config = self._config
        to = [name_of(target) for target in config.to]
        told = self._state(), self._counted(), self._waiting(), self._last_failure
        return BridgeOverview(self.instance, config.from_, to, config.template, config.every, *told)

    def _state(self) -> str:
        return "paused" if self._fuse.is_blown else "carries"

    def _counted(self) -> dict[str, int]:
        return dict(sum((deliveries.counts for deliveries in self._deliveries.values()), self._counts))

    def _waiting(self) -> int:
        return self._pacing.waiting + sum(deliveries.waiting for deliveries in self._deliveries.values())

    def _follow(self, config: Config) -> None:
        self._end()
        self._config = config
        self._pacing = Pacing(config.every, self._reactor.seconds)
        self._template = config.read_template
        self._arguments = config.arguments if config.runs_commands else {}
        for target in [target for target in self._deliveries if target not in config.to]:
            gone = self._deliveries.pop(target)
            gone.stop()
            self._counts += gone.counts
        self._begin()

    def _begin(self) -> None:
        """Subscribe. What the bus has retained is not sent: a restart is no event."""
        for target in self._config.to:
            if target not in self._deliveries:
                self._deliveries[target] = Deliveries(
                    self._section,
                    self._reactor,
                    self._sending.attempt,
                    random.random,
                    self._limiter,
                    at_once=1,
                    given_up=self._given_up,
                )
        pattern = self._config.from_
        # As with alerts: the same section on all nodes sends each event once.
        is_local = "@" not in pattern and not pattern.startswith("custom.")
        self._subscription = self._bus.subscribe(pattern, self._take, Want.BATCH, is_local=is_local)

    def _end(self) -> None:
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take(self, message: Message) -> None:
        if message.subject.startswith(OWN):
            return
        when = self._config.when
        for event in self._events(message):
            if when is None or when(event):
                self._pass(Occurrence(message.subject, event, message.time))
        self._arm()

    def _events(self, message: Message) -> Iterable[object]:
        batch = message.batch
        if batch is None:
            return (message.event,)
        # A read of an agent holds bare numbers. To make an event of each would cost as much as the rest.
        return getattr(batch, "values", batch) if self._config.needs_values_alone else batch

    def _pass(self, found: Occurrence) -> None:
        passes = self._pacing.take(found.subject, found)
        if passes:
            self._send(found)
        elif passes is None:
            self._drop(found, f"more than {MOST_SUBJECTS} subjects within `every`; narrow `from`")

    def _tick(self) -> None:
        self._timer = None
        for found in self._pacing.ready():
            self._send(found)
        self._arm()

    def _arm(self) -> None:
        due = self._pacing.due() if self._timer is None else None
        if due is not None:
            self._timer = self._reactor.callLater(max(0.0, due - self._reactor.seconds()), self._tick)

    def _send(self, found: Occurrence) -> None:
        before = self._fuse.blown
        if not self._fuse.admit():
            self._counts["dropped"] += 1
            if self._fuse.blown != before:
                why = f"more than {MOST_A_SECOND} messages within a second; nothing is sent for {PAUSE:g} s"
                self._tell(found.subject, "", f"{why}: if events run in a circle, end it; otherwise write `every`")
            return
        words = found.subject.split(".")
        for target in self._config.to:
            try:
                parcel = make(target, self._template, self._arguments, found)
            except NetdError as error:
                self._counts["failed"] += 1
                self._tell(found.subject, name_of(target), f"{error}; `template` has to fit all events that `when` lets through")
            else:
                self._deliveries[target].add(resolved(target, words), parcel)

    def _drop(self, found: Occurrence, why: str) -> None:
        self._counts["dropped"] += 1
        self._tell(found.subject, "", why)

    def _given_up(self, target: Any, parcel: BridgeMessage, why: str) -> None:
        """A delivery was given up, which the deliveries have logged."""
        self._last_failure = f"{name_of(target)}: {why}"
        self._publish(parcel.subject, name_of(target), why)

    def _tell(self, subject: str, to: str, why: str) -> None:
        """Tell why an event is not sent on, once in a while: there may be thousands of them a second."""
        self._last_failure = f"{to}: {why}" if to else why
        skipped = self._limiter.admit("told")
        if skipped is not None:
            self._log.error(
                "{section}: {subject} is not sent on: {why}{more}",
                section=self._section,
                subject=subject,
                why=why,
                more=told_of(skipped),
            )
            self._publish(subject, to, why)

    def _publish(self, subject: str, to: str, why: str) -> None:
        failed = BridgeFailed(self.instance, subject, to, why, self._bus.wall())
        self._bus.publish(Message(f"bridge.{self.instance}.failed", failed))

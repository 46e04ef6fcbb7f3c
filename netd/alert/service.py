"""The service of one ``[alert:NAME]``: the bus and the clock around its machine, and its operations."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from netd.alert.acting import Acting
from netd.alert.config import Config
from netd.alert.events import AlertChanged
from netd.alert.grammar import read_condition
from netd.alert.machine import MOST_SUBJECTS, Alarm, AlertState, Occasion, Watch
from netd.alert.program import spawn_leader
from netd.alert.records import AlertRecords
from netd.alert.results import AlertedSubject, AlertOverview, AlertServiceStatus, Tried
from netd.bus.subject import split_pattern
from netd.change import Change
from netd.config import section_name
from netd.connection.posting import make_agent
from netd.errors import InvalidArguments
from netd.interfaces import IBus, INetdService, IPublisher, IReloadable, IStateful, IStatePart, ISubscription
from netd.log import LogLimiter
from netd.message import EventKind, Message, Want
from netd.operations import Caller, Operation, Role
from netd.reaction.condition import plain_value
from netd.reaction.delivery import Deliveries
from netd.reaction.delivery import Outcome as DeliveryOutcome
from netd.status import Work
from netd.threads import Threads

__all__ = ["AlertService", "make_service"]

OWN = "alert."
"""How the subjects of alerts begin, which no alert watches: it would set itself off."""

WORST = (AlertState.FIRING, AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED, AlertState.PENDING, AlertState.QUIET)
"""The states, the worst first."""

Tests = list[Tried]
"""The outcomes of a test. The class has a method `list`, which would hide the type."""

TESTED = "a test"
"""The subject of the event with which actions are tried."""


def make_service(config: Config, reactor: Any, bus: IBus) -> AlertService:
    """Build the service of one ``[alert]`` section."""
    threads = Threads(reactor, 1, 16)
    spawn = partial(spawn_leader, getattr(reactor, "spawnProcess", None))  # type: ignore[arg-type]
    acting = Acting(config, bus, make_agent(reactor), spawn, threads)
    limiter = LogLimiter(reactor.seconds)
    deliveries = Deliveries(section_name("alert", config.instance), reactor, acting.attempt, random.random, limiter)
    return AlertService(config, acting, deliveries, reactor, bus)


@implementer(INetdService, IPublisher, IReloadable, IStateful)
class AlertService(Service):
    """One alert."""

    _log = Logger()

    def __init__(self, config: Config, acting: Acting, deliveries: Deliveries, reactor: Any, bus: IBus) -> None:
        self.instance = config.instance
        self._config = config
        self._acting = acting
        self._deliveries = deliveries
        self._reactor = reactor
        self._bus = bus
        self._watch = Watch(config, reactor.seconds, self._changed)
        self._subscription: ISubscription | None = None
        self._timer: Any = None
        self._fired: dict[str, float] = {}
        self._records = AlertRecords(reactor.seconds, bus.wall)

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`. An alert that fires, or is kept, goes on where it was."""
        self._fired = self._records.load(part, self._config, self._watch, lambda text: read_condition(text).condition)

    def startService(self) -> None:
        """Tell what an earlier run has left, look at the newest events, then follow the bus."""
        super().startService()  # type: ignore[no-untyped-call]
        for alarm in list(self._watch.alarms.values()):
            self._changed(alarm, Occasion.RESTORED)
        self._begin()

    def stopService(self) -> Deferred[None]:
        """Follow the bus no longer, and give up what waits."""
        self._end()
        self._deliveries.stop()
        self._acting.threads.stop()
        return maybeDeferred(super().stopService)

    def drain(self) -> None:
        """Do nothing: nobody connects to an alert."""

    def prepare(self, config: Config, change: Change) -> None:
        """Prepare for *config*: programs and secrets must be there."""
        for option, why in config.objections():
            change.refuse(option, why)
        if config != self._config:
            change.when_applied(lambda: self._follow(config))

    def operations(self) -> list[Operation]:
        """Return the operations of an alert."""
        acknowledged = "Acknowledge the alert: it is not told again, and ends with its condition"
        return [
            Operation("alert.list", self.list, Role.VIEWER, "Show the state of the alert on each of its subjects"),
            Operation("alert.acknowledge", self.acknowledge, Role.OPERATOR, acknowledged),
            Operation("alert.test", self.test, Role.OPERATOR, "Carry out the actions of the alert now, as a test"),
        ]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [EventKind(f"alert.{self.instance}.>", AlertChanged)]

    def status(self) -> AlertServiceStatus:
        """Facts about this alert."""
        return AlertServiceStatus(
            kind="alert",
            instance=self.instance,
            listening=[],
            connections=0,
            counters={"deliveries": dict(self._deliveries.counts), "unwatched": self._watch.unwatched},
            state=self._worst().value,
            work=[Work(f"watches {self._config.when.text}", self._worst().value)],
            firing=sum(alarm.state is AlertState.FIRING for alarm in self._watch.alarms.values()),
            waiting=self._deliveries.waiting,
            last_failure=self._deliveries.last_failure,
        )

    def list(self) -> AlertOverview:
        """The alert, and each subject on which it is not quiet."""
        now = self._reactor.seconds()
        alarms = sorted(self._watch.alarms.values(), key=lambda alarm: (WORST.index(alarm.state), alarm.subject))
        subjects = [
            AlertedSubject(
                alarm.subject,
                alarm.state.value,
                plain_value(alarm.value),
                now - alarm.since,
                self._fired.get(alarm.subject),
                alarm.by,
            )
            for alarm in alarms
            if alarm.state is not AlertState.QUIET
        ]
        then = [action.label for action in self._config.actions]
        return AlertOverview(self.instance, self._worst().value, self._config.when.text, then, subjects)

    def acknowledge(self, caller: Caller, subject: str = ">") -> AlertOverview:
        """Acknowledge the alert on *subject*, which may be a pattern.

        :raises InvalidArguments: when *subject* is no pattern.
        """
        try:
            split_pattern(subject)
        except ValueError as error:
            raise InvalidArguments(f"subject: {error}") from None
        self._watch.acknowledge(subject, str(caller.principal) or caller.origin)
        return self.list()

    def test(self) -> Deferred[Tests]:
        """Carry out each action once, with an event whose occasion is ``test``."""
        event = self._event(TESTED, AlertState.FIRING, "test", None, self._bus.wall(), "")
        tried = [self._deliveries.try_once(action, event).addCallback(_tried, action.label) for action in self._config.actions]
        return gatherResults(tried)

    def _follow(self, config: Config) -> None:
        before, self._config = self._config, config
        self._acting.config = config
        self._watch.follow(config)
        if config.condition != before.condition:
            self._end()
            self._begin()
        self._arm(self._watch.due())

    def _begin(self) -> None:
        pattern = self._config.condition.pattern
        if "*" not in pattern and ">" not in pattern:
            self._watch.begin(pattern)
        # Each node watches what it publishes itself: with the same section on all of them, an alert fires once.
        is_local = "@" not in pattern and not pattern.startswith("custom.")
        for message in self._bus.last(pattern):
            if self._watch.is_news(message.subject) and not (is_local and message.origin):
                self._take(message)
        # NEWEST would be cheaper, and would miss a value that is too high for a moment only.
        self._subscription = self._bus.subscribe(pattern, self._take, Want.BATCH, is_local=is_local)
        self._arm(self._watch.due())

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
        before = self._watch.unwatched
        due = self._watch.take(message.subject, self._events(message))
        if self._watch.unwatched and not before:
            self._log.warn(
                "{section}: more than {most} subjects; those over it are not watched: narrow the pattern",
                section=section_name("alert", self.instance),
                most=MOST_SUBJECTS,
            )
        self._arm(due)

    def _events(self, message: Message) -> Iterable[object]:
        batch = message.batch
        if batch is None:
            return (message.event,)
        # A read of an agent holds bare numbers. To make an event of each would cost as much as the rest.
        return getattr(batch, "values", batch) if self._config.condition.member == "value" else batch

    def _arm(self, due: float | None) -> None:
        """Have the timer come at *due* at the latest.

        One that comes too early asks what is due. Most events move that time on; a timer set anew with each would cost more.
        """
        if due is None:
            return
        if self._timer is not None and self._timer.getTime() > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._reactor.callLater(max(0.0, due - self._reactor.seconds()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._watch.tick()
        self._arm(self._watch.due())

    def _changed(self, alarm: Alarm, occasion: Occasion) -> None:
        """Publish the new state of *alarm*, and carry out the actions if it is news."""
        subject, now = alarm.subject, self._bus.wall()
        if occasion is Occasion.FIRED:
            self._fired[subject] = now
        since = self._fired.get(subject, now)
        if occasion is Occasion.OVER:
            self._fired.pop(subject, None)
        self._records.note(alarm, occasion, self._config.when.text, since)
        event = self._event(subject, alarm.state, occasion.value, alarm.value, since, alarm.by)
        self._bus.publish(Message(f"{OWN}{self.instance}.{subject}", event))
        if occasion in (Occasion.FIRED, Occasion.REPEATED, Occasion.OVER):
            for action in self._config.actions:
                self._deliveries.add(action, event)

    def _event(self, subject: str, state: AlertState, occasion: str, value: Any, since: float, by: str) -> AlertChanged:
        return AlertChanged(
            self.instance, subject, state.value, occasion, plain_value(value), self._config.when.text, since, by, self._bus.wall()
        )

    def _worst(self) -> AlertState:
        states = {alarm.state for alarm in self._watch.alarms.values()}
        return next((state for state in WORST if state in states), AlertState.QUIET)


def _tried(outcome: DeliveryOutcome, label: str) -> Tried:
    return Tried(label, *outcome)

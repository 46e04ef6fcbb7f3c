"""The states of an alert, one for each subject that its condition is about.

Times are those of the monotonic clock alone: a wall clock that is set changes nothing. The machine knows no bus and no timer. It
is told events, asked when it has to be called again, and calls *tell* with each change.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Protocol

from attrs import define, field

from netd.bus.subject import matches
from netd.reaction.condition import Condition, Gauge, value_of

__all__ = ["MOST_SUBJECTS", "Alarm", "AlertInput", "AlertRules", "AlertState", "Occasion", "Watch"]

MOST_SUBJECTS = 1000
"""Subjects of one alert that are remembered at a time. Those over it are counted, and not watched."""


class AlertState(enum.Enum):
    """The state of an alert on one subject."""

    QUIET = "quiet"
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    """The condition is over, and somebody still has to acknowledge that it held."""

    __hash__ = object.__hash__  # members are unique; Enum's own is several times slower, and samples ask the table


class AlertInput(enum.Enum):
    """What happens to an alert on one subject."""

    TRUE = "the condition holds"
    FALSE = "the condition does not hold"
    FALSE_KEPT = "the condition does not hold any more, and somebody has to acknowledge that it did"
    ELAPSED = "the condition has held for long enough"
    REPEAT = "it is time to tell again"
    ACKNOWLEDGE = "somebody acknowledges"

    __hash__ = object.__hash__


class Occasion(enum.Enum):
    """Why an alert tells its state."""

    FIRED = "fired"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    KEPT = "kept"
    OVER = "over"
    RESTORED = "restored"


class AlertRules(Protocol):
    """The options that the machine goes by."""

    @property
    def condition(self) -> Condition:
        """The condition."""

    @property
    def hold(self) -> float:
        """Seconds for which the condition must hold."""

    @property
    def repeat(self) -> float | None:
        """Seconds after which a firing alert is told again; None for never."""

    @property
    def is_kept(self) -> bool:
        """Whether an alert stays until it is acknowledged."""


@define(eq=False)
class Alarm:
    """An alert on one subject.

    :ivar since: when the condition began to hold.
    :ivar told: when the alert was told last.
    :ivar value: the value at which it fired, or the newest one since.
    :ivar by: who has acknowledged it.
    """

    subject: str
    gauge: Gauge
    state: AlertState = AlertState.QUIET
    since: float = 0.0
    told: float = 0.0
    value: Any = None
    by: str = ""


Tell = Callable[[Alarm, Occasion], None]
AlertAction = Callable[["Watch", Alarm], None]


@define(eq=False)
class Watch:
    """All subjects of one alert.

    :ivar monotonic: the clock.
    :ivar tell: called with each change that somebody should know.
    :ivar unwatched: events of subjects that were too many.
    """

    rules: AlertRules
    monotonic: Callable[[], float]
    tell: Tell
    unwatched: int = 0
    alarms: dict[str, Alarm] = field(factory=dict, init=False)

    def begin(self, subject: str) -> None:
        """Watch *subject* before its first event: a subject that was named and stays silent is silent."""
        alarm = self._alarm(subject, self.monotonic())
        if alarm is not None:
            self._let_go(alarm)

    def restore(self, subject: str, state: AlertState, since: float, told: float, value: Any, by: str) -> None:
        """Go on with what an earlier run of netd knew about *subject*. The times are those of this run's clock."""
        holds = state is not AlertState.UNACKNOWLEDGED
        gauge = self.rules.condition.gauge(self.monotonic(), holds)
        self.alarms[subject] = Alarm(subject, gauge, state, since, told, value, by)

    def is_news(self, subject: str) -> bool:
        """Whether the last event of *subject*, which an earlier run of netd may have seen, is to be taken."""
        return self.rules.condition.is_told_by_last or subject not in self.alarms

    def take(self, subject: str, events: Iterable[object]) -> float | None:
        """Take *events* of *subject*, oldest first.

        :returns: the time at which something of this subject is due; None if nothing is.
        """
        now = self.monotonic()
        alarm = self._alarm(subject, now)
        if alarm is None:
            self.unwatched += 1
            return None
        member = self.rules.condition.member
        take = alarm.gauge.take
        for event in events:
            holds = take(event, now)
            if holds is None or (not holds and alarm.state is AlertState.QUIET):
                continue  # which is most of them, and thousands a second
            alarm.value = value_of(event, member)
            self._judge(alarm, holds)
        self._let_go(alarm)
        return min(self._due(alarm, now), default=None)

    def tick(self) -> None:
        """Do what is due."""
        now, rules = self.monotonic(), self.rules
        for alarm in list(self.alarms.values()):
            holds = alarm.gauge.holds(now)
            if holds is not None:
                self._judge(alarm, holds)
            if alarm.state is AlertState.PENDING and alarm.since + rules.hold <= now:
                self._step(alarm, AlertInput.ELAPSED)
            if rules.repeat is not None and alarm.told + rules.repeat <= now:
                self._step(alarm, AlertInput.REPEAT)
            self._let_go(alarm)

    def due(self) -> float | None:
        """Return the time at which :meth:`tick` has something to do; None if it has not."""
        now = self.monotonic()
        return min((due for alarm in self.alarms.values() for due in self._due(alarm, now)), default=None)

    def acknowledge(self, pattern: str, by: str) -> list[Alarm]:
        """Acknowledge the alerts on the subjects that *pattern* matches.

        :returns: those that were firing, or were kept.
        """
        acknowledgeable = [alarm for alarm in self.alarms.values() if (alarm.state, AlertInput.ACKNOWLEDGE) in self.TRANSITIONS]
        chosen = [alarm for alarm in acknowledgeable if matches(pattern, alarm.subject)]
        for alarm in chosen:
            alarm.by = by
            self._step(alarm, AlertInput.ACKNOWLEDGE)
            self._let_go(alarm)
        return chosen

    def follow(self, rules: AlertRules) -> None:
        """Go by *rules* from now on. States are kept, unless another condition makes them meaningless."""
        before, self.rules = self.rules, rules
        if rules.condition != before.condition:
            for alarm in list(self.alarms.values()):
                self._step(alarm, AlertInput.FALSE)
            self.alarms.clear()
        elif not rules.is_kept:
            for alarm in [one for one in self.alarms.values() if one.state is AlertState.UNACKNOWLEDGED]:
                self._step(alarm, AlertInput.FALSE)
                self._let_go(alarm)

    def _alarm(self, subject: str, now: float) -> Alarm | None:
        alarm = self.alarms.get(subject)
        if alarm is None:
            if len(self.alarms) >= MOST_SUBJECTS:
                return None
            alarm = self.alarms[subject] = Alarm(subject, self.rules.condition.gauge(now))
        return alarm

    def _let_go(self, alarm: Alarm) -> None:
        """Forget *alarm* if a new one would know as much, so that subjects that come and go leave nothing behind."""
        if alarm.state is AlertState.QUIET and alarm.gauge.is_idle():
            self.alarms.pop(alarm.subject, None)

    def _judge(self, alarm: Alarm, holds: bool) -> None:
        over = AlertInput.FALSE_KEPT if self.rules.is_kept else AlertInput.FALSE
        self._step(alarm, AlertInput.TRUE if holds else over)

    def _due(self, alarm: Alarm, now: float) -> Iterator[float]:
        due = alarm.gauge.due(now)
        if due is not None:
            yield due
        if alarm.state is AlertState.PENDING:
            yield alarm.since + self.rules.hold
        elif alarm.state in (AlertState.FIRING, AlertState.UNACKNOWLEDGED) and self.rules.repeat is not None:
            yield alarm.told + self.rules.repeat

    def _step(self, alarm: Alarm, happened: AlertInput) -> None:
        transition = self.TRANSITIONS.get((alarm.state, happened))
        if transition is not None:
            action, alarm.state = transition
            action(self, alarm)

    # What each input does

    def _begin(self, alarm: Alarm) -> None:
        alarm.since, alarm.by = self.monotonic(), ""
        if self.rules.hold <= 0:
            self._step(alarm, AlertInput.ELAPSED)

    def _fire(self, alarm: Alarm) -> None:
        self._tell(alarm, Occasion.FIRED)

    def _again(self, alarm: Alarm) -> None:
        self._tell(alarm, Occasion.REPEATED)

    def _silence(self, alarm: Alarm) -> None:
        self.tell(alarm, Occasion.ACKNOWLEDGED)

    def _keep(self, alarm: Alarm) -> None:
        self.tell(alarm, Occasion.KEPT)

    def _end(self, alarm: Alarm) -> None:
        self.tell(alarm, Occasion.OVER)

    def _nothing(self, alarm: Alarm) -> None:
        """Nobody was told, and nobody has to be."""

    def _tell(self, alarm: Alarm, occasion: Occasion) -> None:
        alarm.told = self.monotonic()
        self.tell(alarm, occasion)

    TRANSITIONS: ClassVar[dict[tuple[AlertState, AlertInput], tuple[AlertAction, AlertState]]] = {
        (AlertState.QUIET, AlertInput.TRUE): (_begin, AlertState.PENDING),
        (AlertState.PENDING, AlertInput.FALSE): (_nothing, AlertState.QUIET),
        (AlertState.PENDING, AlertInput.FALSE_KEPT): (_nothing, AlertState.QUIET),
        (AlertState.PENDING, AlertInput.ELAPSED): (_fire, AlertState.FIRING),
        (AlertState.FIRING, AlertInput.FALSE): (_end, AlertState.QUIET),
        (AlertState.FIRING, AlertInput.FALSE_KEPT): (_keep, AlertState.UNACKNOWLEDGED),
        (AlertState.FIRING, AlertInput.REPEAT): (_again, AlertState.FIRING),
        (AlertState.FIRING, AlertInput.ACKNOWLEDGE): (_silence, AlertState.ACKNOWLEDGED),
        (AlertState.ACKNOWLEDGED, AlertInput.FALSE): (_end, AlertState.QUIET),
        (AlertState.ACKNOWLEDGED, AlertInput.FALSE_KEPT): (_end, AlertState.QUIET),
        (AlertState.UNACKNOWLEDGED, AlertInput.TRUE): (_keep, AlertState.FIRING),
        (AlertState.UNACKNOWLEDGED, AlertInput.REPEAT): (_again, AlertState.UNACKNOWLEDGED),
        (AlertState.UNACKNOWLEDGED, AlertInput.ACKNOWLEDGE): (_end, AlertState.QUIET),
        (AlertState.UNACKNOWLEDGED, AlertInput.FALSE): (_end, AlertState.QUIET),
    }
    """What is done with each input in each state, and the state that follows. An absent pair changes nothing."""

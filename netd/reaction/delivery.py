"""Deliveries of an alert or a bridge: a bounded queue. A few run at a time, each has a time limit, and may be tried again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.connection.backoff import Backoff
from netd.errors import NetdError
from netd.log import LogLimiter, told_of
from netd.reaction.actions import Target

__all__ = ["Deliveries", "DeliveryFailed", "Outcome"]

MOST_WAITING = 100
"""Deliveries of one alert, or of one target of a bridge, that wait, at most. Later ones are dropped, and counted."""

AT_ONCE = 4
"""Deliveries of one alert that are under way at a time."""

TIME_LIMIT = 30.0
"""Seconds that one try may take."""

TRIES = 10
"""Tries of one delivery, if its failure may pass. With :data:`WAITS` between them they take six to nine minutes."""

WAITS = Backoff(1.0, 300.0)
"""The waits between two tries."""


class DeliveryFailed(NetdError):
    """An action could not be carried out.

    :ivar may_pass: whether another try may do better.
    """

    def __init__(self, why: str, may_pass: bool = True) -> None:
        super().__init__(why)
        self.may_pass = may_pass


Attempt = Callable[[Any, Any], Deferred[Any]]
"""Carries out an action for an event. Its failures are :class:`DeliveryFailed`."""

Outcome = tuple[str, str, float]
"""``done`` or ``failed``, the error, and the seconds that it took."""


@define(eq=False)
class _Delivery:
    target: Target
    event: Any
    failures: int = 0


@define(eq=False)
class Deliveries:
    """The deliveries of one section, or of one of its targets.

    :ivar section: for the log.
    :ivar chance: returns a random number from 0 up to 1.
    :ivar at_once: how many are under way at a time; one keeps their order.
    :ivar given_up: called with each delivery that was given up, and the reason.
    :ivar counts: deliveries by outcome: ``sent``, ``retried``, ``failed``, ``dropped``.
    :ivar last_failure: why the newest delivery that was given up has failed.
    """

    _log = Logger()

    section: str
    clock: IReactorTime
    attempt: Attempt
    chance: Callable[[], float]
    limiter: LogLimiter
    at_once: int = AT_ONCE
    given_up: Callable[[Target, Any, str], object] = lambda target, event, why: None
    counts: Counter[str] = field(factory=Counter, init=False)
    last_failure: str | None = field(default=None, init=False)
    _queue: deque[_Delivery] = field(factory=deque, init=False)
    _running: set[Deferred[Any]] = field(factory=set, init=False)
    _later: dict[int, Any] = field(factory=dict, init=False)
    _is_stopped: bool = field(default=False, init=False)

    @property
    def waiting(self) -> int:
        """Deliveries that wait, for their turn or for another try."""
        return len(self._queue) + len(self._later)

    def add(self, target: Target, event: Any) -> None:
        """Carry out *target* for *event* as soon as it is its turn."""
        if self.waiting >= MOST_WAITING:
            self.counts["dropped"] += 1
            self._warn("dropped", target, event, f"{MOST_WAITING} deliveries wait already")
            return
        self._queue.append(_Delivery(target, event))
        self._go_on()

    def try_once(self, target: Target, event: Any) -> Deferred[Outcome]:
        """Carry out *target* now, once. Returns a Deferred of the outcome."""
        started = self.clock.seconds()
        tried = self._attempt(target, event)
        return tried.addCallbacks(
            lambda _: ("done", "", self.clock.seconds() - started),
            lambda failure: ("failed", str(self._reason(failure)), self.clock.seconds() - started),
        )

    def stop(self) -> None:
        """Give up all deliveries."""
        if self.waiting:
            self._log.warn("{section}: {waiting} deliveries are given up", section=self.section, waiting=self.waiting)
        self._is_stopped = True
        self._queue.clear()
        for call in self._later.values():
            call.cancel()
        self._later.clear()
        for running in list(self._running):
            running.cancel()

    def _go_on(self) -> None:
        while self._queue and len(self._running) < self.at_once:
            delivery = self._queue.popleft()
            tried = self._attempt(delivery.target, delivery.event)
            self._running.add(tried)
            tried.addCallbacks(self._sent, self._failed, callbackArgs=(delivery,), errbackArgs=(delivery,))
            tried.addBoth(self._ended, tried)

    def _attempt(self, target: Target, event: Any) -> Deferred[Any]:
        tried: Deferred[Any] = maybeDeferred(self.attempt, target, event)
        return tried.addTimeout(TIME_LIMIT, self.clock)

    def _ended(self, _: object, tried: Deferred[Any]) -> None:
        self._running.discard(tried)
        self._go_on()

    def _sent(self, _: object, _delivery: _Delivery) -> None:
        self.counts["sent"] += 1

    def _failed(self, failure: Failure, delivery: _Delivery) -> None:
        if self._is_stopped:
            return
        why = self._reason(failure)
        delivery.failures += 1
        if why.may_pass and delivery.failures < TRIES:
            self.counts["retried"] += 1
            wait = WAITS.delay(delivery.failures - 1, self.chance())
            self._later[id(delivery)] = self.clock.callLater(wait, self._again, delivery)
            return
        self.counts["failed"] += 1
        self.last_failure = f"{delivery.target.label}: {why}"
        self._warn("failed", delivery.target, delivery.event, str(why))

    def _again(self, delivery: _Delivery) -> None:
        del self._later[id(delivery)]
        self._queue.append(delivery)
        self._go_on()

    def _reason(self, failure: Failure) -> DeliveryFailed:
        if isinstance(failure.value, DeliveryFailed):
            return failure.value
        if failure.check(DeferredTimeout):
            return DeliveryFailed(f"not done within {TIME_LIMIT:g} s")
        self._log.failure("{section}: an action failed", failure, section=self.section)
        return DeliveryFailed(f"internal error ({type(failure.value).__name__})", may_pass=False)

    def _warn(self, what: str, target: Target, event: Any, why: str) -> None:
        self.given_up(target, event, why)
        skipped = self.limiter.admit(what)
        if skipped is not None:
            self._log.error(
                "{section}: {action} {what}: {why}{more}",
                section=self.section,
                action=target.label,
                what=what,
                why=why,
                more=told_of(skipped),
            )

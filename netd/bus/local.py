"""The bus of one process.

Delivery is FIFO and synchronous: a message published during a delivery waits until that delivery is done, so receivers see one
order and never recurse.  A receiver that raises is logged and the others get their message.  A subject's receivers are looked up
once and kept until subscriptions change; the newest message of each subject is retained.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field
from twisted.logger import Logger
from zope.interface import implementer

from netd.bus.subject import is_subject, matches, overlaps, split_pattern
from netd.interfaces import IBus, ISubscription
from netd.message import UNDESCRIBED, Demand, Described, Message, Want

__all__ = ["SELDOM", "LocalBus"]

_NOBODY = Want.NOBODY  # looking a member up in its enum would cost as much as the rest of wants(), which runs for each read

SELDOM = 3600.0
"""The interval, in seconds, of a subject without subscriptions."""


@define(eq=False)
class _Route:
    """One subject: its subscriptions, the greatest want and the shortest interval among them, its newest message and description.

    The want is worked out when subscriptions change, because publishers ask for it with each read.
    """

    subscriptions: tuple[_Subscription, ...] = ()
    last: Message | None = None
    want: Want = Want.NOBODY
    every: float = SELDOM
    described: Described = UNDESCRIBED

    def use(self, subscriptions: tuple[_Subscription, ...]) -> None:
        """Deliver to *subscriptions* from now on."""
        self.subscriptions = subscriptions
        self.want = max([one.want for one in subscriptions], default=Want.NOBODY)
        self.every = min([one.every for one in subscriptions], default=SELDOM)


@implementer(ISubscription)
@define(eq=False)
class _Subscription:
    pattern: str
    receive: Callable[[Message], Any]
    _bus: LocalBus
    want: Want
    every: float
    is_local: bool
    lost: Callable[[int], Any] | None
    is_active: bool = field(default=True, init=False)

    def takes(self, subject: str) -> bool:
        """Whether messages under *subject* are delivered to it."""
        return matches(self.pattern, subject) and not (self.is_local and "@" in subject)

    def cancel(self) -> None:
        if self.is_active:
            self.is_active = False
            self._bus._forget(self)


@implementer(IBus)
class LocalBus:
    """An :class:`IBus` within this process.

    :param wall: the wall clock, in seconds since the epoch.
    :param retained: the number of subjects whose routes, newest messages and descriptions are kept; as many again of other nodes.
        When there are more, the subjects that appeared first are forgotten, a tenth at a time.
    :param retained_weight: bytes that heavy retained messages may take together. Above, those of the subjects that appeared
        first are dropped, and before these what came from other nodes.
    """

    _log = Logger()

    def __init__(self, wall: Callable[[], float], retained: int = 10_000, retained_weight: int = 1 << 26) -> None:
        self.wall = wall
        self._retained = retained
        self._retained_weight = retained_weight
        self._weight = 0
        self._routes: dict[str, _Route] = {}
        self._far = 0  # routes of other nodes' subjects, which never push out those of this node
        self._subscriptions: list[_Subscription] = []
        self._interests: Counter[tuple[str, Want, float]] = Counter()
        self._watchers: list[Callable[[], object]] = []
        self._mourners: list[Callable[[str], object]] = []
        self._waiting: deque[tuple[_Route, Message]] = deque()
        self._is_delivering = False
        self.published = 0

    def publish(self, message: Message) -> None:
        route = self._routes.get(message.subject)
        if route is None:
            if not is_subject(message.subject):
                self._log.error("nothing can be published under {subject!r}: not a subject", subject=message.subject)
                return
            route = self._add_route(message.subject)
        self.published += 1 if message.batch is None else len(message.batch)
        message.number = self.published
        if not message.time:
            message.time = self.wall()
        if message.weight or (route.last is not None and route.last.weight):
            self._retain(route, message)
        else:
            route.last = message
        if not route.subscriptions:
            return
        if self._is_delivering:
            self._waiting.append((route, message))
            return
        self._is_delivering = True
        try:
            self._deliver(route, message)
            while self._waiting:
                self._deliver(*self._waiting.popleft())
        finally:
            self._is_delivering = False

    def subscribe(
        self,
        pattern: str,
        receive: Callable[[Message], Any],
        want: Want = Want.EACH,
        every: float = 0.0,
        is_local: bool = False,
        lost: Callable[[int], Any] | None = None,
    ) -> ISubscription:
        split_pattern(pattern)
        subscription = _Subscription(pattern, receive, self, want, every, is_local, lost)
        self._subscriptions.append(subscription)
        for subject, route in self._routes.items():
            if subscription.takes(subject):
                route.use((*route.subscriptions, subscription))
        self._count_interest(subscription, 1)
        return subscription

    def last(self, pattern: str) -> list[Message]:
        if "*" not in pattern and ">" not in pattern:
            split_pattern(pattern)
            route = self._routes.get(pattern)
            return [] if route is None or route.last is None else [route.last]
        found = [r.last for subject, r in self._routes.items() if r.last is not None and matches(pattern, subject)]
        return sorted(found, key=lambda message: message.subject)

    def wants(self, subject: str) -> Want:
        if not self._subscriptions:
            return _NOBODY
        route = self._routes.get(subject)
        if route is None:
            if not is_subject(subject):
                return _NOBODY
            route = self._add_route(subject)
        return route.want

    def lose(self, pattern: str, count: int) -> None:
        for subscription in list(self._subscriptions):
            if subscription.lost is not None and subscription.is_active and overlaps(subscription.pattern, pattern):
                try:
                    subscription.lost(count)
                except Exception:
                    self._log.failure("{pattern}: a subscriber cannot be told of a loss", pattern=subscription.pattern)

    def interests(self) -> dict[str, Demand]:
        found: dict[str, Demand] = {}
        for pattern, want, every in self._interests:
            known = found.get(pattern)
            found[pattern] = Demand(want, every) if known is None else Demand(max(want, known.want), min(every, known.every))
        return found

    def watch_interests(self, changed: Callable[[], object]) -> None:
        self._watchers.append(changed)

    def interval(self, subject: str) -> float:
        route = self._routes.get(subject)
        return SELDOM if route is None else route.every

    def forget(self, subject: str) -> None:
        self._drop(subject)
        for forgotten in list(self._mourners):
            try:
                forgotten(subject)
            except Exception:
                self._log.failure("{subject} is forgotten, and somebody cannot be told", subject=subject)

    def watch_forgotten(self, forgotten: Callable[[str], object]) -> Callable[[], None]:
        self._mourners.append(forgotten)
        return lambda: self._mourners.remove(forgotten)

    def describe(self, subject: str, described: Described) -> None:
        route = self._routes.get(subject)
        if route is None:
            if not is_subject(subject):
                self._log.error("{subject!r} cannot be described: not a subject", subject=subject)
                return
            route = self._add_route(subject)
        route.described = described

    def described(self, subject: str) -> Described:
        route = self._routes.get(subject)
        return UNDESCRIBED if route is None else route.described

    def _deliver(self, route: _Route, message: Message) -> None:
        subscriptions: Iterable[_Subscription] = route.subscriptions
        if message.origin:  # under custom, nodes share their subjects
            subscriptions = [one for one in subscriptions if not one.is_local]
        for subscription in subscriptions:
            if not subscription.is_active:
                continue
            try:
                subscription.receive(message)
            except Exception:
                self._log.failure(
                    "the receiver of {pattern} failed on {subject}", pattern=subscription.pattern, subject=message.subject
                )

    def _add_route(self, subject: str) -> _Route:
        is_far = "@" in subject
        if (self._far if is_far else len(self._routes) - self._far) >= self._retained:
            alike = [other for other in self._routes if ("@" in other) is is_far]
            for old in alike[: max(1, self._retained // 10)]:
                self._drop(old)
        route = self._routes[subject] = _Route()
        self._far += is_far
        route.use(tuple(one for one in self._subscriptions if one.takes(subject)))
        return route

    def _drop(self, subject: str) -> None:
        route = self._routes.pop(subject, None)
        if route is not None:
            self._far -= "@" in subject
            self._let_go(route)

    def _retain(self, route: _Route, message: Message) -> None:
        self._let_go(route)
        if message.weight > self._retained_weight // 4:
            return
        route.last = message
        self._weight += message.weight
        if self._weight > self._retained_weight:
            heavies = [other for other in self._routes.values() if other.last is not None and other.last.weight]
            for heavy in sorted(heavies, key=lambda other: other.last is not None and not other.last.origin):
                if self._weight <= self._retained_weight * 3 // 4:
                    break
                self._let_go(heavy)

    def _let_go(self, route: _Route) -> None:
        if route.last is not None:
            self._weight -= route.last.weight
            route.last = None

    def _forget(self, subscription: _Subscription) -> None:
        self._subscriptions.remove(subscription)
        for route in self._routes.values():
            if subscription in route.subscriptions:
                route.use(tuple(s for s in route.subscriptions if s is not subscription))
        self._count_interest(subscription, -1)

    def _count_interest(self, subscription: _Subscription, difference: int) -> None:
        if subscription.is_local:
            return
        key = (subscription.pattern, subscription.want, subscription.every)
        before = self._interests[key]
        if before + difference:
            self._interests[key] += difference
        else:
            del self._interests[key]
        if not (before and before + difference):
            for changed in self._watchers:
                changed()

"""The bus for console connections: one stream of numbered events for each pattern that is subscribed to, shared by all who do.

A topic that nobody subscribes to any more is kept for a while, so that whoever lost a connection can go on where it was; and all
that topics keep is bounded together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from netd.connection.pace import Pace
from netd.connection.turn import Turn
from netd.console.link import ConsoleLink
from netd.console.results import Gap, Subscribed
from netd.console.subscription import SlowPolicy, Subscription
from netd.console.topic import Topic
from netd.errors import InvalidArguments, OperationFailed
from netd.interfaces import IBus

__all__ = ["MOST_SUBSCRIPTIONS", "Topics"]

MOST_SUBSCRIPTIONS = 64
"""Subscriptions of one connection."""

MOST_TOPICS = 4096
"""Different streams at a time."""

MOST_COLLECTED = 1 << 22
"""Bytes of events that are yet to be handed out, of all topics together."""

IDLE = 120.0
"""Seconds for which a topic is kept that nobody subscribes to any more."""

MOST_IDLE = 16
"""Topics that are kept so at a time: each of them costs whoever publishes."""


@define(eq=False)
class Topics:
    """All topics, and who subscribes to them.

    :ivar turn: what subscribers are sent is collected in it.
    :ivar pace: hands it out.
    :ivar new_epoch: a name that was never used before, without a colon.
    :ivar keep_events: of each subject in each topic.
    :ivar keep_size: bytes of all that is kept.
    :ivar collected: bytes of all events that are yet to be handed out.
    """

    bus: IBus
    clock: IReactorTime
    turn: Turn
    pace: Pace
    new_epoch: Callable[[], str]
    keep_events: int
    keep_size: int
    collected: int = field(default=0, init=False)
    _topics: dict[tuple[str, float | None], Topic] = field(factory=dict, init=False)
    _idle: dict[Topic, Any] = field(factory=dict, init=False)
    _links: dict[ConsoleLink, dict[str, tuple[Topic, Subscription]]] = field(factory=dict, init=False)
    _kept: int = field(default=0, init=False)

    def subscribe(
        self, link: ConsoleLink, pattern: str, every: float | None, replay: int, policy: SlowPolicy, since: str | None
    ) -> Subscribed:
        """Let *link* have the events of *pattern*; instead of what it had of the same pattern before.

        :returns: the answer of ``bus.subscribe`` (gateway protocol, "Subscriptions").
        :raises InvalidArguments: when *since* is no position.
        :raises OperationFailed: when there are too many subscriptions.
        """
        position = None if since is None else _position(since)
        mine = self._subscriptions(link)
        if pattern not in mine and len(mine) >= MOST_SUBSCRIPTIONS:
            raise OperationFailed(f"a connection has at most {MOST_SUBSCRIPTIONS} subscriptions; end one with bus.unsubscribe")
        topic = self._topic(pattern, every)
        self._use(topic)
        topic.number()
        offset, recovered, gap = topic.seq, None, None
        past: list[bytes] = []
        if position is not None:
            found, gap = self._resume(topic, *position)
            if found is not None:
                past, recovered = found, len(found)
        if recovered is None and replay:
            past = topic.newest(replay)
        lost = self._end_subscription(link, pattern, topic) if pattern in mine else 0
        if recovered is not None:
            lost = 0  # the answer tells what is lost
        subscription = Subscription(link, pattern, policy, lost)
        mine[pattern] = (topic, subscription)
        topic.join(subscription, link.frame)
        if past or lost:
            subscription.begin(past)
            self.turn.after(lambda: self._begin(link, pattern, subscription))
        return Subscribed(pattern, f"{topic.epoch}:{offset}", recovered, gap)

    def unsubscribe(self, link: ConsoleLink, pattern: str) -> bool:
        """Let *link* have nothing more of *pattern*; False when it had nothing."""
        if pattern not in self._links.get(link, {}):
            return False
        self._end_subscription(link, pattern)
        return True

    def forget(self, pattern: str) -> None:
        """Keep no events of the subjects under *pattern*."""
        for topic in self._topics.values():
            self._kept -= topic.forget(pattern)

    def grow(self, size: int) -> None:
        """So much more is kept. Over the bound, the topic that keeps most forgets its oldest."""
        self._kept += size
        while self._kept > self.keep_size:
            largest = max(self._topics.values(), key=lambda topic: topic.size)
            enough = largest.size * 7 // 8  # looking for the largest costs, with thousands of them
            while largest.size > enough:
                self._kept -= largest.shorten()

    def fit(self) -> None:
        """Where too much is yet to be handed out, everything else waits until it has been."""
        if self.collected > MOST_COLLECTED:
            self.pace.finish()

    def _subscriptions(self, link: ConsoleLink) -> dict[str, tuple[Topic, Subscription]]:
        mine = self._links.get(link)
        if mine is None:
            mine = self._links[link] = {}
            link.when_lost(lambda: self._lost(link))
        return mine

    def _lost(self, link: ConsoleLink) -> None:
        for pattern in list(self._links.get(link, ())):
            self._end_subscription(link, pattern)
        self._links.pop(link, None)

    def _end_subscription(self, link: ConsoleLink, pattern: str, next_topic: Topic | None = None) -> int:
        """End it; how many events it was not told. It may be followed by one to *next_topic*."""
        topic, subscription = self._links[link].pop(pattern)
        lost = subscription.end() + topic.leave(subscription)
        if topic.is_idle and topic is not next_topic:
            self._rest(topic)
        return lost

    def _begin(self, link: ConsoleLink, pattern: str, subscription: Subscription) -> None:
        _, current = self._links.get(link, {}).get(pattern, (None, None))
        if current is subscription:
            subscription.forward_or_wait()

    def _topic(self, pattern: str, every: float | None) -> Topic:
        topic = self._topics.get((pattern, every))
        if topic is None:
            if len(self._topics) >= MOST_TOPICS and self._idle:
                self._end(next(iter(self._idle)))
            if len(self._topics) >= MOST_TOPICS:
                raise OperationFailed(f"there are {MOST_TOPICS} different subscriptions already; use one of a wider pattern")
            topic = self._topics[pattern, every] = Topic(self, pattern, every, self.new_epoch())
        return topic

    def _use(self, topic: Topic) -> None:
        resting = self._idle.pop(topic, None)
        if resting is not None:
            resting.cancel()

    def _rest(self, topic: Topic) -> None:
        if len(self._idle) >= MOST_IDLE:
            self._end(next(iter(self._idle)))
        self._idle[topic] = self.clock.callLater(IDLE, self._end, topic)

    def _end(self, topic: Topic) -> None:
        resting = self._idle.pop(topic, None)
        if resting is not None and resting.active():
            resting.cancel()
        topic.end()
        del self._topics[topic.pattern, topic.every]

    @staticmethod
    def _resume(topic: Topic, epoch: str, seq: int) -> tuple[list[bytes] | None, Gap | None]:
        if epoch != topic.epoch or seq > topic.seq:
            return None, {"from": seq + 1, "to": None}
        found, gap = topic.since(seq)
        return found, None if gap is None else {"from": gap["from"], "to": gap["to"]}


def _position(since: str) -> tuple[str, int]:
    epoch, colon, offset = since.rpartition(":")
    if not (colon and offset.isascii() and offset.isdecimal() and len(offset) < 20):
        raise InvalidArguments(f"since: {since!r:.80} is no position; it is epoch:seq, as in the answer and the events")
    return epoch, int(offset)

"""The bus for console connections: one stream of numbered events for each pattern that is subscribed to, shared by all who do.

An event becomes a JSON text once for each topic, is framed once for each kind of connection, and leaves in one write a connection
and turn. The newest events of each subject are kept for a while, so that whoever lost a connection can go on where it was.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from netd.console.link import ConsoleLink, Frame
from netd.console.subscription import SlowPolicy, Subscription
from netd.errors import InvalidArguments, OperationFailed
from netd.interfaces import IBus, ISubscription
from netd.message import Message
from netd.wire.fanout import Fanout
from netd.wire.jsontext import encode
from netd.wire.turn import Turn

__all__ = ["MOST_SUBSCRIPTIONS", "Topic", "Topics"]

MOST_SUBSCRIPTIONS = 64
"""Subscriptions of one connection."""

MOST_TOPICS = 4096
"""Different streams at a time."""

MOST_SUBJECTS = 10_000
"""Subjects of one topic whose newest events are kept."""

MOST_REPEATED = 10_000
"""Past events that a subscription begins with, at most."""

IDLE = 120.0
"""Seconds for which a topic is kept that nobody subscribes to any more."""

MOST_IDLE = 16
"""Topics that are kept so at a time: each of them costs whoever publishes."""

OVERHEAD = 300
"""Bytes that a kept event takes beside its text, with its share of what its subject takes."""


@define(eq=False)
class _Kept:
    """An event that was sent: its number, its subject, and its text; None once it is no longer kept."""

    seq: int
    subject: str
    text: bytes | None


class Topic:
    """The stream of all who subscribe to *pattern* with the same *every*.

    :ivar epoch: names this stream: its numbers mean nothing in another.
    :ivar seq: the number of its newest event, 0 before the first.
    :ivar size: bytes of memory that its kept events take.
    """

    def __init__(self, topics: Topics, pattern: str, every: float | None, epoch: str) -> None:
        self._topics = topics
        self.pattern = pattern
        self.every = every
        self.epoch = epoch
        self.seq = 0
        self.size = 0
        self._kept: deque[_Kept] = deque()
        self._alive = 0
        self._rings: dict[str, deque[_Kept]] = {}
        self._fanouts: dict[Frame, Fanout] = {}
        self._held: dict[str, Message] = {}
        self._timer: Any = None
        self._head = b'{"jsonrpc":"2.0","method":"event","params":{"pattern":"%b","seq":' % pattern.encode()
        self._source: ISubscription = topics.bus.subscribe(pattern, self._emit if every is None else self._receive)

    @property
    def is_idle(self) -> bool:
        """Whether nobody subscribes to it."""
        return not any(fanout.members for fanout in self._fanouts.values())

    def join(self, member: Subscription, frame: Frame) -> None:
        """Let *member* have all events from now on."""
        fanout = self._fanouts.get(frame)
        if fanout is None:
            fanout = self._fanouts[frame] = Fanout(self._topics.turn)
        fanout.flush()  # what was published before is not for the new member
        fanout.members[member] = None

    def leave(self, member: Subscription) -> None:
        """Let *member* have nothing more."""
        for frame, fanout in list(self._fanouts.items()):
            fanout.members.pop(member, None)
            if not fanout.members:
                del self._fanouts[frame]

    def missed(self, seq: int) -> tuple[list[bytes], dict[str, int] | None]:
        """What came after number *seq*: the texts that are kept, in order; first and last number of those that are not."""
        found: list[tuple[int, bytes]] = []
        for kept in reversed(self._kept):
            if kept.seq <= seq or len(found) == MOST_REPEATED:
                break
            if kept.text is not None:
                found.append((kept.seq, kept.text))
        last = next(
            (self.seq - back for back, (number, _) in enumerate(found) if number != self.seq - back), self.seq - len(found)
        )
        found.reverse()
        texts = [text for _, text in found]
        if len(found) == self.seq - seq:
            return texts, None
        first = next((due for due, (number, _) in enumerate(found, seq + 1) if number != due), seq + 1 + len(found))
        return texts, {"from": first, "to": last}

    def newest(self, count: int) -> list[bytes]:
        """Texts of up to *count* of the newest events of each subject, oldest first."""
        before = [message for message in self._topics.bus.last(self.pattern) if message.subject not in self._rings]
        before.sort(key=lambda message: message.time)
        found: list[bytes] = []
        seen: Counter[str] = Counter()
        for kept in reversed(self._kept):
            if len(found) == MOST_REPEATED:
                break
            if kept.text is not None and seen[kept.subject] < count:
                seen[kept.subject] += 1
                found.append(kept.text)
        found.reverse()
        return [self._text(message, b"null") for message in before[-MOST_REPEATED:]] + found

    def shorten(self) -> None:
        """Forget the oldest event that is kept."""
        while self._kept:
            kept = self._kept.popleft()
            if kept.text is not None:
                ring = self._rings[kept.subject]
                ring.popleft()
                if not ring:
                    del self._rings[kept.subject]
                self._forget(kept)
                return

    def end(self) -> None:
        """Listen no more, and keep nothing."""
        self._source.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._topics.grow(-self.size)
        self.size = 0

    def _receive(self, message: Message) -> None:
        if self._timer is None and self.every is not None:
            self._emit(message)
            self._timer = self._topics.clock.callLater(self.every, self._tick)
        elif message.subject in self._held or len(self._held) < MOST_SUBJECTS:
            self._held[message.subject] = message

    def _tick(self) -> None:
        self._timer = None
        if self._held and self.every is not None:
            self._timer = self._topics.clock.callLater(self.every, self._tick)
            held, self._held = self._held, {}
            for message in held.values():
                self._emit(message)

    def _emit(self, message: Message) -> None:
        seq = self.seq + 1
        text = self._text(message, b"%d" % seq)
        self.seq = seq
        subject = message.subject
        self._keep(_Kept(seq, subject, text), len(text) + OVERHEAD)
        for frame, fanout in self._fanouts.items():
            fanout.add(frame(text), subject)

    def _keep(self, kept: _Kept, size: int) -> None:
        ring = self._rings.get(kept.subject)
        if ring is None:
            while len(self._rings) >= MOST_SUBJECTS:
                self.shorten()
            ring = self._rings[kept.subject] = deque()
        elif len(ring) >= self._topics.keep_events:
            self._forget(ring.popleft())
        ring.append(kept)
        self._kept.append(kept)
        self._alive += 1
        self.size += size
        if len(self._kept) > 2 * self._alive + 100:
            self._kept = deque(one for one in self._kept if one.text is not None)
        self._topics.grow(size)

    def _forget(self, kept: _Kept) -> None:
        assert kept.text is not None
        size = len(kept.text) + OVERHEAD
        kept.text = None
        self._alive -= 1
        self.size -= size
        self._topics.grow(-size)

    def _text(self, message: Message, seq: bytes) -> bytes:
        middle = f',"time":{message.time!r},"subject":"{message.subject}","data":'
        return b"%b%b%b%b}}" % (self._head, seq, middle.encode(), message.encoded(encode))


@define(eq=False)
class Topics:
    """All topics, and who subscribes to them.

    :ivar turn: what subscribers are sent is collected in it.
    :ivar new_epoch: a name that was never used before, without a colon.
    :ivar keep_events: of each subject in each topic.
    :ivar keep_size: bytes of all that is kept.
    """

    bus: IBus
    clock: IReactorTime
    turn: Turn
    new_epoch: Callable[[], str]
    keep_events: int
    keep_size: int
    _topics: dict[tuple[str, float | None], Topic] = field(factory=dict, init=False)
    _idle: dict[Topic, Any] = field(factory=dict, init=False)
    _links: dict[ConsoleLink, dict[str, tuple[Topic, Subscription]]] = field(factory=dict, init=False)
    _kept: int = field(default=0, init=False)

    def subscribe(
        self, link: ConsoleLink, pattern: str, every: float | None, replay: int, policy: SlowPolicy, since: str | None
    ) -> dict[str, Any]:
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
        lost = self._end_subscription(link, pattern) if pattern in mine else 0
        subscription = Subscription(link, pattern, policy, lost)
        offset, recovered, gap = topic.seq, None, None
        past: list[bytes] = []
        if position is not None:
            found, gap = self._resume(topic, *position)
            if found is not None:
                past, recovered = found, len(found)
        if recovered is None and replay:
            past = topic.newest(replay)
        mine[pattern] = (topic, subscription)
        topic.join(subscription, link.frame)
        self._use(topic)
        if past or lost:
            subscription.begin(past)
            self.turn.after(lambda: self._begin(link, pattern, subscription))
        return {"pattern": pattern, "position": f"{topic.epoch}:{offset}", "recovered": recovered, "gap": gap}

    def unsubscribe(self, link: ConsoleLink, pattern: str) -> bool:
        """Let *link* have nothing more of *pattern*; False when it had nothing."""
        if pattern not in self._links.get(link, {}):
            return False
        self._end_subscription(link, pattern)
        return True

    def grow(self, size: int) -> None:
        """So much more is kept. Over the bound, the topic that keeps most forgets its oldest."""
        self._kept += size
        while self._kept > self.keep_size:
            max(self._topics.values(), key=lambda topic: topic.size).shorten()

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

    def _end_subscription(self, link: ConsoleLink, pattern: str) -> int:
        topic, subscription = self._links[link].pop(pattern)
        lost = subscription.end()
        topic.leave(subscription)
        if topic.is_idle:
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
    def _resume(topic: Topic, epoch: str, seq: int) -> tuple[list[bytes] | None, dict[str, int | None] | None]:
        if epoch != topic.epoch or seq > topic.seq:
            return None, {"from": seq + 1, "to": None}
        found, gap = topic.missed(seq)
        return found, None if gap is None else {"from": gap["from"], "to": gap["to"]}


def _position(since: str) -> tuple[str, int]:
    epoch, colon, offset = since.rpartition(":")
    if not (colon and offset.isascii() and offset.isdecimal() and len(offset) < 20):
        raise InvalidArguments(f"since: {since!r:.80} is no position; it is epoch:seq, as in the answer and the events")
    return epoch, int(offset)

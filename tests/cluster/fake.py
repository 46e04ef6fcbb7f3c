"""A NATS server that is played on a clock, with links to it, and faults that a seed repeats."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from netd.bus.subject import MAX_SUBJECT
from netd.cluster.interfaces import ILink, LinkLost, NoAnswer, NobodyThere
from netd.interfaces import ISubscription

__all__ = ["FakeLink", "FakeNet", "Faults"]

LATENCY = 0.0005
"""Seconds from a link to the server, and from there to another."""

UNCONFIRMED = 1.0
"""Seconds of posts that are sent again on the next connection: the real link has no PONG after them."""

MOST_QUEUED = 10_000

Receive = Callable[[str, bytes, str], Any]


@define
class Faults:
    """What may happen to each message, by probability.

    :ivar slow: most seconds of a delay.
    """

    drop: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0
    slow: float = 1.0


@lru_cache(maxsize=1 << 14)
def fits(wanted: str, said: str) -> bool:
    """Whether the subject *said* falls under the pattern *wanted*, as NATS has it."""
    pattern, subject = wanted.split("."), said.split(".")
    if pattern and pattern[-1] == ">":
        pattern = pattern[:-1]
        if len(subject) <= len(pattern):
            return False
        subject = subject[: len(pattern)]
    return len(pattern) == len(subject) and all(want in ("*", got) for want, got in zip(pattern, subject, strict=True))


class FakeNet:
    """A server with its links. It is up from the beginning.

    :ivar faults: what happens to messages from now on.
    :ivar traffic: number of messages that links have sent, with their subjects, for tests of idle traffic.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self.clock = clock
        self.random = random.Random(seed)
        self.faults = Faults()
        self.links: list[FakeLink] = []
        self.traffic: list[tuple[str, int]] = []
        self._apart: list[frozenset[str]] = []
        self._replies = 0

    def link(self, name: str) -> FakeLink:
        """Make a link, called *name*. It connects when it is started."""
        link = FakeLink(self, name)
        self.links.append(link)
        return link

    def partition(self, *groups: Iterable[str]) -> None:
        """Let only links of the same group reach each other. The server, a cluster of two, stays up on both sides."""
        self._apart = [frozenset(group) for group in groups]

    def heal(self) -> None:
        """Let all links reach each other, and let messages pass whole."""
        self._apart = []
        self.faults = Faults()

    def reply_subject(self) -> str:
        """Make a subject for one answer."""
        self._replies += 1
        return f"_INBOX.{self._replies}"

    def publish(self, sender: FakeLink, subject: str, body: bytes, reply: str) -> bool:
        """Pass a message on to all whom it concerns. Return False if there is nobody."""
        assert len(subject) <= 2 * MAX_SUBJECT and " " not in subject, subject
        self.traffic.append((subject, len(body)))
        receivers = [link for link in self.links if link is not sender and link.is_up and self._reaches(sender, link)]
        found = [link for link in receivers if link.wants(subject)]
        for link in found:
            for _ in range(self._copies()):
                self._deliver(sender, link, subject, body, reply)
        return bool(found)

    def _reaches(self, one: FakeLink, other: FakeLink) -> bool:
        return not any((one.name in group) != (other.name in group) for group in self._apart)

    def _copies(self) -> int:
        if self.random.random() < self.faults.drop:
            return 0
        return 2 if self.random.random() < self.faults.double else 1

    def _deliver(self, sender: FakeLink, receiver: FakeLink, subject: str, body: bytes, reply: str) -> None:
        due = max(self.clock.seconds(), sender.stalled_until, receiver.stalled_until) + 2 * LATENCY
        if self.random.random() < self.faults.delay:
            due += self.random.random() * self.faults.slow
        if self.random.random() >= self.faults.reorder:  # as NATS does it: what one sends to another comes in order
            due = receiver.last_due[sender] = max(due, receiver.last_due.get(sender, 0.0))
        self.clock.callLater(due - self.clock.seconds(), receiver.deliver, receiver.connection, subject, body, reply)


@implementer(ISubscription)
@define(eq=False)
class _FakeSubscription:
    link: FakeLink
    pattern: str
    receive: Receive

    def cancel(self) -> None:
        if self in self.link.subscriptions:
            self.link.subscriptions.remove(self)


@define(eq=False)
class _Request:
    answer: Deferred[bytes]
    timer: Any


@implementer(ILink)
class FakeLink:
    """A link to a :class:`FakeNet`.

    :ivar connection: number of the connection; messages to an earlier one are lost.
    :ivar dropped: posts that were too many while the link was down.
    :ivar is_full: whether NATS is too slow, so that nothing more is sent for now.
    """

    def __init__(self, net: FakeNet, name: str) -> None:
        self.name = name
        self.loop: Any = None
        self.is_up = False
        self.server = ""
        self.trouble = ""
        self.connection = 0
        self.dropped = 0
        self.is_full = False
        self.stalled_until = 0.0
        self.last_due: dict[FakeLink, float] = {}
        self.subscriptions: list[_FakeSubscription] = []
        self._net = net
        self._clock = net.clock
        self._watchers: list[tuple[Callable[[], Any], Callable[[str], Any]]] = []
        self._requests: dict[str, _Request] = {}
        self._flushes: list[Deferred[None]] = []
        self._queue: deque[tuple[str, bytes]] = deque()
        self._unconfirmed: deque[tuple[float, str, bytes]] = deque()

    # What a test does with it

    def start(self) -> None:
        """Connect, at once."""
        self.go_up()

    def stop(self) -> Deferred[None]:
        """Disconnect, for good."""
        if self.is_up:
            self.go_down("netd stops")
        return succeed(None)

    def facts(self) -> Any:
        """Return what the real link tells."""
        queued = sum(len(body) for _, body in self._queue)
        return SimpleNamespace(server=self.server, queue_bytes=queued, dropped=self.dropped, trouble=self.trouble)

    def go_up(self) -> None:
        """Connect. Posts that the last connection may have lost are sent again, then those that waited."""
        assert not self.is_up
        self.is_up, self.server, self.trouble = True, "nats://fake:4222", ""
        self.connection += 1
        again = [(subject, body) for _, subject, body in self._unconfirmed]
        waiting, self._queue = [*again, *self._queue], deque()
        self._unconfirmed.clear()
        for subject, body in waiting:
            self.post(subject, body)
        for came_up, _ in list(self._watchers):
            came_up()

    def go_down(self, reason: str = "the connection to NATS was lost") -> None:
        """Lose the connection, with all requests that are open."""
        self.is_up, self.server, self.trouble = False, "", reason
        requests, self._requests = list(self._requests.values()), {}
        flushes, self._flushes = self._flushes, []
        for request in requests:
            request.timer.cancel()
            request.answer.errback(LinkLost(reason, was_sent=True))
        for flush in flushes:
            flush.errback(LinkLost(reason, was_sent=True))
        for _, went_down in list(self._watchers):
            went_down(reason)

    def die(self) -> None:
        """Be there no more, and tell nobody on this side: the process was killed."""
        self.is_up = False
        for request in self._requests.values():
            request.timer.cancel()
        self._requests, self._watchers, self._flushes = {}, [], []

    def stall(self, seconds: float) -> None:
        """Let nothing pass in either direction for so long; then all that waited comes."""
        self.stalled_until = max(self.stalled_until, self._clock.seconds() + seconds)

    # For the net

    def wants(self, subject: str) -> bool:
        """Whether somebody on this side gets messages of *subject*."""
        if subject.startswith("_INBOX."):
            return subject in self._requests
        return any(fits(one.pattern, subject) for one in self.subscriptions)

    def deliver(self, connection: int, subject: str, body: bytes, reply: str) -> None:
        """Hand a message to those who want it."""
        if connection != self.connection or not self.is_up:
            return
        if self.stalled_until > self._clock.seconds():
            self._clock.callLater(self.stalled_until - self._clock.seconds(), self.deliver, connection, subject, body, reply)
            return
        request = self._requests.pop(subject, None)
        if request is not None:
            request.timer.cancel()
            request.answer.callback(body)
            return
        for subscription in list(self.subscriptions):
            if subscription in self.subscriptions and fits(subscription.pattern, subject):
                subscription.receive(subject, body, reply)

    # ILink

    def post(self, subject: str, body: bytes) -> None:
        """See :class:`ILink`."""
        if not self.is_up:
            self._queue.append((subject, body))
            if len(self._queue) > MOST_QUEUED:
                self._queue.popleft()
                self.dropped += 1
            return
        now = self._clock.seconds()
        while self._unconfirmed and self._unconfirmed[0][0] < now - UNCONFIRMED:
            self._unconfirmed.popleft()
        self._unconfirmed.append((now, subject, body))
        self._net.publish(self, subject, body, "")

    def send(self, subject: str, body: bytes, reply: str = "") -> bool:
        """See :class:`ILink`."""
        if not self.is_up or self.is_full:
            return False
        if not self._net.publish(self, subject, body, reply) and reply:
            due = max(self._clock.seconds(), self.stalled_until) + 2 * LATENCY
            is_question = reply in self._requests
            tell = (self._nobody, reply, self.connection) if is_question else (self.deliver, self.connection, reply, b"", "")
            self._clock.callLater(due - self._clock.seconds(), *tell)
        return True

    def request(self, subject: str, body: bytes, seconds: float) -> Deferred[bytes]:
        """See :class:`ILink`."""
        if not self.is_up or self.is_full:
            return fail(LinkLost("NATS is away; nothing was sent", was_sent=False))
        reply = self._net.reply_subject()
        answer: Deferred[bytes] = Deferred(lambda _: self._forget(reply))
        self._requests[reply] = _Request(answer, self._clock.callLater(seconds, self._late, reply))
        self.send(subject, body, reply)
        return answer

    def subscribe(self, pattern: str, receive: Receive) -> ISubscription:
        """See :class:`ILink`."""
        subscription = _FakeSubscription(self, pattern, receive)
        self.subscriptions.append(subscription)
        found: ISubscription = subscription
        return found

    def flush(self, seconds: float) -> Deferred[None]:
        """See :class:`ILink`."""
        if not self.is_up:
            return fail(LinkLost("NATS is away; nothing was sent", was_sent=False))
        flushed: Deferred[None] = Deferred()
        self._flushes.append(flushed)
        wait = max(0.0, self.stalled_until - self._clock.seconds()) + 2 * LATENCY
        self._clock.callLater(min(wait, seconds), self._flushed, flushed, wait <= seconds)
        return flushed

    def release(self) -> None:
        """See :class:`ILink`. Here, nothing is held."""

    def watch(self, came_up: Callable[[], Any], went_down: Callable[[str], Any]) -> None:
        """See :class:`ILink`."""
        self._watchers.append((came_up, went_down))

    def _flushed(self, flushed: Deferred[None], is_answered: bool) -> None:
        if flushed in self._flushes:
            self._flushes.remove(flushed)
            if is_answered:
                flushed.callback(None)
            else:
                flushed.errback(LinkLost("NATS does not answer", was_sent=True))

    def _forget(self, reply: str) -> None:
        request = self._requests.pop(reply, None)
        if request is not None:
            request.timer.cancel()

    def _late(self, reply: str) -> None:
        self._requests.pop(reply).answer.errback(NoAnswer("no answer in time"))

    def _nobody(self, reply: str, connection: int) -> None:
        request = self._requests.pop(reply, None) if connection == self.connection else None
        if request is not None:
            request.timer.cancel()
            request.answer.errback(NobodyThere("nobody responds"))

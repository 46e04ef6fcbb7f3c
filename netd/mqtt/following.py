"""What the bus carries, on its way to the broker: the newest event of each subject at intervals, of happenings each.

Pure: the bus, the clock and the timer are handed in.
"""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from attrs import define, frozen

from netd.codec.jsontext import BadJSON, encode
from netd.interfaces import Cancellable, IBus, ISubscription
from netd.message import Message, Want
from netd.mqtt.outgoing import Publication
from netd.mqtt.topics import SubjectKind, SubjectRoute, Topics
from netd.reaction.condition import value_of

__all__ = ["ONLINE", "BusFollowing", "FollowingWorld", "online_text"]

MOST_SUBJECTS = 10_000
"""Subjects whose times are remembered, at most: as many as a bus retains."""

STEP = 20
"""Retained messages that are published in one step of a turn's share."""

LEAST_PAUSE = 0.01
"""Seconds between two looks at what is due: events of many subjects leave together."""

ONLINE, OFFLINE = b"online", b"offline"


@frozen
class FollowingWorld:
    """What surrounds it.

    :ivar publish: takes each publication.
    :ivar saw: told of each event of a device, before it is published.
    """

    bus: IBus
    monotonic: Callable[[], float]
    call_later: Callable[..., Cancellable]
    publish: Callable[[Publication], None]
    saw: Callable[[SubjectRoute, Any], None]


@define(eq=False)
class _Track:
    """One subject.

    :ivar number: of its newest message that was taken: two patterns may both take it.
    :ivar due: when the next event may be published.
    :ivar waiting: the newest event, if it has to wait until then.
    """

    route: SubjectRoute
    number: int = 0
    due: float = 0.0
    waiting: Message | None = None


class BusFollowing:
    """Follows the subjects under *patterns*.

    :param every: seconds between two publications of a subject, at least; None publishes each event.
    :ivar counts: events that could not be published, by reason.
    """

    def __init__(self, world: FollowingWorld, topics: Topics, patterns: tuple[str, ...], every: float | None) -> None:
        self._world = world
        self._topics = topics
        self._patterns = patterns
        self._every = every
        self._tracks: dict[str, _Track] = {}
        self._due: list[tuple[float, int, _Track]] = []
        self._timer: Cancellable | None = None
        self._subscriptions: list[ISubscription] = []
        self.counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Follow the bus from now on. Beginning twice is harmless."""
        if self._subscriptions:
            return
        want, every = (Want.BATCH, 0.0) if self._every is None else (Want.NEWEST, self._every)
        subscribe = self._world.bus.subscribe
        self._subscriptions = [subscribe(each, self._take, want, every, is_local=_is_local(each)) for each in self._patterns]

    def end(self) -> None:
        """Follow it no longer. What waits is forgotten: a later :meth:`snapshot` has it."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions = []
        self._forget_waiting()

    def snapshot(self) -> Iterator[None]:
        """Publish the newest value of each subject, in steps: the broker may have forgotten what it retained."""
        self._forget_waiting()
        self._tracks.clear()
        for pattern in self._patterns:
            for count, message in enumerate(self._world.bus.last(pattern)):
                if _is_local(pattern) and "@" in message.subject:
                    continue
                track = self._track(message.subject)
                if message.number > track.number and track.route.is_value:  # no newer one has come during the steps before
                    track.number = message.number
                    track.due = self._world.monotonic() + (self._every or 0.0)
                    self._publish(track.route, message.event, self._text(message))
                if count % STEP == 0:
                    yield

    def forget(self, subject: str) -> None:
        """Publish nothing more of *subject* that has come already: it is forgotten."""
        track = self._tracks.pop(subject, None)
        if track is not None:
            track.waiting = None

    def _take(self, message: Message) -> None:
        track = self._track(message.subject)
        if message.number == track.number:
            return
        track.number = message.number
        if self._every is None or not track.route.is_value:
            self._publish_each(track.route, message)
            return
        now = self._world.monotonic()
        if now >= track.due:
            track.due = now + self._every
            self._publish(track.route, message.event, self._text(message))
        else:
            if track.waiting is None:
                heappush(self._due, (track.due, track.number, track))
                self._arm(now)
            track.waiting = message

    def _track(self, subject: str) -> _Track:
        track = self._tracks.get(subject)
        if track is None:
            if len(self._tracks) >= MOST_SUBJECTS:
                self._tracks.clear()
            track = self._tracks[subject] = _Track(self._topics.route(subject))
        return track

    def _publish_each(self, route: SubjectRoute, message: Message) -> None:
        if message.batch is None:
            self._publish(route, message.event, self._text(message))
            return
        for event in message.batch:
            self._publish(route, event, self._encoded(event))

    def _publish(self, route: SubjectRoute, event: object, text: bytes | None) -> None:
        world = self._world
        if route.device is not None:
            world.saw(route, event)
            self._publish_beside(route, event)
        if text is not None:
            world.publish(Publication(route.topic, text, route.is_value))

    def _publish_beside(self, route: SubjectRoute, event: object) -> None:
        """Publish the plain text beside the JSON: whether a device is there, and what it says."""
        assert route.device is not None
        if route.kind is SubjectKind.PRESENCE:
            topic = self._topics.of_device(route.device, "status")
            self._world.publish(Publication(topic, online_text(event), is_retained=True))
        elif route.kind is SubjectKind.SAID:
            self._world.publish(Publication(self._topics.of_device(route.device, "say"), _said(event)))

    def _text(self, message: Message) -> bytes | None:
        try:
            return message.encoded(encode)
        except BadJSON:
            self.counts["no JSON"] += 1
            return None

    def _encoded(self, event: object) -> bytes | None:
        try:
            return encode(event)
        except BadJSON:
            self.counts["no JSON"] += 1
            return None

    def _arm(self, now: float) -> None:
        if self._timer is None:
            self._timer = self._world.call_later(max(LEAST_PAUSE, self._due[0][0] - now), self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._world.monotonic()
        while self._due and self._due[0][0] <= now:
            _, _, track = heappop(self._due)
            message, track.waiting = track.waiting, None
            if message is not None and self._every is not None:  # it may have been forgotten
                track.due = now + self._every
                self._publish(track.route, message.event, self._text(message))
        if self._due:
            self._arm(now)

    def _forget_waiting(self) -> None:
        for _, _, track in self._due:
            track.waiting = None
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def online_text(event: object) -> bytes:
    """Return the plain text of a presence."""
    return ONLINE if value_of(event, "online") else OFFLINE


def _said(event: object) -> bytes:
    text = value_of(event, "text")
    if isinstance(text, str):
        return text.encode()
    coded = value_of(event, "base64")
    return coded if isinstance(coded, bytes) else b64decode(coded or "")


def _is_local(pattern: str) -> bool:
    """Whether only this node's events are meant, as with recorders, alerts and bridges."""
    return "@" not in pattern and not pattern.startswith("custom.")

"""A window: messages of the bus under a pattern, passed on to clients. They are collected in each turn and delivered in steps.

Other connections do not wait for that, however many messages and patterns there are. Messages that come faster than they can be
delivered are kept within a bound; over it, the oldest are dropped for all clients.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from attrs import define, field

from netd.connection.fanout import BLOCK, Item
from netd.errors import ProtocolError
from netd.feed.audience import Audience, FeedMember
from netd.feed.rounds import Form, Sighting
from netd.feed.streams import FeedSurroundings
from netd.interfaces import IBus, ISubscription
from netd.message import Message

__all__ = ["Window"]

MOST_COLLECTED = 1 << 20
"""Bytes of events that wait to be delivered; over it the oldest are lost."""

PIECE = 1 << 10
"""Bytes of frames that a client which reads slowly keeps or loses together."""

STEP = 64
"""Messages that are passed on to one client by itself, before others are served."""


@define(eq=False)
class Window:
    """The messages under *pattern*. Without clients, the window does not subscribe to the bus.

    :ivar seq: of the last message that was taken.
    :ivar unfit: messages that cannot be JSON.
    :ivar late: messages lost, because those before were still being delivered.
    """

    surroundings: FeedSurroundings
    bus: IBus
    pattern: str
    audience: Audience = field(factory=Audience)
    seq: int = 0
    unfit: int = 0
    late: int = 0
    _is_running: bool = False
    _subscription: ISubscription | None = None
    _collected: deque[Sighting] = field(factory=deque)
    _size: int = 0
    _is_delivering: bool = False

    def start(self) -> None:
        """Listen to the bus, as soon as there are clients."""
        self._is_running = True
        self._listen()

    def stop(self) -> None:
        """Listen no more."""
        self._is_running = False
        self._listen()

    def join(self, member: FeedMember, form: Form, is_apart: bool) -> None:
        """See :class:`netd.feed.streams.FeedSource`."""
        self.audience.join(member, form, is_apart)
        self._listen()

    def leave(self, member: FeedMember) -> None:
        """Deliver nothing more to *member*."""
        self.audience.leave(member)
        self._listen()

    def _listen(self) -> None:
        is_wanted = self._is_running and bool(self.audience.members)
        if is_wanted and self._subscription is None:
            self._subscription = self.bus.subscribe(self.pattern, self._said)
        elif not is_wanted and self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None
            self._take()

    def _said(self, message: Message) -> None:
        try:
            sighting = Sighting(self.seq + 1, self.surroundings.wall(), message)
        except ProtocolError:
            self.unfit += 1
            return
        self.seq += 1
        self._collected.append(sighting)
        self._size += sighting.size
        while self._size > MOST_COLLECTED and len(self._collected) > 1:
            self._size -= self._collected.popleft().size
            self.late += 1
        if not self._is_delivering:
            self._is_delivering = True
            self.surroundings.after(self._begin)

    def _begin(self) -> None:
        self.surroundings.start(self._deliver())

    def _take(self) -> list[Sighting]:
        """What was collected; nothing is left."""
        taken = list(self._collected)
        self._collected.clear()
        self._size = 0
        return taken

    def _deliver(self) -> Iterator[None]:
        try:
            while self._collected:
                sightings = self._take()
                yield from self._deliver_shared(sightings)
                yield from self._deliver_apart(sightings)
        finally:
            self._is_delivering = False

    def _deliver_shared(self, sightings: Sequence[Sighting]) -> Iterator[None]:
        """Groups that want the same of *sightings* share the frames of it, and each looks once at each subject."""
        subjects = tuple(dict.fromkeys(sighting.subject for sighting in sightings))
        shared: dict[tuple[bool, tuple[str, ...]], list[list[Item]]] = {}
        for form, group in list(self.audience.groups.items()):
            wanted = tuple(filter(group.interest.wants, subjects))
            if wanted:
                portions = shared.get((form.is_old, wanted))
                if portions is None:
                    portions = shared[form.is_old, wanted] = _portions(form, sightings, frozenset(wanted))
                for portion in portions:
                    yield from group.hand_out(portion)
                    yield
            else:
                yield

    def _deliver_apart(self, sightings: Sequence[Sighting]) -> Iterator[None]:
        for member, interest in list(self.audience.apart.items()):
            for position, sighting in enumerate(sightings, 1):
                if member not in self.audience.apart:
                    break
                if interest.wants(sighting.subject):
                    member.deliver(sighting)
                if not position % STEP:
                    yield
            yield


def _portions(form: Form, sightings: Sequence[Sighting], wanted: frozenset[str]) -> list[list[Item]]:
    """The frames of what is *wanted*, a block at a time. Small ones are joined: they are kept or lost together."""
    portions: list[list[Item]] = [[]]
    frames: list[bytes] = []
    size = total = seq = 0
    for sighting in sightings:
        if sighting.subject not in wanted:
            continue
        frame = sighting.framed(form)
        if size and size + len(frame) > PIECE:
            total = _add(portions, (b"".join(frames), seq), total)
            frames, size = [], 0
        frames.append(frame)
        size += len(frame)
        seq = sighting.seq
    _add(portions, (b"".join(frames), seq), total)
    return portions


def _add(portions: list[list[Item]], item: Item, total: int) -> int:
    """Put *item* into the last portion, of *total* bytes, or a new one; returns the bytes of the then last one."""
    if total and total + len(item[0]) > BLOCK:
        portions.append([])
        total = 0
    portions[-1].append(item)
    return total + len(item[0])

"""One stream of numbered events, shared by all who subscribe to the same pattern at the same rate.

What a turn brings is numbered at its end: each event becomes a JSON text once, is framed once for each kind of connection, and
all of them leave in one write a connection. Where there are thousands of connections, others are served in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from netd.bus.subject import matches
from netd.codec.jsontext import BadJSON, encode
from netd.connection.fanout import hand_out
from netd.connection.pace import Pace
from netd.connection.turn import Turn
from netd.console.history import MOST_REPEATED, MOST_SUBJECTS, History
from netd.console.link import Frame
from netd.console.subscription import Subscription
from netd.interfaces import IBus, ISubscription
from netd.message import Message, Want

__all__ = ["Surroundings", "Topic"]

OVERHEAD = 300
"""Bytes that an event takes beside its text while it waits."""


class Surroundings(Protocol):
    """What a topic needs of those around it.

    :ivar collected: bytes of all events that are yet to be handed out.
    """

    bus: IBus
    clock: IReactorTime
    turn: Turn
    pace: Pace
    keep_events: int
    collected: int

    def grow(self, size: int) -> None:
        """So many bytes more are kept."""

    def fit(self) -> None:
        """See to it that not too much is yet to be handed out."""


class Topic:
    """The stream of all who subscribe to *pattern* with the same *every*.

    One hand-out is under way at a time; what is numbered meanwhile goes with the next.

    :ivar epoch: names this stream: its numbers mean nothing in another.
    :ivar seq: the number of its newest event that was numbered, 0 before the first.
    """

    _log = Logger()

    def __init__(self, topics: Surroundings, pattern: str, every: float | None, epoch: str) -> None:
        self._topics = topics
        self.pattern = pattern
        self.every = every
        self.epoch = epoch
        self.seq = 0
        self._history = History(topics.keep_events)
        self._members: dict[Frame, dict[Subscription, None]] = {}
        self._new: list[Message] = []
        self._numbered: list[tuple[bytes, str]] = []
        self._late: dict[Subscription, int] = {}  # who joined after so many of those
        self._going = 0  # events under way,
        self._untold: list[dict[Subscription, None]] = []  # who is yet to be told them,
        self._untold_late: dict[Subscription, int] = {}  # and who is, but for so many of them
        self._held: dict[str, Message] = {}
        self._timer: Any = None
        self._head = b'{"jsonrpc":"2.0","method":"event","params":{"pattern":"%b","seq":' % pattern.encode()
        if every is None:
            self._source: ISubscription = topics.bus.subscribe(pattern, self._take, Want.BATCH)
        else:
            self._source = topics.bus.subscribe(pattern, self._receive, Want.NEWEST, every)

    @property
    def size(self) -> int:
        """Bytes of memory that its kept events take."""
        return self._history.size

    @property
    def is_idle(self) -> bool:
        """Whether nobody subscribes to it."""
        return not self._members

    def join(self, member: Subscription, frame: Frame) -> None:
        """Let *member* have all events from now on; those before have their numbers (:meth:`number`)."""
        assert not self._new, "what was published before is not for the new member"
        self._members.setdefault(frame, {})[member] = None
        if self._numbered:
            self._late[member] = len(self._numbered)

    def leave(self, member: Subscription) -> int:
        """Let *member* have nothing more; how many numbered events it has not been told."""
        for frame, members in list(self._members.items()):
            members.pop(member, None)
            if not members:
                del self._members[frame]
        missing = len(self._numbered) - self._late.pop(member, 0)
        told = self._untold_late.pop(member, None)
        if told is not None:
            missing += self._going - told
        for untold in self._untold:
            if untold.pop(member, member) is None:
                missing += self._going
        return missing

    def number(self) -> None:
        """Give numbers to what was published, and keep it."""
        new, self._new = self._new, []
        before = self._history.size
        for message in new:
            for one in (message,) if message.batch is None else _parts(message):
                text = self._text(one, b"%d" % (self.seq + 1))
                if text is not None:
                    self.seq += 1
                    self._numbered.append((text, message.subject))
                    self._topics.collected += len(text) + OVERHEAD
                    self._history.add(self.seq, message.subject, text)
        self._topics.grow(self._history.size - before)

    def since(self, seq: int) -> tuple[list[bytes], dict[str, int] | None]:
        """What came after number *seq*: the texts that are kept, in order; first and last number of those that are not."""
        return self._history.since(seq, self.seq)

    def newest(self, count: int) -> list[bytes]:
        """Texts of up to *count* of the newest events of each subject, oldest first."""
        before = [message for message in self._topics.bus.last(self.pattern) if message.subject not in self._history]
        before.sort(key=lambda message: message.number)
        texts = [self._text(message, b"null") for message in before[-MOST_REPEATED:]]
        return [text for text in texts if text is not None] + self._history.newest(count)

    def shorten(self) -> int:
        """Forget the oldest event that is kept; the bytes that it took."""
        return self._history.shorten()

    def forget(self, pattern: str) -> int:
        """Forget the kept events of the subjects under *pattern*; the bytes that they took. What is under way arrives."""
        self.number()
        self._held = {subject: message for subject, message in self._held.items() if not matches(pattern, subject)}
        return self._history.forget(pattern)

    def end(self) -> None:
        """Listen no more, and keep nothing."""
        self._source.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._new.clear()
        self._topics.collected -= _size(self._numbered)
        self._numbered.clear()
        self._topics.grow(-self._history.size)
        self._history = History(self._topics.keep_events)

    def _take(self, message: Message) -> None:
        new = self._new
        new.append(message)
        if len(new) == 1:
            self._topics.turn.after(self._flush)

    def _flush(self) -> None:
        """The turn ends."""
        self.number()
        if not self._going:
            self._start()
        self._topics.fit()

    def _start(self) -> None:
        """Begin to hand out what has numbers, to those who are there now."""
        numbered, self._numbered = self._numbered, []
        late, self._late = self._late, {}
        self._going = len(numbered)
        if numbered:
            frames = list(self._members)
            self._untold_late = late
            self._untold = [{m: None for m in reversed(members) if m not in late} for members in self._members.values()]
            self._topics.pace.start(self._hand_out(numbered, frames))

    def _hand_out(self, numbered: list[tuple[bytes, str]], frames: list[Frame]) -> Iterator[None]:
        for frame, untold in zip(frames, self._untold, strict=True):
            yield from hand_out([(frame(text), subject) for text, subject in numbered], _drain(untold))
        while self._untold_late:
            member, told = self._untold_late.popitem()
            rest = [(member.frame(text), subject) for text, subject in numbered[told:]]
            if rest:
                yield from hand_out(rest, [member])
        self._topics.collected -= _size(numbered)
        self._start()

    def _receive(self, message: Message) -> None:
        if self._timer is None and self.every is not None:
            self._take(message)
            self._timer = self._topics.clock.callLater(self.every, self._tick)
        elif message.subject in self._held or len(self._held) < MOST_SUBJECTS:
            self._held[message.subject] = message

    def _tick(self) -> None:
        self._timer = None
        if self._held and self.every is not None:
            self._timer = self._topics.clock.callLater(self.every, self._tick)
            held, self._held = self._held, {}
            for message in held.values():
                self._take(message)

    def _text(self, message: Message, seq: bytes) -> bytes | None:
        """*message* as the event number *seq*; None where it cannot be JSON."""
        try:
            event = message.encoded(encode)
        except BadJSON:
            self._log.failure("what was published under {subject} is for nobody who follows it", subject=message.subject)
            return None
        return b'%b%b,"time":%b,"subject":"%b","data":%b}}' % (
            self._head,
            seq,
            encode(message.time),
            message.subject.encode(),
            event,
        )


def _drain(members: dict[Subscription, None]) -> Iterator[Subscription]:
    """Each of them, the last first; who is gone by then is not asked."""
    while members:
        yield members.popitem()[0]


def _parts(message: Message) -> Iterator[Message]:
    """A message for each event of the batch that *message* has."""
    for event in message.batch or ():
        part = Message(message.subject, event)
        part.stamp(message.time, message.number)
        yield part


def _size(numbered: list[tuple[bytes, str]]) -> int:
    return sum([len(text) + OVERHEAD for text, _ in numbered])

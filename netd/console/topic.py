"""One stream of numbered events, shared by all who subscribe to the same pattern at the same rate.

What a turn brings is numbered at its end: each event becomes a JSON text once, is framed once for each kind of connection, and
all of them leave in one write a connection. Where there are thousands of connections, others are served in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from netd.console.history import MOST_REPEATED, MOST_SUBJECTS, History
from netd.console.link import Frame
from netd.console.subscription import Subscription
from netd.interfaces import IBus, ISubscription
from netd.message import Message
from netd.wire.handout import hand_out
from netd.wire.jsontext import BadJSON, encode
from netd.wire.pace import Pace
from netd.wire.turn import Turn

__all__ = ["MOST_GOING", "MOST_NEW", "Surroundings", "Topic"]

MOST_NEW = 10_000
"""Events that wait while those before them are still being handed out."""

MOST_GOING = 16
"""Times that a topic hands something out at once. With more, everything else waits until all of that is done."""


class Surroundings(Protocol):
    """What a topic needs of those around it."""

    bus: IBus
    clock: IReactorTime
    turn: Turn
    pace: Pace
    keep_events: int

    def grow(self, size: int) -> None:
        """So many bytes more are kept."""


class Topic:
    """The stream of all who subscribe to *pattern* with the same *every*.

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
        self._going = 0
        self._held: dict[str, Message] = {}
        self._timer: Any = None
        self._head = b'{"jsonrpc":"2.0","method":"event","params":{"pattern":"%b","seq":' % pattern.encode()
        self._source: ISubscription = topics.bus.subscribe(pattern, self._take if every is None else self._receive)

    @property
    def size(self) -> int:
        """Bytes of memory that its kept events take."""
        return self._history.size

    @property
    def is_idle(self) -> bool:
        """Whether nobody subscribes to it."""
        return not self._members

    def join(self, member: Subscription, frame: Frame) -> None:
        """Let *member* have all events from now on: those that were published before must be numbered (:meth:`settle`)."""
        assert not self._new, "what was published before is not for the new member"
        self._members.setdefault(frame, {})[member] = None

    def leave(self, member: Subscription) -> None:
        """Let *member* have nothing more."""
        for frame, members in list(self._members.items()):
            members.pop(member, None)
            if not members:
                del self._members[frame]

    def settle(self) -> None:
        """Number what was published, keep it, and begin to hand it out to all who are there now."""
        new, self._new = self._new, []
        if not new:
            return
        if self._going >= MOST_GOING:
            self._topics.pace.finish()
        before, history = self._history.size, self._history
        texts: list[tuple[bytes, str]] = []
        for message in new:
            try:
                text = self._text(message, b"%d" % (self.seq + 1))
            except BadJSON:
                self._log.failure("what was published under {subject} is for nobody who follows it", subject=message.subject)
                continue
            self.seq += 1
            texts.append((text, message.subject))
            history.add(self.seq, message.subject, text)
        self._topics.grow(history.size - before)
        for frame, members in self._members.items():
            items = [(frame(text), subject) for text, subject in texts]
            self._going += 1
            self._topics.pace.start(self._hand_out(hand_out(items, list(members), members)))

    def since(self, seq: int) -> tuple[list[bytes], dict[str, int] | None]:
        """What came after number *seq*: the texts that are kept, in order; first and last number of those that are not."""
        return self._history.since(seq, self.seq)

    def newest(self, count: int) -> list[bytes]:
        """Texts of up to *count* of the newest events of each subject, oldest first."""
        before = [message for message in self._topics.bus.last(self.pattern) if message.subject not in self._history]
        before.sort(key=lambda message: message.time)
        return [self._text(message, b"null") for message in before[-MOST_REPEATED:]] + self._history.newest(count)

    def shorten(self) -> int:
        """Forget the oldest event that is kept; the bytes that it took."""
        return self._history.shorten()

    def end(self) -> None:
        """Listen no more, and keep nothing."""
        self._source.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._new.clear()
        self._topics.grow(-self._history.size)
        self._history = History(self._topics.keep_events)

    def _take(self, message: Message) -> None:
        new = self._new
        new.append(message)
        if len(new) == 1 or len(new) == MOST_NEW:
            self._topics.turn.after(self._flush)

    def _flush(self) -> None:
        """The turn ends. What comes while others are still being told goes with the next one."""
        if not self._going or len(self._new) >= MOST_NEW:
            self.settle()

    def _hand_out(self, steps: Iterator[None]) -> Iterator[None]:
        try:
            yield from steps
        finally:
            self._going -= 1
            if self._new and not self._going:
                self._topics.turn.after(self._flush)

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

    def _text(self, message: Message, seq: bytes) -> bytes:
        return b'%b%b,"time":%b,"subject":"%b","data":%b}}' % (
            self._head,
            seq,
            encode(message.time),
            message.subject.encode(),
            message.encoded(encode),
        )

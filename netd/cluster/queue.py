"""The messages on their way to NATS that may be sent twice: a queue that is bounded, and remembers what may have been lost.

It knows no connection: what it hands out counts as sent, until the server has answered a PING that was sent after it.
"""

from __future__ import annotations

from collections import deque

__all__ = ["MOST_MESSAGES", "PostQueue"]

MOST_MESSAGES = 10_000
"""The greatest number of messages that wait or are not confirmed."""


class PostQueue:
    """Messages in order: the older ones are handed out but not confirmed, the newer ones wait.

    :param most_bytes: bytes of subjects and bodies, of both together. Above, the oldest waiting message is dropped.
    :ivar size: these bytes.
    :ivar is_held: whether nothing is handed out for now.
    :ivar handed: messages that were handed out, since the start.
    :ivar dropped: messages that were dropped, since the start.
    :ivar repeated: messages that were handed out again, since the start.
    """

    def __init__(self, most_bytes: int, most_messages: int = MOST_MESSAGES) -> None:
        self._most_bytes = most_bytes
        self._most_messages = most_messages
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._unconfirmed: deque[tuple[str, bytes]] = deque()
        self._unconfirmed_size = 0
        self.size = 0
        self.is_held = False
        self.handed = 0
        self.dropped = 0
        self.repeated = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._unconfirmed)

    @property
    def is_waiting(self) -> bool:
        """Whether there are messages that were not handed out."""
        return bool(self._waiting)

    @property
    def is_asking(self) -> bool:
        """True while so much is not confirmed that the server should be asked, before nothing more may be handed out."""
        return self._unconfirmed_size > self._most_bytes // 8 or len(self._unconfirmed) > self._most_messages // 8

    def add(self, subject: str, body: bytes) -> None:
        """Add a message behind all others."""
        self._waiting.append((subject, body))
        self.size += len(subject) + len(body)
        if self.size > self._most_bytes or len(self) > self._most_messages:
            self._shorten()

    def take(self) -> tuple[str, bytes] | None:
        """Hand out the next message; None if none waits, if the queue is held, or if half of it is not confirmed."""
        if not self._waiting or self.is_held:
            return None
        if self._unconfirmed_size > self._most_bytes // 2 or len(self._unconfirmed) > self._most_messages // 2:
            return None
        message = self._waiting.popleft()
        self._unconfirmed.append(message)
        self._unconfirmed_size += len(message[0]) + len(message[1])
        self.handed += 1
        return message

    def confirm(self, handed: int) -> None:
        """Forget the messages that the server has: all of the first *handed* that were handed out."""
        while self.handed - len(self._unconfirmed) < handed:
            subject, body = self._unconfirmed.popleft()
            self._unconfirmed_size -= len(subject) + len(body)
            self.size -= len(subject) + len(body)

    def repeat(self) -> None:
        """Let the messages that are not confirmed wait again, before all others: their connection is lost."""
        self.repeated += len(self._unconfirmed)
        self._waiting.extendleft(reversed(self._unconfirmed))
        self._unconfirmed.clear()
        self._unconfirmed_size = 0

    def _shorten(self) -> None:
        while self._waiting and (self.size > self._most_bytes or len(self) > self._most_messages):
            subject, body = self._waiting.popleft()
            self.size -= len(subject) + len(body)
            self.dropped += 1

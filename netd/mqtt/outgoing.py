"""Publications on their way to the broker, within bounds: those that wait, and those that it has not acknowledged."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import NamedTuple

__all__ = ["OVERHEAD", "Outgoing", "Publication"]

OVERHEAD = 300
"""Bytes of memory that a publication takes beside its topic and its payload. Measured: 280 while it waits."""

GREATEST_NUMBER = 65535
"""The greatest number of a packet."""


class Publication(NamedTuple):
    """A message under a topic.

    :ivar is_retained: whether the broker keeps it, as the newest of its topic, for those that subscribe later.
    :ivar correlation: what the asker of a question knows its answer by; None for anything but an answer.
    """

    topic: str
    payload: bytes
    is_retained: bool = False
    correlation: bytes | None = None

    @property
    def weight(self) -> int:
        """Bytes of memory."""
        return len(self.topic) + len(self.payload) + OVERHEAD


class Outgoing:
    """The publications of one section. They outlive a connection.

    With QoS 0, only the newest of each retained topic waits while the broker takes nothing: it takes the place of the one before.
    With QoS 1, each waits, over lost connections too, until the broker has acknowledged it. Over *most_size* bytes, the oldest
    are dropped.

    :ivar is_held: whether some are left that the broker did not take.
    :ivar counts: publications that never left, by reason.
    """

    def __init__(self, qos: int, most_size: int) -> None:
        self.qos = qos
        self._most_size = most_size
        self._waiting: OrderedDict[str | int, Publication] = OrderedDict()
        self._flying: dict[int, Publication] = {}
        self._size = 0
        self._key = 0
        self._number = 0
        self.is_held = False
        self.counts: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """Publications that wait to be sent."""
        return len(self._waiting)

    @property
    def flying(self) -> int:
        """Publications that the broker has not acknowledged."""
        return len(self._flying)

    @property
    def size(self) -> int:
        """Bytes of memory that they take together."""
        return self._size

    def add(self, publication: Publication) -> None:
        """Have *publication* wait."""
        waiting = self._waiting
        if self.is_held and publication.is_retained and not self.qos:
            before = waiting.get(publication.topic)
            waiting[publication.topic] = publication
            if before is not None:
                self._size -= before.weight
                self.counts["replaced"] += 1
        else:
            self._key += 1
            waiting[self._key] = publication
        self._size += publication.weight
        while self._size > self._most_size and waiting:
            _, oldest = waiting.popitem(last=False)
            self._size -= oldest.weight
            self.counts["dropped"] += 1

    def take(self) -> Publication | None:
        """Return the oldest that waits, which leaves now; None if none waits. With QoS 1, :meth:`number` follows."""
        if not self._waiting:
            return None
        _, oldest = self._waiting.popitem(last=False)
        self._size -= oldest.weight
        return oldest

    def number(self, publication: Publication) -> int:
        """Give *publication*, which leaves now, a number, by which the broker acknowledges it."""
        number = self._number % GREATEST_NUMBER + 1
        while number in self._flying:
            number = number % GREATEST_NUMBER + 1
        self._number = number
        self._flying[number] = publication
        self._size += publication.weight
        return number

    def acknowledged(self, number: int) -> Publication | None:
        """Return the publication that the broker has acknowledged; None if it has none of this number."""
        publication = self._flying.pop(number, None)
        if publication is not None:
            self._size -= publication.weight
        return publication

    def connection_lost(self) -> None:
        """Have everything that was not acknowledged wait again, in its old order; with QoS 0, nothing waits any more."""
        self.is_held = False
        if not self.qos:
            self.counts["dropped"] += sum(not one.is_retained for one in self._waiting.values())
            self._waiting.clear()
            self._size = 0
            return
        for publication in reversed(self._flying.values()):
            self._key += 1
            self._waiting[self._key] = publication
            self._waiting.move_to_end(self._key, last=False)
        self._flying.clear()

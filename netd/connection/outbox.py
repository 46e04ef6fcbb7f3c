"""The outbox of a connection: items that wait to be written, within bounds, and a policy for peers that read too slowly.

All items that one reactor turn brings leave in one write at its end. While the transport's buffer is full, items wait here. Over
the bounds, the policy decides which of them to drop, and each dropped or refused item is counted with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.eager import EagerConnection
from netd.connection.turn import Turn

__all__ = ["Outbox"]

SLICE = 1 << 16
"""Bytes written to a transport before it is asked whether it is full. An outbox of a MiB must not end up in Twisted's buffer as a
whole: there, no policy can drop any of it."""


class _Dropped(bytes):
    """The mark in the place of a dropped item. It is empty, so that joining the queue skips it, and known by its identity."""


_DROPPED = _Dropped()


@implementer(IPushProducer)
class Outbox:
    """The outbox of one connection. A derived class says how to pause the source of the items and how to cut the connection.

    :param transport: the connection's transport; :meth:`attach` registers the outbox as its producer.
    :ivar is_full: whether the transport has paused its producer, which is this outbox.
    :ivar is_flushed: whether the transport has taken everything, and is not full. With an eager transport, the operating system
        has taken it then.
    :ivar written: bytes written to the transport so far.
    """

    __slots__ = (
        "_before",
        "_bounds",
        "_closed",
        "_dropped",
        "_keys",
        "_open_key",
        "_paused_source",
        "_places",
        "_queue",
        "_send_now",
        "_size",
        "_traffic",
        "_transport",
        "_turn",
        "is_flushed",
        "is_full",
        "written",
    )

    def __init__(self, transport: Any, turn: Turn, bounds: Bounds, traffic: Traffic) -> None:
        self._transport = transport
        self._turn = turn
        self._bounds = bounds
        self._traffic = traffic
        self._queue: list[bytes] = []
        self._keys: list[Hashable] | None = [] if bounds.policy in (Policy.LATEST, Policy.ROUND) else None
        self._open_key: Hashable = None
        # For LATEST, while the transport is full: the number of the newest waiting item of each key, to find the item that a new
        # one replaces without a search. Items are numbered as they come, and keep their number while others leave the queue:
        # _before counts those that have left, so an item's index is its number less _before. _dropped counts the marks at the
        # front of the queue.
        self._places: dict[Hashable, int] | None = None
        self._before = 0
        self._dropped = 0
        self._size = 0
        self._closed = False
        # The socket's own send, where the transport is an eager one: a fan-out calls it once for every reader, so no method of
        # Twisted's stands in between. Kept from the first block on, because most connections are never offered one.
        self._send_now: Callable[[bytes], int] | None = None
        self._paused_source = False
        self.is_full = False
        self.is_flushed = True
        self.written = 0

    @property
    def waiting(self) -> int:
        """Bytes that wait here, without those in the transport's buffer."""
        return self._size

    def attach(self) -> None:
        """Become the transport's producer."""
        self._transport.registerProducer(self, True)

    def rebind(self, bounds: Bounds) -> None:
        """Apply other bounds from now on. Neither the old nor the new policy may be one that goes by keys."""
        assert self._keys is None
        self._sweep(self._head())
        self._bounds = bounds

    def send(self, item: bytes, key: Hashable = None) -> bool:
        """Write *item* at the end of the turn. A policy drops an item whole or not at all.

        :param key: for ``LATEST`` the subject, for ``ROUND`` the number of the round.
        :returns: False when *item* was not taken, because the policy refuses it or the connection is closed.
        """
        if self._closed:
            return False
        queue = self._queue
        if not queue and not self.is_full:  # the first item of this turn; a full transport resumes the outbox by itself
            self._turn.touch(self)
        if self._keys is not None and not self._note(item, key):
            return True
        self.is_flushed = False
        queue.append(item)
        size = self._size = self._size + len(item)
        bounds = self._bounds
        if size > bounds.size or len(queue) > bounds.items:
            is_taken = self._overflow(item)
            self.waiting_changed()
            return is_taken
        if self.is_full:
            self.waiting_changed()
        return True

    def offer(self, block: bytes) -> bool:
        """Write *block* now, after what was sent before. For a block that many connections share.

        :returns: False, with nothing written, when it would have to wait: its items then go through :meth:`send`, so that the
            policy can choose among them.
        """
        if self._queue:
            self.flush()
        if self.is_full:
            return False
        self.written += len(block)
        if self._send_now is None:
            if not isinstance(self._transport, EagerConnection):
                self._transport.write(block)  # which pauses this producer if that fills its buffer
                return True
            self._send_now = self._transport.socket.send
        try:
            sent = self._send_now(block)
        except OSError:
            sent = 0  # its buffer is full, or the connection is broken: the reactor then meets the error, too, and reports it
        if sent != len(block):
            self._transport.buffer(block[sent:])
        return True

    def count_dropped(self, reason: str, count: int) -> None:
        """Count items that were dropped before they reached the outbox."""
        self._traffic.dropped[reason] += count

    def flush(self) -> None:
        """Write what waits: in one write if it is less than a slice, else in slices until the transport is full."""
        queue = self._queue
        if self._size > SLICE or self.is_full:
            self._flush_slices()
        elif queue:
            block = queue[0] if len(queue) == 1 else b"".join(queue)
            queue.clear()
            if self._keys is not None:
                self._open_key = self._keys[-1]
                self._keys.clear()
            self.written += self._size
            self._size = 0
            self._transport.write(block)
            self.is_flushed = not self.is_full

    def _flush_slices(self) -> None:
        if self._closed:
            return
        while self._queue and not self.is_full:
            count, size = 0, 0
            while size < SLICE and count < len(self._queue):
                size += len(self._queue[count])
                count += 1
            self._write(count)
        self.is_flushed = not (self._queue or self.is_full)
        self.waiting_changed()

    def drop(self) -> None:
        """Take nothing more, and drop what waits."""
        self._closed = True
        self.is_full = True
        self.is_flushed = False
        self._clear()
        self.waiting_changed()

    def finish(self) -> None:
        """Take nothing more, write all that waits even if the transport is full, and stop being its producer."""
        if self._closed:
            return
        if self._queue:
            self._transport.write(b"".join(self._queue))
            self.written += self._size
        self.drop()
        self._transport.unregisterProducer()

    # IPushProducer, called by the transport

    def pauseProducing(self) -> None:
        """Write nothing more for now: the transport's buffer is full."""
        self.is_full = True
        self.is_flushed = False
        self.fullness_changed()

    def resumeProducing(self) -> None:
        """Write again: the transport's buffer is empty."""
        self.is_full = False
        self._flush_slices()
        if self.is_full:
            return  # filled up again, and pauseProducing has reported it
        if self._paused_source:
            self._paused_source = False
            self.pause_source(False)
        self.fullness_changed()

    def stopProducing(self) -> None:
        """Drop everything: the connection is lost."""
        self.drop()

    def pause_source(self, pause: bool) -> None:
        """Pause the source of the items (True), or let it go on (False). Called for the policy ``PAUSE``. Override."""

    def fullness_changed(self) -> None:
        """React to a change of :attr:`is_full`. Override."""

    def waiting_changed(self) -> None:
        """React to a change of :attr:`waiting` while the transport is full. Override."""

    def give_up(self) -> None:
        """Cut the connection. Called for the policy ``DISCONNECT``. Override."""

    def _write(self, count: int) -> None:
        queue = self._queue
        block = b"".join(queue[:count])
        del queue[:count]
        if self._keys is not None:
            self._open_key = self._keys[count - 1]
            self._forget_keys(count)
        self._size -= len(block)
        self.written += len(block)
        self._transport.write(block)

    def _clear(self) -> None:
        self._queue.clear()
        if self._keys is not None:
            self._keys.clear()
        self._size = 0

    def _note(self, item: bytes, key: Hashable) -> bool:
        """Note the key of *item*; return False if *item* has replaced a waiting item of that key."""
        keys = self._keys
        assert keys is not None
        if self.is_full and self._bounds.policy is Policy.LATEST:
            places = self._places
            if places is None:
                head = self._head()
                places = self._places = {key: number for number, key in enumerate(keys[head:], self._before + head)}
            number = places.get(key)
            if number is not None:
                self._replace(number - self._before, item)
                return False
            places[key] = self._before + len(keys)
        keys.append(key)
        return True

    def _replace(self, at: int, item: bytes) -> None:
        self._size += len(item) - len(self._queue[at])
        self._queue[at] = item
        self._traffic.dropped["conflated"] += 1
        if not self._fits(0):
            self._drop_oldest()

    def _overflow(self, item: bytes) -> bool:
        if not self.is_full:
            self.flush()
            if self._size <= self._bounds.size and len(self._queue) <= self._bounds.items:
                return True
        policy = self._bounds.policy
        if policy is Policy.PAUSE:
            if not self._paused_source:
                self._paused_source = True
                self.pause_source(True)
        elif policy is Policy.REFUSE:
            self._queue.pop()
            self._size -= len(item)
            self._traffic.dropped["refused"] += 1
            return False
        elif policy is Policy.DISCONNECT:
            self._traffic.dropped["disconnected"] += 1
            self.drop()
            self.give_up()
            return False
        elif policy is Policy.ROUND:
            self._drop_rounds()
        else:
            self._drop_oldest()
        return True

    def _head(self) -> int:
        """Return how many marks of dropped items are at the front of the queue.

        A write that takes the first of them takes them all, because they are empty; then :attr:`_dropped` is out of date.
        """
        return self._dropped if self._queue and self._queue[0] is _DROPPED else 0

    def _drop_oldest(self) -> None:
        """Drop the oldest items until the rest is within the bounds.

        Dropped items become marks, which are removed only when they are half of the queue. Removing each at once would move up
        the whole rest for every item that comes.
        """
        queue = self._queue
        start = head = self._head()
        while len(queue) - head > 1 and not self._fits(head):
            self._size -= len(queue[head])
            queue[head] = _DROPPED
            head += 1
        if head > start:
            self._forget_places(start, head)
            self._traffic.dropped[self._bounds.policy.value] += head - start
        self._dropped = head
        if 2 * head > len(queue):
            self._sweep(head)

    def _sweep(self, count: int) -> None:
        """Remove the first *count* items of the queue, which are marks."""
        del self._queue[:count]
        if self._keys is not None:
            self._forget_keys(count)

    def _forget_keys(self, count: int) -> None:
        """Forget the keys of the first *count* items, which have left the queue."""
        assert self._keys is not None
        self._forget_places(0, count)
        del self._keys[:count]
        self._before += count
        if not self._keys:
            self._places = None

    def _forget_places(self, start: int, end: int) -> None:
        """Forget the places of the items from *start* to *end*: they wait no longer, so a new item cannot replace them."""
        if self._places is not None and self._keys is not None:
            for number, key in enumerate(self._keys[start:end], self._before + start):
                if self._places.get(key) == number:
                    del self._places[key]

    def _drop_rounds(self) -> None:
        assert self._keys is not None
        keys = self._keys
        start = 0
        while start < len(keys) and keys[start] == self._open_key:
            start += 1
        newest = keys[-1]
        end = start
        while not self._fits(end - start) and end < len(keys) and keys[end] != newest:
            key = keys[end]
            while keys[end] == key:
                self._size -= len(self._queue[end])
                end += 1
        if end > start:
            del self._queue[start:end]
            del keys[start:end]
            self._traffic.dropped[Policy.ROUND.value] += end - start

    def _fits(self, dropped: int) -> bool:
        return self._size <= self._bounds.size and len(self._queue) - dropped <= self._bounds.items

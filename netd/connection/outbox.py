"""What waits to be written to one connection: bounded, with a policy for peers that read too slowly.

Everything that one reactor turn brings for a connection leaves in one write at its end.  While the transport's own buffer is full
the outbox keeps what comes; over its bounds, the policy decides, and everything dropped or refused is counted with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.eager import EagerServer
from netd.connection.turn import Turn

__all__ = ["Outbox"]

SLICE = 1 << 16
"""Bytes handed to a transport that was full before asking it again."""


class _Dropped(bytes):
    """Nothing, in the place of an item that was dropped; known by its identity."""


_DROPPED = _Dropped()


@implementer(IPushProducer)
class Outbox:
    """The way out to one connection. Derived classes say what pausing the source and giving up mean.

    :param transport: the connection's transport; :meth:`attach` registers the outbox as its producer.
    :ivar is_full: True while the transport asks for no more.
    :ivar is_flushed: True while all that was sent has been taken by a transport that is not full.
    :ivar written: bytes handed to the transport so far.
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
        # For LATEST, while the transport is full: the number of the newest waiting item of each key. Items are numbered as they
        # come; that many of them are no longer in the queue, and at its front are that many that were dropped.
        self._places: dict[Hashable, int] | None = None
        self._before = 0
        self._dropped = 0
        self._size = 0
        self._closed = False
        self._send_now: Callable[[bytes], int] | None = None  # what is called most, where nothing comes between
        self._paused_source = False
        self.is_full = False
        self.is_flushed = True
        self.written = 0

    @property
    def waiting(self) -> int:
        """Bytes that wait here (not those in the transport's own buffer)."""
        return self._size

    def attach(self) -> None:
        """Become the transport's producer."""
        self._transport.registerProducer(self, True)

    def rebind(self, bounds: Bounds) -> None:
        """Apply other bounds from now on; neither they nor those before may sort by key."""
        assert self._keys is None
        self._sweep(self._head())
        self._bounds = bounds

    def send(self, item: bytes, key: Hashable = None) -> bool:
        """Write *item* when the turn ends; items are never torn apart by a policy.

        :param key: for ``LATEST`` the subject, for ``ROUND`` the round's number.
        :returns: False when *item* was not taken: refused by policy, or the connection is closed.
        """
        if self._closed:
            return False
        queue = self._queue
        if not queue and not self.is_full:
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
        """Write *block* now, after what was sent before; for blocks that many connections share.

        :returns: False when it would have to wait, and was not taken.
        """
        if self._queue:
            self.flush()
        if self.is_full:
            return False
        self.written += len(block)
        if self._send_now is None:
            if not isinstance(self._transport, EagerServer):
                self._transport.write(block)  # which tells when that fills it
                return True
            self._send_now = self._transport.socket.send  # kept from the first block on: most connections are never offered one
        try:
            sent = self._send_now(block)
        except OSError:
            sent = 0  # full, or broken: then the reactor meets the same error and reports it
        if sent != len(block):
            self._transport.keep(block[sent:])
        return True

    def count_dropped(self, reason: str, count: int) -> None:
        """Count what was dropped on its way here."""
        self._traffic.dropped[reason] += count

    def flush(self) -> None:
        """Hand what waits to the transport: all of it in one write, or in slices while the transport fills up."""
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
        """Take nothing more, and forget what waits."""
        self._closed = True
        self.is_full = True
        self.is_flushed = False
        self._clear()
        self.waiting_changed()

    def finish(self) -> None:
        """Take nothing more; hand all that waits to the transport, full or not, and leave it."""
        if self._closed:
            return
        if self._queue:
            self._transport.write(b"".join(self._queue))
            self.written += self._size
        self.drop()
        self._transport.unregisterProducer()

    # IPushProducer, called by the transport

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self.is_full = True
        self.is_flushed = False
        self.fullness_changed()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        self.is_full = False
        self._flush_slices()
        if self.is_full:
            return  # again: pauseProducing has said so
        if self._paused_source:
            self._paused_source = False
            self.pause_source(False)
        self.fullness_changed()

    def stopProducing(self) -> None:
        """The connection is lost."""
        self.drop()

    def pause_source(self, pause: bool) -> None:
        """``PAUSE`` wants the source to stop (True), or lets it go on (False). Override."""

    def fullness_changed(self) -> None:
        """:attr:`is_full` has changed. Override."""

    def waiting_changed(self) -> None:
        """What waits here may have changed, while the transport was full. Override."""

    def give_up(self) -> None:
        """``DISCONNECT`` gives the connection up. Override."""

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
        """Remember *key*; False when *item* took the place of a waiting one."""
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
        """How many items at the front of the queue are dropped ones. What writes the first of them writes them all."""
        return self._dropped if self._queue and self._queue[0] is _DROPPED else 0

    def _drop_oldest(self) -> None:
        """Drop what is over the bounds. It stays in the queue as nothing until it is half of it: moving up the rest costs."""
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
        """Take the first *count* items, which are dropped ones, out of the queue."""
        del self._queue[:count]
        if self._keys is not None:
            self._forget_keys(count)

    def _forget_keys(self, count: int) -> None:
        """The first *count* items are no longer in the queue."""
        assert self._keys is not None
        self._forget_places(0, count)
        del self._keys[:count]
        self._before += count
        if not self._keys:
            self._places = None

    def _forget_places(self, start: int, end: int) -> None:
        """The items from *start* to *end* do not wait any more: no newer one can take their place."""
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

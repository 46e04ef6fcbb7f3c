"""A subscription for programs that block: an iterator that connects again, and goes on where it was.

It knows no wire: a :class:`MessagePort` is a connection for whole messages, a WebSocket or the control socket.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from random import random
from types import TracebackType
from typing import NamedTuple, Protocol

from netd.client.control import ControlError, ControlTimeout, RemoteError
from netd.client.events import Item, Stream
from netd.client.feed import Backoff

__all__ = ["FOR_EVER", "Hooks", "MessagePort", "Pacing", "Subscription"]

FOR_EVER = 86400.0
"""Seconds of a wait that is begun anew."""


class MessagePort(Protocol):
    """A connection for whole messages. One thread reads and writes; any thread closes."""

    def write(self, text: bytes) -> None:
        """Send one message; raises a ``ControlError`` when that cannot be done."""

    def read(self, seconds: float) -> bytes | None:
        """The next message, or None when none came in time; raises a ``ControlError`` when the connection is of no more use."""

    def close(self) -> None:
        """Hang up; whoever reads is woken. Twice is harmless."""


class Hooks(NamedTuple):
    """What a subscription tells beside its items.

    :ivar connected: called after each connection.
    :ivar disconnected: called with the reason, and the seconds until the next attempt.
    """

    connected: Callable[[], object] = lambda: None
    disconnected: Callable[[str, float], object] = lambda reason, delay: None


class Pacing(NamedTuple):
    """Time and chance.

    :ivar clock: seconds that only grow.
    :ivar chance: a number from 0 up to 1.
    :ivar pause: waits for the event, at most so many seconds.
    """

    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random
    pause: Callable[[threading.Event, float], object] = threading.Event.wait


class Subscription:
    """Events of the bus, as they come: an iterator of ``Event``, ``Gap`` and ``Dropped``, until :meth:`close`.

    The first connection is made when the first item is asked for, and what goes wrong with it is raised. From then on a lost
    connection is made again for ever, with backoff; netd then sends what was missed, and a ``Gap`` tells what is gone for good.
    Nothing is read ahead: who takes long over an item is told by a ``Dropped`` what that cost. Used by one thread, closed by any.

    :param connect: makes a connection; raises a ``ControlError`` when there is none to be had.
    :param timeout: seconds that netd may take to answer the subscription.
    """

    def __init__(
        self,
        stream: Stream,
        connect: Callable[[], MessagePort],
        timeout: float,
        *,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
        pacing: Pacing = Pacing(),  # noqa: B008 - likewise
    ) -> None:
        self._stream = stream
        self._open = connect
        self._timeout = timeout
        self._hooks = hooks
        self._pacing = pacing
        self._backoff = Backoff(pacing.chance)
        self._items: deque[Item] = deque()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._port: MessagePort | None = None
        self._was_connected = False
        self._connected_at = 0.0
        self._retry_at = pacing.clock()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed.is_set()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = None
        while item is None:
            item = self.take(FOR_EVER)
            if item is None and self._closed.is_set():
                raise StopIteration
        return item

    def take(self, seconds: float) -> Item | None:
        """The next item; None when none came within *seconds*, or this subscription is closed. Connecting may take longer.

        :raises RemoteError: when netd refuses the subscription, at any time.
        :raises ControlError: when there never was a connection, and none can be made.
        """
        until = self._pacing.clock() + seconds
        while not self._items and not self._closed.is_set():
            try:
                text = self._read(until)
                if text is None:
                    break
                self._receive(text)
            except ControlError as error:
                self._failed(error)
        return self._items.popleft() if self._items and not self._closed.is_set() else None

    def close(self) -> None:
        """End it, from any thread; iterating ends. During an attempt to connect, it ends with that."""
        self._closed.set()
        self._hang_up()

    def _read(self, until: float) -> bytes | None:
        """The next message, of a new connection where there is none; None when it is too late."""
        left = until - self._pacing.clock()
        port = self._port
        if port is None:
            delay = self._retry_at - self._pacing.clock()
            if delay > 0:
                self._pacing.pause(self._closed, min(delay, max(left, 0.0)))
                if delay > left or self._closed.is_set():
                    return None
            port = self._connect()
            if self._items:
                return None
            left = until - self._pacing.clock()
        return port.read(max(left, 0.0))

    def _connect(self) -> MessagePort:
        request = self._stream.open()
        port = self._open()
        with self._lock:
            self._port = port
        if self._closed.is_set():  # close() may have come too early to find this port
            port.close()
        port.write(request)
        until = self._pacing.clock() + self._timeout
        while not self._stream.is_live:
            text = port.read(max(until - self._pacing.clock(), 0.0))
            if text is None:
                raise ControlTimeout(f"netd did not answer bus.subscribe within {self._timeout:g} s")
            self._receive(text)
        self._was_connected = True
        self._connected_at = self._pacing.clock()
        self._hooks.connected()
        return port

    def _receive(self, text: bytes) -> None:
        item = self._stream.receive(text)
        if item is not None:
            self._items.append(item)

    def _failed(self, error: ControlError) -> None:
        """Go on after *error*, or raise it."""
        self._hang_up()
        if self._closed.is_set():
            return
        if isinstance(error, RemoteError) or not self._was_connected:
            raise error
        now = self._pacing.clock()
        delay = self._backoff.delay(now - self._connected_at if self._stream.is_live else 0.0)
        self._stream.is_live = False
        self._retry_at = now + delay
        self._hooks.disconnected(str(error), delay)

    def _hang_up(self) -> None:
        with self._lock:
            port, self._port = self._port, None
        if port is not None:
            port.close()

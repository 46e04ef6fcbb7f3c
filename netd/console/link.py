"""One console connection that stays open: it takes requests, and sends answers and notifications.

The control socket and the gateway's WebSockets are shells around this class. The class knows neither lines nor WebSocket frames:
its shell passes the function that frames a JSON text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from netd.connection.peer import Peer
from netd.console.dispatch import Dispatcher
from netd.console.jsonrpc import Request, notification, parse
from netd.operations import Caller
from netd.principal import Principal

__all__ = ["ANSWERS", "MOST_OPEN", "Backlog", "ConsoleLink", "Frame"]

MOST_OPEN = 64
"""Unanswered requests of one connection at which no further request is carried out, and reading stops."""

ANSWERS = 1 << 20
"""Bytes of unsent answers of one connection at which no further request is carried out."""

Frame = Callable[[bytes], bytes]
"""Frames a JSON text for a connection: as a line, or as a WebSocket message."""


class Backlog(Protocol):
    """A sender with events left to send over a link that is full: a cursor."""

    def forward(self) -> bool:
        """Send as much as fits now. Return False if something is left that has to wait for the connection."""


class ConsoleLink:
    """A :class:`netd.operations.CallerLink`.

    :param hold: stops reading from the connection (True), or goes on with it (False).
    :param frame: frames a JSON text. All connections of a kind pass the same function object: events for many of them are framed
        once for each function object.
    :param caller: the caller at the other end; the link becomes its ``link``.
    :ivar backlogs: the senders that wait for room on the connection, oldest first.
    """

    __slots__ = (
        "_dispatcher",
        "_hold",
        "_is_going",
        "_is_held",
        "_open",
        "_requested",
        "_when_lost",
        "backlogs",
        "caller",
        "frame",
        "peer",
    )

    def __init__(self, peer: Peer, hold: Callable[[bool], None], frame: Frame, dispatcher: Dispatcher, caller: Caller) -> None:
        self.peer = peer
        self._hold = hold
        self.frame = frame
        self.caller = caller
        self.backlogs: dict[Backlog, None] = {}
        self._dispatcher = dispatcher
        self._open = 0
        self._requested: list[tuple[list[Request], bool]] = []  # no deque: an empty deque takes more memory than all else here
        self._is_held = False
        self._is_going = False
        self._when_lost: dict[object, Callable[[], object]] = {}
        caller.link = self

    @property
    def principal(self) -> Principal:
        """The principal at the other end."""
        return self.peer.principal

    @property
    def is_full(self) -> bool:
        """Whether the connection takes nothing more at present."""
        return self.peer.is_full

    def prove(self, principal: Principal) -> None:
        """The caller has proved that it is *principal*."""
        self.peer.prove(principal)

    def receive(self, text: bytes) -> None:
        """A request or a batch has come. Carry it out now, or once there is room for its answer."""
        self._requested.append(parse(text))
        self._go_on()

    def notify(self, method: str, params: object) -> None:
        """Send the caller a notification."""
        self.peer.send(self.frame(notification(method, params)))

    def probe(self) -> None:
        """Find out whether the caller is still connected."""
        self.peer.probe()

    @property
    def reason(self) -> str | None:
        """Why the connection has ended; None if the caller closed it."""
        return self.peer.reason

    def silence(self) -> float:
        """Seconds since the last byte from the caller."""
        return self.peer.silence()

    def when_lost(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call *callback* when the connection is lost. The returned function takes the callback out again."""
        key = object()
        self._when_lost[key] = callback
        return partial(self._withdraw, key)

    def _withdraw(self, key: object) -> None:
        self._when_lost.pop(key, None)

    def drained(self) -> None:
        """All bytes that had to wait have been taken. Called by the connection's shell."""
        while self.backlogs and not self.peer.is_full:
            backlog = next(iter(self.backlogs))
            del self.backlogs[backlog]
            if not backlog.forward():
                self.backlogs[backlog] = None
        self._go_on()

    def lost(self) -> None:
        """The connection is lost. Called by its shell."""
        self.backlogs.clear()
        self._requested.clear()
        self.caller.link = None
        callbacks, self._when_lost = self._when_lost, {}
        for callback in callbacks.values():
            callback()

    def _go_on(self) -> None:
        if self._is_going:
            return
        self._is_going = True
        while self._requested and self._open < MOST_OPEN and self.peer.waiting <= ANSWERS:
            requests, is_batch = self._requested.pop(0)
            self._open += len(requests)
            self._dispatcher.carry_out(requests, is_batch, self.caller).addCallback(self._answer, len(requests))
        self._is_going = False
        is_held = self._open >= MOST_OPEN or bool(self._requested)
        if is_held is not self._is_held and self.peer.is_open:
            self._is_held = is_held
            self._hold(is_held)

    def _answer(self, answer: bytes | None, requests: int) -> None:
        self._open -= requests
        if answer is not None:
            self.peer.send(self.frame(answer))
        if not self._is_going:
            self._go_on()

"""One console connection that stays open: requests in, answers and notifications out, whatever carries them.

The control socket and the gateway's WebSockets are shells around this class. It knows neither lines nor frames: it is handed the
function that makes a JSON text into what the connection sends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from netd.console.dispatch import Dispatcher
from netd.console.jsonrpc import notification
from netd.operations import Caller
from netd.wire.peer import Peer

__all__ = ["BACKLOG", "MOST_OPEN", "Backlog", "ConsoleLink", "Frame"]

MOST_OPEN = 64
"""Requests of one connection that may be unanswered before it is not read from."""

BACKLOG = 1 << 20
"""Bytes of events that wait for one connection, at most, those of all its subscriptions together."""

Frame = Callable[[bytes], bytes]
"""Makes a JSON text into what a connection sends."""


class Backlog(Protocol):
    """What waits to be sent over a link that is full."""

    def forward(self) -> bool:
        """Send what fits now; False when something is left."""


class ConsoleLink:
    """A :class:`netd.operations.Link`.

    :param hold: stops the connection from reading (True), or lets it go on.
    :param frame: how the connection sends a JSON text; one function object for all connections of a kind, by which what is sent
        to many of them is shared.
    :param caller: who is at the other end; the link becomes its ``link``.
    :ivar backlogs: those that have something to send when there is room again, oldest first.
    :ivar backlogged: bytes that wait in them.
    """

    def __init__(self, peer: Peer, hold: Callable[[bool], None], frame: Frame, dispatcher: Dispatcher, caller: Caller) -> None:
        self.peer = peer
        self._hold = hold
        self.frame = frame
        self.caller = caller
        self.backlogged = 0
        self.backlogs: dict[Backlog, None] = {}
        self._dispatcher = dispatcher
        self._open = 0
        self._when_lost: dict[object, Callable[[], object]] = {}
        caller.link = self

    @property
    def is_full(self) -> bool:
        """Whether the caller takes nothing."""
        return self.peer.is_full

    def receive(self, text: bytes) -> None:
        """A request or a batch came."""
        self._open += 1
        self._dispatcher.handle(text, self.caller).addCallback(self._answer)
        if self._open >= MOST_OPEN:
            self._hold(True)

    def notify(self, method: str, params: object) -> None:
        """Tell the caller something."""
        self.peer.send(self.frame(notification(method, params)))

    def when_lost(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call *callback* when the connection is lost; what is returned takes that back."""
        key = object()
        self._when_lost[key] = callback

        def withdraw() -> None:
            self._when_lost.pop(key, None)

        return withdraw

    def drained(self) -> None:
        """All that was sent has been taken, after it had to wait. From the connection's shell."""
        while self.backlogs and not self.peer.is_full:
            backlog = next(iter(self.backlogs))
            del self.backlogs[backlog]
            if not backlog.forward():
                self.backlogs[backlog] = None

    def lost(self) -> None:
        """The connection is lost. From its shell."""
        self.backlogs.clear()
        callbacks, self._when_lost = self._when_lost, {}
        for callback in callbacks.values():
            callback()

    def _answer(self, answer: bytes | None) -> None:
        self._open -= 1
        if answer is not None:
            self.peer.send(self.frame(answer))
        if self.peer.is_open and self._open == MOST_OPEN - 1:
            self._hold(False)

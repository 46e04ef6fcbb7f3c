"""One connection of the control socket (console protocol)."""

from __future__ import annotations

from typing import ClassVar

from twisted.logger import LogLevel

from netd.console.dispatch import Dispatcher
from netd.console.jsonrpc import BadRequest, failure
from netd.operations import Role
from netd.wire.lines import LineDecoder, LineTooLong
from netd.wire.outbox import Bounds, Policy
from netd.wire.peer import PeerContext
from netd.wire.protocol import PeerFactory, PeerProtocol

__all__ = ["ControlFactory", "ControlProtocol"]

LINE_LIMIT = 1 << 20
"""Bytes in one request line, at most."""

MOST_OPEN = 64
"""Requests of one connection that may be unanswered before it is not read from."""


class ControlProtocol(PeerProtocol):
    """One caller. Whoever can open the socket file is the daemon's own user, and may do everything."""

    factory: ControlFactory
    leaving = LogLevel.debug  # each command of the command line is a connection of its own; what it asks for is logged
    bounds: ClassVar[Bounds] = Bounds(Policy.PAUSE, 1 << 20)

    def opened(self) -> None:
        """Nothing is asked yet."""
        self._lines = LineDecoder(LINE_LIMIT)
        self._open = 0

    def received(self, data: bytes) -> None:
        """Carry out the requests that are whole."""
        try:
            lines = self._lines.feed(data)
        except LineTooLong as error:
            self.refuse("line too long", str(error), data)
            self.peer.send(failure(None, BadRequest(str(error))) + b"\n")
            self.peer.close("line too long")
            return
        for line in lines:
            if line.strip():
                self._open += 1
                self.factory.dispatcher.handle(line, Role.ADMIN).addCallback(self._answer)
        self.peer.set_reading(self._open < MOST_OPEN)

    def _answer(self, answer: bytes | None) -> None:
        self._open -= 1
        if answer is not None:
            self.peer.send(answer + b"\n")
        if self.peer.is_open and self._open == MOST_OPEN - 1:
            self.peer.set_reading(True)


class ControlFactory(PeerFactory):
    """Builds the control socket's connections."""

    connection = ControlProtocol

    def __init__(self, name: str, context: PeerContext, dispatcher: Dispatcher) -> None:
        super().__init__(name, context)
        self.dispatcher = dispatcher

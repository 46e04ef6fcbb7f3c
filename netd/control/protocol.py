"""One connection of the control socket (console protocol)."""

from __future__ import annotations

from typing import ClassVar

from twisted.logger import LogLevel

from netd.codec.lines import LineDecoder, LineTooLong
from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.console.dispatch import Dispatcher
from netd.console.jsonrpc import BadRequest, failure
from netd.console.link import ConsoleLink
from netd.control.users import user_at
from netd.errors import TimedOut
from netd.operations import Caller
from netd.principal import Principal, Proof, Role

__all__ = ["ControlFactory", "ControlProtocol"]

LINE_LIMIT = 1 << 20
"""Bytes in one request line, at most."""


def _line(text: bytes) -> bytes:
    return text + b"\n"


class ControlProtocol(PeerProtocol):
    """One caller. Only the daemon's own user and root can open the socket file: they may do everything."""

    factory: ControlFactory
    machine = ("_link",)
    leaving = LogLevel.debug  # each command of the command line is a connection of its own; what it asks for is logged
    bounds: ClassVar[Bounds] = Bounds(Policy.PAUSE, 1 << 20)

    def opened(self) -> None:
        """Nothing is asked yet."""
        self.peer.prove(Principal(user_at(self.transport), Role.ADMIN, None, Proof.UNIX))
        self._lines = LineDecoder(LINE_LIMIT)
        self._link = ConsoleLink(self.peer, self._hold, _line, self.factory.dispatcher, Caller(self.peer, "control socket"))

    def received(self, data: bytes) -> None:
        """Carry out the requests that are whole."""
        try:
            lines = self._lines.feed(data)
            if not self.peer.keep(self._lines.unfinished, bool(lines)):
                raise TimedOut("a line of more than 1 KiB must come at 1 KiB a second at least")
        except (LineTooLong, TimedOut) as error:
            self.refuse(error.kind, str(error), data)
            self.peer.send(_line(failure(None, BadRequest(str(error)))))
            self.peer.close(error.kind)
            return
        for line in lines:
            if line.strip():
                self._link.receive(line)

    def drained(self) -> None:
        """Go on with what waited."""
        self._link.drained()

    def closed(self) -> None:
        """End what hangs on this connection."""
        self._link.lost()
        self._lines.finish()

    def _hold(self, held: bool) -> None:
        self.peer.set_reading(not held)


class ControlFactory(PeerFactory):
    """Builds the control socket's connections."""

    connection = ControlProtocol

    def __init__(self, name: str, context: PeerContext, dispatcher: Dispatcher) -> None:
        super().__init__(name, context)
        self.dispatcher = dispatcher

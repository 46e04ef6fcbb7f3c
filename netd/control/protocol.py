"""One connection of the control socket: lines in, answers and notifications out (console protocol)."""

from __future__ import annotations

from typing import ClassVar

from twisted.logger import LogLevel

from netd.access.users import user_at
from netd.codec.lines import LineDecoder, LineTooLong
from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.console.dispatch import Dispatcher
from netd.console.jsonrpc import BadRequest, failure
from netd.console.link import ConsoleLink
from netd.errors import TimedOut
from netd.operations import Caller
from netd.principal import Principal, Proof, Role

__all__ = ["ControlFactory", "ControlProtocol"]

LINE_LIMIT = 1 << 20
"""Bytes of a request line at most."""


def _line(text: bytes) -> bytes:
    return text + b"\n"


class ControlProtocol(PeerProtocol):
    """One caller. It may do everything, because only the daemon's own user and root can open the socket file."""

    factory: ControlFactory
    machine = ("_link",)
    leaving = LogLevel.debug  # each run of `netd` is a connection, and the operations that it calls are logged already
    bounds: ClassVar[Bounds] = Bounds(Policy.PAUSE, 1 << 20)

    def opened(self) -> None:
        """Note the user at the other end, and wait for requests."""
        self.peer.prove(Principal(user_at(self.transport), Role.ADMIN, None, Proof.UNIX))
        self._lines = LineDecoder(LINE_LIMIT)
        self._link = ConsoleLink(self.peer, self._hold, _line, self.factory.dispatcher, Caller(self.peer, "control socket"))

    def received(self, data: bytes) -> None:
        """Pass each whole line on as a request."""
        try:
            lines = self._lines.feed(data)
            if not self.peer.note_unfinished(self._lines.unfinished, bool(lines)):
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
        """Go on with requests that waited for the caller to read."""
        self._link.drained()

    def closed(self) -> None:
        """End the subscriptions, and whatever else belongs to this connection."""
        self._link.lost()
        self._lines.finish()

    def _hold(self, held: bool) -> None:
        self.peer.set_reading(not held)


class ControlFactory(PeerFactory):
    """Makes the connections of the control socket."""

    connection = ControlProtocol

    def __init__(self, name: str, context: PeerContext, dispatcher: Dispatcher) -> None:
        super().__init__(name, context)
        self.dispatcher = dispatcher

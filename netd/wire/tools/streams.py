"""The connections that ``netd learn`` records: a program's alone, and a program's with its own server behind it.

Bytes, half-closes and resets pass through as they come. A side that reads slowly holds the other up, as it would without netd
between them, so that nothing is buffered without bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.wire.recording import PROGRAM, SERVER
from netd.wire.tools.witness import PATIENCE, WireWitness

__all__ = ["LearnedFactory", "LearnedProgram", "LearnedThrough", "OldServer"]

MOST_CONNECTIONS = 100
"""Connections at a time."""

MOMENT = 0.2
"""Seconds after which a program is answered that is known to wait."""


class LearnedProgram(Protocol):
    """A program, or a device, that has netd alone to talk to.

    :param clock: tells seconds, and calls later.
    """

    transport: Any
    number: int

    def __init__(self, factory: LearnedFactory) -> None:
        self.factory: LearnedFactory = factory
        self._waiting: Any = None
        self._is_gone = False

    def connectionMade(self) -> None:
        self.factory.open += 1
        self.number = self.factory.witness.opened(self.factory.now(), self.factory.name_of(self.transport))
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self._wait()

    def dataReceived(self, data: bytes) -> None:
        self.factory.witness.said(self.factory.now(), self.number, data)
        self._wait()

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's own default
        self._is_gone = True
        self.factory.open -= 1
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        self.factory.witness.closed(self.factory.now(), self.number, self._closed_by())

    def _closed_by(self) -> bytes:
        return PROGRAM

    def _wait(self) -> None:
        """From now on, the program is silent."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        silence = MOMENT if self.factory.witness.answers_at_once(self.number) else PATIENCE
        self._waiting = self.factory.clock.callLater(silence, self._try)

    def _try(self) -> None:
        attempt = self.factory.witness.waits(self.factory.now(), self.number)
        if attempt is not None:
            self.transport.write(attempt)


@implementer(IHalfCloseableProtocol)
class LearnedThrough(LearnedProgram):
    """A program with its own server behind it.

    :param dial: connects to that server.
    """

    def __init__(self, factory: LearnedFactory, dial: Callable[[Factory], Deferred[Any]]) -> None:
        super().__init__(factory)
        self._dial = dial
        self._server: OldServer | None = None
        self._ended_first: bytes | None = None
        self._halves = 0
        self._held_up: list[Any] = []

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.pauseProducing()  # until its server is there
        self._dial(Factory.forProtocol(lambda: OldServer(self))).addCallbacks(self._connected, self._failed)

    def _wait(self) -> None:
        """Its own server answers it."""

    def _connected(self, server: OldServer) -> None:
        if self._is_gone:
            server.transport.abortConnection()
            return
        self._server = server
        server.transport.registerProducer(self.transport, True)
        self.transport.registerProducer(server.transport, True)
        self._held_up += [server.transport, self.transport]
        self.transport.resumeProducing()

    def _failed(self, failure: Failure) -> None:
        self.factory.tell_once(f"the old server cannot be reached: {failure.getErrorMessage()}; start it, or mend --through")
        self._ended_first = SERVER
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        assert self._server is not None, "it is not read before"
        self._server.transport.write(data)

    def heard(self, data: bytes) -> None:
        """Its server says *data*."""
        self.factory.witness.heard(self.factory.now(), self.number, data)
        self.transport.write(data)

    def readConnectionLost(self) -> None:
        """The program says no more, and may still listen."""
        assert self._server is not None, "it is not read before"
        self.half_closed(PROGRAM, self._server.transport)

    def writeConnectionLost(self) -> None:
        """What was passed on has ended."""

    def half_closed(self, side: bytes, other: Any) -> None:
        """One side says no more; tell the *other*. When both have said all, the connection ends."""
        self._ended_first = self._ended_first or side
        self._halves += 1
        self._hold_up_no_more(other)
        other.loseWriteConnection()
        if self._halves == 2 and self._server is not None:
            self._server.transport.loseConnection()
            self.transport.loseConnection()

    def broke(self, reason: Failure) -> None:
        """The connection to its server has ended."""
        self._end(SERVER, reason, self.transport)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's own default
        self._ended_first = self._ended_first or PROGRAM
        super().connectionLost(reason)
        if self._server is not None:
            self._end(PROGRAM, reason, self._server.transport)

    def _end(self, side: bytes, reason: Failure, other: Any) -> None:
        self._ended_first = self._ended_first or side
        self._hold_up_no_more(other)
        if reason.check(ConnectionDone):
            other.loseConnection()
        else:
            other.abortConnection()

    def _hold_up_no_more(self, transport: Any) -> None:
        """*transport* has nobody to hold up any more: nothing more comes."""
        if transport in self._held_up:
            self._held_up.remove(transport)
            transport.unregisterProducer()

    def _closed_by(self) -> bytes:
        return self._ended_first or PROGRAM


@implementer(IHalfCloseableProtocol)
class OldServer(Protocol):
    """The connection to a program's own server."""

    transport: Any

    def __init__(self, program: LearnedThrough) -> None:
        self._program = program

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self._program.heard(data)

    def readConnectionLost(self) -> None:
        """The server says no more, and may still listen."""
        self._program.half_closed(SERVER, self._program.transport)

    def writeConnectionLost(self) -> None:
        """What was passed on has ended."""

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's own default
        self._program.broke(reason)


class LearnedFactory(Factory):
    """Makes the connections of a program.

    :param tell: writes a line to a person.
    :param dial: connects to the program's own server; None if there is none.
    :ivar open: how many there are now.
    """

    noisy = False

    def __init__(
        self,
        clock: Any,
        witness: WireWitness,
        tell: Callable[[str], object],
        dial: Callable[[Factory], Deferred[Any]] | None = None,
    ) -> None:
        self.clock = clock
        self.witness = witness
        self._tell = tell
        self._told: set[str] = set()
        self.open = 0
        self._dial = dial
        self._start = clock.seconds()

    def now(self) -> float:
        """Seconds since the beginning of the recording."""
        return float(self.clock.seconds() - self._start)

    def tell_once(self, text: str) -> None:
        """Tell a person what would otherwise be told again for each connection."""
        if text not in self._told:
            self._told.add(text)
            self._tell(text)

    @staticmethod
    def name_of(transport: Any) -> str:
        """The address of a program as the transcript has it."""
        peer = transport.getPeer()
        return peer.path if hasattr(peer, "path") else f"{f'[{peer.host}]' if ':' in peer.host else peer.host}:{peer.port}"

    def buildProtocol(self, addr: object) -> Any:
        if self.open >= MOST_CONNECTIONS:
            self.tell_once(f"a connection was refused: {MOST_CONNECTIONS} are open")
            return None
        return LearnedProgram(self) if self._dial is None else LearnedThrough(self, self._dial)

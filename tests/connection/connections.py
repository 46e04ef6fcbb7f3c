"""Real sockets around hot ones, and a reactor that does only what a test tells it to."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from netd.connection.eager import EagerServer, HotSockets
from netd.connection.turn import Turn

__all__ = ["PATIENCE", "Listener", "Producer", "SocketTests", "StandInReactor", "fail"]

PATIENCE = 30.0
"""Seconds after which a real peer that should have spoken has failed."""


def fail(_: object) -> None:
    """A handler with a fault."""
    raise ZeroDivisionError("the test's own")


@implementer(IReactorFDSet)
class StandInReactor(Clock):
    """Knows what it was asked to watch, and watches nothing.

    :ivar readers: what it was asked to read.
    :ivar writers: what it was asked to write.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.writers: list[Any] = []

    def addReader(self, reader: Any) -> None:  # noqa: N802  # Twisted's name
        """Watch *reader*."""
        if reader not in self.readers:
            self.readers.append(reader)

    def addWriter(self, writer: Any) -> None:  # noqa: N802  # Twisted's name
        """Watch *writer*."""
        if writer not in self.writers:
            self.writers.append(writer)

    def removeReader(self, reader: Any) -> None:  # noqa: N802  # Twisted's name
        """Watch *reader* no more."""
        if reader in self.readers:
            self.readers.remove(reader)

    def removeWriter(self, writer: Any) -> None:  # noqa: N802  # Twisted's name
        """Watch *writer* no more."""
        if writer in self.writers:
            self.writers.remove(writer)

    def removeAll(self) -> list[Any]:  # noqa: N802  # Twisted's name
        """Watch nothing."""
        watched, self.readers, self.writers = [*self.readers, *self.writers], [], []
        return watched

    def getReaders(self) -> list[Any]:  # noqa: N802  # Twisted's name
        """What it was asked to read."""
        return self.readers

    def getWriters(self) -> list[Any]:  # noqa: N802  # Twisted's name
        """What it was asked to write."""
        return self.writers

    def work(self, selectable: Any, do: Callable[[], Any]) -> None:
        """Do what a reactor does with the outcome of a read or a write."""
        why = do()
        if why is not None:
            self.removeReader(selectable)
            self.removeWriter(selectable)
            selectable.connectionLost(Failure(why))


class Listener(Protocol):
    """Writes down what it gets, and does what a test wants then."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.lost: Failure | None = None
        self.on_data: Callable[[bytes], object] = lambda _: None

    def dataReceived(self, data: bytes) -> None:
        self.heard.append(data)
        self.on_data(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # the base class's default is not needed
        self.lost = reason


class Producer:
    """Writes down how it is paused and resumed."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class SocketTests(SynchronousTestCase):
    """What all the tests below start from."""

    def setUp(self) -> None:
        """A started set of hot sockets on a reactor that does nothing by itself."""
        self.reactor = StandInReactor()
        self.turn = Turn(self.reactor.callLater)
        self.hot = HotSockets(self.reactor, self.turn)
        self.hot.start()
        self.addCleanup(self.hot.stop)

    def serve(self, ours: socket.socket, peer: tuple[object, ...] = ("127.0.0.1", 50412)) -> tuple[EagerServer, Listener]:
        """The server's side of a connection over the socket *ours*."""
        listener = Listener()
        transport = EagerServer(self.hot, ours, listener, peer, None, 0, self.reactor)
        listener.makeConnection(transport)
        self.addCleanup(transport.connectionLost, Failure(ConnectionDone()))
        return transport, listener

    def connect(self) -> tuple[EagerServer, Listener, socket.socket]:
        """A connection: the server's side, and the peer's socket."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.settimeout(PATIENCE)
        self.addCleanup(theirs.close)
        return *self.serve(ours), theirs

    def connect_tcp(self) -> tuple[EagerServer, Listener, socket.socket]:
        """The same over TCP."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            theirs = socket.create_connection(server.getsockname(), PATIENCE)
            ours, address = server.accept()
        self.addCleanup(theirs.close)
        return *self.serve(ours, address), theirs

    def read_all(self, theirs: socket.socket, size: int, transport: EagerServer) -> bytes:
        """What the peer reads, while the server's side writes on when the reactor would let it."""
        received = b""
        while len(received) < size:
            received += theirs.recv(1 << 16)
            while transport in self.reactor.writers and select.select([], [transport], [], 0)[1]:
                self.reactor.work(transport, transport.doWrite)
        return received

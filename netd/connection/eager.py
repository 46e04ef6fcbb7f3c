"""TCP connections that are read in one tight loop and written at once.

Twisted's reactor pays some ten microseconds for each event, and two system calls for each write.  For many small messages that is
most of the cost.  :class:`HotSockets` is one reader to the reactor: an epoll set of its own, nested in the reactor's, whose ready
sockets it reads one after the other and whose turn (:class:`netd.connection.turn.Turn`) it then ends.  :class:`EagerServer` sends
what is written to it at once while nothing is buffered; everything else (partial writes, producers, closing) stays Twisted's.

Ends come first: of the sockets that are ready together, those whose peers have left are read to their end before the others.
So nobody who came later finds the name of one who has gone taken.

This module leans on ``tcp.Port.transport``, ``FileDescriptor.dataBuffer`` and ``_tempDataBuffer``; its tests pin them.
"""

from __future__ import annotations

import errno
import select
import socket
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet import tcp
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.connection.turn import Turn
from netd.connection.vigil import Signs, signs_of

__all__ = ["EagerServer", "HotSockets", "accept_waiting", "bound_accepts", "cut", "unsent_of"]

FIRST_READ = 1 << 12
"""Bytes asked for first: a small buffer is several times cheaper to get, and most reads fit."""

MORE = (1 << 16) - FIRST_READ
"""Bytes asked for when the first read came back full."""

ROUNDS = 32
"""Rounds before the reactor gets its turn."""

LONGEST = 0.01
"""Seconds of rounds after which the reactor gets its turn all the same."""

ACCEPTS = 16
"""Newcomers that one port accepts before the reactor gets its turn. Twisted begins with 100, and takes 20 more each time that
this was not enough: in a flood of newcomers, those that are there would wait for ever more of them."""

MOST_WAITING = 1 << 12
"""Connections that a port accepts before it is closed: the longest backlog that Linux grants."""

ROUND = 64
"""Sockets read in one round, whose output then leaves."""

LAST_READS = 16
"""Reads of what a peer that has left had still said, before others have their turn."""

FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ENOBUFS)
"""Errors of a send that will pass."""

if hasattr(select, "epoll"):
    WATCHED = select.EPOLLIN | select.EPOLLRDHUP
    """Events of a socket: it can be read, and its peer has left."""


@implementer(IReadDescriptor)
class HotSockets:
    """The sockets of one service, read in rounds.

    :param reactor: provides ``IReactorFDSet``.
    """

    _log = Logger()

    def __init__(self, reactor: Any, turn: Turn) -> None:
        self._reactor = reactor
        self._turn = turn
        self._transports: dict[int, EagerServer] = {}
        self._epoll: select.epoll | None = None

    @staticmethod
    def can_serve(reactor: object, port: object) -> bool:
        """Whether connections of *port* can be hot: plain TCP ones, an epoll, and a reactor that watches descriptors.

        A port of a unix socket is a ``tcp.Port`` too, and builds other transports.
        """
        is_plain = isinstance(port, tcp.Port) and port.transport is tcp.Server
        return hasattr(select, "epoll") and is_plain and IReactorFDSet.providedBy(reactor)

    def start(self) -> None:
        """Let the reactor watch the set, if it does not yet."""
        if self._epoll is None:
            self._epoll = select.epoll()
            self._reactor.addReader(self)

    def stop(self) -> None:
        """Leave the reactor. The sockets must be closed by now."""
        if self._epoll is not None:
            self._reactor.removeReader(self)
            self._epoll.close()
            self._epoll = None

    def adopt(self, port: tcp.Port) -> None:
        """Make the connections that *port* accepts from now on hot ones."""
        port.transport = partial(EagerServer, self)  # type: ignore[assignment]  # Port only ever calls it

    def add(self, transport: EagerServer) -> None:
        """Read from *transport*."""
        fd = transport.fileno()
        if self._epoll is not None and fd not in self._transports:
            self._transports[fd] = transport
            self._epoll.register(fd, WATCHED)

    def discard(self, transport: EagerServer) -> None:
        """Read no more from *transport*, if it was read here."""
        fd = transport.fileno()
        if self._transports.get(fd) is not transport:
            return
        del self._transports[fd]
        if self._epoll is not None:
            self._epoll.unregister(fd)

    # IReadDescriptor

    def fileno(self) -> int:
        """The epoll set's own descriptor."""
        return -1 if self._epoll is None else self._epoll.fileno()

    def logPrefix(self) -> str:
        """Name in log lines of the reactor."""
        return "HotSockets"

    def doRead(self) -> None:
        """Read every ready socket, round by round, and end the turn after each."""
        end = self._reactor.seconds() + LONGEST
        for _round in range(ROUNDS):
            ready = self._epoll.poll(0, ROUND) if self._epoll is not None else []
            if not ready:
                break
            self._turn.open()
            try:
                for fd in [fd for fd, events in ready if events != select.EPOLLIN]:
                    self._read_to_its_end(fd)
                for fd, events in ready:
                    transport = self._transports.get(fd)
                    if transport is not None and events == select.EPOLLIN:
                        self._read(transport)
            finally:
                self._turn.end()
            if self._reactor.seconds() >= end:
                break

    def end_those_who_left(self) -> None:
        """Read those whose peers have left to their end; the others are read in their own time.

        For whoever needs a place that one of them may still have. Never from what a connection was called for.
        """
        ended = [fd for fd, events in self._epoll.poll(0) if events != select.EPOLLIN] if self._epoll is not None else []
        if not ended:
            return
        self._turn.open()
        try:
            for fd in ended:
                self._read_to_its_end(fd)
        finally:
            self._turn.end()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor lets go of all its readers: so do we."""
        for transport in list(self._transports.values()):
            self._end(transport, reason)

    def _read_to_its_end(self, fd: int) -> None:
        """Read what came before the end, then the end, unless it is too much or reading is stopped over it.

        A protocol that closes its side over that (TLS does, at the peer's goodbye) has nobody to wait for.
        """
        transport = self._transports.get(fd)
        for _read in range(LAST_READS):
            if transport is None or self._transports.get(fd) is not transport:
                break
            self._read(transport)
        if transport is not None and transport.disconnecting and not unsent_of(transport):
            self._end(transport, Failure(CONNECTION_DONE))

    def _read(self, transport: EagerServer) -> None:
        try:
            received = transport.socket.recv(FIRST_READ)
            if len(received) == FIRST_READ:
                received += _more(transport)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            # Read once, the error is gone: the reactor would find a clean end.
            transport._note(error)
            self._end(transport, Failure(CONNECTION_LOST))
            return
        if not received:
            self.discard(transport)
            self._half_end(transport)
            return
        try:
            transport.protocol.dataReceived(received)
        except Exception:
            failure = Failure()
            self._log.failure("a connection's protocol failed", failure)
            self._end(transport, failure)

    def _half_end(self, transport: EagerServer) -> None:
        """The peer has closed its side. As the reactor does it: a protocol that takes half an end is told, others are closed."""
        try:
            transport.readConnectionLost(Failure(CONNECTION_DONE))
        except Exception:
            self._log.failure("a connection's protocol failed at its end")

    def _end(self, transport: EagerServer, reason: Failure) -> None:
        """Close *transport*. Its protocol may fail at that, too: the others are not to suffer."""
        try:
            transport.connectionLost(reason)
        except Exception:
            self._log.failure("a connection's protocol failed at its end")


def accept_waiting(port: tcp.Port) -> None:
    """Accept the connections that the operating system has made for *port*: they would be reset when it is closed."""
    waiting = select.poll()
    waiting.register(port.fileno(), select.POLLIN)
    for _ in range(MOST_WAITING // ACCEPTS):
        if not waiting.poll(0):
            break
        port.doRead()


def bound_accepts(port: tcp.Port) -> None:
    """Let *port* accept at most :data:`ACCEPTS` connections at a time."""
    accept = port.doRead

    def accept_some() -> None:
        port.numberAccepts = min(port.numberAccepts, ACCEPTS)
        accept()  # type: ignore[no-untyped-call]

    port.doRead = accept_some  # type: ignore[method-assign]


def unsent_of(transport: Any) -> int:
    """Bytes in the own buffer of *transport*, which the operating system has not taken yet; 0 where that cannot be told.

    TLS has none of its own: Twisted's wrappers answer with what waits in the transport below them.
    """
    buffered = len(getattr(transport, "dataBuffer", b"")) - getattr(transport, "offset", 0)
    unsent: int = buffered + getattr(transport, "_tempDataLen", 0)
    return unsent


def cut(transport: Any) -> None:
    """Reset the connection of *transport*, and free its descriptor before this returns; what waits on it is lost.

    From outside of it, never from what its own protocol was called for.
    """
    below = transport
    while isinstance(below, ProtocolWrapper):  # TLS, and what reads a proxy's header
        below = below.transport
    transport.abortConnection()
    if isinstance(below, tcp.Connection):
        below.connectionLost(Failure(ConnectionAborted()))  # which abortConnection leaves for the next turn


def _more(transport: EagerServer) -> bytes:
    try:
        return transport.socket.recv(MORE)
    except OSError:
        return b""


class EagerServer(tcp.Server):
    """A server-side TCP connection that is read by :class:`HotSockets`, and sends at once while nothing is buffered.

    Its producer is paused as soon as the operating system leaves one byte, and resumed when all is taken: so "not paused" means
    that everything written has been handed over.

    :ivar errno: the operating system's reason why the connection broke; 0 where it did not.
    :ivar last_signs: what was known of the peer at the end; None before.
    """

    errno = 0
    last_signs: Signs | None = None

    def __init__(self, hot: HotSockets, *args: Any) -> None:
        self._hot = hot
        super().__init__(*args)

    def startReading(self) -> None:
        """Be read in the rounds of the hot sockets."""
        self._hot.add(self)

    def stopReading(self) -> None:
        """Be read by nobody."""
        self._hot.discard(self)

    def write(self, data: bytes) -> None:
        """Send at once if nothing waits; buffer the rest the ordinary way."""
        if self.dataBuffer or self._tempDataBuffer or not self.connected:
            super().write(data)  # type: ignore[no-untyped-call]
            return
        try:
            sent = self.socket.send(data)
        except OSError as error:
            sent = 0  # full, or broken: then the reactor meets that again, and reports it
            self._note(error)
        if sent != len(data):
            self.keep(data[sent:])

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:  # noqa: N802 - Twisted's name
        """Send what fits; see :class:`twisted.internet.abstract.FileDescriptor`."""
        try:
            return self.socket.send(data)
        except OSError as error:
            return CONNECTION_LOST if self._note(error) else 0

    def connectionLost(self, reason: Failure) -> None:
        """Keep what the operating system knows of the peer, before the socket is closed."""
        if not self.disconnected:
            self.last_signs = signs_of(self)
            with suppress(OSError):
                self.errno = self.errno or self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        super().connectionLost(reason)

    def _note(self, error: OSError) -> bool:
        """Keep the reason why the connection broke, which the operating system tells once; False where it is only full."""
        if error.errno in FULL:
            return False
        self.errno = self.errno or error.errno or 0
        return True

    def keep(self, rest: bytes) -> None:
        """Buffer what the operating system did not take."""
        super().write(rest)  # type: ignore[no-untyped-call]
        if self._tempDataBuffer and self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            self.producer.pauseProducing()  # type: ignore[attr-defined]  # a streaming one has it

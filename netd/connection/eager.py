"""TCP connections that are read in one tight loop and written at once.

Twisted's reactor spends some ten microseconds on each event and two system calls on each write. With many small messages, that is
most of the cost. To the reactor, :class:`HotSockets` is a single reader: an epoll set of its own, nested in the reactor's. It
reads its ready sockets one after the other, then ends the turn (:mod:`netd.connection.turn`). :class:`EagerConnection` sends
at once what is written to it while nothing is buffered. Everything else (partial writes, producers, closing) stays Twisted's.

A thousand agents that send a few bytes each second would wake the reactor a thousand times a second, and that costs more than
reading the bytes does. A service whose peers wait for no answer may therefore rest: while it has many connections, and short
reads follow each other closely, a timer looks at the sockets in intervals, and the reactor does not watch them.

Closed connections come first: of the sockets that are ready together, those whose peers have left are read to their end before
the others. A device that reconnects would otherwise find its own name taken by the connection that it has just closed.

This module uses ``tcp.Port.transport``, ``FileDescriptor.dataBuffer`` and ``_tempDataBuffer``, of which the last two are private;
its tests notice when they change.
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

__all__ = ["EagerConnection", "EagerServer", "HotSockets", "accept_waiting", "bound_accepts", "cut", "unsent_of"]

FIRST_READ = 1 << 12
"""Bytes of a first read. ``recv`` allocates a buffer of the size that it is given: this one is several times cheaper than one of
64 KiB, and most reads fit into it."""

MORE = (1 << 16) - FIRST_READ
"""Bytes of the second read, made when the first one came back full."""

ROUNDS = 32
"""Rounds before the reactor runs again: its timers, and the connections that are not served here, wait for them."""

LONGEST = 0.01
"""Seconds of rounds after which the reactor runs again in any case."""

ACCEPTS = 16
"""Connections that one port accepts in one event of the reactor. Twisted begins with 100 and raises that by 20 whenever it was
not enough: in a flood, the connections that exist would wait for ever more newcomers."""

MANY = 64
"""The least number of connections with which a service rests. What a few of them send is worth being read at once."""

MOST_WAITING = 1 << 12
"""Connections that are accepted from a port before it is closed: the longest backlog that Linux grants."""

ROUND = 64
"""Sockets read in one round. Their output leaves at its end, so a greater number would delay it."""

LAST_READS = 16
"""Reads of a connection whose peer has left, before other connections are read."""

NAMELESS = "a connection of netd's"
"""The name of each connection in log lines of Twisted's. Twisted makes two texts for each, which use 150 bytes; netd's own lines
name connections by their addresses."""

FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ENOBUFS)
"""Errors of a send that will pass."""

if hasattr(select, "epoll"):
    WATCHED = select.EPOLLIN | select.EPOLLRDHUP
    """Events of a socket: it can be read, and its peer has left."""


@implementer(IReadDescriptor)
class HotSockets:
    """The sockets of one service, which are read in rounds.

    :param reactor: provides ``IReactorFDSet`` and ``IReactorTime``.
    :param rest: seconds between two looks at many sockets while short reads follow each other more closely than that; 0 for none.
    """

    _log = Logger()

    def __init__(self, reactor: Any, turn: Turn, rest: float = 0.0) -> None:
        self._reactor = reactor
        self._turn = turn
        self._rest = rest
        self._resting: Any = None
        self._read_at = 0.0
        self._is_trickle = False  # all that came was read, and no read was long
        self._transports: dict[int, EagerConnection] = {}
        self._epoll: select.epoll | None = None

    @staticmethod
    def can_serve(reactor: object, port: object) -> bool:
        """Whether connections of *port* can be read here: plain TCP ones, with epoll, and a reactor that watches descriptors.

        The test of ``port.transport`` excludes unix sockets: their ports are ``tcp.Port`` too, but build other transports.
        """
        is_plain = isinstance(port, tcp.Port) and port.transport is tcp.Server
        return hasattr(select, "epoll") and is_plain and IReactorFDSet.providedBy(reactor)

    def start(self) -> None:
        """Have the reactor watch the epoll set. A second call does nothing."""
        if self._epoll is None:
            self._epoll = select.epoll()
            self._reactor.addReader(self)

    def stop(self) -> None:
        """Leave the reactor. The sockets must be closed by now."""
        if self._epoll is not None:
            if self._resting is not None:
                self._resting.cancel()
                self._resting = None
            self._reactor.removeReader(self)
            self._epoll.close()
            self._epoll = None

    def adopt(self, port: tcp.Port) -> None:
        """Read the connections that *port* accepts from now on here."""
        port.transport = partial(EagerServer, self)  # type: ignore[assignment]  # Port only ever calls it

    @staticmethod
    def has_adopted(port: object) -> bool:
        """Whether connections of *port* are hot ones."""
        return isinstance(port, tcp.Port) and isinstance(port.transport, partial)

    def add(self, transport: EagerConnection) -> None:
        """Read from *transport*."""
        fd = transport.fileno()
        if self._epoll is not None and fd not in self._transports:
            self._transports[fd] = transport
            self._epoll.register(fd, WATCHED)

    def discard(self, transport: EagerConnection) -> None:
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
        """Read every ready socket, and rest if the last read was a moment ago."""
        now = self._reactor.seconds()
        self._read_rounds(now + LONGEST)
        if now - self._read_at < self._rest and self._is_trickle and self._epoll is not None and len(self._transports) >= MANY:
            self._reactor.removeReader(self)
            self._resting = self._reactor.callLater(self._rest, self._look)
        self._read_at = now

    def _look(self) -> None:
        """Read what came during the rest, and rest again. If nothing came, or much, the reactor watches the sockets again."""
        self._resting = None
        self._read_at = self._reactor.seconds()
        has_read = self._read_rounds(self._read_at + LONGEST)
        if self._epoll is not None:
            if has_read and self._is_trickle:
                self._resting = self._reactor.callLater(self._rest, self._look)
            else:
                self._reactor.addReader(self)

    def _read_rounds(self, end: float) -> bool:
        """Read every ready socket until *end*, round by round, and end the turn after each. Return whether any was ready."""
        self._is_trickle = True
        for number in range(ROUNDS):
            ready = self._epoll.poll(0, ROUND) if self._epoll is not None else []
            if not ready:
                return number > 0
            self._turn.open()
            try:
                # Ends first, as the module's docstring says. Anything but EPOLLIN alone is one: EPOLLRDHUP, EPOLLHUP, EPOLLERR.
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
        self._is_trickle = False
        return True

    def end_those_who_left(self) -> None:
        """Read the connections whose peers have left to their end, and no others.

        For a newcomer that finds no place: one of them may still hold it. Must not be called from within a connection's own call.
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
        """End all connections: the reactor drops its readers when it stops."""
        for transport in list(self._transports.values()):
            self._end(transport, reason)

    def _read_to_its_end(self, fd: int) -> None:
        """Read what the peer sent before it left, then the end; not all of it if that is much, or if the protocol stops reading.

        A protocol that closes its side meanwhile is ended at once, because there is no peer to wait for. TLS does that when it
        reads the peer's closing alert.
        """
        transport = self._transports.get(fd)
        for _read in range(LAST_READS):
            if transport is None or self._transports.get(fd) is not transport:
                break
            self._read(transport)
        if transport is not None and transport.disconnecting and not unsent_of(transport):
            self._end(transport, Failure(CONNECTION_DONE))

    def _read(self, transport: EagerConnection) -> None:
        try:
            received = transport.socket.recv(FIRST_READ)
            if len(received) == FIRST_READ:
                self._is_trickle = False
                received += _more(transport)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            # The operating system reports an error once. Left to the reactor, the next read would find a clean end instead.
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

    def _half_end(self, transport: EagerConnection) -> None:
        """The peer has closed its side: as with the reactor, a protocol with ``IHalfCloseableProtocol`` is told, others end."""
        try:
            transport.readConnectionLost(Failure(CONNECTION_DONE))
        except Exception:
            self._log.failure("a connection's protocol failed at its end")

    def _end(self, transport: EagerConnection, reason: Failure) -> None:
        """End *transport*. An exception of its protocol is logged, and does not reach the other connections."""
        try:
            transport.connectionLost(reason)
        except Exception:
            self._log.failure("a connection's protocol failed at its end")


def accept_waiting(port: tcp.Port) -> None:
    """Accept what is in the backlog of *port*. Those clients believe that they are connected; closing the port resets them."""
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
    """Return the bytes in the buffer of *transport* that the operating system has not taken; 0 if that cannot be told.

    Twisted's wrappers pass the attributes of the transport below them on. TLS has bytes of its own, too: those that were written
    before the end of the handshake.
    """
    buffered = len(getattr(transport, "dataBuffer", b"")) - getattr(transport, "offset", 0)
    buffered += sum(map(len, getattr(transport, "_appSendBuffer", ())))
    unsent: int = buffered + getattr(transport, "_tempDataLen", 0)
    return unsent


def cut(transport: Any) -> None:
    """Reset the connection of *transport* and free its descriptor before this returns. What waits to be sent is lost.

    Must not be called from within the connection's own protocol, which would be told its end in the middle of a call.
    """
    below = transport
    while isinstance(below, ProtocolWrapper):  # TLS, and what reads a proxy's header
        below = below.transport
    transport.abortConnection()
    if isinstance(below, tcp.Connection):
        below.connectionLost(Failure(ConnectionAborted()))  # which abortConnection leaves for the next turn


def _more(transport: EagerConnection) -> bytes:
    try:
        return transport.socket.recv(MORE)
    except OSError:
        return b""


class EagerConnection(tcp.Connection):
    """A TCP connection that is read by :class:`HotSockets`, and sends at once while nothing is buffered.

    Its producer is paused as soon as the operating system does not take a byte, and resumed when it has taken all. So a producer
    that is not paused knows that everything it has written was handed over; outboxes rely on that (``is_flushed``).

    :ivar errno: the operating system's reason why the connection broke, or 0.
    :ivar last_signs: what was known of the peer at the end; None before.
    """

    errno = 0
    last_signs: Signs | None = None
    _hot: HotSockets

    def startReading(self) -> None:
        """Have the hot sockets read this connection."""
        self._hot.add(self)

    def stopReading(self) -> None:
        """Take this connection out of the hot sockets."""
        self._hot.discard(self)

    def write(self, data: bytes) -> None:
        """Send at once if nothing is buffered; buffer what the operating system does not take as Twisted does.

        Twisted itself would only append to its buffer here, and send in the next turn: one more poll and one more event.
        """
        if self.dataBuffer or self._tempDataBuffer or not self.connected:
            super().write(data)  # type: ignore[no-untyped-call]
            return
        try:
            sent = self.socket.send(data)
        except OSError as error:
            sent = 0  # its buffer is full, or the connection is broken: the reactor then meets the error, too, and reports it
            self._note(error)
        if sent != len(data):
            self.buffer(data[sent:])

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:  # noqa: N802 - Twisted's name
        """Send what fits; see :class:`twisted.internet.abstract.FileDescriptor`."""
        try:
            return self.socket.send(data)
        except OSError as error:
            return CONNECTION_LOST if self._note(error) else 0

    def connectionLost(self, reason: Failure) -> None:
        """Note what the operating system knows of the peer: after the close, it can no longer be asked."""
        if self.connected and not self.disconnected:
            self.last_signs = signs_of(self)
            with suppress(OSError):
                self.errno = self.errno or self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        super().connectionLost(reason)

    def _note(self, error: OSError) -> bool:
        """Note why the connection broke, which the operating system tells only once; False if its buffer is merely full."""
        if error.errno in FULL:
            return False
        self.errno = self.errno or error.errno or 0
        return True

    def buffer(self, rest: bytes) -> None:
        """Buffer what the operating system did not take."""
        super().write(rest)  # type: ignore[no-untyped-call]
        if self._tempDataBuffer and self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            self.producer.pauseProducing()  # type: ignore[attr-defined]  # a streaming one has it


class EagerServer(EagerConnection, tcp.Server):
    """The server's side of an eager connection."""

    def __init__(self, hot: HotSockets, *args: Any) -> None:
        self._hot = hot
        super().__init__(*args)
        self.logstr = self.repstr = NAMELESS

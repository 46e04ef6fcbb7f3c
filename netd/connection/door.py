"""The door: connections that send one line are answered and closed before a transport is made for them.

For a program that connects anew for each command, building a transport and a protocol is most of the cost. :class:`QuickDoor`
accepts for its ports, reads a newcomer's first bytes and asks the service for the answer. A newcomer that does not send exactly
one whole line, or whose line cannot be answered at once, becomes an ordinary connection. The ordinary way is the reference: a
service gives the same answer on both.

A newcomer stays at the door for a short time only. One that sends nothing becomes an ordinary connection, with the time limits of
one, after at most two :data:`SWEEP`; the oldest one does when more than :data:`MOST` are there.

The answer and the FIN leave in one packet (``MSG_MORE``, then ``shutdown``), and the socket is closed at once, because nothing is
left to be read. A program that sends more after its line, against the protocol, may therefore be reset behind the answer, where
the ordinary way would discard that input for a moment first.

While many newcomers are answered, the operating system hands over connections only once they have sent something
(``TCP_DEFER_ACCEPT``): each takes one event then instead of two. A newcomer that sends nothing is seen up to :data:`DEFERRAL`
seconds later, so the option is set only while it pays. Silent newcomers cannot fill the backlog, because the operating system's
defence against SYN floods (SYN cookies) lets others through.

This module uses ``socket._accept``, which makes no Python object of the descriptor; its tests notice when it changes.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import tcp
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.connection.budget import Occupant, Place, Refusal
from netd.connection.protocol import PeerProtocol
from netd.connection.stranger import Tongue, tongue_of
from netd.connection.turn import Turn

__all__ = ["QuickDoor", "QuickFactory"]

AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0) | getattr(socket, "MSG_MORE", 0)
"""Flags for sending an answer. Systems that lack them lack epoll, too, and have no door: there the module is only imported."""

FIRST_READ = 1 << 13
"""Bytes of a first read. A longer line goes the ordinary way."""

BATCH = 64
"""Connections accepted from one port, and events handled, in one round."""

ROUNDS = 8
"""Rounds before the reactor runs again."""

LONGEST = 0.01
"""Seconds of rounds after which the reactor runs again in any case."""

SWEEP = 0.1
"""Seconds between two looks at the newcomers that have sent nothing."""

RESET = struct.pack("ii", 1, 0)
"""``SO_LINGER`` on, with a time of 0: closing the socket resets the connection."""

MOST = 1024
"""Newcomers at the door at most."""

MANY = 50
"""Newcomers answered within one :data:`SWEEP` above which ``TCP_DEFER_ACCEPT`` pays."""

DEFERRAL = 1
"""Seconds for which the operating system keeps back a newcomer that sends nothing."""


class QuickFactory(Protocol):
    """A service's factory, as the door sees it."""

    def make(self) -> PeerProtocol:
        """Make a connection without asking the budget for a place."""

    def admit(self, address: Any, occupant: Occupant | None) -> Place | None:
        """Return a place for a newcomer, or None when there are too many connections."""

    def is_barred(self, host: str) -> bool:
        """Return True if nothing that a connection from *host* can say will admit it."""

    def buildProtocol(self, addr: Any) -> Any:
        """Make a connection that has received nothing yet."""

    def answer_at_once(self, line: bytes, address: tuple[Any, ...]) -> bytes | PeerProtocol:
        """Return the whole answer to *line*, or a connection that goes on with it because the answer is not there yet."""


class _Newcomer:
    """An accepted socket, which may become an ordinary connection.

    :ivar is_swept: whether it was here at the last sweep: the next one makes it an ordinary connection.
    :ivar place: its place in the daemon's budget while it is at the door. A newcomer that is answered at once never has one.
    :ivar transport: the transport of the ordinary connection that it has become, or None.
    """

    __slots__ = ("_part", "address", "is_swept", "place", "port", "socket", "transport")

    def __init__(
        self,
        connection: socket.SocketType,
        address: tuple[Any, ...],
        port: tcp.Port,
        part: Callable[[_Newcomer], None],
    ) -> None:
        self._part = part
        self.place: Place | None = None
        self.socket = connection
        self.address = address
        self.port = port
        self.is_swept = False
        self.transport: Any = None

    def make_room(self, refusal: Refusal, is_at_once: bool) -> None:
        """See :class:`netd.connection.budget.Occupant`."""
        self.reset()

    def reset(self) -> None:
        """Reset the connection. An orderly close would leave a TIME_WAIT entry on this side for each of a flood."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._part(self)


@implementer(IReadDescriptor)
class QuickDoor:
    """Accepts, and answers, for some ports of one service.

    :param reactor: provides ``IReactorFDSet`` and ``IReactorTime``.
    """

    _log = Logger()

    def __init__(self, reactor: Any, turn: Turn, factory: QuickFactory) -> None:
        self._reactor = reactor
        self._turn = turn
        self._factory = factory
        self._ports: dict[int, tcp.Port] = {}
        self._newcomers: dict[int, _Newcomer] = {}
        self._epoll: select.epoll | None = None
        self._sweeping: Any = None
        self._answered = 0
        self._is_deferring = False

    def open(self, port: tcp.Port) -> None:
        """Accept for *port* from now on. It must be a plain TCP port: see :meth:`netd.connection.eager.HotSockets.can_serve`."""
        if self._epoll is None:
            self._epoll = select.epoll()
            self._reactor.addReader(self)
        port.stopReading()
        self._ports[port.fileno()] = port
        self._epoll.register(port.fileno(), select.EPOLLIN)

    def leave(self, port: tcp.Port) -> None:
        """Accept no more for *port*, if it is served here. Its newcomers stay at the door."""
        if self._epoll is not None and self._ports.get(port.fileno()) is port:
            del self._ports[port.fileno()]
            self._epoll.unregister(port.fileno())

    def close(self) -> None:
        """Accept no more, and make the newcomers at the door ordinary connections."""
        if self._epoll is None:
            return
        self.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self._reactor.removeReader(self)
        self._epoll.close()
        self._epoll = None
        self._ports.clear()

    def clear(self) -> None:
        """Make the newcomers at the door ordinary connections."""
        for newcomer in list(self._newcomers.values()):
            self._send_on(newcomer)

    # IReadDescriptor

    def fileno(self) -> int:
        """The epoll set's own descriptor."""
        return -1 if self._epoll is None else self._epoll.fileno()

    def logPrefix(self) -> str:
        """Name in log lines of the reactor."""
        return "QuickDoor"

    def doRead(self) -> None:
        """Accept and answer in rounds, and end the turn after each."""
        end = self._reactor.seconds() + LONGEST
        for _round in range(ROUNDS):
            ready = self._epoll.poll(0, BATCH) if self._epoll is not None else []
            if not ready:
                break
            self._turn.open()
            try:
                for fd, _events in ready:
                    self._ready(fd)
            finally:
                self._turn.end()
            if self._reactor.seconds() >= end:
                break

    def connectionLost(self, reason: Failure) -> None:
        """Drop the newcomers: the reactor has dropped this reader. Ports that are still open accept by themselves again."""
        for newcomer in list(self._newcomers.values()):
            self._part(newcomer)
        ports = list(self._ports.values())
        self.close()
        for port in ports:
            if port.connected:
                port.startReading()

    def _ready(self, fd: int) -> None:
        newcomer = self._newcomers.get(fd)
        if newcomer is not None:
            self._read(newcomer)
        elif fd in self._ports:
            self._accept(self._ports[fd])

    def _accept(self, port: tcp.Port) -> None:
        if self._sweeping is None:
            self._sweeping = self._reactor.callLater(SWEEP, self._sweep)
        listener: Any = port.socket
        family, accept = port.addressFamily, listener._accept
        for _ in range(BATCH):
            try:
                fd, address = accept()
            except BlockingIOError:
                return
            except OSError:
                port.doRead()  # out of descriptors, for example: Twisted's own accept waits, and logs it
                return
            newcomer = _Newcomer(socket.SocketType(family, socket.SOCK_STREAM, 0, fd), address, port, self._part)
            if self._factory.is_barred(address[0]):
                self._send_on(newcomer)  # the ordinary way refuses it, and reads nothing of it
            else:
                self._read(newcomer)

    def _read(self, newcomer: _Newcomer) -> None:
        try:
            try:
                received = newcomer.socket.recv(FIRST_READ, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait_for(newcomer)
                return
            except OSError:
                received = b""  # the ordinary way meets the same error, and reports it
            # One whole line: the first newline is the last byte. A request or a TLS hello is refused on the ordinary way.
            if received.find(b"\n") == len(received) - 1 and received and tongue_of(received) is Tongue.OURS:
                self._answer(newcomer, received)
            else:
                self._send_on(newcomer, received)
        except Exception:
            self._drop(newcomer)

    def _answer(self, newcomer: _Newcomer, line: bytes) -> None:
        answer = self._factory.answer_at_once(line, newcomer.address)
        if not isinstance(answer, bytes):
            self._attach(newcomer, answer)
            return
        self._answered += 1
        try:
            sent = newcomer.socket.send(answer, AT_ONCE)
            if sent == len(answer):
                newcomer.socket.shutdown(socket.SHUT_WR)
        except OSError:
            sent = len(answer)  # the newcomer has gone, and nothing is left to be done for it
        if sent == len(answer):
            self._part(newcomer)
            return
        connection: PeerProtocol = self._factory.make()
        self._attach(newcomer, connection)
        connection.peer.send(answer[sent:])
        connection.peer.close("answered")

    def _wait_for(self, newcomer: _Newcomer) -> None:
        assert self._epoll is not None
        fd = newcomer.socket.fileno()
        if fd in self._newcomers:
            return
        newcomer.place = self._factory.admit(_address_of(newcomer), newcomer)
        if newcomer.place is None:
            newcomer.reset()
            return
        self._newcomers[fd] = newcomer
        self._epoll.register(fd, select.EPOLLIN)
        if len(self._newcomers) > MOST:
            self._send_on(next(iter(self._newcomers.values())))

    def _sweep(self) -> None:
        """Make newcomers of the sweep before ordinary connections, and decide on ``TCP_DEFER_ACCEPT``; repeat while needed."""
        self._sweeping = None
        for newcomer in list(self._newcomers.values()):
            if newcomer.is_swept:
                self._send_on(newcomer)
            newcomer.is_swept = True
        self._defer(self._answered >= MANY)
        self._answered = 0
        if self._newcomers or self._is_deferring:
            self._sweeping = self._reactor.callLater(SWEEP, self._sweep)

    def _defer(self, wanted: bool) -> None:
        """Set or clear ``TCP_DEFER_ACCEPT`` on all ports."""
        if wanted is not self._is_deferring:
            self._is_deferring = wanted
            for port in self._ports.values():
                port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFERRAL if wanted else 0)

    def _forget(self, newcomer: _Newcomer) -> None:
        if newcomer.place is not None:
            newcomer.place.leave()
        fd = newcomer.socket.fileno()
        if self._newcomers.get(fd) is newcomer:
            del self._newcomers[fd]
            if self._epoll is not None:
                self._epoll.unregister(fd)

    def _part(self, newcomer: _Newcomer) -> None:
        if newcomer.place is not None:
            newcomer.place.leave()
        self._newcomers.pop(newcomer.socket.fileno(), None)
        newcomer.socket.close()  # which removes it from the epoll set, too

    def _drop(self, newcomer: _Newcomer) -> None:
        """Log the exception that is being handled, and end this newcomer. The others go on."""
        failure = Failure()
        self._log.failure("a newcomer could not be answered", failure)
        self._part(newcomer)
        if newcomer.transport is not None:
            try:
                newcomer.transport.connectionLost(failure)
            except Exception:
                self._log.failure("a newcomer's protocol failed at its end")

    def _send_on(self, newcomer: _Newcomer, received: bytes = b"") -> None:
        """Make *newcomer* an ordinary connection that has received *received* so far."""
        if newcomer.socket.fileno() < 0:
            return  # it was displaced by the budget a moment ago
        try:
            self._forget(newcomer)
            connection: PeerProtocol = self._factory.buildProtocol(_address_of(newcomer))
            self._attach(newcomer, connection)
            if received:
                connection.dataReceived(received)
        except Exception:
            self._drop(newcomer)

    def _attach(self, newcomer: _Newcomer, connection: PeerProtocol) -> None:
        self._forget(newcomer)
        port = newcomer.port
        build: Callable[..., Any] = port.transport
        whole = socket.socket(fileno=newcomer.socket.detach())  # socket.SocketType lacks methods that transports use
        newcomer.transport = transport = build(whole, connection, newcomer.address, port, port.sessionno, self._reactor)
        port.sessionno += 1
        connection.makeConnection(transport)  # type: ignore[no-untyped-call]


def _address_of(newcomer: _Newcomer) -> Any:
    return newcomer.port._buildAddr(newcomer.address)

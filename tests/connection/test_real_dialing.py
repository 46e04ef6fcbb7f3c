"""A connection that is kept up over real sockets: a name, TLS, and a remote that goes and comes back."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.trial.unittest import TestCase

from netd.config.remotes import check_remote
from netd.connection.bounds import Bounds, Policy
from netd.connection.dialer import Dialer
from netd.connection.dialing import DialFailed, DialledFactory, DialledProtocol
from netd.connection.eager import EagerConnection, HotSockets
from netd.connection.eager_client import EagerReactor
from netd.connection.ending import end_connections
from netd.connection.remotes import Remote
from netd.listening import make_context
from tests.tls import Authority, write_private

SECONDS = 20
"""What each step may take."""


class Caller(DialledProtocol):
    """Says hello, and tells what it hears."""

    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 1 << 10)
    factory: CallerFactory

    def opened(self) -> None:
        self.peer.send(b"hello")

    def received(self, data: bytes) -> None:
        self.factory.heard.callback((data, self))


class CallerFactory(DialledFactory):
    """Its connections tell the newest :attr:`heard`."""

    connection = Caller
    heard: Deferred[Any]


class Rules:
    """Short waits."""

    dial_timeout = 10.0
    reconnect_delay = 0.02
    max_reconnect_delay = 0.1


class Echo(Protocol):
    """Says everything back."""

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)


class DialerTests(TestCase):
    timeout = 3 * SECONDS
    reactor: Any = real_reactor

    def setUp(self) -> None:
        authority = Authority()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        write_private(self.folder / "ca.pem", authority.pem)
        self.certificate = PrivateCertificate.loadPEM(b"".join(authority.issue("localhost")))
        self.factory = CallerFactory("caller", make_context(self.reactor, 8.0))

    def listen(self, port: int = 0) -> Deferred[IListeningPort]:
        """A remote behind TLS."""
        endpoint = SSL4ServerEndpoint(self.reactor, port, self.certificate.options(), interface="127.0.0.1")
        listening: Deferred[IListeningPort] = endpoint.listen(Factory.forProtocol(Echo))
        return listening

    def hear(self) -> Deferred[Any]:
        """What is heard next, and the connection."""
        self.factory.heard = Deferred()
        return self.factory.heard.addTimeout(SECONDS, self.reactor)

    @inlineCallbacks
    def test_eager(self) -> Any:
        """A plain connection is read and written as fast as an accepted one, and its end is told from a reset."""
        with socket.create_server(("127.0.0.1", 0)) as remote:
            hot = HotSockets(self.reactor, self.factory.context.turn)
            hot.start()
            endpoint = Remote(f"tcp:127.0.0.1:{remote.getsockname()[1]}", EagerReactor(self.reactor, hot), 10.0)
            connection = yield self.factory.dial(endpoint, self.factory.make(), 10.0)
            theirs, _ = remote.accept()
        self.assertIsInstance(connection.transport, EagerConnection)
        ended: Deferred[str] = Deferred()
        connection.on_lost = lambda _, why: ended.callback(why)
        heard = self.hear()
        with theirs:
            theirs.sendall(b"hello to you")
            self.assertEqual((yield heard)[0], b"hello to you")
            self.assertTrue(connection.peer.is_flushed)
            self.assertEqual(theirs.recv(16), b"hello")
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        why = yield ended.addTimeout(SECONDS, self.reactor)
        self.assertEqual(why, "reset by the peer")
        hot.stop()

    @inlineCallbacks
    def test_given_up(self) -> Any:
        """An attempt that is given up while it is being made leaves nothing with the reactor."""
        hot = HotSockets(self.reactor, self.factory.context.turn)
        hot.start()
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first, socket.socket() as second:
            for taker in (first, second):  # a full backlog: the next one is neither accepted nor refused
                taker.setblocking(False)
                taker.connect_ex(full.getsockname())
            endpoint = Remote(f"tcp:127.0.0.1:{full.getsockname()[1]}", EagerReactor(self.reactor, hot), 10.0)
            dialling = self.factory.dial(endpoint, self.factory.make(), 0.1)
            error = yield self.assertFailure(dialling, DialFailed)
        self.assertEqual(str(error), "no answer within 0.1 s")
        hot.stop()
        self.assertEqual([reader for reader in self.reactor.getReaders() if isinstance(reader, EagerConnection)], [])

    @inlineCallbacks
    def test_comes_back(self) -> Any:
        """A remote is reached by its name behind TLS; it goes away, and is reached again when it is back."""
        listening = yield self.listen()
        number = listening.getHost().port
        description = f"tls:localhost:{number}:trustRoots={self.folder / 'ca.pem'}"
        check_remote(description)
        hot = HotSockets(self.reactor, self.factory.context.turn)
        hot.start()
        remote = Remote(description, EagerReactor(self.reactor, hot), 10.0)
        dialer = Dialer(self.factory, remote, description, Rules(), lambda: 0.5)
        heard = self.hear()
        dialer.start()
        said, connection = yield heard
        self.assertEqual(said, b"hello")
        yield listening.stopListening()
        lost: Deferred[None] = Deferred()
        self.factory.on_lost = lambda: lost.callback(None)
        connection.transport.abortConnection()
        yield lost.addTimeout(SECONDS, self.reactor)
        self.factory.on_lost = None
        while self.factory.dials["refused"] < 2:
            pause: Deferred[None] = Deferred()
            self.reactor.callLater(0.02, pause.callback, None)
            yield pause
        heard = self.hear()
        listening = yield self.listen(number)
        self.assertEqual((yield heard)[0], b"hello")
        dialer.pause()
        yield end_connections(self.factory, 5.0)
        yield listening.stopListening()
        hot.stop()
        self.assertEqual(self.factory.dials["connected"], 2)

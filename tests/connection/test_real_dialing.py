"""A connection that is kept up over real sockets: a name, TLS, and a remote that goes and comes back."""

from __future__ import annotations

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
from netd.connection.dialing import DialledFactory, DialledProtocol
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
    def test_comes_back(self) -> Any:
        """A remote is reached by its name behind TLS; it goes away, and is reached again when it is back."""
        listening = yield self.listen()
        number = listening.getHost().port
        description = f"tls:localhost:{number}:trustRoots={self.folder / 'ca.pem'}"
        check_remote(description)
        dialer = Dialer(self.factory, Remote(description, self.reactor, 10.0), description, Rules(), lambda: 0.5)
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
        self.assertEqual(self.factory.dials["connected"], 2)

"""One attempt to reach a remote: what comes of it, in time and in words. No network."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import Any, ClassVar

from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    DNSLookupError,
    TCPTimedOutError,
)
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as TookTooLong
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.bounds import Bounds, Policy
from netd.connection.budget import Budget, Quota
from netd.connection.dialing import DialFailed, DialledFactory, DialledProtocol
from netd.connection.remotes import Remote
from netd.listening import make_context
from netd.testing import FakeRemote, result_of
from tests.tls import Authority, Server, write_private


class TalkerProtocol(DialledProtocol):
    """Says hello, and writes down what happens to it."""

    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 100)

    def __init__(self, factory: DialledFactory) -> None:
        super().__init__(factory)
        self.events: list[str] = []

    def opened(self) -> None:
        self.events.append("opened")
        self.peer.send(b"hello")

    def received(self, data: bytes) -> None:
        self.events.append(f"received {data.decode()}")

    def expired(self) -> None:
        self.peer.close("silent")

    def closed(self) -> None:
        self.events.append("closed")


class TalkerFactory(DialledFactory):
    connection = TalkerProtocol


class AttemptTests(SynchronousTestCase):
    """A factory whose connections go to ``10.0.0.7:5025``."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.factory = TalkerFactory("talker", make_context(self.reactor, 8.0))
        self.endpoint: Any = TCP4ClientEndpoint(self.reactor, "10.0.0.7", 5025)
        self.remote = FakeRemote(self.reactor)

    def dial(self) -> tuple[Any, list[Any]]:
        """An attempt: its connection, and its outcome when there is one."""
        connection = self.factory.make()
        outcome: list[Any] = []
        self.factory.dial(self.endpoint, connection, 10.0).addBoth(outcome.append)
        return connection, outcome

    def failure(self, error: Exception) -> tuple[str, str]:
        """Result and advice of an attempt that fails with *error*."""
        _, outcome = self.dial()
        self.remote.refuse(error)
        failed: DialFailed = outcome[0].value
        return failed.result.value, failed.advice

    def test_made(self) -> None:
        """The connection is the outcome; it says and hears, and its end is logged as that of any other."""
        connection, outcome = self.dial()
        other_end = self.remote.accept()
        self.assertEqual(outcome, [connection])
        self.assertEqual(other_end.heard(), b"hello")
        other_end.say(b"42")
        self.reactor.advance(20)
        with capturedLogs() as events:
            other_end.lose()
        [line] = [formatEvent(event) for event in events if "bytes_in" in event]
        self.assertIn("talker: 10.0.0.7:5025 left after 20.0 s, 2 bytes in, 5 out", line)
        self.assertEqual(connection.events, ["opened", "received 42", "closed"])
        counters = self.factory.counters()
        self.assertEqual(counters, {"dials": {"connected": 1}, "bytes_in": 2, "bytes_out": 5, "refused": {}, "dropped": {}})
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_known_before_it_opens(self) -> None:
        """Whoever dialled has the connection by the time that it opens, and it has its peer."""

        class EagerProtocol(TalkerProtocol):
            def opened(self) -> None:
                known.append((list(outcome), self.peer.is_open))

        known: list[Any] = []
        outcome: list[Any] = []
        connection = EagerProtocol(self.factory)
        self.factory.dial(self.endpoint, connection, 10.0).addCallback(outcome.append)
        self.remote.accept()
        self.assertEqual(known, [([connection], True)])

    def test_reasons(self) -> None:
        """Each way to fail has its words, and a remedy where there is one."""
        for error, result, advice in (
            (Refused(), "refused", "Connection refused: start the program there, or correct the port"),
            (ConnectError(errno.EHOSTUNREACH), "unreachable", "No route to host: see whether this machine has a route to it"),
            (TCPTimedOutError(), "no answer", "no answer: see whether the machine is on, and whether a firewall is in between"),
            (TookTooLong(), "no answer", "no answer: see whether the machine is on"),
            (DNSLookupError("x"), "unknown name", "the name has no address: check the name, or write the address"),
            (ConnectError(errno.ENOENT), "failed", "No such file or directory"),
            (OSError(errno.ENOENT, "?"), "failed", "No such file or directory"),
            (ConnectError(), "failed", "An error occurred while connecting"),
            (ValueError("invalid hostname: x"), "failed", "invalid hostname: x"),
            (ValueError(), "failed", "ValueError"),
        ):
            self.assertEqual(self.failure(error)[0], result)
            self.assertTrue(self.failure(error)[1].startswith(advice), self.failure(error)[1])
        self.assertEqual(self.factory.dials["refused"], 3)

    def test_time(self) -> None:
        """An attempt that takes too long is given up, in words that say how long that was."""
        _, outcome = self.dial()
        self.reactor.advance(9.9)
        self.assertEqual((outcome, self.remote.is_called), ([], True))
        self.reactor.advance(0.1)
        self.assertEqual((str(outcome[0].value), self.remote.is_called), ("no answer within 10 s", False))
        self.assertEqual((dict(self.factory.dials), self.reactor.getDelayedCalls()), ({"no answer": 1}, []))

    def test_given_up(self) -> None:
        """An attempt can be given up, once; what becomes of its endpoint later means nothing."""
        outcome = self.factory.dial(self.endpoint, self.factory.make(), 10.0)
        outcome.cancel()
        self.assertEqual(str(self.assertRaises(DialFailed, result_of, outcome)), "given up")
        self.assertEqual((dict(self.factory.dials), self.remote.is_called), ({"given up": 1}, False))

    def test_endpoint_that_fails_at_once(self) -> None:
        """An endpoint that raises an error is a failed attempt as well."""
        self.endpoint = Remote("tls:b.lan:1:trustRoots=/absent/ca.pem", self.reactor, 10.0)
        _, outcome = self.dial()
        self.assertEqual(outcome[0].value.advice, "/absent/ca.pem cannot be read: No such file or directory")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_silent_remote(self) -> None:
        """A remote may be silent for ever, unless the service asks for an expiry."""
        connection, _ = self.dial()
        other_end = self.remote.accept()
        self.reactor.advance(10**6)
        self.assertFalse(other_end.is_closing)
        connection.peer.expire_after(5)
        self.reactor.advance(5)
        self.assertTrue(other_end.is_closing)

    def test_foreign_words(self) -> None:
        """A remote that says what a browser says is not turned away: netd itself has dialled it."""
        for words in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02"):
            _connection, _ = self.dial()
            other_end = self.remote.accept()
            other_end.heard()
            self.assertEqual((other_end.say(words), other_end.is_closing), (b"", False))

    def test_budget(self) -> None:
        """A dialled connection takes a place, also when there is none left, and never makes room for newcomers."""
        budget = Budget(self.reactor.seconds)
        budget.limit = 1
        self.factory.share = budget.share(Quota())
        self.dial()
        other_end = self.remote.accept()
        self.assertTrue(budget.is_full)
        self.assertEqual((len(budget.unidentified), other_end.is_closing), (0, False))
        other_end.lose()
        self.assertFalse(budget.is_full)


class SecuredTests(SynchronousTestCase):
    """Attempts to reach ``tls:broker.lan:8883``, whose authority is known."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.factory = TalkerFactory("talker", make_context(self.reactor, 8.0))
        self.authority = Authority()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        write_private(self.folder / "ca.pem", self.authority.pem)
        self.options = f"trustRoots={self.folder / 'ca.pem'}"

    def dial(self, *names: str, authority: Path | None = None) -> tuple[Any, list[Any], Server]:
        """An attempt to reach a server with a certificate for *names*: the connection, its outcome, and the server."""
        write_private(self.folder / "server.pem", *self.authority.issue(*names))
        connection = self.factory.make()
        outcome: list[Any] = []
        remote = Remote(f"tls:broker.lan:8883:{self.options}", self.reactor, 10.0)
        self.factory.dial(remote, connection, 10.0).addBoth(outcome.append)
        client = self.reactor.tcpClients[-1][2].buildProtocol(None)
        return connection, outcome, Server(client, self.folder / "server.pem", authority)

    def finish(self, server: Server) -> None:
        """Shake hands as far as that goes, then lose the connection."""
        with contextlib.suppress(SSL.Error):
            server.exchange()
        server._client.connectionLost(Failure(ConnectionDone()))

    def test_made(self) -> None:
        """The connection opens when the handshake is over, and not before; what follows is encrypted."""
        connection, outcome, server = self.dial("broker.lan")
        self.assertEqual((connection.events, outcome), ([], []))
        server.exchange()
        self.assertEqual((connection.events, outcome), (["opened"], [connection]))
        self.reactor.advance(0)
        server.exchange()
        self.assertEqual(server.heard, b"hello")
        server.say(b"42")
        self.assertEqual(connection.events[-1], "received 42")
        connection.peer.close("enough")
        self.reactor.advance(60)
        self.assertTrue(server.transport.disconnected)
        server._client.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_own_certificate(self) -> None:
        """A remote that asks for a certificate gets the one of the description, with its chain."""
        middle = Authority("middle", self.authority)
        key, certificate = middle.issue("netd")
        write_private(self.folder / "own.key", key)
        write_private(self.folder / "own.pem", certificate, middle.pem)
        self.options += f":certificate={self.folder / 'own.pem'}:privateKey={self.folder / 'own.key'}"
        connection, _, server = self.dial("broker.lan", authority=self.folder / "ca.pem")
        server.exchange()
        self.assertEqual(connection.events, ["opened"])

    def failure(self, server: Server, outcome: list[Any]) -> tuple[str, str, list[Any]]:
        """How an attempt fails, in words, and which timers it leaves."""
        self.finish(server)
        failed: DialFailed = outcome[0].value
        return failed.result.value, failed.advice, self.reactor.getDelayedCalls()

    def test_unknown_authority(self) -> None:
        """A certificate of an unknown authority is refused: nothing has been said by then, and the service hears of nothing."""
        self.authority = Authority("somebody else")
        connection, outcome, server = self.dial("broker.lan")
        why = "TLS: certificate verify failed: it has expired, or `trustRoots` lacks the certificate that it is signed with"
        self.assertEqual(self.failure(server, outcome), ("not trusted", why, []))
        self.assertEqual((connection.events, server.heard), ([], b""))

    def test_systems_authorities(self) -> None:
        """Without ``trustRoots``, those of the operating system count."""
        self.options = ""
        _, outcome, server = self.dial("broker.lan")
        self.assertEqual(self.failure(server, outcome)[0], "not trusted")

    def test_other_name(self) -> None:
        """A certificate for other names is refused."""
        _, outcome, server = self.dial("other.lan")
        why = "the certificate does not belong to this remote: the certificate is for other names: dial one of those"
        self.assertEqual(self.failure(server, outcome), ("not trusted", why, []))

    def test_no_tls(self) -> None:
        """A remote that does not speak TLS is told from one that is not trusted."""
        _, outcome, server = self.dial("broker.lan")
        server._client.dataReceived(b"220 mail.example ESMTP\r\n")
        self.assertIn("the remote does not speak TLS: write tcp: in place of tls:", self.failure(server, outcome)[1])

    def test_hangs_up(self) -> None:
        """A remote that hangs up in the middle of the handshake is told from one that is not there."""
        _, outcome, server = self.dial("broker.lan")
        server._client.connectionLost(Failure(ConnectionDone()))
        self.assertIn("closed the connection before the TLS handshake was over", outcome[0].value.advice)

    def test_slow_handshake(self) -> None:
        """The time limit covers the handshake."""
        _, outcome, server = self.dial("broker.lan")
        self.reactor.advance(10)
        self.assertEqual(str(outcome[0].value), "no answer within 10 s")
        self.assertTrue(server.transport.disconnected)
        self.finish(server)
        self.assertEqual((dict(self.factory.dials), self.reactor.getDelayedCalls()), ({"no answer": 1}, []))

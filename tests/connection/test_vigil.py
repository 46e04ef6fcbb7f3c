"""Who is still there, and how a connection ended, over sockets that say what a test lets them know."""

from __future__ import annotations

import errno
import socket
import struct
from types import SimpleNamespace
from typing import Any

from OpenSSL.SSL import Error
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from netd.connection import vigil
from netd.connection.vigil import Signs, Vigil, ask_for_signs, describe_end, signs_of, silence_of


class FakeSocket(socket.socket):
    """A socket whose operating system knows when its peer was heard last.

    :ivar heard: seconds since the last byte and since the last sign of life; None where that cannot be told.
    :ivar unanswered: probes that it has sent since then.
    """

    heard: tuple[float, float] | None = (0.0, 0.0)
    unanswered = 0

    def getsockopt(self, *asked: int) -> Any:
        """As ``TCP_INFO`` is."""
        if asked[:2] != (socket.IPPROTO_TCP, socket.TCP_INFO) or self.heard is None:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return struct.pack("3xB48xII", self.unanswered, *(int(seconds * 1000) for seconds in self.heard))


class FakeConnection:
    """A connection, and its transport in one.

    :ivar why: why it was cut, or None.
    """

    errno = 0
    last_signs: Signs | None = None

    def __init__(self, *heard: float) -> None:
        self.socket = FakeSocket()
        self.socket.heard = (heard[0], heard[1]) if heard else None
        self.socket.unanswered = 3 if heard and heard[1] > 10 else 0
        self.transport = self
        self.why: str | None = None

    def died(self, why: str) -> None:
        """Note it."""
        self.why = why


class NotingClock(Clock):
    """Notes for how long it is asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def callLater(self, delay: float, *what: Any) -> Any:  # noqa: N802 - Twisted's name
        """Note it, and do it."""
        self.waits.append(delay)
        return super().callLater(delay, *what)


class LivenessTests(SynchronousTestCase):
    def connection(self, *heard: float) -> FakeConnection:
        """A connection whose peer was heard so long ago."""
        connection = FakeConnection(*heard)
        self.addCleanup(connection.socket.close)
        return connection


class SignsTests(LivenessTests):
    def test_signs(self) -> None:
        """The operating system tells when the last byte and the last sign of life came."""
        connection = self.connection(20.5, 3.25)
        self.assertEqual((Signs(20.5, 3.25, 0), 20.5), (signs_of(connection), silence_of(connection)))

    def test_only_speaks(self) -> None:
        """Who streams to netd, which never answers, acknowledges nothing: its bytes are sign of life enough."""
        self.assertEqual(Signs(0.25, 0.25, 3), signs_of(self.connection(0.25, 90.0)))

    def test_after_the_end(self) -> None:
        """What was known at the end stays known."""
        connection = self.connection()
        connection.last_signs = Signs(7.0, 2.0, 0)
        self.assertEqual(7.0, silence_of(connection))

    def test_nobody_knows(self) -> None:
        """Without such an operating system, and for what is no TCP connection, nothing is known."""
        self.assertEqual((None, 0.0), (signs_of(self.connection()), silence_of(object())))
        self.patch(vigil.socket, "TCP_INFO", None)
        self.assertIsNone(signs_of(self.connection(1.0, 1.0)))

    def test_asking(self) -> None:
        """An idle peer is asked so often that three answers may get lost; the least that can be asked for is a second."""
        for limit, patience, expected in ((30.0, 8.0, (10, 5, 6, 30_000)), (1.5, 8.0, (1, 1, 6, 8000))):
            with socket.socket() as handle:
                ask_for_signs(handle, limit, patience)
                names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
                self.assertEqual(expected, tuple(handle.getsockopt(socket.IPPROTO_TCP, name) for name in names))

    def test_elsewhere(self) -> None:
        """An operating system that has no such question is not asked it."""
        asked = socket.TCP_INFO
        self.addCleanup(setattr, socket, "TCP_INFO", asked)
        connection = self.connection(1.0, 1.0)
        del socket.TCP_INFO
        self.assertIsNone(signs_of(connection))


class EndTests(LivenessTests):
    def describe(self, code: int = 0, failure: Exception = CONNECTION_LOST, signs: Signs | None = None) -> str | None:
        """Why a connection is gone whose operating system says *code*."""
        connection = self.connection()
        connection.errno, connection.last_signs = code, signs
        return describe_end(Failure(failure), connection)

    def test_reasons(self) -> None:
        """The words say what happened, and nothing where the other side closed the connection."""
        self.assertIsNone(self.describe(errno.ECONNRESET, ConnectionDone()))
        self.assertEqual("reset by the peer", self.describe(errno.ECONNRESET))
        self.assertEqual("reset by the peer", self.describe(errno.EPIPE))
        self.assertEqual("reset by the peer", self.describe())
        self.assertEqual("no sign of life for 31 s", self.describe(errno.ETIMEDOUT, signs=Signs(60.0, 31.2, 4)))
        self.assertEqual("no sign of life", self.describe(errno.ETIMEDOUT))
        ended = SimpleNamespace(errno=errno.ECONNRESET, getHandle=lambda: SimpleNamespace(get_shutdown=lambda: 2))
        directlyProvides(ended, ISSLTransport)
        self.assertIsNone(describe_end(Failure(CONNECTION_LOST), ended))  # TLS has said goodbye before
        over_other = SimpleNamespace(errno=errno.ETIMEDOUT)
        self.assertEqual("no sign of life", describe_end(Failure(CONNECTION_LOST), over_other))
        self.assertEqual("No route to host", self.describe(errno.EHOSTUNREACH))
        self.assertIn("cable cut", str(self.describe(failure=ConnectionLost("cable cut"))))
        self.assertEqual("bad certificate", self.describe(failure=Error("bad certificate")))


class VigilTests(LivenessTests):
    def setUp(self) -> None:
        self.clock = NotingClock()
        self.connections: set[FakeConnection] = set()
        self.vigil = Vigil(self.clock, 30.0, self.connections)
        self.vigil.begin()

    def test_dead_and_alive(self) -> None:
        """Who gives no sign of life is cut in time; who only says nothing is not, nor is one of whom nothing is known."""
        quiet, dead, unknown = self.connection(3600.0, 9.0), self.connection(27.0, 25.0), self.connection()
        self.connections.update({quiet, dead, unknown})
        self.vigil.begin()
        self.clock.advance(2.4)
        self.assertIsNone(dead.why)
        self.clock.advance(0.1)
        self.assertEqual([None, "no sign of life for 25 s", None], [one.why for one in (quiet, dead, unknown)])
        quiet.socket.heard, quiet.socket.unanswered = (3610.0, 26.0), 3
        self.clock.advance(2.5)
        self.assertEqual("no sign of life for 26 s", quiet.why)

    def test_does_not_read(self) -> None:
        """Who reads nothing for long is asked ever less often, and lives: how long that may be is not for the vigil to say."""
        stalled = self.connection(60.0, 51.0)
        stalled.socket.unanswered = 0
        self.connections.add(stalled)
        self.clock.advance(2.5)
        self.assertIsNone(stalled.why)

    def test_many(self) -> None:
        """Many are looked at in portions, each in a turn of its own."""
        self.patch(vigil, "PORTION", 2)
        self.connections.update(self.connection(60.0, 60.0) for _ in range(5))
        self.clock.waits.clear()
        self.clock.advance(2.5)
        self.assertEqual([0, 0, 2.5], self.clock.waits)
        self.assertTrue(all(one.why for one in self.connections))

    def test_end(self) -> None:
        """Where there is no connection, no timer runs; it can begin anew."""
        self.vigil.end()
        self.vigil.end()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.vigil.begin()
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_last_one_is_cut(self) -> None:
        """A connection that is the last, and is cut, ends the vigil from within."""
        dead = self.connection(60.0, 60.0)
        dead.died = lambda _why: self.vigil.end()  # type: ignore[method-assign]
        self.connections.add(dead)
        self.clock.advance(5)
        self.assertEqual([], self.clock.getDelayedCalls())

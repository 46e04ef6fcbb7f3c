"""Tests of ``netd.gateway.chunks``: long answers, to clients that read fast, slowly, or not at all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import OperationFailed
from netd.gateway.answer import Answer
from netd.gateway.chunks import MOST, ChunkedBody, LongAnswers
from netd.testing import Connection
from tests.gateway.visits import GatewayTestCase, bearer, get, replies

PIECE = b"x" * 30_000


def dechunk(stream: bytes) -> tuple[bytes, bytes]:
    """The body of a chunked answer, and the bytes behind it."""
    body = b""
    while True:
        size, _, stream = stream.partition(b"\r\n")
        length = int(size, 16)
        body, stream = body + stream[:length], stream[length:]
        assert stream.startswith(b"\r\n"), stream[:20]
        stream = stream[2:]
        if not length:
            return body, stream


class LongAnswerTests(GatewayTestCase):
    """A handler in the place of ``/metrics`` gives a body in pieces.

    :ivar asked: how many pieces have been asked for.
    :ivar ends: the state of the source when it ended.
    """

    def setUp(self) -> None:
        super().setUp()
        self.asked = 0
        self.ends: list[str] = []
        self.gate: Deferred[None] | None = None

    def serve(self, pieces: int, error: Exception | None = None) -> None:
        """Serve so many pieces, and fail with *error* behind them if there is one."""

        async def chunks() -> AsyncGenerator[bytes, None]:
            state = "left"
            try:
                for number in range(pieces):
                    self.asked += 1
                    if self.gate is not None:
                        await self.gate
                    yield b"%6d" % number + PIECE
                if error is not None:
                    raise error
                state = "complete"
            finally:
                self.ends.append(state)

        def answer(*_: Any) -> Answer:
            return Answer(HTTPStatus.OK, chunks=chunks())

        route = self.factory.site._routes["/metrics"]
        object.__setattr__(route, "handler", answer)

    def whole(self, pieces: int) -> bytes:
        """The body that so many pieces make."""
        return b"".join(b"%6d" % number + PIECE for number in range(pieces))

    def heard(self, connection: Connection) -> bytes:
        """What the connection has been sent, as time passes."""
        heard = b""
        for _turn in range(60):
            self.reactor.advance(0)
            heard += connection.heard()
        return heard

    def test_whole(self) -> None:
        """A client of HTTP/1.1 gets all pieces, and then the answer to its next request on the same connection."""
        self.serve(40)
        connection = self.visit()
        heard = connection.say(get("/metrics"), get("/healthz")) + self.heard(connection)
        head, _, rest = heard.partition(b"\r\n\r\n")
        self.assertIn(b"Transfer-Encoding: chunked", head)
        self.assertNotIn(b"Content-Length", head)
        body, behind = dechunk(rest)
        self.assertEqual(body, self.whole(40))
        self.assertEqual([reply.text for reply in replies(behind)], ["ok"])
        self.assertEqual(self.ends, ["complete"])

    def test_old_client(self) -> None:
        """A client of HTTP/1.0 gets the pieces as they are; the end of the connection is the end of the body."""
        self.serve(3)
        connection = self.visit()
        heard = connection.say(get("/metrics", bearer(self.token()), version="1.0")) + self.heard(connection)
        head, _, body = heard.partition(b"\r\n\r\n")
        self.assertNotIn(b"Transfer-Encoding", head)
        self.assertEqual((body, connection.is_closing), (self.whole(3), True))

    def test_head(self) -> None:
        """HEAD gives the headers, and no piece is made."""
        self.serve(3)
        connection = self.visit()
        [reply] = replies(connection.say(get("/metrics", method="HEAD")), is_head=True)
        self.assertEqual((reply.status, self.asked), (200, 0))
        self.assertEqual([reply.text for reply in replies(connection.say(get("/healthz")))], ["ok"])

    def test_last(self) -> None:
        """A client that asks no more is closed after the last piece."""
        self.serve(2)
        connection = self.visit()
        connection.say(get("/metrics", "Connection: close"))
        self.heard(connection)
        self.assertTrue(connection.is_closing)

    def test_slow_client(self) -> None:
        """While a client does not read, no further piece is made; when it reads, the rest comes."""
        self.serve(200)
        connection = self.visit()
        connection.transport.producer.pauseProducing()
        connection.say(get("/metrics"))
        self.heard(connection)
        self.assertLessEqual(self.asked, 4)
        connection.transport.producer.resumeProducing()
        heard = self.heard(connection)
        self.assertEqual(self.asked, 200)
        self.assertTrue(heard.endswith(b"\r\n0\r\n\r\n"))

    def test_stopped_client(self) -> None:
        """A client that has stopped reading is cut after ``stall_timeout``, and the source of the pieces is closed."""
        self.serve(200)
        connection = self.visit()
        self.gate = Deferred()
        connection.say(get("/metrics"))
        connection.transport.producer.pauseProducing()
        self.gate.callback(None)
        self.assertEqual((self.asked, self.ends), (1, []))
        for _second in range(10):
            self.reactor.advance(1)
        self.assertTrue(connection.transport.disconnected or connection.is_closing)
        connection.lose()
        self.assertEqual(self.ends, ["left"])

    def test_gone_while_a_piece_is_made(self) -> None:
        """A client that leaves while a piece is made has its source stopped."""
        self.gate = Deferred()
        self.serve(200)
        connection = self.visit()
        connection.say(get("/metrics"))
        self.assertEqual((self.asked, self.ends), (1, []))
        connection.lose()
        self.assertEqual(self.ends, ["left"])

    def test_failure_at_the_end(self) -> None:
        """A source that cannot even be closed is reported in the log, and nobody else notices."""

        async def chunks() -> AsyncGenerator[bytes, None]:
            try:
                yield PIECE
                yield PIECE
            finally:
                raise ZeroDivisionError

        route = self.factory.site._routes["/metrics"]
        object.__setattr__(route, "handler", lambda _admission: Answer(HTTPStatus.OK, chunks=chunks()))
        connection = self.visit()
        connection.transport.producer.pauseProducing()
        self.factory.answers.share._left = 0.0
        connection.say(get("/metrics"))
        connection.transport.producer.resumeProducing()
        connection.protocol.peer.is_full = True
        self.reactor.advance(0)
        connection.lose()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failure(self) -> None:
        """A body that cannot be finished ends with its connection, not as if it were complete."""
        for error, reason in (
            (OperationFailed("the part is gone"), "its answer cannot be finished: the part is gone"),
            (ZeroDivisionError(), "an error in netd"),
        ):
            self.serve(2, error)
            connection = self.visit()
            heard = connection.say(get("/metrics")) + self.heard(connection)
            self.assertFalse(heard.endswith(b"0\r\n\r\n"))
            self.assertEqual(connection.protocol.peer.reason, reason)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_many(self) -> None:
        """So many downloads at a time are sent, and no more; when one ends, another begins."""
        self.gate = Deferred()
        self.serve(1)
        connections = [self.visit() for _number in range(MOST)]
        for connection in connections:
            self.serve(1)
            self.assertEqual(connection.say(get("/metrics")).count(b"\r\n\r\n"), 1)
        self.serve(1)
        other = self.visit()
        [reply] = replies(other.say(get("/metrics")))
        self.assertEqual((reply.status, reply.headers["Retry-After"]), (503, "10"))
        connections[0].lose()
        self.serve(1)
        self.assertTrue(other.say(get("/metrics")).startswith(b"HTTP/1.1 200 "))
        self.gate.callback(None)
        self.heard(other)
        self.assertEqual(self.factory.answers.under_way, set())

    def test_stopping(self) -> None:
        """A download that is under way when netd stops is finished, and its connection closed."""
        self.gate = Deferred()
        self.serve(2)
        connection = self.visit()
        connection.say(get("/metrics"))
        connection.protocol.finish()
        self.gate.callback(None)
        heard = self.heard(connection)
        self.assertTrue(heard.endswith(b"0\r\n\r\n"))
        self.assertTrue(connection.is_closing)


class BusyShare:
    """A share whose turn does not come before the test says so."""

    def __init__(self) -> None:
        self.work: list[Iterator[None]] = []

    def start(self, work: Iterator[None]) -> None:
        self.work.append(work)


class TurnTests(SynchronousTestCase):
    def test_gone_before_its_turn(self) -> None:
        """A client that leaves before a busy daemon has come to its answer costs nothing more."""
        asked: list[bytes] = []

        async def chunks() -> AsyncGenerator[bytes, None]:
            asked.append(PIECE)
            yield PIECE

        share, peer = BusyShare(), SimpleNamespace(is_full=False)
        answers = LongAnswers(share)  # type: ignore[arg-type] # what it needs of a share
        body = ChunkedBody(chunks(), peer, answers, None, asked.append, list)  # type: ignore[arg-type] # likewise
        body.begin()
        body.resume()
        self.assertEqual(answers.under_way, {body})
        body.stop()
        self.assertEqual(answers.under_way, set())
        [work] = share.work
        self.assertEqual((list(work), asked), ([None], []))

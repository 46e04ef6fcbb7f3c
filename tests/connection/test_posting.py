"""Requests that post something, with the parts of twisted.web that they go through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from netd.connection.posting import MOST_SHOWN, PostAnswer, make_agent, post
from netd.pem import CertificateError
from tests.tls import make_certificate


class SlowAgent:
    """Gives an answer whose body the test sends.

    :ivar reader: what takes the body.
    :ivar is_closed: whether the connection was closed.
    """

    def __init__(self, code: int, retry_after: str = "") -> None:
        self.code = code
        self.phrase = b"Word"
        self.headers = Headers({"Retry-After": [retry_after]} if retry_after else {})
        self.reader: Any = None
        self.is_closed = False

    def request(self, _method: bytes, _url: bytes, _headers: Headers, _body: Any) -> Deferred[Any]:
        """Answer."""
        return succeed(self)

    def deliverBody(self, protocol: Any) -> None:  # noqa: N802 - Twisted's name
        """Deliver what the test says."""
        self.reader = protocol
        protocol.makeConnection(self)

    def loseConnection(self) -> None:
        """Note it."""
        self.is_closed = True


class PostingTests(SynchronousTestCase):
    def ask(self, agent: SlowAgent, is_read: bool = True) -> Deferred[PostAnswer]:
        """Post something."""
        return post(agent, "http://lab/write", {}, b"x", is_read)

    def test_text(self) -> None:
        """The text of a refusal is read up to a bound; how its connection ends does not matter."""
        agent = SlowAgent(400, "30")
        asked = self.ask(agent)
        agent.reader.dataReceived(b"x" * (MOST_SHOWN - 1))
        self.assertNoResult(asked)
        agent.reader.dataReceived(b"yy")
        self.assertTrue(agent.is_closed)
        agent.reader.connectionLost()
        agent.reader.connectionLost()
        answer = self.successResultOf(asked)
        self.assertEqual((len(answer.text), answer.text[-1], answer.retry_after), (MOST_SHOWN, "y", 30.0))
        self.assertEqual(answer.words, "the answer is 400 Word")

    def test_retry_after(self) -> None:
        """A date, and what is no number, are left out."""
        for written in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9", "9" * 20):
            agent = SlowAgent(503, written)
            asked = self.ask(agent)
            agent.reader.connectionLost()
            self.assertIsNone(self.successResultOf(asked).retry_after)

    def test_good_answer(self) -> None:
        """Nobody waits for the text of a good answer, nor for one that is not asked for."""
        for agent, is_read in ((SlowAgent(204), True), (SlowAgent(500), False)):
            self.assertEqual(self.successResultOf(self.ask(agent, is_read)).text, "")
            self.assertTrue(agent.is_closed)

    def test_given_up(self) -> None:
        """A text that does not end is given up with the request."""
        agent = SlowAgent(500)
        asked = self.ask(agent)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(agent.is_closed)

    def test_authorities(self) -> None:
        """The certificate of the server is verified by the operating system's authorities, or by those of a file."""
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = folder / "ca.pem"
        authority.write_text("nothing")
        reactor = MemoryReactorClock()
        self.assertRaises(CertificateError, make_agent, reactor, authority)
        make_certificate(authority)
        for known in (None, authority):
            make_agent(reactor, known).request(b"POST", b"https://127.0.0.1/write")
        self.assertEqual(len(reactor.tcpClients), 2)

"""Requests that post something to a web server: webhooks of alerts, and what is forwarded. One connection for each.

The log does not tell of the connections, and an answer is bounded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen
from OpenSSL import crypto
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from netd import __version__
from netd.errors import NetdError, text_of
from netd.pem import trusted

__all__ = ["MOST_ANSWER", "PostAnswer", "PostFailed", "QuietPool", "make_agent", "post"]

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection with its TLS handshake."""

MOST_ANSWER = 1 << 16
"""Bytes of an answer, at most."""

MOST_SHOWN = 2000
"""Bytes of the body of an answer that are kept: it says what is wrong with the request."""


class PostFailed(NetdError):
    """There is no answer.

    :ivar may_pass: whether another try may do better.
    """

    def __init__(self, why: str, may_pass: bool = True) -> None:
        super().__init__(why)
        self.may_pass = may_pass


@frozen
class PostAnswer:
    """What the server says.

    :ivar phrase: the word behind the code.
    :ivar text: the beginning of the body.
    :ivar retry_after: seconds after which the server wants to be asked again; None if it does not say so.
    """

    code: int
    phrase: str
    text: str = ""
    retry_after: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether it has done what it was asked for."""
        return 200 <= self.code < 300

    @property
    def words(self) -> str:
        """The first line, for people."""
        return f"the answer is {self.code} {self.phrase}"


def make_agent(reactor: Any, authorities: Path | None = None) -> Any:
    """Return what posts.

    :param authorities: the file of the certificates that the server's is verified against; None for those that the operating
        system trusts.
    :raises CertificateError: if there is none in the file.
    """
    pool = QuietPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
    if authorities is None:
        return Agent(reactor, BrowserLikePolicyForHTTPS(), CONNECT_TIMEOUT, pool=pool)
    roots = [Certificate(crypto.X509.from_cryptography(each)) for each in trusted(authorities)]
    return Agent(reactor, BrowserLikePolicyForHTTPS(trustRootFromCertificates(roots)), CONNECT_TIMEOUT, pool=pool)


def post(agent: Any, url: str, headers: dict[str, str], body: bytes, is_read: bool = False) -> Deferred[PostAnswer]:
    """Post *body*. The Deferred fails with :class:`PostFailed` when no answer comes; cancelling it ends the connection.

    :param is_read: whether the text of an answer is read that is not 2xx. It may take its time.
    """
    sent = Headers({b"User-Agent": [f"netd/{__version__}".encode()]})
    for name, value in headers.items():
        sent.addRawHeader(name.encode(), value.encode())
    asked: Deferred[Any] = agent.request(b"POST", url.encode(), sent, _Body(body))
    return asked.addCallback(_read if is_read else _seen).addErrback(_failed)


@implementer(IStreamClientEndpoint)
@frozen
class _QuietEndpoint:
    """Connects without two lines in the log for each connection."""

    endpoint: Any

    def connect(self, factory: Any) -> Any:
        """See :class:`twisted.internet.interfaces.IStreamClientEndpoint`."""
        factory.noisy = False
        return self.endpoint.connect(factory).addCallback(_bounded)


def _bounded(protocol: Any) -> Any:
    """Have *protocol* hang up on an answer that is too long. Twisted bounds a header, and not how many there are."""
    receive, left = protocol.dataReceived, MOST_ANSWER

    def receive_some(data: bytes) -> None:
        nonlocal left
        left -= len(data)
        if left >= 0:
            receive(data)
        else:
            protocol.transport.abortConnection()

    protocol.dataReceived = receive_some
    return protocol


class QuietPool(HTTPConnectionPool):
    """Connections of which the log does not tell."""

    def getConnection(self, key: Any, endpoint: Any) -> Any:  # noqa: N802 - Twisted's name
        """See :meth:`HTTPConnectionPool.getConnection`."""
        return super().getConnection(key, _QuietEndpoint(endpoint))


@implementer(IBodyProducer)
class _Body:
    """The body of a request, which is written at once: it is short."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802 - Twisted's name
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing: all has been written."""

    def resumeProducing(self) -> None:
        """Do nothing: all has been written."""

    def stopProducing(self) -> None:
        """Do nothing: all has been written."""


class _Beginning(Protocol):
    """The body of an answer: its beginning is kept. However it ends, the answer has been given by then."""

    def __init__(self, told: Deferred[bytes]) -> None:
        self._told = told
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep the beginning; the rest is not waited for."""
        self._data += data
        if len(self._data) >= MOST_SHOWN:
            self.hang_up()

    def hang_up(self) -> None:
        """Wait no longer."""
        transport: Any = self.transport
        transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell what came."""
        if not self._told.called:
            self._told.callback(self._data[:MOST_SHOWN])


def _seen(response: Any) -> PostAnswer:
    """Return the answer without its text."""
    response.deliverBody(_Discarded())
    return PostAnswer(response.code, response.phrase.decode("latin-1", "replace")[:80])


def _read(response: Any) -> Deferred[PostAnswer] | PostAnswer:
    """Return the answer, with its text if it is not 2xx."""
    if 200 <= response.code < 300:
        return _seen(response)
    retry_after = _seconds(response.headers.getRawHeaders("Retry-After", [""])[0])
    told: Deferred[bytes] = Deferred(lambda _: reader.hang_up())
    reader = _Beginning(told)
    response.deliverBody(reader)
    phrase = response.phrase.decode("latin-1", "replace")[:80]
    return told.addCallback(lambda text: PostAnswer(response.code, phrase, text.decode("utf-8", "replace"), retry_after))


class _Discarded(Protocol):
    """A body that nobody reads: the connection is closed instead."""

    def connectionMade(self) -> None:
        """Close it."""
        transport: Any = self.transport
        transport.loseConnection()


def _seconds(written: str) -> float | None:
    """Return the seconds of a ``Retry-After``. It may also be a date, which is left out."""
    return float(written) if written.isascii() and written.isdigit() and len(written) < 7 else None


def _failed(failure: Failure) -> Failure:
    reasons = getattr(failure.value, "reasons", None)
    reason: Failure = reasons[0] if reasons else failure
    if reason.check(CancelledError):  # a server that took the request and does not answer
        return reason
    if reason.check(ConnectionAborted):
        raise PostFailed(f"the answer has more than {MOST_ANSWER} bytes", may_pass=False)
    raise PostFailed(text_of(reason.value)[:200])

"""Webhooks: the event as JSON, posted to a URL and signed (docs/alerts.md)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from attrs import define, frozen
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from netd import __version__
from netd.alert.actions import Webhook
from netd.alert.delivery import DeliveryFailed
from netd.errors import text_of

__all__ = ["QuietPool", "Webhooks", "make_agent", "signature"]

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection with its TLS handshake."""

MOST_ANSWER = 1 << 16
"""Bytes of an answer, at most. Its body is not read: only its first line matters."""

PASSING = (408, 425, 429)
"""Answers of 4xx that another try may change; all others of them say that the request is wrong."""


def make_agent(reactor: Any) -> Any:
    """Return what posts. Certificates are verified against those that the operating system trusts."""
    pool = QuietPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
    return Agent(reactor, BrowserLikePolicyForHTTPS(), CONNECT_TIMEOUT, pool=pool)


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


def signature(secret: str, body: bytes) -> bytes:
    """Return the value of ``X-Netd-Signature`` for *body*."""
    return b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


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


class _Discarded(Protocol):
    """The body of an answer, which nobody reads: the connection is closed instead."""

    def connectionMade(self) -> None:
        """Close it."""
        transport: Any = self.transport
        transport.loseConnection()


@define(eq=False)
class Webhooks:
    """Posts the events of one alert.

    :ivar secret: signs them; empty for no signature.
    """

    agent: Any
    secret: str

    def post(self, action: Webhook, body: bytes) -> Deferred[None]:
        """Post *body*. The Deferred fails with :class:`DeliveryFailed` unless the answer is 2xx."""
        headers = Headers({b"Content-Type": [b"application/json"], b"User-Agent": [f"netd/{__version__}".encode()]})
        if self.secret:
            headers.addRawHeader(b"X-Netd-Signature", signature(self.secret, body))
        asked: Deferred[IResponse] = self.agent.request(b"POST", action.url.encode(), headers, _Body(body))
        return asked.addCallbacks(_judge, _failed)


def _judge(response: Any) -> None:
    response.deliverBody(_Discarded())
    code: int = response.code
    if not 200 <= code < 300:
        why = f"the answer is {code} {response.phrase.decode('latin-1', 'replace')[:80]}"
        raise DeliveryFailed(why, may_pass=code >= 500 or code in PASSING)


def _failed(failure: Failure) -> Failure:
    reasons = getattr(failure.value, "reasons", None)
    reason: Failure = reasons[0] if reasons else failure
    if reason.check(CancelledError):  # a server that took the request and does not answer
        return reason
    if reason.check(ConnectionAborted):
        raise DeliveryFailed(f"the answer has more than {MOST_ANSWER} bytes", may_pass=False)
    raise DeliveryFailed(text_of(reason.value)[:200])

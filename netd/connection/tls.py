"""TLS under a service's connections: Twisted's own, with a clock for the handshake, and an answer for who speaks plain HTTP.

Who says nothing at all is the service's to judge, as without TLS; who has begun a handshake must end it in time.

Leans on ``TLSMemoryBIOProtocol._handshakeDone`` and ``_checkHandshakeStatus``; the tests pin them.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.connection.protocol import PeerProtocol
from netd.connection.stranger import Tongue, bad_request, first_words, tongue_of

__all__ = ["HANDSHAKE_TIMEOUT", "SecuredEndpoint", "SecuredProtocol"]

HANDSHAKE_TIMEOUT = 5.0
"""Seconds from the first byte of a handshake to its end."""


class SecuredProtocol(TLSMemoryBIOProtocol):
    """The TLS side of one connection. What a turn collects is one write already: nothing is gained by collecting more."""

    _clock: Any = None

    def dataReceived(self, data: bytes) -> None:
        if not self._handshakeDone and self._clock is None:
            self._clock = self.factory._clock.callLater(HANDSHAKE_TIMEOUT, self._give_up)
            if tongue_of(data) is Tongue.HTTP:
                self._answer_http(data)
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _checkHandshakeStatus(self) -> None:  # noqa: N802 - Twisted's name
        super()._checkHandshakeStatus()  # type: ignore[no-untyped-call]
        if self._handshakeDone:
            self._stop_clock()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # the base class's default is not needed
        self._stop_clock()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _answer_http(self, opening: bytes) -> None:
        """Tell a browser that the address begins with https, as web servers do; OpenSSL's alert says nothing to a person."""
        connection, transport = connection_of(self), cast(Any, self.transport)
        connection.refuse(Tongue.HTTP.value, "this port speaks TLS", first_words(opening))
        connection.peer.reason = f"began with {Tongue.HTTP.value}"
        connection.peer.drop()
        transport.write(bad_request("This port speaks TLS: the address begins with https://"))
        transport.loseConnection()

    def _give_up(self) -> None:
        connection_of(self).peer.abort(f"its TLS handshake took more than {HANDSHAKE_TIMEOUT:.0f} s")

    def _stop_clock(self) -> None:
        if self._clock is not None and self._clock.active():
            self._clock.cancel()


class SecuredFactory(TLSMemoryBIOFactory):
    """Puts TLS under what another factory builds."""

    protocol = SecuredProtocol


@implementer(IStreamServerEndpoint)
class SecuredEndpoint:
    """TLS on another endpoint.

    :param creator: makes the TLS side of each connection.
    :param clock: the reactor.
    """

    def __init__(self, endpoint: IStreamServerEndpoint, creator: Any, clock: Any) -> None:
        self._endpoint = endpoint
        self._creator = creator
        self._clock = clock

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``."""
        listens: Deferred[IListeningPort] = self._endpoint.listen(SecuredFactory(self._creator, False, factory, self._clock))
        return listens


def connection_of(secured: ProtocolWrapper) -> PeerProtocol:
    """The connection that *secured* carries."""
    protocol: Any = secured
    while not isinstance(protocol, PeerProtocol):
        protocol = protocol.wrappedProtocol
    return protocol

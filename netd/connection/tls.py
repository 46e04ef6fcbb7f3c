"""TLS on a service's ports: Twisted's, with a time limit for the handshake and an answer to plain HTTP.

A client that sends nothing is the service's own case, as without TLS. A client that has begun a handshake must end it in time.

This module uses ``TLSMemoryBIOProtocol._handshakeDone`` and ``_checkHandshakeStatus``, which are private; its tests notice when
they change.
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
"""Seconds that a handshake may take, from its first byte on."""


class SecuredProtocol(TLSMemoryBIOProtocol):
    """The TLS side of one connection.

    Twisted's buffering variant is not used: an outbox already makes one write of all that a turn brings.
    """

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
        """Tell the person at a browser that the address begins with ``https``. OpenSSL's alert would show as a broken page."""
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
    """Puts TLS under the connections of another factory."""

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
    """Return the service's connection inside of *secured*."""
    protocol: Any = secured
    while not isinstance(protocol, PeerProtocol):
        protocol = protocol.wrappedProtocol
    return protocol

"""TLS on a service's ports: Twisted's, with a time limit for the handshake, an answer to plain HTTP, and reasons for the log.

A client of TLS speaks first. So the time limit runs from the beginning of the connection.

This module uses ``_handshakeDone``, ``_checkHandshakeStatus`` and ``_tlsShutdownFinished`` of ``TLSMemoryBIOProtocol``, which are
private; its tests notice when they change.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.certificates import Verdict
from netd.connection.handshakes import fault_of
from netd.connection.protocol import EXCERPT, PeerProtocol
from netd.connection.stranger import HELLO, Tongue, bad_request, first_words, tongue_of

__all__ = ["HANDSHAKE_TIMEOUT", "SecuredEndpoint", "SecuredProtocol"]

HANDSHAKE_TIMEOUT = 8.0
"""Seconds from the beginning of a connection to the end of its handshake."""


class SecuredProtocol(TLSMemoryBIOProtocol):
    """The TLS side of one connection.

    Twisted's buffering variant is not used: an outbox already makes one write of all that a turn brings.
    """

    _clock: Any = None
    _opening = b""

    def makeConnection(self, transport: Any) -> None:
        self._clock = self.factory._clock.callLater(HANDSHAKE_TIMEOUT, self._give_up)
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        if not self._handshakeDone and not self._opening:
            self._opening = data[:EXCERPT]
            if tongue_of(data) is Tongue.HTTP:
                self._answer_http(data)
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _checkHandshakeStatus(self) -> None:  # noqa: N802 - Twisted's name
        super()._checkHandshakeStatus()  # type: ignore[no-untyped-call]
        if self._handshakeDone:
            self._stop_clock()

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:  # noqa: N802 - Twisted's name
        if reason is not None and reason.value is not None and not self._handshakeDone and not self._aborted:
            self._note_fault(reason.value)
        super()._tlsShutdownFinished(reason)  # type: ignore[no-untyped-call]

    def _note_fault(self, error: BaseException) -> None:
        """Count the reason why the handshake failed, and log it (limited)."""
        details = error.args[0] if error.args else None
        reasons = [str(detail[-1]) for detail in details] if isinstance(details, list) else [str(error).lower()]
        connection = connection_of(self)
        if not self._opening or connection.peer.reason is not None:
            return  # it has said nothing, or the reason is known
        verdict = self._tlsConnection.get_app_data()
        number, subject = (verdict.number, verdict.subject) if isinstance(verdict, Verdict) else (0, "")
        fault = fault_of(self._opening, reasons, number, subject)
        connection.refuse(fault.kind, fault.why, b"" if self._opening.startswith(HELLO) else self._opening)
        connection.peer.reason = fault.kind

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

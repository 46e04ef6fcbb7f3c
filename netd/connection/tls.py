"""TLS on a service's ports: Twisted's, with a time limit for the handshake, an answer to plain HTTP, and reasons for the log.

A client of TLS speaks first. So the time limit runs from the beginning of the connection.

A client's certificate is shown to the section's access after each handshake, and may prove who the client is.

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

from netd.certificates import Certificates, Verdict
from netd.connection.handshakes import LEFT, fault_of
from netd.connection.peer import LINGER
from netd.connection.protocol import EXCERPT, PeerProtocol
from netd.connection.stranger import HELLO, Tongue, bad_request, first_words, tongue_of
from netd.pem import key_digest

__all__ = ["HANDSHAKE_TIMEOUT", "SecuredEndpoint", "SecuredProtocol"]

HANDSHAKE_TIMEOUT = 8.0
"""Seconds from the beginning of a connection to the end of its handshake."""


class SecuredProtocol(TLSMemoryBIOProtocol):
    """The TLS side of one connection.

    Twisted's buffering variant is not used: an outbox already makes one write of all that a turn brings.
    """

    factory: SecuredFactory
    _clock: Any = None
    _opening = b""
    _is_lost = False

    def makeConnection(self, transport: Any) -> None:
        self._clock = self.factory._clock.callLater(HANDSHAKE_TIMEOUT, self._give_up)
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        if self._lostTLSConnection:
            return
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
            self._prove()

    def _prove(self) -> None:
        """Show the client's certificate, if there is one, to the section's access. OpenSSL has just verified it."""
        certificate = self._tlsConnection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return
        connection, names = connection_of(self), self.factory.certificates.names_in(certificate)
        if not connection.factory.access.prove_certificate(connection.peer, key_digest(certificate), names):
            connection.note_stranger(certificate.subject.rfc4514_string())

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:  # noqa: N802 - Twisted's name
        is_fault = reason is not None and not self._handshakeDone and not self._aborted
        if is_fault and not self._is_lost:
            self._refuse(cast(Failure, reason))
            return
        if is_fault:
            self._note_fault(cast(Failure, reason))
        super()._tlsShutdownFinished(reason)  # type: ignore[no-untyped-call]

    def _refuse(self, reason: Failure) -> None:
        """Send the alert, and discard what the client sends for a moment.

        In TLS 1.3 a client sends its first message before it learns that its certificate is refused. If that were left unread,
        the close would be a reset, and the client might never read the alert that says why.
        """
        self._note_fault(reason)
        self._reason = reason
        self._lostTLSConnection = True
        self._flushSendBIO()  # type: ignore[no-untyped-call]
        cast(Any, self.transport).loseWriteConnection()
        self._clock.reset(LINGER)

    def _note_fault(self, reason: Failure) -> None:
        """Count the reason why the handshake failed, and log it (limited)."""
        error = cast(BaseException, reason.value)
        details = error.args[0] if error.args else None
        reasons = [str(detail[-1]) for detail in details] if isinstance(details, list) else [str(error).lower()]
        connection = connection_of(self)
        if not self._opening or connection.peer.reason is not None:
            return  # it has said nothing, or the reason is known
        verdict = self._tlsConnection.get_app_data()
        number, subject = (verdict.number, verdict.subject) if isinstance(verdict, Verdict) else (0, "")
        fault = fault_of(self._opening, reasons, number, subject)
        connection.peer.reason = fault.kind
        if fault is LEFT:  # browsers connect beforehand, and leave what they do not use
            connection.factory.tally.refuse(fault.kind)
        else:
            connection.refuse(fault.kind, fault.why, b"" if self._opening.startswith(HELLO) else self._opening)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # the base class's default is not needed
        self._stop_clock()
        self._is_lost = True
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
    """Puts TLS under the connections of another factory.

    :ivar certificates: the certificates that are shown, and what is asked of clients.
    """

    protocol = SecuredProtocol

    def __init__(self, certificates: Certificates, factory: Any, clock: Any) -> None:
        super().__init__(certificates, False, factory, clock)
        self.certificates = certificates


@implementer(IStreamServerEndpoint)
class SecuredEndpoint:
    """TLS on another endpoint.

    :param certificates: make the TLS side of each connection.
    :param clock: the reactor.
    """

    def __init__(self, endpoint: IStreamServerEndpoint, certificates: Certificates, clock: Any) -> None:
        self._endpoint = endpoint
        self._certificates = certificates
        self._clock = clock

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``."""
        listens: Deferred[IListeningPort] = self._endpoint.listen(SecuredFactory(self._certificates, factory, self._clock))
        return listens


def connection_of(secured: ProtocolWrapper) -> PeerProtocol:
    """Return the service's connection inside of *secured*."""
    protocol: Any = secured
    while not isinstance(protocol, PeerProtocol):
        protocol = protocol.wrappedProtocol
    return protocol

"""Certificates and keys of ``[tls]``, ``ssl:`` and ``tls:``: read, checked, served, and read again when their files change.

Twisted's own endpoints read a certificate only once and take only the first one of a file with a chain. For a client that offers
protocols (ALPN) they choose none, which browsers take for an error. Here the files are looked at before each handshake. A renewed
pair is served to new connections, while open ones keep theirs. A pair that cannot be used leaves the old one in place.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import frozen
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from zope.interface import implementer

from netd.certificate_faults import expiry_warning, server_fault
from netd.pem import NOBODY_ASKED, CertificateError, ClientDemand, Pair, PairSource, exposed_keys, reason_of, trusted

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Certificates", "Verdict", "warnings_about"]

DAY = 86400.0
"""Seconds between two warnings of one certificate's end."""

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""The suites of TLS 1.2 with forward secrecy and authenticated encryption. All suites of TLS 1.3 have both."""


@frozen
class Verdict:
    """OpenSSL's verdict on a client's certificate that does not count.

    :ivar number: what is wrong with it (``X509_V_ERR_…``).
    """

    number: int
    subject: str


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """Makes the TLS side of connections.

    :ivar source: the files.
    :param protocols: the protocols for clients that offer some (ALPN), best first. A client that offers only others is served as
        if it had offered none.
    :param service: the name of the service in the log.
    :param clients: what is asked of clients.
    :param wall: the wall clock, by which certificates end.
    :ivar end: the end of the certificate that is shown by default, in seconds since the epoch; None where there is none yet.
    """

    _log = Logger()

    def __init__(
        self,
        source: PairSource,
        protocols: Sequence[bytes],
        service: str,
        clients: ClientDemand = NOBODY_ASKED,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self._clients = clients
        self._protocols = tuple(protocols)
        self._service = service
        self._seen: object = None
        self._contexts: dict[str, SSL.Context] = {}
        self._wall = wall
        self._told = 0.0
        self.end: float | None = None

    def load(self) -> None:
        """Read the files.

        :raises CertificateError: if they cannot be used.
        """
        self._seen = self._look()
        pairs = self.source.pairs()
        self._contexts = self._make_contexts(pairs) or self._contexts
        self.end = pairs[0].certificate.not_valid_after_utc.timestamp() if pairs else self.end
        self._told = self._wall()
        for warning in warnings_about(self.source, pairs, self._told):
            self._log.warn("{service}: {what}", service=self._service, what=warning)

    def look(self) -> None:
        """Read the files again if they have changed. Warn once a day of a certificate that ends soon."""
        if self._look() != self._seen:
            self._renew()
        elif not 0 <= self._wall() - self._told < DAY:  # a clock that was set back begins a new day
            self._told = self._wall()
            self._warn_of_ends()

    def _warn_of_ends(self) -> None:
        with suppress(CertificateError):  # which was told when the files changed
            for pair in self.source.pairs():
                warning = expiry_warning(pair.certificate, self._told)
                if warning:
                    self._log.warn("{service}: {what}", service=self._service, what=warning)

    def follow(self, source: PairSource, clients: ClientDemand) -> None:
        """Use other files, or ask something else of clients, from the next handshake on."""
        if (source, clients) != (self.source, self._clients):
            self.source, self._clients, self._seen = source, clients, None

    def check(self) -> dict[str, SSL.Context]:
        """Return a TLS context for each DNS name in the certificates of the files. The default has the empty name.

        :raises CertificateError: if the files cannot be used.
        """
        return self._make_contexts(self.source.pairs())

    def _make_contexts(self, pairs: Iterable[Pair]) -> dict[str, SSL.Context]:
        contexts: dict[str, SSL.Context] = {}
        authorities = [] if self._clients.authority is None else trusted(self._clients.authority)
        for pair in pairs:
            context = self._make_context(pair, contexts)
            self._demand(context, authorities)
            contexts.setdefault("", context)
            for name in pair.names:
                contexts.setdefault(name, context)
        return contexts

    def names_in(self, certificate: x509.Certificate) -> list[str]:
        """Return the names of the client that a certificate may be for, best first."""
        return self._clients.names_in(certificate)

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:  # noqa: N802 - Twisted's name
        """Return the TLS side of a new connection, with the certificate that is in the files now."""
        self.look()
        return SSL.Connection(self._contexts[""] if self._contexts else SSL.Context(SSL.TLS_SERVER_METHOD))

    def _renew(self) -> None:
        try:
            self.load()
        except (CertificateError, OSError) as error:
            self._log.error(
                "{service}: the certificate has changed and cannot be used; the one before stays: {error}",
                service=self._service,
                error=error,
            )
        else:
            self._log.info("{service}: the certificate has changed; new connections get it", service=self._service)

    def _look(self) -> object:
        """Return a value that differs if the files have changed."""
        try:
            authority = [] if self._clients.authority is None else [self._clients.authority]
            found = [(path, path.stat()) for path in [*self.source.files(), *authority]]
        except OSError as error:
            return str(error)
        return [(path, status.st_mtime_ns, status.st_size, status.st_ino) for path, status in found]

    def _make_context(self, pair: Pair, contexts: dict[str, SSL.Context]) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        if self.source.newest is not None:
            context.set_max_proto_version(self.source.newest)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        suites = CIPHERS
        try:
            context.use_certificate(pair.certificate)
            context.use_privatekey(pair.key)
            for certificate in pair.chain:
                context.add_extra_chain_cert(certificate)
            if self.source.dh_parameters is not None:
                context.load_tmp_dh(os.fspath(self.source.dh_parameters))
                suites += b":DHE+AESGCM:DHE+CHACHA20"
        except (SSL.Error, ValueError, TypeError) as error:
            raise CertificateError(f"cannot be used: {reason_of(error)}") from None
        context.set_cipher_list(suites)
        if self._protocols:
            context.set_alpn_select_callback(self._choose)

        def by_name(connection: SSL.Connection) -> None:
            chosen = _by_name(contexts, connection.get_servername())
            if chosen is not connection.get_context():
                connection.set_context(chosen)

        context.set_tlsext_servername_callback(by_name)
        return context

    def _demand(self, context: SSL.Context, authorities: list[x509.Certificate]) -> None:
        """Ask clients for certificates that one of *authorities* has signed. None asks for nothing.

        Sessions are then not resumed: OpenSSL would not verify the certificate of a resumed one again.
        """
        if not authorities:
            return
        store = context.get_cert_store()
        assert store is not None  # a context always has one
        for authority in authorities:
            store.add_cert(X509.from_cryptography(authority))
        context.set_client_ca_list([X509.from_cryptography(authority).get_subject() for authority in authorities])
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_session_id(b"netd")
        required = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if self._clients.is_required else 0
        context.set_verify(SSL.VERIFY_PEER | required, _note_verdict)

    def _choose(self, _connection: SSL.Connection, offered: list[bytes]) -> Any:
        return next((protocol for protocol in self._protocols if protocol in offered), SSL.NO_OVERLAPPING_PROTOCOLS)


def warnings_about(source: PairSource, pairs: Iterable[Pair], now: float) -> list[str]:
    """Return what is wrong with the keys and certificates of a source, although they can be used; each with its remedy.

    :param pairs: what :meth:`PairSource.pairs` has returned.
    :param now: seconds since the epoch.
    """
    found = exposed_keys(source)
    for pair in pairs:
        fault = server_fault(pair.certificate, now)
        found += [f"{pair.file}: {fault}"] if fault else []
        warning = expiry_warning(pair.certificate, now)
        found += [warning] if warning else []
    return found


def _note_verdict(connection: SSL.Connection, certificate: X509, number: int, _depth: int, is_good: int) -> bool:
    """Keep OpenSSL's verdict for the log, and leave it as it is."""
    if not is_good:
        parts = certificate.get_subject().get_components()
        subject = ", ".join(f"{name.decode()}={value.decode(errors='replace')}" for name, value in parts)
        connection.set_app_data(Verdict(number, subject))
    return bool(is_good)


def _by_name(contexts: dict[str, SSL.Context], server_name: bytes | None) -> SSL.Context:
    """Return the context for a client that asks for *server_name*: that of the name, of its wildcard, or the default."""
    name = (server_name or b"").decode("ascii", "replace").lower()
    wildcard = f"*.{name.partition('.')[2]}"
    return contexts.get(name) or contexts.get(wildcard) or contexts[""]

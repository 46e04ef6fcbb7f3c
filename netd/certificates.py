"""Certificates and keys of ``ssl:`` and ``tls:`` endpoints: read, checked, served, and read again when their files change.

Twisted's own endpoints read a certificate only once and take only the first one of a file with a chain. For a client that offers
protocols (ALPN) they choose none, which browsers take for an error. Here the files are looked at before each handshake. A renewed
pair is served to new connections, while open ones keep theirs. A pair that cannot be used leaves the old one in place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from zope.interface import implementer

from netd.pem import CertificateError, Pair, PairSource, exposed_keys, reason_of

__all__ = ["Certificates"]

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""The suites of TLS 1.2 with forward secrecy and authenticated encryption. All suites of TLS 1.3 have both."""


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """Makes the TLS side of connections.

    :param protocols: the protocols for clients that offer some (ALPN), best first. A client that offers only others is served as
        if it had offered none.
    :param service: the name of the service in the log.
    """

    _log = Logger()

    def __init__(self, source: PairSource, protocols: Sequence[bytes], service: str) -> None:
        self._source = source
        self._protocols = tuple(protocols)
        self._service = service
        self._seen: object = None
        self._contexts: dict[str, SSL.Context] = {}

    def load(self) -> None:
        """Read the files.

        :raises CertificateError: if they cannot be used.
        """
        self._seen = self._look()
        self._contexts = self.check() or self._contexts
        for warning in exposed_keys(self._source):
            self._log.warn("{service}: {what}", service=self._service, what=warning)

    def check(self) -> dict[str, SSL.Context]:
        """Return a TLS context for each DNS name in the certificates of the files. The default has the empty name.

        :raises CertificateError: if the files cannot be used.
        """
        contexts: dict[str, SSL.Context] = {}
        for pair in self._source.pairs():
            context = self._make_context(pair, contexts)
            contexts.setdefault("", context)
            for name in pair.names:
                contexts.setdefault(name, context)
        return contexts

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:  # noqa: N802 - Twisted's name
        """Return the TLS side of a new connection, with the certificate that is in the files now."""
        if self._look() != self._seen:
            self._renew()
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
            found = [(path, path.stat()) for path in self._source.files()]
        except OSError as error:
            return str(error)
        return [(path, status.st_mtime_ns, status.st_size, status.st_ino) for path, status in found]

    def _make_context(self, pair: Pair, contexts: dict[str, SSL.Context]) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        if self._source.newest is not None:
            context.set_max_proto_version(self._source.newest)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        suites = CIPHERS
        try:
            context.use_certificate(pair.certificate)
            context.use_privatekey(pair.key)
            for certificate in pair.chain:
                context.add_extra_chain_cert(certificate)
            if self._source.dh_parameters is not None:
                context.load_tmp_dh(os.fspath(self._source.dh_parameters))
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

    def _choose(self, _connection: SSL.Connection, offered: list[bytes]) -> Any:
        return next((protocol for protocol in self._protocols if protocol in offered), SSL.NO_OVERLAPPING_PROTOCOLS)


def _by_name(contexts: dict[str, SSL.Context], server_name: bytes | None) -> SSL.Context:
    """Return the context for a client that asks for *server_name*: that of the name, of its wildcard, or the default."""
    name = (server_name or b"").decode("ascii", "replace").lower()
    wildcard = f"*.{name.partition('.')[2]}"
    return contexts.get(name) or contexts.get(wildcard) or contexts[""]

"""Endpoints of the remotes that netd dials, made from their checked descriptions (:mod:`netd.config.remotes`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from OpenSSL import crypto
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
    clientFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from zope.interface import implementer

from netd.config.remotes import arguments_of_remote, sources_of_remote
from netd.pem import trusted

__all__ = ["Remote", "tcp_endpoint"]

IPV6 = 6


def tcp_endpoint(reactor: Any, host: str, port: int, seconds: float, source: str | None = None) -> IStreamClientEndpoint:
    """The endpoint of a TCP port. An address is dialled as it is; all addresses of a name are tried, IPv6 and IPv4 in turn.

    :param seconds: how long the operating system may try each address.
    :param source: the address of this machine to dial from; None for any.
    """
    made: Callable[..., IStreamClientEndpoint] = HostnameEndpoint
    with suppress(ValueError):
        made = TCP6ClientEndpoint if ip_address(host).version == IPV6 else TCP4ClientEndpoint
    return made(reactor, host, port, seconds, None if source is None else (source, 0))


@implementer(IStreamClientEndpoint)
class Remote:
    """The endpoint of *description*.

    Certificates are read again for each attempt, so that those that were renewed count from then on.

    :param seconds: how long the operating system may try each address.
    """

    def __init__(self, description: str, reactor: Any, seconds: float) -> None:
        self.description = description
        self._reactor = reactor
        self._seconds = seconds

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:  # noqa: N803 - Twisted's name
        """Connect; see ``IStreamClientEndpoint``.

        :raises netd.pem.CertificateError: when a certificate or key is no longer good.
        """
        connecting: Deferred[Any] = self._endpoint().connect(protocolFactory)
        return connecting

    def _endpoint(self) -> Any:
        kind, arguments = arguments_of_remote(self.description)
        if kind == "unix":
            return UNIXClientEndpoint(self._reactor, arguments["path"], self._seconds)
        if kind not in ("tcp", "tls"):
            return clientFromString(self._reactor, self.description)
        host, port = arguments["host"], int(arguments["port"])
        endpoint = tcp_endpoint(self._reactor, host, port, self._seconds, arguments.get("bindAddress"))
        if kind == "tcp":
            return endpoint
        return wrapClientTLS(_tls_options(self.description, host, arguments), endpoint, self._reactor)


def _tls_options(description: str, host: str, arguments: dict[str, str]) -> Any:
    """TLS options that verify the certificate of *host*, by the system's authorities or those in ``trustRoots``."""
    trust = None
    if "trustRoots" in arguments:
        roots = [crypto.X509.from_cryptography(each) for each in trusted(Path(arguments["trustRoots"]))]
        trust = trustRootFromCertificates([Certificate(root) for root in roots])
    own: dict[str, Any] = {}
    for source in sources_of_remote(description):
        [pair] = source.pairs()
        own["privateKey"] = crypto.PKey.from_cryptography_key(pair.key)
        own["certificate"], *own["extraCertChain"] = (
            crypto.X509.from_cryptography(each) for each in (pair.certificate, *pair.chain)
        )
    return optionsForClientTLS(host, trustRoot=trust, extraCertificateOptions=own)

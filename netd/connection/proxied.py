"""A proxy's header before a connection (PROXY protocol): Twisted's, for proxies that the section names.

Whoever may send such a header may claim any address. So a connection from elsewhere is refused before its first byte.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.haproxy import proxyEndpoint
from zope.interface import implementer

from netd.connection.factory import BesideFactory, PeerFactory
from netd.connection.protocol import PeerProtocol

__all__ = ["proxied"]


def proxied(endpoint: IStreamServerEndpoint, factory: PeerFactory | BesideFactory) -> IStreamServerEndpoint:
    """Return *endpoint* with the reader of a proxy's header on it.

    :param factory: the service's factory, which says whom it believes.
    """
    wrapped: IStreamServerEndpoint = proxyEndpoint(_GuardedEndpoint(endpoint, factory))
    return wrapped


class _GuardedFactory(Factory):
    """Refuses connections that are from no proxy of the section.

    :param wrapped: makes the readers of headers, with the service's connections inside.
    :param factory: the service's factory.
    """

    noisy = False

    def __init__(self, wrapped: Any, factory: PeerFactory | BesideFactory) -> None:
        self._wrapped = wrapped
        self._factory = factory

    def logPrefix(self) -> str:
        return self._factory.logPrefix()

    def doStart(self) -> None:  # noqa: N802 - Twisted's name
        self._wrapped.doStart()

    def doStop(self) -> None:  # noqa: N802 - Twisted's name
        self._wrapped.doStop()

    def buildProtocol(self, addr: Any) -> Any:
        if not self._factory.trusts_proxy(addr):
            return self._factory.turn_away()
        protocol = self._wrapped.buildProtocol(addr)
        inner = protocol.wrappedProtocol
        while hasattr(inner, "wrappedProtocol"):  # TLS
            inner = inner.wrappedProtocol
        if isinstance(inner, PeerProtocol):  # it is none where there was no place for it
            inner.is_proxied = True
        return protocol


@implementer(IStreamServerEndpoint)
class _GuardedEndpoint:
    """Another endpoint, for proxies of the section."""

    def __init__(self, endpoint: IStreamServerEndpoint, factory: PeerFactory | BesideFactory) -> None:
        self._endpoint = endpoint
        self._factory = factory

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``."""
        listens: Deferred[IListeningPort] = self._endpoint.listen(_GuardedFactory(factory, self._factory))
        return listens

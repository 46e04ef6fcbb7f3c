"""TCP connections that netd dials, read and written as fast as those that it accepts (:mod:`netd.connection.eager`).

This module overrides ``tcp.Connector._makeTransport``, and counts on ``tcp.Client`` to set ``connected`` before it starts reading
from a connection that was made; its tests notice when that changes.
"""

from __future__ import annotations

import select
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IConnector
from twisted.internet.posixbase import PosixReactorBase
from zope.interface import directlyProvides, providedBy

from netd.connection.eager import EagerConnection, HotSockets

__all__ = ["EagerReactor"]


class EagerClient(EagerConnection, tcp.Client):
    """The client's side of an eager connection. While it is being made, the reactor itself watches it."""

    def __init__(self, hot: HotSockets, *args: Any) -> None:
        self._hot = hot
        super().__init__(*args)  # type: ignore[no-untyped-call]

    def startReading(self) -> None:
        """Have the hot sockets read this connection, once there is one."""
        if self.connected:
            super().startReading()
        else:
            self.reactor.addReader(self)

    def stopReading(self) -> None:
        """Take this connection out of the hot sockets, and out of the reactor."""
        super().stopReading()
        self.reactor.removeReader(self)


class EagerConnector(tcp.Connector):
    """Makes eager connections."""

    def __init__(self, hot: HotSockets, *args: Any) -> None:
        self._hot = hot
        super().__init__(*args)

    def _makeTransport(self) -> tcp.Client:  # noqa: N802 - Twisted's name
        return EagerClient(self._hot, self.host, self.port, self.bindAddress, self, self.reactor)


class EagerReactor:
    """A *reactor* whose TCP connections are eager; for endpoints that dial. In all else, it is that reactor."""

    def __init__(self, reactor: Any, hot: HotSockets) -> None:
        self._reactor = reactor
        self._hot = hot
        directlyProvides(self, providedBy(reactor))

    @staticmethod
    def can_serve(reactor: object) -> bool:
        """Whether there are eager connections on *reactor*: it makes Twisted's own, and the platform has epoll."""
        return hasattr(select, "epoll") and isinstance(reactor, PosixReactorBase)

    def connectTCP(  # noqa: N802 - Twisted's name
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: Any = None,  # noqa: N803 - likewise
    ) -> IConnector:
        """See ``IReactorTCP``."""
        connector = EagerConnector(self._hot, host, port, factory, timeout, bindAddress, self._reactor)
        connector.connect()
        return connector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

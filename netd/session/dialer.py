"""The way out: names become addresses, and addresses control connections.

An address is dialled as an address: nothing is looked up a second time, so what the allow-list has seen is what is reached.
"""

from __future__ import annotations

import ipaddress
import os
from typing import Any, ClassVar

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.connection.bounds import Bounds, Policy
from netd.connection.protocol import PeerFactory, PeerProtocol
from netd.session.addresses import Address
from netd.session.control import AgentControl
from netd.session.session import TelemetrySession

__all__ = ["AgentControlFactory", "AgentControlProtocol", "Dialer", "resolve"]

QUESTION, ANSWER = b"netd?\n", b"netd"
"""What a newer agent asks, to choose its dialect, and the answer (session protocol, section 2). Old ones ask nothing."""

ADDRESSES = 16
"""Addresses of one name that are looked at."""


class AgentControlProtocol(PeerProtocol):
    """One control connection. Agents ask on it whether this is netd; whatever else they say is dropped."""

    factory: AgentControlFactory
    bounds: ClassVar[Bounds] = Bounds(Policy.DISCONNECT, 1 << 10)
    machine = ("control",)
    control: AgentControl

    def __init__(self, factory: AgentControlFactory, session: TelemetrySession) -> None:
        super().__init__(factory)
        self._session = session
        self._heard = b""

    def opened(self) -> None:
        """Say the id; netd knows whom it has dialled."""
        self.identified()
        self.control = self._session.connected(self.peer)

    def received(self, data: bytes) -> None:
        """Answer the question, once; drop all else. An agent that goes on is hung up on."""
        if len(self._heard) < len(QUESTION):
            self._heard = (self._heard + data)[: len(QUESTION)]
            if self._heard == QUESTION:
                self.peer.send(ANSWER)
        if self._bytes_in > self.factory.most_heard:
            self.refuse("data on the control connection", "agents send nothing there; what came is left out", data)
            self.peer.abort("talks on the control connection")

    def expired(self) -> None:
        """Tell the machine."""
        self.control.expired()

    def closed(self) -> None:
        """Tell the session."""
        self._session.control_lost(self.peer, self.peer.reason or "the agent closed it")

    def describe(self) -> str:
        """Its session and address, for the log."""
        return f"control of session {self._session.id} {super().describe()}"


class AgentControlFactory(PeerFactory):
    """Counts control connections; :class:`Dialer` makes them.

    :cvar most_heard: bytes that an agent may say on one.
    """

    connection = AgentControlProtocol
    most_heard: ClassVar[int] = 1 << 12


class _Dialled(Factory):
    """Builds the one connection of a dialling."""

    noisy = False

    def __init__(self, shared: AgentControlFactory, session: TelemetrySession) -> None:
        self._shared = shared
        self._session = session

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return AgentControlProtocol(self._shared, self._session)


class Dialer:
    """Makes control connections.

    :param port: where agents listen.
    :param timeout: seconds that making one may take.
    :param dial_from: the address of this machine to dial from, or None for any.
    """

    def __init__(self, reactor: Any, factory: AgentControlFactory, port: int, timeout: float, dial_from: str | None) -> None:
        self._reactor = reactor
        self._factory = factory
        self._port = port
        self._timeout = timeout
        self._dial_from = dial_from

    def dial(self, session: TelemetrySession) -> Deferred[Any]:
        """Make the control connection of *session*, and tell it how that went. Cancelling gives up."""
        endpoint_class = TCP6ClientEndpoint if session.address.version == 6 else TCP4ClientEndpoint
        source = (self._dial_from, 0) if self._dial_from is not None else None
        endpoint = endpoint_class(self._reactor, str(session.address), self._port, self._timeout, source)
        connecting: Deferred[Any] = endpoint.connect(_Dialled(self._factory, session))
        connecting.addErrback(lambda failure: session.undiallable(self._reason(session, failure)))
        return connecting

    def _reason(self, session: TelemetrySession, failure: Failure) -> str:
        cause = failure.value
        error = getattr(cause, "osError", None)
        if isinstance(error, int):
            error = os.strerror(error)
        why = failure.getErrorMessage() if error is None else error
        return f"cannot reach the agent at {session.address} port {self._port}: {str(why).rstrip('.')}"


@implementer(IResolutionReceiver)
class _Collector:
    def __init__(self, answer: Deferred[list[Address]]) -> None:
        self._answer = answer
        self._found: list[Address] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802, N803 - Twisted's names
        pass

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802 - Twisted's name
        if isinstance(address, (IPv4Address, IPv6Address)) and len(self._found) < ADDRESSES:
            self._found.append(ipaddress.ip_address(address.host.partition("%")[0]))

    def resolutionComplete(self) -> None:  # noqa: N802 - Twisted's name
        if not self._answer.called:
            self._answer.callback(self._found)


def resolve(reactor: Any, name: str, timeout: float) -> Deferred[list[Address]]:
    """The addresses of *name*, in the resolver's order; none when it has none.

    :raises twisted.internet.defer.TimeoutError: through the Deferred, after *timeout* seconds.
    """
    answer: Deferred[list[Address]] = Deferred()
    reactor.nameResolver.resolveHostName(_Collector(answer), name)
    return answer.addTimeout(timeout, reactor)

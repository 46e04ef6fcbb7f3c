"""Dialling agents: looking up their names, and making the control connections.

An agent is always dialled at an address. Dialling the name would look it up a second time, and could reach another address than
the one that the allow-list has accepted.
"""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.connection.bounds import Bounds, Policy
from netd.connection.dialing import DialFailed, DialledFactory, DialledProtocol
from netd.connection.remotes import tcp_endpoint
from netd.session.addresses import Address
from netd.session.control import AgentControl
from netd.session.rules import SessionRules
from netd.session.session import TelemetrySession

__all__ = ["AgentControlFactory", "AgentControlProtocol", "AgentDialer", "resolve"]

QUESTION, ANSWER = b"netd?\n", b"netd"
"""The question by which a newer agent finds out whether it talks to netd, and the answer (session protocol, section 2).

Old agents ask nothing."""

ADDRESSES = 16
"""Addresses of one name that are considered, at most."""


class AgentControlProtocol(DialledProtocol):
    """One control connection. netd answers the question of newer agents, and drops everything else that an agent sends."""

    factory: AgentControlFactory
    bounds: ClassVar[Bounds] = Bounds(Policy.DISCONNECT, 1 << 10)
    machine = ("control",)
    control: AgentControl

    def __init__(self, factory: AgentControlFactory, session: TelemetrySession) -> None:
        super().__init__(factory)
        self._session = session
        self._heard = b""

    def opened(self) -> None:
        """Tell the session, which sends the id."""
        self.control = self._session.connected(self.peer)

    def received(self, data: bytes) -> None:
        """Answer the question, once; drop everything else, and cut the connection when it is too much."""
        if len(self._heard) < len(QUESTION):
            self._heard = (self._heard + data)[: len(QUESTION)]
            if self._heard == QUESTION:
                self.peer.send(ANSWER)
        if self._bytes_in > self.factory.most_heard:
            self.refuse("data on the control connection", "agents send nothing there; what came is left out", data)
            self.peer.abort("talks on the control connection")

    def expired(self) -> None:
        """Pass the expiry on to the machine."""
        self.control.expired()

    def closed(self) -> None:
        """Tell the session of the end."""
        self._session.control_lost(self.peer, self.peer.reason or "the agent closed it")

    def describe(self) -> str:
        """Its session and address, for the log."""
        return f"control of session {self._session.id} {super().describe()}"


class AgentControlFactory(DialledFactory):
    """Counts control connections; :class:`AgentDialer` makes them.

    :cvar most_heard: bytes that an agent may send on one, at most.
    """

    connection = AgentControlProtocol
    most_heard: ClassVar[int] = 1 << 12


class AgentDialer:
    """Makes control connections: each once, because a session itself says when its agent is dialled again.

    :ivar rules: the options in force.
    :ivar is_paused: True while netd drains. An agent that is dialled connects back, and would be refused: old ones die of that.
    """

    def __init__(self, reactor: Any, factory: AgentControlFactory, rules: SessionRules) -> None:
        self._reactor = reactor
        self._factory = factory
        self.rules = rules
        self.is_paused = False

    def dial(self, session: TelemetrySession) -> Deferred[Any]:
        """Make the control connection of *session*, and tell it how that went. Cancelling gives up."""
        if self.is_paused:
            session.undiallable("netd is draining, and dials no agents")
            return succeed(None)
        rules = self.rules
        endpoint = tcp_endpoint(self._reactor, str(session.address), rules.agent_port, rules.dial_timeout, rules.dial_from)
        connection = AgentControlProtocol(self._factory, session)
        connecting = self._factory.dial(endpoint, connection, rules.dial_timeout)
        return connecting.addErrback(self._failed, session, rules.agent_port)

    def _failed(self, failure: Failure, session: TelemetrySession, port: int) -> None:
        failure.trap(DialFailed)
        session.undiallable(f"cannot reach the agent at {session.address} port {port}: {failure.value}")


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
    """Look *name* up.

    :returns: a Deferred of its addresses, in the order of the resolver.

    :raises twisted.internet.defer.TimeoutError: through the Deferred, after *timeout* seconds.
    """
    answer: Deferred[list[Address]] = Deferred()
    reactor.nameResolver.resolveHostName(_Collector(answer), name)
    return answer.addTimeout(timeout, reactor)

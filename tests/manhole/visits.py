"""A manhole in memory, and a person at a telnet client who visits it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.local import LocalBus
from netd.manhole.config import Config
from netd.manhole.protocol import ManholeProtocol
from netd.manhole.service import ManholeService
from netd.operations import OperationTable

__all__ = ["NAME", "PASSWORD", "ManholeTestCase", "Visit"]

NAME, PASSWORD = "operator", "open sesame"


class Visit:
    """One connection, seen from the client."""

    def __init__(self, protocol: ManholeProtocol, reactor: MemoryReactorClock, host: str, peer: IPv4Address) -> None:
        self.protocol = protocol
        self.reactor = reactor
        self.transport = StringTransport(hostAddress=IPv4Address("TCP", host, 6023), peerAddress=peer)
        self.is_lost = False
        protocol.makeConnection(self.transport)

    def send(self, sent: bytes) -> None:
        """Let these bytes arrive."""
        self.protocol.dataReceived(sent)

    def type(self, line: str) -> bytes:
        """Type a line; what is shown after it."""
        self.shown()
        self.send(line.encode() + b"\r\n")
        return self.shown()

    def shown(self) -> bytes:
        """What arrived since the last time."""
        self.reactor.advance(0)
        shown: bytes = self.transport.value()
        self.transport.clear()
        return shown

    @property
    def is_closing(self) -> bool:
        """Whether the manhole has closed, politely or not."""
        return bool(self.transport.disconnecting)

    def stop_reading(self) -> None:
        """Take no more of what is shown: the transport's buffer fills."""
        producer: Any = self.transport.producer
        producer.pauseProducing()

    def hang_up(self) -> None:
        """Lose the connection."""
        if not self.is_lost:
            self.is_lost = True
            self.protocol.connectionLost(Failure(ConnectionDone()))


class ManholeTestCase(SynchronousTestCase):
    """Asserts at the end that no timer is left."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.table = OperationTable()
        self.bus = LocalBus(float)
        self.events: list[LogEvent] = []
        self.visits: list[Visit] = []
        self.checks: list[tuple[Any, ...]] = []
        self.check: Callable[..., Deferred[Any]] = lambda name, password: succeed(
            self.line if (name, password) == (NAME, PASSWORD) else None
        )
        observer: Any = self.events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.use()

    def tearDown(self) -> None:
        for visit in self.visits:
            visit.hang_up()
        self.reactor.advance(0)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def use(self, **options: Any) -> None:
        """Assemble and start the manhole anew, with these options."""
        self.reactor.tcpServers.clear()
        self.passwords = Path(self.mktemp())
        self.line = f"{NAME}:scrypt$32768$8$3${'A' * 22}==${'A' * 43}="
        self.passwords.write_text(f"{self.line}\n")
        self.passwords.chmod(0o600)
        self.service = ManholeService(Config(password_file=self.passwords, **options), self.reactor, self.bus, self._in_thread)
        self.service.use_operations(self.table)
        self.service.startService()
        self.factory: Any = self.reactor.tcpServers[0][1]

    def _in_thread(self, _function: Any, _path: Path, name: str, password: str) -> Deferred[Any]:
        self.checks.append((name, password))
        return self.check(name, password)

    def visit(self, host: str = "127.0.0.1", peer: str = "127.0.0.1") -> Visit:
        """Connect to *host* from *peer*; the greeting has not been read."""
        address = IPv4Address("TCP", peer, 50412)
        visit = Visit(self.factory.buildProtocol(address), self.reactor, host, address)
        self.visits.append(visit)
        return visit

    def logged_in(self) -> Visit:
        """Connect and log in; everything shown so far has been read."""
        visit = self.visit()
        visit.type(NAME)
        visit.type(PASSWORD)
        return visit

    def log(self) -> str:
        """All that was logged, as text."""
        return "\n".join(formatEvent(event) for event in self.events)

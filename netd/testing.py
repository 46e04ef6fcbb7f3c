"""The public test kit: what netd's own tests stand on, for the authors of further kinds of service.

Nothing here uses real time or a real network.  See ``docs/extending.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netd.bus.local import LocalBus
from netd.codec.jsontext import encode
from netd.config import SectionConfig, parse
from netd.connection.protocol import PeerProtocol
from netd.interfaces import INetdService, IPeer, IServiceKind
from netd.message import Message
from netd.operations import Caller
from netd.principal import ANONYMOUS, Principal, Proof, Role
from netd.secrets.tries import Tries

__all__ = [
    "Connection",
    "FakeRemote",
    "RecordingBus",
    "RecordingLink",
    "RecordingPeer",
    "ServiceKindTests",
    "WallClock",
    "configured",
    "connect",
    "make_caller",
    "result_of",
    "wired",
]


OPERATION_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
"""A noun and a verb, of which command lines and forms can be made."""

OWN_NOUNS = ("bus", "system")
"""The nouns of the daemon's own operations."""

LONG = 3600.0
"""Seconds after which a service that still wanted to dial would have done so."""


class WallClock:
    """A wall clock: it goes on with *clock*, from a day in 2023, and jumps when somebody sets it.

    What is measured by it, or shown by the other, is wrong by years in a test already.

    :ivar offset: what it shows when *clock* shows 0.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.offset = 1_700_000_000.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.offset + self._clock.seconds()

    def step(self, seconds: float) -> None:
        """Set it forth by so many seconds, or back by a negative number of them; *clock* does not notice."""
        self.offset += seconds


class RecordingBus(LocalBus):
    """A bus that keeps all that was published, in order.

    :param wall: the wall clock; without one, it is always the epoch.
    :ivar messages: the messages.
    """

    def __init__(self, wall: Callable[[], float] = float) -> None:
        super().__init__(wall)
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        """Keep *message*, then deliver it."""
        self.messages.append(message)
        super().publish(message)

    def events(self, subject: str) -> list[object]:
        """What was published under exactly *subject*."""
        return [message.event for message in self.messages if message.subject == subject]


@implementer(IPeer)
class RecordingPeer:
    """A peer that writes down what a machine does to it.

    :ivar principal: who is at the other end; set it, to play one who has proved it.
    :ivar sent: the bytes sent so far.
    :ivar closed: the reason it was closed for, or None.
    :ivar expiry: the pending expiry in seconds, or None.
    :ivar is_reading: whether the machine takes bytes.
    :ivar is_full: set it to True to play a peer that reads slowly; :meth:`flush` is then without effect.
    :ivar is_flushed: as with a real one, False from a send until the turn's end, when :meth:`flush` is called.
    :ivar kept: bytes of a message that is not whole.
    :ivar is_fast: set it to False to play a peer whose message comes too slowly to be waited for, unless it has only begun.
    :ivar accepts: set it to False to play a full outbox that refuses.
    :ivar probes: how often the machine wanted to know whether it is there.
    :ivar quiet: seconds since it said something; set it, for :meth:`silence`.
    """

    def __init__(self) -> None:
        self.principal = ANONYMOUS
        self.sent = b""
        self.closed: str | None = None
        self.expiry: float | None = None
        self.is_reading = True
        self.is_full = False
        self.is_flushed = True
        self.accepts = True
        self.probes = 0
        self.quiet = 0.0
        self.kept = 0
        self.is_fast = True

    def send(self, data: bytes) -> bool:
        """Write *data* down."""
        if self.accepts:
            self.sent += data
            self.is_flushed = False
        return self.accepts

    def flush(self) -> None:
        """The turn ends: what was sent is taken, unless the peer is full."""
        self.is_flushed = not self.is_full

    def close(self, reason: str) -> None:
        """Write the first *reason* down."""
        self.closed = self.closed or reason

    def expire_after(self, seconds: float | None) -> None:
        """Write the expiry down."""
        self.expiry = seconds

    def keep(self, size: int, is_new: bool = False) -> bool:
        """Write it down."""
        self.kept = size
        return self.is_fast or is_new

    def set_reading(self, enabled: bool) -> None:
        """Write it down."""
        self.is_reading = enabled

    def probe(self) -> None:
        """Count it."""
        self.probes += 1

    def silence(self) -> float:
        """As the test says."""
        return self.quiet

    def take_sent(self) -> bytes:
        """What was sent since the last call."""
        sent, self.sent = self.sent, b""
        return sent


def make_caller(
    role: Role = Role.ADMIN,
    subjects: tuple[str, ...] | None = None,
    *,
    link: RecordingLink | None = None,
    host: str = "",
    credential: str | None = None,
    tries: Tries | None = None,
) -> Caller:
    """The caller of an operation, as the bearer of the token ``test``; nobody yet, with that role.

    :param link: its connection, where that stays open.
    :param credential: the line of the token, for tests of what belongs to one.
    """
    connection = RecordingLink() if link is None else link
    if role is not Role.NOBODY:
        connection.prove(Principal("test", role, subjects, Proof.TOKEN, credential))
    return Caller(connection, "console", host, link, tries)


class RecordingLink:
    """A console connection that writes down what it is told: the ``link`` of a :class:`netd.operations.Caller`.

    :ivar principal: who is at the other end.
    :ivar told: method and parameters of each notification.
    :ivar is_full: set it to True to play a caller that does not read.
    :ivar probes: how often somebody wanted to know whether it is there.
    :ivar reason: set it to play a connection that broke, and did not end.
    :ivar quiet: seconds since the caller said something; set it, for :meth:`silence`.
    """

    def __init__(self) -> None:
        self.principal = ANONYMOUS
        self.told: list[tuple[str, Any]] = []
        self.is_full = False
        self.probes = 0
        self.reason: str | None = None
        self.quiet = 0.0
        self._when_lost: list[Callable[[], object]] = []

    def prove(self, principal: Principal) -> None:
        """Have it from now on."""
        self.principal = principal

    def notify(self, method: str, params: object) -> None:
        """Write it down."""
        self.told.append((method, params))

    def probe(self) -> None:
        """Count it."""
        self.probes += 1

    def silence(self) -> float:
        """As the test says."""
        return self.quiet

    def when_lost(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call *callback* from :meth:`lose`, unless it is taken back."""
        self._when_lost.append(callback)
        return lambda: self._when_lost.remove(callback)

    def lose(self) -> None:
        """The connection is lost."""
        callbacks, self._when_lost = self._when_lost, []
        for callback in callbacks:
            callback()

    def take_told(self) -> list[tuple[str, Any]]:
        """What it was told since the last call."""
        told, self.told = self.told, []
        return told


class Connection:
    """One side of a connection to a protocol under test, without a network.

    :ivar protocol: the protocol.
    :ivar transport: what it writes to.
    """

    def __init__(self, protocol: PeerProtocol, transport: StringTransport, clock: MemoryReactorClock) -> None:
        self.protocol = protocol
        self.transport = transport
        self._clock = clock

    def say(self, *pieces: bytes) -> bytes:
        """Deliver *pieces*, each as one read, let the turn end, and return what was answered."""
        for piece in pieces:
            self.protocol.dataReceived(piece)
            self._clock.advance(0)
        return self.heard()

    def heard(self) -> bytes:
        """What the protocol has written since the last time."""
        self._clock.advance(0)
        written: bytes = self.transport.value()
        self.transport.clear()
        return written

    @property
    def is_closing(self) -> bool:
        """Whether the protocol has closed or aborted the connection."""
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def lose(self, reason: Any = None) -> None:
        """The connection is lost."""
        self.protocol.connectionLost(reason or Failure(ConnectionDone()))
        self._clock.advance(0)


def connect(factory: Any, clock: MemoryReactorClock, host: str = "127.0.0.1", port: int = 50412) -> Connection:
    """A connection from *host* and *port* to a protocol that *factory* builds."""
    address = (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)
    return _made(factory, address, clock)


def _made(factory: Any, address: Any, clock: MemoryReactorClock) -> Connection:
    """The other end of a connection with *address* to a protocol that *factory* builds."""
    protocol = factory.buildProtocol(address)
    transport = StringTransport(peerAddress=address)
    protocol.makeConnection(transport)
    return Connection(protocol, transport, clock)


class FakeRemote:
    """The remote that a service dials, played by a test: it takes a call or refuses it, and is the other end afterwards.

    A call that is neither taken nor refused lasts until the service gives up. Names lead to 127.0.0.1.

    :param reactor: that of the service; its clock makes the service dial again.
    :param port: the port or the path that is this remote's, for a service that dials several; None for all.
    """

    def __init__(self, reactor: MemoryReactorClock, port: int | str | None = None) -> None:
        self._reactor = reactor
        self._port = port
        self._answered = 0

    @property
    def calls(self) -> list[Any]:
        """Where the service has dialled so far: host and port, or a path, of each call."""
        return [where for where, _, _ in self._calls()]

    @property
    def is_called(self) -> bool:
        """Whether a call waits to be taken or refused."""
        calls = self._calls()
        return len(calls) > self._answered and not calls[-1][2].stoppedConnecting

    def accept(self) -> Connection:
        """Take the newest call.

        :returns: the remote's end of the connection.
        :raises AssertionError: when nobody calls.
        """
        where, factory, _ = self._answer()
        if isinstance(where, str):
            address: Any = UNIXAddress(where)
        else:
            address = (IPv6Address if ":" in where[0] else IPv4Address)("TCP", *where)
        return _made(factory, address, self._reactor)

    def refuse(self, error: Exception | None = None) -> None:
        """Refuse the newest call: as if nobody listened, or with another *error* of ``twisted.internet.error``.

        :raises AssertionError: when nobody calls.
        """
        _, factory, connector = self._answer()
        factory.clientConnectionFailed(connector, Failure(error or Refused()))
        self._reactor.advance(0)

    def _answer(self) -> tuple[Any, Any, Any]:
        assert self.is_called, f"nobody calls; so far: {self.calls}"
        calls = self._calls()
        self._answered = len(calls)
        return calls[-1]

    def _calls(self) -> list[tuple[Any, Any, Any]]:
        """Where, factory and connector of each call to this remote."""
        reactor = self._reactor
        tcp = [((host, port), port, factory) for host, port, factory, *_ in reactor.tcpClients]
        unix = [(path, path, factory) for path, factory, *_ in reactor.unixClients]
        assert not (tcp and unix), "a service that dials TCP and unix sockets is more than this remote can tell apart"
        calls = zip(tcp or unix, reactor.connectors, strict=True)
        return [(where, factory, made) for (where, port, factory), made in calls if self._port in (None, port)]


def configured(kind: IServiceKind, *lines: str) -> Any:
    """The ``Config`` of a section of *kind* in which these lines stand.

    :raises netd.errors.ConfigErrors: when something is wrong with them, as when the daemon reads them.
    """
    text = "\n".join([f"[{kind.kind}]", *lines])
    [section] = parse(text, "test.ini", {kind.kind: kind.config}, {}, 0, "test").sections
    return section.config


def wired(kind: IServiceKind, config: SectionConfig | None = None) -> tuple[Any, Any, MemoryReactorClock, RecordingBus]:
    """A started service of *kind* on a reactor without network.

    :returns: the service, the factory that it listens with (None for a service that does not listen), the reactor (which is its
        clock too), and the bus, whose ``wall`` is a :class:`WallClock`.
    """
    reactor = MemoryReactorClock()
    bus = RecordingBus(WallClock(reactor))
    service: Any = kind.make_service(kind.config() if config is None else config, reactor, bus)
    service.privilegedStartService()
    service.startService()
    servers = [*reactor.tcpServers, *reactor.unixServers, *reactor.sslServers]
    return service, servers[0][1] if servers else None, reactor, bus


def result_of(deferred: Deferred[Any]) -> Any:
    """The result that *deferred* has by now.

    :raises AssertionError: when it has none yet; the exception that it failed with, when it failed.
    """
    results: list[Any] = []
    failures: list[Any] = []
    deferred.addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    assert results, f"{deferred!r} has no result yet"
    return results[0]


class ServiceKindTests:
    """What every kind of service must keep; mix into a ``SynchronousTestCase`` and set :attr:`kind`.

    :cvar kind: the kind under test.
    :cvar options: lines of its section. A kind with options that must be written needs them.
    """

    kind: IServiceKind
    options: tuple[str, ...] = ()

    def test_provides_the_interfaces(self) -> None:
        """The daemon can use the kind and its services."""
        verifyObject(IServiceKind, self.kind)
        verifyObject(INetdService, self._make()[0])

    def test_building_touches_nothing(self) -> None:
        """Building a service neither listens, dials nor starts a clock: a configuration can be checked without side effects."""
        _service, reactor = self._make()
        assert not (reactor.tcpServers or reactor.unixServers or reactor.connectors or reactor.getDelayedCalls())

    def test_operations_carry_the_kind(self) -> None:
        """Operations are called ``noun.verb``, and say what they do and whose they are: consoles go by all three."""
        for operation in self._make()[0].operations():
            assert OPERATION_NAME.fullmatch(operation.name), f"{operation.name}: call it {self.kind.kind}.verb"
            assert operation.name.partition(".")[0] not in OWN_NOUNS, f"{operation.name}: the noun is the daemon's own"
            assert operation.kind == self.kind.kind, f"{operation.name}: say kind={self.kind.kind!r}, or use that as its noun"
            assert operation.summary, operation.name

    def test_stops_without_a_trace(self) -> None:
        """After a start and a stop no timer, no listener and no call is left."""
        service, factory, reactor, _bus = wired(self.kind, self._config())
        assert factory is None or IProtocolFactory.providedBy(factory)
        json.loads(encode(service.status()))
        result_of(service.stopService())
        reactor.advance(0)
        assert reactor.getDelayedCalls() == [], reactor.getDelayedCalls()
        assert not FakeRemote(reactor).is_called, FakeRemote(reactor).calls

    def test_leaves_its_remote(self) -> None:
        """A service that dials ends its connection when it stops, and dials no more."""
        service, _factory, reactor, _bus = wired(self.kind, self._config())
        remote = FakeRemote(reactor)
        if remote.calls:
            connection = remote.accept()
            stopped = service.stopService()
            reactor.advance(self._config().stop_timeout)
            assert connection.is_closing, "the connection stays open"
            connection.lose()
            result_of(stopped)
            reactor.advance(LONG)
            assert not remote.is_called, remote.calls
            assert reactor.getDelayedCalls() == [], reactor.getDelayedCalls()

    def _config(self) -> Any:
        return configured(self.kind, *self.options)

    def _make(self) -> tuple[Any, MemoryReactorClock]:
        reactor = MemoryReactorClock()
        return self.kind.make_service(self._config(), reactor, RecordingBus()), reactor

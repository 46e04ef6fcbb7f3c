"""A service that dials, from its section to its end: without a network."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netd.config import DialingConfig, option, remote
from netd.connection.bounds import Bounds, Policy
from netd.connection.budget import Budget, Quota
from netd.connection.dialing import DialledFactory, DialledProtocol
from netd.dialing import DialingService
from netd.interfaces import IBudgeted, IBus, IDrainable, INetdService, IServiceKind
from netd.listening import make_context
from netd.operations import Operation
from netd.testing import FakeRemote, ServiceKindTests, configured, prepared, result_of, wired


@attrs.frozen(kw_only=True)
class BridgeConfig(DialingConfig):
    """Says goodbye."""

    remote: str = option(remote, "tcp:10.0.0.7:5025", help="Where to dial.", live=True)


class BridgeProtocol(DialledProtocol):
    """Says goodbye when the service stops."""

    bounds: ClassVar[Bounds] = Bounds(Policy.REFUSE, 1 << 10)

    def finish(self) -> None:
        self.peer.send(b"goodbye")
        super().finish()


class BridgeFactory(DialledFactory):
    connection = BridgeProtocol


@implementer(INetdService)
class BridgeService(DialingService):
    """Dials."""

    instance = "main"

    def operations(self) -> list[Operation]:
        """It offers none."""
        return []

    def status(self) -> dict[str, Any]:
        """What it dials."""
        return {"kind": "bridge", "instance": "main", "dialling": self.dialling(), "counters": self._factory.counters()}


@implementer(IServiceKind)
class BridgeKind:
    """A made-up kind."""

    kind = "bridge"
    config = BridgeConfig

    def make_service(self, config: BridgeConfig, reactor: Any, bus: IBus) -> Any:
        factory = BridgeFactory("bridge", make_context(reactor, config.stall_timeout, config.dead_timeout))
        return BridgeService(config, factory, reactor, lambda: 0.0)


KIND = BridgeKind()


class BridgeKindTests(ServiceKindTests, SynchronousTestCase):
    """A service that dials keeps what every kind must keep."""

    kind = KIND


class DialingServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.service, _, self.reactor, _ = wired(KIND, configured(KIND, "remote = tcp:10.0.0.9:7"))
        self.remote = FakeRemote(self.reactor)

    def test_dials(self) -> None:
        """The remote of the section is dialled from the start of the service on, and dialled again."""
        self.assertEqual(self.remote.calls, [("10.0.0.9", 7)])
        self.assertIsNone(self.service.connection)
        self.remote.refuse()
        self.reactor.advance(0.5)
        connection = self.remote.accept()
        self.assertTrue(self.service.connection.peer.is_open)
        connection.lose()
        self.assertEqual(len(self.remote.calls), 2)
        [facts] = self.service.status()["dialling"]
        self.assertEqual((facts.remote, facts.state, facts.next_attempt), ("tcp:10.0.0.9:7", "waiting", 1.0))

    def test_options(self) -> None:
        """How long an attempt may take and how long the waits are is said by the section."""
        lines = ("dial_timeout = 3s", "reconnect_delay = 20s", "max_reconnect_delay = 30s")
        service, _, reactor, _ = wired(KIND, configured(KIND, *lines))
        waits = []
        for _ in range(2):
            reactor.advance(3)
            [facts] = service.dialling()
            waits.append(facts.next_attempt)
            reactor.advance(facts.next_attempt)
        self.assertEqual((waits, facts.last_failure[:22]), ([10.0, 15.0], "no answer within 3 s: "))

    def test_reload(self) -> None:
        """A connection stays when only limits and times change; another remote gets a connection of its own."""
        connection = self.remote.accept()
        lines = ("remote = tcp:10.0.0.9:7", "stall_timeout = 3s", "dial_timeout = 4s", "reconnect_delay = 20s")
        change = prepared(self.service, configured(KIND, *lines))
        self.assertEqual(change.mistakes, [])
        change.apply()
        self.assertFalse(connection.is_closing)
        self.assertEqual(self.service._factory.context.stall_timeout, 3)
        prepared(self.service, configured(KIND, "remote = tcp:10.0.0.9:8", *lines[1:])).apply()
        self.assertEqual((connection.heard(), connection.is_closing), (b"goodbye", True))
        connection.lose()
        self.reactor.advance(10)
        self.assertEqual((self.remote.calls[-1], self.reactor.tcpClients[-1][3]), (("10.0.0.9", 8), 4))

    def test_stop(self) -> None:
        """A service that stops says what it has to say, and waits for the end of its connection."""
        connection = self.remote.accept()
        stopped: list[Any] = []
        self.service.stopService().addCallback(stopped.append)
        self.assertEqual((connection.heard(), connection.is_closing, stopped), (b"goodbye", True, []))
        connection.lose()
        self.assertEqual((stopped, self.reactor.getDelayedCalls(), self.remote.is_called), ([None], [], False))

    def test_impatient_stop(self) -> None:
        """A remote that does not close its side is cut."""
        connection = self.remote.accept()
        self.service.stopService()
        self.reactor.advance(5)
        self.assertTrue(connection.transport.disconnected)

    def test_drain(self) -> None:
        """A drained service dials no more, and keeps what it has."""
        connection = self.remote.accept()
        result_of(self.service.drain())
        self.assertFalse(connection.is_closing)
        connection.lose()
        self.reactor.advance(3600)
        self.assertEqual((self.remote.is_called, self.service.dialling()[0].state), (False, "stopped"))

    def test_paused(self) -> None:
        """A daemon that drains ends the connection at the deadline; it is made again when the drain is taken back."""
        verifyObject(IDrainable, self.service)
        connection = self.remote.accept()
        self.service.pause()
        self.assertFalse(connection.is_closing)
        finished = self.service.finish()
        self.assertEqual((connection.heard(), connection.is_closing), (b"goodbye", True))
        connection.lose()
        self.assertIsNone(result_of(finished))
        self.reactor.advance(3600)
        self.assertFalse(self.remote.is_called)
        self.service.resume()
        self.assertTrue(self.remote.is_called)

    def test_budget(self) -> None:
        """The connection counts in the daemon's budget, whatever the section's share is."""
        verifyObject(IBudgeted, self.service)
        budget = Budget(self.reactor.seconds)
        self.service.use_budget(budget, Quota(connections=0))
        budget.limit = 1
        connection = self.remote.accept()
        self.assertEqual((budget.is_full, connection.is_closing), (True, False))

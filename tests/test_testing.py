"""The public test kit, held against a real kind, and against made-up ones that break each of its rules."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError
from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netd.config import SectionConfig
from netd.errors import ConfigErrors
from netd.interfaces import IBus, INetdService, IPeer, IServiceKind
from netd.kinds import ServiceKind
from netd.message import Message
from netd.operations import Operation, Role
from netd.testing import (
    FakeRemote,
    RecordingBus,
    RecordingPeer,
    ServiceKindTests,
    configured,
    connect,
    make_caller,
    result_of,
    wired,
)

RELAY = ServiceKind("relay", "netd.relay")


class RelayKindTests(ServiceKindTests, SynchronousTestCase):
    """The relay keeps what every kind must keep."""

    kind = RELAY


@implementer(INetdService)
class Pump(Service):
    """A service without a fault: it listens, and has one operation."""

    instance = "main"

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def startService(self) -> None:
        super().startService()
        self.reactor.listenTCP(7001, Factory())

    def stopService(self) -> Any:
        super().stopService()
        return succeed(None)

    def operations(self) -> list[Operation]:
        return [Operation("pump.stop", lambda: None, Role.ADMIN, "Stop it")]

    def status(self) -> dict[str, Any]:
        return {"listening": [], "counters": {}}

    def drain(self) -> Any:
        return succeed(None)


@implementer(IServiceKind)
class PumpKind:
    """Makes services of the class that the test hands in."""

    kind = "pump"
    config = SectionConfig

    def __init__(self, service_class: Callable[[Any], Any]) -> None:
        self.service_class = service_class

    def make_service(self, config: SectionConfig, reactor: object, bus: IBus) -> Any:
        return self.service_class(reactor)


class RuleTests(SynchronousTestCase):
    def broken_rules(self, service_class: Callable[[Any], Any]) -> list[str]:
        """The tests of the kit that a kind with this service does not pass."""

        class Case(ServiceKindTests, SynchronousTestCase):
            kind = PumpKind(service_class)

        outcome = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(outcome)
        self.assertEqual(5, outcome.testsRun)
        return [case.id().rpartition(".")[2] for case, _ in (*outcome.failures, *outcome.errors)]

    def test_faultless(self) -> None:
        """A kind that keeps the rules passes."""
        self.assertEqual([], self.broken_rules(Pump))

    def test_service_that_does_not_listen(self) -> None:
        """A kind whose service only follows the bus, or only calls out, passes, and there is no factory to connect to."""

        class Follower(Pump):
            def startService(self) -> None:
                Service.startService(self)

        self.assertEqual([], self.broken_rules(Follower))
        service, factory, _reactor, _bus = wired(PumpKind(Follower))
        self.assertEqual((True, None), (bool(service.running), factory))

    def test_interface(self) -> None:
        """A service without a part that the daemon calls is found."""

        class NoDrain(Pump):
            drain = None  # type: ignore[assignment]  # this is what the test is about

        self.assertEqual(["test_provides_the_interfaces"], self.broken_rules(NoDrain))

    def test_eager(self) -> None:
        """A service that takes a port or a timer before it is started is found."""

        class TakesPort(Pump):
            def __init__(self, reactor: Any) -> None:
                super().__init__(reactor)
                reactor.listenTCP(7001, Factory())

        class TakesTimer(Pump):
            def __init__(self, reactor: Any) -> None:
                super().__init__(reactor)
                reactor.callLater(1, print)

        class Dials(Pump):
            def __init__(self, reactor: Any) -> None:
                super().__init__(reactor)
                reactor.connectTCP("10.0.0.7", 5025, ClientFactory())

        self.assertIn("test_building_touches_nothing", self.broken_rules(Dials))
        self.assertIn("test_building_touches_nothing", self.broken_rules(TakesPort))
        self.assertIn("test_building_touches_nothing", self.broken_rules(TakesTimer))

    def test_names(self) -> None:
        """An operation that is not named for its kind, or says nothing of itself, is found."""

        class Misnamed(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("stop", lambda: None, Role.ADMIN, "Stop it")]

        class Foreign(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("history.stop", lambda: None, Role.ADMIN, "Stop it")]

        class Usurper(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("system.stop", lambda: None, Role.ADMIN, "Stop it", kind="pump")]

        class Mute(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("pump.stop", lambda: None, Role.ADMIN, "")]

        for service_class in (Misnamed, Foreign, Usurper, Mute):
            self.assertEqual(["test_operations_carry_the_kind"], self.broken_rules(service_class), service_class)

    def test_nouns(self) -> None:
        """An operation may have another noun than its kind, when it says whose it is."""

        class Historian(Pump):
            def operations(self) -> list[Operation]:
                return [Operation("history.query", lambda: None, Role.VIEWER, "Query", kind="pump")]

        self.assertEqual([], self.broken_rules(Historian))

    def test_leftovers(self) -> None:
        """A service that leaves a timer, never finishes stopping, or has a status that is no JSON is found."""

        class LeavesTimer(Pump):
            def startService(self) -> None:
                super().startService()
                self.reactor.callLater(60, print)

        class NeverStops(Pump):
            def stopService(self) -> Any:
                return Deferred()

        class Opaque(Pump):
            def status(self) -> dict[str, Any]:
                return {"reactor": self.reactor}

        class GoesOnDialling(Pump):
            def startService(self) -> None:
                super().startService()
                self.reactor.connectTCP("10.0.0.7", 5025, ClientFactory())

        for service_class in (LeavesTimer, NeverStops, Opaque):
            self.assertEqual(["test_stops_without_a_trace"], self.broken_rules(service_class), service_class)
        both = ["test_leaves_its_remote", "test_stops_without_a_trace"]
        self.assertEqual(both, self.broken_rules(GoesOnDialling))


class RecordingTests(SynchronousTestCase):
    def test_bus(self) -> None:
        """A recording bus delivers like the real one, and remembers."""
        bus = RecordingBus()
        received: list[Message] = []
        verifyObject(IBus, bus)
        bus.subscribe("pump.>", received.append)
        messages = [Message("pump.a", 1), Message("valve", 2), Message("pump.a", 3)]
        for message in messages:
            bus.publish(message)
        self.assertEqual((messages, [1, 3], [messages[0], messages[2]]), (bus.messages, bus.events("pump.a"), received))

    def test_wall_clock(self) -> None:
        """The bus of a wired service has a wall clock that goes on with the reactor's, years off it, and can be set."""
        _service, _factory, reactor, bus = wired(RelayKindTests.kind)
        began = bus.wall()
        self.assertGreater(began - reactor.seconds(), 10**9)
        reactor.advance(5)
        self.assertEqual(bus.wall() - began, 5)
        bus.wall.step(-3600)
        message = Message("pump.a", 1)
        bus.publish(message)
        self.assertEqual((message.time - began, reactor.seconds()), (-3595, 5))

    def test_peer(self) -> None:
        """A recording peer writes down what a machine does to it."""
        peer = RecordingPeer()
        verifyObject(IPeer, peer)
        self.assertEqual((True, None, None, True), (peer.is_flushed, peer.closed, peer.expiry, peer.is_reading))
        self.assertTrue(peer.send(b"a"))
        peer.send(b"b")
        peer.close("first")
        peer.close("second")
        peer.expire_after(2.5)
        peer.set_reading(False)
        self.assertEqual((b"ab", "first", 2.5, False), (peer.take_sent(), peer.closed, peer.expiry, peer.is_reading))
        peer.accepts = False
        self.assertFalse(peer.send(b"c"))
        self.assertEqual(b"", peer.take_sent())

    def test_result(self) -> None:
        """The result of a Deferred is had at once, its failure raised, and a missing one is an error of the test."""
        self.assertEqual(3, result_of(succeed(3)))
        self.assertIsNone(result_of(succeed(None)))
        self.assertRaises(ZeroDivisionError, result_of, fail(ZeroDivisionError()))
        self.assertIn("no result yet", str(self.assertRaises(AssertionError, result_of, Deferred())))


class ConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.service, self.factory, self.reactor, self.bus = wired(RELAY)

    def test_wired(self) -> None:
        """A wired service runs with its defaults, or with what the test configures."""
        self.assertEqual({5050}, {server[0] for server in self.reactor.tcpServers})
        config = RELAY.config(instance="lab2", listen=("unix:/run/relay.sock",))
        service, _factory, reactor, _bus = wired(RELAY, config)
        self.assertEqual(("lab2", ["/run/relay.sock"]), (service.instance, [server[0] for server in reactor.unixServers]))

    def test_conversation(self) -> None:
        """A connection says bytes in pieces and hears the answer; it sees its end, and can be lost."""
        caller = connect(self.factory, self.reactor, "192.168.1.20", 40000)
        self.assertEqual(b"", caller.say(b"6".ljust(64), b"pyt"))
        self.assertTrue(caller.say(b"hon", b"|no target|".ljust(64)).endswith(b"|no raspberrypies|"))
        self.assertFalse(caller.is_closing)
        caller.say(b"12".ljust(64), b"|disconnect|")
        self.assertTrue(caller.is_closing)
        caller.lose()
        self.assertEqual(0, self.service.status().connections)

    def test_addresses(self) -> None:
        """A connection comes from where the test says, IPv6 included; devices are known by it."""
        for host, port in (("192.168.1.20", 40000), ("2001:db8::7", 40001)):
            connect(self.factory, self.reactor, host, port).say(b"11".ljust(64) + b"raspberrypi")
        addresses = [device.address for device in self.service.devices(make_caller(Role.VIEWER))]
        self.assertEqual(["('192.168.1.20', 40000)", "('2001:db8::7', 40001)"], addresses)


class EchoClient(Protocol):
    """Says everything back, and writes down why it ended."""

    ended = ""

    def dataReceived(self, data: bytes) -> None:
        cast(StringTransport, self.transport).write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended = reason.getErrorMessage()


class EchoClients(ClientFactory):
    """Makes one of them, and writes down why there is none."""

    failed = ""

    def buildProtocol(self, addr: Any) -> EchoClient:
        self.address = addr
        self.made = EchoClient()
        return self.made

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.failed = reason.getErrorMessage()


class FakeRemoteTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.clients = EchoClients()

    def test_accept(self) -> None:
        """A remote that takes a call is the other end of a connection: it says, hears and hangs up."""
        remote = FakeRemote(self.reactor)
        self.reactor.connectTCP("fd00::7", 5025, self.clients)
        self.assertTrue(remote.is_called)
        connection = remote.accept()
        self.assertEqual((remote.is_called, remote.calls), (False, [("fd00::7", 5025)]))
        self.assertEqual(connection.say(b"hello"), b"hello")
        connection.lose()
        self.assertEqual((self.clients.made.ended[:29], self.clients.address.host), ("Connection was closed cleanly", "fd00::7"))

    def test_refuse(self) -> None:
        """A remote refuses as if nobody listened, or as the test wants."""
        remote = FakeRemote(self.reactor)
        for error, why in ((None, "Connection was refused by other side."), (ConnectError(string="melted"), "melted")):
            self.reactor.connectUNIX("/run/x.sock", self.clients)
            remote.refuse(error)
            self.assertIn(why, self.clients.failed)
        self.assertEqual(remote.calls, ["/run/x.sock"] * 2)

    def test_unix(self) -> None:
        """A unix socket is answered as well."""
        self.reactor.connectUNIX("/run/x.sock", self.clients)
        FakeRemote(self.reactor).accept()
        self.assertEqual(self.clients.address.name, b"/run/x.sock")

    def test_nobody_calls(self) -> None:
        """A test that answers a call that is not there, or was given up, is told so."""
        remote = FakeRemote(self.reactor)
        self.assertIn("nobody calls; so far: []", str(self.assertRaises(AssertionError, remote.accept)))
        self.reactor.connectTCP("10.0.0.7", 5025, self.clients).stopConnecting()
        self.assertIn("nobody calls", str(self.assertRaises(AssertionError, remote.refuse)))

    def test_several(self) -> None:
        """Each of several remotes answers its own calls; TCP and unix sockets at once are too much."""
        one, other = FakeRemote(self.reactor, 1), FakeRemote(self.reactor, 2)
        self.reactor.connectTCP("10.0.0.7", 1, self.clients)
        self.assertEqual((one.is_called, other.is_called), (True, False))
        self.reactor.connectTCP("10.0.0.7", 2, self.clients)
        one.accept()
        self.assertEqual((one.is_called, other.is_called), (False, True))
        self.reactor.connectUNIX("/run/x.sock", self.clients)
        self.assertRaises(AssertionError, one.accept)

    def test_configured(self) -> None:
        """A section is read as the daemon reads it, with all its mistakes."""
        self.assertEqual(configured(RELAY, "listen = tcp:7", "device_queue = 64KiB").device_queue, 1 << 16)
        error = str(self.assertRaises(ConfigErrors, configured, RELAY, "listen = tcp:7", "device_quee = 64KiB"))
        self.assertIn("test.ini:3: [relay]", error)

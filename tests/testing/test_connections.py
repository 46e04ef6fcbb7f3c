"""The other ends of connections: clients of a real service, and remotes of made-up clients."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.error import ConnectError
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ConfigErrors
from netd.kinds import ServiceKind
from netd.operations import Role
from netd.testing import FakeRemote, configured, connect, make_caller, wired

RELAY = ServiceKind("relay", "netd.relay")


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
        addresses = [device.address for device in self.service.devices(make_caller(Role.VIEWER)).rows]
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
        self.assertEqual(configured(RELAY, "listen = loopback:7", "device_queue = 64KiB").device_queue, 1 << 16)
        error = str(self.assertRaises(ConfigErrors, configured, RELAY, "listen = loopback:7", "device_quee = 64KiB"))
        self.assertIn("test.ini:3: [relay]", error)

"""Stand-ins that write down what is done to them."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from netd.interfaces import IBus, IPeer
from netd.kinds import ServiceKind
from netd.message import Message
from netd.testing import RecordingBus, RecordingPeer, result_of, wired

RELAY = ServiceKind("relay", "netd.relay")


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
        _service, _factory, reactor, bus = wired(RELAY)
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

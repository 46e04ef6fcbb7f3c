"""Hot sockets, over real ones: what the module leans on in Twisted, what leaves, and how it ends."""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

from netd.connection.eager import ACCEPTS, FIRST_READ, MANY, EagerServer, HotSockets, bound_accepts, cut, unsent_of
from netd.connection.vigil import describe_end, signs_of
from tests.connection.connections import PATIENCE, Listener, Producer, SocketTests, fail
from tests.connection.transports import block_of


class TwistedTests(SocketTests):
    """The facts about Twisted that the module leans on."""

    def test_port_builds_transports(self) -> None:
        """``tcp.Port.transport`` is what builds a transport: adopted, a port accepts hot connections."""
        built: list[Listener] = []

        class Recorded(Listener):
            def makeConnection(self, transport: object) -> None:
                built.append(self)
                super().makeConnection(transport)

        factory = Factory.forProtocol(Recorded)
        factory.noisy = False
        port = tcp.Port(0, factory, interface="127.0.0.1", reactor=self.reactor)
        port.startListening()
        self.addCleanup(port.connectionLost, Failure(ConnectionDone()))
        self.assertTrue(HotSockets.can_serve(self.reactor, port))
        self.hot.adopt(port)
        theirs = socket.create_connection(("127.0.0.1", port.getHost().port), PATIENCE)
        self.addCleanup(theirs.close)
        port.doRead()
        (listener,) = built
        transport: Any = listener.transport
        self.addCleanup(transport.connectionLost, Failure(ConnectionDone()))
        self.assertIsInstance(transport, EagerServer)
        self.assertEqual(theirs.getsockname(), (transport.getPeer().host, transport.getPeer().port))
        self.assertNotIn(transport, self.reactor.readers)
        theirs.sendall(b"hello")
        self.hot.doRead()
        self.assertEqual([b"hello"], listener.heard)

    def test_accepts_are_bounded(self) -> None:
        """However many newcomers wait, a port accepts some of them, and then others have their turn."""
        factory = Factory.forProtocol(Listener)
        factory.noisy = False
        port = tcp.Port(0, factory, backlog=100, interface="127.0.0.1", reactor=self.reactor)
        port.startListening()
        self.addCleanup(port.connectionLost, Failure(ConnectionDone()))
        bound_accepts(port)
        for _ in range(3 * ACCEPTS):
            theirs = socket.create_connection(("127.0.0.1", port.getHost().port), PATIENCE)
            self.addCleanup(theirs.close)
        for number in (1, 2, 3):
            port.doRead()
            self.assertEqual(port.sessionno, number * ACCEPTS)
        for reader in list(self.reactor.readers):
            if isinstance(reader, tcp.Server):
                reader.connectionLost(Failure(ConnectionDone()))

    def test_unix_ports_are_left_alone(self) -> None:
        """A unix socket's port is a ``tcp.Port`` too, but its connections are other ones: it stays as it is."""
        port = unix.Port(self.mktemp(), Factory(), reactor=self.reactor)
        self.assertIsInstance(port, tcp.Port)
        self.assertFalse(HotSockets.can_serve(self.reactor, port))

    def test_others_are_left_alone(self) -> None:
        """Reactors without descriptors, and ports that are none of TCP, stay as they are."""
        port = tcp.Port(0, Factory(), reactor=self.reactor)
        self.assertFalse(HotSockets.can_serve(Clock(), port))
        self.assertFalse(HotSockets.can_serve(self.reactor, object()))

    def test_buffers(self) -> None:
        """``dataBuffer``, ``offset`` and ``_tempDataBuffer`` hold what is unsent: written on a full socket, and half sent."""
        transport, _listener, theirs = self.connect()
        transport.write(b"x" * 100_000)
        sent = 100_000 - unsent_of(transport)
        buffered = (transport.dataBuffer, transport.offset, transport._tempDataBuffer)
        self.assertEqual((b"", 0, [b"x" * unsent_of(transport)]), buffered)
        self.assertEqual(sent, len(theirs.recv(100_000, socket.MSG_DONTWAIT)))
        transport.doWrite()
        self.assertEqual([], transport._tempDataBuffer)
        self.assertGreater(transport.offset, 0)
        self.assertEqual(unsent_of(transport), len(transport.dataBuffer) - transport.offset)
        transport.write(b"yy")
        self.assertEqual([b"yy"], transport._tempDataBuffer)
        self.assertEqual(unsent_of(transport), len(transport.dataBuffer) - transport.offset + 2)
        rest = self.read_all(theirs, 100_002 - sent, transport)
        self.assertEqual(b"x" * (100_000 - sent) + b"yy", rest)
        buffered = (transport.dataBuffer, transport.offset, transport._tempDataBuffer)
        self.assertEqual(((b"", 0, []), 0), (buffered, unsent_of(transport)))


class WriteTests(SocketTests):
    def test_at_once(self) -> None:
        """What is written is with the peer before the reactor does anything."""
        transport, _listener, theirs = self.connect()
        transport.write(b"hello")
        self.assertEqual(b"hello", theirs.recv(100, socket.MSG_DONTWAIT))
        self.assertEqual(([], 0), (self.reactor.writers, unsent_of(transport)))
        transport.write(b"")
        self.assertEqual([], self.reactor.writers)

    def test_partial_send(self) -> None:
        """As soon as the peer leaves one byte, the producer is paused; it goes on when the last one was taken, and not before."""
        transport, _listener, theirs = self.connect()
        producer = Producer()
        transport.registerProducer(producer, True)
        block = block_of(100_000)
        transport.write(block)
        self.assertEqual((["pause"], [transport]), (producer.calls, self.reactor.writers))
        taken = 100_000 - unsent_of(transport)
        self.assertEqual(block[:taken], theirs.recv(100_000))
        transport.doWrite()
        self.assertEqual(["pause"], producer.calls)
        self.assertEqual(block[taken:], self.read_all(theirs, 100_000 - taken, transport))
        self.assertEqual((["pause", "resume"], []), (producer.calls, self.reactor.writers))
        transport.write(b"again")
        self.assertEqual(b"again", theirs.recv(100, socket.MSG_DONTWAIT))

    def test_one_byte_left(self) -> None:
        """A single byte that does not fit pauses the producer, though Twisted's own limit is far away."""
        transport, _listener, theirs = self.connect()
        producer = Producer()
        transport.registerProducer(producer, True)
        while not producer.calls:
            transport.write(b"x")
        self.assertEqual((1, ["pause"]), (unsent_of(transport), producer.calls))
        transport.write(b"y")
        self.assertEqual((2, ["pause"]), (unsent_of(transport), producer.calls))
        theirs.recv(100_000)
        transport.doWrite()
        self.assertEqual((0, ["pause", "resume"]), (unsent_of(transport), producer.calls))

    def test_nothing_overtakes(self) -> None:
        """While something waits, what follows waits behind it, though the operating system has room by then."""
        transport, _listener, theirs = self.connect()
        block = block_of(50_000)
        transport.write(block)
        received = theirs.recv(1 << 16)
        transport.write(b"b")
        self.assertEqual([], select.select([theirs], [], [], 0)[0])
        transport.doWrite()
        received += theirs.recv(1 << 16)
        self.assertNotEqual(b"", transport.dataBuffer)
        transport.write(b"c")
        self.assertEqual([], select.select([theirs], [], [], 0)[0])
        transport.doWrite()
        received += self.read_all(theirs, 50_002 - len(received), transport)
        self.assertEqual(block + b"bc", received)

    def test_much(self) -> None:
        """Megabytes arrive whole and in order, with writes of every size in between."""
        transport, _listener, theirs = self.connect()
        blocks = [block_of(n * 997 % 50_000, n) for n in range(100)]
        for block in blocks:
            transport.write(block)
        wanted = b"".join(blocks)
        self.assertEqual(wanted, self.read_all(theirs, len(wanted), transport))

    def test_to_a_peer_that_is_gone(self) -> None:
        """A write to a broken connection does not raise; the reactor meets the error and reports it."""
        transport, listener, theirs = self.connect()
        theirs.close()
        transport.write(b"hello")
        self.assertEqual(5, unsent_of(transport))
        self.reactor.work(transport, transport.doWrite)
        assert listener.lost is not None
        self.assertTrue(listener.lost.check(ConnectionLost))

    def test_after_the_end(self) -> None:
        """What is written after the connection was lost goes nowhere, in silence."""
        transport, _listener, _theirs = self.connect()
        producer = Producer()
        transport.registerProducer(producer, True)
        transport.connectionLost(Failure(ConnectionDone()))
        transport.write(b"hello")
        self.assertEqual((0, ["stop"]), (unsent_of(transport), producer.calls))

    def test_signs_of_life(self) -> None:
        """The operating system tells when a peer was heard last, and still does when the connection is gone."""
        transport, _listener, theirs = self.connect_tcp()
        theirs.send(b"x")
        signs = signs_of(transport)
        assert signs is not None
        self.assertTrue(0 <= signs.byte < PATIENCE and 0 <= signs.life < PATIENCE, signs)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        transport.write(b"to nobody")
        transport.connectionLost(Failure(CONNECTION_LOST))
        self.assertIsNone(signs_of(transport))
        assert transport.last_signs is not None
        self.assertGreaterEqual(transport.last_signs.byte, signs.byte)
        self.assertEqual("reset by the peer", describe_end(Failure(CONNECTION_LOST), transport))
        self.assertEqual(errno.ECONNRESET, transport.errno)

    def test_reset_that_nobody_met(self) -> None:
        """Why a connection broke is asked for at its end, too, where neither a read nor a write has met it."""
        transport, _listener, theirs = self.connect_tcp()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        select.select([transport], [], [], PATIENCE)
        transport.connectionLost(Failure(CONNECTION_LOST))
        self.assertEqual(errno.ECONNRESET, transport.errno)

    def test_full(self) -> None:
        """A full connection is not a broken one, and tells no reason: it goes on when its peer reads."""
        transport, listener, theirs = self.connect()
        block = block_of(100_000)
        transport.write(block)
        unsent = unsent_of(transport)
        self.reactor.work(transport, transport.doWrite)
        self.assertEqual((unsent, None, 0), (unsent_of(transport), listener.lost, transport.errno))
        self.assertEqual(block, self.read_all(theirs, 100_000, transport))

    def test_after_fin(self) -> None:
        """What is written after FIN goes nowhere, and pauses nobody; what was written before it arrives."""
        transport, _listener, theirs = self.connect()
        producer = Producer()
        transport.registerProducer(producer, True)
        transport.write(b"bye")
        transport.loseWriteConnection()
        transport.doWrite()
        transport.write(b"late")
        self.assertEqual((b"bye", b"", []), (theirs.recv(100), theirs.recv(100), producer.calls))

    def test_half_close_and_close(self) -> None:
        """A full connection that is closed sends all it has first."""
        transport, listener, theirs = self.connect()
        block = block_of(100_000)
        transport.write(block)
        transport.loseConnection()
        self.assertIsNone(listener.lost)
        self.assertEqual(block, self.read_all(theirs, 100_000, transport))
        self.assertIsNotNone(listener.lost)
        self.assertEqual(b"", theirs.recv(1))


class WrapperTests(SocketTests):
    """A connection below others, as TLS is one."""

    def wrap(self, transport: EagerServer) -> tuple[ProtocolWrapper, Listener]:
        """A connection over *transport*, and one over that."""
        lower, upper = (ProtocolWrapper(WrappingFactory(Factory()), Listener()) for _ in range(2))
        lower.wrappedProtocol, listener = upper, upper.wrappedProtocol
        transport.protocol = lower
        lower.makeConnection(transport)
        return upper, listener

    def test_unsent(self) -> None:
        """What waits is known of a connection over another one; where nothing is known, nothing waits."""
        transport, _listener, _theirs = self.connect()
        wrapper = ProtocolWrapper(WrappingFactory(Factory()), Listener())
        wrapper.makeConnection(transport)
        wrapper.write(bytes(100_000))
        self.assertGreater(unsent_of(transport), 0)
        self.assertEqual((unsent_of(transport), 0), (unsent_of(wrapper), unsent_of(object())))

    def test_cut(self) -> None:
        """A connection that is cut is reset, and its descriptor free, before anything else happens, however deep it is."""
        for is_wrapped in (False, True):
            transport, listener, theirs = self.connect_tcp()
            top: Any = transport
            if is_wrapped:
                top, listener = self.wrap(transport)
            cut(top)
            self.assertEqual(-1, transport.fileno())
            assert listener.lost is not None
            self.assertTrue(listener.lost.check(ConnectionAborted))
            self.assertRaises(ConnectionResetError, theirs.recv, 1)


class LifeTests(SocketTests):
    def test_start_and_stop(self) -> None:
        """Started twice is started once; stopped, nothing is watched, and no descriptor is left open."""
        self.hot.start()
        self.assertEqual([self.hot], self.reactor.readers)
        number = self.hot.fileno()
        os.fstat(number)
        self.hot.stop()
        self.hot.stop()
        self.assertEqual(([], -1), (self.reactor.readers, self.hot.fileno()))
        self.assertRaises(OSError, os.fstat, number)
        self.hot.doRead()

    def test_connection_that_outlives_the_set(self) -> None:
        """A connection that is cut when the service stops goes quietly after the set is gone."""
        transport, listener, _theirs = self.connect()
        self.hot.stop()
        transport.connectionLost(Failure(ConnectionDone()))
        self.assertIsNotNone(listener.lost)

    def test_stopped_from_within(self) -> None:
        """A handler may stop the service in the middle of a round."""
        pairs = [self.connect() for _ in range(2)]
        for _transport, listener, theirs in pairs:
            listener.on_data = lambda _: self.hot.stop()
            theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual(-1, self.hot.fileno())

    def test_reactor_lets_go(self) -> None:
        """When the reactor stops, every connection hears its end, also after one that fails at it."""
        pairs = [self.connect() for _ in range(3)]

        pairs[0][1].connectionLost = fail  # type: ignore[assignment,method-assign]
        self.hot.connectionLost(Failure(ConnectionLost()))
        self.assertEqual([False, False], [listener.lost is None for _transport, listener, _theirs in pairs[1:]])
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class RestTests(SocketTests):
    """Many connections that send little are read in intervals."""

    def setUp(self) -> None:
        super().setUp()
        self.hot.stop()
        self.hot = HotSockets(self.reactor, self.turn, rest=0.005)
        self.hot.start()
        self.addCleanup(self.hot.stop)

    def crowd(self, count: int = MANY) -> list[tuple[Listener, socket.socket]]:
        """Connections, and what has been read of each so far: nothing."""
        return [(listener, theirs) for _, listener, theirs in (self.connect() for _ in range(count))]

    def read_closely(self, crowd: list[tuple[Listener, socket.socket]], said: bytes = b"x") -> None:
        """Two connections speak within a millisecond, and the reactor has each read."""
        self.reactor.advance(1)
        for _, theirs in crowd[:2]:
            theirs.sendall(said)
            self.hot.doRead()
            self.reactor.advance(0.001)

    def test_rest(self) -> None:
        """After two reads within a moment, others wait for the next look, and the reactor watches again when nothing comes."""
        crowd = self.crowd()
        self.read_closely(crowd)
        self.assertEqual([[b"x"], [b"x"], []], [listener.heard for listener, _ in crowd[:3]])
        self.assertNotIn(self.hot, self.reactor.readers)
        for listener, theirs in crowd[2:5]:
            theirs.sendall(b"y")
            self.assertEqual([], listener.heard)
        self.reactor.advance(0.005)
        self.assertEqual([[b"y"]] * 3, [listener.heard for listener, _ in crowd[2:5]])
        self.assertNotIn(self.hot, self.reactor.readers)
        self.reactor.advance(0.005)
        self.assertIn(self.hot, self.reactor.readers)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_no_rest(self) -> None:
        """What few connections send is read at once, and so are long reads, and reads that are far between."""
        self.read_closely(self.crowd(MANY - 1))
        self.assertIn(self.hot, self.reactor.readers)
        crowd = self.crowd(1)
        self.reactor.advance(1)
        self.read_closely(crowd * 2, b"x" * FIRST_READ)
        self.assertIn(self.hot, self.reactor.readers)

    def test_much_comes(self) -> None:
        """A rest ends when a connection sends much."""
        crowd = self.crowd()
        self.read_closely(crowd)
        crowd[0][1].sendall(b"x" * FIRST_READ)
        self.reactor.advance(0.005)
        self.assertIn(self.hot, self.reactor.readers)

    def test_stop(self) -> None:
        """A service that rests can stop."""
        self.read_closely(self.crowd())
        self.hot.stop()
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_stop_from_within(self) -> None:
        """It can stop over what it reads after a rest."""
        crowd = self.crowd()
        self.read_closely(crowd)
        crowd[0][0].on_data = lambda _: self.hot.stop()
        crowd[0][1].sendall(b"x")
        self.reactor.advance(0.005)
        self.assertEqual(([], []), (self.reactor.getDelayedCalls(), self.reactor.readers))

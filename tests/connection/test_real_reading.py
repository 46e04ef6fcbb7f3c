"""Hot eager, over real ones: what is read, in which order, and by whom no more."""

from __future__ import annotations

import errno
import select
import socket
import struct
from collections.abc import Callable

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from netd.connection import eager
from netd.connection.eager import FIRST_READ, LONGEST, MORE, ROUND, ROUNDS, EagerServer
from netd.connection.vigil import describe_end
from tests.connection.connections import PATIENCE, Listener, SocketTests, fail


class ReadTests(SocketTests):
    def test_is_a_reader(self) -> None:
        """A reactor can watch the set like any socket: it has a descriptor that is ready when one of its sockets is."""
        verifyObject(IReadDescriptor, self.hot)
        self.assertEqual([self.hot], self.reactor.readers)
        self.assertEqual("HotSockets", self.hot.logPrefix())
        _transport, _listener, theirs = self.connect()
        self.assertEqual([], select.select([self.hot], [], [], 0)[0])
        theirs.send(b"x")
        self.assertEqual([self.hot], select.select([self.hot], [], [], 0)[0])

    def test_each_gets_its_own(self) -> None:
        """Many ready sockets are read in one go, more than fit in a round, and each hears what was said to it."""
        connections = [self.connect() for _ in range(ROUND + 10)]
        for n, (_transport, _listener, theirs) in enumerate(connections):
            theirs.send(b"%d" % n)
        self.hot.doRead()
        self.hot.doRead()
        for n, (_transport, listener, _theirs) in enumerate(connections):
            self.assertEqual([b"%d" % n], listener.heard)

    def test_reactor_gets_its_turn(self) -> None:
        """A peer that never stops talking does not keep the reactor from its other work."""
        _transport, listener, theirs = self.connect()
        listener.on_data = lambda _: theirs.send(b"more")
        theirs.send(b"first")
        self.hot.doRead()
        self.assertEqual(ROUNDS, len(listener.heard))

    def test_reactor_gets_its_turn_in_time(self) -> None:
        """Nor do slow rounds keep the reactor from it."""
        _transport, listener, theirs = self.connect()

        def hear(_: bytes) -> None:
            theirs.send(b"more")
            self.reactor.rightNow += LONGEST / 2.5

        listener.on_data = hear
        theirs.send(b"first")
        self.hot.doRead()
        self.assertEqual(3, len(listener.heard))

    def test_reactor_gets_its_turn_from_many(self) -> None:
        """Nor do more sockets than are in a round, where each takes long."""
        pairs = [self.connect() for _ in range(ROUND + 10)]
        heard: list[bytes] = []

        def hear(data: bytes) -> None:
            heard.append(data)
            self.reactor.rightNow += 2 * LONGEST

        for _transport, listener, theirs in pairs:
            listener.on_data = hear
            theirs.send(b"x")
        for count in (ROUND, ROUND + 10):
            self.hot.doRead()
            self.assertEqual(count, len(heard))

    def test_turn_ends_with_each_round(self) -> None:
        """Answers leave right after the round that brought the questions, without waiting for the reactor."""
        answered: list[int] = []
        pairs = [self.connect() for _ in range(3)]
        for _transport, listener, theirs in pairs:
            listener.on_data = lambda _: self.turn.after(lambda: answered.append(sum(len(pair[1].heard) for pair in pairs)))
            theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual([3, 3, 3], answered)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_long_read(self) -> None:
        """A peer with much to say is read in blocks of 64 KiB, without a byte lost."""
        _transport, listener, theirs = self.connect_tcp()
        message = bytes(range(256)) * 512
        self.assertGreater(len(message), FIRST_READ + MORE)
        theirs.setblocking(False)
        sent = 0
        while sent < len(message) or len(b"".join(listener.heard)) < sent:
            if sent < len(message):
                sent += theirs.send(message[sent:])
            select.select([self.hot], [], [], PATIENCE)
            self.hot.doRead()
        self.assertEqual(message, b"".join(listener.heard))
        self.assertLessEqual(max(map(len, listener.heard)), FIRST_READ + MORE)

    def test_second_read(self) -> None:
        """What does not fit into the first read is heard together with it, if it is there."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        _transport, listener = self.serve(ours)
        theirs.sendall(bytes(3 * FIRST_READ))
        self.hot.doRead()
        self.assertEqual([3 * FIRST_READ], [len(heard) for heard in listener.heard])

    def test_exactly_a_first_read(self) -> None:
        """A message that just fills the first read is heard at once, though there is no more, or the end follows it."""
        for is_last in (False, True):
            ours, theirs = socket.socketpair()
            self.addCleanup(theirs.close)
            _transport, listener = self.serve(ours)
            theirs.sendall(bytes(FIRST_READ))
            if is_last:
                theirs.shutdown(socket.SHUT_WR)
            self.hot.doRead()
            self.assertEqual([FIRST_READ], [len(heard) for heard in listener.heard])
            self.assertEqual(is_last, listener.lost is not None)

    def test_nothing_there_after_all(self) -> None:
        """A socket that was ready and has nothing to read, as can happen, is read again later."""
        transport, listener, theirs = self.connect()
        self.hot._read(transport)
        self.assertEqual(([], None), (listener.heard, listener.lost))
        theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual([b"x"], listener.heard)

    def test_end(self) -> None:
        """A connection ends in the round in which that is found; what was said before it is heard first, however much."""
        for said in (b"bye", bytes(5 * FIRST_READ)):
            ours, theirs = socket.socketpair()
            _transport, listener = self.serve(ours)
            theirs.sendall(said)
            theirs.close()
            self.hot.doRead()
            self.assertEqual(said, b"".join(listener.heard))
            assert listener.lost is not None
            self.assertTrue(listener.lost.check(ConnectionDone))
            self.assertEqual([self.hot], self.reactor.readers)

    def test_ends_come_first(self) -> None:
        """Who left is gone before anybody else of the round is heard, wherever it stands: its name is free for who comes."""
        order: list[str] = []
        pairs = [self.connect() for _ in range(4)]
        for number, (_transport, listener, theirs) in enumerate(pairs):
            listener.on_data = lambda data, number=number: order.append(f"{number} says {data.decode()}")
            listener.connectionLost = lambda reason, number=number: order.append(f"{number} left")  # type: ignore[method-assign,misc]
            theirs.send(b"x")
        for number in (1, 3):
            pairs[number][2].close()
        self.hot.doRead()
        self.assertEqual(["1 says x", "1 left", "3 says x", "3 left", "0 says x", "2 says x"], order)

    def test_end_that_is_heard_by_half(self) -> None:
        """A protocol that takes half an end is told of it once, and may still write; a fault in that is its own."""
        for fault in (False, True):
            transport, listener, theirs = self.connect()
            halves: list[str] = []
            listener.readConnectionLost = (lambda: fail(None)) if fault else lambda halves=halves: halves.append("read")  # type: ignore[attr-defined]
            listener.writeConnectionLost = lambda: None  # type: ignore[attr-defined]
            directlyProvides(listener, IHalfCloseableProtocol)
            theirs.shutdown(socket.SHUT_WR)
            self.hot.doRead()
            self.hot.doRead()
            if fault:
                self.assertIsNotNone(listener.lost)
                self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
            else:
                self.assertEqual((["read"], None), (halves, listener.lost))
                transport.write(b"answer")
                self.assertEqual(b"answer", theirs.recv(100))

    def test_end_that_is_answered_with_one(self) -> None:
        """A protocol that closes its side when the peer says goodbye, as TLS does, ends in that round; what is unsent is sent."""
        for unsent in (b"", bytes(1 << 20)):
            transport, listener, theirs = self.connect()
            listener.on_data = lambda _, transport=transport, unsent=unsent: (transport.write(unsent), transport.loseConnection())
            theirs.send(b"goodbye")
            theirs.shutdown(socket.SHUT_WR)
            self.hot.doRead()
            self.assertEqual(not unsent, listener.lost is not None)

    def test_those_who_left(self) -> None:
        """Who has left can be ended before anybody is heard: whoever needs the place need not wait; without a set, nobody is."""
        _transport, listener, theirs = self.connect()
        _other, other, other_theirs = self.connect()
        other_theirs.send(b"hello")
        self.hot.end_those_who_left()
        theirs.send(b"bye")
        theirs.close()
        self.hot.end_those_who_left()
        self.assertEqual(([b"bye"], []), (listener.heard, other.heard))
        self.assertIsNotNone(listener.lost)
        self.hot.doRead()
        self.assertEqual([b"hello"], other.heard)
        self.hot.stop()
        self.hot.end_those_who_left()

    def test_nobody_is_waited_for(self) -> None:
        """Neither a read nor a look at who has left waits for anybody: the whole daemon would."""
        waits: list[float | None] = []

        class Recorder:
            def poll(self, timeout: float | None = None, _most: int = -1) -> list[tuple[int, int]]:
                waits.append(timeout)
                return []

        self.patch(self.hot, "_epoll", Recorder())
        self.hot.doRead()
        self.hot.end_those_who_left()
        self.assertEqual([0, 0], waits)

    def test_fault_at_an_end(self) -> None:
        """A protocol that fails at its end is logged, and the others of the round are heard."""
        (_, listener, theirs), (_, other, other_theirs) = self.connect(), self.connect()
        listener.connectionLost = fail  # type: ignore[assignment,method-assign]
        theirs.close()
        other_theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual([b"x"], other.heard)

    def test_end_after_a_flood(self) -> None:
        """Who leaves with very much unread does not keep the others from being heard."""
        self.patch(eager, "LAST_READS", 2)
        ours, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 19)
        _transport, listener = self.serve(ours)
        _, other, other_theirs = self.connect()
        left: list[bool] = []
        other.on_data = lambda _: left.append(listener.lost is not None)
        theirs.sendall(bytes(3 * (FIRST_READ + MORE)))
        theirs.close()
        other_theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual(([False], 3 * (FIRST_READ + MORE)), (left, len(b"".join(listener.heard))))
        self.assertIsNotNone(listener.lost)

    def test_reset(self) -> None:
        """A connection that was reset ends at once, alone, and nobody is told that it ended cleanly."""
        _transport, listener, theirs = self.connect_tcp()
        _other, other_listener, other_theirs = self.connect()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        other_theirs.send(b"x")
        select.select([self.hot], [], [], PATIENCE)
        self.hot.doRead()
        assert listener.lost is not None
        self.assertTrue(listener.lost.check(ConnectionLost), listener.lost)
        self.assertEqual(("reset by the peer", errno.ECONNRESET), (describe_end(listener.lost, _transport), _transport.errno))
        self.assertEqual(([b"x"], None), (other_listener.heard, other_listener.lost))

    def test_failure_closes_one_connection(self) -> None:
        """A fault in one connection's handler is logged and closes that connection; the others of its round are read."""
        pairs = [self.connect() for _ in range(3)]

        pairs[1][1].on_data = fail
        for _transport, _listener, theirs in pairs:
            theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual([[b"x"]] * 3, [listener.heard for _transport, listener, _theirs in pairs])
        lost = [listener.lost for _transport, listener, _theirs in pairs]
        self.assertEqual([True, False, True], [reason is None for reason in lost])
        self.assertEqual(b"", pairs[1][2].recv(1))

    def test_failure_in_the_end_of_a_failure(self) -> None:
        """When such a connection fails at its end as well, the others are still read, now and later."""
        pairs = [self.connect() for _ in range(3)]

        pairs[1][1].on_data = fail
        pairs[1][1].connectionLost = fail  # type: ignore[assignment,method-assign]
        for _transport, _listener, theirs in pairs:
            theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))
        for _transport, _listener, theirs in (pairs[0], pairs[2]):
            theirs.send(b"y")
        self.hot.doRead()
        self.assertEqual([[b"x", b"y"]] * 2, [pairs[n][1].heard for n in (0, 2)])

    def test_pause_and_resume(self) -> None:
        """A connection that is paused is not read; what came meanwhile is heard once it goes on."""
        transport, listener, theirs = self.connect()
        transport.pauseProducing()
        transport.pauseProducing()
        theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual(([], [self.hot]), (listener.heard, self.reactor.readers))
        transport.resumeProducing()
        transport.resumeProducing()
        self.hot.doRead()
        self.assertEqual([b"x"], listener.heard)

    def test_paused_by_its_own_handler(self) -> None:
        """A handler that pauses its connection hears nothing more, though there is more."""
        transport, listener, theirs = self.connect()
        listener.on_data = lambda _: transport.pauseProducing()
        theirs.send(bytes(1000))
        self.hot.doRead()
        theirs.send(b"more")
        self.hot.doRead()
        self.assertEqual(1, len(listener.heard))

    def test_pause_and_resume_of_an_ended_connection(self) -> None:
        """A connection that ended while it was paused ends when it is resumed; paused again before that, it waits."""
        transport, listener, theirs = self.connect()
        transport.pauseProducing()
        theirs.close()
        self.hot.doRead()
        self.assertEqual([self.hot], self.reactor.readers)
        transport.resumeProducing()
        transport.pauseProducing()
        self.hot.doRead()
        self.assertIsNone(listener.lost)
        transport.resumeProducing()
        self.hot.doRead()
        self.assertIsNotNone(listener.lost)

    def test_closed_by_another(self) -> None:
        """A connection that another's handler closes in the same round is not read any more, whichever comes first."""
        pairs = [self.connect() for _ in range(2)]

        def close_the_other(n: int) -> Callable[[bytes], None]:
            return lambda _: pairs[1 - n][0].connectionLost(Failure(ConnectionDone()))

        for n, (_transport, listener, theirs) in enumerate(pairs):
            listener.on_data = close_the_other(n)
            theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual([0, 1], sorted(len(listener.heard) for _transport, listener, _theirs in pairs))
        self.assertEqual([False, True], sorted(listener.lost is None for _transport, listener, _theirs in pairs))

    def test_aborted_by_another(self) -> None:
        """So it is with one that is cut."""
        pairs = [self.connect() for _ in range(2)]
        for n, (_transport, listener, theirs) in enumerate(pairs):
            listener.on_data = lambda _, other=pairs[1 - n][0]: other.abortConnection()
            theirs.send(b"x")
        self.hot.doRead()
        self.reactor.advance(0)
        self.assertEqual([0, 1], sorted(len(listener.heard) for _transport, listener, _theirs in pairs))

    def test_descriptors_are_reused(self) -> None:
        """A new connection that gets the descriptor of one that is gone is a new one, also within one round."""
        old, old_listener, old_theirs = self.connect()
        new: list[tuple[EagerServer, Listener, socket.socket]] = []
        number = old.fileno()

        def reconnect(_: bytes) -> None:
            old.connectionLost(Failure(ConnectionDone()))
            new.append(self.connect())
            new[0][2].send(b"new")

        old_listener.on_data = reconnect
        old_theirs.send(b"old")
        self.hot.doRead()
        self.hot.doRead()
        self.assertEqual(number, new[0][0].fileno())
        self.assertEqual(([b"old"], [b"new"]), (old_listener.heard, new[0][1].heard))
        self.hot.discard(old)
        new[0][2].send(b"again")
        self.hot.doRead()
        self.assertEqual([b"new", b"again"], new[0][1].heard)

    def test_late_words_to_a_lost_connection(self) -> None:
        """A handler that pauses or resumes a connection that is gone does no harm, not even to the next one."""
        transport, _listener, _theirs = self.connect()
        transport.connectionLost(Failure(ConnectionDone()))
        transport.resumeProducing()
        transport.pauseProducing()
        _transport, listener, theirs = self.connect()
        theirs.send(b"x")
        self.hot.doRead()
        self.assertEqual([b"x"], listener.heard)

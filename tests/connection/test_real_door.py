"""Tests of ``netd.connection.door``, over real sockets and a reactor that does only what the test says."""

from __future__ import annotations

import errno
import select
import socket
import struct
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet import tcp
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import AccessRules, AccessWord
from netd.access.section import SectionAccess
from netd.connection import door
from netd.connection.bounds import Bounds, Policy, Traffic
from netd.connection.budget import UNLIMITED, Budget, Quota, Refusal
from netd.connection.crowd import CHANCE
from netd.connection.door import BATCH, LONGEST, QuickDoor
from netd.connection.eager import HotSockets
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.connection.turn import Turn
from tests.connection.connections import PATIENCE, StandInReactor


class Speaker(PeerProtocol):
    """Writes down what it hears."""

    bounds: ClassVar[Bounds] = Bounds(Policy.PAUSE, 1 << 16)

    def opened(self) -> None:
        """Nothing was heard yet."""
        self.heard = b""

    def received(self, data: bytes) -> None:
        """Write it down."""
        if data.startswith(b"bad"):
            raise LookupError("the test's own")
        self.heard += data


class SpeakerFactory(PeerFactory):
    """Answers ``hello`` at once, and everything else as an ordinary connection.

    :ivar answer: what ``hello`` is answered with; an exception is raised.
    :ivar on_line: called with each line, before it is answered.
    """

    connection = Speaker
    answer: bytes | Exception = b"world\n"
    on_line: Callable[[], object] = staticmethod(lambda: None)

    def refusal_at_door(self, why: str) -> bytes:
        """In words of its own."""
        return f"no: {why}\n".encode()

    def answer_at_once(self, line: bytes, address: tuple[Any, ...]) -> bytes | PeerProtocol:
        """As the class says."""
        self.on_line()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if line == b"hello\n" else Speaker(self)


def packets_to(program: socket.socket) -> int:
    """Packets that *program* has received: ``tcpi_segs_in``."""
    found: int = struct.unpack_from("=I", program.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 140)[0]
    return found


class DoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = StandInReactor()
        turn = Turn(self.reactor.callLater)
        self.factory = SpeakerFactory("speakers", PeerContext(self.reactor, turn, Traffic(), 30.0))  # type: ignore[arg-type]
        self.hot = HotSockets(self.reactor, turn)
        self.hot.start()
        self.door = QuickDoor(self.reactor, turn, self.factory)
        self.port = tcp.Port(0, self.factory, 1024, "127.0.0.1", self.reactor)
        self.port.startListening()
        self.hot.adopt(self.port)
        self.door.open(self.port)
        self.addCleanup(self._end)

    def _end(self) -> None:
        self.door.close()
        for speaker in self.speakers():
            speaker.transport.connectionLost(Failure(ConnectionDone()))
        self.port.connectionLost(Failure(ConnectionDone()))
        self.hot.stop()
        self.reactor.advance(0)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def speakers(self) -> list[Any]:
        """The ordinary connections that there are."""
        return list(self.factory.connections)

    def dial(self, patience: float = PATIENCE) -> socket.socket:
        """A program that the door has not seen yet."""
        program = socket.create_connection(("127.0.0.1", self.port.getHost().port), patience)
        self.addCleanup(program.close)
        return program

    def connect(self, said: bytes = b"") -> socket.socket:
        """A program that has said something, and whom the door has seen."""
        program = self.dial()
        program.sendall(said)
        self.door.doRead()
        return program

    def test_answered(self) -> None:
        """A line is answered and the connection closed, and no ordinary connection is made for it."""
        program = self.connect(b"hello\n")
        self.assertEqual((program.recv(100), program.recv(100)), (b"world\n", b""))
        self.assertEqual((self.speakers(), self.port in self.reactor.readers), ([], False))
        self.assertIn(self.door, self.reactor.readers)

    def test_not_admitted(self) -> None:
        """A program that the section does not admit goes the ordinary way, which refuses it: its line is not looked at."""
        self.factory.access = SectionAccess("speakers", AccessRules(frozenset([AccessWord.PEERS])))
        program = self.connect(b"hello\n")
        self.reactor.advance(0)
        self.assertEqual(b"no: this address is not admitted by `access` of [speakers]\n", program.recv(100))
        self.assertEqual([b""], [speaker.heard for speaker in self.speakers()])

    def test_others_have_their_turn(self) -> None:
        """Where answers take long, the reactor gets its turn after some of them, however many programs wait."""
        answered: list[int] = []

        def answer() -> None:
            answered.append(1)
            self.reactor.rightNow += 2 * LONGEST

        self.factory.on_line = answer
        for _ in range(BATCH + 10):
            self.dial().sendall(b"hello\n")
        self.door.doRead()
        self.assertEqual(len(answered), BATCH)
        self.door.doRead()
        self.assertEqual(len(answered), BATCH + 10)

    def test_others_have_their_turn_before_those_who_waited(self) -> None:
        """So it is where many who stood there say their lines at once."""
        answered: list[int] = []

        def answer() -> None:
            answered.append(1)
            self.reactor.rightNow += 2 * LONGEST

        programs = [self.connect() for _ in range(BATCH + 10)]
        self.factory.on_line = answer
        for program in programs:
            program.sendall(b"hello\n")
        for count in (BATCH, BATCH + 10):
            self.door.doRead()
            self.assertEqual(len(answered), count)

    def test_one_packet(self) -> None:
        """The answer and the end of the connection come in one packet: the network carries one less for each command."""
        program = self.dial()
        program.sendall(b"hello\n")
        before = packets_to(program)
        self.door.doRead()
        self.assertEqual((program.recv(100), program.recv(100)), (b"world\n", b""))
        self.assertEqual(packets_to(program) - before, 1)

    def test_more_behind_the_line(self) -> None:
        """Who says more while its line is answered has its answer, whatever comes behind that."""
        program = self.dial()
        self.factory.on_line = lambda: program.sendall(b"more\n")
        program.sendall(b"hello\n")
        self.door.doRead()
        self.assertEqual(program.recv(100), b"world\n")

    def test_a_crowd(self) -> None:
        """Programs that come all at once have their connections at once, more of them than Twisted makes room for."""
        crowd = [self.dial(patience=0.9) for _ in range(200)]
        for program in crowd:
            program.sendall(b"hello\n")
        self.door.doRead()
        self.assertEqual({program.recv(100) for program in crowd}, {b"world\n"})

    def test_deferral(self) -> None:
        """While many are answered, who has said nothing yet is kept by the operating system; and then no longer."""

        def deferral() -> int:
            return self.port.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)

        self.patch(door, "MANY", 3)
        for enough in (False, False, True):
            self.connect(b"hello\n")
            self.connect(b"hello\n")
            if enough:
                self.connect(b"hello\n")
            self.reactor.advance(door.SWEEP)
            self.assertEqual(deferral() > 0, enough)
        program = self.connect()
        self.assertEqual(self.door._newcomers, {})
        program.sendall(b"hello\n")
        self.door.doRead()
        self.assertEqual(program.recv(100), b"world\n")
        self.reactor.advance(door.SWEEP)
        self.assertEqual((deferral(), self.reactor.getDelayedCalls()), (0, []))

    def test_deferral_from_the_first_sweep(self) -> None:
        """Where many are answered from the beginning, newcomers are kept from the first sweep on."""
        self.patch(door, "MANY", 1)
        self.connect(b"hello\n")
        self.reactor.advance(door.SWEEP)
        self.assertGreater(self.port.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT), 0)
        self.reactor.advance(door.SWEEP)

    def test_silent_newcomer(self) -> None:
        """Who stands at the door and says nothing does not wake the reactor."""
        program = self.connect()
        self.assertEqual([], select.select([self.door], [], [], 0)[0])
        program.sendall(b"hello\n")
        self.assertEqual([self.door], select.select([self.door], [], [], PATIENCE)[0])

    def test_false_alarm(self) -> None:
        """Who is said to have spoken, and has not, is waited for as before."""
        program = self.connect()
        [fd] = self.door._newcomers
        self.door._ready(fd)
        program.sendall(b"hello\n")
        self.door.doRead()
        self.assertEqual(program.recv(100), b"world\n")

    def test_later(self) -> None:
        """Who says its line after a while is answered just so; many at once are, too."""
        programs = [self.connect() for _ in range(100)]
        for program in programs:
            program.sendall(b"hello\n")
        for _ in range(3):
            self.door.doRead()
        self.assertEqual({program.recv(100) for program in programs}, {b"world\n"})

    def test_the_ordinary_way(self) -> None:
        """What is not exactly one whole line, or is not answered at once, goes on as an ordinary connection; no byte is lost."""
        for said in (b"hel", b"hello\nhello\n", b"hello\nx", b"x" * 100_000 + b"\n"):
            self.connect(said)
            [speaker] = self.speakers()
            self.hot.doRead()
            self.assertEqual(speaker.heard, said)
            speaker.transport.connectionLost(Failure(ConnectionDone()))
        self.connect(b"other\n")
        self.assertEqual(len(self.speakers()), 1)

    def test_request(self) -> None:
        """A request of HTTP is not answered as a line would be, even if it is one line, but as on every other port."""
        program = self.connect(b"GET / HTTP/1.1\n")
        self.reactor.advance(0)
        self.assertTrue(program.recv(1000).startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertEqual({"an HTTP request": 1}, self.factory.tally.refused)

    def test_end(self) -> None:
        """Who leaves without a word is found to have left by the ordinary way."""
        self.connect().close()
        self.door.doRead()
        self.assertEqual(len(self.speakers()), 1)
        self.hot.doRead()
        self.assertEqual(self.speakers(), [])

    def test_reset(self) -> None:
        """Who breaks off disturbs nobody."""
        program = self.connect()
        program.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        program.close()
        self.door.doRead()
        self.assertEqual(len(self.speakers()), 1)

    def test_sweep(self) -> None:
        """Who says nothing becomes an ordinary connection before long, with its clocks."""
        program = self.connect()
        self.reactor.advance(door.SWEEP)
        self.assertEqual(self.speakers(), [])
        self.reactor.advance(door.SWEEP)
        [speaker] = self.speakers()
        program.sendall(b"hello\n")
        self.hot.doRead()
        self.assertEqual(speaker.heard, b"hello\n")
        program.close()
        self.hot.doRead()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_make_room(self) -> None:
        """Who stands at the door counts as a connection, makes room for the next by a reset, or keeps it out."""
        self.factory.share = Budget(self.reactor.seconds).share(Quota(silent=1))
        first = self.connect()
        self.assertRaises(ConnectionResetError, self.connect().recv, 1)
        self.reactor.advance(door.SWEEP)
        self.reactor.advance(door.SWEEP)
        self.assertEqual([speaker.place.address for speaker in self.speakers()], ["127.0.0.1"])
        self.reactor.advance(CHANCE)
        second = self.connect()
        self.assertRaises(ConnectionResetError, first.recv, 1)
        second.sendall(b"hello\n")
        self.door.doRead()
        self.assertEqual(second.recv(16), b"world\n")

    def test_displaced_within_a_sweep(self) -> None:
        """A newcomer that made room a moment ago is passed over when those are sent on who said nothing."""
        self.factory.share = share = Budget(self.reactor.seconds).share(UNLIMITED)
        self.connect()
        self.reactor.advance(door.SWEEP)
        share.quota = Quota(silent=0)
        self.connect()
        self.reactor.advance(door.SWEEP)
        self.assertEqual(self.speakers(), [])

    def test_places_of_an_address(self) -> None:
        """Those who stand there count for their address, as do those sent on; the oldest of it makes room, and no other."""
        self.factory.share = share = Budget(self.reactor.seconds).share(Quota(per_address=1))
        first = self.connect()
        other = socket.create_connection(self.port.socket.getsockname(), PATIENCE, ("127.0.0.2", 0))
        self.addCleanup(other.close)
        self.door.doRead()
        self.reactor.advance(CHANCE)
        second = self.connect()
        self.assertRaises(ConnectionResetError, first.recv, 1)
        other.sendall(b"who are you?\n")
        second.sendall(b"bye")
        self.door.doRead()
        self.assertEqual(sorted(speaker.place.address for speaker in self.speakers()), ["127.0.0.1", "127.0.0.2"])
        self.assertIsInstance(share.admit("127.0.0.2"), Refusal)

    def test_reset_before_it_was_read(self) -> None:
        """Of a program that broke its connection before anybody looked, the ordinary connection hears nothing."""
        program = self.dial()
        program.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, door.RESET)
        program.close()
        self.door.doRead()
        [speaker] = self.speakers()
        self.assertEqual(speaker.heard, b"")
        self.assertIs(speaker.transport.reactor, self.reactor)

    def test_too_many(self) -> None:
        """When too many stand there, the first becomes an ordinary connection."""
        self.patch(door, "MOST", 2)
        programs = [self.connect() for _ in range(3)]
        [speaker] = self.speakers()
        self.assertEqual(speaker.transport.getPeer().port, programs[0].getsockname()[1])

    def test_long_answer(self) -> None:
        """An answer that the operating system does not take at once goes out the ordinary way, whole."""
        self.factory.answer = b"x" * 8_000_000
        program = self.connect(b"hello\n")
        [speaker] = self.speakers()
        program.setblocking(False)
        received = 0
        while received < 8_000_000:
            self.reactor.advance(0)
            speaker.transport.doWrite()
            try:
                received += len(program.recv(1 << 20))
            except BlockingIOError:
                continue
        self.assertEqual((received, speaker.peer.reason), (8_000_000, "answered"))

    def test_gone_before_the_answer(self) -> None:
        """Who is gone before the answer costs nothing but the answer."""

        class Gone:
            def __init__(self, connection: Any) -> None:
                self._connection = connection

            def __getattr__(self, name: str) -> Any:
                return getattr(self._connection, name)

            def send(self, *_: object) -> int:
                raise BrokenPipeError

        self.connect()
        [newcomer] = self.door._newcomers.values()
        newcomer.socket = Gone(newcomer.socket)
        self.door._answer(newcomer, b"hello\n")
        self.assertEqual((self.speakers(), self.door._newcomers), ([], {}))

    def test_fault(self) -> None:
        """A fault in answering is logged, and stays with the one connection."""
        self.factory.answer = ZeroDivisionError("the test's own")
        program = self.connect(b"hello\n")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(program.recv(100), b"")
        self.factory.answer = b"again\n"
        self.assertEqual(self.connect(b"hello\n").recv(100), b"again\n")

    def test_fault_of_a_connection(self) -> None:
        """A connection whose protocol fails at its first bytes ends alone: the door goes on, and leaves nothing open."""
        for said in (b"bad\nbad\n", b"bad"):
            program = self.connect(said)
            self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
            self.assertEqual((program.recv(100), self.speakers()), (b"", []))
            self.assertEqual(self.connect(b"hello\n").recv(100), b"world\n")

    def test_dropped_by_the_reactor(self) -> None:
        """When the reactor lets go of the door alone, its ports accept by themselves again."""
        self.door.connectionLost(Failure(ConnectionDone()))
        self.assertIn(self.port, self.reactor.readers)

    def test_out_of_descriptors(self) -> None:
        """Where a connection cannot be accepted, Twisted's own way decides what to do."""
        asked: list[str] = []

        class Full:
            def _accept(self) -> Any:
                raise OSError(errno.EMFILE, "too many open files")

        class FullPort:
            addressFamily = socket.AF_INET  # noqa: N815 - as Twisted calls it
            socket = Full()

            def doRead(self) -> None:
                asked.append("doRead")

        self.door._accept(FullPort())  # type: ignore[arg-type]
        self.assertEqual(asked, ["doRead"])

    def test_close(self) -> None:
        """When the service accepts no more, who stands at the door becomes an ordinary connection."""
        self.connect()
        self.door.close()
        self.door.close()
        self.door.doRead()
        self.assertEqual((len(self.speakers()), self.door.fileno()), (1, -1))
        self.assertNotIn(self.door, self.reactor.readers)

    def test_open_again(self) -> None:
        """A door that was closed while somebody stood there and is open again is a door like any other."""
        self.connect()
        self.door.close()
        self.door.open(self.port)
        self.connect()
        self.reactor.advance(door.SWEEP)
        self.assertEqual(1, len(self.speakers()))
        self.reactor.advance(door.SWEEP)
        self.assertEqual(2, len(self.speakers()))

    def test_reactor_ends(self) -> None:
        """When the reactor lets go of its readers, nobody is left at the door."""
        program = self.connect()
        self.assertEqual(self.door.logPrefix(), "QuickDoor")
        self.assertGreater(self.door.fileno(), 0)
        self.door.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(program.recv(100), b"")

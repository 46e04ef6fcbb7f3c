"""The bounds of a connection: lines, commands, output, sessions, and where it comes from."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from netd.connection.budget import UNLIMITED, Budget
from netd.manhole.service import QUOTA
from netd.manhole.telnet import MAX_COMMANDS
from netd.manhole.terminal import MAX_LINE, MAX_TYPED_AHEAD
from netd.operations import Operation, Role
from tests.manhole.visits import NAME, PASSWORD, ManholeTestCase


class InputTests(ManholeTestCase):
    def test_character_mode(self) -> None:
        """Each key as it is typed: what was taken back is not there, at the login, in the password, and in commands."""
        for key in (b"\x7f", b"\x08", b"\xff\xf7"):
            visit = self.visit()
            for byte in NAME.encode() + b"x" + key + b"\r\0":
                visit.send(bytes([byte]))
            self.assertTrue(visit.shown().endswith(b"password: "))
            for byte in PASSWORD.encode() + b"xx" + key * 2 + b"\r\0":
                visit.send(bytes([byte]))
            self.assertTrue(visit.shown().endswith(b"netd> "))
            visit.type("quik\x7ft")
            self.assertTrue(visit.is_closing)

    def test_line_shown_anew(self) -> None:
        """A key that changes the line shows it anew behind its prompt, and brings lines back; never a password."""
        visit = self.logged_in()
        visit.type("first")
        visit.send(b"hepl")
        self.assertEqual(visit.shown(), b"")
        visit.send(b"\x1b[D\x7fl")
        self.assertEqual(visit.shown(), b"\r\x1b[Knetd> hell\x1b[1D")
        visit.send(b"\x15\x0b\x1b[A")
        self.assertEqual(visit.shown(), b"\r\x1b[Knetd> first")
        visit.send(b"\x1b[A\x1b[A\x1b[A")
        self.assertNotIn(PASSWORD.encode(), visit.shown())
        asked = self.visit()
        asked.type(NAME)
        asked.send(b"secret\x7f\x1b[D")
        self.assertEqual(asked.shown(), b"")

    def test_completion(self) -> None:
        """Tab completes a command of the menu, and is text in a password."""
        visit = self.logged_in()
        visit.send(b"he\t")
        self.assertEqual(visit.shown(), b"\r\x1b[Knetd> help ")
        asked = self.visit()
        asked.type(NAME)
        asked.type(f"{PASSWORD}\t")
        self.assertEqual(self.checks[-1], (NAME, f"{PASSWORD}\t"))

    def test_longest_line(self) -> None:
        """A line of the greatest length is taken."""
        visit = self.logged_in()
        self.assertIn(b"no command", visit.type("x" * MAX_LINE))

    def test_line_too_long(self) -> None:
        """A longer one is answered with the limit and a close, before the login and after it, whole or unfinished."""
        for visit in (self.visit(), self.logged_in()):
            visit.send(b"x" * (MAX_LINE + 1) + b"\r\n")
            self.assertTrue(visit.shown().endswith(b"a line has at most 4096 bytes\r\n"))
            self.assertTrue(visit.is_closing)

    def test_never_a_newline(self) -> None:
        """A stream without a line end is not collected: the connection is closed early in it."""
        visit = self.visit()
        sent = 0
        while not visit.is_closing:
            visit.send(b"x" * 1000)
            sent += 1000
        self.assertLessEqual(sent, MAX_LINE + 1000)
        self.assertIn("refused (LineTooLong)", self.log())

    def test_flood_of_commands(self) -> None:
        """A client that only negotiates is closed."""
        visit = self.visit()
        visit.send(b"\xff\xfd\x03" * (MAX_COMMANDS + 1))
        self.assertTrue(visit.shown().endswith(b"at most 256 telnet commands in a row\r\n"))
        self.assertTrue(visit.is_closing)

    def test_endless_subnegotiation(self) -> None:
        """A telnet command that never ends is closed, too."""
        visit = self.logged_in()
        for _ in range(100):
            visit.send(b"\xff\xfa\x18" + b"x" * 100 if not visit.is_closing else b"x" * 100)
        self.assertTrue(visit.is_closing)

    def test_not_utf8(self) -> None:
        """A terminal in another character set is told what is wrong, not guessed at."""
        visit = self.logged_in()
        visit.send(b"send caf\xe9\r\n")
        self.assertIn(b"does not send UTF-8", visit.shown())
        self.assertTrue(visit.is_closing)

    def test_input_after_the_end(self) -> None:
        """What still arrives after the goodbye does nothing."""
        visit = self.logged_in()
        visit.type("quit")
        visit.send(b"help\r\n")
        self.assertEqual(b"", visit.shown())


class OutputTests(ManholeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.table.add([Operation("test.long", lambda: "x" * 100_000, Role.VIEWER, "A long answer")])

    def test_reader_that_stops(self) -> None:
        """A terminal that reads nothing is given up before its output fills the memory."""
        visit = self.logged_in()
        visit.stop_reading()
        for _ in range(8):
            visit.send(b"long\r\n")
        self.assertFalse(visit.is_closing)
        for _ in range(4):
            visit.send(b"long\r\n")
        self.assertTrue(visit.is_closing)
        visit.hang_up()
        self.assertIn("reads too slowly", self.log())

    def test_reader_that_stalls(self) -> None:
        """A terminal that takes nothing for half a minute is given up."""
        visit = self.logged_in()
        visit.stop_reading()
        visit.send(b"long\r\n")
        self.reactor.advance(31)
        self.assertTrue(visit.is_closing)


class AdmissionTests(ManholeTestCase):
    def test_sessions_are_bounded(self) -> None:
        """One too many is refused politely, once it has given its password, and admitted once another has left."""
        self.use(max_sessions=2)
        first, _ = self.logged_in(), self.logged_in()
        refused = self.visit()
        refused.type(NAME)
        self.assertTrue(refused.type(PASSWORD).endswith(b"all 2 sessions are taken; try again later\r\n"))
        self.assertTrue(refused.is_closing)
        first.hang_up()
        self.assertFalse(self.logged_in().is_closing)

    def test_refused_do_not_count(self) -> None:
        """Those who were refused and have not gone yet take nobody's place."""
        self.use(max_sessions=1)
        first = self.logged_in()
        for _ in range(3):
            self.logged_in()
        first.hang_up()
        self.assertFalse(self.logged_in().is_closing)

    def test_silent_ones_make_room(self) -> None:
        """Those who connect and do not log in keep nobody out: the oldest of the address that has most of them goes."""
        self.service.use_budget(Budget(self.reactor.seconds), UNLIMITED)
        operator = self.logged_in()
        silent = [self.visit(peer="10.0.0.5") for _ in range(QUOTA.silent)]
        self.assertIn(b"login: ", self.visit(peer="10.0.0.6").shown())
        self.assertEqual([visit.protocol.is_open for visit in silent], [False] + [True] * (QUOTA.silent - 1))
        self.assertTrue(operator.protocol.is_open)

    def test_from_outside(self) -> None:
        """A connection to an address that other machines reach is not even asked for a name, whoever opened that port."""
        for host in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"):
            visit = self.visit(host)
            self.assertEqual(b"only this machine is served by telnet; other machines log in by ssh\r\n", visit.shown())
            self.assertTrue(visit.is_closing)

    def test_from_inside(self) -> None:
        """Loopback in any of its spellings is served."""
        for host in ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"):
            self.assertIn(b"login: ", self.visit(host).shown())

    def test_from_outside_by_tls(self) -> None:
        """Where TLS encrypts it, telnet is asked for its password like any other."""
        self.use(tls=True)
        self.assertIn(b"login: ", self.visit("192.0.2.1").shown())


class TypedAheadTests(ManholeTestCase):
    def test_back_pressure(self) -> None:
        """While an operation runs only so many lines are taken in advance; then the connection is read no further."""
        waiting: Deferred[str] = Deferred()
        calls: list[None] = []

        def slow() -> Deferred[str] | int:
            calls.append(None)
            return waiting if len(calls) == 1 else len(calls)

        self.table.add([Operation("test.slow", slow, Role.VIEWER, "Takes its time")])
        visit = self.logged_in()
        visit.send(b"slow\r\n" * (MAX_TYPED_AHEAD + 1))
        self.assertEqual("producing", visit.transport.producerState)
        visit.send(b"slow\r\n" * 1000)
        self.assertEqual("paused", visit.transport.producerState)
        self.assertEqual(1, len(calls))
        waiting.callback("at last")
        self.assertEqual(MAX_TYPED_AHEAD + 1001, len(calls))
        self.assertEqual("producing", visit.transport.producerState)
        self.assertTrue(visit.shown().endswith(b"netd> 1065\r\nnetd> "))

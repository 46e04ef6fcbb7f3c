"""Who gets in, who does not, and what the log tells of it."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail

from netd.access.watch import CredentialWatch
from netd.connection.budget import Budget, Quota
from netd.connection.ending import REVOKED_GRACE
from netd.manhole.service import QUOTA
from netd.manhole.telnet import HIDE_INPUT, SHOW_INPUT
from netd.secrets.passwords import make_entry, write_entry
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tries import MOST_WRONG, WINDOW
from tests.manhole.visits import NAME, PASSWORD, ManholeTestCase

IAC, WILL, DO, DONT, ECHO, NAWS = b"\xff", b"\xfb", b"\xfd", b"\xfe", b"\x01", b"\x1f"


class LoginTests(ManholeTestCase):
    def test_right_password(self) -> None:
        """Name and password lead to the menu; the terminal hides the password while it is typed, and only then."""
        visit = self.visit()
        self.assertEqual(b"netd manhole\r\nlogin: ", visit.shown())
        self.assertEqual(HIDE_INPUT + b"password: ", visit.type(NAME))
        shown = visit.type(PASSWORD)
        self.assertTrue(shown.startswith(SHOW_INPUT + b"\r\nType help"), shown)
        self.assertTrue(shown.endswith(b"\r\nnetd> "), shown)
        self.assertEqual([(NAME, PASSWORD)], self.checks)

    def test_three_tries(self) -> None:
        """The third wrong password closes the connection; what is typed ahead of that is not a fourth."""
        visit = self.visit()
        for _ in range(2):
            visit.type(NAME)
            self.assertTrue(visit.type("wrong").endswith(b"wrong name or password\r\nlogin: "))
            self.assertFalse(visit.is_closing)
        visit.type(NAME)
        visit.send(f"wrong\r\n{NAME}\r\n{PASSWORD}\r\n".encode())
        self.assertTrue(visit.shown().endswith(b"wrong name or password\r\ntoo many tries\r\n"))
        self.assertTrue(visit.is_closing)
        self.assertEqual(3, len(self.checks))

    def test_next_connection(self) -> None:
        """From where three wrong passwords came within a minute, the next connection has one try. The right one is let in."""
        visit = self.visit()
        for _ in range(3):
            visit.type(NAME)
            visit.type("wrong")
        again = self.visit()
        again.type(NAME)
        again.type("wrong")
        self.assertTrue(again.is_closing)
        self.assertEqual(4, self.service.status().counters["refused"]["wrong password"])
        late = self.visit()
        late.type(NAME)
        self.assertIn(b"netd> ", late.type(PASSWORD))

    def test_guessing(self) -> None:
        """After ten wrong passwords of an address in a minute none is checked, right or wrong. Others may log in."""
        for _ in range(MOST_WRONG):
            visit = self.visit(peer="10.0.0.5")
            visit.type("nobody")
            visit.type("wrong")
            visit.hang_up()
        for password in (PASSWORD, "wrong"):
            visit = self.visit(peer="10.0.0.5")
            visit.type(NAME)
            said = visit.type(password)
            self.assertTrue(said.endswith(b"too many wrong passwords came from your address; try again in 60 s\r\n"), said)
            self.assertTrue(visit.is_closing)
        self.assertEqual(len(self.checks), MOST_WRONG)
        self.assertFalse(self.logged_in().is_closing)
        self.assertEqual(self.service.status().counters["refused"]["too many wrong passwords"], 2)
        self.reactor.advance(WINDOW)
        late = self.visit(peer="10.0.0.5")
        late.type(NAME)
        self.assertIn(b"netd> ", late.type(PASSWORD))

    def test_guessing_at_once(self) -> None:
        """Of many guesses of an address at once, one is checked and one waits; the others are closed, and told why."""
        answers: list[Deferred[str | None]] = []
        self.check = lambda *_: answers.append(Deferred()) or answers[-1]  # type: ignore[func-returns-value]
        visits = [self.visit(peer="10.0.0.5") for _ in range(5)]
        for visit in visits:
            visit.type("nobody")
            visit.type("wrong")
        self.assertEqual([visit.is_closing for visit in visits], [False, False, True, True, True])
        self.assertIn("another login from your address is being checked; try again in a moment", self.log())
        answers[0].callback(None)
        answers[1].callback(None)
        self.assertEqual(len(answers), 2)
        self.assertEqual(self.service.status().counters["refused"], {"too many logins at once": 3, "wrong password": 2})

    def test_flood(self) -> None:
        """An address that goes on to send more passwords than can be checked is reset at its next connections, and counted."""
        self.check = lambda *_: Deferred()
        for _ in range(MOST_WRONG + 2):
            visit = self.visit(peer="10.0.0.5")
            visit.type("nobody")
            visit.type("wrong")
        before = self.service.status().counters["refused"]["too many logins at once"]
        self.assertIsNone(self.factory.admit(IPv4Address("TCP", "10.0.0.5", 4711), None))
        self.assertIsNotNone(self.factory.admit(IPv4Address("TCP", "10.0.0.6", 4711), None))
        self.assertEqual(
            (before, self.service.status().counters["refused"]["too many logins at once"]), (MOST_WRONG, MOST_WRONG + 1)
        )

    def test_not_displaced_while_it_waits(self) -> None:
        """A connection whose password waits for its check keeps its place, however many come; then it is a newcomer again."""
        self.service.use_budget(Budget(self.reactor.seconds), Quota())
        answers: list[Deferred[str | None]] = []
        self.check = lambda *_: answers.append(Deferred()) or answers[-1]  # type: ignore[func-returns-value]
        visit = self.visit(peer="10.0.0.5")
        visit.type(NAME)
        visit.type("wrong")
        self.reactor.advance(2)
        for number in range(QUOTA.silent + 4):
            self.visit(peer=f"10.0.1.{number}")
        self.assertFalse(visit.transport.disconnected)
        answers[0].callback(None)
        self.assertTrue(visit.shown().endswith(b"login: "))
        for number in range(QUOTA.silent):
            self.visit(peer=f"10.0.2.{number}")
        self.assertTrue(visit.transport.disconnected)

    def test_password_gone(self) -> None:
        """Whoever's password is changed or removed is logged out at the next look, in words; others stay."""
        revoked: list[frozenset[str]] = []
        told: list[tuple[str, str, str]] = []

        def revoke(gone: frozenset[str]) -> None:
            revoked.append(gone)
            self.service.revoke(gone)

        watch = CredentialWatch(self.reactor, revoke, lambda *change: told.append(change))
        self.service.use_watch(watch)
        visit = self.logged_in()
        watch.look()
        self.assertFalse(visit.is_closing)
        write_entry(self.passwords, make_entry("other", "correct horse", bytes(16)))
        watch.look()
        self.assertEqual(revoked, [])
        write_entry(self.passwords, make_entry(NAME, "battery staple", bytes(16)))
        watch.look()
        self.assertEqual(revoked, [{self.line}])
        self.assertEqual(told, [("added", "password", "other"), ("added", "password", NAME), ("removed", "password", NAME)])
        said = b"the user operator is no longer admitted: its credential is gone or has ended\r\n"
        self.assertTrue(visit.shown().endswith(said))
        self.reactor.advance(REVOKED_GRACE)
        self.assertTrue(visit.transport.disconnected)
        stopped = self.service.stopService()
        self.assertEqual(watch._looks, {})
        visit.hang_up()
        self.successResultOf(stopped)

    def test_one_wrong_then_right(self) -> None:
        """A slip of the fingers costs one try."""
        visit = self.visit()
        visit.type(NAME)
        visit.type("wrong")
        visit.type(NAME)
        self.assertIn(b"netd> ", visit.type(PASSWORD))

    def test_unknown_name_looks_the_same(self) -> None:
        """Nothing tells a stranger whether it was the name or the password."""
        visit = self.visit()
        answers = []
        for name in (NAME, "nobody"):
            answers.append((visit.type(name), visit.type("wrong")))
        self.assertEqual(answers[0], answers[1])

    def test_logged(self) -> None:
        """Each login and each failure is in the log, with the name escaped and the address, and never a password."""
        visit = self.visit()
        visit.type("\x9b2Jx" + "y" * 100)
        visit.type("not the secret")
        visit.type(NAME)
        visit.type(PASSWORD)
        visit.hang_up()
        log = self.log()
        self.assertIn(f"manhole: 127.0.0.1:50412 failed to log in as '\\x9b2Jx{'y' * 60}' (try 1 of 3)", log)
        self.assertIn("manhole: operator logged in by telnet from 127.0.0.1:50412", log)
        self.assertIn("manhole: 127.0.0.1:50412, user operator left after 0.0 s", log)
        self.assertNotIn("secret", log)
        self.assertNotIn(PASSWORD, log)

    def test_secrets_in_no_event(self) -> None:
        """Not even the fields of log events, as JSON logs show them, hold a password, whatever goes wrong around it."""
        for typed in (f"{PASSWORD}\r\n", PASSWORD * 400, f"{PASSWORD}\xff\r\n", f"{PASSWORD}\x03"):
            visit = self.visit()
            visit.type(NAME)
            visit.send(typed.encode("latin-1"))
            visit.hang_up()
        for event in self.events:
            self.assertNotIn(PASSWORD, repr({key: value for key, value in event.items() if key != "log_source"}))

    def test_login_timeout(self) -> None:
        """Whoever does not log in within the timeout is closed out; typing does not prolong it."""
        visit = self.visit()
        self.reactor.advance(20)
        visit.type(NAME)
        self.reactor.advance(9.5)
        self.assertFalse(visit.is_closing)
        self.reactor.advance(1)
        self.assertTrue(visit.shown().endswith(b"\r\nno login within 30 s\r\n"))
        self.assertTrue(visit.is_closing)
        self.assertIn("manhole: 127.0.0.1:50412 did not log in in time", self.log())

    def test_timeout_while_checking(self) -> None:
        """A password that is found right after the timeout opens nothing."""
        waiting: Deferred[str | None] = Deferred()
        self.check = lambda *_: waiting
        visit = self.visit()
        visit.type(NAME)
        visit.type(PASSWORD)
        self.reactor.advance(31)
        self.assertTrue(visit.is_closing)
        visit.shown()
        waiting.callback(self.line)
        self.assertEqual(b"", visit.shown())
        self.assertNotIn("logged in", self.log())

    def test_no_login_timeout_afterwards(self) -> None:
        """A session that is used goes on after the time in which it had to log in."""
        visit = self.logged_in()
        self.reactor.advance(60)
        self.assertFalse(visit.is_closing)

    def test_typed_ahead(self) -> None:
        """Commands sent along with the password are carried out after the check, not lost and not before."""
        waiting: Deferred[str | None] = Deferred()
        self.check = lambda *_: waiting
        visit = self.visit()
        visit.send(f"{NAME}\n{PASSWORD}\nquit\n".encode())
        self.assertFalse(visit.is_closing)
        waiting.callback(self.line)
        self.assertTrue(visit.shown().endswith(b"netd> goodbye\r\n"))
        self.assertTrue(visit.is_closing)

    def test_empty_name(self) -> None:
        """Enter alone asks again, and costs no try."""
        visit = self.visit()
        for _ in range(5):
            self.assertTrue(visit.type("").endswith(b"login: "))
        self.assertEqual([], self.checks)

    def test_interrupt(self) -> None:
        """Ctrl-C goes back to the name, with the terminal showing again what is typed; while a password is checked it waits."""
        visit = self.visit()
        visit.type("wrong name")
        visit.send(b"half a passw\x03")
        self.assertEqual(SHOW_INPUT + b"\r\nlogin: ", visit.shown())
        self.assertEqual(HIDE_INPUT + b"password: ", visit.type(NAME))
        waiting: Deferred[str | None] = Deferred()
        self.check = lambda *_: waiting
        visit.type(PASSWORD)
        visit.send(b"\x03")
        self.assertEqual(b"", visit.shown())
        waiting.callback(self.line)
        self.assertIn(b"netd> ", visit.shown())
        self.assertEqual([(NAME, PASSWORD)], self.checks)

    def test_end(self) -> None:
        """Ctrl-D at the login is a goodbye."""
        visit = self.visit()
        visit.send(b"\x04")
        self.assertTrue(visit.shown().endswith(b"login: \r\ngoodbye\r\n"))
        self.assertTrue(visit.is_closing)

    def test_byte_by_byte(self) -> None:
        """A client that sends each byte alone, with telnet's negotiation in between, logs in like any other."""
        visit = self.visit()
        stream = IAC + WILL + NAWS + f"{NAME}\r\n".encode() + IAC + DO + ECHO + f"{PASSWORD}\r\0".encode() + IAC + DONT + ECHO
        for at in range(len(stream)):
            visit.send(stream[at : at + 1])
        shown = visit.shown()
        self.assertTrue(shown.endswith(b"netd> "), shown)
        self.assertIn(IAC + DONT + NAWS, shown)

    def test_unusable_file(self) -> None:
        """When the password file went bad while netd runs, nobody gets in, and the log says what to do."""
        self.check = lambda *_: fail(PrivateFileError("/x: run `chmod 600 /x`"))
        visit = self.visit()
        visit.type(NAME)
        self.assertTrue(visit.type(PASSWORD).endswith(b"nobody can log in now; the log says why\r\n"))
        self.assertTrue(visit.is_closing)
        self.assertIn("manhole: nobody can log in by a password: /x: run `chmod 600 /x`", self.log())

    def test_fault(self) -> None:
        """A fault of ours while checking lets nobody in either, and is logged with its traceback."""
        self.check = lambda *_: fail(RuntimeError("boom"))
        visit = self.visit()
        visit.type(NAME)
        self.assertTrue(visit.type(PASSWORD).endswith(b"nobody can log in now; the log says why\r\n"))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))


class HangingUpTests(ManholeTestCase):
    def test_gone_while_waiting(self) -> None:
        """Connections that send a password and hang up at once cost no work: an operator behind them waits for one check only."""
        waiting: Deferred[str | None] = Deferred()
        self.check = lambda *_: waiting
        first, second = self.visit(), self.visit()
        for visit in (first, second):
            visit.type(NAME)
            visit.type(PASSWORD)
        second.hang_up()
        waiting.callback(None)
        self.assertEqual(1, len(self.checks))

    def test_gone_while_checking(self) -> None:
        """A connection that is lost while its password is checked leaves no trace of a login."""
        waiting: Deferred[str | None] = Deferred()
        self.check = lambda *_: waiting
        visit = self.visit()
        visit.type(NAME)
        visit.type(PASSWORD)
        visit.hang_up()
        waiting.callback(self.line)
        self.assertNotIn("logged in", self.log())

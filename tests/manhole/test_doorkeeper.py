"""The doorkeeper: one password is checked at a time, and whoever has just come does not wait behind those who guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

from netd.manhole.doorkeeper import MOST_KNOWN, MOST_WAITING, Doorkeeper, TooManyLogins, TooManyWrong
from netd.secrets.passwords import make_entry, write_entry
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tries import MOST_WRONG, WINDOW, WrongSecrets
from tests.manhole.visits import NAME, PASSWORD


class Threads:
    """Calls nothing by itself; remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Deferred[Any]]] = []

    def __call__(self, _function: Any, _path: Path, name: str, _password: str) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self.asked.append((name, answer))
        return answer

    @property
    def names(self) -> list[str]:
        """The names that were checked, in the order of their checks."""
        return [name for name, _ in self.asked]

    def answer(self, line: str | None = None) -> None:
        """End the check that runs."""
        self.asked[-1][1].callback(line)


class DoorkeeperTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads = Threads()
        self.clock = Clock()
        self.wrong = WrongSecrets(self.clock.seconds)
        self.doorkeeper = Doorkeeper(Path("x"), self.threads, self.wrong)

    def check(self, name: str, host: str) -> Deferred[str | None]:
        """Have a password checked; a wrong one is counted, as its connection does."""

        def judge(line: str | None) -> str | None:
            if line is None:
                self.wrong.note(host)
            return line

        return self.doorkeeper.check(name, "x", host).addCallback(judge)

    def test_real_file(self) -> None:
        """What `netd passwd` wrote is what opens, from the moment when it is written; the answer is its line."""
        path = Path(self.mktemp())
        doorkeeper = Doorkeeper(path, maybeDeferred, self.wrong)
        self.failureResultOf(doorkeeper.check(NAME, PASSWORD), PrivateFileError)
        entry = make_entry(NAME, PASSWORD, bytes(16))
        write_entry(path, entry)
        self.assertEqual(self.successResultOf(doorkeeper.check(NAME, PASSWORD)), entry.to_line())
        self.assertIsNone(self.successResultOf(doorkeeper.check(NAME, "wrong")))
        self.assertIsNone(self.successResultOf(doorkeeper.check("nobody", PASSWORD)))

    def test_one_at_a_time(self) -> None:
        """Strangers who send passwords at once cost the memory of one check."""
        first, second = self.check("a", "10.0.0.1"), self.check("b", "10.0.0.2")
        self.assertEqual(self.threads.names, ["a"])
        self.threads.answer("line")
        self.assertEqual(self.successResultOf(first), "line")
        self.assertEqual(self.threads.names, ["a", "b"])
        self.threads.asked[1][1].errback(PrivateFileError("gone"))
        self.failureResultOf(second, PrivateFileError)
        self.check("c", "10.0.0.3")
        self.assertEqual(self.threads.names, ["a", "b", "c"])

    def test_newest_first(self) -> None:
        """Behind guessers who came before, a newcomer waits for one check; among guessers, the fewest tries go first."""
        self.check("running", "10.0.0.1")
        for number in range(8):
            self.check(f"guess{number}", f"10.1.0.{number}")
        self.check("operator", "10.2.0.1")
        self.threads.answer()
        self.assertEqual(self.threads.names, ["running", "operator"])
        self.check("again", "10.0.0.1")
        for _ in range(9):
            self.threads.answer()
        self.assertEqual(self.threads.names[2:], [*(f"guess{number}" for number in reversed(range(8))), "again"])

    def test_known(self) -> None:
        """A network from which somebody has logged in before goes first, also before newer strangers, even after a slip."""
        self.check("operator", "10.2.0.1")
        self.threads.answer("line")
        self.check("running", "10.0.0.1")
        self.wrong.note("10.2.0.1")
        self.check("operator", "10.2.0.1")
        self.check("stranger", "10.0.0.2")
        self.threads.answer()
        self.assertEqual(self.threads.names, ["operator", "running", "operator"])

    def test_bounded_memory(self) -> None:
        """So many networks are remembered, the one that logged in last among them, and no more."""
        for number in range(MOST_KNOWN + 3):
            self.check("operator", f"10.0.{number}.1")
            self.threads.answer("line")
        self.assertEqual(len(self.doorkeeper._known), MOST_KNOWN)
        self.assertIn(f"10.0.{MOST_KNOWN + 2}.1", self.doorkeeper._known)

    def test_one_waits_for_each_network(self) -> None:
        """An address that sends many passwords at once has one checked and one waiting; the others are refused."""
        running, waiting, refused = (self.check("guess", "2001:db8::1") for _ in range(3))
        self.failureResultOf(refused, TooManyLogins)
        self.failureResultOf(self.check("guess", "2001:db8::ffff"), TooManyLogins)
        self.threads.answer()
        self.threads.answer()
        self.assertEqual((self.successResultOf(running), self.successResultOf(waiting)), (None, None))

    def test_flood(self) -> None:
        """An address that does so again and again is not even let in, until a minute has passed; others are."""
        self.check("running", "10.0.0.1")
        self.check("waiting", "10.0.0.1")
        for _ in range(MOST_WRONG):
            self.assertFalse(self.doorkeeper.is_flooded_from("10.0.0.1"))
            self.failureResultOf(self.check("guess", "10.0.0.1"), TooManyLogins)
        self.assertTrue(self.doorkeeper.is_flooded_from("10.0.0.1"))
        self.assertFalse(self.doorkeeper.is_flooded_from("10.0.0.2"))
        self.clock.advance(WINDOW)
        self.assertFalse(self.doorkeeper.is_flooded_from("10.0.0.1"))

    def test_too_many_wait(self) -> None:
        """When too many wait, the one whose turn would be last is refused, and that is never the newcomer."""
        self.check("running", "10.0.0.1")
        waiting = [self.check(f"guess{number}", f"10.1.0.{number}") for number in range(MOST_WAITING)]
        self.wrong.note("10.1.0.7")
        self.check("operator", "10.2.0.1")
        error = self.failureResultOf(waiting[7], TooManyLogins).value
        self.assertEqual(str(error), "too many logins wait for their check; try again in a moment")
        self.check("another", "10.2.0.2")
        self.failureResultOf(waiting[0], TooManyLogins)

    def test_too_many_wrong(self) -> None:
        """After ten wrong passwords in a minute none of an address is checked, neither at once nor if it waits already."""
        for _ in range(MOST_WRONG - 1):
            self.wrong.note("10.0.0.1")
        running, waiting = self.check("guess", "10.0.0.1"), self.check("guess", "10.0.0.1")
        self.threads.answer()
        self.assertIsNone(self.successResultOf(running))
        self.failureResultOf(waiting, TooManyWrong)
        error = self.failureResultOf(self.check("operator", "10.0.0.1"), TooManyWrong).value
        self.assertEqual(str(error), "too many wrong passwords came from your address; try again in 60 s")
        self.assertEqual(len(self.threads.asked), 1)
        self.clock.advance(WINDOW)
        self.check("operator", "10.0.0.1")
        self.assertEqual(len(self.threads.asked), 2)

    def test_hanging_up(self) -> None:
        """Who hangs up leaves the queue, but a check that has begun still counts until its thread is done."""
        running, waiting, last = (self.check(name, f"10.0.0.{number}") for number, name in enumerate(("running", "x", "last")))
        for abandoned in (running, waiting):
            abandoned.addErrback(lambda _: None)
            abandoned.cancel()
        self.assertEqual(self.threads.names, ["running"])
        self.threads.answer("line")
        self.assertEqual(self.threads.names, ["running", "last"])
        self.threads.answer("line")
        self.assertEqual(self.successResultOf(last), "line")


class SiegeTests(SynchronousTestCase):
    """Guessers from many addresses who never rest, checks of 0.3 s, and people who log in from elsewhere now and then."""

    CHECK = 0.3
    GUESSERS = 80

    def setUp(self) -> None:
        self.clock = Clock()
        self.wrong = WrongSecrets(self.clock.seconds)
        self.doorkeeper = Doorkeeper(Path("x"), self.in_thread, self.wrong)
        self.refused = self.guessed = 0
        self.took: list[float] = []

    def in_thread(self, _function: Any, _path: Path, name: str, _password: str) -> Deferred[Any]:
        """A thread that takes its time."""
        return deferLater(self.clock, self.CHECK, lambda: "line" if name == "operator" else None)

    def guess(self, host: str) -> None:
        """One guesser, who begins anew as soon as it has been answered, a quarter of a second after a refusal."""
        if self.doorkeeper.is_flooded_from(host):
            self.clock.callLater(1, self.guess, host)
            return
        self.doorkeeper.check("root", "x", host).addCallbacks(self.judge, self.refuse, (host,), None, (host,))

    def judge(self, _line: None, host: str) -> None:
        """A guess was checked."""
        self.guessed += 1
        self.wrong.note(host)
        self.clock.callLater(0, self.guess, host)

    def refuse(self, failure: Any, host: str) -> None:
        """A guess was not checked."""
        failure.trap(TooManyLogins, TooManyWrong)
        self.refused += 1
        self.clock.callLater(0.25, self.guess, host)

    def log_in(self, host: str) -> None:
        """Somebody with the right password."""
        began = self.clock.seconds()
        answer = self.doorkeeper.check("operator", "right", host)
        answer.addCallback(lambda _line: self.took.append(self.clock.seconds() - began))

    def test_others_log_in(self) -> None:
        """From any address, at any time of a siege of half a minute, a login takes two checks at most: less than a second."""
        for number in range(self.GUESSERS):
            self.guess(f"10.1.{number}.1")
        for number in range(15):
            self.clock.callLater(0.07 + 2 * number, self.log_in, f"10.2.{number}.1")
        self.clock.pump([0.05] * 620)
        self.assertEqual(len(self.took), 15)
        self.assertLess(max(self.took), 2 * self.CHECK + 0.15)
        self.assertGreater(self.guessed, 50)

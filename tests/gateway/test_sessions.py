"""Tests of ``netd.gateway.sessions``: how sessions begin, are found, and end."""

from __future__ import annotations

import itertools
from pathlib import Path

from attrs import define
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import NotPermitted
from netd.gateway.sessions import MOST_OF_ONE, MOST_SESSIONS, BrowserSession, BrowserSessions
from netd.principal import Proof, Role
from netd.secrets.credentials import Credential
from netd.secrets.private_files import PrivateFileError
from netd.secrets.token_file import add_token, remove_token
from netd.secrets.tokens import TOKENS, Tokens
from netd.testing import MemoryDisk, MemoryState

HOUR, DAY = 3600.0, 86400.0


@define
class Rules:
    """How long sessions last."""

    session_idle: float = 8 * HOUR
    session_limit: float = 7 * DAY


class SessionsTestCase(SynchronousTestCase):
    """The sessions of one gateway, whose disk outlives a restart."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / TOKENS
        self.path.parent.mkdir()
        self.disk, self.wall_ahead = MemoryDisk(), 1e9
        self.numbers = itertools.count(1)
        self.ends: list[tuple[str, str]] = []
        self.clock = Clock()
        self.restart()

    def restart(self) -> None:
        """Another run of the daemon, whose monotonic clock begins anew."""
        wall = self.wall()
        self.clock = Clock()
        self.wall_ahead = wall
        self.state = MemoryState(self.clock, self.wall, self.disk)
        self.sessions = BrowserSessions(
            Tokens(self.path), Rules(), self.clock.seconds, self.wall, lambda size: next(self.numbers).to_bytes(size, "big")
        )
        self.sessions.ended = lambda session, why: self.ends.append((session.name, why))
        self.sessions.use_state(self.state.part("gateway.main"))

    def wall(self) -> float:
        """The wall clock."""
        return self.wall_ahead + self.clock.seconds()

    def token(self, name: str = "ann") -> Credential:
        """A token that was made just now."""
        found = Tokens(self.path).find(add_token(self.path, name, Role.OPERATOR, (), lambda size: name.encode().ljust(size)))
        assert found is not None
        return found

    def refusal(self, cookie: str, page: str) -> str:
        """Why there is no session with these halves."""
        return str(self.assertRaises(NotPermitted, self.sessions.find, cookie, page))


class HalvesTests(SessionsTestCase):
    def test_both(self) -> None:
        """Both halves together are the bearer of the token, within a session; each half alone, and halves of two, are nothing."""
        token = self.token()
        session, cookie, page = self.sessions.begin(token, "10.0.0.7")
        _, other_cookie, other_page = self.sessions.begin(token, "10.0.0.8")
        self.assertIs(self.sessions.find(cookie, page), session)
        principal = session.principal
        assert principal is not None
        self.assertEqual((principal.name, principal.role, principal.proof), ("ann", Role.OPERATOR, Proof.SESSION))
        self.assertEqual(principal.credential, token.principal.credential)
        for halves in (
            (cookie, ""),
            ("", page),
            (cookie, other_page),
            (other_cookie, page),
            (page, cookie),
            ("\udcff", "\udcff"),
        ):
            self.assertEqual(self.refusal(*halves), "this session has ended; sign in again")
        self.assertEqual(self.ends, [])

    def test_hashes_only(self) -> None:
        """Neither half is kept, and neither is the token."""
        _, cookie, page = self.sessions.begin(self.token(), "10.0.0.7")
        self.clock.advance(60)
        (commit,) = self.disk.commits
        for secret in (cookie, page, "ann operator"):
            self.assertNotIn(secret, repr(commit))
            self.assertNotIn(secret, repr(next(iter(self.sessions))))

    def test_sizes(self) -> None:
        """Each half has 128 bits."""
        _, cookie, page = self.sessions.begin(self.token(), "")
        self.assertEqual((len(cookie), len(page)), (22, 22))


class EndTests(SessionsTestCase):
    def test_unused(self) -> None:
        """A session ends when nobody has used it for eight hours; each use begins them anew."""
        session, cookie, page = self.sessions.begin(self.token(), "")
        for _ in range(3):
            self.clock.advance(8 * HOUR - 1)
            self.assertIs(self.sessions.find(cookie, page), session)
            self.assertEqual(self.sessions.left(session), (session.began + 7 * DAY - self.clock.seconds(), 1.0))
            self.sessions.use(session)
        self.clock.advance(8 * HOUR)
        self.assertEqual(self.refusal(cookie, page), "this session has ended: nobody used it for 8 h; sign in again")
        self.assertEqual(self.ends, [("ann", "this session has ended: nobody used it for 8 h")])
        self.assertFalse(self.sessions.is_there(session))

    def test_use_of_its_token(self) -> None:
        """Whoever looks for tokens that nobody uses finds the one that a session goes by used."""
        token = self.token()
        session, _, _ = self.sessions.begin(token, "10.0.0.7")
        self.clock.advance(DAY)
        self.sessions.use(session)
        last = self.sessions.tokens.uses.of(token)
        assert last is not None
        self.assertEqual((last.time, last.host), (self.wall(), "10.0.0.7"))

    def test_age(self) -> None:
        """A session ends after seven days, however much it is used."""
        session, _, _ = self.sessions.begin(self.token(), "")
        for _ in range(7 * 24 - 1):
            self.clock.advance(HOUR)
            self.sessions.use(session)
        self.assertEqual(self.sessions.left(session), (HOUR, HOUR))
        self.clock.advance(HOUR)
        self.sessions.judge()
        self.assertEqual(self.ends, [("ann", "this session has ended after 7 d")])
        self.assertEqual(self.sessions.left(session), (0.0, 0.0))

    def test_token_is_gone(self) -> None:
        """A session ends with its token, and when the token's rights change; others go on."""
        token, other = self.token(), self.token("bob")
        _, cookie, page = self.sessions.begin(token, "")
        self.sessions.begin(other, "")
        self.path.write_text(self.path.read_text().replace("ann operator", "ann admin"))
        self.sessions.judge()
        self.assertEqual(self.ends, [("ann", "its token was removed or changed, or its end has come")])
        remove_token(self.path, "bob")
        self.sessions.judge()
        self.assertEqual(len(self.ends), 2)
        self.assertIn("ended", self.refusal(cookie, page))

    def test_unreadable_tokens(self) -> None:
        """While the tokens cannot be read, nobody is signed out, and nobody is served."""
        session, cookie, page = self.sessions.begin(self.token(), "")
        self.path.chmod(0o644)
        self.sessions.judge()
        self.assertRaises(PrivateFileError, self.sessions.find, cookie, page)
        self.path.chmod(0o600)
        self.assertIs(self.sessions.find(cookie, page), session)

    def test_by_name(self) -> None:
        """All sessions of a name can be ended, and a session that has ended ends only once."""
        ann, bob = self.token(), self.token("bob")
        sessions = [self.sessions.begin(one, "")[0] for one in (ann, bob, ann)]
        self.assertEqual((self.sessions.end_all_of("ann", "enough"), self.sessions.end_all_of("eve", "enough")), (2, 0))
        self.sessions.end(sessions[0], "again")
        self.assertEqual(self.ends, [("ann", "enough"), ("ann", "enough")])
        self.assertEqual([one.name for one in self.sessions], ["bob"])

    def test_most_of_one(self) -> None:
        """A token has twenty sessions at most: a further one ends the one that was used least recently."""
        ann = self.token()
        sessions = self.begin_many(ann, MOST_OF_ONE)
        self.sessions.use(sessions[0])
        self.sessions.begin(self.token("bob"), "")
        self.assertEqual(self.ends, [])
        self.begin_many(ann, 1)
        self.assertEqual(self.ends, [("ann", "there are 20 later sessions")])
        self.assertEqual([self.sessions.is_there(one) for one in sessions[:2]], [True, False])

    def test_most(self) -> None:
        """There are a thousand sessions at most."""
        for number in range(MOST_SESSIONS // MOST_OF_ONE):
            self.begin_many(self.token(f"t{number}"), MOST_OF_ONE)
        self.assertEqual(self.ends, [])
        self.begin_many(self.token(), 1)
        self.assertEqual(self.ends, [("t0", "there are 1000 later sessions")])

    def begin_many(self, token: Credential, count: int) -> list[BrowserSession]:
        """So many sessions of *token*, a second apart."""
        found = []
        for _ in range(count):
            self.clock.advance(1)
            found.append(self.sessions.begin(token, "")[0])
        return found


class RestartTests(SessionsTestCase):
    def test_damaged(self) -> None:
        """An entry of another form does not keep netd from starting; it is forgotten, and the other sessions go on."""
        _, cookie, page = self.sessions.begin(self.token(), "10.0.0.7")
        table = self.state.part("gateway.main").table("sessions")
        for number, entry in enumerate(([1], {"page": "x"}, {"began": "x", "used": 1.0}, None)):
            table.note(str(number), entry, 0.0)
        self.clock.advance(60.0)
        self.restart()
        self.assertEqual(self.sessions.find(cookie, page).name, "ann")
        self.assertEqual(len([*self.sessions]), 1)

    def test_goes_on(self) -> None:
        """A restart signs nobody out, and prolongs nothing: the time while netd was down counts."""
        session, cookie, page = self.sessions.begin(self.token(), "10.0.0.7")
        self.clock.advance(6 * HOUR)
        self.sessions.use(session)
        self.clock.advance(60)
        self.restart()
        found = self.sessions.find(cookie, page)
        self.assertEqual((found.name, found.host, found.principal), ("ann", "10.0.0.7", session.principal))
        self.wall_ahead += HOUR
        self.restart()
        (at_most, unused) = self.sessions.left(self.sessions.find(cookie, page))
        self.assertEqual((at_most, unused), (7 * DAY - 7 * HOUR - 60, 7 * HOUR - 60))

    def test_ended(self) -> None:
        """A session that was ended is not brought back by a restart, even if netd dies a moment later."""
        session, cookie, page = self.sessions.begin(self.token(), "")
        self.clock.advance(60)
        self.sessions.end(session, "signed out")
        self.clock.advance(0)
        self.restart()
        self.assertIn("ended", self.refusal(cookie, page))

    def test_token_changed_meanwhile(self) -> None:
        """A token that was removed while netd was down brings no session back."""
        _, cookie, page = self.sessions.begin(self.token(), "")
        self.clock.advance(60)
        remove_token(self.path, "ann")
        self.restart()
        self.assertIn("removed or changed", self.refusal(cookie, page))

    def test_clock_set_back(self) -> None:
        """A wall clock that was set back by years ends no session, and gives none more than its seven days."""
        _, cookie, page = self.sessions.begin(self.token(), "")
        self.clock.advance(60)
        self.wall_ahead = 0.0
        self.restart()
        self.assertEqual(self.sessions.left(self.sessions.find(cookie, page))[0], 7 * DAY)

    def test_written_seldom(self) -> None:
        """Uses are written once a minute at most."""
        session, _, _ = self.sessions.begin(self.token(), "")
        self.clock.advance(60)
        for _ in range(600):
            self.clock.advance(0.5)
            self.sessions.use(session)
        self.clock.advance(60)
        self.assertLess(len(self.disk.commits), 7)

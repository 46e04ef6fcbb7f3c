"""Tests of ``netd.session.roster``: whom to dial, under which ids."""

from __future__ import annotations

from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import NoSuchTarget, OperationFailed
from netd.session.addresses import Forbidden
from netd.session.roster import GREATEST_ID, REMEMBERED
from netd.session.states import SessionState
from tests.session.bench import HOST, Bench


class IdTests(SynchronousTestCase):
    def test_ids_never_collide(self) -> None:
        """The channel ids of any two live sessions are different, whatever was started and ended before."""
        bench = Bench(sessions_per_host=100)
        for round_ in range(40):
            bench.start()
            if round_ % 3 == 0:
                bench.roster.live()[round_ // 4].stop("enough")
        ids = [session.id + place for session in bench.roster.live() for place in range(3)]
        self.assertEqual(len(ids), len(set(ids)))

    def test_room_for_all_channels(self) -> None:
        """With more than three channels, ids are further apart; with fewer, old agents still announce three."""
        for letters, apart in (("abcdef", 6), ("a", 3)):
            bench = Bench(letters=letters, sessions_per_host=9)
            self.assertEqual([bench.start().id, bench.start().id], [1, 1 + apart])

    def test_ids_fit(self) -> None:
        """After very many sessions ids begin anew, and pass over those that live; an id has at most 16 digits."""
        bench = Bench(sessions_per_host=9)
        self.assertEqual(bench.start().id, 1)
        bench.roster._next_id = GREATEST_ID
        self.assertEqual([bench.start().id, bench.start().id], [GREATEST_ID, 4])
        self.assertLessEqual(len(str(GREATEST_ID + 9)), 9)


class StartTests(SynchronousTestCase):
    def test_once_per_host(self) -> None:
        """A second start for a host is an error that names the session."""
        bench = Bench()
        bench.start()
        error = self.assertRaises(OperationFailed, bench.start)
        self.assertEqual(str(error), "10.0.0.5 has session 1 (dialling) already; `session.stop 1` ends it")
        bench.start("10.0.0.6")

    def test_several_per_host(self) -> None:
        """The configuration can allow several."""
        bench = Bench(sessions_per_host=2)
        bench.start()
        bench.start()
        self.assertIn("session 1, 4 ", str(self.assertRaises(OperationFailed, bench.start)))

    def test_no_more_rest(self) -> None:
        """A start for a host whose session rests dials it at once instead."""
        bench = Bench()
        session = bench.start()
        session.undiallable("nobody listens")
        self.assertIs(bench.start(), session)
        self.assertEqual((len(bench.dialled), session.state), (2, SessionState.DIALLING))

    def test_not_allowed(self) -> None:
        """What the allow-list does not name is not dialled."""
        bench = Bench()
        self.assertRaises(Forbidden, bench.roster.start, "x", ip_address("192.168.0.1"))
        self.assertEqual((bench.dialled, len(bench.roster)), ([], 0))

    def test_too_many(self) -> None:
        """There is a limit to all sessions."""
        bench = Bench(max_sessions=1)
        bench.start()
        self.assertIn("`max_sessions`", str(self.assertRaises(OperationFailed, bench.start, "10.0.0.6")))


class OneMachineTests(SynchronousTestCase):
    def test_own_name(self) -> None:
        """An agent that is dialled by this machine's own name, 127.0.1.1 on Debian, may come back from 127.0.0.1, or from ::1."""
        for back in ("127.0.0.1", "127.0.1.1", "::1"):
            bench = Bench(agents="127.0.0.0/8")
            session, _line = bench.await_agent("127.0.1.1")
            bench.connect_back(session, back)
            self.assertIs(SessionState.STREAMING, session.state, back)

    def test_others(self) -> None:
        """Another machine is none of it, and a machine elsewhere is not this one."""
        for dialled, back in (("127.0.0.1", "10.0.0.5"), ("10.0.0.5", "127.0.0.1")):
            bench = Bench(agents="127.0.0.0/8 10.0.0.0/8")
            session, _line = bench.await_agent(dialled)
            bench.connect_back(session, back)
            self.assertIsNot(SessionState.STREAMING, session.state, back)


class FindTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench(sessions_per_host=2)
        self.session = self.bench.start()

    def test_find(self) -> None:
        """A session is found by its id, as number or text, and by its host."""
        for which in (1, "1", " 1 ", HOST):
            self.assertIs(self.bench.roster.find(which), self.session)

    def test_nobody(self) -> None:
        """What is not there is said so."""
        for which in (2, "nobody", "", "9" * 5000, "²"):
            self.assertRaises(NoSuchTarget, self.bench.roster.find, which)

    def test_several(self) -> None:
        """A host with several sessions is not guessed at."""
        self.bench.start()
        self.assertIn("sessions 1, 4; say which", str(self.assertRaises(NoSuchTarget, self.bench.roster.find, HOST)))


class EndedTests(SynchronousTestCase):
    def test_ended_sessions(self) -> None:
        """Sessions that have ended are listed after the live ones for a while, and what they counted is kept."""
        bench = Bench()
        for _ in range(REMEMBERED + 5):
            bench.start().stop("enough")
        live = bench.start()
        listed = list(bench.roster)
        self.assertIs(listed[0], live)
        self.assertEqual((len(listed), len(bench.roster)), (REMEMBERED + 1, 1))
        self.assertEqual(bench.roster.totals.started, REMEMBERED + 6)

    def test_when_empty(self) -> None:
        """Who waits for the end of all sessions is called then, or at once."""
        bench = Bench()
        called: list[str] = []
        bench.roster.when_empty(lambda: called.append("at once"))
        session = bench.start()
        bench.roster.when_empty(lambda: called.append("then"))
        self.assertEqual(called, ["at once"])
        session.stop("enough")
        self.assertEqual(called, ["at once", "then"])

"""Tests of ``netd.session.stream``: what may come on a data connection, from whom, and when."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import decode_object
from netd.codec.samples import SampleTaken
from netd.connection.fairness import TURN_SHARE
from netd.session.lines import HELLO_LIMIT
from netd.session.states import SessionState
from netd.session.stream import AT_ONCE, BIG_SLICE, EARLY_LIMIT, SLICE, StreamState
from tests.session.bench import HOST, Bench, Side, hello

ELSEWHERE = "10.0.0.6"


class FirstDialectTests(SynchronousTestCase):
    """Agents as they have always been."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.seen = self.bench.watch()
        self.session, self.line = self.bench.await_agent()
        self.side = self.bench.connect()

    def test_a_session(self) -> None:
        """Three announcements, each ended by silence, then samples, each ended by silence: values on the bus."""
        for token in (b"s11", b"s22", b"s33", b"x111", b"y222", b"z333"):
            self.side.say(token)
            self.assertEqual(self.side.peer.expiry, 0.05)
            self.side.expire()
        self.assertEqual(self.seen, [("10-0-0-5.x", 111), ("10-0-0-5.y", 222), ("10-0-0-5.z", 333)])
        self.assertIs(self.session.state, SessionState.STREAMING)
        self.assertEqual((self.session.dialect, self.side.refused), ("first", []))

    def test_first_announcement_is_enough(self) -> None:
        """The session streams from the first announcement on."""
        self.side.say(b"s11").expire()
        self.assertIs(self.session.state, SessionState.STREAMING)
        self.side.say(b"x1\n")
        self.assertEqual(self.seen, [("10-0-0-5.x", 1)])

    def test_every_cut(self) -> None:
        """Wherever the stream is cut, the same samples arrive; all in one read, and byte by byte."""
        wire, expected = b"s11s22s33x111y-1.5e3z333x7", [("x", 111), ("y", -1500), ("z", 333), ("x", 7)]
        cuts = [[0, at, len(wire)] for at in range(len(wire))] + [[*range(len(wire) + 1)]]
        for cut in cuts:
            bench = Bench()
            seen = bench.watch()
            bench.await_agent()
            side = bench.connect().say(*(wire[a:b] for a, b in pairwise(cut)))
            side.lose()
            self.assertEqual(seen, [(f"10-0-0-5.{channel}", value) for channel, value in expected], cut)

    def test_announcements_in_another_order(self) -> None:
        """Which channel is announced first does not matter."""
        self.side.say(b"s33s11s22x5\n")
        self.assertEqual(self.seen, [("10-0-0-5.x", 5)])

    def test_slow_announcement(self) -> None:
        """An id of which only a part came before a pause is not mistaken for another one."""
        bench = Bench(sessions_per_host=9)
        sessions = [bench.await_agent()[0] for _ in range(5)]
        side = bench.connect()
        side.say(b"s1").expire()
        side.say(b"1").expire()
        self.assertIs(side.stream.session, sessions[0])
        late = bench.connect()
        late.say(b"s19").expire()
        self.assertIs(late.stream.state, StreamState.FRESH)
        late.say(b"9").expire()
        self.assertIs(late.stream.state, StreamState.FRESH)
        late.expire()
        self.assertEqual((late.peer.closed, late.refused), ("not expected", [("not expected", b"")]))

    def test_slow_further_announcement(self) -> None:
        """An agent whose bytes come one by one, with pauses, is understood to the last of its announcements."""
        for others, said, first in ((4, b"s113s214s315x5", 13), (5, b"s116s217s318x5", 16), (6, b"s119s220s321x5", 19)):
            bench = Bench()
            seen = bench.watch()
            for number in range(others):
                bench.await_agent(f"10.0.1.{number}")
            session, _ = bench.await_agent()
            side = bench.connect()
            for byte in said:
                side.say(bytes([byte]))
                if side.peer.expiry is not None:
                    side.expire()
            self.assertEqual((side.stream.session, side.refused, seen), (session, [], [("10-0-0-5.x", 5)]))
            side.say(b"s24")
            self.assertEqual(side.expire().refused, [("not expected", b"")])
            why = f"announces 4 as channel 2 of session {first}, whose channels begin with {first}"
            self.assertEqual((side.why, side.peer.sent), (why, b""))

    def test_point_before_a_pause(self) -> None:
        """A number that comes in two pieces, the first of which ends with its point, is one number."""
        self.side.say(b"s11x1.")
        self.side.expire().say(b"5").expire()
        self.assertEqual(self.seen, [("10-0-0-5.x", 1.5)])

    def test_samples_before_the_announcement(self) -> None:
        """A sample that comes before the announcement is of no session: dropped and counted, and the rest goes on."""
        self.side.say(b"x1\n", b"s11\nx2\n")
        self.assertEqual((self.seen, self.side.refused), ([("10-0-0-5.x", 2)], [("early sample", b"x1\n")]))
        self.assertEqual(self.side.why, "it came before an announcement, and was dropped")

    def test_padding(self) -> None:
        """NULs end tokens as newlines do, wherever the stream is cut; a byte order mark before the first means nothing."""
        mark = b"\xef\xbb\xbf"
        for said in (b"s11\0s22\0s33\0x11\0\0\0y2\0", mark + b"s11\0x11\0y2\n\0", b"\0 \n" + mark + b"\0s11x11y2\0"):
            for pieces in ([said], [bytes([byte]) for byte in said]):
                bench = Bench()
                seen = bench.watch()
                bench.await_agent()
                side = bench.connect().say(*pieces)
                self.assertEqual((seen, side.refused), ([("10-0-0-5.x", 11), ("10-0-0-5.y", 2)], []), said)

    def test_nothing_but_padding(self) -> None:
        """Blanks are no beginning, and leave the connection the time that it had."""
        self.side.say(b"\0", b"\xef", b"\xbb")
        self.assertEqual(self.side.peer.expiry, 8.0)
        self.side.say(b"\xbf", b"s11\n")
        self.assertIs(self.side.stream.session, self.session)

    def test_older_announcements(self) -> None:
        """Whoever reads the log sees what was said instead of an announcement, and what that looks like."""
        for pieces, shown in (((b"123",), "b'123'"), ((b"11", b"0123"), "b'11 0123'"), ((b"7x1",), "b'7x1'")):
            side = self.bench.connect().say(*pieces)
            self.bench.clock.advance(8)
            side.stream.expired()
            self.assertIn(f"and so of no session: {shown}; an agent of an older version", side.why)
        side = self.bench.connect().say(b"123")
        side.lose()
        self.assertIn("b'123'; an agent of an older version", side.why)
        for quiet in (self.bench.connect(), self.bench.connect().say(b"\0"), self.bench.connect().say(b"s142")):
            quiet.lose()
            self.assertEqual(quiet.refused, [])
        side = self.bench.connect().say(b"hello?" * 30)
        self.bench.clock.advance(8)
        side.stream.expired()
        self.assertRegex(side.why, r"no session: b'[hello?]{60}'$")

    def test_bad_samples(self) -> None:
        """A sample that is no number is counted and told to the log, and the rest goes on."""
        self.side.say(b"s11\nx1\nxnan\nyinf\nz3\n")
        self.assertEqual(self.seen, [("10-0-0-5.x", 1), ("10-0-0-5.z", 3)])
        self.assertEqual((self.session.readings.bad, self.side.refused), (2, [("bad sample", b"xnan")]))
        self.assertEqual(self.side.why, "not a number, or of no channel; the rest goes on")

    def test_end_of_the_connection(self) -> None:
        """What was begun when the agent hung up is taken; what was bad about it is told."""
        self.side.say(b"s11\n", b"x", b"42").lose()
        self.assertEqual(self.seen, [("10-0-0-5.x", 42)])
        bench = Bench()
        bench.await_agent()
        side = bench.connect().say(b"s11\nx1y")
        side.lose()
        self.assertEqual(side.refused, [("bad sample", b"y")])

    def test_end_with_another_session_s_announcement(self) -> None:
        """The last token of a connection cannot be an announcement of another session either."""
        self.side.say(b"s11s29").lose()
        self.assertEqual(self.side.refused, [("not expected", b"")])
        self.assertIn("announces 9 as channel 2 of session 1", self.side.why)

    def test_end_in_the_announcement(self) -> None:
        """Who hangs up before its first announcement has ended is of no session: the agent is still waited for."""
        self.side.say(b"s11").lose()
        self.assertTrue(self.session.expects_agent)

    def test_silence_between_samples(self) -> None:
        """After silence has ended a token, there is nothing more to wait for until the next."""
        self.side.say(b"s11x1").expire()
        self.assertIsNone(self.side.peer.expiry)
        self.side.say(b"x2\n")
        self.assertIsNone(self.side.peer.expiry)
        self.side.say(b"x3", b"\n")
        self.assertIsNone(self.side.peer.expiry)
        bench = Bench()
        bench.await_agent()
        self.assertIsNone(bench.connect().say(b"s11x1", b"\n").peer.expiry)

    def test_other_letters(self) -> None:
        """The configuration's letters are the channels, in its order."""
        bench = Bench(letters="abcd")
        session, _ = bench.await_agent()
        bench.connect().say(b"s44a1\n")
        self.assertIs(session.state, SessionState.STREAMING)
        self.assertEqual(bench.await_agent("10.0.0.7")[0].id, 5)


class FloodTests(SynchronousTestCase):
    """Agents that send more at a time than others should have to wait for."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.seen = self.bench.watch()
        self.session, self.line, self.side = self.bench.stream()
        self.side.say(b"x0\n")
        self.wire = b"".join(b"x%d\n" % number for number in range(1, 5001))
        self.all = [("10-0-0-5.x", number) for number in range(5001)]

    def test_a_piece_a_turn(self) -> None:
        """Much at a time is taken bit by bit, and the agent not read from meanwhile: nothing is lost, others get their turn."""
        self.side.stream.receive(self.wire)
        self.assertEqual((len(self.seen), self.side.peer.is_reading), (1, False))
        self.bench.clock.advance(0)
        self.assertEqual((self.seen, self.side.peer.is_reading), (self.all, True))

    def test_silence_in_between(self) -> None:
        """While something waits to be taken, nothing that came before it is ended by silence."""
        self.side.say(b"s11", b"x1")
        self.side.stream.receive(b"1" + self.wire)
        self.side.stream.expired()
        self.side.say(b"\n")
        self.assertEqual(self.seen[1][1], 11)

    def test_little_on_top(self) -> None:
        """What still comes while something waits is taken after it."""
        self.side.stream.receive(self.wire)
        self.side.stream.receive(b"x7\n")
        self.bench.clock.advance(0)
        self.assertEqual(self.seen, [*self.all, ("10-0-0-5.x", 7)])

    def test_hangs_up(self) -> None:
        """What an agent sent before it hung up is all taken."""
        self.side.stream.receive(self.wire)
        self.side.lose()
        self.assertEqual(self.seen, self.all)
        self.bench.clock.advance(0)
        self.assertEqual(self.seen, self.all)

    def test_is_hung_up_on(self) -> None:
        """What was not taken when the session ended, or the connection was refused, is not taken afterwards."""
        self.side.stream.receive(self.wire)
        self.session.cut("netd stops")
        self.bench.clock.advance(0)
        self.assertEqual(len(self.seen), 1)
        bench = Bench()
        seen = bench.watch()
        session, _, side = bench.stream()
        side.stream.receive(self.wire)
        session.cut("netd stops")
        side.lose()
        self.assertEqual(seen, [])
        stranger = self.bench.connect().say(b"s1999\n" + self.wire)
        self.assertEqual((stranger.peer.closed, stranger.peer.is_reading, len(self.seen)), ("not expected", False, 1))

    def test_what_is_no_sample(self) -> None:
        """A flood of nonsense is taken in small pieces once that is seen, for what is bad is work: others wait less for it."""
        side = Bench().stream()[2]
        side.say(b"xnan\n" * ((BIG_SLICE + 8 * SLICE) // 5))
        self.assertEqual(len(side.refused), 9)


class CompanyTests(SynchronousTestCase):
    """Many agents with moderate reads, all in one turn, while somebody watches."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.seen = self.bench.watch()
        self.sides = [self.bench.stream(f"10.0.1.{number}")[2] for number in range(30)]
        self.spent = 0.0
        self.bench.bus.subscribe("session.*.*.*", self._take_time)

    def _take_time(self, _: object) -> None:
        """Each sample takes 20 us to deliver."""
        self.spent += 20e-6
        self.bench.clock.rightNow += 20e-6

    def test_share_of_a_turn(self) -> None:
        """What comes of all of them in one turn takes some milliseconds of it; the rest comes in the turns after, in order."""
        block = b"".join(b"x%d\n" % number for number in range(100))
        for side in self.sides:
            side.stream.receive(block)
        self.assertLessEqual(self.spent, TURN_SHARE + 100 * 20e-6)
        waiting = [side for side in self.sides if not side.peer.is_reading]
        self.assertGreater(len(waiting), 20)
        while not all(side.peer.is_reading for side in self.sides):
            before = self.spent
            turn = self.bench.clock.getDelayedCalls()[0]
            work = turn.func
            turn.cancel()
            work()
            self.assertLessEqual(self.spent - before, TURN_SHARE + 100 * 20e-6)
        self.assertEqual([value for _, value in self.seen], [*range(100)] * 30)

    def test_share_of_a_flood(self) -> None:
        """Where each sample is work, of a flood no more is taken in a turn than of many agents together."""
        self.sides[0].say(b"x0\n").stream.receive(b"x1\n" * 20_000)
        while not self.sides[0].peer.is_reading:
            before = self.spent
            turn = self.bench.clock.getDelayedCalls()[0]
            work = turn.func
            turn.cancel()
            work()
            self.assertLessEqual(self.spent - before, TURN_SHARE + SLICE / 3 * 20e-6)
        self.assertEqual(len(self.seen), 20_001)

    def test_share_of_small_reads(self) -> None:
        """Neither is more taken of many small reads; and little of many agents is taken at once."""
        for seen in (30, 60):
            for side in self.sides:
                side.stream.receive(b"x1\n")
            self.assertEqual((len(self.seen), all(side.peer.is_reading for side in self.sides)), (seen, True))
            self.bench.clock.advance(0)
        self.spent = 0.0
        for side in self.sides:
            side.stream.receive(b"x1\n" * 20)
        self.assertLessEqual(self.spent, TURN_SHARE + 20 * 20e-6)

    def test_share_of_single_samples(self) -> None:
        """Of agents that send a sample each, all in one turn, some wait as well. Reading goes on: so little may come on top."""
        for number in range(10):
            for side in self.sides:
                side.stream.receive(b"x%d\n" % number)
        self.assertLessEqual(self.spent, TURN_SHARE + 30 * 20e-6)  # the first one of each is not known to be watched yet
        self.assertTrue(all(side.peer.is_reading for side in self.sides))
        self.bench.clock.advance(0)
        self.assertEqual(sorted(value for _, value in self.seen), sorted([*range(10)] * 30))

    def test_much_on_top(self) -> None:
        """A connection that sends more while little of it waits is not read on."""
        for side in self.sides * 10:
            side.stream.receive(b"x1\n")
        last = self.sides[-1]
        last.stream.receive(b"x1\n" * (AT_ONCE // 3))
        self.assertFalse(last.peer.is_reading)
        while not last.peer.is_reading:
            self.bench.clock.advance(0)
        self.assertEqual(len(self.seen), 300 + AT_ONCE // 3)

    def test_next_turn(self) -> None:
        """With each turn there is time again: who comes one after the other does not line up."""
        for side in self.sides:
            side.stream.receive(b"x1\n" * 100)
            self.assertTrue(side.peer.is_reading)
            self.bench.clock.advance(0)
        self.assertEqual(len(self.seen), 3000)


class WhoseTests(SynchronousTestCase):
    """A connection back belongs to a session that netd has started, by its ids and by where it comes from."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.session, self.line = self.bench.await_agent()

    def _refused(self, side: Side, kind: str = "not expected") -> None:
        self.assertEqual((side.peer.closed, side.refused[0][0]), (kind, kind))
        self.assertEqual((side.stream.state, side.peer.sent), (StreamState.OVER, b""))

    def test_other_ids(self) -> None:
        """Ids of no session are refused, and the session still waits for its agent."""
        self._refused(self.bench.connect().say(b"s1142s2143s3144x1\n"))
        self.assertTrue(self.session.expects_agent)

    def test_elsewhere(self) -> None:
        """The right ids from another address are refused, with the remedy."""
        side = self.bench.connect(ELSEWHERE).say(b"s11s22s33x1\n")
        self._refused(side)
        self.assertIn("dialled at 10.0.0.5", side.why)
        self.assertIn("`connect_back_from`", side.why)
        self.assertTrue(self.session.expects_agent)

    def test_elsewhere_but_allowed(self) -> None:
        """Agents behind NAT may come from the networks that the configuration names."""
        bench = Bench(elsewhere="192.168.0.0/24")
        session, _ = bench.await_agent()
        bench.connect("192.168.0.9").say(b"s11\n")
        self.assertIs(session.state, SessionState.STREAMING)

    def test_without_an_address(self) -> None:
        """A connection of no IP address belongs to no agent."""
        self._refused(self.bench.connect(None).say(b"s11\n"))

    def test_ids_that_do_not_belong_together(self) -> None:
        """Ids of two sessions at once are refused before anything is believed of them."""
        side = self.bench.connect().say(b"s11s29\nx1\n")
        self._refused(side)
        self.assertTrue(self.session.expects_agent)

    def test_a_foreign_id_later(self) -> None:
        """An agent that announces a channel of another session after its own is hung up on."""
        seen = self.bench.watch()
        side = self.bench.connect().say(b"s11\nx1\n")
        side.say(b"s29\nx2\n")
        self._refused(side)
        self.assertEqual((self.session.state, self.line.peer.sent), (SessionState.FAILING, b"1stop"))
        side.lose()
        self.assertEqual(seen, [("10-0-0-5.x", 1)])
        self.assertIs(self.session.state, SessionState.FAILING)

    def test_two_agents(self) -> None:
        """A session has one data connection: the second is refused, and the first goes on."""
        seen = self.bench.watch()
        side = self.bench.connect().say(b"s11\n")
        self._refused(self.bench.connect().say(b"s11\n"))
        side.say(b"x5\n")
        self.assertEqual(seen, [("10-0-0-5.x", 5)])

    def test_before_it_was_told(self) -> None:
        """Ids of a session whose agent has not been told them yet are refused."""
        bench = Bench()
        bench.start()
        self._refused(bench.connect().say(b"s11\n"))

    def test_silence(self) -> None:
        """A connection that says nothing is closed in time."""
        side = self.bench.connect()
        self.assertEqual(side.peer.expiry, 8.0)
        side.expire()
        self._refused(side, "never announced")
        self.assertEqual(side.why, "neither an announcement nor a sample came")

    def test_samples_alone(self) -> None:
        """Samples without an announcement do not keep a connection open."""
        side = self.bench.connect()
        for _ in range(15):
            self.bench.clock.advance(0.5)
            side.say(b"x1\n")
        self.assertEqual(side.peer.expiry, 0.5)
        side.expire()
        self.assertEqual((side.peer.closed, side.refused[-1][0]), ("never announced", "never announced"))

    def test_dripping(self) -> None:
        """Byte after byte of nothing does not postpone the end."""
        side = self.bench.connect()
        for _ in range(79):
            self.bench.clock.advance(0.1)
            side.say(b"s")
        assert side.peer.expiry is not None
        self.assertLessEqual(side.peer.expiry, 0.1)
        self.bench.clock.advance(0.2)
        side.stream.expired()
        self.assertEqual(side.peer.closed, "never announced")

    def test_too_much(self) -> None:
        """A connection that says a lot, but not whose it is, is closed without waiting."""
        side = self.bench.connect().say(b"x1\n" * (EARLY_LIMIT // 3) + b"\n")
        self.assertIsNone(side.peer.closed)
        side.say(b"\n")
        self.assertEqual(side.peer.closed, "never announced")

    def test_dripping_quickly(self) -> None:
        """Neither does byte after byte with pauses so short that no token ends."""
        side = self.bench.connect()
        for _ in range(200):
            self.bench.clock.advance(0.04)
            side.say(b"s")
        self.bench.clock.advance(0.04)
        self.assertEqual(side.say(b"s").peer.expiry, 0.0)

    @given(
        st.lists(st.binary(max_size=30) | st.sampled_from([b"s11", b"s1", b"x5", b"{", hello(), b"\n", b"z 1\n"]), max_size=20)
    )
    def test_anything(self, pieces: list[bytes]) -> None:
        """Arbitrary bytes never raise; the connection goes on, or is closed with a reason."""
        bench = Bench()
        bench.await_agent()
        side = bench.connect()
        for piece in pieces:
            side.say(piece)
            if side.peer.closed is None and side.peer.expiry is not None:
                side.expire()
        side.lose()


class UnsolicitedTests(SynchronousTestCase):
    """With ``accept_unsolicited = yes``."""

    def setUp(self) -> None:
        self.bench = Bench(accept_unsolicited=True)
        self.seen = self.bench.watch()

    def test_announced(self) -> None:
        """An agent that nobody dialled gets a session of its own, under an id of netd's."""
        side = self.bench.connect().say(b"s1999s21000x5\n")
        session = side.stream.session
        assert session is not None
        self.assertEqual((self.seen, session.id, session.host), ([("10-0-0-5.x", 5)], 1, HOST))
        self.assertEqual((self.bench.dialled, session.ping()), ([], False))
        side.say(b"s3900y1\n")
        self.assertEqual(self.seen, [("10-0-0-5.x", 5), ("10-0-0-5.y", 1)])

    def test_samples_alone(self) -> None:
        """An agent that just sends samples is taken in at the first."""
        side = self.bench.connect().say(b"x5\nx6\n")
        self.assertEqual(self.seen, [("10-0-0-5.x", 5), ("10-0-0-5.x", 6)])
        assert side.stream.session is not None
        self.assertEqual(side.stream.session.dialect, "first")

    def test_newer(self) -> None:
        """A newer agent names no session then."""
        self.bench.connect().say(hello(None, temp={}) + b"temp 5\n")
        self.assertEqual(self.seen, [("10-0-0-5.temp", 5)])

    def test_ends(self) -> None:
        """Its session ends with its connection, and nobody dials it."""
        side = self.bench.connect().say(b"x5\n")
        side.lose()
        self.bench.clock.advance(0)
        self.assertEqual((len(self.bench.roster), self.bench.dialled), (0, []))

    def test_stopped(self) -> None:
        """An operator can end it, though it cannot be told to stop."""
        side = self.bench.connect().say(b"x5\n")
        self.bench.roster.find(1).stop("stopped by an operator")
        self.bench.clock.advance(0)
        self.assertEqual((side.peer.closed, len(self.bench.roster)), ("stopped by an operator", 0))

    def test_dialled_one_still_matches(self) -> None:
        """An agent that was dialled is still known by its ids."""
        session, _ = self.bench.await_agent()
        side = self.bench.connect().say(b"s11\n")
        self.assertIs(side.stream.session, session)

    def test_what_it_announced(self) -> None:
        """What an agent announced that came unasked is kept, and is the reason of its state."""
        side = self.bench.connect().say(b"s1142s2143\nx5\n")
        self.assertIsNotNone(side.stream.session)
        facts = side.stream.session.describe()
        self.assertEqual((facts.announced, facts.reason), ([142, 143], "came unasked, and announced 142, 143"))
        facts = self.bench.connect("10.0.0.6").say(b"x5\n").stream.session.describe()
        self.assertEqual((facts.announced, facts.reason), ([], "came unasked, and announced no id"))
        facts = self.bench.connect("10.0.0.7").say(hello(9)).stream.session.describe()
        self.assertEqual(facts.announced, [9])

    def test_not_from_anywhere(self) -> None:
        """Agents outside of the allow-list are refused all the same, and so is one too many."""
        side = self.bench.connect("172.16.0.1").say(b"x5\n")
        self.assertEqual(side.peer.closed, "not expected")
        self.assertIn("172.16.0.1 is not in the list", side.why)
        bench = Bench(accept_unsolicited=True, max_sessions=1)
        bench.connect().say(b"x5\n")
        side = bench.connect().say(b"x5\n")
        self.assertEqual(side.peer.closed, "not expected")
        self.assertIn("max_sessions", side.why)

    def test_many_from_one_address(self) -> None:
        """One address gets as many sessions as an agent's host may have; when one ends, there is room for the next."""
        sides = [self.bench.connect().say(b"x5\n") for _ in range(2)]
        self.assertEqual([side.peer.closed for side in sides], [None, "not expected"])
        self.assertIn("10.0.0.5 has as many sessions already as `sessions_per_host` allows", sides[1].why)
        sides[0].lose()
        self.bench.clock.advance(0)
        self.assertIsNone(self.bench.connect().say(b"x5\n").peer.closed)

    def test_room_for_those_that_are_dialled(self) -> None:
        """However many come unasked, and from wherever, half of the places are left for agents that are dialled."""
        bench = Bench(accept_unsolicited=True, max_sessions=8)
        sides = [bench.connect(f"10.0.1.{number}").say(b"x5\n") for number in range(6)]
        self.assertEqual([side.peer.closed for side in sides], [None] * 4 + ["not expected"] * 2)
        self.assertIn("half of `max_sessions`", sides[4].why)
        for number in range(4):
            bench.start(f"10.0.2.{number}")

    def test_silence(self) -> None:
        """Neither announcement nor sample: closed, here too."""
        side = self.bench.connect().expire()
        self.assertIn("neither an announcement nor a sample", side.why)


class NewerDialectTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.seen = self.bench.watch()
        self.session, self.line = self.bench.await_agent()
        self.side = self.bench.connect()

    def test_a_session(self) -> None:
        """A hello names the channels; lines of any of them follow, with times or without."""
        self.side.say(hello(1, temp={"label": "Temperature", "unit": "°C"}, x={}), b"temp 21.5 1732.125\nx -3\n")
        self.assertEqual(self.seen, [("10-0-0-5.temp", 21.5), ("10-0-0-5.x", -3)])
        [event] = self.bench.bus.events("session.main.10-0-0-5.temp")
        self.assertEqual(event, SampleTaken(21.5, self.bench.bus.wall(), 1732.125))
        described = self.session.describe()
        self.assertEqual(described.dialect, "newer")
        channels = {name: (facts.label, facts.unit) for name, facts in described.channels.items()}
        self.assertEqual(channels, {"temp": ("Temperature", "°C"), "x": ("Heart rate", "bpm")})

    def test_refused_label(self) -> None:
        """A label with an escape sequence is left out and told of in the log; the agent streams."""
        self.side.say(hello(1, x={"label": "a\x1b[2J"}, y={"unit": "\N{DEGREE SIGN}C"}), b"x 5\n")
        self.assertEqual(self.seen, [("10-0-0-5.x", 5)])
        self.assertIsNone(self.side.peer.closed)
        self.assertEqual(self.side.refused, [("bad label", b"")])
        channels = self.session.describe().channels
        self.assertEqual((channels["x"].label, channels["y"].unit), ("Heart rate", "°C"))

    def test_every_cut(self) -> None:
        """Wherever the stream is cut, the same samples arrive; all in one read, and byte by byte."""
        wire = hello(1, x={}, y={}) + b"x 1\ny 2 3\n"
        cuts = [[0, at, len(wire)] for at in range(len(wire))] + [[*range(len(wire) + 1)]]
        for cut in cuts:
            bench = Bench()
            seen = bench.watch()
            bench.await_agent()
            bench.connect().say(*(wire[a:b] for a, b in pairwise(cut)))
            self.assertEqual(seen, [("10-0-0-5.x", 1), ("10-0-0-5.y", 2)], cut)

    def test_unknown_channel(self) -> None:
        """A sample of a channel that the hello did not name is bad, and the rest goes on."""
        self.side.say(hello(), b"y 5\nx 6\nx nan\n")
        self.session.describe()
        self.assertEqual((self.seen, self.session.readings.bad), ([("10-0-0-5.x", 6)], 2))

    def _told(self, side: Side, kind: str) -> str:
        self.assertEqual(side.peer.closed, kind)
        return str(decode_object(side.peer.take_sent())["error"])

    def test_bad_hello(self) -> None:
        """A newer agent is told what is wrong with its hello."""
        self.assertIn("`channels`", self._told(self.side.say(b"{}\n"), "bad hello"))

    def test_wrong_session(self) -> None:
        """A newer agent is told that nobody waits for it, and the log what would let it in."""
        self.assertIn("`accept_unsolicited = yes`", self._told(self.bench.connect().say(hello(7)), "not expected"))
        self.assertIn("no session of that id", self._told(self.side.say(hello(7)), "not expected"))
        self.assertIn("no session was named", self._told(self.bench.connect().say(hello(None)), "not expected"))
        for cut in range(1, len(hello(7))):
            side = self.bench.connect().say(hello(7)[:cut], hello(7)[cut:])
            self.assertIn("no session of that id", self._told(side, "not expected"))

    def test_padding(self) -> None:
        """A byte order mark and blanks before the hello mean nothing, and NULs end lines."""
        for said in (b"\xef\xbb\xbf" + hello(1), b"\r\n \0" + hello(1)[:-1] + b"\0", hello(1) + b"\0"):
            bench = Bench()
            seen = bench.watch()
            bench.await_agent()
            bench.connect().say(*(bytes([byte]) for byte in said + b"x 5\0\n"))
            self.assertEqual(seen, [("10-0-0-5.x", 5)], said)

    def test_endless_hello(self) -> None:
        """A hello without an end is refused when it becomes too long."""
        half = b"{" * (HELLO_LIMIT // 2)
        self.assertIn("at most", self._told(self.side.say(half, half, b"{"), "bad hello"))
        self.assertIn("at most", self._told(self.bench.connect().say(half + half + b"{\n"), "bad hello"))
        longest = hello(1)[:-1].ljust(HELLO_LIMIT) + b"\n"
        for cut in (len(longest), HELLO_LIMIT):
            bench = Bench()
            bench.await_agent()
            self.assertIsNotNone(bench.connect().say(longest[:cut], longest[cut:]).stream.session)

    def test_slow_hello(self) -> None:
        """A hello that does not come to an end in time is refused, and dripping does not help."""
        self.side.say(b'{"session"')
        self.assertEqual(self.side.peer.expiry, 8.0)
        self.bench.clock.advance(7)
        self.side.say(b":")
        self.assertEqual(self.side.peer.expiry, 1.0)
        self.assertEqual("timed out in the middle of a hello", self._told(self.side.expire(), "timed out"))

    def test_no_clock_afterwards(self) -> None:
        """Nothing is timed on the connection of a newer agent but its silence, which the session minds."""
        for pieces in ([hello() + b"x"], [hello()[:5], hello()[5:] + b"x"]):
            bench = Bench()
            bench.await_agent()
            self.assertIsNone(bench.connect().say(*pieces).peer.expiry)

"""Tests of ``netd.session.session``: what becomes of a session when an agent, an operator or time wants something."""

from __future__ import annotations

from itertools import product
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.session.events import StateChanged
from netd.session.session import PARTING, TelemetrySession
from netd.session.states import SessionInput, SessionState
from tests.session.bench import HOST, Bench, Line


class LifecycleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self._begin()
        self.addCleanup(lambda: self.assertEqual(self.bench.clock.getDelayedCalls(), []))

    def _begin(self, **rules: Any) -> None:
        self.bench = Bench(**rules)

    def _states(self, agent: str = "10-0-0-5") -> list[str]:
        """Every state that was published, with its reason."""
        states = []
        for event in self.bench.bus.events(f"session.main.{agent}"):
            assert isinstance(event, StateChanged)
            states.append(event.state + (f": {event.reason}" if event.reason else ""))
        return states

    def _finish(self, session: TelemetrySession, line: Line) -> None:
        """Stop it, and let everything close."""
        session.stop("enough")
        line.lose()

    def test_a_life(self) -> None:
        """Dialled, told its id, streaming, told to stop, given its grace, closed: and every step is published."""
        session, line, side = self.bench.stream()
        self.assertEqual(self.bench.dialled[0].session, session)
        session.stop("stopped by an operator")
        self.assertEqual((line.peer.take_sent(), line.peer.expiry), (b"1stop", 1.0))
        side.say(b"x7\n")
        self.assertEqual((line.peer.closed, side.peer.closed), (None, None))
        line.expire()
        self.assertEqual((line.peer.closed, side.peer.closed), ("stopped by an operator",) * 2)
        line.lose()
        side.lose()
        states = [
            "dialling",
            "awaiting the agent",
            "streaming",
            "stopping: stopped by an operator",
            "ended: stopped by an operator",
        ]
        self.assertEqual(self._states(), states)
        self.assertEqual((len(self.bench.roster), session.readings.samples), (0, 1))

    def test_agent_that_closes_after_the_stop(self) -> None:
        """An agent that ends its data connection after the stop is not waited for."""
        session, line, side = self.bench.stream()
        session.stop("enough")
        side.lose()
        self.assertEqual(line.peer.closed, "enough")
        line.lose()
        self.assertIs(session.state, SessionState.ENDED)

    def test_stop_while_dialling(self) -> None:
        """A session that is stopped before its agent was reached gives up dialling."""
        session = self.bench.start()
        session.stop("enough")
        self.assertTrue(self.bench.dialled[0].is_cancelled)
        self.assertEqual(self._states(), ["dialling", "ended: enough"])

    def test_stop_before_the_agent_came(self) -> None:
        """An agent that has not connected back yet hears stop, a second after its id, and the connection closes."""
        session = self.bench.start()
        line = Line(session)
        session.stop("enough")
        self.assertEqual(line.peer.take_sent(), b"1")
        line.expire()
        self.assertEqual(line.peer.expiry, 1.0)
        line.expire()
        self.assertEqual(line.peer.closed, "enough")
        line.lose()

    def test_stop_twice(self) -> None:
        """A second stop changes nothing, not even the reason."""
        session, line, _ = self.bench.stream()
        session.stop("first")
        session.stop("second")
        line.expire()
        line.lose()
        session.stop("third")
        self.assertEqual((session.reason, line.peer.sent), ("first", b"1stop"))

    def test_unreachable(self) -> None:
        """An agent that cannot be reached is dialled again, after a pause that doubles up to its limit."""
        session = self.bench.start()
        pauses = []
        for attempt in range(1, 9):
            self.assertEqual((session.state, session.attempt), (SessionState.DIALLING, attempt))
            session.undiallable("nobody listens")
            [call] = self.bench.clock.getDelayedCalls()
            pauses.append(call.getTime() - self.bench.clock.seconds())
            self.bench.clock.advance(pauses[-1])
            self.bench.clock.advance(0)
        self.assertEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60])
        self.assertEqual(self._states()[:2], ["dialling", "resting: nobody listens; it is dialled again in 1.0 s"])
        session.stop("enough")

    def test_jitter(self) -> None:
        """Chance makes a pause up to half shorter, so that many agents are not dialled at once."""
        self.bench.chance = 0.0
        session = self.bench.start()
        session.undiallable("nobody listens")
        self.bench.clock.advance(0.5)
        self.assertIs(session.state, SessionState.DIALLING)
        session.stop("enough")

    def test_stop_while_resting(self) -> None:
        """A session that rests ends at once."""
        session = self.bench.start()
        session.undiallable("nobody listens")
        session.stop("enough")
        self.assertIs(session.state, SessionState.ENDED)

    def test_no_reconnect(self) -> None:
        """Without ``reconnect`` the first failure ends the session, saying why."""
        self._begin(reconnect=False)
        self.bench.start().undiallable("nobody listens")
        self.assertEqual(self._states(), ["dialling", "ended: nobody listens"])

    def test_does_not_connect_back(self) -> None:
        """An agent that does not connect back in time hears stop, and is dialled again."""
        session, line = self.bench.await_agent()
        self.bench.clock.advance(10)
        self.assertEqual((line.peer.take_sent(), session.state), (b"1stop", SessionState.FAILING))
        self.assertEqual(line.peer.closed, "did not connect back within 10 s")
        line.lose()
        self.assertIs(session.state, SessionState.RESTING)
        session.stop("enough")

    def test_stop_while_failing(self) -> None:
        """A session that is being closed for a failure is not dialled again when an operator stops it."""
        session, line = self.bench.await_agent()
        self.bench.clock.advance(10)
        session.stop("enough")
        line.lose()
        self.assertIs(session.state, SessionState.ENDED)

    def test_silent_agent(self) -> None:
        """An agent that falls silent hears stop, has its grace, and is dialled again; one that speaks now and then does not."""
        session, line, side = self.bench.stream()
        for _ in range(3):
            self.bench.clock.advance(29)
            side.say(b"x1\n")
        self.assertIs(session.state, SessionState.STREAMING)
        self.bench.clock.advance(29)
        self.assertIs(session.state, SessionState.STREAMING)
        self.bench.clock.advance(1)
        self.assertEqual((session.state, line.peer.take_sent()), (SessionState.FAILING, b"1stop"))
        line.expire()
        self.assertEqual(side.peer.closed, "was silent for 30 s")
        line.lose()
        self.bench.clock.advance(1)
        self.bench.clock.advance(0)
        self.assertEqual(len(self.bench.dialled), 2)
        session.stop("enough")

    def test_clock_that_is_set(self) -> None:
        """Silence is seconds, and so are pauses: a wall clock that is set neither ends a session nor keeps a silent one."""
        for step in (-3600, 3600):
            session, line, side = self.bench.stream()
            self.bench.clock.advance(20)
            side.say(b"x1\n")
            self.bench.bus.wall.step(step)  # type: ignore[attr-defined]
            self.bench.clock.advance(29)
            self.assertIs(session.state, SessionState.STREAMING)
            self.bench.clock.advance(1)
            self.assertIs(session.state, SessionState.FAILING)
            self.assertEqual(session.describe().since, self.bench.bus.wall())
            line.expire()
            line.lose()
            [call] = self.bench.clock.getDelayedCalls()
            self.assertEqual(call.getTime() - self.bench.clock.seconds(), 1)
            session.stop("enough")

    def test_data_connection_lost(self) -> None:
        """An agent whose data connection breaks hears stop, and is dialled again; its channels go on where they were."""
        session, line, side = self.bench.stream()
        side.say(b"x5\n")
        side.lose()
        self.assertEqual(line.peer.take_sent(), b"1stop")
        self.assertEqual(line.peer.closed, "the data connection ended: the agent closed it")
        line.lose()
        self.bench.clock.advance(1)
        self.bench.clock.advance(0)
        line = Line(session)
        line.expire()
        self.bench.connect_back(session).say(b"x3\n")
        facts = session.describe()
        self.assertEqual((facts.state, facts.attempt, facts.reason), ("streaming", 2, ""))
        self.assertEqual((facts.channels["x"].samples, facts.channels["x"].max), (2, 5.0))
        self._finish(session, line)

    def test_control_connection_lost(self) -> None:
        """When the control connection breaks, the data connection is closed with it."""
        session, line, side = self.bench.stream()
        line.lose()
        self.assertEqual(side.peer.closed, "the control connection ended: the agent closed it")
        self.assertIs(session.state, SessionState.RESTING)
        side.say(b"x1\n")
        side.lose()
        self.assertIs(session.state, SessionState.RESTING)
        session.stop("enough")

    def test_pause_after_a_good_while(self) -> None:
        """After some time of streaming the first pause is short again; after a moment of it, it is not."""
        session, line, _ = self.bench.stream()
        for lasted, pause in ((1, 1), (1, 2), (1, 4), (20, 1)):
            self.bench.clock.advance(lasted)
            line.lose()
            [call] = self.bench.clock.getDelayedCalls()
            self.assertEqual(call.getTime() - self.bench.clock.seconds(), pause)
            self.bench.clock.advance(pause)
            self.bench.clock.advance(0)
            line = Line(session)
            line.expire()
            self.bench.connect_back(session)
        self._finish(session, line)

    def test_ping(self) -> None:
        """Only an agent that streams is pinged."""
        session = self.bench.start()
        self.assertFalse(session.ping())
        line = Line(session)
        self.assertFalse(session.ping())
        line.expire()
        self.bench.connect().say(b"s11\n")
        self.assertTrue(session.ping())
        self.assertEqual(line.peer.take_sent(), b"1ping")
        line.expire()
        self._finish(session, line)

    def test_cut(self) -> None:
        """When there is no time left, everything is closed."""
        session, line, side = self.bench.stream()
        session.cut("netd stops")
        self.assertEqual((line.peer.closed, side.peer.closed), ("netd stops", "netd stops"))
        line.lose()
        self.assertIs(session.state, SessionState.ENDED)

    def test_agent_that_never_closes(self) -> None:
        """An agent that keeps its control connection open holds up neither an operator's stop nor the next attempt."""
        for happens in (lambda session: session.stop("enough"), lambda session: session.cut("netd stops")):
            session, line, _ = self.bench.stream()
            happens(session)
            if line.peer.closed is None:
                line.expire()
            self.assertEqual((line.peer.closed is not None, session.state), (True, SessionState.STOPPING))
            self.bench.clock.advance(PARTING)
            self.assertEqual((session.state, len(self.bench.roster)), (SessionState.ENDED, 0))
            line.lose()
        session, line, side = self.bench.stream()
        side.lose()
        self.bench.clock.advance(PARTING)
        self.assertIs(session.state, SessionState.RESTING)
        self.bench.clock.advance(1)
        self.bench.clock.advance(0)
        again = Line(session)
        again.expire()
        self.bench.connect_back(session)
        line.lose()
        self.assertIs(session.state, SessionState.STREAMING)
        self._finish(session, again)

    def test_each_attempt_has_a_number(self) -> None:
        """An agent that is dialled again is told another id; what comes late with the one from before is refused, and why."""
        session, line = self.bench.await_agent()
        other = self.bench.start("10.0.0.6")
        self.bench.clock.advance(10)
        line.lose()
        self.bench.clock.advance(1)
        self.bench.clock.advance(0)
        line = Line(session)
        self.assertEqual((session.id, session.number, other.number, line.peer.sent), (1, 7, 4, b"7"))
        late = self.bench.connect().say(b"s11x666\n")
        self.assertEqual(late.peer.closed, "not expected")
        self.assertIn("session 1 has been dialled again, and was told 7", late.why)
        line.expire()
        seen = self.bench.watch()
        self.bench.connect_back(session).say(b"x5\n")
        self.assertEqual((seen, session.describe().number), ([("10-0-0-5.x", 5)], 7))
        self._finish(session, line)
        other.stop("enough")
        self.assertEqual(self.bench.roster._numbers, {})

    def test_silence_counts_from_the_announcement(self) -> None:
        """However long it took to reach an agent, it has its full time to say the first sample."""
        session = self.bench.start()
        self.bench.clock.advance(25)
        line = Line(session)
        line.expire()
        self.bench.connect_back(session)
        self.bench.clock.advance(29)
        self.assertIs(session.state, SessionState.STREAMING)
        self.bench.clock.advance(1)
        self.assertIs(session.state, SessionState.FAILING)
        self._finish(session, line)

    def test_watchers(self) -> None:
        """Who watches is told of each state until that is enough."""
        session = self.bench.start()
        seen: list[SessionState] = []

        def watch(changed: TelemetrySession) -> bool:
            seen.append(changed.state)
            return changed.state is SessionState.AWAITED

        session.watch(watch)
        line = Line(session)
        self._finish(session, line)
        self.assertEqual(seen, [SessionState.DIALLING, SessionState.AWAITED])


class TableTests(SynchronousTestCase):
    def test_every_pair(self) -> None:
        """Each input in each state does what the table says, or nothing."""
        for state, happened in product(SessionState, SessionInput):
            bench = Bench()
            session = bench.start(HOST)
            Line(session)
            session.state = state
            session._step(happened)
            expected = (
                TelemetrySession.TRANSITIONS[state, happened][1] if (state, happened) in TelemetrySession.TRANSITIONS else state
            )
            self.assertIs(session.state, expected, (state, happened))

"""Tests of what agents are called: ``netd.session.names``, and who of operator, configuration and agent says it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import encode
from netd.errors import InvalidArguments
from netd.session.lines import parse_hello
from netd.session.names import AgentNames, check_name, name_of_host
from netd.session.session import TelemetrySession
from tests.session.bench import HOST, Bench, Line, Side


class NamesTests(SynchronousTestCase):
    def test_host(self) -> None:
        """An agent that has no name is known by its host, as one token, and never by what could be a session's number."""
        expected = {"10.0.0.5": "10-0-0-5", "greenhouse.lan": "greenhouse-lan", "fd00::7": "fd00-7", "::1": "agent-1"}
        self.assertEqual(expected, {host: name_of_host(host) for host in expected})

    def test_good_and_bad_names(self) -> None:
        """What can be no token, or would be taken for a session's number, is refused with what to write instead."""
        check_name("greenhouse-2_b")
        for text in ("", "a b", "a.b", "x" * 64, "42", "ä"):
            error = self.assertRaises(InvalidArguments, check_name, text)
            self.assertIn("write 1 to 63 letters, digits, _ and -, not digits alone", str(error))

    def test_several(self) -> None:
        """Two at a time have different names; one that is free again is given again."""
        names = AgentNames(lambda name: False)
        self.assertEqual(["a", "a-2", "a-3"], [names.take("a") for _ in range(3)])
        names.give_back("a-2")
        self.assertEqual("a-2", names.take("a"))
        self.assertEqual(["a-3", "b"], [names.exchange("a-3", "a"), names.exchange("a-3", "b")])
        self.assertEqual("a-3", names.take("a"))


class CalledTests(SynchronousTestCase):
    def begin(self, hello: bytes = b"", name: str | None = None, host: str = HOST) -> tuple[TelemetrySession, Line, Side]:
        """A session with an agent that says this hello."""
        session = self.bench.start(host, name)
        line = Line(session)
        line.expire()
        side = self.bench.connect(host).say(hello or encode({"session": session.number, "channels": {"x": {}}}) + b"\n")
        return session, line, side

    def hello(self, name: object, session: int = 1) -> bytes:
        """A hello with a name."""
        return encode({"session": session, "name": name, "channels": {"x": {}}}) + b"\n"

    def subjects(self) -> list[str]:
        """Of all that the bus retains, without what all have in common."""
        return [message.subject.split(".", 2)[2] for message in self.bench.bus.last("session.>")]

    def setUp(self) -> None:
        self.bench = Bench(sessions_per_host=9, host_names=(("attic", "10.0.0.9"),))

    def test_host(self) -> None:
        """Without any name it is the host; the subject is the same in the next session, whose number is another."""
        for number in (1, 4):
            session, line, side = self.begin(host="10.0.0.6")
            side.say(b"x 5\n")
            self.assertEqual((number, "10-0-0-6"), (session.id, session.describe().agent))
            session.stop("enough")
            side.lose()
            line.lose()
        self.assertEqual(["10-0-0-6", "10-0-0-6.x"], self.subjects())

    def test_agent_says_it(self) -> None:
        """An agent's own name counts where nobody gave it one; what was retained under its host is forgotten."""
        session, _, side = self.begin(self.hello("greenhouse"))
        side.say(b"x 5\n")
        self.assertEqual(["greenhouse", "greenhouse.x"], self.subjects())
        self.assertIs(session, self.bench.roster.find("greenhouse"))
        self.assertEqual("greenhouse", self.bench.bus.last("session.main.*")[0].event.agent)  # type: ignore[attr-defined]

    def test_says_another(self) -> None:
        """An agent that comes back under another name takes its channels along."""
        session, line, side = self.begin(self.hello("greenhouse"))
        side.say(b"x 5\n").lose()
        line.lose()
        session.redial()
        self.bench.clock.advance(0)
        Line(session).expire()
        again = self.bench.connect().say(self.hello("shed", session.number))
        self.assertEqual(["shed"], self.subjects())
        again.say(b"x 6\n")
        session.describe()
        self.assertEqual(["shed", "shed.x"], self.subjects())

    def test_operator_says_it(self) -> None:
        """The name that an operator gives is before that of the configuration, which is before the agent's own."""
        given, _, _ = self.begin(self.hello("greenhouse"), "cellar")
        configured, _, _ = self.begin(self.hello("greenhouse", 4), host="10.0.0.9")
        both, _, _ = self.begin(self.hello("greenhouse", 7), "roof", host="10.0.0.9")
        self.assertEqual(["cellar", "attic", "roof"], [one.agent for one in (given, configured, both)])

    def test_rest_ends_with_a_name(self) -> None:
        """A start that ends a rest may give the agent a name, which then is kept."""
        self.bench = Bench()
        session, line, side = self.begin()
        side.lose()
        line.lose()
        self.assertIs(session, self.bench.start(name="cellar"))
        Line(session).expire()
        self.bench.connect().say(self.hello("greenhouse", session.number))
        self.assertEqual(["cellar"], self.subjects())

    def test_two_sessions(self) -> None:
        """A second session of an agent has a subject of its own, also when the agent is dialled again."""
        first, _, _ = self.begin(self.hello("greenhouse"))
        second, line, side = self.begin(self.hello("greenhouse", 4))
        self.assertEqual(["greenhouse", "greenhouse-2"], [first.agent, second.agent])
        side.lose()
        line.lose()
        second.redial()
        self.bench.clock.advance(0)
        Line(second).expire()
        self.bench.connect().say(self.hello("greenhouse", second.number))
        self.assertEqual("greenhouse-2", second.agent)

    def test_no_name(self) -> None:
        """A name that is none is left out, which the log says, and all else in the hello counts."""
        for name in ("a b", 5, "42"):
            self.assertIsNone(parse_hello(self.hello(name)).name)
        session, _, side = self.begin(self.hello("a b"))
        self.assertEqual(("10-0-0-5", [("bad label", b"")]), (session.agent, side.refused))
        self.assertIn("`name` is 1 to 63 characters", side.why)

"""Tests of ``netd.room.visitors``: people who take a bot's place over a console connection."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import InvalidArguments, NoSuchTarget, OperationFailed
from netd.kinds import ServiceKind
from netd.operations import Caller, OperationTable, Role
from netd.room.config import Config
from netd.room.results import TakenPlace, Visit
from netd.room.visitors import MOST_VISITORS
from netd.testing import RecordingLink, connect, make_caller, result_of, wired

KIND = ServiceKind("room", "netd.room")


class VisitorTests(SynchronousTestCase):
    def setUp(self) -> None:
        config = Config(size=2, rounds=1, actions=("play",))
        self.service, self.factory, self.reactor, self.bus = wired(KIND, config)
        self.addCleanup(self.leaves_nothing)
        table = OperationTable()
        table.add(self.service.operations())
        self.functions = {operation.name: operation.function for operation, _ in table}
        self.person = self.caller()

    def leaves_nothing(self) -> None:
        """Stop the service, and look for timers."""
        stopped = self.service.stopService()
        for connection in list(self.factory.connections):
            connection.peer.lost()
            connection.closed()
            self.factory.connections.discard(connection)
        self.factory.on_lost and self.factory.on_lost()
        result_of(stopped)
        self.reactor.advance(0)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def caller(self) -> Caller:
        """A console connection."""
        return make_caller(Role.OPERATOR, link=RecordingLink())

    def do(self, operation: str, caller: Caller | None = None, /, **arguments: Any) -> Any:
        """Call an operation on behalf of *caller*, or the person."""
        return self.functions[f"room.{operation}"](caller=caller or self.person, **arguments)

    def told(self, caller: Caller | None = None) -> list[tuple[str, str]]:
        """What a console connection was told since the last time: method, and the text or reason."""
        self.reactor.advance(0)
        link = (caller or self.person).link
        assert isinstance(link, RecordingLink)
        return [(method, params.get("text", params.get("reason"))) for method, params in link.take_told()]

    def test_in_turn_with_a_bot(self) -> None:
        """A person joins, reads what a bot would, replies, and is told when the room is over; the bot notices no difference."""
        bot = connect(self.factory, self.reactor)
        bot.say(b"Ann\n")
        self.assertEqual(TakenPlace("main", "Maria"), self.do("join", name=" Maria "))
        (welcome,) = self.told()
        self.assertEqual("room.line", welcome[0])
        self.assertIn("Maria", welcome[1])
        self.reactor.advance(1)
        self.assertIn("play", self.told()[-1][1])
        bot.say(b"I like to play!\n")
        self.do("say", name="Maria", text="Me too!")
        self.reactor.advance(2)
        told = self.told()
        self.assertIn(("room.line", "I like to play!"), told)
        self.assertEqual("room.left", told[-1][0])
        self.assertRaises(NoSuchTarget, self.do, "say", name="Maria", text="hello?")

    def test_leave(self) -> None:
        """Who leaves is gone for the others, and may come back under the same name."""
        self.do("join", name="Maria")
        self.assertEqual(Visit("Maria"), self.do("leave", name="Maria"))
        self.assertEqual([], [seat.name for room in self.service.list_rooms().rows for seat in room.bots])
        self.do("join", name="Maria")

    def test_lost(self) -> None:
        """When the connection is lost, the person has left."""
        self.do("join", name="Maria")
        assert isinstance(self.person.link, RecordingLink)
        self.person.link.lose()
        self.assertEqual([], [seat.name for room in self.service.list_rooms().rows for seat in room.bots])

    def test_bad_name(self) -> None:
        """A name that no bot could have is refused with the room's own words, and takes no place."""
        for name in ("", "x" * 300):
            error = self.assertRaises(OperationFailed, self.do, "join", name=name)
            self.assertTrue(str(error))
        self.assertRaises(InvalidArguments, self.do, "join", name="\ud800")
        self.assertRaises(NoSuchTarget, self.do, "leave", name="")

    def test_line_breaks(self) -> None:
        """Whatever a person types is one line."""
        self.do("join", name="Maria")
        other = self.caller()
        self.do("join", other, name="Bo")
        self.reactor.advance(1)
        self.told(other)
        self.do("say", name="Maria", text="one\ntwo")
        self.do("say", other, name="Bo", text="three")
        self.reactor.advance(1)
        self.assertIn(("room.line", "one two"), self.told(other))

    def test_ended(self) -> None:
        """A room that an operator ends sends the people home, too."""
        self.do("join", name="Maria")
        (room,) = self.service.list_rooms().rows
        self.functions["room.end"](room=room.room)
        self.assertEqual("room.left", self.told()[-1][0])

    def test_mistakes(self) -> None:
        """The same name twice, a place that the caller has not, too many places: each is told."""
        self.do("join", name="Maria")
        self.assertRaises(InvalidArguments, self.do, "join", name="Maria")
        self.assertRaises(NoSuchTarget, self.do, "say", self.caller(), name="Bo", text="a")
        for number in range(MOST_VISITORS - 1):
            self.do("join", name=f"v{number}")
        self.assertRaises(OperationFailed, self.do, "join", name="Bo")

    def test_instance(self) -> None:
        """What a person is told says which section's room speaks."""
        self.do("join", name="Maria")
        self.service.end(1)
        assert isinstance(self.person.link, RecordingLink)
        told = self.person.link.take_told()
        self.assertEqual({("room.line", "main"), ("room.left", "main")}, {(name, params["instance"]) for name, params in told})

    def test_drained(self) -> None:
        """Rooms that drain take nobody new."""
        result_of(self.service.drain())
        error = self.assertRaises(OperationFailed, self.do, "join", name="Maria")
        self.assertEqual("netd is draining: it accepts nothing new until it is resumed (`netd resume`)", str(error))

    def test_unread(self) -> None:
        """A person who is told ever more and reads nothing has to leave; one who reads again in time stays."""
        self.do("join", name="Maria")
        assert isinstance(self.person.link, RecordingLink)
        conversation = self.service._visitors._visitors.of(self.person.link)["Maria"]
        for is_full in (True, False, True):
            self.person.link.is_full = is_full
            conversation.send(b"x" * 60_000 + b"\n")
            conversation.send(b"x" * 60_000 + b"\n")
        self.assertNotIn("room.left", [name for name, _ in self.told()])
        conversation.send(b"x" * 60_000 + b"\n")
        self.assertEqual([("room.left", "does not read")], self.told())
        self.assertRaises(NoSuchTarget, self.do, "say", name="Maria", text="hello?")
        self.assertEqual([], [seat.name for room in self.service.list_rooms().rows for seat in room.bots])

    def test_unread_and_lost(self) -> None:
        """One who reads nothing, and whose connection is lost before that has consequences, has left once."""
        self.do("join", name="Maria")
        assert isinstance(self.person.link, RecordingLink)
        self.person.link.is_full = True
        visitor = self.service._visitors._visitors.of(self.person.link)["Maria"]
        self.assertEqual([True, True, False, False], [visitor.send(b"x" * 60_000 + b"\n") for _ in range(4)])
        self.person.link.lose()
        self.assertNotIn("room.left", [name for name, _ in self.told()])

    def test_full_connection(self) -> None:
        """A person whose connection is full stays; the room goes on without waiting for the connection."""
        self.do("join", name="Maria")
        assert isinstance(self.person.link, RecordingLink)
        self.person.link.is_full = True
        self.do("join", self.caller(), name="Bo")
        self.reactor.advance(1)
        self.assertTrue(self.told())

"""Tests of ``netd.room.service``, ``config`` and ``protocol``: rooms from their section, without a network."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import NoSuchTarget
from netd.kinds import ServiceKind
from netd.room.config import Config
from netd.room.service import make_service
from netd.testing import Connection, RecordingBus, ServiceKindTests, connect, reload, result_of, wired
from tests.room.bench import CONFIRMATION, NAMES, OPENING

KIND = ServiceKind("room", "netd.room")


class RoomKindTests(ServiceKindTests, SynchronousTestCase):
    """The room keeps what every kind of service must keep."""

    kind = KIND


class RoomServiceTests(SynchronousTestCase):
    """Operations, status, and connections as the reactor makes them."""

    def start(self, **options: Any) -> None:
        """Start the service; nothing may be left of it in the end."""
        options = {"actions": ("play",), **options}
        self.service, self.factory, self.reactor, self.bus = wired(KIND, Config(**options))
        self.addCleanup(self.leaves_nothing)

    def leaves_nothing(self) -> None:
        """Stop the service, and look for timers."""
        stopped = self.service.stopService()
        for connection in list(self.factory.connections):
            connection.connectionLost(_done())
        result_of(stopped)
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def bots(self, *names: str) -> list[Connection]:
        """Bots that have read their welcomes."""
        bots = []
        for port, name in enumerate(names, 50412):
            bot = connect(self.factory, self.reactor, port=port)
            welcome = bot.say(name.encode())
            self.reactor.advance(0.2)
            self.assertIn(b"sucessfully connected", welcome + bot.heard())
            bots.append(bot)
        return bots

    def test_reload(self) -> None:
        """A room that has begun goes on by the rules that it began with; the next one is of the new size."""
        self.start(size=3)
        first = self.bots("Lars")
        reload(self.service, Config(size=2, host="Robin", actions=("dance",)))
        second = self.bots("Ida", "Ola")
        self.assertEqual([(room.size, len(room.bots)) for room in self.service.list_rooms().rows], [(3, 3)])
        third = self.bots("Kari", "Per")
        self.reactor.advance(1)
        self.assertIn(b"Batman: Do you want to play?", first[0].heard())
        self.assertIn(b"Robin: Do you want to dance?", third[0].heard())
        for bot in (*first, *second, *third):
            bot.lose()

    def test_a_room(self) -> None:
        """Four bots talk through the shells, and are disconnected politely."""
        self.start()
        bots = self.bots(*NAMES)
        self.reactor.advance(1)
        self.assertEqual([bot.heard() for bot in bots], [OPENING] * 4)
        for turn in range(4):
            for bot, name in zip(bots, NAMES, strict=True):
                bot.say(f"{name} {turn}".encode())
            self.reactor.advance(0.2)
            said = f"{NAMES[turn]} {turn}".encode()
            self.assertEqual([bot.heard() for bot in bots], [CONFIRMATION if i == turn else said for i in range(4)])
        self.reactor.advance(1)
        self.assertEqual([bot.is_closing for bot in bots], [True] * 4)

    def test_refusal(self) -> None:
        """A bot that is refused reads why before the end, and shows in the counters."""
        self.start()
        bot = connect(self.factory, self.reactor)
        self.assertIn(b"too long", bot.say(b"x" * 65536))
        self.assertTrue(bot.is_closing)
        self.assertEqual(self.service.status().counters["refused"], {"bad name": 1})
        self.assertNotIn("bot", bot.protocol.describe())

    def test_room_that_is_over(self) -> None:
        """The bus is told to retain nothing of a room that is over: others' newest values keep their places."""
        self.start()
        self.bots("Lars")
        forgotten: list[str] = []
        self.patch(self.bus, "forget", forgotten.append)
        next(iter(self.factory.rooms)).end("the test ends it")
        self.reactor.advance(0)
        self.assertEqual(sorted(forgotten), [f"room.main.1.{kind}" for kind in ("presence", "said", "state")])

    def test_list_and_end(self) -> None:
        """An operator sees the rooms and their bots, and ends one."""
        self.start()
        bots = self.bots("Lars", "Nova\n")
        [room] = self.service.list_rooms().rows
        self.assertEqual((room.room, room.state, room.size, room.rounds), (1, "gathering", 4, 4))
        self.assertEqual([(bot.name, bot.lines) for bot in room.bots], [("Lars", False), ("Nova", True)])
        self.assertEqual(room.bots[0].address, "127.0.0.1:50412")
        self.assertEqual((self.service.status().rooms, self.service.status().counters["joined"]), (1, 2))
        self.assertEqual(self.service.end(1), room)
        self.assertEqual([bot.is_closing for bot in bots], [True, True])
        self.assertEqual(self.service.list_rooms().rows, [])
        self.assertRaises(NoSuchTarget, self.service.end, 1)

    def test_who_it_was(self) -> None:
        """The log names a bot by its name and address."""
        self.start()
        [bot] = self.bots("Lars")
        self.assertEqual(bot.protocol.describe(), "bot 'Lars' 127.0.0.1:50412")

    def test_stops_while_bots_talk(self) -> None:
        """A room in the middle of its talk ends with the daemon."""
        self.start()
        self.bots(*NAMES)
        self.reactor.advance(1.5)

    def test_from_the_configuration(self) -> None:
        """Size, host, sentence, action and rounds are the INI's."""
        self.start(size=1, host="Robin", sentence="Shall we {action}!", actions=("dance",), rounds=1, start_delay=3.0)
        [bot] = self.bots("Lars")
        self.reactor.advance(3)
        self.assertEqual(bot.heard(), b"\nRobin: Shall we dance!")
        bot.say(b"yes")
        self.reactor.advance(0.2)
        self.assertEqual(bot.heard(), CONFIRMATION)

    def test_chance(self) -> None:
        """What the host proposes is chance, and the same for the same seed."""
        proposed = []
        for seed in (1, 1, 2, 3, 4):
            reactor, bus = MemoryReactorClock(), RecordingBus()
            service = make_service(Config(size=1), reactor, bus, random.Random(seed))
            service.startService()
            bot = connect(reactor.tcpServers[0][1], reactor)
            bot.say(b"Lars\n")
            reactor.advance(1)
            proposed.append(bot.heard())
            stopped = service.stopService()
            bot.lose()
            result_of(stopped)
        self.assertEqual(proposed[0], proposed[1])
        self.assertGreater(len(set(proposed)), 1)


class OptionTests(SynchronousTestCase):
    """Each option has its own effect, and no other's."""

    def setUp(self) -> None:
        config = Config(
            size=2,
            rounds=1,
            actions=("play",),
            start_delay=3.0,
            reply_timeout=5.0,
            reply_gap=0.5,
            max_name=6,
            max_reply=7,
            ask_name="USRNM",
            replies="all",
        )
        self.service, self.factory, self.reactor, self.bus = wired(KIND, config)

    def tearDown(self) -> None:
        stopped = self.service.stopService()
        for connection in list(self.factory.connections):
            connection.connectionLost(_done())
        result_of(stopped)

    def test_a_room(self) -> None:
        """From the question for the name to the end, each step takes its own time and its own number of bytes."""
        bots = [connect(self.factory, self.reactor, port=port) for port in (1, 2)]
        self.assertEqual([bot.heard() for bot in bots], [b"USRNM"] * 2)
        self.assertIn(b"at most 6 bytes", connect(self.factory, self.reactor, port=3).say(b"seven77\n"))
        for bot in bots:
            bot.say(b"Lars")
        self.reactor.advance(0.4)
        self.assertEqual([bot.heard() for bot in bots], [b""] * 2)
        self.reactor.advance(0.2)
        self.assertEqual([b"Bot: Lars has been" in bot.heard() for bot in bots], [True] * 2)
        self.reactor.advance(2.8)
        self.assertEqual([bot.heard() for bot in bots], [b""] * 2)
        self.reactor.advance(0.2)
        self.assertEqual([bot.heard() for bot in bots], [OPENING] * 2)
        bots[0].say(b"much too long")
        self.reactor.advance(4.8)
        self.assertEqual([bot.heard() for bot in bots], [b""] * 2)
        self.reactor.advance(0.3)
        self.assertEqual([bot.heard() for bot in bots], [CONFIRMATION, b""])
        self.reactor.advance(3.1)
        self.assertEqual([bot.is_closing for bot in bots], [True] * 2)


class ConfigTests(SynchronousTestCase):
    """Options that bots depend on."""

    def read(self, name: str, text: str) -> object:
        """The value of an option."""
        from netd.config import options_of

        return options_of(Config)[name].parser(text)

    def test_sentence(self) -> None:
        """A sentence whose last word is not the action would leave bots without one: it is refused, with an example."""
        for good in ("Do you want to {action}?", "{action}!"):
            self.assertEqual(self.read("sentence", good), good)
        for bad in (
            "Hello",
            "{action}",
            "{action} now?",
            "to {action}??",
            "so{action}?",
            "{x} {action}?",
            "x" * 200 + " {action}?",
        ):
            error = self.assertRaises(ValueError, self.read, "sentence", bad)
            self.assertIn("Do you want to {action}?", str(error))

    def test_actions(self) -> None:
        """An action is one word."""
        self.assertEqual(self.read("actions", "hug, play"), ("hug", "play"))
        for bad in ("hug play", "x" * 41, "{action}", "h\x07g"):
            self.assertRaises(ValueError, self.read, "actions", bad)

    def test_question(self) -> None:
        """What a bot is asked for its name with is any text that it could wait for, or nothing."""
        self.assertIsNone(self.read("ask_name", "off"))
        self.assertEqual(self.read("ask_name", "USRNM"), "USRNM")
        for bad in ("x" * 201, "US\x07RNM"):
            self.assertIn("write USRNM or NICK", str(self.assertRaises(ValueError, self.read, "ask_name", bad)))

    def test_host(self) -> None:
        """A host has a name that can be shown."""
        self.assertEqual(self.read("host", "Batman"), "Batman")
        for bad in ("x" * 65, "Bat\x07man"):
            self.assertRaises(ValueError, self.read, "host", bad)


def _done() -> Any:
    from twisted.internet.error import ConnectionDone
    from twisted.python.failure import Failure

    return Failure(ConnectionDone())

"""Tests of ``netd.room.openroom``: rooms without turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.kinds import ServiceKind
from netd.room.config import Config
from netd.room.events import BotPresence, RoomProgress, RoomSaid
from netd.room.openroom import RATE, WINDOW
from netd.room.results import BotFacts, RoomFacts
from netd.room.seat import PIECE
from netd.room.texts import line_of
from netd.testing import connect, result_of, wired
from tests.room.bench import Hall, Side


class OpenRoomTests(SynchronousTestCase):
    """Bots that talk as they please."""

    def setUp(self) -> None:
        self.hall = Hall(turns=False, size=3)
        self.lars, self.ida, self.ola = self.hall.bots("Lars\n", "Ida\n", "Ola\n")

    def test_at_once(self) -> None:
        """What is said in one turn of the reactor reaches each of the others in one message, in order, without its own words."""
        self.lars.say(b"one\ntwo\r\n")
        self.ida.say(b"three\n")
        self.lars.say(b"four\n")
        self.hall.end_turn()
        self.assertEqual(self.ola.hear(), [b"one\ntwo\nthree\nfour\n"])
        self.assertEqual(self.lars.hear(), [b"three\n"])
        self.assertEqual(self.ida.hear(), [b"one\ntwo\nfour\n"])

    def test_alone(self) -> None:
        """Who is the only one to speak hears nothing; lines without content are passed over."""
        self.lars.say(b"hello\n", b" \n", b"\n")
        self.hall.end_turn()
        self.assertEqual((self.lars.hear(), self.ida.hear()), ([], [b"hello\n"]))
        self.assertEqual(self.hall.rooms.counts["unasked"], 2)

    def test_names_and_places(self) -> None:
        """A name is taken once in a room; one that is full sends further bots to another; a free place is filled again."""
        fourth = self.hall.bot("Lars\n")
        self.assertIn(b"1/3", fourth.hear()[0])
        fourth.lose()
        self.ida.lose()
        self.assertIn(b"'Lars' is taken", self.hall.bot("Lars\n").hear()[0])
        self.assertIn(b"3/3", self.hall.bot("Eva\n").hear()[0])

    def test_floods(self) -> None:
        """A bot that says more in a second than 16 KiB is put out; what is spread over time is welcome."""
        for _ in range(20):
            self.ida.say(b"x" * 400 + b"\n")
            self.ola.say(b"y\n" * 100)
            self.hall.clock.advance(1)
            self.hall.end_turn()
        self.assertEqual((self.ida.peer.closed, self.ola.peer.closed), (None, None))
        for _ in range(20):
            self.ida.say(b"x" * 1000 + b"\n")
        self.ola.say(b"\n" * 600)
        self.assertEqual((self.ida.peer.closed, self.ola.peer.closed), ("flooding", "flooding"))
        self.assertEqual(self.ola.hear()[-1], b"You send too much at once: at most 16384 bytes a second.\n")
        for side in (self.ida, self.ola):
            side.lose()
        self.assertIsNone(self.lars.peer.closed)

    def test_exactly_the_rate(self) -> None:
        """A bot may say just so much in each second, and not a byte more."""
        for _ in range(3):
            self.ida.say(b"x" * (RATE - PIECE) + b"\n")
            self.hall.clock.advance(WINDOW)
        self.assertIsNone(self.ida.peer.closed)
        self.ida.say(b"x" * (RATE - PIECE + 1) + b"\n")
        self.assertEqual(self.ida.peer.closed, "flooding")

    def test_ends_with_the_last(self) -> None:
        """A room ends when all have left, and leaves nothing."""
        self.lars.say(b"bye\n")
        for side in (self.lars, self.ida, self.ola):
            side.lose()
        self.assertEqual(
            self.hall.bus.events("room.main.1.state"), [RoomProgress(1, "over", 0, 4, 3, (), "the last bot has left")]
        )
        self.hall.end_turn()
        self.assertEqual((len(self.hall.rooms), self.hall.clock.getDelayedCalls()), (0, []))

    def test_ended(self) -> None:
        """The operator ends it at once; what was said in that turn is lost."""
        self.lars.say(b"bye\n")
        [room] = self.hall.rooms
        bots = [BotFacts(name, "127.0.0.1:50412", True, "has nothing to reply to") for name in ("Lars", "Ida", "Ola")]
        self.assertEqual(room.describe(), RoomFacts(1, "talking", 0, 0, 3, bots))
        for _ in range(2):
            room.end("ended by an operator")
        self.hall.end_turn()
        self.lars.lose()
        self.assertEqual((self.ida.hear(), self.ida.peer.closed, len(self.hall.rooms)), ([], "ended by an operator", 0))
        left = [BotPresence(1, name, "left", "ended by an operator") for name in ("Lars", "Ida", "Ola")]
        self.assertEqual(self.hall.bus.events("room.main.1.presence")[3:], left)
        self.assertEqual(self.hall.clock.getDelayedCalls(), [])

    def test_published(self) -> None:
        """Everything said is published to who listens; without a listener, the last word of each turn is kept."""
        self.lars.say(b"one\ntwo\n")
        self.hall.end_turn()
        self.assertEqual(self.hall.bus.events("room.main.1.said"), [RoomSaid(1, "Lars", "two", 0, True)])
        self.hall.bus.subscribe("room.>", lambda _: None)
        self.lars.say(b"one\ntwo\n")
        self.hall.end_turn()
        self.assertEqual(
            self.hall.bus.events("room.main.1.said")[1:], [RoomSaid(1, "Lars", word, 0, True) for word in ("one", "two")]
        )
        self.ida.lose()
        self.hall.rooms.end_all("netd stops")
        came = [BotPresence(1, name, "joined", "") for name in ("Lars", "Ida", "Ola")]
        went = [BotPresence(1, name, "left", "netd stops") for name in ("Lars", "Ola")]
        self.assertEqual(
            self.hall.bus.events("room.main.1.presence"), [*came, BotPresence(1, "Ida", "left", "its connection closed"), *went]
        )
        self.assertEqual(
            self.hall.bus.events("room.main.1.state"), [RoomProgress(1, "over", 0, 4, 3, ("Lars", "Ola"), "netd stops")]
        )

    @given(st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=60)), max_size=12))
    def test_arbitrary_bytes(self, said: list[tuple[int, bytes]]) -> None:
        """Whatever is said, each of the others gets whole lines, and never its own."""
        hall = Hall(turns=False, size=3)
        sides = hall.bots("0\n", "1\n", "2\n")
        for index, content in said:
            sides[index].say(content)
        hall.end_turn()
        for side in sides:
            for block in side.hear():
                self.assertEqual((block[-1:], b"\n\n" in block, b"\r" in block), (b"\n", False, False))

    def test_line(self) -> None:
        """A line is cut where the limit is, at a whole character, and repaired where it is no text."""
        for said, line in (
            (b" a ", b"a\n"),
            (b"x" * 9, b"xxxxx\n"),
            ("ååå".encode(), "åå\n".encode()),
            (b"a\xff", "a\ufffd\n".encode()),
        ):
            self.assertEqual(line_of(said, 5), line)


class OldBotTests(SynchronousTestCase):
    """Bots whose messages nothing ends, in a room without turns."""

    def setUp(self) -> None:
        self.hall = Hall(turns=False, size=4)
        self.old, self.line = self.hall.bots("Old", "Line\n")

    def say(self, side: Side, said: bytes) -> None:
        """A read of one connection, in a turn of its own."""
        side.say(said)
        self.hall.end_turn()

    def test_each_read_is_a_message(self) -> None:
        """What one read brings reaches the others as one line, whatever is around it or inside."""
        for said, line in ((b"hello", b"hello\n"), (b"two\r\nlines\0\0", b"two lines\n"), ("å".encode(), "å\n".encode())):
            self.say(self.old, said)
            self.assertEqual(self.line.hear(), [line])
        self.say(self.old, b" \r\n\0")
        self.assertEqual(self.line.hear(), [])

    def test_one_message_at_a_time(self) -> None:
        """An old bot has time to read its welcome, and each message, before the next one comes; none ends in a newline."""
        for word in (b"one\n", b"two\n", b"three\n"):
            self.say(self.line, word)
        self.assertEqual(self.old.hear(), [])
        for word in (b"one", b"two", b"three"):
            self.hall.clock.advance(0.19)
            self.assertEqual(self.old.hear(), [])
            self.hall.clock.advance(0.02)
            self.assertEqual(self.old.hear(), [word])
        self.hall.clock.advance(0.2)
        self.say(self.line, b"at once\n")
        self.assertEqual(self.old.hear(), [b"at once"])

    def test_who_speaks_has_read(self) -> None:
        """An old bot that replies gets the next message at once."""
        self.say(self.line, b"one\ntwo\n")
        self.say(self.old, b"hello")
        self.assertEqual(self.old.hear(), [b"one"])
        self.say(self.old, b"one? yes")
        self.assertEqual((self.old.hear(), self.line.hear()), ([b"two"], [b"hello\n", b"one? yes\n"]))

    def test_too_much_to_read(self) -> None:
        """Where many messages wait for an old bot, as many as fit come together; of too many it misses the oldest."""
        for number in range(300):
            self.say(self.line, b"%d\n" % number)
            if number % 50 == 49:
                self.hall.clock.advance(0)
        heard = []
        for _ in range(40):
            self.hall.clock.advance(0.2)
            heard += self.old.hear()
        self.assertEqual(b"\n".join(heard).split(b"\n"), [b"%d" % number for number in range(44, 300)])
        self.assertLessEqual(max(map(len, heard)), 500)
        self.assertEqual(heard[-1], b"299")

    def test_how_much_comes_together(self) -> None:
        """Messages come together from the seventeenth that waits on, up to exactly what a bot reads at once."""
        for size, first in ((249, [b"a" * 249]), (248, [b"a" * 248 + b"\n" + b"b" * 251]), (250, [b"a" * 250])):
            hall = Hall(turns=False)
            old, line = hall.bots("Old", "Line\n")
            for said in (b"a" * size, b"b" * 251, *[b"c"] * 15):
                line.say(said + b"\n")
            hall.end_turn()
            hall.clock.advance(0.2)
            self.assertEqual(old.hear(), first)
        for waiting, first in ((16, [b"x"]), (17, [b"x\nx"])):
            hall = Hall(turns=False)
            old, line = hall.bots("Old", "Line\n")
            line.say(b"x\n" * waiting)
            hall.end_turn()
            hall.clock.advance(0.2)
            self.assertEqual(old.hear(), first)

    def test_two_of_one_name(self) -> None:
        """Old bots of one name are both let in and told apart inside; one that reads lines is asked for another name."""
        again = self.hall.bot("Old")
        self.assertIn(b"Bot: Old has been", again.hear()[0])
        [room] = self.hall.rooms
        self.assertEqual([bot.name for bot in room.describe().bots], ["Old", "Line", "Old (2)"])
        self.assertIn(b"'Old' is taken", self.hall.bot("Old\n").hear()[0])

    def test_nothing_is_left(self) -> None:
        """A bot that leaves, and a room that ends, leave no timer."""
        self.say(self.line, b"hello\n")
        self.old.lose()
        self.hall.clock.advance(1)
        self.assertEqual((self.old.hear(), self.hall.clock.getDelayedCalls()), ([], []))
        self.hall.bot("Old")
        self.hall.rooms.end_all("netd stops")
        self.assertEqual(self.hall.clock.getDelayedCalls(), [])


class OneWriteTests(SynchronousTestCase):
    """Through the shells."""

    def test_one_write(self) -> None:
        """All that one turn of the reactor brings for a bot is one write."""
        service, factory, reactor, _bus = wired(ServiceKind("room", "netd.room"), Config(turns=False, size=100))
        bots = [connect(factory, reactor, port=port) for port in range(3)]
        for number, bot in enumerate(bots):
            bot.say(b"bot%d\n" % number)
        writes: list[bytes] = []
        bots[0].transport.write = writes.append  # type: ignore[method-assign]
        for bot in bots[1:]:
            bot.protocol.dataReceived(b"hello\n")
        reactor.advance(0)
        self.assertEqual(writes, [b"hello\nhello\n"])
        stopped = service.stopService()
        for bot in bots:
            bot.lose()
        result_of(stopped)
        self.assertEqual(reactor.getDelayedCalls(), [])

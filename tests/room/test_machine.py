"""Tests of ``netd.room.machine`` and ``texts``: names, replies and lines, however they are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.plaintext import is_text
from netd.room.events import BotRefused
from netd.room.machine import BotConversation, BotInput, BotState
from netd.room.texts import BadName, Text, parse_name, readable
from tests.room.bench import CONFIRMATION, Hall, Side


class NameTests(SynchronousTestCase):
    """What a bot says first."""

    def setUp(self) -> None:
        self.hall = Hall()

    def refused(self, side: Side) -> str:
        """What a bot that is refused was told, before it was disconnected; it has no place."""
        [told] = side.hear()
        self.assertIsNotNone(side.peer.closed)
        self.assertEqual(len(side.refused), 1)
        for room in self.hall.rooms:
            self.assertEqual(room.present, [])
        self.hall.clock.advance(100)
        side.say(b"more")
        side.lose()
        return told.decode()

    def test_empty(self) -> None:
        """An empty name is refused in both dialects."""
        for name in (b"\n", b"\r\n", b"  ", b" \n", b"\nLars", b"\0\0", b"\xef\xbb\xbf\n", "\u00a0\u3000".encode()):
            side = self.hall.connect()
            side.say(name)
            self.hall.clock.advance(0.2)
            self.assertEqual(self.refused(side), "Your name is empty. Connect again and send a name first.\n")

    def test_over_long(self) -> None:
        """A name over the limit is refused at once, be it 65 bytes or 64 KiB; one of 64 bytes is taken."""
        for name in (b"x" * 65, b"x" * 65 + b"\n", b"x" * 65536, "å".encode() * 33, b"\0" * 65536):
            side = self.hall.connect()
            side.say(name)
            self.hall.clock.advance(0.2)
            self.assertEqual(self.refused(side), "Your name is too long. Connect again with one of at most 64 bytes.\n")
        self.assertIn(b"1/4", self.hall.bot("x" * 64).hear()[0])

    def test_a_whole_buffer(self) -> None:
        """A name with its padding has 1 KiB at most, and a person's name is held to the limit, too."""
        self.assertIn(b"Bot: Lars has been", self.hall.bot(b"Lars".ljust(1024, b"\0")).hear()[0])
        side = self.hall.bot(b"Ida".ljust(1025, b"\0"))
        self.assertIn(b"too long", side.hear()[0])
        self.assertEqual(side.why, "Your name is too long. Connect again with one of at most 64 bytes.")
        error = self.assertRaises(BadName, parse_name, b"x" * 65, 64)
        self.assertEqual(str(error), "Your name is too long. Connect again with one of at most 64 bytes.")

    def test_unreadable(self) -> None:
        """Control characters and bytes that are no text are refused: names are shown to others."""
        for name, complaint in (
            (b"La\x1b[2Jrs", "control characters"),
            (b"La\0rs\n", "control"),
            ("La\x85rs".encode(), "control"),
            (b"La\xffrs", "not UTF-8"),
        ):
            side = self.hall.connect()
            side.say(name)
            self.hall.clock.advance(0.2)
            self.assertIn(complaint, self.refused(side))
            self.assertEqual(side.refused[0][1], name.removesuffix(b"\n"))

    def test_any_script(self) -> None:
        """A name in any script is welcome: joiners, no-break spaces and ideographic ones are text, and no control characters."""
        for name in ("Ada 👩\u200d🚀", "می\u200cروم", "Lars\u00a0Ø", "山田\u3000太郎"):
            for end in ("", "\n"):
                [told] = Hall().bot(name + end).hear()
                self.assertIn(f"Bot: {name} has been sucessfully connected", told.decode())

    def test_padded(self) -> None:
        """A name is the text of it, whatever fills up the buffer that the bot sends, or marks the file that it reads it from."""
        for said in (b"Lars" + bytes(60), b"Lars" + bytes(252), b" Lars\r\0", b"\xef\xbb\xbfLars\n", b"Lars \0\n" + bytes(56)):
            side = Hall().bot(said)
            self.assertIn(b"Bot: Lars has been", side.hear()[0], said)

    def test_taken(self) -> None:
        """A newer bot whose name is taken in that room is refused, and the one who has it stays."""
        for first in ("Lars", "Lars\n"):
            hall = Hall()
            holder = hall.bot(first)
            for again in ("Lars\n", " Lars \r\n"):
                side = hall.bot(again)
                text = (
                    "The name 'Lars' is taken in this room, by the bot at 127.0.0.1:50412 since 1970-01-01 00:00:00 UTC. "
                    "Connect again with another one."
                )
                self.assertEqual(side.hear(), [text.encode() + b"\n"])
                refused = BotRefused("Lars", "127.0.0.1:50412", "127.0.0.1:50412", text)
                self.assertEqual(hall.bus.events("room.main.refused")[-1], refused)
                self.assertEqual(side.peer.closed, "name taken")
                self.assertEqual(side.refused, [("name taken", again.partition("\n")[0].encode())])
                side.lose()
            self.assertEqual((holder.peer.closed, holder.peer.probes), (None, 2))
            self.assertIn(b"2/4", hall.bot("lars").hear()[0])

    def test_two_of_one_name(self) -> None:
        """Old bots of one name are all let in, as by the old server; each reads its own name, others see a number behind it."""
        self.hall.bot("Lars (3)")
        for count in (2, 3, 4):
            [told] = self.hall.bot("Lars").hear()
            self.assertIn(b"Bot: Lars has been sucessfully connected\n%d/4" % count, told)
        [room] = self.hall.rooms
        self.assertEqual([bot.name for bot in room.describe().bots], ["Lars (3)", "Lars", "Lars (2)", "Lars (4)"])

    def test_a_name_that_is_free_again(self) -> None:
        """A bot that leaves while the room gathers takes its number with it."""
        self.hall.bot("Lars")
        self.hall.bot("Lars").lose()
        self.hall.bot("Lars")
        [room] = self.hall.rooms
        self.assertEqual([bot.name for bot in room.describe().bots], ["Lars", "Lars (2)"])

    def test_asked(self) -> None:
        """A room that asks for the name does so at once, in the words of its section, and welcomes afterwards."""
        for words, asked in (("USRNM", [b"USRNM"]), ("", [])):
            hall = Hall(ask_name=words)
            side = hall.connect()
            side.conversation.ask()
            self.assertEqual(side.hear(), asked)
            side.say(b"Lars")
            hall.clock.advance(0.2)
            self.assertIn(b"Bot: Lars has been", side.hear()[0])

    def test_no_name(self) -> None:
        """Who says its name too slowly, however it drips, is told so after a while."""
        side = self.hall.connect()
        for _ in range(52):
            side.say(b"x")
            self.hall.clock.advance(0.15)
        self.assertEqual(side.hear(), [])
        side.say(b"x")
        self.hall.clock.advance(0.19)
        side.say(b"x")
        self.hall.clock.advance(0.1)
        self.assertIn("No name came within 8 s.", self.refused(side))
        self.assertEqual(side.refused, [("bad name", b"x" * 54)])

    def test_gone_before_its_name(self) -> None:
        """Who leaves in the middle of its name leaves nothing behind."""
        side = self.hall.connect()
        side.say(b"La")
        side.lose()
        self.hall.clock.advance(1)
        self.assertEqual((side.hear(), len(self.hall.rooms)), ([], 0))

    def test_late_timer(self) -> None:
        """A time that passes after the end means nothing."""
        side = self.hall.connect()
        side.say(b"\n")
        side.conversation.expired()
        self.assertEqual(len(side.hear()), 1)

    @given(st.binary(max_size=100))
    def test_any_name(self, said: bytes) -> None:
        """Any bytes are either a name that can be shown, or refused."""
        try:
            name = parse_name(said, 64)
        except BadName as error:
            self.assertTrue(str(error).startswith("Your name "))
        else:
            self.assertTrue(is_text(name) and name.strip() and 1 <= len(name.encode()) <= 64)


class TextTests(SynchronousTestCase):
    """What messages become."""

    @given(st.binary(max_size=300))
    def test_line(self, plain: bytes) -> None:
        """Whatever is passed on, a line bot gets one line, and an old one text that it can decode."""
        text = Text.of(readable(plain, 100))
        self.assertEqual((text.line.count(b"\n"), text.line[-1:], text.line.count(b"\r")), (1, b"\n", 0))
        text.plain.decode()
        self.assertLessEqual(len(text.plain), 100)

    def test_unchanged(self) -> None:
        """Good text that fits is passed on byte for byte."""
        for said in (b"\n Lars: hi \n\n", "Åse: ☀".encode()):
            self.assertEqual(readable(said, 500), said)


SAMPLES = (
    b"Lars",
    b"Nova\n",
    b"Nova\r\nfirst\nsecond\n",
    "Åse".encode(),
    b"x" * 100,
    b"\xff\n",
)

REPLIES = (b"yes", b"\n yes \n", "på\n".encode(), b"one\ntwo\n", b"\n", b"x" * 600, b"\xff\xfe")


def _play(name: list[bytes], reply: list[bytes]) -> object:
    """What everyone hears when one bot says a name and a reply in these pieces, and an old one the usual."""
    hall = Hall(size=2, rounds=2)
    side = hall.connect()
    side.say(*name)
    hall.clock.advance(0.3)
    other = hall.bot("Ida")
    hall.clock.advance(1.5)
    side.say(*reply)
    other.say(b"b")
    hall.clock.advance(0.3)
    heard = (side.hear(), other.hear(), side.peer.closed, side.refused[:1] and side.refused[0][0])
    for _ in range(4):
        hall.clock.advance(10)
    assert len(hall.rooms) <= 1  # that in which Ida still waits
    return heard


class SplitTests(SynchronousTestCase):
    """However the stream is cut, the same happens."""

    def test_every_split_point(self) -> None:
        """Names and replies cut at each byte, and byte by byte, give what they give in one piece."""
        for name in SAMPLES:
            whole = _play([name], [b"yes\n"])
            for cut in range(1, len(name)):
                self.assertEqual(_play([name[:cut], name[cut:]], [b"yes\n"]), whole, (name, cut))
            self.assertEqual(_play([name[i : i + 1] for i in range(len(name))], [b"yes\n"]), whole, name)
        for name in (b"Lars", b"Nova\n"):
            for reply in REPLIES:
                whole = _play([name], [reply])
                for cut in range(1, len(reply), 7 if len(reply) > 100 else 1):
                    self.assertEqual(_play([name], [reply[:cut], reply[cut:]]), whole, (reply, cut))
                self.assertEqual(_play([name], [reply[i : i + 1] for i in range(len(reply))]), whole, reply)

    @given(st.lists(st.binary(max_size=80), max_size=6), st.lists(st.binary(max_size=80), max_size=6))
    def test_arbitrary_bytes(self, name: list[bytes], reply: list[bytes]) -> None:
        """Whatever comes never raises, and the room goes on."""
        _play(name, reply)

    def test_coalesced(self) -> None:
        """A line bot's name and all its replies in one read: what comes before it is asked is passed over."""
        hall = Hall(size=2, rounds=2)
        line = hall.connect()
        line.say(b"Nova\nearly\nearlier\n")
        other = hall.bot("Ida\n")
        hall.clock.advance(1)
        line.say(b"one\ntwo\nthree\n")
        other.hear()
        other.say(b"b\n")
        self.assertEqual((line.hear()[-1], other.hear()), (CONFIRMATION, [b"one\n"]))
        self.assertEqual(hall.rooms.counts["unasked"], 4)


class SlowLineTests(SynchronousTestCase):
    def test_least_rate(self) -> None:
        """A long line that comes too slowly counts as memory, and then ends the connection with a word."""
        hall = Hall()
        side = hall.connect()
        side.say(b"Lars\n", b"x" * 2000)
        self.assertEqual(side.peer.kept, 2000)
        side.peer.is_fast = False
        side.say(b"\n" + b"x" * 2000)
        self.assertIsNone(side.peer.closed)  # another line, which has only begun
        side.say(b"x" * 100)
        told = b"Your line comes too slowly. A line of more than 1 KiB must come at 1 KiB a second at least.\n"
        self.assertEqual(side.hear()[-1], told)
        self.assertIsNotNone(side.peer.closed)


class TableTests(SynchronousTestCase):
    """The table itself."""

    def test_nothing_after_the_end(self) -> None:
        """A connection that is being closed does nothing more."""
        self.assertFalse([pair for pair in BotConversation.TRANSITIONS if pair[0] is BotState.OVER])

    def test_line_bots_have_no_silence(self) -> None:
        """How long a line bot is silent within a line means nothing."""
        self.assertNotIn((BotState.LINES, BotInput.EXPIRED), BotConversation.TRANSITIONS)

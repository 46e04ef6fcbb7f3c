"""Tests of ``netd.room.room``, ``rooms`` and ``seat``: the course of a room, from the first bot to the last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.room.events import BotPresence, RoomProgress, RoomSaid
from netd.room.observer import RoomState
from netd.room.room import FLOOD, Room
from netd.room.seat import PIECE, Seat, SeatInput, SeatState
from netd.room.texts import joined
from netd.testing import RecordingPeer
from tests.room.bench import CONFIRMATION, NAMES, OPENING, Hall, Side


class CourseTests(SynchronousTestCase):
    """Four old bots that do what they should."""

    def setUp(self) -> None:
        self.hall = Hall()

    def heard(self, sides: list[Side]) -> list[list[bytes]]:
        """What each of *sides* has heard since the last time."""
        return [side.hear() for side in sides]

    def test_welcome(self) -> None:
        """Each bot reads how many are there, in the very words of the old server."""
        for count, name in enumerate(NAMES, 1):
            [welcome] = self.hall.bot(name).hear()
            self.assertEqual(
                welcome.decode(),
                f"\nBot: {name} has been sucessfully connected\n{count}/4 bots have been connected soo far\n \n"
                "waiting for the rest of the bots to be connected before starting the chat room....",
            )

    def test_start(self) -> None:
        """The host speaks once the last bot has had time to read its welcome, and not before."""
        sides = self.hall.bots()
        self.hall.clock.advance(0.99)
        self.assertEqual(self.heard(sides), [[], [], [], []])
        self.hall.clock.advance(0.01)
        self.assertEqual(self.heard(sides), [[OPENING]] * 4)

    def test_four_rounds(self) -> None:
        """In each round the bot whose turn it is is heard by the others and gets a confirmation; then all are disconnected."""
        sides = self.hall.talking()
        for turn in range(4):
            self.hall.reply(sides, *(b"%d in round %d \n" % (side, turn) for side in range(4)))
            passed_on = b"%d in round %d \n" % (turn, turn)
            self.assertEqual(self.heard(sides), [[CONFIRMATION if side == turn else passed_on] for side in range(4)])
        self.assertEqual([side.peer.closed for side in sides], [None] * 4)
        self.hall.clock.advance(1.0)
        self.assertEqual([side.peer.closed for side in sides], ["the room is over"] * 4)
        self.assertEqual((len(self.hall.rooms), self.hall.clock.getDelayedCalls()), (0, []))

    def test_waits_for_all(self) -> None:
        """No bot gets its next message while any has not replied: it could still be reading the last one."""
        sides = self.hall.talking()
        self.hall.reply(sides[:3], b"a", b"b", b"c")
        self.hall.clock.advance(9)
        self.assertEqual(self.heard(sides), [[], [], [], []])
        self.hall.reply(sides[3:], b"d")
        self.assertEqual(self.heard(sides), [[CONFIRMATION], [b"a"], [b"a"], [b"a"]])

    def test_reply_in_pieces(self) -> None:
        """A reply is complete after a silence; what comes later still belongs to it while others are awaited."""
        sides = self.hall.talking()
        sides[0].say(b"\n", b"Lars: ")
        self.hall.clock.advance(0.19)
        sides[0].say(b"I think so")
        self.hall.clock.advance(5)
        sides[0].say(b" too.\n")
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        self.assertEqual(self.heard(sides), [[CONFIRMATION]] + [[b"\nLars: I think so too.\n"]] * 3)

    def test_last_replies(self) -> None:
        """A bot that replies to the last message is disconnected then, having read it; nobody waits for one that does not."""
        sides = self.hall.talking()
        for _ in range(4):
            self.hall.reply(sides, b"a", b"b", b"c", b"d")
        self.hall.reply(sides[:1], b"bye")
        self.assertEqual([side.peer.closed is not None for side in sides], [True, False, False, False])
        self.hall.reply(sides[1:], b"bye", b"bye", b"bye")
        self.assertEqual((len(self.hall.rooms), self.hall.clock.getDelayedCalls()), (0, []))

    def test_words_before_the_start(self) -> None:
        """A bot that replies to its welcome, too, confuses nobody."""
        sides = self.hall.bots()
        self.hall.reply(sides, b"hello", b"hello", b"hello", b"hello")
        self.hall.clock.advance(1)
        self.assertEqual(self.heard(sides), [[OPENING]] * 4)
        self.hall.reply(sides, b"a", b"b", b"c", b"d")
        self.assertEqual(sides[1].hear(), [b"a"])
        self.assertEqual(self.hall.rooms.counts["unasked"], 4)

    def test_more_rounds_than_bots(self) -> None:
        """The turn comes round again."""
        self.hall = Hall(size=2, rounds=3)
        sides = self.hall.talking("Lars", "Ida")
        for turn in range(3):
            self.hall.reply(sides, b"a%d" % turn, b"b%d" % turn)
        self.assertEqual(self.heard(sides), [[CONFIRMATION, b"b1", CONFIRMATION], [b"a0", CONFIRMATION, b"a2"]])

    def test_next_room(self) -> None:
        """As soon as a room is full the next bot waits in another; the same name may be in both."""
        sides, fifth = self.hall.bots(), self.hall.bot("Lars")
        self.assertIn(b"1/4 bots", fifth.hear()[0])
        self.hall.clock.advance(1)
        self.assertEqual([side.hear() for side in (*sides, fifth)], [[OPENING]] * 4 + [[]])
        self.assertEqual([room.id for room in self.hall.rooms], [1, 2])

    def test_bad_text(self) -> None:
        """Bytes that are no UTF-8 would end old bots: they get replacement characters, and no more than they read at once."""
        sides = self.hall.talking()
        self.hall.reply(sides, b"\xff" * 400, b"b", b"c", b"d")
        [passed_on] = sides[1].hear()
        self.assertEqual(passed_on.decode(), "\ufffd" * 166)
        self.hall.reply(sides, b"a", "å".encode() * 300, b"c", b"d")
        self.assertEqual(sides[0].hear()[1].decode(), "å" * 250)


class AllRepliesTests(SynchronousTestCase):
    """Rooms in which what each bot says reaches the others."""

    def test_everybody_is_heard(self) -> None:
        """Each bot gets in one message what the three others said, in the order of joining, round by round."""
        hall = Hall(replies="all", rounds=2)
        sides = hall.talking()
        for turn in range(2):
            hall.reply(sides, *(b"\n%d in %d\n\0" % (side, turn) for side in range(4)))
            words = [b"%d in %d" % (side, turn) for side in range(4)]
            expected = [b"\n".join(words[:side] + words[side + 1 :]) for side in range(4)]
            self.assertEqual([side.hear() for side in sides], [[message] for message in expected])
        hall.clock.advance(1.0)
        self.assertEqual([side.peer.closed for side in sides], ["the room is over"] * 4)
        self.assertEqual(hall.rooms.counts["passed_on"], 1 + 8)

    def test_one_line(self) -> None:
        """A bot that reads lines gets them as one, so that it replies once."""
        hall = Hall(replies="all")
        sides = hall.talking("Lars\n", "Ida", "Ola", "Nova\n")
        hall.reply(sides, b"a\n", b"b\nc", b"d", b"e\n")
        self.assertEqual([side.hear() for side in sides], [[b"b c d e\n"], [b"a\nd\ne"], [b"a\nb\nc\ne"], [b"a b c d\n"]])

    def test_only_one_speaks(self) -> None:
        """A bot that nobody but itself was heard by is told that it was; one that says nothing does not count."""
        hall = Hall(replies="all", size=2)
        sides = hall.talking("Lars", "Ida")
        hall.reply(sides, b"a", b" \n")
        self.assertEqual([side.hear() for side in sides], [[CONFIRMATION], [b"a"]])
        hall.reply(sides, b" ", b" ")
        self.assertEqual([side.peer.closed for side in sides], ["the room is over"] * 2)
        last = hall.bus.events("room.main.1.state")[-1]
        assert isinstance(last, RoomProgress)
        self.assertEqual((last.state, last.round), ("over", 4))

    def test_who_is_not_there(self) -> None:
        """A bot that has left, or is silent, is told nothing, and the others behind it hear each other."""
        hall = Hall(replies="all")
        sides = hall.talking()
        sides[0].lose()
        hall.reply(sides[2:], b"c", b"d")
        hall.clock.advance(10)
        self.assertEqual([side.hear() for side in sides], [[], [], [b"d"], [b"c"]])

    def test_line_by_line(self) -> None:
        """Bots that read lines are awaited again after each message, be it what the others said or the confirmation."""
        hall = Hall(replies="all", size=2)
        sides = hall.talking("Lars\n", "Ida\n")
        for replies in ((b"a\n", b" \n"), (b"b\n", b"c\n")):
            for side, reply in zip(sides, replies, strict=True):
                side.say(reply)
        self.assertEqual([side.hear() for side in sides], [[CONFIRMATION, b"c\n"], [b"a\n", b"b\n"]])

    def test_a_crowd(self) -> None:
        """One message holds what fifty others said, however many there are."""
        hall = Hall(replies="all", size=53)
        names = [str(number) for number in range(53)]
        sides = hall.talking(*names)
        hall.reply(sides, *(name.encode() for name in names))
        self.assertEqual(sides[0].hear(), ["\n".join(names[1:51]).encode()])
        self.assertEqual(sides[52].hear(), ["\n".join(names[:50]).encode()])

    def test_more_than_one_reads(self) -> None:
        """What does not fit into what an old bot reads at once is cut, each reply to an equal part, at whole characters."""
        hall = Hall(replies="all", size=3)
        sides = hall.talking("Lars", "Ida", "Ola")
        hall.reply(sides, b"x" * 400, "å".encode() * 200, b"z" * 90)
        self.assertEqual(sides[0].hear(), ["å".encode() * 200 + b"\n" + b"z" * 90])
        self.assertEqual(sides[2].hear(), [b"x" * 249 + b"\n" + "å".encode() * 124])

    def test_published(self) -> None:
        """Each reply is published as passed on, to who listens and to who does not."""
        for listens in (True, False):
            hall = Hall(replies="all", size=2, rounds=1)
            if listens:
                hall.bus.subscribe("room.>", lambda _: None)
            hall.reply(hall.talking("Lars", "Ida"), b"a", b"b")
            self.assertEqual(
                hall.bus.events("room.main.1.said")[-2:], [RoomSaid(1, "Lars", "a", 1, True), RoomSaid(1, "Ida", "b", 1, True)]
            )

    def test_exactly_what_one_reads(self) -> None:
        """Replies that just fit are passed on whole; one byte more, and each is cut to its part."""
        self.assertEqual(joined([b"x" * 249, b"y" * 250], 500), b"x" * 249 + b"\n" + b"y" * 250)
        self.assertEqual(joined([b"x" * 250, b"y" * 250], 500), b"x" * 249 + b"\n" + b"y" * 249)
        self.assertEqual(joined([b"xy"] * 4, 6), b"x\nx\nx\n"[:6])

    @given(st.lists(st.binary(max_size=300), min_size=1, max_size=60), st.integers(60, 500))
    def test_joined(self, replies: list[bytes], limit: int) -> None:
        """However much is said, the message is readable text of at most so many bytes."""
        made = joined(replies, limit)
        self.assertLessEqual(len(made), limit)
        self.assertEqual(made.decode(errors="ignore").encode(), made)


class LineTests(SynchronousTestCase):
    """Bots that read lines."""

    def test_beside_old_ones(self) -> None:
        """A line bot gets each message as one line, and its line reaches old bots without an end."""
        hall = Hall(size=2, rounds=2)
        line, old = hall.bot("Nova\r\n"), hall.bot("Lars")
        self.assertEqual(
            line.hear(),
            [
                b"Bot: Nova has been sucessfully connected 1/2 bots have been connected soo far "
                b"waiting for the rest of the bots to be connected before starting the chat room....\n"
            ],
        )
        old.hear()
        hall.clock.advance(1)
        self.assertEqual((line.hear(), old.hear()), ([b"Batman: Do you want to play?\n"], [OPENING]))
        hall.reply([line, old], b"Nova: yes\r\n", b"b")
        self.assertEqual((line.hear(), old.hear()), ([CONFIRMATION], [b"Nova: yes"]))
        hall.reply([line, old], b"x\n", b"\n Lars:\n \r\nno \n")
        self.assertEqual((line.hear(), old.hear()), ([b"Lars: no\n"], [CONFIRMATION]))

    def test_at_once(self) -> None:
        """Lines need no silence after them: a room of line bots is as fast as its bots."""
        hall = Hall(start_delay=0.0)
        sides = hall.talking(*(f"{name}\n" for name in NAMES))
        for _ in range(4):
            for side in sides:
                side.say(b"yes\n")
        self.assertEqual([len(side.hear()) for side in sides], [4] * 4)
        self.assertEqual(hall.clock.seconds(), 0)

    def test_no_delay(self) -> None:
        """Where one bot does not speak lines, the host waits until it can have read its welcome, even with no delay at all."""
        hall = Hall(size=2, start_delay=0.0)
        line, old = hall.bot("Nova\n"), hall.bot("Lars")
        hall.clock.advance(0.19)
        self.assertEqual((len(line.hear()), len(old.hear())), (1, 1))
        hall.clock.advance(0.01)
        self.assertEqual((line.hear(), old.hear()), ([b"Batman: Do you want to play?\n"], [OPENING]))

    def test_second_line(self) -> None:
        """Of several lines the first is the reply; the others were not asked for."""
        hall = Hall(size=2)
        sides = hall.talking("a\n", "b\n")
        sides[0].say(b"one\ntwo\nthr")
        sides[1].say(b"x\n")
        sides[0].say(b"ee\n")
        self.assertEqual(sides[1].hear(), [b"one\n"])
        sides[1].say(b"y\n")
        self.assertEqual(sides[0].hear(), [CONFIRMATION, b"y\n"])


class TroubleTests(SynchronousTestCase):
    """Bots that leave, are silent, or never stop."""

    def setUp(self) -> None:
        self.hall = Hall()

    def finish(self, sides: list[Side]) -> None:
        """Those who are left reply to everything; the room must be over, and leave nothing."""
        for _ in range(5):
            if len(self.hall.rooms):
                self.hall.reply(sides, *(b"reply" for _ in sides))
        self.hall.clock.advance(1)
        self.assertEqual((len(self.hall.rooms), self.hall.clock.getDelayedCalls()), (0, []))

    def test_leaves_while_gathering(self) -> None:
        """A bot that leaves before the room is full gives up its place and its name."""
        lars, ida = self.hall.bots("Lars", "Ida")
        ida.lose()
        self.assertIn(b"2/4", self.hall.bot("Ida").hear()[0])
        lars.lose()
        self.assertIn(b"2/4", self.hall.bot("Lars").hear()[0])

    def test_leaves_before_the_start(self) -> None:
        """One that leaves when the room is full already loses its turns, and the others talk."""
        sides = self.hall.bots()
        sides[0].lose()
        self.hall.clock.advance(1)
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        self.assertEqual([side.hear() for side in sides[1:]], [[OPENING, CONFIRMATION], [OPENING, b"b"], [OPENING, b"b"]])
        self.finish(sides[1:])

    def test_leaves_at_its_turn(self) -> None:
        """When the bot whose turn it is leaves, the next one's reply is taken, and nobody is asked again."""
        sides = self.hall.talking()
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        sides[0].lose()
        self.assertEqual([side.hear() for side in sides[1:]], [[CONFIRMATION], [b"b"], [b"b"]])
        self.finish(sides[1:])

    def test_leaves_after_its_reply(self) -> None:
        """A reply dies with its bot; who has had its turn and leaves takes nothing away."""
        sides = self.hall.talking()
        self.hall.reply(sides[:1], b"a")
        sides[0].lose()
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        self.assertEqual(sides[2].hear(), [b"b"])
        sides[1].lose()
        self.hall.reply(sides[2:], b"c", b"d")
        self.assertEqual(sides[3].hear(), [b"b", b"c"])
        self.finish(sides[2:])

    def test_silent(self) -> None:
        """One that does not reply in time loses its turn, is waited for no longer, and is sent nothing that it could confuse."""
        sides = self.hall.talking()
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        self.hall.clock.advance(9.8)
        self.assertEqual([side.hear() for side in sides], [[], [CONFIRMATION], [b"b"], [b"b"]])
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        self.assertEqual([side.hear() for side in sides], [[], [b"c"], [CONFIRMATION], [b"c"]])
        self.finish(sides[1:])
        self.assertEqual(sides[0].peer.closed, "the room is over")
        [silent] = [event for event in self.hall.bus.events("room.main.1.presence") if getattr(event, "state", "") == "silent"]
        self.assertEqual(silent, BotPresence(1, "Lars", "silent", "did not reply within 10 s"))

    def test_awakes(self) -> None:
        """One that replies late has read its message by the end of its reply, and is sent the next one then, not before."""
        self.hall = Hall(size=2, rounds=6)
        lars, ida = self.hall.talking("Lars", "Ida\n")
        ida.say(b"b\n")
        self.hall.clock.advance(10)
        lars.say(b"la")
        self.hall.clock.advance(0.1)
        lars.say(b"te")
        ida.say(b"thanks\n")
        self.assertEqual((lars.hear(), ida.hear()), ([], [CONFIRMATION, CONFIRMATION]))
        self.hall.clock.advance(0.2)
        ida.say(b"more\n")
        self.assertEqual((lars.hear(), ida.hear()), ([b"more"], [CONFIRMATION]))
        self.finish([lars])

    def test_awakes_with_a_line(self) -> None:
        """The same with a bot that reads lines, which has the turns that are still to come."""
        self.hall = Hall(size=2, rounds=6)
        lars, ida = self.hall.talking("Lars\n", "Ida\n")
        ida.say(b"b\n")
        self.hall.clock.advance(10)
        lars.say(b"late\n")
        ida.say(b"thanks\n")
        self.assertEqual((lars.hear(), ida.hear()), ([b"thanks\n"], [CONFIRMATION, CONFIRMATION]))
        lars.say(b"you are welcome\n")
        ida.say(b"x\n")
        self.assertEqual(ida.hear(), [b"you are welcome\n"])

    def test_confirmation_without_reply(self) -> None:
        """A bot that does not reply to its confirmation has lost nothing but time."""
        self.hall = Hall(size=2, rounds=3)
        lars, ida = self.hall.talking("Lars", "Ida")
        self.hall.reply([lars, ida], b"a", b"b")
        self.hall.reply([ida], b"b2")
        self.hall.clock.advance(10)
        self.assertEqual((lars.hear(), ida.hear()), ([CONFIRMATION, b"b2"], [b"a", CONFIRMATION]))
        self.hall.reply([lars, ida], b"a3", b"b3")
        self.assertEqual(ida.hear(), [b"a3"])

    def test_all_silent(self) -> None:
        """A room in which nobody replies ends."""
        sides = self.hall.talking()
        self.hall.clock.advance(10)
        self.assertEqual([side.peer.closed for side in sides], ["the room is over"] * 4)
        self.finish([])

    def test_all_leave(self) -> None:
        """A room that everybody leaves ends, whenever that is."""
        for gather in (self.hall.bots, self.hall.talking):
            for side in gather():
                side.lose()
            self.assertEqual((len(self.hall.rooms), self.hall.clock.getDelayedCalls()), (0, []))

    def test_leave_at_the_end(self) -> None:
        """Bots that hang up after the last message, as old ones do, end the room."""
        sides = self.hall.talking()
        for _ in range(4):
            self.hall.reply(sides, b"a", b"b", b"c", b"d")
        for side in sides:
            side.lose()
        self.assertEqual((len(self.hall.rooms), self.hall.clock.getDelayedCalls()), (0, []))

    def test_nothing_to_say(self) -> None:
        """A reply of white space passes the turn: old bots would fail over it."""
        sides = self.hall.talking()
        self.hall.reply(sides, b" \r\n", b"b", b"c", b"d")
        self.assertEqual([side.hear() for side in sides], [[b"b"], [CONFIRMATION], [b"b"], [b"b"]])
        self.finish(sides)

    def test_never_stops(self) -> None:
        """A bot that goes on and on has replied as soon as it has said as much as is passed on."""
        sides = self.hall.talking()
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        for _ in range(60):
            sides[0].say(b"blah blah ")
        [passed_on] = sides[1].hear()
        self.assertEqual(passed_on, b"blah blah " * 50)

    def test_drips(self) -> None:
        """A bot that is never silent for long enough is taken at the word that it has said in time."""
        sides = self.hall.talking()
        self.hall.reply(sides[1:], b"b", b"c", b"d")
        for _ in range(97):
            sides[0].say(b"x")
            self.hall.clock.advance(0.1)
        self.assertEqual(sides[1].hear(), [])
        sides[0].say(b"x")
        self.hall.clock.advance(0.15)
        self.assertEqual(sides[1].hear(), [b"x" * 98])

    def test_floods(self) -> None:
        """A bot that floods is told so and put out; the others finish."""
        for flood in (b"x" * 70_000, b"\n" * 70_000):
            self.hall = Hall(size=3)
            sides = self.hall.talking("Lars", "Ida", "Nova\n")
            for flooder in (sides[0], sides[2]):
                flooder.say(flood[:30_000], flood[30_000:])
                self.assertIn(flooder.hear()[-1][:17], (b"You send too much",))
                self.assertEqual((flooder.peer.closed, flooder.refused[0][0]), ("flooding", "flooding"))
                flooder.lose()
            self.finish([sides[1]])

    def test_exactly_so_much(self) -> None:
        """Just so much between two messages is no flood yet."""
        [lars, *_] = self.hall.talking()
        lars.say(b"x" * (FLOOD - PIECE))
        self.assertIsNone(lars.peer.closed)
        lars.say(b"x")
        self.assertEqual(lars.peer.closed, "flooding")

    def test_the_last_one(self) -> None:
        """The last bot of a room that has begun finishes alone, and a room that the last one leaves is over at once."""
        hall = Hall(size=3, rounds=6)
        sides = hall.bots("Lars", "Ida", "Ola")
        for side in sides[:2]:
            side.lose()
        went = [BotPresence(1, name, "left", "its connection closed") for name in ("Lars", "Ida")]
        self.assertEqual(hall.bus.events("room.main.1.presence")[3:], went)
        hall.clock.advance(1)
        self.assertEqual(sides[2].hear(), [OPENING])
        sides[2].say(b"a")
        hall.clock.advance(0.2)
        self.assertEqual(sides[2].hear(), [CONFIRMATION])
        sides[2].lose()
        self.assertEqual((len(hall.rooms), hall.clock.getDelayedCalls()), (0, []))

    def test_beyond_the_limit(self) -> None:
        """A reply of exactly what is passed on is complete at once, and what follows is passed over and counted."""
        hall = Hall(size=2, max_reply=5)
        lars, ida = hall.talking("Lars", "Ida")
        lars.say(b"12345", b"6")
        self.assertEqual(hall.rooms.counts["unasked"], 1)
        ida.say(b"abcde")
        self.assertEqual((lars.hear(), ida.hear()), ([CONFIRMATION], [b"12345"]))

    def test_over_when_nobody_is_awaited(self) -> None:
        """After the last round nothing is waited for where nobody has something to say any more."""
        hall = Hall(size=2)
        hall.reply(hall.talking("Lars", "Ida"), b" ", b" ")
        self.assertEqual((len(hall.rooms), hall.clock.getDelayedCalls()), (0, []))

    def test_talks_for_long(self) -> None:
        """What a bot says in many rounds together is no flood."""
        self.hall = Hall(size=2, rounds=400, start_delay=0.0)
        sides = self.hall.talking("Lars\n", "Ida\n")
        for _ in range(399):
            for side in sides:
                side.say(b"x" * 400 + b"\n")
        self.assertEqual([len(side.hear()) for side in sides], [399, 399])

    def test_floods_early(self) -> None:
        """One that floods before the host speaks is put out at once, and is read from until then: that it leaves is seen."""
        sides = self.hall.bots()
        sides[0].say(*[b"x" * 10_000] * 6)
        self.assertEqual((sides[0].peer.is_reading, sides[0].peer.closed), (True, None))
        sides[0].say(b"x" * 10_000)
        self.assertEqual((sides[0].peer.is_reading, sides[0].peer.closed), (True, "flooding"))
        self.hall.clock.advance(1)
        self.finish(sides[1:])

    def test_long_line(self) -> None:
        """A line that never ends is a flood."""
        sides = self.hall.talking("a\n", "b\n", "c\n", "d\n")
        sides[0].say(b"x" * 60_000, b"x" * 10_000)
        self.assertEqual(sides[0].peer.closed, "flooding")

    def test_ended(self) -> None:
        """The operator ends a room at once, in each of its states."""
        for stage in ("gathering", "full", "talking", "parting"):
            self.hall = Hall()
            sides = self.hall.bots(*NAMES[: 2 if stage == "gathering" else 4])
            if stage in ("talking", "parting"):
                self.hall.clock.advance(1)
            for _ in range(4 if stage == "parting" else 0):
                self.hall.reply(sides, b"a", b"b", b"c", b"d")
            [room] = self.hall.rooms
            facts = room.describe()
            self.assertEqual((facts.state, facts.round, facts.rounds), (stage, 4 if stage == "parting" else 0, 4))
            room.end("ended by an operator")
            room.end("ended by an operator")
            why = "the room is over" if stage == "parting" else "ended by an operator"
            self.assertEqual([side.peer.closed for side in sides], [why] * len(sides))
            [*_, told] = self.hall.bus.events("room.main.1.state")
            assert isinstance(told, RoomProgress)
            self.assertEqual((told.state, told.reason), ("over", "ended by an operator"))
            for side in sides:
                side.lose()
            self.assertEqual((len(self.hall.rooms), self.hall.clock.getDelayedCalls()), (0, []), stage)
            self.assertIn(b"1/4", self.hall.bot("Lars").hear()[0])

    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["say", "lose", "wait", "long", "flood"])), max_size=40))
    def test_never_stuck(self, doings: list[tuple[int, str]]) -> None:
        """Whatever bots do or leave undone, a full room is over in bounded time, and nothing is left of it."""
        hall = Hall()
        sides = hall.bots("Lars", "Ida\n", "Ola", "Åse\n")
        for index, doing in doings:
            side = sides[index]
            if doing == "say":
                side.say(b"word\n")
            elif doing == "lose":
                side.lose()
            elif doing == "flood":
                side.say(b"x" * 70_000)
            hall.clock.advance({"wait": 0.2, "long": 10.0}.get(doing, 0.0))
        for _ in range(8):
            hall.clock.advance(10)
        self.assertEqual((len(hall.rooms), hall.clock.getDelayedCalls()), (0, []))


class PublishedTests(SynchronousTestCase):
    """What the bus hears."""

    def test_everything_said(self) -> None:
        """The host's sentence and each reply are published, in order; who is listened to shows."""
        hall = Hall(size=2, rounds=2)
        hall.bus.subscribe("room.>", lambda _: None)
        sides = hall.talking("Lars", "Ida")
        hall.reply(sides, b"a\xff\n", b"b")
        hall.reply(sides, b" ", b"c")
        self.assertEqual(
            hall.bus.events("room.main.1.said"),
            [
                RoomSaid(1, "Batman", "Do you want to play?", 0, True),
                RoomSaid(1, "Lars", "a\ufffd\n", 1, True),
                RoomSaid(1, "Ida", "b", 1, False),
                RoomSaid(1, "Ida", "c", 2, True),
            ],
        )

    def test_nobody_listens(self) -> None:
        """Without a subscriber only what was passed on is kept, as the last word."""
        hall = Hall(size=2, rounds=2)
        hall.reply(hall.talking("Lars", "Ida"), b"a", b"b")
        self.assertEqual(hall.bus.last("room.main.1.said")[0].event, RoomSaid(1, "Lars", "a", 1, True))
        self.assertEqual(len(hall.bus.events("room.main.1.said")), 2)

    def test_course(self) -> None:
        """How far a room has come is published, and who comes and goes."""
        hall = Hall(size=2, rounds=2)
        sides = hall.talking("Lars", "Ida")
        for _ in range(3):
            hall.reply(sides, b"a", b"b")
        course = [event for event in hall.bus.events("room.main.1.state") if isinstance(event, RoomProgress)]
        self.assertEqual(
            [(event.state, event.round, event.reason) for event in course],
            [
                ("full", 0, "the last place is taken"),
                ("talking", 0, "its time has passed"),
                ("talking", 1, ""),
                ("parting", 2, "the last round is done"),
                ("over", 2, "nobody is awaited any more"),
            ],
        )
        self.assertEqual(course[0].bots, ("Lars", "Ida"))
        self.assertEqual(
            hall.bus.events("room.main.1.presence"),
            [
                BotPresence(1, "Lars", "joined"),
                BotPresence(1, "Ida", "joined"),
                BotPresence(1, "Lars", "left", "the room is over"),
                BotPresence(1, "Ida", "left", "the room is over"),
            ],
        )


class TableTests(SynchronousTestCase):
    """The tables themselves."""

    def test_every_pair_of_a_seat(self) -> None:
        """What is in the table happens, what is not changes nothing; and nothing brings back who has left."""
        for state in SeatState:
            for happened in SeatInput:
                seat = Seat("Lars", "", RecordingPeer(), False, 0.0)
                seat.state = state
                self.assertEqual(seat.step(happened), (state, happened) in Seat.TRANSITIONS)
                self.assertEqual(seat.state, Seat.TRANSITIONS.get((state, happened), state))
        self.assertFalse([pair for pair in Seat.TRANSITIONS if pair[0] is SeatState.GONE])

    def test_who_is_asked_is_not_asked_again(self) -> None:
        """No state in which a message may be unread allows another one."""
        asked = {state for (state, happened) in Seat.TRANSITIONS if happened in (SeatInput.ASKED, SeatInput.THANKED)}
        self.assertEqual(asked, {SeatState.IDLE, SeatState.REPLIED})

    def test_a_room_ends_once(self) -> None:
        """A room that is over stays over."""
        self.assertFalse([pair for pair in Room.TRANSITIONS if pair[0] is RoomState.OVER])

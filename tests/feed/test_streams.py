"""Tests of ``netd.feed.streams``: when rounds are made, and who gets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection import fanout
from netd.feed.audience import STEP
from netd.feed.generator import Generator
from netd.feed.rounds import TYPES, Form, Round
from netd.feed.streams import AHEAD, FeedStream, FeedSurroundings
from netd.testing import WallClock
from tests.feed.bench import TEXTS, FakeFaker, FakeMember, FakeRandom


class FakePublisher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.wants = False
        self.rounds: list[Round] = []

    def wants_rounds(self) -> bool:
        """As the test says."""
        return self.wants

    def made(self, made: Round) -> None:
        """Keep it."""
        self.rounds.append(made)


class StreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.wall = WallClock(self.clock)
        self.work: list[Iterator[None]] = []
        self.after: list[Callable[[], None]] = []
        self.publisher = FakePublisher()
        self.generator = Generator(lambda: dict.fromkeys(TYPES, FakeFaker()), FakeRandom)
        self.generator.prepare()
        self.surroundings = FeedSurroundings(self.clock.seconds, self.wall, self.clock.callLater, self.after.append, list)
        self.stream = self.make(publisher=self.publisher)
        self.member = FakeMember()
        self.stream.join(self.member, Form(TYPES), is_apart=True)

    def make(self, *, publisher: FakePublisher | None = None, per_client: bool = False, seed: int = 1) -> FeedStream:
        """A stream with a round each second, running."""
        stream = FeedStream(self.surroundings, self.generator.values(seed), 1.0, per_client, publisher)
        stream.start()
        stream.start()
        self.addCleanup(stream.stop)
        return stream

    def test_in_time(self) -> None:
        """A client gets one round each second, numbered, at times that do not drift when the reactor is late."""
        self.clock.pump([1.0, 1.25, 0.75])
        self.assertEqual([(got.seq, got.time - self.wall.offset) for got in self.member.got], [(1, 1.0), (2, 2.25), (3, 3.0)])

    def test_late(self) -> None:
        """After a long stop there is one round, not all that were missed."""
        self.clock.advance(10.5)
        self.clock.advance(0.5)
        self.assertEqual([got.time - self.wall.offset for got in self.member.got], [10.5, 11.0])

    def test_clock_that_is_set(self) -> None:
        """The wall clock changes what a round is said to be made at, and nothing else."""
        offset = self.wall.offset
        for step in (-3600, 7200):
            self.clock.advance(1)
            self.wall.step(step)
        self.clock.advance(1)
        self.assertEqual([got.time - offset for got in self.member.got], [1.0, -3598.0, 3603.0])
        self.assertEqual(self.stream.late, 0)

    def test_shared(self) -> None:
        """All clients of one form get the very same bytes in one write; one that reads slowly gets the round to keep whole."""
        members = [FakeMember(), FakeMember(), FakeMember(is_full=True), FakeMember()]
        for member, form in zip(members, (TEXTS, TEXTS, TEXTS, Form(("city",))), strict=True):
            self.stream.join(member, form, is_apart=False)
        self.clock.advance(1)
        [block] = members[0].blocks
        self.assertIs(members[1].blocks[0], block)
        self.assertEqual(members[2].spilled, [(block, 1)])
        self.assertEqual([members[0].heard()[7], json.loads(members[3].heard()[0])["value"]], ["city 1/city#1"] * 2)

    def test_change_of_form(self) -> None:
        """A client that changes what it wants gets each round once, and one that has left gets none."""
        member, other = FakeMember(), FakeMember()
        for form in (Form(("city",)), Form(("name",))):
            self.stream.join(member, form, is_apart=False)
            self.stream.join(other, form, is_apart=False)
        self.stream.leave(other)
        self.stream.leave(other)
        self.clock.advance(1)
        self.assertEqual(([json.loads(text)["type"] for text in member.heard()], other.blocks), (["name"], []))
        self.stream.leave(member)
        self.assertEqual((self.stream.audience.groups, list(self.stream.audience.members)), ({}, [self.member]))

    def test_per_client(self) -> None:
        """Each client can have values of its own."""
        stream = self.make(per_client=True)
        members = [FakeMember(), FakeMember()]
        for member, form in zip(members, (TEXTS, Form(("city",))), strict=True):
            stream.join(member, form, is_apart=False)
        self.clock.advance(1)
        first, second = (member.got[0].values for member in members)
        self.assertEqual((first["city"], second), ("city 1/city#1", {"city": "city 1/city#2"}))

    def test_only_what_is_wanted_is_made(self) -> None:
        """A stream that some asked for makes the types that they asked for."""
        stream = self.make()
        members = [FakeMember(), FakeMember()]
        stream.join(members[0], Form(("city",)), is_apart=False)
        stream.join(members[1], Form(("city", "name")), is_apart=True)
        self.clock.advance(1)
        self.assertEqual(set(members[1].got[0].values), {"city", "name"})

    def test_nobody_there(self) -> None:
        """Without clients nothing is made, unless someone on the bus looks on."""
        self.stream.leave(self.member)
        self.clock.advance(1)
        self.assertEqual((self.stream.seq, self.publisher.rounds), (0, []))
        self.publisher.wants = True
        self.clock.advance(1)
        self.assertEqual([made.seq for made in self.publisher.rounds], [1])

    def test_ahead(self) -> None:
        """Rounds that were made ahead are not repeated and come in order."""
        self.clock.pump([1.0] * (AHEAD + 2))
        self.assertEqual([got.values["city"] for got in self.member.got], [f"city 1/city#{n}" for n in range(1, AHEAD + 3)])

    def test_stop(self) -> None:
        """A stopped stream makes nothing, and leaves nothing; it can be started again."""
        self.stream.stop()
        self.stream.stop()
        self.clock.advance(5)
        self.assertEqual((self.member.got, self.clock.getDelayedCalls()), ([], []))
        self.stream.start()
        self.clock.advance(1)
        self.assertEqual(len(self.member.got), 1)

    def test_first_round(self) -> None:
        """An old client's first round comes one interval after it connected, or a little sooner; the others an interval apart."""
        for per_client in (False, True):
            stream = self.make(per_client=per_client)
            early, late, gone = members = [FakeMember() for _ in range(3)]
            stream.join_in_turn(early, TEXTS)
            self.clock.pump([0.125] * 4)
            stream.join_in_turn(late, TEXTS)
            stream.join_in_turn(gone, TEXTS)
            counts = []
            for _ in range(13):
                counts.append(tuple(len(member.blocks) + len(member.got) for member in members))
                self.clock.advance(0.125)
                stream.leave(gone)
            self.assertEqual(counts[3::3], [(0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0)])
            self.assertEqual((counts[4], counts[7], counts[8]), ((1, 0, 0), (1, 0, 0), (1, 1, 0)))
            if not per_client:
                self.assertEqual(late.blocks, early.blocks[:1])  # the same round, half an interval later
            stream.leave(late)
            self.clock.pump([0.125] * 16)
            self.assertEqual(len(late.blocks) + len(late.got), 1)
            stream.stop()

    def test_joined_when_a_round_is_overdue(self) -> None:
        """A client that connects while the reactor is late with a round has every round from the next interval on."""
        for interval in (0.02, 1.0):
            stream = FeedStream(self.surroundings, self.generator.values(1), interval, False, FakePublisher())
            stream.start()
            self.addCleanup(stream.stop)
            member = FakeMember()
            self.clock.rightNow += 1.01 * interval  # the reactor is busy meanwhile
            stream.join_in_turn(member, TEXTS)
            self.clock.advance(0)
            for _ in range(400):
                self.clock.advance(interval / 40)
            self.assertEqual((0, stream.seq), (stream.late, len(member.blocks) + (interval == 1.0)))

    def test_stop_before_a_slot(self) -> None:
        """A stopped stream leaves no round behind that was to come later."""
        self.clock.advance(0.5)
        self.stream.join_in_turn(FakeMember(), TEXTS)
        self.clock.advance(0.6)
        self.stream.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow_slot(self) -> None:
        """A round that comes later is left out, too, while the one before is being delivered."""
        self.surroundings = FeedSurroundings(
            self.clock.seconds, WallClock(self.clock), self.clock.callLater, self.after.append, self.work.append
        )
        stream = self.make()
        stream.join(FakeMember(), TEXTS, is_apart=False)
        self.clock.advance(0.5)
        stream.join_in_turn(FakeMember(), TEXTS)
        self.clock.advance(0.5)
        list(self.work.pop())
        self.clock.advance(0.5)
        slow = self.work.pop()
        next(slow)
        self.clock.advance(0.5)
        list(self.work.pop())
        self.assertEqual(stream.late, 1)
        list(slow)
        self.clock.advance(1)
        list(self.work.pop(0))
        self.assertEqual(stream.late, 1)

    def test_too_slow(self) -> None:
        """A round that is due while the one before is still being delivered is left out; who leaves meanwhile gets nothing."""
        self.surroundings = FeedSurroundings(
            self.clock.seconds, WallClock(self.clock), self.clock.callLater, self.after.append, self.work.append
        )
        for per_client, is_apart, step in ((False, False, fanout.STEP), (False, True, STEP), (True, False, 1)):
            stream = self.make(per_client=per_client)
            members = [FakeMember() for _ in range(step + 2)]
            for member in members:
                stream.join(member, TEXTS, is_apart)
            self.clock.advance(1)
            work = self.work.pop()
            next(work)
            self.clock.advance(1)
            self.assertEqual((self.work, stream.late), ([], 1))
            stream.leave(members[-1])
            list(work)
            got = [len(member.got) + len(member.blocks) for member in (members[0], members[-2], members[-1])]
            self.assertEqual(got, [1, 1, 0])
            self.clock.advance(1)
            self.assertEqual((len(self.work), stream.seq), (1, 2))
            self.work.clear()
            stream.stop()

"""Tests of ``netd.feed.streams`` and ``pace``: when rounds are made, and who gets them."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.feed.generator import Generator
from netd.feed.pace import Pace
from netd.feed.rounds import TYPES, Round
from netd.feed.streams import AHEAD, STEP, Stream, Surroundings, Window
from netd.message import Message
from netd.testing import RecordingBus
from tests.feed.bench import FakeFaker, FakeMember, FakeRandom, texts


class SlowClock(Clock):
    """A clock on which looking at it takes time, if the test says so."""

    look = 0.0

    def seconds(self) -> float:
        """The time; later at each look."""
        self.rightNow += self.look
        return super().seconds()


class PaceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = SlowClock()
        self.pace = Pace(self.clock.seconds, self.clock.callLater)
        self.done: list[str] = []

    def work(self, name: str, steps: int) -> Iterator[None]:
        """So many steps."""
        for step in range(steps):
            self.done.append(f"{name}{step}")
            yield

    def test_little_is_done_at_once(self) -> None:
        """Work that fits into a turn does not wait for the next."""
        self.pace.start(self.work("a", 3))
        self.assertEqual(self.done, ["a0", "a1", "a2"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_much_is_spread(self) -> None:
        """Work that takes long is done over several turns, in order, and other work after it."""
        self.clock.look = 0.004
        self.pace.start(self.work("a", 4))
        self.pace.start(self.work("b", 1))
        self.assertEqual(self.done, ["a0", "a1", "a2"])
        self.clock.advance(0)
        self.assertEqual(self.done, ["a0", "a1", "a2", "a3", "b0"])

    def test_stop(self) -> None:
        """After the end nothing more is done."""
        self.clock.look = 0.02
        self.pace.start(self.work("a", 4))
        self.pace.stop()
        self.clock.advance(0)
        self.assertEqual(self.done, ["a0"])


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
        self.work: list[Iterator[None]] = []
        self.publisher = FakePublisher()
        self.generator = Generator(lambda: dict.fromkeys(TYPES, FakeFaker()), FakeRandom)
        self.generator.prepare()
        self.surroundings = Surroundings(self.clock.seconds, self.clock.callLater, list)
        self.stream = self.make(publisher=self.publisher)
        self.member = FakeMember()
        self.stream.members[self.member] = None

    def make(self, *, publisher: FakePublisher | None = None, per_client: bool = False, seed: int = 1) -> Stream:
        """A stream with a round each second, running."""
        stream = Stream(self.surroundings, self.generator.values(seed), 1.0, per_client, publisher)
        stream.start()
        stream.start()
        self.addCleanup(stream.stop)
        return stream

    def test_in_time(self) -> None:
        """A client gets one round each second, numbered, at times that do not drift when the reactor is late."""
        self.clock.pump([1.0, 1.25, 0.75])
        self.assertEqual([(got.seq, got.time) for got in self.member.got], [(1, 1.0), (2, 2.25), (3, 3.0)])

    def test_late(self) -> None:
        """After a long stop there is one round, not all that were missed."""
        self.clock.advance(10.5)
        self.clock.advance(0.5)
        self.assertEqual([got.time for got in self.member.got], [10.5, 11.0])

    def test_shared(self) -> None:
        """All clients get the very same round."""
        other = FakeMember()
        self.stream.members[other] = None
        self.clock.advance(1)
        self.assertIs(self.member.got[0], other.got[0])

    def test_per_client(self) -> None:
        """Each client can have values of its own."""
        stream = self.make(per_client=True)
        members = [FakeMember(), FakeMember("city")]
        stream.members.update(dict.fromkeys(members))
        self.clock.advance(1)
        first, second = (member.got[0].values for member in members)
        self.assertEqual((first["city"], second), ("city 1/city#1", {"city": "city 1/city#2"}))

    def test_only_what_is_wanted_is_made(self) -> None:
        """A stream that some asked for makes the types that they asked for."""
        stream = self.make()
        members = [FakeMember("city"), FakeMember("city", "name")]
        stream.members.update(dict.fromkeys(members))
        self.clock.advance(1)
        self.assertEqual(set(members[0].got[0].values), {"city", "name"})

    def test_nobody_there(self) -> None:
        """Without clients nothing is made, unless someone on the bus looks on."""
        self.stream.members.clear()
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

    def test_too_slow(self) -> None:
        """A round that is due while the one before is still being delivered is left out; who leaves meanwhile gets nothing."""
        self.surroundings = Surroundings(self.clock.seconds, self.clock.callLater, self.work.append)
        for per_client in (False, True):
            stream = self.make(per_client=per_client)
            members = [FakeMember() for _ in range(STEP + 1)]
            stream.members.update(dict.fromkeys(members))
            self.clock.advance(1)
            work = self.work.pop()
            next(work)
            self.clock.advance(1)
            self.assertEqual((self.work, stream.late), ([], 1))
            del stream.members[members[-1]]
            list(work)
            self.assertEqual([len(member.got) for member in (members[0], members[-2], members[-1])], [1, 1, 0])
            self.clock.advance(1)
            self.assertEqual((len(self.work), stream.seq), (1, 2))
            self.work.clear()
            stream.stop()


class WindowTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bus = RecordingBus()
        clock = Clock()
        self.window = Window(Surroundings(clock.seconds, clock.callLater, list), self.bus, "session.>")
        self.window.start()
        self.window.start()
        self.member = FakeMember()

    def test_passes_on(self) -> None:
        """What is published under the pattern reaches the clients, numbered; what is not does not."""
        self.window.members[self.member] = None
        for subject, event in (("session.1", 1), ("relay.1", 2), ("session.2", 3)):
            self.bus.publish(Message(subject, event))
        self.assertEqual([(got.seq, texts(got.texts())) for got in self.member.got], [(1, ["1"]), (2, ["3"])])

    def test_nobody_there(self) -> None:
        """Without clients nothing is done."""
        self.bus.publish(Message("session.1", 1))
        self.assertEqual(self.window.seq, 0)

    def test_unfit(self) -> None:
        """An event that cannot be JSON is counted and left out."""
        self.window.members[self.member] = None
        self.bus.publish(Message("session.1", object()))
        self.assertEqual((self.member.got, self.window.unfit), ([], 1))

    def test_stop(self) -> None:
        """A stopped window is no subscriber of the bus."""
        self.window.stop()
        self.window.stop()
        self.assertFalse(self.bus.wants("session.1"))

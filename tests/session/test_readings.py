"""Tests of ``netd.session.readings``: what is known of channels, whether anybody watches or not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.samples import Samples, SampleTaken
from netd.connection.shares import own_share
from netd.message import Described, Want
from netd.session.letters import Alphabet, LetterReader
from netd.session.lines import ChannelSpec, LineReader
from netd.session.pacing import COUNTING, Sweep
from netd.session.readings import KEPT, Readings
from netd.session.results import ChannelFacts
from netd.testing import RecordingBus

DAY = 1_700_000_000
"""What the wall clock shows when the other shows 0."""

SPECS = (ChannelSpec("x", "Heart rate", "bpm"), ChannelSpec("y"))


class ReadingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.wall = 0.0
        self.bus = RecordingBus(lambda: self.wall)
        self.kept: list[Readings] = []
        self.readings = Readings(self.bus, "session.main.1", self.kept.append)
        self.readings.open(LetterReader(Alphabet("xyz")), SPECS, 1000.0)

    def take(self, block: bytes, now: float) -> None:
        """Samples come at *now*, which is another time by the wall clock."""
        self.wall = DAY + now
        self.readings.take(block, now)

    def _x(self, now: float) -> dict[str, Any]:
        return self.readings.describe(now)["x"]

    def test_facts(self) -> None:
        """Of each channel there are the newest value, the range, the number of samples, and when the newest came."""
        self.take(b"x3x1x2", 1001.0)
        facts = self._x(1001.5)
        expected = {"label": "Heart rate", "unit": "bpm", "last": 2.0, "min": 1.0, "max": 3.0, "samples": 3, "time": 1001.5}
        self.assertEqual({name: getattr(facts, name) for name in expected}, expected | {"time": DAY + 1001.0})
        nothing = ChannelFacts(label="", unit="", last=None, min=None, max=None, rate=0.0, samples=0, time=None)
        self.assertEqual(self.readings.describe(1001.5)["y"], nothing)

    def test_described(self) -> None:
        """The bus knows label and unit of each channel, under its present name and as the agent said them last."""
        self.assertEqual(self.bus.described("session.main.1.x"), Described("Heart rate", "bpm"))
        self.readings.rename("session.main.greenhouse")
        self.assertEqual(self.bus.described("session.main.1.x"), Described())
        self.assertEqual(self.bus.described("session.main.greenhouse.x"), Described("Heart rate", "bpm"))
        self.readings.open(LineReader(), [ChannelSpec("x", "Temperature", "K")], 1001.0)
        self.assertEqual(self.bus.described("session.main.greenhouse.x"), Described("Temperature", "K"))

    def test_range_over_time(self) -> None:
        """The range is that of all samples, also of those that came before the agent was dialled again."""
        self.take(b"x3\n", 1001.0)
        self.readings.open(LineReader(), SPECS, 1010.0)
        self.take(b"x -5\n", 1011.0)
        self.take(b"x 1\n", 1013.0)
        self.assertEqual([getattr(self._x(1013.0), name) for name in ("min", "max", "last", "samples")], [-5.0, 3.0, 1.0, 3])

    def test_rate(self) -> None:
        """The rate follows what an agent sends: soon after the beginning, and after each change."""
        for tick in range(100):
            self.take(b"x1\n", 1000 + tick * 0.2)
        self.assertAlmostEqual(self._x(1019.8).rate, 5, delta=0.3)
        for tick in range(100):
            self.take(b"x1\n" * 3, 1020 + tick * 0.1)
        self.assertAlmostEqual(self._x(1030.0).rate, 30, delta=4)
        self._x(1036.0)
        self.assertEqual(self._x(1046.0).rate, 0)

    def test_watched(self) -> None:
        """While somebody subscribes to a channel, each of its samples is published, in order, as it comes."""
        seen: list[object] = []
        self.bus.subscribe("session.main.1.x", lambda message: seen.append(message.event))
        self.take(b"x1y7x2\n", 1001.0)
        self.take(b"x3\n", 1001.1)
        self.assertEqual(seen, [SampleTaken(1, DAY + 1001.0), SampleTaken(2, DAY + 1001.0), SampleTaken(3, DAY + 1001.1)])
        self.assertEqual(self.readings.describe(1001.1)["x"].samples, 3)
        self.assertEqual(len(seen), 3)

    def test_unwatched(self) -> None:
        """While nobody does, the newest sample is published once a second at most: the bus always knows it."""
        for tick in range(50):
            self.take(b"x%d\n" % tick, 1000 + tick * 0.1)
        published = self.bus.events("session.main.1.x")
        self.assertEqual(len(published), 5)
        self.assertEqual(self.bus.last("session.>")[0].event, SampleTaken(40, DAY + 1004.0))

    def test_large_reads(self) -> None:
        """What comes in bulk is counted at once, so that nothing piles up."""
        self.take(b"x1\n", 1000.1)
        self.take(b"x2\n" * KEPT, 1000.2)
        self.assertEqual((self.readings.samples, self.readings._blocks), (1 + KEPT, []))

    def test_flood(self) -> None:
        """Of an agent that sends very much, all samples count, and a part of them for the range; that is said."""
        for value in (1, 2, 3):
            self.take(b"x%d\n" % value * 20_000, 1000.0)
        facts = self._x(1000.1)
        self.assertEqual([getattr(facts, name) for name in ("min", "max", "last", "samples")], [1.0, 1.0, 3.0, 60_000])
        self.assertEqual(self.readings.unspanned, 40_000)
        self.take(b"x9\n" * 10, 1001.2)
        self.assertEqual((self._x(1001.3).max, self.readings.unspanned), (9.0, 40_000))

    def test_unknown_channel(self) -> None:
        """Samples of a channel that there is not are bad."""
        self.take(b"z1x1z2", 1002.0)
        self.assertEqual((self.readings.samples, self.readings.bad), (1, 2))

    def test_times(self) -> None:
        """The agent's own time travels with its sample, also when nobody watches."""
        self.readings.open(LineReader(), SPECS, 1010.0)
        self.take(b"x 5 77\n", 1011.0)
        self.assertEqual(self.bus.events("session.main.1.x"), [SampleTaken(5, DAY + 1011.0, 77.0)])

    def test_nothing_follows(self) -> None:
        """A sample that no other follows is on the bus two seconds later at most, with the time at which it came."""
        for channel, now in ((b"x", 1000.0), (b"y", 1000.2), (b"x", 1000.4)):
            self.take(channel + b"5\n", now)
        self.assertEqual(self.kept, [self.readings])
        self.assertTrue(self.readings.settle(1000.9))
        self.assertEqual(self.bus.events("session.main.1.y"), [])
        self.assertFalse(self.readings.settle(1001.9))
        self.assertEqual(self.bus.events("session.main.1.y"), [SampleTaken(5, DAY + 1000.4)])
        self.assertEqual(self.readings.samples, 3)
        self.take(b"y6\n", 1002.0)
        self.assertEqual(len(self.kept), 2)

    def test_somebody_comes(self) -> None:
        """Who subscribes hears what came just before, too: first that, then what comes."""
        seen: list[object] = []
        self.take(b"x1\n", 1000.0)
        self.take(b"x2\n", 1000.1)
        self.bus.subscribe("session.main.1.x", lambda message: seen.append(message.event))
        self.take(b"x3\n", 1000.2)
        self.readings.describe(1000.3)
        self.assertEqual(seen, [SampleTaken(2, DAY + 1000.1), SampleTaken(3, DAY + 1000.2)])

    def test_somebody_comes_and_nothing_follows(self) -> None:
        """Who subscribes hears what came just before, also when it was the last."""
        seen: list[object] = []
        self.take(b"x1\n", 1000.0)
        self.take(b"x2\n", 1000.1)
        self.bus.subscribe("session.main.1.x", lambda message: seen.append(message.event))
        self.readings.settle(1001.1)
        self.assertEqual(seen, [SampleTaken(2, DAY + 1000.1)])

    def test_somebody_goes(self) -> None:
        """What came after the last subscriber had left is told at the next count, and nothing twice."""
        subscription = self.bus.subscribe("session.main.1.x", lambda message: None)
        self.take(b"x1\n", 1000.0)
        self.take(b"x2\n", 1000.1)
        self.assertTrue(self.readings.is_watched)
        subscription.cancel()
        self.take(b"x3\n", 1000.2)
        self.assertFalse(self.readings.is_watched)
        self.readings.settle(1001.3)
        self.assertEqual([event.value for event in self.bus.events("session.main.1.x")], [1, 2, 3])  # type: ignore[attr-defined]

    def test_batches(self) -> None:
        """A subscriber that takes batches hears all samples of a channel in a read at once, the newest of them as the event."""
        seen: list[tuple[str, object, list[object]]] = []
        self.bus.subscribe(
            "session.>",
            lambda message: seen.append((message.subject[-1], message.event, list(message.batch or ()))),
            Want.BATCH,
        )
        samples = [SampleTaken(value, DAY + 1001.0) for value in range(10)]
        self.take(b"".join(b"x%d\n" % value for value in range(10)) + b"y7z1\n", 1001.0)
        self.assertEqual(seen, [("x", samples[9], samples), ("y", SampleTaken(7, DAY + 1001.0), [])])
        self.assertTrue(self.readings.is_watched)
        facts = self.readings.describe(1001.1)
        self.assertEqual((facts["x"].samples, facts["x"].last, len(seen)), (10, 9.0, 2))

    def test_batches_of_the_newer_dialect(self) -> None:
        """The agent's own times come with a batch, too."""
        self.readings.open(LineReader(), SPECS, 1010.0)
        batches: list[object] = []
        self.bus.subscribe("session.>", lambda message: batches.append(message.batch), Want.BATCH)
        self.take(b"x 5 77\nx 6 78\nx 7 79\nx 8 80\n", 1011.0)
        self.assertEqual(batches, [Samples(DAY + 1011.0, [5.0, 6.0, 7.0, 8.0], [77.0, 78.0, 79.0, 80.0])])
        self.assertEqual([sample.agent_time for sample in cast(Samples, batches[0])], [77.0, 78.0, 79.0, 80.0])

    def test_short_read_in_batches(self) -> None:
        """A few samples are told one by one, which is cheaper."""
        seen: list[object] = []
        self.bus.subscribe("session.>", lambda message: seen.append((message.event, message.batch)), Want.BATCH)
        self.take(b"x1\nx2\n", 1001.0)
        self.assertEqual(seen, [(SampleTaken(value, DAY + 1001.0), None) for value in (1, 2)])

    def test_batches_may_wait(self) -> None:
        """A subscriber of batches that names an interval hears all samples, in one message for each count."""
        seen: list[tuple[str, object, list[float]]] = []

        def note(message: Any) -> None:
            seen.append((message.subject[-1], message.event.value, [sample.value for sample in message.batch or ()]))

        self.bus.subscribe("session.>", note, Want.BATCH, 0.5)
        self.take(b"x1y9\n", 1001.0)
        seen.clear()
        for number in range(4):
            self.take(b"x%d\n" % number, 1001.1 + number / 10)
        self.assertEqual(seen, [])
        self.assertFalse(self.readings.is_watched)
        self.take(b"x8y7\n", 1001.6)
        self.assertEqual(seen, [("x", 8, [0, 1, 2, 3, 8]), ("y", 7, [])])

    def test_batches_no_longer_wait(self) -> None:
        """Beside a subscriber that waits, another gets its batches at once, and none of them is told twice."""
        values: list[float] = []

        def note(message: Any) -> None:
            values.extend(sample.value for sample in message.batch or [message.event])

        self.bus.subscribe("session.>", note, Want.BATCH, 2.0)
        self.take(b"x1\n", 1001.0)
        self.take(b"x2\n", 1001.1)
        other = self.bus.subscribe("session.>", lambda message: None, Want.BATCH)
        self.take(b"x3\n", 1002.1)
        self.take(b"x4\n", 1002.2)
        self.assertEqual((values, self.readings.is_watched), ([1, 2, 3, 4], True))
        other.cancel()
        self.take(b"x5\n", 1003.3)
        self.take(b"x6\n", 1003.4)
        self.assertEqual((values, self.readings.is_watched), ([1, 2, 3, 4, 5], False))

    def test_newest(self) -> None:
        """A subscriber for whom the newest is enough hears that as often as it asked, and the last of a burst in that time."""
        self.sweep_with_a_clock()
        seen: list[tuple[float, float]] = []
        self.bus.subscribe(
            "session.main.1.x",
            lambda message: seen.append((self.clock.seconds() - 1000.0, message.event.value)),  # type: ignore[attr-defined]
            Want.NEWEST,
            0.1,
        )
        for number in range(100):
            self.take(b"x%d\n" % number, self.clock.seconds())
            self.clock.advance(0.01)
        self.assertFalse(self.readings.is_watched)
        self.assertTrue(8 <= len(seen) <= 21, seen)
        self.clock.advance(0.1)
        self.assertEqual(99, seen[-1][1])
        self.assertTrue(all(later - earlier <= 0.1 + 0.02 for (earlier, _), (later, _) in pairwise(seen)), seen)

    def test_more_impatient(self) -> None:
        """A second subscriber who wants the newest more often gets it so, and the first again when that one has gone."""
        self.sweep_with_a_clock()
        self.bus.subscribe("session.main.1.x", lambda message: None, Want.NEWEST, 1.0)
        self.take(b"x1\n", 1000.0)
        other = self.bus.subscribe("session.main.1.x", lambda message: None, Want.NEWEST, 0.02)
        self.take(b"x2\n", 1001.0)
        self.assertEqual(0.02, self.readings.count_every)
        other.cancel()
        self.take(b"x3\n", 1002.0)
        self.assertEqual(1.0, self.readings.count_every)

    def test_newest_while_listed(self) -> None:
        """A session that waits for the sweep of each second is listed for a quicker one, too, when somebody is in a hurry."""
        self.take(b"x1\n", 1000.0)
        self.take(b"x2\n", 1000.1)
        self.bus.subscribe("session.main.1.x", lambda message: None, Want.NEWEST, 0.05)
        self.take(b"x3\n", 1000.11)
        self.assertEqual(2, len(self.kept))

    def sweep_with_a_clock(self) -> None:
        """Have the readings swept in time, from 1000 on."""
        self.clock = Clock()
        self.clock.advance(1000.0)
        sweep = Sweep(own_share(self.clock, "count", COUNTING), self.clock.seconds, self.clock.callLater)
        self.readings = Readings(self.bus, "session.main.1", sweep.add)
        self.readings.open(LetterReader(Alphabet("xyz")), SPECS, 1000.0)

    def test_clock_that_is_set_back(self) -> None:
        """Samples have the times that the wall clock showed when they came, in whatever order, and are counted as ever."""
        self.bus.subscribe("session.main.1.x", lambda message: None)
        self.take(b"x1\n", 1000.0)
        self.wall = DAY - 3600.0
        for second in range(1, 11):
            self.readings.take(b"x2\n" * 3, 1000.0 + second)
        self.assertEqual(self.bus.events("session.main.1.x")[:2], [SampleTaken(1, DAY + 1000.0), SampleTaken(2, DAY - 3600.0)])
        facts = self._x(1010.0)
        self.assertAlmostEqual(facts.rate, 3, delta=0.5)
        self.assertEqual((facts.samples, facts.time), (31, DAY - 3600.0))

    def test_corrected_words(self) -> None:
        """An agent that comes back with another label or unit is shown with those, and its samples go on counting."""
        self.take(b"x3\n", 1001.0)
        self.readings.open(LineReader(), [ChannelSpec("x", "Pulse", "1/min")], 1010.0)
        facts = self._x(1010.0)
        self.assertEqual([getattr(facts, name) for name in ("label", "unit", "samples", "max")], ["Pulse", "1/min", 1, 3.0])

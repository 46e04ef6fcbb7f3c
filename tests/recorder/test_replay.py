"""Replays: the past comes again, in its order, at any pace, under subjects of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from netd.codec.jsontext import encode
from netd.errors import InvalidArguments, NoSuchTarget, NotPermitted, OperationFailed
from netd.message import Described, Message
from netd.operations import Role
from netd.recorder import pieces
from netd.recorder.answers import Asked
from netd.recorder.archive import Archive, NotFinished
from netd.recorder.replay import LATE, MOST_LISTED, MOST_REPLAYS
from netd.testing import make_caller
from tests.recorder.kind import SUBJECT, RecorderTestCase


class ReplayTests(RecorderTestCase):
    def record(self) -> None:
        """Ten seconds of samples and events, several of them at the same moment."""
        self.bus.describe(SUBJECT, Described("Temperature", "°C"))
        self.began = self.bus.wall()
        for second in range(10):
            self.publish(20.5 + second)
            self.publish({"text": f"käse {second}"}, "relay.main.said.lamp")
            self.publish(second, "custom.count")
            self.reactor.advance(1)

    def replayed(self, number: int) -> list[tuple[str, bytes]]:
        """What a replay has published so far: subjects below its own, and texts."""
        own = f"replay.{number}."
        messages = [one for one in self.bus.messages if one.subject.startswith(own) and not one.subject.endswith(".state")]
        return [(message.subject.removeprefix(own), message.encoded(encode)) for message in messages]

    def pass_time(self, seconds: float, step: float = 0.01) -> None:
        """Let time pass in steps as small as turns of the reactor."""
        for _ in range(round(seconds / step)):
            self.reactor.advance(step)

    def states(self, number: int) -> list[str]:
        """The states that a replay has published."""
        return [facts.state for facts in self.bus.events(f"replay.{number}.state")]  # type: ignore[attr-defined]

    def test_same_order_at_any_speed(self) -> None:
        """At the old pace, ten times as fast and as fast as possible, the same texts come in the same order."""
        self.record()
        for number, speed, seconds in ((1, 1.0, 9.5), (2, 10.0, 0.95), (3, 0.0, 0.05)):
            self.call("replay", [SUBJECT, "relay.>", "custom.>"], speed=speed)
            self.pass_time(seconds)
            self.assertEqual(self.states(number)[-1], "ended", f"speed {speed}")
        first = self.replayed(1)
        self.assertEqual(len(first), 30)
        self.assertEqual(self.replayed(2), first)
        self.assertEqual(self.replayed(3), first)
        by_subject = [text for subject, text in first if subject == "relay.main.said.lamp"]
        self.assertEqual(by_subject, [encode({"text": f"käse {second}"}) for second in range(10)])

    def test_pace(self) -> None:
        """What came a second apart comes half a second apart at twice the speed."""
        self.record()
        self.call("replay", SUBJECT, speed=2.0)
        self.pass_time(2.02)
        self.assertEqual(len(self.replayed(1)), 5)
        facts = self.call("replays")[0]
        self.assertEqual((facts.state, facts.published, facts.position, facts.behind), ("running", 5, self.began + 4, 0.0))

    def test_samples(self) -> None:
        """A sample has its value and its old time, and its new subject the old unit; it is not recorded again."""
        self.record()
        self.call("replay", SUBJECT, speed=0.0)
        self.pass_time(0.05)
        [first, *_] = self.bus.events(f"replay.1.{SUBJECT}")
        self.assertEqual((first.value, first.time), (20.5, self.began))  # type: ignore[attr-defined]
        self.assertEqual(self.bus.described(f"replay.1.{SUBJECT}"), Described("Temperature", "°C"))
        self.assertEqual([one.subject for one in self.call("subjects", "replay.>")], [])

    def test_max_gap(self) -> None:
        """A long silence is shortened."""
        self.publish(1.0)
        self.reactor.advance(3000)
        self.publish(2.0)
        self.reactor.advance(1)
        self.call("replay", SUBJECT, max_gap=2.0)
        self.pass_time(1.9)
        self.assertEqual(len(self.replayed(1)), 1)
        self.pass_time(0.2)
        self.assertEqual((len(self.replayed(1)), self.states(1)[-1]), (2, "ended"))

    def test_late(self) -> None:
        """When netd was busy elsewhere, what is late stays late: nothing is skipped, and nothing comes in a burst."""
        self.record()
        self.call("replay", SUBJECT)
        self.pass_time(1.5)
        self.reactor.advance(3.0)
        self.pass_time(0.05)
        self.assertEqual(len(self.replayed(1)), 3)
        self.assertLess(abs(self.call("replays")[0].behind - 2.5), LATE)
        self.pass_time(0.9)
        self.assertEqual(len(self.replayed(1)), 3)
        self.pass_time(0.1)
        self.assertEqual(len(self.replayed(1)), 4)

    def test_loop(self) -> None:
        """A replay may begin again at its end, until it is halted."""
        self.record()
        self.call("replay", SUBJECT, speed=100.0, loop=True)
        self.pass_time(0.3)
        facts = self.call("halt", 1)
        self.assertGreaterEqual(facts.loops, 2)
        self.assertEqual((facts.state, self.states(1)[-1]), ("halted", "halted"))
        before = len(self.replayed(1))
        self.pass_time(0.3)
        self.assertEqual(len(self.replayed(1)), before)
        self.assertEqual(self.call("halt", 1).state, "halted")

    def test_run(self) -> None:
        """A run is replayed by its number: its time and its subjects."""
        self.publish(1.0)
        self.reactor.advance(1)
        self.call("begin", "night", ["custom.>"])
        self.publish(2, "custom.a")
        self.publish(3.0)
        self.reactor.advance(1)
        self.call("finish")
        self.call("replay", run=1, speed=0.0)
        self.pass_time(0.05)
        self.assertEqual([subject for subject, _ in self.replayed(1)], ["custom.a"])

    def test_nothing(self) -> None:
        """A time without anything ends at once, also in a loop."""
        self.call("replay", "custom.nothing", loop=True)
        self.pass_time(0.05)
        self.assertEqual(self.states(1), ["running", "ended"])

    def test_many(self) -> None:
        """A time with more than fits is read in pieces, and comes whole and in order."""
        self.patch(pieces, "MANY", 50)
        self.patch(pieces, "FEW", 10)
        for number in range(300):
            self.publish(number, "custom.a" if number % 2 else "custom.b")
            self.reactor.advance(0.01 if number % 100 else 30)
        self.call("replay", "custom.*", speed=0.0)
        self.pass_time(0.5)
        values = [event.value for one in self.bus.messages if one.subject.startswith("replay.1.custom") for event in [one.event]]  # type: ignore[attr-defined]
        self.assertEqual(values, list(range(300)))

    def test_bounds(self) -> None:
        """Four replays run at a time; those that are over are listed for a while, and then their subjects are forgotten."""
        self.record()
        for _ in range(MOST_REPLAYS):
            self.call("replay", SUBJECT)
        self.assertRaises(OperationFailed, self.call, "replay", SUBJECT)
        self.call("halt", 2)
        for _ in range(MOST_LISTED):
            self.call("replay", SUBJECT, speed=0.0)
            self.pass_time(0.03)
        listed = [facts.number for facts in self.call("replays")]
        self.assertEqual(len(listed), MOST_LISTED)
        self.assertNotIn(2, listed)
        self.assertEqual(self.bus.last("replay.2.>"), [])

    def test_rights(self) -> None:
        """A confined caller replays what it sees, to where it may publish, and finds and halts no other replay."""
        self.record()
        both = make_caller(Role.OPERATOR, (SUBJECT, "replay.>"))
        self.assertRaises(NotPermitted, self.call, "replay", "custom.>", caller=both)
        self.assertRaises(NotPermitted, self.call, "replay", SUBJECT, caller=make_caller(Role.OPERATOR, (SUBJECT,)))
        self.call("replay", SUBJECT, caller=both)
        self.call("replay", "custom.>")
        self.assertEqual([facts.number for facts in self.call("replays", caller=both)], [1])
        self.assertRaises(NoSuchTarget, self.call, "halt", 2, caller=both)
        self.assertRaises(NoSuchTarget, self.call, "halt", 77)

    def test_arguments(self) -> None:
        """A prefix of a service would let yesterday be taken for today; a speed is a number from 0 on."""
        for wrong in ("session", "custom", "system", "board", "a.b", "", "recorder", "x" * 65, "main@north"):
            self.assertRaises(InvalidArguments, self.call, "replay", SUBJECT, prefix=wrong)
        for wrong in (-1.0, float("nan"), 1e9):
            self.assertRaises(InvalidArguments, self.call, "replay", SUBJECT, speed=wrong)
        self.assertRaises(InvalidArguments, self.call, "replay", SUBJECT, max_gap=-1.0)

    def test_long_subject(self) -> None:
        """A subject that would be too long below the prefix is left out, and the replay says so; the others come."""
        self.publish(1.0, f"custom.{'x' * 500}")
        self.publish(2.0, "custom.a")
        self.reactor.advance(1)
        self.call("replay", "custom.>", speed=0.0)
        self.pass_time(0.5)
        [facts] = self.call("replays")
        self.assertEqual((facts.state, facts.published), ("ended", 1))
        self.assertIn("are left out", facts.reason)

    def test_years_of_silence(self) -> None:
        """A replay from the year 1 on begins with the first part: nobody has to wait while the years before it go by."""
        self.record()
        read = Counter[tuple[int, int]]()
        moments = pieces._moments
        self.patch(pieces, "_moments", lambda *asked: (read.update([asked[2:]]), moments(*asked))[1])
        self.call("replay", SUBJECT, begin=-62_000_000_000, speed=0.0)
        self.pass_time(0.5)
        [facts] = self.call("replays")
        self.assertEqual(facts.state, "ended")
        self.assertGreater(facts.published, 0)
        self.assertLess(len(read), 100)

    def test_given_up_in_silence(self) -> None:
        """A question that was given up ends also where nothing was recorded: the reader's thread is not lost."""
        archive = Archive(self.folder, lambda: True)
        asked = Asked((">",), 0, 1 << 60)
        self.assertRaises(NotFinished, pieces.read_piece, archive, asked, None, pieces.FIRST_WIDTH)

    def test_end_of_netd(self) -> None:
        """Replays end with netd, and leave no timer."""
        self.record()
        self.call("replay", SUBJECT)
        self.pass_time(0.5)
        self.stop()
        self.assertEqual(self.states(1)[-1], "halted")

    def test_reader_fails(self) -> None:
        """A replay whose past cannot be read ends, and says why."""
        self.record()
        run = self.kind.asking.run
        answered = [run]  # what begins the replay
        self.kind.asking.run = lambda *given: answered.pop()(*given) if answered else None  # type: ignore[method-assign]
        self.call("replay", SUBJECT)
        self.kind.asking.run = run  # type: ignore[method-assign]
        [facts] = self.call("replays")
        self.assertEqual(facts.state, "failed")
        self.assertIn("questions about the past wait", facts.reason)

    def test_other_message(self) -> None:
        """What is replayed is an event like any other: a subscriber gets it."""
        self.record()
        heard: list[Message] = []
        self.bus.subscribe("replay.*.custom.>", heard.append)
        self.call("replay", "custom.>", speed=0.0)
        self.pass_time(0.05)
        values: list[Any] = [message.event for message in heard]
        self.assertEqual([one.value for one in values], list(range(10)))

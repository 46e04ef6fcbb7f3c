"""What the agents of telemetry sessions say, and when: the pure part of :mod:`netd.client.session`."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client import session_messages as session
from netd.client.session import Agent, Channel, NotANumber, Refused, SessionLost
from netd.client.session_messages import Schedule
from netd.session.letters import Alphabet, LetterReader
from netd.session.lines import LineReader, parse_hello


class SpellingTests(SynchronousTestCase):
    def test_hello(self) -> None:
        """A hello is what netd reads, labels and units in any script included."""
        channels = {"temp": Channel(label="Temperature", unit="°C"), "x": Channel()}
        read = parse_hello(session.hello(42, channels)[:-1])
        self.assertEqual((read.session, read.name), (42, None))
        self.assertEqual(parse_hello(session.hello(42, channels, "greenhouse")[:-1]).name, "greenhouse")
        self.assertEqual(
            [(one.name, one.label, one.unit) for one in read.channels], [("temp", "Temperature", "°C"), ("x", "", "")]
        )

    @given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20))
    def test_numbers(self, value: float) -> None:
        """Any finite number arrives as it is; in the old dialect, as near to that as 16 bytes can say it."""
        line, token = session.sample("x", value), session.old_sample("x", value)
        assert line is not None and token is not None
        newer, older = LineReader(), LetterReader(Alphabet("xyz"))
        self.assertEqual([one.value for one in newer.samples(newer.feed(line).block)], [float(value)])
        older.feed(token)
        [said] = [one.value for one in older.samples(older.finish().block)]
        self.assertLessEqual(len(token), 16)
        self.assertLessEqual(abs(said - value), abs(value) * 5e-8)
        if len(session.number(value)) < 16:
            self.assertEqual(said, float(value))

    def test_spelling(self) -> None:
        """Whole numbers are spelled without a point, times follow their value, and None says nothing."""
        self.assertEqual(session.sample("x", 111.0), b"x 111\n")
        self.assertEqual(session.sample("x", (-1.5, 1732.25)), b"x -1.5 1732.25\n")
        self.assertEqual(session.old_sample("x", (-1.5, 1732.25)), b"x-1.5")
        self.assertEqual((session.sample("x", None), session.old_sample("x", None)), (None, None))

    def test_short_tokens(self) -> None:
        """What an old server would cut off, and so show as another number, is rounded."""
        for value, token in (
            (-1.2345678901234567e-300, b"x-1.2345679e-300"),
            (1 / 3, b"x0.3333333333333"),
            (-1 / 3, b"x-0.333333333333"),
            (123456789012345678, b"x1.234567890e+17".replace(b"0e", b"e")),
            (999999999999999.9, b"x1e+15"),
            (0.1 + 0.2, b"x0.3"),
        ):
            self.assertEqual(session.old_sample("x", value), token)

    def test_answers(self) -> None:
        """Whether the server is netd is what it says; one that says nothing, or something else, is an old one."""
        for word, dialect in ((b"netd", "netd"), (b"", "old"), (b"ping", "old")):
            self.assertEqual(session.dialect_of(word), dialect)
        self.assertRaises(SessionLost, session.dialect_of, b"stop")
        self.assertEqual([session.can_be_old(names) for names in (["x"], ["x", "y", "z"], ["x", "temp"])], [True, True, False])

    def test_no_numbers(self) -> None:
        """What is no finite number is refused here, and not sent."""
        wrong: list[Any] = [math.nan, math.inf, "a", [], 10**400]
        for value in wrong:
            self.assertRaises(NotANumber, session.sample, "x", value)

    def test_announcements(self) -> None:
        """The old dialect announces three ids that follow one another."""
        self.assertEqual(session.announcements(42), [b"s142", b"s243", b"s344"])

    def test_channels(self) -> None:
        """A function or an iterable alone is a channel; names that cannot be are refused."""
        self.assertEqual(session.read_channels({"x": math.sqrt}, "netd"), {"x": Channel(math.sqrt)})  # type: ignore[dict-item]
        for names, dialect in (
            ({}, "netd"),
            ({"a.b": []}, "netd"),
            ({"": []}, "netd"),
            ({"temp": []}, "old"),
            ({"x": []}, "new"),
        ):
            self.assertRaises(ValueError, session.read_channels, names, dialect)

    def test_names_of_agents(self) -> None:
        """A name that netd would leave out is refused before there is a connection."""
        for name in ("", "a b", "42", "x" * 64):
            error = self.assertRaises(ValueError, session.check_agent_name, name)
            self.assertIn("cannot name an agent: 1 to 63 letters", str(error))

    def test_id(self) -> None:
        """An id is digits; anything else is said to be none."""
        self.assertEqual((session.read_id(b"42"), session.read_id(b" 42\r\n")), (42, 42))
        for received in (b"", b"4x", b"GET / HTTP/1.1", b"-1", b"9" * 16):
            self.assertRaises(SessionLost, session.read_id, received)

    def test_complaint(self) -> None:
        """What the server says before it hangs up is passed on; other words, and none, mean that it hung up."""
        self.assertEqual(str(session.read_complaint(b'{"error": "no"}\n')), "the server said: no")
        self.assertIsInstance(session.read_complaint(b'{"error": "no"}\n'), Refused)
        for received in (b"", b"\xff", b"[]", b"{}", b"[" * 100_000):
            self.assertEqual(str(session.read_complaint(received)), "the server closed the data connection")


class ScheduleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.records: list[logging.LogRecord] = []
        log, collect = logging.getLogger("netd.client.session"), logging.Handler()
        collect.emit = self.records.append  # type: ignore[method-assign]
        self.patch(log, "handlers", [collect])
        self.patch(log, "propagate", False)

    def _schedule(self, dialect: str = "netd", every: float = 1.0, **sources: Any) -> Schedule:
        schedule = Schedule(session.read_channels(sources, dialect), dialect, every)
        schedule.start(100.0)
        return schedule

    def test_pace(self) -> None:
        """Each channel is asked as often as it says, at first at once."""
        schedule = self._schedule(x=lambda: 1, y=Channel(lambda: 2, every=2.5))
        taken = [(now, schedule.take(now)) for now in (100.0, 100.5, 101.0, 102.0, 102.5)]
        x, y = b"x 1\n", b"y 2\n"
        self.assertEqual(taken, [(100.0, [x, y]), (100.5, []), (101.0, [x]), (102.0, [x]), (102.5, [y])])
        self.assertEqual((schedule.wait(102.75), schedule.wait(200.0)), (0.25, 0.0))

    def test_late(self) -> None:
        """After a delay the pace is kept, and nothing is made up for."""
        schedule = self._schedule(x=lambda: 1)
        schedule.take(100.0)
        self.assertEqual(len(schedule.take(105.25)), 1)
        self.assertEqual(schedule.wait(105.25), 0.75)

    def test_end(self) -> None:
        """An iterable that is at its end is asked no more; when all are, that is known."""
        schedule = self._schedule(x=[1], y=[2, 3])
        self.assertEqual(schedule.take(100.0), [b"x 1\n", b"y 2\n"])
        self.assertEqual(schedule.take(101.0), [b"y 3\n"])
        self.assertFalse(schedule.is_exhausted)
        self.assertEqual(schedule.take(102.0), [])
        self.assertTrue(schedule.is_exhausted)

    def test_said_by_the_program(self) -> None:
        """A channel without a source is not asked, and never at its end."""
        schedule = self._schedule(x=Channel())
        self.assertEqual((schedule.take(100.0), schedule.is_exhausted, schedule.wait(100.0)), ([], False, 3600.0))

    def test_failure(self) -> None:
        """A source that fails, or gives what is no number, is logged and asked again; the others go on."""

        def values() -> Iterator[float]:
            yield from (math.nan, 5)

        failing = iter([ValueError("unplugged")])

        def measure() -> float:
            for error in failing:
                raise error
            return 7

        schedule = self._schedule(x=values(), y=measure, z=lambda: 1)
        self.assertEqual(schedule.take(100.0), [b"z 1\n"])
        self.assertEqual(schedule.take(101.0), [b"x 5\n", b"y 7\n", b"z 1\n"])
        told = [(record.getMessage(), record.exc_info is not None) for record in self.records]
        self.assertEqual(told, [
            ("channel x has no value this time: nan is no finite number", False),
            ("channel y has no value this time: unplugged", True),
        ])  # fmt: skip

    def test_old_dialect(self) -> None:
        """In the old dialect samples are tokens."""
        self.assertEqual(self._schedule("old", x=[1], y=[(2, 3)]).take(100.0), [b"x1", b"y2"])

    def test_bad_pace(self) -> None:
        """A pause of no time is refused."""
        self.assertRaises(ValueError, self._schedule, every=0.0, x=[1])
        self.assertRaises(ValueError, self._schedule, x=Channel([1], every=-1))

    def test_json(self) -> None:
        """A hello is one line of plain ASCII, whatever the labels are."""
        line = session.hello(1, {"x": Channel(label="a\nb°")})
        self.assertEqual((line.count(b"\n"), line.isascii(), json.loads(line)["channels"]["x"]["label"]), (1, True, "a\nb°"))


class ListenOnlyTests(SynchronousTestCase):
    def test_closed_before_it_ran(self) -> None:
        """An agent that listened and never ran leaves its port to the next one."""
        first = Agent({"x": lambda: 1.0}, port=0)
        first.listen()
        first.close()
        with Agent({"x": lambda: 1.0}, port=first.port) as second:
            second.listen()

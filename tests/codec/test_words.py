"""Tests of :mod:`netd.codec.words`: what a person reads of JSON values."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontypes import result_schema
from netd.codec.units import Address, Bytes, Epoch, Everything, Measured, Port, Prose, Rate, Schema, Seconds, Took
from netd.codec.words import Words, rate, records, schemas_of_events, size, span

NOW = 1_700_000_000.0

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["time", "type", "format", "properties", "items", "anyOf", "unit", "x"]), inner)
    ),
    max_leaves=10,
)

TYPES = (
    *(object, int, float, str, bytes, bool, list[Epoch], dict[str, Seconds], Epoch, Seconds | None, Bytes, Rate, Measured, Port),
    *(Address, Prose, Schema, str | Everything, Took),
)


@frozen(slots=False)
class Reading:
    """What an instrument tells."""

    label: str
    unit: str
    last: Measured | None
    samples: int
    time: Epoch | None


@frozen(slots=False)
class Report:
    """An event."""

    time: Epoch
    seconds: Took
    of: dict[str, int]


class ValueTests(SynchronousTestCase):
    words = Words(NOW, UTC)

    def said(self, annotation: object, value: object) -> str:
        """What is said of *value*, which is of that type."""
        return self.words.value(value, result_schema(annotation))

    def test_moments(self) -> None:
        """A moment of today is a time of this place, another one has its day; a clock that was never set tells a number."""
        for value, text in ((NOW, "22:13:20"), (NOW - 86400, "2023-11-13 22:13:20"), (int(NOW), "22:13:20"), (12.5, "12.5")):
            self.assertEqual(text, self.said(Epoch, value))
        self.assertEqual("1700000000", self.said(int, 1_700_000_000))
        self.assertEqual("01:13:20", Words(NOW, timezone(timedelta(hours=3))).value(NOW, result_schema(Epoch)))

    def test_units(self) -> None:
        """Spans, sizes and rates have their units; other numbers have as many digits as mean something."""
        for annotation, value, text in (
            (Seconds, 399.2, "6 min 39 s"),
            (Seconds | None, 0.00119, "1.19 ms"),
            (Seconds, -1.5, "-1.5"),
            (Rate, 1.08277, "1.08/s"),
            (Bytes, 1536, "1.5 KiB"),
            (Port, 8080, "8080"),
            (Measured, 1.0822446853669117, "1.08224468537"),
            (float, 0.1 + 0.2, "0.3"),
            (float, 1e300, "1e+300"),
            (int, 12345678, "12345678"),
            (list[Seconds], [1, 60], "1 s, 1 min"),
        ):
            self.assertEqual(text, self.said(annotation, value))
        self.assertEqual([span(0.0334), span(3), span(60)], ["33.4 ms", "3 s", "1 min"])
        self.assertEqual([span(0.9994), span(0.9995), span(59.94), span(59.97)], ["999 ms", "1 s", "59.9 s", "1 min"])
        self.assertEqual([rate(999.4), rate(999.9)], ["999/s", "1,000/s"])
        self.assertEqual([rate(0), rate(0.334), rate(0.05), rate(-2)], ["0/s", "0.334/s", "3/min", "-2/s"])
        self.assertEqual([size(0), size(1023), size(1 << 20), size(1.5e9)], ["0 B", "1023 B", "1 MiB", "1.397 GiB"])

    def test_others_words(self) -> None:
        """What nobody has described gets no unit that it might not mean, and stays as exact as it was."""
        self.assertEqual("rate 5, seconds 90, since 1700000000.0", self.said(object, {"rate": 5, "seconds": 90, "since": NOW}))
        self.assertEqual("3.141592653589793", self.said(object, 3.141592653589793))

    def test_event(self) -> None:
        """An event does not say its time twice; units are told of events that a service has described."""
        told = [{"subject": "feed.*.report", "schema": result_schema(Report)}]
        words = Words(NOW, UTC, events=schemas_of_events(told))
        for subject, moment, event, said in (
            ("feed.main.report", NOW, {"time": NOW - 0.5, "seconds": 2}, "in 2 s"),
            ("feed.main.report", NOW, {"time": NOW - 2, "seconds": 1, "x": 1}, "time 22:13:18, in 1 s, x 1"),
            ("feed.main.report", None, {"time": 5}, "time 5"),
            ("custom.a", NOW, {"time": NOW, "seconds": 2}, "time 1700000000.0, seconds 2"),
            (None, NOW, 5, "5"),
        ):
            self.assertEqual(words.event(subject, moment, event), said)
        for odd in (None, 5, [5], [{"subject": "a"}], [{"subject": "a", "schema": 5}]):
            self.assertEqual((), schemas_of_events(odd))  # type: ignore[arg-type]

    def test_plain(self) -> None:
        """Text is text, yes is yes, nothing is nothing, an address needs no quotes in a shell, a payload is what it says."""
        for value, said in (("a b", "a b"), (False, "no"), (None, ""), ([], ""), ({}, ""), ([1, "b", [2, 3]], "1, b, (2, 3)")):
            self.assertEqual(self.said(object, value), said)
        self.assertEqual("127.0.0.1:50412", self.said(Address, "('127.0.0.1', 50412)"))
        self.assertEqual(["gr\xfcn \\xff", "?"], [self.said(bytes, "Z3LDvG4g/w=="), self.said(bytes, "?")])

    def test_null(self) -> None:
        """Null can stand for something."""
        self.assertEqual(["all", "a.>"], [self.said(str | Everything, value) for value in (None, "a.>")])

    def test_schema(self) -> None:
        """What an argument takes is told as on a help page."""
        self.assertEqual("number or null", self.said(Schema, {"anyOf": [{"type": "number"}, {"type": "null"}]}))
        for odd in ({"type": [[]]}, {"anyOf": [{"type": 5}]}, {"x": 1}):
            self.assertIsInstance(self.said(Schema, odd), str)

    def test_deep(self) -> None:
        """What is nested without end is JSON in the end."""
        value: Any = 1
        for _ in range(50):
            value = {"x": [value]}
        self.assertIn('{"x": [{"x":', self.said(object, value))

    @given(JSON, JSON)
    def test_anything(self, value: object, odd: object) -> None:
        """Whatever comes can be said, whatever it was said to be, by a schema that is none too."""
        for annotation in TYPES:
            self.assertIsInstance(self.said(annotation, value), str)
        if isinstance(odd, dict):
            self.assertIsInstance(self.words.value(value, odd), str)


class LineTests(SynchronousTestCase):
    words = Words(NOW, UTC)

    def test_line(self) -> None:
        """All that says something stands on one line: facts by their names, what is so or not so, lists in brackets."""
        self.assertEqual(
            self.words.line({"bot": "Ada", "passed_on": True, "lines": False, "reason": "", "more": None, "bots": ["a", "b"]}),
            "bot Ada, passed on, not lines, bots (a, b)",
        )
        self.assertEqual(
            self.words.line({"seconds": 0.5, "of": {"x": 1, "y": 2}}, result_schema(Report)), "in 500 ms, of (x 1, y 2)"
        )

    def test_measured(self) -> None:
        """What an instrument has said has its unit."""
        heart = {"label": "Heart rate", "unit": "bpm", "last": 72.0, "samples": 42, "time": NOW}
        told = result_schema(Reading)
        self.assertEqual("label Heart rate, last 72 bpm, samples 42, time 22:13:20", self.words.line(heart, told))
        self.assertEqual("last 72, unit bpm", self.words.line({"last": 72, "unit": "bpm"}))
        self.assertEqual("unit bpm", self.words.line({"last": None, "unit": "bpm"}, told))
        self.assertEqual("last 5", self.words.line({"last": 5, "unit": ""}, told))


class RecordsTests(SynchronousTestCase):
    def test_records(self) -> None:
        """Things that hang on another have names: their keys, their members called name, or else their first members."""
        self.assertEqual(records({"heart": {"last": 1}}), [("heart", {"last": 1})])
        self.assertEqual(
            records([{"lines": True, "name": "Ada"}, {"address": "a", "x": 1}]), [("Ada", {"lines": True}), ("a", {"x": 1})]
        )
        for value in (None, 5, "x", [], {}, [1], {"a": 1}, {"a": {}, "b": 1}, [{}], [{"a": 1}, 2]):
            self.assertEqual(records(value), [])

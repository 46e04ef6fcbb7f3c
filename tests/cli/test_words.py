"""Tests of :mod:`netd.cli.words`: what a person reads of JSON values."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.words import Words, rate, records, span
from tests.cli.fakes import NOW

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["time", "seconds", "rate", "schema", "type", "anyOf", "last", "unit", "x"]), inner)
    ),
    max_leaves=10,
)

HEART = {"label": "Heart rate", "unit": "bpm", "last": 72.0, "min": 60.5, "max": 80, "rate": 5.1874, "samples": 42, "time": NOW}


class ValueTests(SynchronousTestCase):
    words = Words(NOW, UTC)

    def test_moments(self) -> None:
        """A moment of today is a time of this place, another one has its day; what is no moment stays a number."""
        for name, value, said in (
            ("since", NOW, "22:13:20"),
            ("last_seen", NOW - 86400, "2023-11-13 22:13:20"),
            ("started_at", int(NOW), "22:13:20"),
            ("time", 12.5, "12.5"),
            ("generation", 1_700_000_000, "1700000000"),
            ("since", True, "yes"),
        ):
            self.assertEqual(self.words.value(name, value), said)
        self.assertEqual(Words(NOW, timezone(timedelta(hours=3))).value("since", NOW), "01:13:20")

    def test_units(self) -> None:
        """Spans and rates have their units; other numbers are not longer than they can be read."""
        for name, value, said in (
            ("seconds", 399.2, "6 min 39 s"),
            ("lag", 0.00119, "1.19 ms"),
            ("uptime", 0, "0 s"),
            ("rate", 1.08277, "1.08/s"),
            ("published_rate", 12345.6, "12,346/s"),
            ("x", 1.0822446853669117, "1.08224"),
            ("value", 1.0822446853669117, "1.08224468537"),
            ("value", 101325.12, "101325.12"),
            ("last", 0.1 + 0.2, "0.3"),
            ("bytes", 12345678, "12345678"),
            ("x", 1e300, "1e+300"),
            ("seconds", -1.5, "-1.5"),
        ):
            self.assertEqual(self.words.value(name, value), said)
        self.assertEqual([span(0.0334), span(3), span(60)], ["33.4 ms", "3 s", "1 min"])
        self.assertEqual([span(0.9994), span(0.9995), span(59.94), span(59.97)], ["999 ms", "1 s", "59.9 s", "1 min"])
        self.assertEqual([rate(999.4), rate(999.9)], ["999/s", "1,000/s"])
        self.assertEqual(self.words.value("value", 999_999.7), "999999.7")
        self.assertEqual([rate(0), rate(0.334), rate(0.05), rate(-2)], ["0/s", "0.334/s", "3/min", "-2/s"])

    def test_others_words(self) -> None:
        """What others have said gets no units that it might not mean, and what a function returned stays as exact as it was."""
        self.assertEqual(
            self.words.value("result", {"rate": 5, "seconds": 90, "since": NOW}), "rate 5, seconds 90, since 1700000000.0"
        )
        self.assertEqual(self.words.value("data", {"rate": 5}, is_foreign=True), "rate 5")
        self.assertEqual(self.words.value("data", {"rate": 5}), "rate 5/s")
        verbatim = Words(NOW, UTC, is_verbatim=True)
        for value in (3.141592653589793, NOW, 5):
            self.assertEqual(verbatim.value("time", value), str(value))

    def test_event(self) -> None:
        """An event does not say its time twice; units are told of netd's own events alone."""
        for subject, moment, event, said in (
            ("a", NOW, {"time": NOW - 0.5, "seconds": 2}, "in 2 s"),
            ("a", NOW, {"time": NOW - 2, "x": 1}, "time 22:13:18, x 1"),
            ("a", None, {"time": 5}, "time 5"),
            ("custom.a", NOW, {"seconds": 2}, "seconds 2"),
            ("customer.a", NOW, {"seconds": 2}, "in 2 s"),
            (None, NOW, 5, "5"),
        ):
            self.assertEqual(self.words.event(subject, moment, event), said)

    def test_plain(self) -> None:
        """Text is text, yes is yes, nothing is nothing, an address needs no quotes in a shell."""
        for value, said in (("a b", "a b"), (False, "no"), (None, ""), ([], ""), ({}, ""), ([1, "b", [2, 3]], "1, b, (2, 3)")):
            self.assertEqual(self.words.value("x", value), said)
        self.assertEqual(self.words.value("address", "('127.0.0.1', 50412)"), "127.0.0.1:50412")

    def test_schema(self) -> None:
        """What an argument takes is told as on a help page."""
        self.assertEqual(self.words.value("schema", {"anyOf": [{"type": "number"}, {"type": "null"}]}), "number or null")
        for odd in ({"type": [[]]}, {"anyOf": [{"type": 5}]}, {"x": 1}):
            self.assertIsInstance(self.words.value("schema", odd), str)

    def test_deep(self) -> None:
        """What is nested without end is JSON in the end."""
        value: Any = 1
        for _ in range(50):
            value = {"x": [value]}
        self.assertIn('{"x": [{"x":', self.words.value("x", value))

    @given(st.text(), JSON)
    def test_anything(self, name: str, value: object) -> None:
        """Whatever comes can be said."""
        self.assertIsInstance(self.words.value(name, value), str)
        self.assertIsInstance(Words(NOW, UTC, is_verbatim=True).value(name, value), str)


class LineTests(SynchronousTestCase):
    words = Words(NOW, UTC)

    def test_line(self) -> None:
        """All that says something stands on one line: facts by their names, what is so or not so, lists in brackets."""
        self.assertEqual(
            self.words.line({"bot": "Ada", "passed_on": True, "lines": False, "reason": "", "more": None, "bots": ["a", "b"]}),
            "bot Ada, passed on, not lines, bots (a, b)",
        )
        self.assertEqual(
            self.words.line({"block": 3, "seconds": 0.5, "of": {"x": 1, "y": 2}}), "block 3, in 500 ms, of (x 1, y 2)"
        )

    def test_channel(self) -> None:
        """A channel's newest value has its label and its unit, and beside it the least and the greatest."""
        self.assertEqual(self.words.line(HEART), "Heart rate 72 bpm, 60.5 to 80, 5.19/s, 42 samples, 22:13:20")
        new = {
            **HEART,
            "label": "",
            "last": None,
            "min": None,
            "max": None,
            "rate": None,
            "samples": 0,
            "time": None,
            "gap": True,
        }
        self.assertEqual(self.words.line(new), "no value yet, 0 samples, gap")
        self.assertEqual(self.words.line({"last": 5, "unit": ""}), "5")
        self.assertEqual(self.words.line({"last": 5, "unit": 7}), "last 5, unit 7")


class RecordsTests(SynchronousTestCase):
    def test_records(self) -> None:
        """Things that hang on another have names: their keys, their members called name, or else their first members."""
        self.assertEqual(records({"heart": {"last": 1}}), [("heart", {"last": 1})])
        self.assertEqual(
            records([{"lines": True, "name": "Ada"}, {"address": "a", "x": 1}]), [("Ada", {"lines": True}), ("a", {"x": 1})]
        )
        for value in (None, 5, "x", [], {}, [1], {"a": 1}, {"a": {}, "b": 1}, [{}], [{"a": 1}, 2]):
            self.assertEqual(records(value), [])

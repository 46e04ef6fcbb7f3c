"""Numbers and times as programs write them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.fields import FieldType
from netd.wire.values import SHAPES, NoNumber, read_number, read_time
from tests.wire.matching import readings, tried, values

ABSENT = ("", "nan", "NaN", "-nan", "inf", "-inf", "ovf", "n/a", "N/A", "null", "None", "-", "--", "-----", "***")


class NumberTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        """A number is read as people and programs write it."""
        for text, value in {
            "1": 1.0, "-1": -1.0, "+1.5": 1.5, ".5": 0.5, "5.": 5.0, "1e3": 1000.0, "1.5E-2": 0.015, "- 21.5": -21.5, "+  3": 3.0,
            "000012": 12.0, " 7 ": 7.0,
        }.items():  # fmt: skip
            self.assertEqual(value, read_number(text, FieldType.NUM), text)
            self.assertEqual([("x", value, "")], readings("sample x={x};", f"x={text};"), text)

    def test_absent(self) -> None:
        """What stands for a number that is not there is no sample, and no mistake."""
        for text in ABSENT:
            self.assertEqual([("y", 1.0, "")], readings("sample x={x};y={y}", f"x={text};y=1"), text)
            self.assertEqual({"y": "1"}, values("event x={x:num};y={y}", f"x={text};y=1"), text)
        self.assertEqual([], readings("sample {x}", b"1e999"))

    def test_no_numbers(self) -> None:
        """Anything else is another message."""
        for text in ("x", "1x", "0x10", "1,5", "1_000", "infinity", "1e", "+-1", "--1", "1.2.3", "٣"):
            self.assertIsNone(readings("sample x={x};", f"x={text};"), text)
            self.assertRaises(NoNumber, read_number, text, FieldType.NUM)

    def test_types(self) -> None:
        """Each type has its own spellings."""
        for kind, text, value in (
            ("int", "-12", -12), ("int", "", None), ("int", "1.5", "no"),
            ("hex", "ff", 255), ("hex", "0xFF", 255), ("hex", "xyz", "no"),
            ("flag", "on", 1), ("flag", "OFF", 0), ("flag", "true", 1), ("flag", "closed", 0), ("flag", "null", None),
            ("flag", "maybe", "no"),
            ("comma", "21,5", 21.5), ("comma", "-1.5", -1.5), ("comma", "1,2,3", "no"),
            ("dm", "4807.038", 48.1173), ("dm", "01131.000", 11.516666667), ("dm", "", None), ("dm", "48.07", "no"),
            ("count", "3", 3.0), ("bcd", "0012", 12),
        ):  # fmt: skip
            found = values(f"event ={{x:{kind}}}=", f"={text}=")
            self.assertEqual(value, "no" if found is None else found.get("x"), (kind, text))

    def test_hemispheres(self) -> None:
        """South and west are negative."""
        rule = "sample {lat:dm},{lat:hemi},{lon:dm},{lon:hemi}"
        self.assertEqual([("lat", -48.1173, ""), ("lon", 11.516666667, "")], readings(rule, b"4807.038,S,01131.000,E"))
        self.assertEqual([("lat", 48.1173, ""), ("lon", -11.516666667, "")], readings(rule, b"4807.038,N,01131.000,w"))
        self.assertEqual([], readings(rule, b",,,"))
        self.assertEqual([("lat", -48.1173, "")], readings("sample {lat:dm}{lat:hemi}", b"4807.038S"))

    def test_counts(self) -> None:
        """What is counted says so: whoever has the state adds it up."""
        found = tried("sample {channel}:{value:count}|c", b"hits:3|c")
        assert found is not None
        self.assertEqual([("hits", 3.0, True)], [(one.channel, one.value, one.adds) for one in found.readings])

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_every_float(self, value: float) -> None:
        """Whatever Python prints for a number is read as that number."""
        self.assertEqual([("x", value, "")], readings("sample x={x}", f"x={value!r}"))

    @given(st.sampled_from(sorted(SHAPES, key=lambda kind: kind.value)), st.text(max_size=20))
    def test_any_text(self, kind: FieldType, text: str) -> None:
        """No text breaks a reader."""
        if kind.is_number:
            try:
                number = read_number(text, kind)
            except NoNumber:
                return
            self.assertTrue(number is None or isinstance(number, int | float))


class TimeTests(SynchronousTestCase):
    def test_units(self) -> None:
        """Seconds, milliseconds, microseconds and nanoseconds are told apart by their size."""
        for raw in (
            1732000000,
            1732000000.0,
            "1732000000",
            "1732000000000",
            1732000000000,
            "1732000000000000",
            "1732000000000000000",
        ):
            self.assertEqual(1732000000.0, read_time(raw), raw)
        self.assertEqual(12.5, read_time("12.5"))

    def test_dates(self) -> None:
        """Dates are those of ISO 8601, with slashes, too."""
        for text in (
            "2026-11-28T22:00:00Z", "2026-11-28T23:00:00+01:00", "2026-11-28 22:00:00+00:00", "20261128T220000Z",
            "2026/11/28 22:00:00Z",
        ):  # fmt: skip
            self.assertEqual(1795903200.0, read_time(text), text)
            found = tried("sample {time} {x}", f"{text} 1")
            assert found is not None
            self.assertEqual(1795903200.0, found.readings[0].time, text)
        # In a line, a comma behind the seconds begins the next column.
        self.assertEqual(1795903200.0, read_time("2026-11-28T22:00:00,000Z"))

    def test_no_times(self) -> None:
        """What is no time is none, and the message counts all the same."""
        for raw in ("", "--", "noon", "2026-99-99", True, None, [1], 10**400, "1e999", float("nan")):
            self.assertIsNone(read_time(raw), raw)
        found = tried("sample {time},{x}", b"2026-99-99,1")
        assert found is not None
        self.assertEqual([("x", 1.0)], [(one.channel, one.value) for one in found.readings])
        self.assertIsNone(found.time)

    @given(st.text(max_size=30))
    def test_any_text(self, text: str) -> None:
        """No text breaks the reader of times."""
        found = read_time(text)
        self.assertTrue(found is None or isinstance(found, float))

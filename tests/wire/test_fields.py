"""What stands in braces in a pattern."""

from __future__ import annotations

from fractions import Fraction

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.fields import Field, FieldType, parse_field
from tests.wire.matching import readings


class FieldTests(SynchronousTestCase):
    def test_all_parts(self) -> None:
        """A field has a name, a path, a scale, an offset, a type, a width and a unit, in this order."""
        text = "temp=main.t/10-273.15:int:7 °C / min"
        self.assertEqual(
            Field(text, "temp", "main.t", FieldType.INT, True, 7, Fraction(1, 10), -273.15, "°C / min"), parse_field(text)
        )

    def test_default_types(self) -> None:
        """In a sample a field is a number, unless its name says that it is none; elsewhere it is text, unless it is scaled."""
        for text, in_sample, elsewhere in (
            ("x", "num", "text"),
            ("value", "num", "text"),
            ("name", "text", "text"),
            ("kind", "text", "text"),
            ("time", "time", "time"),
            ("x/10", "num", "num"),
            ("x V", "num", "num"),
            ("/10", "num", "num"),
            ("", "skip", "skip"),
            (":4", "skip", "skip"),
            ("*", "rest", "rest"),
            ("x:word", "word", "word"),
        ):
            self.assertEqual((in_sample, elsewhere), (parse_field(text, True).type.value, parse_field(text).type.value), text)

    def test_hyphens(self) -> None:
        """A hyphen before a letter belongs to the name, and before a digit to a number; in a path both may be meant."""
        self.assertEqual(("wind-speed", 0.0), (parse_field("wind-speed").name, parse_field("wind-speed").offset))
        self.assertEqual(("t", -273.0), (parse_field("t-273").name, parse_field("t-273").offset))
        self.assertEqual("sensor-1.temp", parse_field("t=sensor-1.temp").path)
        self.assertEqual(r"sensor\-1", parse_field(r"t=sensor\-1").path)
        self.assertEqual(("a-b", -2.5), (parse_field("t=a-b-2.5").path, parse_field("t=a-b-2.5").offset))

    def test_scales(self) -> None:
        """A scale gives the number that people expect, and not one with an error in its sixteenth digit."""
        self.assertEqual([("x", 21.7, "")], readings("sample {x/10}", b"217"))
        self.assertEqual([("x", 21.7, "")], readings("sample {x*0.1}", b"217"))
        self.assertEqual([("x", 20.0, "")], readings("sample {x-273.15}", b"293.15"))
        self.assertEqual([("x", 70.7, "°F")], readings("sample {x*1.8+32 °F}", b"21.5"))
        self.assertEqual([], readings("sample {x*1e99}", b"1e300"))

    def test_mistakes(self) -> None:
        """Each mistake says what to write."""
        known = "num, int, hex, flag, comma, count, dm, hemi, bcd, time, word, text, skip, rest, and a width such as 7"
        for text, said in {
            "x:hx": f"{{x:hx}}: no type hx (did you mean hex?); there are {known}",
            "x:0": f"{{x:0}}: no type 0; there are {known}",
            "x:7:8": f"{{x:7:8}}: no type 8; there are {known}",
            "x:rest:4": "{x:rest:4}: rest has no width",
            "x/10:text": "{x/10:text}: only a number has a scale or a unit, and this is text",
            "x/0": "{x/0}: a scale of 0 leaves nothing",
            "x.y": "{x.y} is no field; write {name}, {name/10 °C}, {name:hex}, {} or {*}",
            '"ok": true': '{"ok": true} is no field; write \\{ and \\} for the braces of JSON',
            "füllstand": "{füllstand} is no field; its name has letters a to z, digits, _ and - alone; "
            "`channels` gives it a label: temperature:Température",
            "x " + "V" * 101: "{x " + "V" * 101 + "}: a unit has at most 100 characters, none a control",
        }.items():
            error = self.assertRaises(ValueError, parse_field, text, True)
            self.assertEqual(said, str(error))

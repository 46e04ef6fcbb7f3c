"""JSON from strangers: what is taken, what is refused, and what the refusal says."""

from __future__ import annotations

import base64
import enum
import json
import math
from datetime import datetime, timedelta, tzinfo
from typing import Any

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import (
    MAX_DEPTH,
    BadJSON,
    check_numbers,
    decode,
    decode_object,
    decode_object_with_nan,
    encode,
    encode_with_nan,
    objects_in,
)
from netd.errors import ProtocolError
from netd.plaintext import unpadded

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
NUMBERS = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


class Colour(enum.Enum):
    RED = "red"


@frozen
class Point:
    x: int
    label: str = ""


class DecodeTests(SynchronousTestCase):
    @given(VALUES)
    def test_as_the_standard_library(self, value: object) -> None:
        """What another program's JSON library wrote is read as it was meant, compact or not, escaped or not; and back."""
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
            self.assertEqual(value, decode(text.encode()))
        self.assertEqual(value, json.loads(encode(value)))
        self.assertEqual(value, decode(encode(value)))

    @given(st.binary(max_size=60) | st.text('[]{}",:\\u0d89 1e-.tfn', max_size=60).map(str.encode))
    def test_any_bytes(self, text: bytes) -> None:
        """Garbage is refused in a sentence, or read as the standard library reads it; nothing else ever comes of it."""
        try:
            value = decode(text)
        except BadJSON as error:
            self.assertIn(str(error)[:8], ("not JSON", "nested m"))
        else:
            self.assertEqual(value, json.loads(text))

    def test_refused(self) -> None:
        """What JSON libraries differ on is refused, so that no two programs understand one text differently."""
        for text in (
            b"", b" ", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"01", b"+1", b".5", b"1 2", b"[1,]", b"{1:2}",
            b"'a'", b'"\x01"', b'"\\ud800"', b'"\\ud800x"', b'"\\udc00"', b'"\\ude00\\ud83d"', b'"\xed\xa0\x80"', b'"\xff"',
            b'"\xc0\x80"', b'"open', b'{"a"}', b'{"a":1', b"[1", b"nul", b"\xef\xbb\xbf1",
            '"text"'.encode("utf-16"), '"text"'.encode("utf-32"),
        ):  # fmt: skip
            error = self.assertRaises(BadJSON, decode, text)
            self.assertTrue(str(error).startswith("not JSON: "), text)

    def test_taken(self) -> None:
        """Whole numbers over 64 bits are kept exactly; emoji may be escaped; of repeated keys the last counts."""
        self.assertEqual(18446744073709551616, decode(b"18446744073709551616"))
        self.assertEqual("\U0001f600", decode(b'"\\ud83d\\ude00"'))
        self.assertEqual({"a": 2}, decode(b'{"a": 1, "a": 2}'))
        self.assertEqual([], decode(b" [ ] \r\n\t"))

    def test_number_of_many_digits(self) -> None:
        """A number of 5,000 digits, which Python would rather not convert, is refused, also deep inside."""
        self.assertRaises(BadJSON, decode, b"1" * 5000)
        self.assertRaises(BadJSON, decode, b'{"a": [' + b"1" * 5000 + b"]}")

    def test_message(self) -> None:
        """The refusal says where the text went wrong; counters know its kind."""
        error = self.assertRaises(BadJSON, decode, b'{"a": tru}')
        self.assertIn("byte 10", str(error))
        self.assertIsInstance(error, ProtocolError)
        self.assertEqual("bad JSON", error.kind)


class DepthTests(SynchronousTestCase):
    def test_deepest(self) -> None:
        """64 levels are enough for everybody; the 65th is refused, of arrays and of objects."""
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            inside = b"1"
            decode(opening * MAX_DEPTH + inside + closing * MAX_DEPTH)
            error = self.assertRaises(BadJSON, decode, opening * (MAX_DEPTH + 1) + inside + closing * (MAX_DEPTH + 1))
            self.assertEqual("nested more than 64 deep", str(error))

    def test_absurd_depth(self) -> None:
        """100,000 brackets, closed or not, cost the sender more than netd."""
        for text in (
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"[" * 100_000 + b"]" * 100_000,
            b'["' + b"\\" * 100_000 + b"[" * 100_000,
        ):
            self.assertRaises(BadJSON, decode, text)

    def test_wide_is_not_deep(self) -> None:
        """Many arrays beside each other are fine, and so are brackets in text, after escaped quotes too."""
        self.assertEqual([[]] * 1000, decode(b"[" + b",".join([b"[]"] * 1000) + b"]"))
        text = "[{" * 1000 + '\\" [' * 1000
        self.assertEqual([text], decode(json.dumps([text]).encode()))

    def test_depth_after_closing(self) -> None:
        """What was closed counts no more, and nothing else that is open is forgotten with it."""
        for deeper, is_good in ((62, True), (63, False)):
            text = b"[[[[]]," + b"[" * deeper + b"]" * deeper + b"]]"
            if is_good:
                decode(text)
            else:
                self.assertRaises(BadJSON, decode, text)

    def test_closing_too_much(self) -> None:
        """Closing brackets in advance do not buy depth: such a text is no JSON anyway."""
        self.assertRaises(BadJSON, decode, b"]" * 1000 + b"[" * 1000)


class ObjectTests(SynchronousTestCase):
    def test_object(self) -> None:
        """On a wire that carries objects, other JSON is refused with what was expected."""
        self.assertEqual({"a": 1}, decode_object(b'{"a": 1}'))
        for text in (b"[]", b"null", b'"{}"', b"1"):
            self.assertEqual("not a JSON object", str(self.assertRaises(BadJSON, decode_object, text)))


class EncodeTests(SynchronousTestCase):
    def test_compact(self) -> None:
        """A value is one line without blanks, its text unescaped."""
        self.assertEqual('{"a":[1,2.5,null,true,"ü\\n"]}'.encode(), encode({"a": [1, 2.5, None, True, "ü\n"]}))

    def test_netds_own_values(self) -> None:
        """Events are attrs objects; devices answer with bytes; a missing measurement is null, as dashboards expect."""
        self.assertEqual({"x": 1, "label": "a"}, decode(encode(Point(1, "a"))))
        self.assertEqual(b'"red"', encode(Colour.RED))
        self.assertEqual(base64.b64encode(b"\xff\x00").decode(), decode(encode(b"\xff\x00")))
        self.assertEqual(b"[null,null,null]", encode([math.nan, math.inf, -math.inf]))

    def test_what_is_no_number(self) -> None:
        """Where null would be a lie, NaN and infinities are refused, with the place of one, however deep it is."""
        for value, place in (
            (math.nan, "nan;"),
            ([1, -math.inf], "-inf (at [1]);"),
            ({"a": (1, {"b": math.inf})}, "inf (at ['a'][1]['b']);"),
            ([[math.nan], [1]], "nan (at [0][0]);"),
            ({"a": {"x": math.nan}, "b": {"y": 1}}, "nan (at ['a']['x']);"),
            (Point(1, "x" * 9), ""),
            ([None, 1e308, 10**400, True, "NaN", b"x", Colour.RED, {}], ""),
        ):
            if place:
                self.assertIn(f"there is no number {place}", str(self.assertRaises(BadJSON, check_numbers, value)))
            else:
                check_numbers(value)
        error = self.assertRaises(BadJSON, check_numbers, {(1, 2): object()})
        self.assertRegex(str(error), "^cannot be written as JSON: (?!None).")

    def test_what_cannot_be_json(self) -> None:
        """A value that has no JSON form is refused in a sentence: the caller can answer with it."""
        endless: list[object] = []
        endless.append(endless)
        for value in (object(), endless, "\ud800", {"\ud800": 1}, {(1, 2): 3}, 10**5000):
            error = self.assertRaises(BadJSON, encode, value)
            self.assertTrue(str(error).startswith("cannot be written as JSON: "))

    def test_value_that_fails(self) -> None:
        """A value that raises anything when it is written is one that cannot be written."""

        class Nowhere(tzinfo):
            def utcoffset(self, moment: object) -> timedelta:
                raise LookupError("no such place")

        error = self.assertRaises(BadJSON, encode, datetime(2000, 1, 1, tzinfo=Nowhere()))
        self.assertEqual("cannot be written as JSON: no such place", str(error))


class OldProgramTests(SynchronousTestCase):
    """What programs put around objects, between them and into them, which JSON does not have."""

    @given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.lists(st.integers())), max_size=4))
    def test_objects(self, values: list[dict[str, Any]]) -> None:
        """Objects that follow one another are told apart, whatever their texts are; one that is not whole is waited for."""
        for between in (b"", b"\0", b" \n"):
            text = between.join(json.dumps(value).encode() for value in values)
            self.assertEqual([decode(unpadded(one)) for one in objects_in(text + between)], values)
            self.assertEqual(objects_in(text + b'{"a": "}'), [])
            self.assertEqual(objects_in(text + b"}"), [])
            self.assertEqual(objects_in(text + b"x") if values else [], [])

    @given(st.recursive(st.floats() | st.text(max_size=8) | st.sampled_from(["NaN", "-Infinity"]), st.lists, max_leaves=8))
    def test_nan(self, value: object) -> None:
        """What Python's own JSON writes is read alike, and what is written it reads alike."""
        given_back = decode_object_with_nan(json.dumps({"a": value}).encode())
        self.assertEqual(repr(given_back), repr({"a": value}))
        self.assertEqual(repr(json.loads(encode_with_nan({"a": value}))), repr({"a": value}))

    def test_strict_otherwise(self) -> None:
        """But for these numbers, nothing is taken that is refused elsewhere."""
        for text in (
            b"NaN",
            b'{"a": -NaN}',
            b'{"a": Infinity.5}',
            b'{"a": NaN1}',
            b'{"a": 1e999}',
            b'{"\\ud800": NaN}',
            b'{"a": Na}',
        ):
            self.assertRaises(BadJSON, decode_object_with_nan, text)

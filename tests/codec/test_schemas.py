"""Tests of :mod:`netd.codec.schemas`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.schemas import UnfitWord, choices_of, convert, kind_of, metavar_of

TYPES = ["null", "boolean", "integer", "number", "array", "object", "string"]
SCHEMAS = st.recursive(
    st.sampled_from([{}, *({"type": name} for name in TYPES), {"enum": ["a", 1]}, {"const": None}, {"$ref": "#/$defs/x"}]),
    lambda inner: (
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=3)}) | st.fixed_dictionaries({"oneOf": st.lists(inner)})
    ),
    max_leaves=5,
)


class ConvertTests(SynchronousTestCase):
    def converts(self, schema: dict[str, Any], word: str, value: object) -> None:
        """Assert what *word* becomes, and of which type."""
        converted = convert(word, schema)
        self.assertEqual((converted, type(converted)), (value, type(value)))

    def test_single_types(self) -> None:
        """A word becomes what the operation wants: "5" is a number for one, text for another."""
        self.converts({"type": "string"}, "5", "5")
        self.converts({"type": "integer"}, "-5", -5)
        self.converts({"type": "number"}, "2.5", 2.5)
        self.converts({"type": "number"}, "2", 2)
        self.converts({"type": "null"}, "null", None)
        self.converts({"type": "array"}, "[1, 2]", [1, 2])
        self.converts({"type": "object"}, '{"a": null}', {"a": None})
        for word, value in {"true": True, "No": False, "on": True, "off": False}.items():
            self.converts({"type": "boolean"}, word, value)

    def test_unions(self) -> None:
        """An optional number may be null; text is only what nothing else is."""
        optional = {"anyOf": [{"type": "number"}, {"type": "null"}]}
        self.converts(optional, "1e3", 1000.0)
        self.converts(optional, "null", None)
        either = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
        self.converts(either, "42", 42)
        self.converts(either, "forty-two", "forty-two")
        self.converts({"type": ["integer", "null"]}, "null", None)

    def test_choices(self) -> None:
        """Of a list of choices each is taken by its name."""
        schema = {"anyOf": [{"enum": ["fast", 2]}, {"const": None}]}
        self.converts(schema, "fast", "fast")
        self.converts(schema, "2", 2)
        self.converts(schema, "null", None)
        with self.assertRaisesRegex(UnfitWord, "must be \"fast\" or 2 or null, not 'slow'"):
            convert("slow", schema)

    def test_anything(self) -> None:
        """Where anything goes, JSON is JSON and the rest is text."""
        self.converts({}, '{"a": [1]}', {"a": [1]})
        self.converts({"$ref": "#/$defs/Thing"}, "{oops", "{oops")

    def test_unfit(self) -> None:
        """A word that cannot be meant is refused with what could be, before anything is sent."""
        for schema, word, what in [
            ({"type": "integer"}, "2.5", "whole number"),
            ({"type": "integer"}, "true", "whole number"),
            ({"type": "number"}, "NaN", "number"),
            ({"type": "number"}, "1e999", "number"),
            ({"type": "array"}, "[-1e999]", "JSON array"),
            ({"type": "number"}, "1_000", "number"),
            ({"type": "boolean"}, "maybe", "true or false"),
            ({"type": "array"}, "{}", "JSON array"),
            ({"type": "object"}, "[" * 100_000, "JSON object"),
            ({"anyOf": [{"type": "null"}, {"type": "number"}]}, "x", "number or null"),
        ]:
            with self.assertRaises(UnfitWord) as caught:
                convert(word, schema)
            self.assertEqual(str(caught.exception), f"must be {what}, not {word!r}")

    @given(st.text(), SCHEMAS)
    def test_no_surprise(self, word: str, schema: dict[str, Any]) -> None:
        """Any word gives a value that JSON can carry, or one clear error."""
        try:
            value = convert(word, schema)
        except UnfitWord as error:
            self.assertIn(kind_of(schema), str(error))
        else:
            json.dumps(value, allow_nan=False)


class KindTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Help says what is wanted in words, null last."""
        self.assertEqual(kind_of({"anyOf": [{"type": "null"}, {"type": "number"}]}), "number or null")
        self.assertEqual(kind_of({"type": "string"}), "text")
        self.assertEqual(kind_of({}), "any JSON or text")
        self.assertEqual(kind_of({"enum": ["a", "b"]}), '"a" or "b"')

    def test_metavar(self) -> None:
        """A usage line says what kind of word is wanted, or lists the words of which one is."""
        for schema, said, choices in (
            ({"type": "integer"}, "INTEGER", []),
            ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "NUMBER", []),
            ({"type": "boolean"}, "[true|false]", ["true", "false"]),
            ({"enum": ["fast", 5, None]}, "[fast|5|null]", ["fast", "5", "null"]),
            ({"anyOf": [{"enum": ["fast"]}, {"type": "string"}]}, "TEXT", []),
            ({"type": "array"}, "JSON", []),
            ({"type": ["array", "string"]}, "WORD", []),
            ({}, "WORD", []),
        ):
            self.assertEqual((metavar_of(schema), choices_of(schema)), (said, choices))

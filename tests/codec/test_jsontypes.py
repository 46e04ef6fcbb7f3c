"""Types as JSON Schema, and the arguments of operations: what is taken, what is refused, and what the refusal says."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontypes import ABSENT, Absent, bind, check_type, described, result_schema, schema
from netd.errors import InvalidArguments
from netd.operations import Argument


class Colour(enum.Enum):
    RED = "red"


@frozen
class Point:
    x: int
    label: str = ""


class BindTests(SynchronousTestCase):
    SEND = (
        Argument("target", str),
        Argument("text", str | None, None),
        Argument("deadline", float | None, None),
        Argument("wait", bool, True),
        Argument("extra", object, None),
        Argument("more", Any, ()),
    )

    def refusal(self, kind: object, value: object) -> str:
        """What a caller reads who gives *value* for an argument ``x`` of type *kind*."""
        return str(self.assertRaises(InvalidArguments, bind, (Argument("x", kind),), {"x": value}))

    def test_defaults(self) -> None:
        """What is left out gets its default; whole numbers do where fractions are taken; any value where any is."""
        self.assertEqual(
            {"target": "a", "text": None, "deadline": 2.0, "wait": True, "extra": {"b": [1]}, "more": 1},
            bind(self.SEND, {"target": "a", "deadline": 2, "extra": {"b": [1]}, "more": 1}),
        )
        self.assertEqual({}, bind((), {}))

    def test_missing(self) -> None:
        """The caller reads which argument is missing."""
        error = self.assertRaises(InvalidArguments, bind, self.SEND, {"text": "hi"})
        self.assertEqual("target: this argument is missing", str(error))

    def test_unknown(self) -> None:
        """A misspelt argument is not ignored: the caller reads its name and those that there are."""
        error = self.assertRaises(InvalidArguments, bind, self.SEND, {"target": "a", "txt": "hi"})
        self.assertEqual("txt: no such argument; there are: deadline, extra, more, target, text, wait", str(error))
        self.assertEqual("a: no such argument; there are: none", str(self.assertRaises(InvalidArguments, bind, (), {"a": 1})))

    def test_wrong_type(self) -> None:
        """The caller reads which argument is of the wrong type, what was expected, and where inside it."""
        self.assertEqual("x: must be text, not a whole number", self.refusal(str, 1))
        self.assertEqual("x: must be a number or null, not text", self.refusal(float | None, "2"))
        self.assertEqual("x[1]: must be a whole number, not text", self.refusal(list[int], [1, "a"]))
        self.assertEqual("x.x: must be a whole number, not text", self.refusal(Point, {"x": "1"}))
        self.assertEqual(
            "x.X: must be text, not null", self.refusal(dataclass(type("X", (), {"__annotations__": {"X": str}})), {"X": None})
        )
        self.assertEqual("x: must be a whole number, not a fraction", self.refusal(int, 1.5))
        self.assertEqual("x: 'green' is none of red", self.refusal(Colour, "green"))
        self.assertEqual("x: 'c' is none of a, b", self.refusal(Literal["a", "b"] | None, "c"))
        self.assertEqual("x: must be a list of length 2, got 1", self.refusal(tuple[int, str], [1]))
        self.assertEqual("x: must be datetime, not a whole number", self.refusal(datetime, 1).replace("`", ""))
        for kind, value in ((int, True), (int, 1.5), (bool, 1), (str, None), (float, 10**400), (bytes, "!"), (Literal["a"], "b")):
            self.assertTrue(self.refusal(kind, value).startswith("x: "), kind)

    def test_class_that_fails(self) -> None:
        """A class that raises anything when it is made of an argument gives an error that names the argument."""

        @dataclass
        class Picky:
            number: int

            def __post_init__(self) -> None:
                raise LookupError("no such channel")

        self.assertEqual("x: no such channel", self.refusal(Picky, {"number": 9}))

    def test_converted(self) -> None:
        """Arguments arrive as what the function's annotations say."""
        arguments = (
            Argument("point", Point),
            Argument("colour", Colour),
            Argument("raw", bytes),
            Argument("many", tuple[int, ...]),
        )
        self.assertEqual(
            {"point": Point(1), "colour": Colour.RED, "raw": b"hi", "many": (1, 2)},
            bind(arguments, {"point": {"x": 1}, "colour": "red", "raw": "aGk=", "many": [1, 2]}),
        )


class SchemaTests(SynchronousTestCase):
    def test_types(self) -> None:
        """A type that no JSON value can be of is found, however deep it is, before any value comes."""
        for annotation in (int, float | None, list[object], dict[str, Any], Point, Literal["a"], object):
            check_type(annotation)
        for wrong in (type(self), list[type(self)], dict[str, type(self)] | None):  # type: ignore[misc]
            self.assertIn("JSON has no SchemaTests", str(self.assertRaises(TypeError, check_type, wrong)))

    def test_plain(self) -> None:
        """Consoles can build a form for an argument from its annotation."""
        self.assertEqual({"type": "string"}, schema(str))
        self.assertEqual({"anyOf": [{"type": "number"}, {"type": "null"}]}, schema(float | None))
        self.assertEqual({"type": "array", "items": {"type": "integer"}}, schema(list[int]))
        self.assertEqual({"enum": ["a", "b"]}, schema(Literal["a", "b"]))

    def test_object(self) -> None:
        """An attrs class is described with its fields."""
        told = schema(Point)
        self.assertEqual({"type": "integer"}, told["properties"]["x"])
        self.assertEqual(["x"], told["required"])

    def test_anything(self) -> None:
        """An argument that takes any value says so, and does not spoil the list of operations."""
        for annotation in (Any, object):
            self.assertEqual({}, schema(annotation))
        self.assertEqual({"type": "object"}, schema(dict[str, Any]))
        self.assertEqual({"type": "array", "items": {"title": "object"}}, schema(list[object]))

    def test_units(self) -> None:
        """A console can show a value by its unit, wherever the value is."""
        seconds = Annotated[float, described(format="seconds")]
        unit = {"type": "number", "format": "seconds"}
        self.assertEqual(unit, schema(seconds))
        self.assertEqual({"anyOf": [unit, {"type": "null"}]}, schema(seconds | None))
        self.assertEqual({"type": "array", "items": unit}, schema(list[seconds]))

    def test_one_piece(self) -> None:
        """A schema refers to nothing outside of the place where it is used: each class is described there, in one line."""
        told = schema(list[Line])
        self.assertNotIn("$", repr(told))
        self.assertEqual({"type": "array", "items": schema(Point)}, told["items"]["properties"]["points"])
        self.assertEqual("Points, and more below.", told["items"]["description"])

    def test_class_inside_itself(self) -> None:
        """A class that holds others of its kind is described once; what is inside it is any value."""
        self.assertEqual({"type": "array", "items": {}}, schema(Tree)["properties"]["branches"])

    def test_absent(self) -> None:
        """A member that may be absent is not required, and null is no value of it."""
        told = schema(Line)
        self.assertEqual(({"type": "string"}, ["points"]), (told["properties"]["error"], told["required"]))

    def test_results(self) -> None:
        """What a function returns can be one of several classes. An annotation that is no type of JSON's spoils nothing."""
        self.assertEqual({"anyOf": [schema(Point), {"type": "null"}]}, result_schema(Point | None))
        self.assertEqual({"anyOf": [schema(Point), schema(Tree)]}, result_schema(Point | Tree))
        self.assertEqual({}, result_schema(list[Point | Tree]))
        self.assertEqual({}, result_schema(object))

    def test_annotation_without_hash(self) -> None:
        """A user's annotation may hold anything beside the type."""
        self.assertEqual({"type": "integer"}, schema(Annotated[int, []]))


@frozen
class Line:
    """Points,
    and more below.

    :ivar points: not for people.
    """

    points: list[Point]
    error: str | Absent = ABSENT


@frozen
class Tree:
    branches: list[Tree]

"""Tests of ``netd.gateway.fields``: what a query and a form hold."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import InvalidArguments
from netd.gateway.fields import MOST_FIELDS, Fields
from netd.gateway.head import Head


def fields(query: str, body: bytes = b"") -> Fields:
    """The fields of such a request."""
    return Fields.read(Head("POST", "/", "HTTP/1.1", {}, query), body)


class FieldsTests(SynchronousTestCase):
    def test_query_and_form(self) -> None:
        """A field may stand in the query, in the form, or in both, and may be repeated."""
        read = fields("target=a.b&x=%2A+1", b"target=%C3%A9&empty=")
        self.assertEqual(read.all("target"), ["a.b", "\xe9"])
        self.assertEqual((read.get("target"), read.get("x"), read.get("empty", "-"), read.get("none")), ("\xe9", "* 1", "-", ""))
        self.assertEqual(read.all("none"), [])

    def test_flag(self) -> None:
        """A flag is spelled in all ways that are usual."""
        for written, is_set in (("yes", True), ("1", True), ("True", True), ("no", False), ("0", False), ("", False)):
            self.assertIs(fields(f"comments={written}").is_set("comments"), is_set, written)
        self.assertFalse(fields("").is_set("comments"))
        self.assertRaises(InvalidArguments, fields("comments=maybe").is_set, "comments")

    def test_choice(self) -> None:
        """The first choice holds where nothing is said; another word than the choices is refused by naming them."""
        self.assertEqual(fields("").choice("layout", ("long", "wide")), "long")
        self.assertEqual(fields("layout=wide").choice("layout", ("long", "wide")), "wide")
        error = self.assertRaises(InvalidArguments, fields("layout=broad").choice, "layout", ("long", "wide"))
        self.assertEqual(str(error), "layout: 'broad' is none of long, wide")

    def test_number(self) -> None:
        """A number is whole, and not long."""
        self.assertEqual((fields("run=42").number("run"), fields("").number("run")), (42, None))
        for written in ("-1", "4.2", "x", "9" * 5000, "%D9%A3"):
            self.assertRaises(InvalidArguments, fields(f"run={written}").number, "run")

    def test_unknown(self) -> None:
        """A misspelled field is not passed over."""
        fields("begin=1").check(("begin", "end"))
        error = self.assertRaises(InvalidArguments, fields("start=1").check, ("begin", "end"))
        self.assertEqual(str(error), "there is no field 'start'; there are begin, end")

    def test_unreadable(self) -> None:
        """What is no UTF-8, or far too much, is refused as a whole."""
        for query, body in (("x=%FF", b""), ("", b"\xff"), ("\xff", b""), ("&".join(["x=1"] * (MOST_FIELDS + 1)), b"")):
            self.assertRaises(InvalidArguments, fields, query, body)

"""Tests of :mod:`netd.cli.render`."""

from __future__ import annotations

import io
import sys
from datetime import UTC
from typing import Any

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.render import show, show_grid
from netd.codec.jsontypes import result_schema
from netd.codec.units import Epoch, Everything, Measured, Prose, Rate
from netd.codec.words import Words
from tests.cli.fakes import NOW

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@frozen(slots=False)
class Heart:
    label: str
    unit: str
    last: Measured


@frozen(slots=False)
class Session:
    id: int
    host: str
    address: str
    reason: Prose
    since: Epoch
    online: bool
    channels: dict[str, Heart]


@frozen(slots=False)
class Rights:
    name: str | None
    subjects: list[str] | Everything


@frozen(slots=False)
class Report:
    rate: Rate
    of: dict[str, Any]


@frozen(slots=False)
class Event:
    subject: str
    time: Epoch
    data: Any


def written(value: object, annotation: object = object) -> str:
    """What is written of *value*, which is of that type, to the byte."""
    out, stdout = io.StringIO(), sys.stdout
    sys.stdout = out
    try:
        show(value, Words(NOW, UTC, (("feed.*.report", result_schema(Report)),)), result_schema(annotation))
    finally:
        sys.stdout = stdout
    return out.getvalue()


def shown(value: object, annotation: object = object) -> str:
    """What a person reads of *value*."""
    return "\n".join(line.rstrip() for line in written(value, annotation).splitlines())


class ShowTests(SynchronousTestCase):
    def test_page(self) -> None:
        """A page of a list is its rows, and a line of how many there are and where the next ones are."""
        page: dict[str, Any] = {
            "rows": [{"name": "gh", "state": "on"}],
            "counts": {"on": 1, "off": 2},
            "matching": 1,
            "after": None,
        }
        self.assertEqual("NAME  STATE\ngh    on\n1 on, 2 off", shown(page).strip())
        more = "1 on, 2 off; these are 1 of 3: the next ones come with after=0:1:"
        self.assertIn(more, shown({**page, "matching": 3, "after": "0:1:"}))
        self.assertEqual("none", shown({"rows": [], "counts": {}, "matching": 0, "after": None}).strip())

    def test_plain(self) -> None:
        """A single value is written as it is; nothing is said to be done."""
        for value, text in [(None, "done"), ("a b", "a b"), (5, "5"), (True, "true"), ({}, "{}"), ([], "none")]:
            self.assertEqual(shown(value), text)

    def test_object(self) -> None:
        """Facts are a line each, in line."""
        self.assertEqual(shown({"status": "sent", "error": None, "tags": []}), "status  sent\nerror\ntags")

    def test_lists_in_an_object(self) -> None:
        """A list of plain things is one more line."""
        self.assertEqual(shown({"name": "panel", "subjects": ["a.>", "b.>"]}), "name      panel\nsubjects  a.>, b.>")

    def test_all_subjects(self) -> None:
        """Who is confined to no subjects may see all: the line is not left blank, as if it were none."""
        self.assertEqual(shown({"name": None, "subjects": None}, Rights), "name\nsubjects  all")

    def test_list(self) -> None:
        """A list of things is a line each."""
        self.assertEqual(shown(["a", 5, [1, {"x": "ü"}]]), 'a\n5\n[1, {"x": "ü"}]')

    def test_table(self) -> None:
        """A list of objects is a table, with a column for each member that any of them has."""
        lines = shown([{"name": "a", "last_seen": 1}, {"name": "b", "more": ["x"]}]).splitlines()
        self.assertEqual([line.split() for line in lines], [["NAME", "LAST", "SEEN", "MORE"], ["a", "1"], ["b", "x"]])

    def test_tree(self) -> None:
        """What is nested is a tree; tables hang in it."""
        value = {"up": 5, "relay": {"counters": {"sent": 1}}, "rows": [{"a": 1, "b": "xx"}, {"a": 2}], "empty": {}}
        self.assertEqual(
            shown(value).splitlines(),
            ["up: 5", "relay", "└── counters", "    └── sent: 1", "rows", "└── A  B", "    1  xx", "    2", "empty:"],
        )

    def test_things(self) -> None:
        """Columns that say nothing are left out; what hangs on a thing, and sentences, each as one line, stand below it."""
        session = {"id": 1, "host": "h", "address": "h", "reason": "", "since": NOW, "online": True}
        channels = {"heart": {"label": "Heart", "unit": "bpm", "last": 70}}
        self.assertEqual(
            shown(
                [{**session, "channels": channels}, {**session, "id": 2, "reason": "it\nbroke", "channels": {}}], list[Session]
            ).splitlines(),
            [
                "ID  HOST  SINCE     ONLINE",
                "1   h     22:13:20  yes",
                "  heart  label Heart, last 70 bpm",
                "2   h     22:13:20  yes",
                "  reason  it broke",
            ],
        )

    def test_things_of_two_kinds(self) -> None:
        """Where things of two kinds hang on one, each says of which it is; what is of mixed kinds stays on the line."""
        room = {"room": 1, "bots": [{"name": "Ada"}], "rules": {"turn": {"limit": 3}}, "mixed": [{"a": 1}, 5]}
        self.assertEqual(shown([room]).splitlines(), ["ROOM  MIXED", "1     (a 1), 5", "  bots Ada", "  rules turn  limit 3"])

    def test_things_of_several_kinds(self) -> None:
        """Things whose members differ by their kind are each shown by what they are; what one has not says nothing."""
        members = {"kind": {"const": "a"}, "lag": {"type": "number", "format": "seconds"}, "of": {"type": "object", "title": "X"}}
        other = {"kind": {"const": "b"}, "rate": {"type": "number", "format": "rate"}}
        alternatives = [{"type": "object", "properties": one} for one in (members, other)]
        out, stdout = io.StringIO(), sys.stdout
        sys.stdout = out
        try:
            things = [{"kind": "b", "rate": 5}, {"kind": "a", "lag": 2, "of": {"x": 1}}]
            show(things, Words(NOW, UTC), {"type": "array", "items": {"anyOf": alternatives}})
        finally:
            sys.stdout = stdout
        self.assertEqual("KIND  RATE  LAG  OF\nb     5/s\na           2 s  x 1\n", out.getvalue())

    def test_events(self) -> None:
        """An event is one line, whatever is in it; what others have published gets no units."""
        events = [
            {"subject": "feed.main.report", "time": NOW, "data": {"rate": 5, "of": {"x": {"y": 1}}}},
            {"subject": "custom.x", "time": NOW, "data": {"rate": 5}},
        ]
        self.assertEqual(
            [line.split(None, 2) for line in shown(events, list[Event]).splitlines()][1:],
            [["feed.main.report", "22:13:20", "rate 5/s, of (x (y 1))"], ["custom.x", "22:13:20", "rate 5"]],
        )

    def test_grid(self) -> None:
        """Rows that a command has chosen itself are shown alike."""
        out, stdout = io.StringIO(), sys.stdout
        sys.stdout = out
        try:
            show_grid(("a_b", "c"), [(("1", "2"), [("x", "y")])])
        finally:
            sys.stdout = stdout
        self.assertEqual(out.getvalue(), "A B  C\n1    2\n  x  y\n")

    def test_no_trailing_blanks(self) -> None:
        """In a pipe no line is filled up with blanks."""
        self.assertEqual(
            written([{"name": "a", "what": "long words"}, {"name": "b", "what": ""}]), "NAME  WHAT\na     long words\nb\n"
        )

    def test_deep(self) -> None:
        """A result that is nested without end does not fill the screen with branches."""
        value: Any = 1
        for _ in range(100):
            value = {"x": value}
        self.assertLess(len(shown(value).splitlines()), 30)

    @given(JSON)
    def test_harmless(self, value: object) -> None:
        """Whatever an operation gives can be shown, and drives no terminal."""
        self.assertNotIn("\x1b", shown(value))

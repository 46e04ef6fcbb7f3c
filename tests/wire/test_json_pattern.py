"""Patterns of JSON messages."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.rules import RuleSet, parse_rules
from tests.wire.matching import mistake, readings, tried, values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


class FieldsTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """A field has the name of a member, or a path to one, in lists by number."""
        rule = "sample json {temp=sensors.t °C} {name=device} {wind=ob.1 m/s} {last=ob.-1} {hum}"
        message = b'{"sensors": {"t": 21.5}, "device": "d1", "ob": [1, 2, 3], "hum": 40}'
        self.assertEqual(
            [("d1", "temp", 21.5, "°C"), ("d1", "wind", 2.0, "m/s"), ("d1", "last", 3.0, ""), ("d1", "hum", 40.0, "")],
            readings(rule, message),
        )

    def test_numbers_in_quotes(self) -> None:
        """Numbers in quotes count, and booleans are 1 and 0."""
        self.assertEqual(
            [("a", 21.5, ""), ("b", 1.0, "")], readings("sample json {a} {b} {c}", b'{"a": "21.5", "b": true, "c": "nan"}')
        )

    def test_members_that_are_not_there(self) -> None:
        """A missing or empty member is no sample. A message with none of them, or without the name, is another message."""
        self.assertEqual([("b", 1.0, "")], readings("sample json {a} {b}", b'{"b": 1}'))
        self.assertEqual([], readings("sample json {a} {b}", b'{"a": null}'))
        self.assertIsNone(readings("sample json {a} {b}", b'{"c": 1}'))
        self.assertIsNone(readings("sample json {a} {b}", b'{"a": "x", "b": {}}'))
        self.assertIsNone(readings("sample json {a} {name}", b'{"a": 1}'))
        self.assertIsNone(readings("sample json {a=x.9} {b=x.y.z}", b'{"x": [1], "y": 2}'))

    def test_conditions(self) -> None:
        """What stands before the fields must be there, with this value or with any."""
        message = b'{"type": "reading", "v": 1, "ok": true, "n": null, "b": 2, "long text": "a b"}'
        for conditions in ("type=reading", "v=1", "ok=true", "ok", "n=null", "type=reading ok", '"long text"="a b"', "v"):
            self.assertEqual([("b", 2.0, "")], readings(f"sample json {conditions} {{b}}", message), conditions)
        for conditions in ("type=other", "v=2", "missing", "ok=false", "type=reading v=2"):
            self.assertIsNone(readings(f"sample json {conditions} {{b}}", message), conditions)

    def test_events(self) -> None:
        """An event has the values as they are; alone, `json` takes all members. A member `name` is not who the peer is."""
        message = b'{"a": {"x": 1}, "b": [1], "c": 2, "d": "e", "name": "other"}'
        self.assertEqual({"a": {"x": 1}, "b": [1], "c": 2, "d": "e"}, values("event json {a} {b} {c} {d}", message))
        self.assertEqual({"c": "2"}, values("event json {c:text}", message))
        found = tried("event json", message)
        assert found is not None
        self.assertEqual((json.loads(message), None), (found.values, found.name))
        self.assertEqual({"items": [1, 2]}, values("event json", b"[1, 2]"))
        named = tried("event json {name} {*}", message)
        assert named is not None
        self.assertEqual("other", named.name)


class AllNumbersTests(SynchronousTestCase):
    def test_all_numbers(self) -> None:
        """Alone, `json` takes all numbers, each by its path; times and ids are none of them."""
        message = b'{"a": {"b": 1, "id": 7}, "c": true, "x": "y", "l": [5, 6], "ts": 1732000000123}'
        found = tried("sample json", message)
        assert found is not None
        self.assertEqual(
            [("a-b", 1.0), ("c", 1.0), ("l-0", 5.0), ("l-1", 6.0)], [(one.channel, one.value) for one in found.readings]
        )
        self.assertEqual(1732000000.123, found.time)

    def test_beside_fields(self) -> None:
        """With `{*}`, or with fields that are no channels alone, all other numbers are taken, too."""
        message = b'{"dev": "d", "t": 1, "u": 2}'
        self.assertEqual([("d", "t", 1.0, ""), ("d", "u", 2.0, "")], readings("sample json {name=dev}", message))
        self.assertEqual([("temp", 1.0, "°C"), ("u", 2.0, "")], readings("sample json {temp=t °C} {*}", message))
        self.assertIsNone(readings("sample json", b'{"a": "x"}'))
        self.assertIsNone(readings("sample json", b"5"))


class HostileTests(SynchronousTestCase):
    def test_no_json(self) -> None:
        """What is no JSON, or too much of it, is no such message; nothing is raised."""
        for message in (
            b"",
            b"x",
            b'{"a": 1',
            b"{" * 4000,
            b"[" * 4000,
            b'{"a":' * 1000,
            b'{"a": 1e999}',
            b'{"a": ' + b"9" * 4000 + b"}",
        ):
            self.assertIn(readings("sample json {a}", message), (None, []), message[:20])

    def test_repeated_members(self) -> None:
        """Of repeated members the last one counts."""
        self.assertEqual([("a", 2.0, "")], readings("sample json {a}", b'{"a": 1, "a": 2}'))

    def test_numbers_that_are_none(self) -> None:
        """NaN and infinities, as Python's json writes them, are no samples."""
        self.assertEqual([("b", 1.0, "")], readings("sample json", b'{"a": NaN, "b": 1, "c": -Infinity}'))
        self.assertEqual([("b", 1.0, "")], readings("sample json {a} {b}", b'{"a": NaN, "b": 1}'))

    def test_bytes_that_are_no_text(self) -> None:
        """A message of another encoding is read as that; a broken character is shown as one."""
        self.assertEqual({"a": "é"}, values("event json {a}", '{"a": "é"}'.encode("latin-1"), "latin-1"))
        self.assertEqual({"a": "x\ufffd"}, values("event json {a}", b'{"a": "x\xff"}'))

    @given(JSON)
    def test_any_json(self, value: object) -> None:
        """Whatever JSON a peer sends, the rules have an answer."""
        rules = RuleSet(parse_rules("sample json {a} {b=x.0} {name}\nsample json\nevent json\nignore {*}"))
        found = rules.match(json.dumps(value).encode())
        self.assertIsNotNone(found)


class MistakeTests(SynchronousTestCase):
    def test_mistakes(self) -> None:
        """Each mistake says what to write."""
        for rule, said in {
            "sample json {}": "{}: a field of json names a member, or its path: {temp=sensors.t}; {*} takes all numbers",
            "sample json {a:4}": "{a:4}: a field of json has no width",
            "sample json {a:hemi}": "{a:hemi}: json has no hemi",
            "sample json {a} {a=b}": "{a} is there twice; give one of them another name",
            "sample json =x {a}": "=x names no member; write MEMBER=VALUE, or MEMBER for one that must be there",
        }.items():
            self.assertEqual(f"0: {said}", mistake(rule))

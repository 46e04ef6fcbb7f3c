"""Patterns of messages that consist of pieces."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.matching import mistake, readings, tried, values


class EachTests(SynchronousTestCase):
    def test_pieces(self) -> None:
        """Pieces come in any number. Others are passed over, but one must match."""
        rule = r"sample each \t {channel}:{value}"
        self.assertEqual([("a", 1.0, ""), ("b", 2.0, "")], readings(rule, b"a:1\tfoo\tb:2\t\tc:nan\t"))
        self.assertIsNone(readings(rule, b"foo\tbar"))
        self.assertIsNone(readings(rule, b"\t\t"))

    def test_units_glued_behind(self) -> None:
        """A width passes over the letter of a unit."""
        self.assertEqual(
            [("Ta", 21.5, ""), ("Ua", 60.0, "")], readings("sample each , {channel}={value}{:1}", b"0R0,Ta=21.5C,Ua=60P")
        )

    def test_blanks(self) -> None:
        """`space` is any blanks."""
        self.assertEqual([("a", 1.0, ""), ("b", 2.0, "")], readings("sample each space {channel}={value}", b" a=1 \t b=2\r\n"))

    def test_nested(self) -> None:
        """A piece may consist of pieces."""
        self.assertEqual([("a", 1.0, ""), ("b", 2.0, "")], readings("sample each ; each , {channel}={value}", b"a=1,x;y,b=2"))

    def test_names_and_times_of_pieces(self) -> None:
        """A piece may say whose it is, and when."""
        found = tried("sample each ; {name},{temp},{time}", b"a,1,1732000000;b,2,1732000001")
        assert found is not None
        self.assertEqual(
            [("a", "temp", 1.0, 1732000000.0), ("b", "temp", 2.0, 1732000001.0)],
            [(one.name, one.channel, one.value, one.time) for one in found.readings],
        )
        self.assertEqual((1732000001.0, "b"), (found.time, found.name))

    def test_around_the_pieces(self) -> None:
        """The name before the pieces and the time behind them are those of all, unless a piece has its own."""
        rule = "sample {name} {*} {time} each , {channel}={value}"
        found = tried(rule, b"weather,at=us temp=82,hum=71 1465839830100400200")
        assert found is not None
        self.assertEqual(
            [("weather,at=us", "temp", 82.0), ("weather,at=us", "hum", 71.0)],
            [(one.name, one.channel, one.value) for one in found.readings],
        )
        self.assertEqual({1465839830.1004002}, {one.time for one in found.readings})
        self.assertIsNone(tried(rule, b"weather temp 1465839830100400200"))
        self.assertIsNone(tried(rule, b"weather"))
        own = tried("sample {name}: {n} {*} each ; {name}={temp}@{time}", b"hub: 2 a=1@5;b=2@6")
        assert own is not None
        self.assertEqual(
            [("hub", "n", None), ("a", "temp", 5.0), ("b", "temp", 6.0)],
            [(one.name, one.channel, one.time) for one in own.readings],
        )

    def test_events(self) -> None:
        """In an event, a channel and its value are a member, and what several pieces have is a list."""
        self.assertEqual({"a": "1", "b": "2"}, values("event each , {channel}={value}", b"a=1,b=2"))
        self.assertEqual({"a": ["1", "2", "3"]}, values("event each , {channel}={value}", b"a=1,a=2,a=3"))
        self.assertEqual({"tag": ["x", "y"]}, values("event each , {tag}", b"x,y"))
        self.assertEqual({"tag": "x"}, values("event each , {tag}", b"x"))

    def test_mistakes(self) -> None:
        """Each mistake says what to write."""
        syntax = "each: write what separates the pieces, and what a piece is: each , {channel}={value} (or space)"
        for rule, said in {
            "sample each": syntax,
            "sample each ,": syntax,
            "sample each , json {a}": "each: a piece is text with fields, or each again; nothing else",
            "sample {*};{*} each , {a}": "each: the pieces are one {*} of {*};{*}, and it has 2",
            "sample each , {channel}": "sample: no field is a channel; write {temp}, or {channel} and {value}",
        }.items():
            self.assertEqual(f"0: {said}", mistake(rule))

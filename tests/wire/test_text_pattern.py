"""Patterns that are text with fields."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.matching import mistake, readings, tried, values


class WholeTests(SynchronousTestCase):
    def test_whole_message(self) -> None:
        """A message with more or less in it than the pattern has is another message."""
        self.assertEqual([("temp", 21.5, "°C"), ("hum", 40.0, "%")], readings("sample T={temp °C};H={hum %}", b"T=21.5;H=40"))
        for message in (b"T=21.5;H=40;P=3", b"xT=21.5;H=40", b"T=21.5", b"t=21.5;h=40", b""):
            self.assertIsNone(readings("sample T={temp °C};H={hum %}", message))

    def test_blanks(self) -> None:
        """A blank of a pattern is one blank or more, tabs too; those at the ends are free, and so are those around a number."""
        for message in (b"T = 21.5 C", b"  T  =  21.5\tC\r\n", b"\nT =21.5 C\0\0"):
            self.assertEqual([("temp", 21.5, "")], readings("sample T ={temp} C", message), message)
        self.assertIsNone(readings("sample T ={temp} C", b"T=21.5 C"))

    def test_buffers_of_c(self) -> None:
        """The zeros that fill up a buffer of C are no part of the text in it."""
        self.assertEqual({"name": "robo 7"}, values("event HELLO {name}", b"HELLO robo 7\0\0\0"))
        self.assertEqual({"name": "robo7"}, values("event HELLO {name} {*}", b"HELLO robo7 \0\0\0"))

    def test_tabs_that_separate(self) -> None:
        """Where the pattern writes a tab, two tabs have an empty cell between them."""
        self.assertEqual([("b", 2.0, "")], readings("sample {a}\\t{b}", b"\t2"))
        self.assertEqual([("a", 1.0, "")], readings("sample {a}\\t{b}", b"1\t"))
        self.assertEqual([("a", 1.0, ""), ("c", 3.0, "")], readings("sample {a}\\t{b}\\t{c}", b" 1 \t\t3"))

    def test_texts_end_where_the_next_begins(self) -> None:
        """A text is what stands before that which follows it, and nothing is tried again further on."""
        self.assertEqual({"a": "x y", "b": "z,w"}, values("event {a},{b}", b"x y,z,w"))
        self.assertEqual(
            {"text": "hello big world", "who": "bob"}, values("event say {text} to {who}", b"say hello big world to bob")
        )
        self.assertEqual({"text": "hello", "who": "bob"}, values("event say {text} to {who}", b"say hello    to   bob"))
        self.assertEqual({"a": "x", "b": "y=>z"}, values("event {a}=>{b}", b"x=>y=>z"))
        self.assertEqual({"a": "x", "b": "y z"}, values("event {a} {b}", b" x  y z "))
        self.assertEqual({"a": "", "b": ""}, values("event {a},{b}", b","))

    def test_words(self) -> None:
        """A word has no blank in it, and a name is never empty."""
        self.assertEqual({"a": "x", "b": "y"}, values("event {a:word},{b:word}", b"x,y"))
        self.assertIsNone(values("event {a:word},{b:word}", b"x z,y"))
        self.assertIsNone(values("event {a:word}", b"x z"))
        self.assertIsNone(values("name hello {name}", b"hello "))
        self.assertIsNone(values("name {name},x", b",x"))
        self.assertIsNone(values("name {name}--x", b"--x"))
        self.assertIsNone(values("name {name} x", b" x"))

    def test_skipped(self) -> None:
        """`{}` passes over one part, and `{*}` over whatever fits."""
        self.assertEqual([("c", 3.0, "")], readings("sample {},{},{c},{*}", b"a,b,3,d,e,f"))
        self.assertEqual([("t", 5.0, "")], readings("sample {*} T={t}", b"T=1 T=x T= 5"))
        self.assertEqual([("t", 5.0, "")], readings("sample {*};T={t};{*}", b"a;T=x;T=5;b;T=6;c"))
        self.assertEqual({"all": "a,b=1"}, values("event {all:rest}=2", b"a,b=1=2"))

    def test_columns(self) -> None:
        """Fields of a width stand side by side; the last may be short. A column that is no number is no message of the kind."""
        self.assertEqual([("a", 21.5, ""), ("b", 40.1, "")], readings("sample {a:7}{b:7}", b"  21.5   40.1"))
        self.assertEqual([("a", 21.5, "")], readings("sample {a:7}{b:7}", b"  21.5       "))
        self.assertIsNone(readings("sample {a:7}{b:7}", b"  21.5     x  "))
        self.assertEqual({"id": 0x1F, "x": 0x0A}, values("event {id:hex:2}{x:hex:2}", b"1F0A"))
        self.assertEqual([("t", 2.0, "")], readings("sample {:3}{t}", b"abc2"))

    def test_unit_of_the_message(self) -> None:
        """A unit belongs to the numbers before it, or to all where it comes first."""
        self.assertEqual([("weight", 12.3, "kg")], readings("sample ST,GS,{weight}{unit}", b"ST,GS,+ 12.30kg"))
        self.assertEqual([("a", 1.0, "V"), ("b", 2.0, "A")], readings("sample {a}{unit} {b}{unit}", b"1V 2A"))
        self.assertEqual([("a", 1.0, "V"), ("b", 2.0, "V")], readings("sample {unit}:{a}:{b}", b"V:1:2"))

    def test_name_channel_and_time(self) -> None:
        """A gateway says whose value it is, of what, and when."""
        found = tried("sample {name}/{channel} {value} {time}", b"cellar/temp 12.5 1732000000")
        assert found is not None
        self.assertEqual([("cellar", "temp", 12.5, "", 1732000000.0, False)], [tuple(one) for one in found.readings])
        self.assertEqual(1732000000.0, found.time)
        self.assertEqual("cellar", found.name)

    def test_dots_between_numbers(self) -> None:
        """A dot that the pattern writes is no decimal point."""
        self.assertEqual([("a", 12.0, ""), ("b", 30.0, "")], readings("sample {a}.{b}", b"12.30"))

    def test_bytes_that_are_no_text(self) -> None:
        """A pattern can name any byte; a value shows U+FFFD in place of what is no character."""
        self.assertEqual({"a": "x\ufffdy"}, values(r"event \xff{a}\xfe", b"\xffx\x80y\xfe"))
        self.assertEqual({"a": "é"}, values(r"event \xc3\xa9={a}", "é=é"))
        self.assertEqual({"a": "é"}, values(r"event \xe9={a}", b"\xe9=\xe9", "latin-1"))
        self.assertEqual([("t", 1.0, "")], readings("sample {t} °C", "1 °C", "cp1252"))


class MistakeTests(SynchronousTestCase):
    def test_mistakes(self) -> None:
        """Each mistake says what to write."""
        for rule, said in {
            "sample {a}{b}": "{a} and {b} stand side by side; write what is between them, or give the first a width: {a:4}",
            "event {a}{b}": "{a} and {b} stand side by side; write what is between them, or give the first a width: {a:4}",
            "sample {*}{b}": "{*} and {b} stand side by side; write what is between them, or give the first a width: {*:4}",
            "sample {a=b.c}": "{a=b.c}: only json and struct have a = in a field; write {a}",
            "sample {a},{a}": "{a} is there twice; give one of them another name",
            "sample {a},{lat:hemi}": "{lat:hemi}: N, S, E or W stands behind its number; write {lat:dm} before it",
            "sample {a": "a { has no }; write \\{ for a brace of the message",
            "sample {a} }": "a } has no {; write \\} for a brace of the message",
            "sample {a}\\q": r"\q is no escape; there are \n \r \t \0 \xHH (two hexadecimal digits) \\ \{ \}",
        }.items():
            self.assertEqual(f"0: {said}", mistake(rule))

"""What netd says to the peer of a wire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.template import CannotPack, parse_template


class TemplateTests(SynchronousTestCase):
    def test_texts(self) -> None:
        """Fields are filled in, escapes are bytes, and a field without a value is empty."""
        template = parse_template(r"\x01{name}: {text}\t\{ok\}{missing}\r\n")
        self.assertEqual(("name", "text", "missing"), template.fields)
        self.assertEqual(b"\x01joe: hi\t{ok}\r\n", template.render({"name": "joe", "text": "hi"}))

    def test_values(self) -> None:
        """A number, a truth, a list and an object are said as people would write them."""
        for value, said in ((21.5, b"21.5"), (21.0, b"21"), (1e300, b"1e+300"), (True, b"true"), (None, b""), (7, b"7"),
                            (["a", "b"], b"a,b"), ([1, 2], b"[1,2]"), ({"a": 1}, b'{"a":1}'), ("é", "é".encode())):  # fmt: skip
            self.assertEqual(said, parse_template("{x}").render({"x": value}))

    def test_encodings(self) -> None:
        """Literals and values are in the section's encoding; what it lacks becomes a question mark in a value."""
        template = parse_template("°{x}").encoded("latin-1")
        self.assertEqual(b"\xb0\xe9?", template.render({"x": "é€"}))
        self.assertIs(template, template.encoded("latin-1"))
        self.assertRaises(ValueError, parse_template, "€", "latin-1")

    def test_packed(self) -> None:
        """Numbers become bytes, the first one first unless `<` says otherwise."""
        self.assertEqual(b"\x01\x02", parse_template("{x:H}").render({"x": "258"}))
        self.assertEqual(b"\x02\x01", parse_template("{x:<H}").render({"x": 258}))
        self.assertEqual(b"?\x80\0\0", parse_template("{x:f}").render({"x": "1"}))
        for value in ("x", None, 70000, -1, [1], float("nan"), float("inf")):
            self.assertRaises(CannotPack, parse_template("{x:H}").render, {"x": value})
        error = self.assertRaises(CannotPack, parse_template("{x:H}").render, {"x": 70000})
        self.assertEqual("{x:H} cannot hold 70000", str(error))

    def test_sums(self) -> None:
        """A check is over what stands before it, from the byte that it names."""
        self.assertEqual(bytes.fromhex("010300000001840a"), parse_template(r"\x01\x03\0\0\0\x01{modbus}").render({}))
        self.assertEqual(
            bytes.fromhex("787805010001d9dc0d0a"),
            parse_template(r"xx\x05\x01{n:H}{x25:2}\r\n").render({"n": 1}),
        )
        self.assertEqual(b"AB\x03", parse_template("AB{xor}").render({}))

    def test_mistakes(self) -> None:
        """Each mistake says what to write."""
        for text, said in {
            "{x": "a { has no }; write \\{ for a brace of the message",
            '{"ok": true}': '{"ok": true} is no field; write {name}, or \\{ and \\} for the braces of JSON',
            "{}": "{} is no field; write {name}, or \\{ and \\} for the braces of JSON",
            "{x:Z}": "{x:Z}: no format Z; there are b B h H i I q Q f d, as in struct, and < before it for the least byte first",
            "{x25:a}": "{x25:a}: a number follows x25, of the first byte that counts: {x25:2}",
            r"\y": r"\y is no escape; there are \n \r \t \0 \xHH (two hexadecimal digits) \\ \{ \}",
        }.items():
            self.assertEqual(said, str(self.assertRaises(ValueError, parse_template, text)))


class CutTests(SynchronousTestCase):
    def test_no_lines_in_anothers_name(self) -> None:
        """A peer's text ends where a message would end."""
        template = parse_template("{name}: {text}!")
        said = template.render({"name": "joe", "text": "hi\r\nbob: I give up"}, (b"\n", b"\r"))
        self.assertEqual(b"joe: hi!", said)

    def test_marks_of_several_bytes(self) -> None:
        """A mark is not put together of two texts, nor of a text and what stands beside it."""
        cuts = (b"<EOF>",)
        self.assertEqual(b"<EOFF>q", parse_template("<E{a}F>{b}").render({"a": "OF> x <EO", "b": "q<EOF>z"}, cuts))
        self.assertEqual(b"OF>", parse_template("{a}{b}").render({"a": "<E", "b": "OF>"}, cuts))
        self.assertEqual(b"-OF>", parse_template("-{a}{b}").render({"a": "<E<", "b": "OF>"}, cuts))  # what begins it, twice
        self.assertEqual(b"x<EOF>", parse_template("{a}<EOF>").render({"a": "x<EO"}, cuts))

    @given(st.lists(st.text("<EOF>x", max_size=6), min_size=3, max_size=3), st.sampled_from((b"<EOF>", b"\n", b"EE", b"<<E")))
    def test_never_a_mark(self, texts: list[str], cut: bytes) -> None:
        """Whatever peers say, what netd says of it holds no end of a message."""
        said = parse_template("{a}-{b}{c}F>").render(dict(zip("abc", texts, strict=True)), (cut,))
        self.assertNotIn(cut, said)

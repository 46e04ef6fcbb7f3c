"""The INI dialect, read line by line; configparser is the oracle for what both can read."""

from __future__ import annotations

import configparser

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.config import ini

LINES = st.sampled_from(
    [
        "[a]",
        "[b:c]",
        "  [d]",
        "x = 1",
        "y=2 ; why",
        "z =",
        " indented = 3",
        "    deeper",
        "    deeper = too ; and why",
        "; comment",
        "  # comment",
        "",
        "   ",
        "u = a;b #c",
        "v = = ; ;",
        "\tw\t=\ttab\t;\tcomment",
    ]
)


def sections(text: str) -> dict[str, dict[str, str]]:
    """What *text* says, without its lines."""
    blocks, _ = ini.read(text)
    return {block.name: {entry.name: entry.text for entry in block.entries} for block in blocks}


def mistakes(text: str) -> list[tuple[int, str, str]]:
    """The lines of *text* that cannot be read."""
    return [(mistake.line, mistake.section, mistake.problem) for mistake in ini.read(text)[1]]


class ReadTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """Sections and options know the lines that they stand on, so that messages can name them."""
        blocks, found = ini.read("; head\n[relay]\n\nlisten = tcp:1\n\n[relay:lab2]\nlisten=tcp:2\nsize = 1\n")
        self.assertEqual(found, ())
        self.assertEqual(
            blocks,
            (
                ini.IniBlock("relay", 2, (ini.IniEntry("listen", "tcp:1", 4, "tcp:1", (4,)),)),
                ini.IniBlock(
                    "relay:lab2", 6, (ini.IniEntry("listen", "tcp:2", 7, "tcp:2", (7,)), ini.IniEntry("size", "1", 8, "1", (8,)))
                ),
            ),
        )

    def test_values_over_several_lines(self) -> None:
        """Indented lines go on with the value above; comments and blank lines between them do no harm."""
        text = "[a]\nx = 1\n   2 ; two\n ; three\n\n  4\ny = 5\n"
        self.assertEqual(sections(text), {"a": {"x": "1\n2\n\n4", "y": "5"}})

    def test_lines_of_values(self) -> None:
        """Each line of a value knows its number, past comments; what stands behind a semicolon is kept for those that need it."""
        blocks, _ = ini.read("[a]\nrules = ; in order\n\n  sample A ; {b}\n ; comment\n  ignore x ; y\n\ny = ;z ; w\n")
        entry, other = blocks[0].entries
        self.assertEqual((entry.text, entry.verbatim), ("sample A\nignore x", "sample A ; {b}\nignore x ; y"))
        self.assertEqual((entry.line, entry.lines), (2, (4, 6)))
        self.assertEqual((other.text, other.verbatim, other.lines), ("", "", ()))

    def test_comments(self) -> None:
        """A semicolon after a space begins a comment; without the space, and a hash anywhere, it belongs to the value."""
        text = "[a] ; section\nx = 1;2 #3 ;4\n# y = 5\n  ; z = 6\nempty = ; nothing\n"
        self.assertEqual(sections(text), {"a": {"x": "1;2 #3", "empty": ""}})

    def test_line_ends_and_mark(self) -> None:
        """Files from Windows and from old Macs, with or without a byte order mark, read the same."""
        for text in ("\ufeff[a]\r\nx = 1\r\n", "[a]\rx = 1\r", "[a]\nx = 1"):
            self.assertEqual(ini.read(text), ((ini.IniBlock("a", 1, (ini.IniEntry("x", "1", 2, "1", (2,)),)),), ()))

    def test_repeated(self) -> None:
        """Sections and options that are written twice are all handed on: what to say of them is not decided here."""
        blocks, found = ini.read("[a]\nx=1\nx=2\n[a]\nx=3\n")
        self.assertEqual([(block.line, [entry.line for entry in block.entries]) for block in blocks], [(1, [2, 3]), (4, [5])])
        self.assertEqual(found, ())

    @given(st.lists(LINES, max_size=12))
    def test_like_configparser(self, lines: list[str]) -> None:
        """Whatever configparser can read means the same here."""
        text = "\n".join(lines)
        parser = configparser.RawConfigParser(
            delimiters=("=",), inline_comment_prefixes=(";",), default_section="\n", interpolation=None
        )
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            parser.read_string(text)
        except configparser.Error:
            return
        expected = {name: {key: value.strip() for key, value in parser.items(name)} for name in parser.sections()}
        self.assertEqual(sections(text), expected)

    @given(st.text(alphabet=st.sampled_from("[]=;# \t\n\r\x00\udc80a:\\\ufeff\x85"), max_size=60))
    def test_any_text(self, text: str) -> None:
        """Any text at all is read, and every mistake is on a line of it."""
        blocks, found = ini.read(text)
        last = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        lines = [block.line for block in blocks] + [mistake.line for mistake in found]
        self.assertTrue(all(1 <= line <= last for line in lines))


class MistakeTests(SynchronousTestCase):
    def test_neither_section_nor_option(self) -> None:
        """A line without an equals sign is named with its section, and the colon habit of other programs is recognised."""
        self.assertEqual(
            mistakes("[a]\nfoo\nlisten: tcp:1\n  tcp:2\nx = 1\n"),
            [
                (2, "a", "neither [section] nor option = value; write option = value"),
                (3, "a", "neither [section] nor option = value; write = in place of the :"),
            ],
        )

    def test_the_line_itself_is_not_shown(self) -> None:
        """A password on a line that cannot be read does not reach the log."""
        self.assertNotIn("hunter2", repr(mistakes("[a]\npassword: hunter2\npassword hunter2\n= hunter2\n")))

    def test_option_without_name(self) -> None:
        """A line that begins with its equals sign lacks the name."""
        self.assertEqual(mistakes("[a]\n= 1\n"), [(2, "a", "the option's name is missing before the =")])

    def test_option_before_any_section(self) -> None:
        """Options above the first section are one mistake, not one each, and belong to no section."""
        expected = [(1, "", "an option stands before the first [section]; write its section above it")]
        self.assertEqual(mistakes("x = 1\ny = 2\n[a]\nz = 3\n"), expected)
        self.assertEqual(sections("x = 1\ny = 2\n[a]\nz = 3\n"), {"a": {"z": "3"}})

    def test_broken_header(self) -> None:
        """A section header without its bracket takes its options with it: they do not slip into the section above."""
        text = "[a]\nx = 1\n[b\ny = 2\n[]\nz = 3\n"
        problem = "a section is written [name], with a closing bracket"
        self.assertEqual(mistakes(text), [(3, "", problem), (5, "", problem)])
        self.assertEqual(sections(text), {"a": {"x": "1"}})

    def test_text_after_a_header(self) -> None:
        """An option on its section's line is a mistake; the section is read all the same."""
        text = "[a] x = 1\ny = 2\n"
        problem = "something follows the section's closing bracket; give it a line of its own"
        self.assertEqual(mistakes(text), [(1, "a", problem)])
        self.assertEqual(sections(text), {"a": {"y": "2"}})

    def test_not_utf_8(self) -> None:
        """A line in another encoding is named with its column; the lines around it are read."""
        text = b"[a]\nx = caf\xe9\n   more\ny = 1\n".decode("utf-8", "surrogateescape")
        self.assertEqual(mistakes(text), [(2, "a", "not UTF-8 in column 8 (byte 0xe9); save the file as UTF-8")])
        self.assertEqual(sections(text), {"a": {"y": "1"}})

    def test_control_characters(self) -> None:
        """A NUL byte is named with its column, in a value, in the lines below it and in a header."""
        text = "[a]\nx = 1\n  \x002\n[\x00b]\ny = 1\n"
        self.assertEqual(
            mistakes(text),
            [
                (3, "a", "control character U+0000 in column 3; take it out"),
                (4, "a", "control character U+0000 in column 2; take it out"),
            ],
        )
        self.assertEqual(sections(text), {"a": {"x": "1"}})

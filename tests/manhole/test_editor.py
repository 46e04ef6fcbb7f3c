"""Tests of ``netd.manhole.editor``: keys that take something back, move about, and bring lines back."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.lines import LineTooLong
from netd.manhole.editor import LONGEST_KEY, MOST_PAST, LineEditor

UP, DOWN, RIGHT, LEFT = b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D"
HOME, END, DELETE = b"\x1b[H", b"\x1b[F", b"\x1b[3~"


def lines(*typed: bytes) -> list[bytes]:
    """The lines that come of all that."""
    editor = LineEditor(1000)
    return [line for piece in typed for line in editor.feed(piece)]


class LineEditorTests(SynchronousTestCase):
    def test_plain(self) -> None:
        """Whole lines are what they are, however they arrive."""
        self.assertEqual(lines(b"one\ntw", b"o\n\nthree"), [b"one", b"two", b""])

    def test_backspace(self) -> None:
        """Backspace takes the last character back, whichever code it has; a character is one, however many bytes it takes."""
        for key in (b"\x7f", b"\x08"):
            self.assertEqual(lines(b"adx" + key + b"a\n"), [b"ada"])
            self.assertEqual(lines(key + b"a" + key * 3 + b"b\n"), [b"b"])
            self.assertEqual(lines("caféé€".encode() + key * 2 + b"\n"), ["café".encode()])

    def test_keys(self) -> None:
        """What each key does."""
        for typed, line in (
            (b"ac" + LEFT + b"b\n", b"abc"),
            (b"ac" + LEFT + b"b" + RIGHT + b"d\n", b"abcd"),
            (b"\x1bOD\x1bOCa\n", b"a"),
            ("é".encode() + LEFT + b"a" + RIGHT + b"b\n", "aéb".encode()),
            (b"bc" + HOME + b"a" + END + b"d\n", b"abcd"),
            (b"bc\x01a\x05d\n", b"abcd"),
            (b"bc\x1b[1~a\x1b[4~d\n", b"abcd"),
            (b"axbc" + LEFT * 3 + DELETE + b"\n", b"abc"),
            (DELETE + b"a\n", b"a"),
            (b"send lamp on  \x17off\n", b"send lamp off"),
            (b"wrong\x15right\n", b"right"),
            (b"abc" + LEFT * 2 + b"\x0b\n", b"a"),
            (b"a\x1b[1;5Db\x1b[15~c\x1bOPd\x1bxe\x1b[Zf\n", b"abcdef"),
            (b"a\x1b\nb\n", b"a"),
        ):
            self.assertEqual(lines(typed)[0], line, typed)

    def test_past(self) -> None:
        """The arrow keys bring back what was typed before, and what was being typed; no line twice in a row, and no empty one."""
        before = b"one\ntwo\ntwo\n\n"
        self.assertEqual(lines(before + UP + b"\n")[-1], b"two")
        self.assertEqual(lines(before + UP * 2 + b"!\n")[-1], b"one!")
        self.assertEqual(lines(before + UP * 9 + DOWN + b"\n")[-1], b"two")
        self.assertEqual(lines(before + b"dra" + UP * 2 + DOWN * 5 + b"ft\n")[-1], b"draft")
        self.assertEqual(lines(DOWN + UP + b"a\n"), [b"a"])

    def test_past_is_bounded(self) -> None:
        """Only so many lines come back."""
        many = b"".join(b"%d\n" % number for number in range(3 * MOST_PAST))
        self.assertEqual(lines(many + UP * 4 * MOST_PAST + b"\n")[-1], b"%d" % (2 * MOST_PAST))

    def test_secrets_do_not_come_back(self) -> None:
        """A password is not what the arrow brings, neither afterwards nor is anything brought in its place."""
        editor = LineEditor(1000)
        editor.feed(b"name\n")
        editor.is_secret = True
        self.assertEqual(editor.feed(UP + b"secxx\x7f\x7fret\n"), [b"secret"])
        editor.is_secret = False
        self.assertEqual(editor.feed(UP + b"\n"), [b"name"])

    def test_what_is_to_be_shown_anew(self) -> None:
        """Text at the end is what the terminal shows already; after a key it may show something else."""
        editor = LineEditor(1000)
        for typed, is_changed in ((b"ab", False), (LEFT, True), (b"x", True), (RIGHT, True), (b"c", False), (b"\x7f\n", False)):
            editor.feed(typed)
            self.assertEqual(editor.is_changed, is_changed, typed)
        editor.feed(b"abc" + LEFT)
        self.assertEqual(editor.line, (b"ab", b"c"))

    def test_limit(self) -> None:
        """A line is as long as it may be, and no longer, whatever keys there are in it."""
        editor = LineEditor(10)
        self.assertEqual(editor.feed(b"x" * 10 + b"\n" + b"y" * 5 + LEFT * 3 + b"y" * 5), [b"x" * 10])
        self.assertRaises(LineTooLong, editor.feed, b"y")
        editor.drop()
        self.assertEqual(editor.feed(b"a\n"), [b"a"])

    def test_quick(self) -> None:
        """A read full of keys costs no more than one of text, however long the line is."""
        editor = LineEditor(4096)
        began = time.process_time()
        for key in (b"\x7f", LEFT, b"\x17", UP):
            editor.feed(b"x" * 4000 + key * 20_000 + b"\n")
        self.assertLess(time.process_time() - began, 1.0)

    def test_endless_key(self) -> None:
        """A key that never ends is not collected."""
        editor = LineEditor(1000)
        editor.feed(b"\x1b[")
        with self.assertRaises(LineTooLong):
            for _ in range(1000):
                editor.feed(b"1;")
                self.assertLessEqual(len(editor._begun), LONGEST_KEY)

    @given(st.lists(st.sampled_from([b"a", "é".encode(), b" ", b"\x7f", b"\x17", UP, DOWN, LEFT, RIGHT, HOME, DELETE, b"\n"])))
    def test_every_cut(self, keys: list[bytes]) -> None:
        """However the keys are cut into reads, the lines are the same, and text."""
        typed = b"".join(keys) + b"\n"
        whole = lines(typed)
        self.assertEqual(lines(*(typed[place : place + 1] for place in range(len(typed)))), whole)
        for line in whole:
            line.decode()


class CompletionTests(SynchronousTestCase):
    def editor(self, *words: str) -> LineEditor:
        """An editor that completes these words."""
        return LineEditor(100, lambda before: [word for word in words if word.startswith(before.rpartition(" ")[2])])

    def test_one(self) -> None:
        """What is possible in one way only is completed, in the middle of a line, too."""
        editor = self.editor("relay.send ", "room.say ")
        editor.feed(b"x\x1b[Dre\t")
        self.assertEqual((editor.line, editor.is_changed, editor.choices), ((b"relay.send ", b"x"), True, ()))

    def test_several(self) -> None:
        """What is common is completed first; where there is nothing more in common, the choices are told, for this key alone."""
        editor = self.editor("test.echo ", "test.end ")
        editor.feed(b"t\t")
        self.assertEqual((editor.line, list(editor.choices)), ((b"test.e", b""), []))
        editor.feed(b"\t")
        self.assertEqual(list(editor.choices), ["test.echo ", "test.end "])
        editor.feed(b"x\t")
        self.assertEqual((editor.line, list(editor.choices)), ((b"test.ex", b""), []))

    def test_text(self) -> None:
        """Tab is text where nothing completes it, in the middle of pasted text, and in a password."""
        editor = LineEditor(100)
        self.assertEqual(editor.feed(b"\tx\n"), [b"\tx"])
        editor = self.editor("help ")
        self.assertEqual(editor.feed(b"he\tx\n"), [b"he\tx"])
        editor.is_secret = True
        editor.feed(b"he\t")
        self.assertEqual(editor.line[0], b"he\t")

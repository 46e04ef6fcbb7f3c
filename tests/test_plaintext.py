"""Tests of ``netd.plaintext``: what counts as text, wherever a program or a person chooses a name."""

from __future__ import annotations

import os
import time
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.plaintext import is_shown, is_text, moment, unpadded

NAMES = ("Ada 👩\u200d🚀", "می\u200cروم", "Lars\u00a0Ø", "山田\u3000太郎", "a\ufeffb", "a\u2028b", "\u202eabc", "\ue000", "")
"""Names with joiners, no-break and ideographic spaces, marks, directions and private characters."""


class TextTests(SynchronousTestCase):
    def test_names(self) -> None:
        """A name in any script is text, with all that its script needs between the letters."""
        for name in NAMES:
            self.assertTrue(is_text(name), ascii(name))

    def test_controls(self) -> None:
        """What moves a cursor, rings a bell or stands for a byte that is no text is none."""
        for name in ("a\0b", "a\tb", "a\nb", "\x1b[2J", "\x7f", "\x85", "\x9b1m", "\ud83d", "\udcff"):
            self.assertFalse(is_text(name), ascii(name))

    @given(st.text(st.characters(exclude_categories=())))
    def test_any_text(self, text: str) -> None:
        """Nothing but controls and surrogates is refused."""
        categories = {unicodedata.category(character) for character in text}
        self.assertEqual(is_text(text), categories.isdisjoint({"Cc", "Cs"}))

    def test_shown(self) -> None:
        """A terminal is shown letters, spaces and joiners; what turns the writing direction or breaks lines is not drawn."""
        for character in "aØ温 \u00a0\u3000👩\u200d\u200c":
            self.assertTrue(is_shown(character), ascii(character))
        for character in "\0\t\n\x1b\x9b\u202e\u200e\u2028\ufeff\ud83d\ue000\U000e0001":
            self.assertFalse(is_shown(character), ascii(character))


class MomentTests(SynchronousTestCase):
    def test_utc(self) -> None:
        """A moment is written in UTC, and says so, wherever the machine is."""
        before = os.environ.get("TZ")
        self.addCleanup(time.tzset)
        self.addCleanup(os.environ.__setitem__, "TZ", before) if before else self.addCleanup(os.environ.__delitem__, "TZ")
        os.environ["TZ"] = "Asia/Tokyo"
        time.tzset()
        self.assertEqual(moment(1_700_000_000.9), "2023-11-14 22:13:20 UTC")


TWICE = b"\0 \xef\xbb\xbf\xef\xbb\xbf\0Lars\xef\xbb\xbf\r\n\0"
"""Padding and marks, at both ends."""


class PaddingTests(SynchronousTestCase):
    def test_padding(self) -> None:
        """A field is its text, whatever its buffer was filled up with."""
        for field in (b"Lars", b"Lars\0\0\0", b"  Lars ", b"\0Lars\r\n\0", b"\xef\xbb\xbfLars", b" \xef\xbb\xbf Lars\t", TWICE):
            self.assertEqual(unpadded(field), b"Lars", field)
        self.assertEqual([unpadded(b"\0 \r\n\0"), unpadded(b"\xef\xbb\xbf\0")], [b"", b""])

    def test_inside(self) -> None:
        """What is inside the text stays."""
        self.assertEqual(unpadded(b" La\0\xef\xbb\xbf rs \xef\xbb\xbf "), b"La\0\xef\xbb\xbf rs")

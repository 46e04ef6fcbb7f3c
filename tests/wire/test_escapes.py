"""Tests of ``netd.wire.escapes``: bytes as the configuration writes them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.escapes import unescape


class EscapeTests(SynchronousTestCase):
    def test_escapes(self) -> None:
        """Text is itself; controls, bytes and braces have escapes."""
        self.assertEqual(unescape(r"a\n\r\t\0\x1b\\\{\}§"), b"a\n\r\t\0\x1b\\{}\xc2\xa7")
        self.assertEqual(unescape("§", "latin-1"), b"\xa7")

    def test_mistakes(self) -> None:
        """What is no escape is told, and so is a character that the encoding lacks."""
        for text in ("\\", r"\q", r"\x1", r"\xgg"):
            self.assertRaisesRegex(ValueError, r"is no escape; there are \\n", unescape, text)
        self.assertRaisesRegex(ValueError, "latin-1 has no '€'; write its bytes as", unescape, "5 €", "latin-1")

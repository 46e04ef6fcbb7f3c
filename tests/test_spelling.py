"""Suggestions and quotes in messages."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.spelling import did_you_mean, nearest, none_of, quoted


class SpellingTests(SynchronousTestCase):
    def test_nearest(self) -> None:
        """A slip finds the word that was meant, also in other letter case; a stranger finds none."""
        self.assertEqual(nearest("lisen", ["listen", "speed"]), "listen")
        self.assertEqual(nearest(" LISTEN", ["listen", "speed"]), "listen")
        self.assertIsNone(nearest("zebra", ["listen", "speed"]))
        self.assertIsNone(nearest("zebra", []))

    def test_did_you_mean(self) -> None:
        """The hint is ready to be appended, or nothing."""
        self.assertEqual(did_you_mean("sped", ["listen", "speed"]), " (did you mean speed?)")
        self.assertEqual(did_you_mean("zebra", ["listen"]), "")

    def test_none_of(self) -> None:
        """A mistake names all that would be right, and what was probably meant."""
        self.assertEqual(none_of("sped", ["listen", "speed"]), "'sped' is none of listen, speed (did you mean speed?)")

    def test_quoted(self) -> None:
        """A quote is one line without control characters, and not longer than a line."""
        self.assertEqual(quoted("a\n\x1b[31m"), "'a\\n\\x1b[31m'")
        self.assertEqual(quoted("x" * 80), f"'{'x' * 80}'")
        self.assertEqual(quoted("x" * 81), f"'{'x' * 80}'…")

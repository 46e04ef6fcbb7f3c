"""How endpoints are written: split into arguments, and joined again with other paths."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.config.notation import Notation, escaped, fields_of, is_whole

NOTATION = Notation({"pigeon": ("loft", "ring")}, {"pigeon": ("loft",)})


class NotationTests(SynchronousTestCase):
    def test_arguments(self) -> None:
        """Arguments are known by their places or by their names; backslashes keep what is special."""
        for description, arguments in (
            ("pigeon:a:b", {"loft": "a", "ring": "b"}),
            ("pigeon:ring=b:loft=a", {"loft": "a", "ring": "b"}),
            (r"pigeon:a\:1:ring=x\=y", {"loft": "a:1", "ring": "x=y"}),
            ("pigeon", {}),
        ):
            self.assertEqual(NOTATION.arguments(description), ("pigeon", arguments))
        self.assertEqual(NOTATION.arguments("dove:a:b"), ("dove", {}))

    def test_mistakes(self) -> None:
        """What is too much, unknown or given twice is named."""
        for description, problem in (
            ("pigeon:a:b:c", "too many arguments; pigeon takes loft, ring"),
            ("pigeon:rng=b", "unknown argument 'rng' (did you mean ring?); pigeon takes loft, ring"),
            ("pigeon:a:loft=b", "loft is given twice"),
        ):
            self.assertEqual(str(self.assertRaises(ValueError, NOTATION.arguments, description)), problem)
        self.assertEqual([is_whole("a\\"), is_whole("a\\\\")], [False, True])

    def test_located(self) -> None:
        """A relative path is put into a directory, in whichever way it is given; all else stays as it is written."""
        for description, located in (
            ("pigeon:a:b", "pigeon:/etc/a:b"),
            ("pigeon:ring=b:loft=a", "pigeon:ring=b:loft=/etc/a"),
            ("pigeon:/a:b", "pigeon:/a:b"),
            ("pigeon::b", "pigeon::b"),
            ("pigeon:a:b:c", "pigeon:a:b:c"),
            ("pigeon:a\\", "pigeon:a\\"),
            ("dove:a", "dove:a"),
        ):
            self.assertEqual(NOTATION.located(description, Path("/etc")), located)

    @given(st.text(), st.text())
    def test_escaped(self, loft: str, ring: str) -> None:
        """Whatever is escaped is read as it was."""
        description = f"pigeon:{escaped(loft)}:ring={escaped(ring)}"
        self.assertEqual(NOTATION.arguments(description)[1], {"loft": loft, "ring": ring})
        self.assertEqual(len(fields_of(description)), 3)

"""Tests of :mod:`tests.contract.patterns`: a contract that finds everything alike would be worth nothing."""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.contract.patterns import Holding, Octets, Saying, difference, filled

SAME: tuple[tuple[Any, Any], ...] = (
    ({"a": int, "b": [...]}, {"a": 1, "b": [None]}),
    ({"a": 1.5, "b": "x"}, {"a": 1.5, "b": "x"}),
    (Holding({"a": 1}), [{"a": 2}, {"a": 1}]),
    (re.compile("a+"), "aa"),
    (Saying(("a", "b")), "b and a"),
    (Octets(b"ok"), "b2s="),
    (bool, True),
    (None, None),
)

OTHER: tuple[tuple[Any, Any, str], ...] = (
    ({"a": int}, {"a": True}, r"it\.a is True, and no int"),
    ({"a": 1}, {"a": 1.0}, r"it\.a is 1\.0, not 1"),
    ({"a": 1}, {"a": True}, r"it\.a is True, not 1"),
    ({"a": 1}, {"a": 1, "b": 2}, r"it has the members \['a', 'b'\], not \['a'\]"),
    ({"a": [1, 2]}, {"a": [1, 3]}, r"it\.a\[1\] is 3, not 2"),
    ([1], [1, 2], r"it is \[1, 2\], not \[1\]"),
    (Holding(1), [2, 3], "it has nothing like 1"),
    (Holding(1), 1, "it is no list"),
    (re.compile("a+"), "ab", "it is 'ab', not a\\+"),
    (Saying(("a", "b")), "a", r"it is 'a', without \['b'\]"),
    (Octets(b"ok"), "ok", "it is 'ok', not 'b2s='"),
    (None, 0, "it is 0, not None"),
)


class PatternTests(SynchronousTestCase):
    def test_same(self) -> None:
        """What is as it should be is taken for that."""
        for pattern, value in SAME:
            self.assertIsNone(difference(pattern, value), (pattern, value))

    def test_other(self) -> None:
        """What is not is told, with its place."""
        for pattern, value, told in OTHER:
            self.assertRegex(str(difference(pattern, value)), f"^{told}")

    def test_filled(self) -> None:
        """What is known only when a test runs is put in, however deep it stands."""
        blank = object()
        self.assertEqual(filled({"a": [blank, Holding(blank)], "b": 1}, {blank: 7}), {"a": [7, Holding(7)], "b": 1})

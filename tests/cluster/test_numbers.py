"""Numbers that come once, whatever the network doubles, delays or reorders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.numbers import LASTS, MOST, WIDTH, SeenNumbers


class NumbersTests(SynchronousTestCase):
    @given(st.lists(st.integers(1, WIDTH), max_size=60))
    def test_once(self, numbers: list[int]) -> None:
        """In whichever order numbers come, each is new once."""
        seen, before = SeenNumbers(), set()
        for number in numbers:
            self.assertEqual(number not in before, seen.is_new("A1", number, 0.0), numbers)
            before.add(number)

    def test_far_behind(self) -> None:
        """A number from far behind the newest counts as having come."""
        seen = SeenNumbers()
        self.assertTrue(seen.is_new("A1", 2 * WIDTH, 0.0))
        self.assertTrue(seen.is_new("A1", WIDTH + 1, 0.0))
        self.assertFalse(seen.is_new("A1", WIDTH, 0.0))
        self.assertTrue(seen.is_new("A1", 10 * WIDTH, 0.0))
        self.assertFalse(seen.is_new("A1", 2 * WIDTH, 0.0))

    def test_processes(self) -> None:
        """Each process counts by itself; one that has been silent for five minutes is forgotten."""
        seen = SeenNumbers()
        self.assertEqual([True, True, False], [seen.is_new(epoch, 1, 0.0) for epoch in ("A1", "A2", "A1")])
        self.assertFalse(seen.is_new("A2", 1, LASTS))
        self.assertTrue(seen.is_new("A3", 1, LASTS + 1.0))
        self.assertTrue(seen.is_new("A1", 1, LASTS + 1.0))
        self.assertFalse(seen.is_new("A2", 1, LASTS + 1.0))

    def test_bounded(self) -> None:
        """Made-up processes fill no memory."""
        seen = SeenNumbers()
        for number in range(MOST + 1):
            seen.is_new(f"A{number}", 1, 0.0)
        self.assertTrue(seen.is_new("A0", 1, 0.0))
        self.assertFalse(seen.is_new(f"A{MOST}", 1, 0.0))

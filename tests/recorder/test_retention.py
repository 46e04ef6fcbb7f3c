"""Which parts go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.recorder.part_names import PartName
from netd.recorder.retention import PartOnDisk, Retention, parts_to_drop

NAMES = [PartName("2026-11-26"), PartName("2026-11-27"), PartName("2026-11-27", 1), PartName("2026-11-28")]
PARTS = [PartOnDisk(name, 100) for name in NAMES]
END = 1795824000.0
"""The end of 2026-11-27."""


class RetentionTests(SynchronousTestCase):
    def drop(
        self, keep: float | None = None, keep_size: int | None = None, now: float | None = END, lacking: int = 0
    ) -> list[int]:
        """The indices of the parts that go, where the open one has 50 bytes."""
        dropped = parts_to_drop(PARTS, 50, Retention(keep, keep_size, 0.05), now, lacking)
        return [NAMES.index(name) for name in dropped]

    def test_age(self) -> None:
        """A part goes when all of its day is too old."""
        self.assertEqual([], self.drop(keep=86400))
        self.assertEqual([0], self.drop(keep=86399))
        self.assertEqual([0, 1, 2], self.drop(keep=1, now=END + 2))
        self.assertEqual([], self.drop(now=END + 1e9))

    def test_doubtful_clock(self) -> None:
        """While the clock may be wrong, nothing is too old."""
        self.assertEqual([], self.drop(keep=1, now=None))

    def test_size(self) -> None:
        """The oldest go until all together, with the open one, are small enough."""
        self.assertEqual([], self.drop(keep_size=450))
        self.assertEqual([0], self.drop(keep_size=449))
        self.assertEqual([0, 1], self.drop(keep_size=349))
        self.assertEqual([0, 1, 2, 3], self.drop(keep_size=1))

    def test_room(self) -> None:
        """The oldest go until as much is free as should be, without regard to age and size."""
        self.assertEqual([0, 1], self.drop(lacking=101, now=None))
        self.assertEqual([0, 1, 2, 3], self.drop(lacking=10**9))

    @given(st.integers(0, 600), st.integers(0, 600))
    def test_all_reasons_together(self, keep_size: int, lacking: int) -> None:
        """As many go as the strictest reason asks for, oldest first."""
        found = self.drop(86399, keep_size, lacking=lacking)
        self.assertEqual(max(self.drop(86399), self.drop(None, keep_size), self.drop(lacking=lacking), key=len), found)

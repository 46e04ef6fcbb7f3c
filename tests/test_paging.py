"""Tests of :mod:`netd.paging`: lists by the page."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import InvalidArguments
from netd.paging import MOST_ROWS, ListPager

LIVE = [(name, "streaming", 0, number) for number, name in enumerate(("greenhouse", "cellar", "Roof", "shed"), 1)]
OVER = [("barn", "ended", 1, 9), ("barn", "ended", 1, 8)]


def paged(*items: tuple[str, str, int, int], **wanted: object) -> ListPager[str]:
    """A pager that has taken in *items*."""
    pager: ListPager[str] = ListPager(**wanted)  # type: ignore[arg-type]
    for name, state, group, number in items:
        pager.take(f"{name} {number}", state, lambda name=name: name, group, number)  # type: ignore[misc]
    return pager


class PagerTests(SynchronousTestCase):
    def test_order(self) -> None:
        """Groups one after the other, each in the order of its numbers; or the newest first."""
        rows, after = paged(*OVER, *LIVE).page()
        self.assertEqual((["greenhouse 1", "cellar 2", "Roof 3", "shed 4", "barn 8", "barn 9"], None), (rows, after))
        self.assertEqual(["barn 9", "barn 8"], paged(*OVER, *LIVE, newest=True, limit=2).page()[0])

    def test_pages(self) -> None:
        """Page after page has each row once, though rows come and go in between."""
        for newest in (False, True):
            seen: list[str] = []
            after: str | None = None
            for _ in range(4):
                rows, after = paged(*LIVE, *OVER, newest=newest, limit=2, after=after).page()
                seen += rows
                if after is None:
                    break
            self.assertEqual((6, 6), (len(seen), len(set(seen))))
        _, after = paged(("greenhouse", "streaming", False, 1), ("cellar", "streaming", True, 2), limit=1).page()
        self.assertEqual("0:1:", after)
        _, after = paged(*LIVE, limit=2).page()
        self.assertEqual(["Roof 3", "shed 4"], paged(*LIVE[2:], limit=2, after=after).page()[0])

    def test_same_number(self) -> None:
        """Rows of one number are told apart by their names, which may have any characters."""
        pager: ListPager[str] = ListPager(limit=1)
        for name in ("b", "a:1", "c"):
            pager.take(name, "away", str, 1, 0, name)
        rows, after = pager.page()
        pager = ListPager(after=after)
        for name in ("b", "a:1", "c"):
            pager.take(name, "away", str, 1, 0, name)
        self.assertEqual((["a:1"], ["b", "c"]), (rows, pager.page()[0]))

    def test_counts(self) -> None:
        """Counted is what contains the text, in each state; a state that is chosen does not change that."""
        pager = paged(*LIVE, *OVER, contains=" ar ", state="ended", limit=1)
        self.assertEqual((["barn 8"], {"streaming": 1, "ended": 2}, 2), (pager.page()[0], dict(pager.counts), pager.matching))

    def test_refused(self) -> None:
        """A limit or a place that cannot be is refused, and the message says what can."""
        for limit in (0, MOST_ROWS + 1):
            self.assertRaises(InvalidArguments, ListPager, limit=limit)
        for after in ("", "1", "x:1:", "1:2"):
            error = self.assertRaises(InvalidArguments, ListPager, after=after)
            self.assertIn("`after` of that page", str(error))

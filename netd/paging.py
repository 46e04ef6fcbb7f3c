"""Lists by the page: the rows that match, how many there are in each state, and where the next page begins.

A list of a thousand sessions is 600 kB of JSON. Only the rows of the page are described, so that it costs what is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from netd.errors import InvalidArguments

__all__ = ["LIMIT", "MOST_ROWS", "ListPager"]

LIMIT = 100
"""Rows of a page, unless the caller names a number."""

MOST_ROWS = 1000
"""Rows of a page, at most."""

KEPT = 4
"""Pages of rows that are kept before all but one page are dropped: sorting a hundred thousand rows for each page takes 0.2 s."""

Row = TypeVar("Row")
Order = tuple[int, int, str]


class ListPager(Generic[Row]):
    """Takes one item after the other, and keeps those of one page.

    :param contains: a text that the words of an item must contain, in any case; "" for all.
    :param state: the state that an item must have; None for any.
    :param newest: whether the newest items come first.
    :param after: the end of the page before, as :meth:`page` gave it; None for the first page.
    :ivar counts: number of items that contain the text, by state.
    :ivar matching: number of those that have the wanted state, on all pages.
    :raises InvalidArguments: if *limit* or *after* is not acceptable.
    """

    def __init__(
        self, contains: str = "", state: str | None = None, newest: bool = False, limit: int = LIMIT, after: str | None = None
    ) -> None:
        if not 1 <= limit <= MOST_ROWS:
            raise InvalidArguments(f"limit: {limit} is not between 1 and {MOST_ROWS}")
        self._contains = contains.strip().casefold()
        self._state = state
        self._newest = newest
        self._limit = limit
        self._after = None if after is None else _order_in(after)
        self._found: list[tuple[Order, Row]] = []
        self._behind = 0
        self._bound: Order | None = None
        self.counts: Counter[str] = Counter()
        self.matching = 0

    def take(self, row: Row, state: str, words: Callable[[], str], group: int, number: int, name: str = "") -> None:
        """Take in *row*.

        :param words: returns the words that are searched.
        :param group: rows of a smaller one come first, unless the newest do.
        :param number: grows from each item to the next; *name* tells items apart that have the same.
        """
        if self._contains and self._contains not in words().casefold():
            return
        self.counts[state] += 1
        if self._state is not None and state != self._state:
            return
        self.matching += 1
        order = (0, -number, name) if self._newest else (int(group), number, name)  # a bool would be written as such
        if self._after is not None and order <= self._after:
            return
        self._behind += 1
        if self._bound is None or order < self._bound:
            self._found.append((order, row))
            if len(self._found) > KEPT * self._limit:
                self._prune()

    def page(self) -> tuple[list[Row], str | None]:
        """Return the rows, and where the next page begins; None if there is no further one."""
        self._prune()
        rows = self._found
        is_last = len(rows) == self._behind
        return [row for _, row in rows], None if is_last else ":".join(map(str, rows[-1][0]))

    def _prune(self) -> None:
        """Keep the rows of the page, as far as they are known, and take none behind them from now on."""
        self._found.sort(key=_order)
        del self._found[self._limit :]
        if len(self._found) == self._limit:
            self._bound = self._found[-1][0]


def _order(found: tuple[Order, object]) -> Order:
    return found[0]


def _order_in(after: str) -> Order:
    try:
        group, number, name = after.split(":", 2)
        return int(group), int(number), name
    except ValueError:
        raise InvalidArguments(f"after: {after!r:.80} is not where a page ended; it is what `after` of that page was") from None

"""Numbers and letters with nothing between them, ``01T+21.5H045``: where a program takes them apart by the letters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TypeVar

from netd.wire.learn.cells import Cells

__all__ = ["unglued"]

_FEWEST = 3
"""Messages of the same letters that are more than chance."""
_RUN = re.compile(r"([0-9]{1,4})?((?:[A-Za-z]{1,2}[+-]?[0-9]+(?:\.[0-9]+)?)+)")
_PAIR = re.compile(r"([A-Za-z]{1,2})([+-]?[0-9]+(?:\.[0-9]+)?)")

One = TypeVar("One", bound=Hashable)


def unglued(rows: Mapping[One, Cells]) -> dict[One, Cells]:
    """Return those of *rows* that are one run of letters and numbers, with a cell for each letter and its number.

    Codes of tags have letters and digits, too; but not the same letters in each.
    """
    runs = {
        one: found for one, row in rows.items() if len(row.cells) == 1 and (found := _RUN.fullmatch(row.cells[0])) is not None
    }
    letters = {one: (len(found[1] or ""), *(pair[1] for pair in _PAIR.finditer(found[2]))) for one, found in runs.items()}
    counts = Counter(letters.values())
    often = {key for key, count in counts.items() if count >= _FEWEST and len(key) > 2}
    heads = {key[0] for key in often if key[0]}
    return {
        one: _cut(rows[one], found)
        for one, found in runs.items()
        if letters[one] in often or (letters[one][0] in heads and len(letters[one]) > 1)
    }


def _cut(row: Cells, found: re.Match[str]) -> Cells:
    cells = [found[1]] if found[1] else []
    cells += [pair[0] for pair in _PAIR.finditer(found[2])]
    return Cells((row.gaps[0], *[""] * (len(cells) - 1), row.gaps[-1]), tuple(cells))

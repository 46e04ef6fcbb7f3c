"""Columns as each is seen beside the others: hexadecimal ones, check digits, and numbers that say which input or ticket."""

from __future__ import annotations

from collections.abc import Sequence
from string import hexdigits

from attrs import evolve

from netd.wire.learn.cells import Cells
from netd.wire.learn.columns import ColumnHolds, Stretch, check_digits_behind, scatters

__all__ = ["seen_together"]

_FEWEST_TO_TELL = 3
"""Different digits up to which they may be hexadecimal without a letter."""


def seen_together(columns: Sequence[Stretch], rows: Sequence[Cells]) -> list[Stretch]:
    """Return *columns* as each is seen beside the others.

    Digits before ``=`` are a key; digits beside hexadecimal ones without ``0x`` are hexadecimal, too.
    """
    found = [
        evolve(column, holds=ColumnHolds.WORD) if _is_index(column, rows[0], place) else column
        for place, column in enumerate(columns)
    ]
    ticket = _place_of_ticket(found)
    if ticket:
        found[ticket] = Stretch(ColumnHolds.WORD, tuple(row.cells[ticket] for row in rows))
    raw = [tuple(row.cells[place] for row in rows) for place in range(len(found))]
    behind = check_digits_behind(raw[-1])
    if behind is not None:
        found[-1] = behind
    if scatters(raw[-1]):
        found[-1] = Stretch(ColumnHolds.SKIPPED, raw[-1])
        return found
    if not any(column.holds is ColumnHolds.HEX and not column.values[0].lower().startswith("0x") for column in found):
        return found
    return [
        Stretch(ColumnHolds.HEX, values) if _are_padded(values) else column for column, values in zip(found, raw, strict=True)
    ]


def _place_of_ticket(columns: Sequence[Stretch]) -> int:
    """The place of the only column of a letter and padded digits behind a word in front, ``CALL A041``; 0 if there is none."""
    glued = [place for place, column in enumerate(columns) if column.before and column.holds is ColumnHolds.NUMBER]
    if len(glued) != 1 or not glued[0] or columns[0].holds is not ColumnHolds.CONSTANT:
        return 0
    values = columns[glued[0]].values
    return glued[0] if all(map(str.isdigit, values)) and any(value[0] == "0" for value in values) else 0


def _is_index(column: Stretch, row: Cells, place: int) -> bool:
    """Whether the column numbers an input, a pin, a sensor: ``IN 1=0``."""
    is_whole = column.holds is ColumnHolds.NUMBER and not column.before and all(map(str.isdigit, column.values))
    return is_whole and len(set(column.values)) > 1 and row.gaps[place + 1].strip() in {"=", ":"}


def _are_padded(values: Sequence[str]) -> bool:
    """Whether the values are digits in base 16 of one length, two at least. Many numbers without a letter are decimal."""
    is_hex = len(set(map(len, values))) == 1 and len(values[0]) > 1 and all(set(value) <= set(hexdigits) for value in values)
    return is_hex and (len(set(values)) <= _FEWEST_TO_TELL or not all(map(str.isdigit, values)))

"""A text taken apart: cells that hold words and numbers, and the gaps of marks and blanks between them."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["Cells", "is_absent", "is_number", "is_word", "parted", "split_cells"]

_NUMBER = r"[+-]? *(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?"
_IS_NUMBER = re.compile(_NUMBER)
_IS_COMMA = re.compile(r"[+-]?[0-9]{1,20},[0-9]{1,20}")
_ABSENT = re.compile(r"(?i:nan|n/a|null|none|-{1,4})?")
_WORD = re.compile(r"/?[^\W\d][\w.-]*(?:/[\w.-]+)*/?")
_PARTED = re.compile(rf"([^\d\s+-]*[^\d\s.+-])?({_NUMBER})([^\d\s+-][^\d\s]*)?")

_PLACES = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
    r"(?<![\w.])(?:[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}|[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{2,4})(?![\w.])",
    r"(?<![\w.:])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?![\w.:])",
    r"(?<![^\s,;|=:])[+-] +(?:[0-9]+\.?[0-9]*|\.[0-9]+)",
    r"(?<![\w:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:])",
    r"(?<=[=:,;]\")[^\"]+(?=\")",
    r"(?<=[=:,;]')[^']+(?=')",
    r"(?<![\w/<])/?[^\W\d][\w.-]*(?:/[\w.-]+)+(?![\w/])",
    r"(?<![\w.])[+-]?[0-9]+\.?[0-9]*(?:m/s|km/h|l/h|l/min)(?!\w)",
)
"""Moments, dates, times of day, signs apart from their numbers, hardware addresses, texts in quotes, topics and units per time:
their marks part nothing."""

_RUN = r"[^\s,;|=:&/<>()\[\]{}\"'#*$!?@]+"
_CELL = re.compile("|".join((*_PLACES, _RUN)))
_COMMA_CELL = re.compile("|".join((*_PLACES, r"[+-]?[0-9]+,[0-9]+(?=\s*(?:[;\t|]|$))", _RUN)))
_SEPARATORS = ",;|\t"
"""Marks between columns: between two of them is an empty cell."""
_BLANKS = re.compile(r"[ ]+")


@frozen
class Cells:
    """A text as cells and gaps.

    :ivar gaps: one more than cells; what stands before, between and behind them, runs of blanks as one.
    """

    gaps: tuple[str, ...]
    cells: tuple[str, ...]


def split_cells(text: str, *, has_commas: bool = False) -> Cells:
    """Take *text* apart.

    :param has_commas: whether a comma within a number is its point.
    """
    gaps: list[str] = []
    cells: list[str] = []
    gap, place = "", 0
    text = text.strip(" \r\n")
    for found in (_COMMA_CELL if has_commas else _CELL).finditer(text):
        gap = _fill(gap + text[place : found.start()], gaps, cells)
        if gap == "" and cells and place == found.start():
            cells[-1] += found[0]  # with nothing between them, they are one
        else:
            gaps.append(gap)
            cells.append(found[0])
        gap, place = "", found.end()
    gap = _fill(text[place:], gaps, cells)
    if gap and gap[-1] in _SEPARATORS:
        gaps.append(gap)
        cells.append("")
        gap = ""
    gaps.append(gap)
    return Cells(tuple(_BLANKS.sub(" ", gap) for gap in gaps), tuple(cells))


def _fill(gap: str, gaps: list[str], cells: list[str]) -> str:
    """Add an empty cell before each separator of *gap* that follows another one, or ``=``. Return what is left of *gap*."""
    since = ""
    is_behind_cell = bool(cells)
    for char in gap:
        if char in _SEPARATORS:
            bare = since.strip(" ")
            if bare[-1:] in (*_SEPARATORS, "=", ":") if bare else not is_behind_cell:
                gaps.append(since)
                cells.append("")
                since = ""
            is_behind_cell = True
        since += char
    return since


def is_number(text: str, *, has_commas: bool = False) -> bool:
    """Whether *text* is a number."""
    return _IS_NUMBER.fullmatch(text) is not None or (has_commas and _IS_COMMA.fullmatch(text) is not None)


def is_absent(text: str) -> bool:
    """Whether *text* stands for a number that was not measured."""
    return _ABSENT.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Whether *text* begins with a letter and has neither blanks nor marks."""
    return _WORD.fullmatch(text) is not None


def parted(text: str) -> tuple[str, str, str] | None:
    """Return what is glued before a number, the number, and what is glued behind it: ``T21.5C``. None if *text* is no such."""
    found = _PARTED.fullmatch(text)
    return (found[1] or "", found[2], found[3] or "") if found else None

"""Names: the one of a connection, which its first message says, and those of fields."""

from __future__ import annotations

from collections.abc import Sequence

from netd.wire.learn.cells import Cells, is_number
from netd.wire.learn.vocabulary import FUNCTION_WORDS, LINKING_WORDS, NAME_WORDS, slug

__all__ = ["UniqueNames", "key_before", "name_place"]


class UniqueNames:
    """Names of the fields of one pattern: no two are the same, and those that mean something are kept for that."""

    def __init__(self) -> None:
        self._taken = {"name", "channel", "value", "unit", "time", "text", "kind"}

    def give(self, wish: str) -> str:
        """Return *wish*, with a number behind it if it is taken."""
        name, number = wish, 2
        while name in self._taken:
            name, number = f"{wish}{number}", number + 1
        self._taken.add(name)
        return name


def key_before(cells: Cells, place: int, constants: Sequence[bool]) -> str:
    """Return the constant word that stands before the cell at *place* and names it, or an empty text."""
    if not place or not constants[place - 1] or is_number(cells.cells[place - 1]):
        return ""
    gap = cells.gaps[place].replace("\t", " ")
    between = gap.strip(" \"'")
    return slug(cells.cells[place - 1]) if between in {"", "=", ":", ":=", "->"} and gap else ""


def name_place(cells: Cells) -> int | None:
    """Return the place of the cell behind a keyword for names; None if the text has none."""
    for place, word in enumerate(cells.cells[:-1]):
        marks = " :=/\"'-" + ("|,;" if place == 0 else "")
        behind = place + 1
        while behind + 1 < len(cells.cells) and cells.cells[behind].lower() in LINKING_WORDS:
            behind += 1
        following = cells.cells[behind].lower()
        is_close = not "".join(cells.gaps[place + 1 : behind + 1]).strip(marks)
        if is_close and word.lower().strip("-_.") in NAME_WORDS and following not in NAME_WORDS | FUNCTION_WORDS | {""}:
            return behind
    return None

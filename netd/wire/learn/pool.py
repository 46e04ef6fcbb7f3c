"""The messages that have no kind yet, taken apart, and the kinds that have been found."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from netd.wire.learn.cells import Cells, is_number, is_word, parted, split_cells
from netd.wire.learn.glued import unglued
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.scene import Scene
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import FLAGS

__all__ = ["COLUMN_MARKS", "MessagePool", "grouped", "is_glued"]

_LONGEST = 2000
"""Characters of a message that is taken apart; a longer one is a text as a whole."""
COLUMN_MARKS = frozenset("|,;")
"""Marks behind a word in front that then is the first column of several."""

Key = TypeVar("Key", bound=Hashable)
_COMMA_NUMBER = re.compile(r"(?:^|[;\t|=])\s*[+-]?[0-9]+,[0-9]+\s*(?=$|[;\t|])")


class MessagePool:
    """Messages of text that are sorted into kinds; a message that has its kind leaves the pool.

    :ivar left: the messages without a kind.
    :ivar found: the kinds so far.
    :ivar texts: all messages as text, also those that have left.
    :ivar rows: the same, taken apart.
    :ivar has_commas: whether numbers have a comma for their point.
    """

    def __init__(self, utterances: Sequence[Utterance], scene: Scene) -> None:
        self.left = list(utterances)
        self.found: list[MessageKind] = []
        self.scene = scene
        self.texts = {one: scene.text(one) for one in utterances}
        self.has_commas = any(map(_COMMA_NUMBER.search, self.texts.values())) and all(
            ";" in text or "\t" in text for text in self.texts.values() if "," in text
        )
        self.rows = {
            one: split_cells(text, has_commas=self.has_commas) if len(text) <= _LONGEST else Cells(("", ""), (text,))
            for one, text in self.texts.items()
        }
        self.rows.update(unglued(self.rows))

    def take(self, kind: MessageKind) -> None:
        """Add *kind*, and find out what is heard because of it."""
        kind.listen(self.scene)
        self.found.append(kind)
        for slot in kind.slots:
            if slot.is_named and not slot.is_number and not slot.is_generic:
                self.scene.labels.update(dict.fromkeys(slot.values, slot.label))
        taken = set(kind.members)
        self.left = [one for one in self.left if one not in taken]

    def by_layout(self, members: Iterable[Utterance]) -> list[list[Utterance]]:
        """Return *members* by what stands between their cells, in the order of their first appearance."""
        return list(grouped(members, lambda one: self.rows[one].gaps).values())

    def letters(self, one: Utterance) -> str:
        """Return the letters of a message, in lower case."""
        return "".join(filter(str.isalpha, self.texts[one])).lower()

    @property
    def has_samples(self) -> bool:
        """Whether one of the kinds is a sample."""
        return any(kind.verb == "sample" for kind in self.found)

    def has_numbers(self, one: Utterance) -> bool:
        """Return True if a message has a number, perhaps with letters glued to it, or a switch behind its key."""
        row = self.rows[one]
        return any(
            is_number(cell, has_commas=self.has_commas)
            or (is_glued(cell) and gap.strip()[:1] not in {"=", ":"})
            or (cell.lower() in FLAGS and before.strip() in {"=", ":"})
            for before, cell, gap in zip(row.gaps, row.cells, row.gaps[1:], strict=False)
        )

    def head(self, one: Utterance) -> str:
        """Return the word in front if it tells kinds apart: in capitals, behind a mark, or before a mark between columns."""
        row = self.rows[one]
        if not row.cells or not is_word(row.cells[0]):
            return row.gaps[0].strip() if row.gaps[0].strip() and not row.gaps[0].startswith(tuple(",;|\t")) else ""
        word, mark = row.cells[0], row.gaps[0].strip()
        is_key = len(row.gaps) > 1 and row.gaps[1].strip() in {"=", ":"}
        is_column = len(row.gaps) > 2 and row.gaps[1].strip() in COLUMN_MARKS and not self.has_numbers(one)
        is_command = is_column or (((word.isupper() and len(word) > 1) or bool(mark)) and not is_glued(word))
        is_key = is_key and (not word.isupper() or self.has_numbers(one))
        return f"{mark}{word}" if is_command and not is_key else ""


def grouped(members: Iterable[Utterance], key: Callable[[Utterance], Key]) -> dict[Key, list[Utterance]]:
    """Return *members* by their *key*, in the order of their first appearance."""
    found: dict[Key, list[Utterance]] = {}
    for one in members:
        found.setdefault(key(one), []).append(one)
    return found


def is_glued(cell: str) -> bool:
    """Return True if *cell* is a number with a key before it or a unit behind it."""
    parts = parted(cell)
    return parts is not None and (len(parts[0]) <= 2 or "." in parts[1])

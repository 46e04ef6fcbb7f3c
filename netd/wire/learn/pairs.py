"""Pairs of a key and a number, in any number: ``each SEP PATTERN``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netd.wire.learn.cells import is_absent, is_number, parted
from netd.wire.learn.columns import ColumnSlot
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.scene import Scene
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import KEYS_OF_NAMES, unit_of
from netd.wire.learn.wording import literal

__all__ = ["pairs_kind"]

_SEPARATORS = (",", ";", "\t", "|", "&", " ")
_NESTS = (*(("", mark) for mark in _SEPARATORS), *((" ", mark) for mark in _SEPARATORS[:-1]))
"""Marks between pieces, and those between the pieces of a piece."""
_PAIR = re.compile(r"\s*([^\W\d][\w.-]*)\s*([=: ])\s*(\S+)\s*")
_MOST_OTHERS = 0.5
"""Share of the pieces that may be no pairs: a name in front, a time."""


def pairs_kind(members: list[Utterance], texts: Sequence[str], scene: Scene) -> MessageKind | None:
    """Return the kind of *members* if all of them are pairs, whose number varies; None otherwise."""
    for outer, mark in _NESTS:
        pieces = [[piece for part in _split(text, outer) for piece in _split(part, mark)] for text in texts]
        found = [[pair for piece in one if (pair := _PAIR.fullmatch(piece)) is not None] for one in pieces]
        if not all(found) or sum(map(len, found)) < (1 - _MOST_OTHERS) * sum(map(len, pieces)):
            continue
        pairs = [pair for one in found for pair in one]
        joints = {pair[2] for pair in pairs}
        if len(joints) != 1 or mark in joints or outer in joints or len({len(one) for one in pieces}) == 1:
            continue
        head: list[str | ColumnSlot] = []
        if any(pair[1].lower() in KEYS_OF_NAMES for pair in pairs):
            head = [] if outer else _head(found, pieces, mark)
            if not head:
                return None
            pairs = [pair for one in found for pair in one[1:]]
        behind = [_behind(pair[3]) for pair in pairs]
        if behind.count(None) * 2 > len(behind):
            continue
        parts = _parts(joints.pop(), {one for one in behind if one is not None})
        form = _form(outer) + _form(mark)
        if head:
            return MessageKind(members, "sample", [*head, f" {form}", *parts])
        return MessageKind(members, "sample", parts, form)
    return None


def _head(found: Sequence[list[re.Match[str]]], pieces: Sequence[list[str]], mark: str) -> list[str | ColumnSlot]:
    """What stands before the pairs: whose they are, in the first piece of each message; nothing if a name is elsewhere."""
    firsts = [one[0] for one in found]
    key = firsts[0][1]
    begins = all(first[1] == key and first[0] == piece[0] for first, piece in zip(firsts, pieces, strict=True))
    has_more = any(pair[1].lower() in KEYS_OF_NAMES for one in found for pair in one[1:]) or not all(one[1:] for one in found)
    if not begins or has_more or key.lower() not in KEYS_OF_NAMES:
        return []
    name = ColumnSlot("name", is_named=True, values=[first[3] for first in firsts])
    return [literal(f"{key}{firsts[0][2]}"), name, literal(mark), "{*}"]


def _split(text: str, mark: str) -> list[str]:
    return [piece for piece in text.split(mark) if piece.strip()] if mark else [text]


def _behind(value: str) -> str | None:
    """What is glued behind a number; None for what is no number."""
    if is_number(value) or is_absent(value):
        return ""
    parts = parted(value)
    return parts[2] if parts is not None and not parts[0] else None


def _parts(joint: str, behind: set[str]) -> list[str | ColumnSlot]:
    channel, value = ColumnSlot("channel", is_named=True), ColumnSlot("value", is_named=True, is_number=True)
    found: list[str | ColumnSlot] = [channel, literal(joint), value]
    if behind == {""}:
        return found
    if len(behind) == 1:
        glued = behind.pop()
        value.unit = unit_of(glued)
        return [*found, literal(glued)]
    return [*found, ColumnSlot("unit", is_named=all(unit_of(one) for one in behind if one))]


def _form(mark: str) -> str:
    if not mark:
        return ""
    return f"each {'space' if mark == ' ' else literal(mark)} "

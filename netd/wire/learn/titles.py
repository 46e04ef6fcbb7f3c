"""Titles of columns, which a logger says before its numbers: ``time;temp [C];hum(%)``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from netd.wire.learn.cells import is_number
from netd.wire.learn.pool import MessagePool
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import slug, unit_of

__all__ = ["Title", "TitledColumns", "find_titles"]

_TITLE = re.compile(r"[\"']?([^\W\d][\w .#-]*?)[\"']?\s*(?:[\[(/]\s*([^\])]{0,12}?)\s*[\])]?)?[\"']?")


@frozen
class Title:
    """What a column is called.

    :ivar label: as the name of a field.
    :ivar unit: empty if the title has none.
    """

    label: str
    unit: str


@frozen
class TitledColumns:
    """Messages that say the titles of columns."""

    members: list[Utterance]
    titles: tuple[Title, ...]


def find_titles(members: Sequence[Utterance], pool: MessagePool) -> TitledColumns | None:
    """Return the messages that are titles of the columns of *members*, and may be among these; None if there are none."""
    numbered = [one for one in members if any(map(is_number, pool.rows[one].cells))]
    if not numbered:
        return None
    row = pool.rows[numbered[0]]
    mark = row.gaps[1].strip(" ") if len(row.cells) > 1 else ""
    if not mark or mark in "=:" or {gap.strip(" ") for gap in row.gaps[1:-1]} != {mark}:
        return None
    earlier = [one for one in pool.left if one.time <= numbered[0].time and one is not numbered[0]]
    found = {text: titles for one in earlier if (titles := _titles(text := pool.texts[one], mark, len(row.cells)))}
    if len(found) != 1:
        return None
    ((text, titles),) = found.items()
    return TitledColumns([one for one in pool.left if pool.texts[one] == text], titles)


def _titles(text: str, mark: str, count: int) -> tuple[Title, ...] | None:
    """*text* as titles, if it is *count* of them."""
    parts = [_TITLE.fullmatch(part.strip()) for part in text.split(mark)]
    if len(parts) != count or None in parts:
        return None
    return tuple(Title(slug(part[1]), unit_of(part[2] or "")) for part in parts if part is not None)

"""Messages with which a program says who it is: a name behind a keyword, or one word alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netd.wire.learn.cells import is_number, is_word
from netd.wire.learn.columns import ColumnSlot
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.naming import name_place
from netd.wire.learn.pool import MessagePool
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import FAREWELLS, NOISE, SIGNS_OF_LIFE
from netd.wire.learn.wording import literal

__all__ = ["find_introductions", "find_single_names"]


def find_introductions(pool: MessagePool) -> None:
    """Take the first messages of connections in which a keyword stands before a name."""
    firsts = [one for one in pool.left if one.place == 0 and name_place(pool.rows[one]) is not None]
    firsts = [one for one in firsts if not _is_sample_with_name(one, pool)]
    for head in dict.fromkeys(pool.rows[one].cells[0] for one in firsts):
        members = [one for one in pool.left if pool.rows[one].cells[:1] == (head,) and name_place(pool.rows[one]) is not None]
        for alike in pool.by_layout(members):
            pool.take(_introduction(alike, pool))


def _is_sample_with_name(one: Utterance, pool: MessagePool) -> bool:
    """Whether there are numbers beside the name, or the connection says more of the kind."""
    row = pool.rows[one]
    place = name_place(row)
    assert place is not None, "the caller has asked"
    numbers = [cell for cell in row.cells[place + 1 :] if is_number(cell) and "." in cell]
    more = sum(
        1
        for other in pool.left
        if other.talk == one.talk
        and other is not one
        and pool.rows[other].gaps == row.gaps
        and pool.rows[other].cells[:1] == row.cells[:1]
    )
    return bool(numbers) or more > 1


def _introduction(members: list[Utterance], pool: MessagePool) -> MessageKind:
    rows = [pool.rows[one] for one in members]
    place = name_place(rows[0])
    assert place is not None, "the caller has asked"
    parts: list[str | ColumnSlot] = []
    for column, gap in enumerate(rows[0].gaps):
        parts.append(literal(gap))
        if column == len(rows[0].cells):
            break
        values = [row.cells[column] for row in rows]
        if column == place:
            parts.append(ColumnSlot("name", is_named=True, values=values))
            for one, value in zip(members, values, strict=True):
                pool.scene.names[one.talk] = value
        elif column < place or (len(set(values)) == 1 and rows[0].gaps[column + 1].strip()[:1] in {"=", ":"}):
            parts.append(literal(values[0]))
        else:
            parts.append(ColumnSlot(f"w{column}", is_named=False, values=values))
    return MessageKind(members, "name", parts)


def find_single_names(pool: MessagePool) -> None:
    """Take first messages of one word that are answered, or that a greeting asks for."""
    firsts = [one for one in pool.left if one.place == 0]
    if not firsts or pool.scene.is_dialled or any(kind.verb == "name" for kind in pool.found):
        return
    words = [pool.texts[one] for one in firsts]
    later = {pool.texts[one] for one in pool.left if one.place}
    if not all(is_word(word) and word.lower() not in SIGNS_OF_LIFE | FAREWELLS | NOISE for word in words):
        return
    is_asked = pool.scene.is_greeted or all(one.replies for one in firsts)
    is_used = all(any(re.search(rf"\b{re.escape(word)}\b".encode(), data) for data in _heard(pool)) for word in words)
    has_more = any(one.place for one in pool.left)
    if len(set(words)) < len(words) or later & set(words) or not has_more or not (is_asked or is_used):
        return
    if len(words) == 1 and not is_used and not pool.scene.is_greeted:
        return
    for one, word in zip(firsts, words, strict=True):
        pool.scene.names[one.talk] = word
    pool.take(MessageKind(firsts, "name", [ColumnSlot("name", is_named=True, type="word", values=words)]))


def _heard(pool: MessagePool) -> Iterable[bytes]:
    for one in pool.texts:
        yield from one.replies
        yield from (data for _, data in one.told)

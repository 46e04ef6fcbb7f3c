"""The last messages of connections that the program itself hangs up."""

from __future__ import annotations

from collections import Counter

from netd.wire.learn.kind import literal_kind
from netd.wire.learn.numbered import layout_of
from netd.wire.learn.pool import MessagePool
from netd.wire.learn.vocabulary import FAREWELLS

__all__ = ["find_farewells"]


def find_farewells(pool: MessagePool) -> None:
    """Take messages that are the last of their connections, and say so or are followed by the program's hanging up."""
    lasts = Counter(pool.texts[one] for one in pool.left if one.is_last and one.place > 0)
    for text, count in lasts.items():
        members = [one for one in pool.left if pool.texts[one] == text]
        is_only_last = all(one.is_last for one in members)
        is_known = bool(members) and pool.letters(members[0]) in FAREWELLS
        hangs_up = count > 1 and all(one.hung_up for one in members) and not pool.has_numbers(members[0])
        if members and is_only_last and (is_known or hangs_up):
            pool.take(literal_kind(members, "bye", pool.scene))
    headed = [one for one in pool.left if one.is_last and pool.rows[one].cells and pool.rows[one].cells[0].lower() in FAREWELLS]
    for alike in pool.by_layout(headed):
        pool.take(layout_of(alike, pool, verb="bye"))

"""What a program says of itself when it starts: that it is ready, and its version."""

from __future__ import annotations

from netd.wire.learn.kind import literal_kind
from netd.wire.learn.pool import MessagePool, grouped
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import NOISE

__all__ = ["EARLY", "find_banners"]

EARLY = 3
"""Messages of a connection among which are those that a program says when it starts."""


def find_banners(pool: MessagePool) -> None:
    """Take early messages that say the version or that the program has started, and what precedes all questions."""
    early = [one for one in pool.left if one.place < EARLY and _is_banner(one, pool)]
    for members in grouped(early, pool.texts.__getitem__).values():
        talks = [one.talk for one in members]
        again = sum(pool.texts[one] == pool.texts[members[0]] for one in pool.left)
        if len(set(talks)) == again:
            pool.take(literal_kind(members, "ignore", pool.scene))


def _is_banner(one: Utterance, pool: MessagePool) -> bool:
    words = [cell.lower().rstrip(".!") for cell in pool.rows[one].cells]
    return len(words) > 1 and (any(word in NOISE for word in words) or (pool.scene.has_asks and one.place == 0))

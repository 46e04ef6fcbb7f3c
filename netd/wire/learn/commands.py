"""Messages without numbers: a word in capitals or behind a mark in front, or the same text again and again."""

from __future__ import annotations

from netd.wire.learn.kind import MessageKind, literal_kind, text_kind
from netd.wire.learn.layout import is_key
from netd.wire.learn.numbered import RARE, layout_of
from netd.wire.learn.pool import COLUMN_MARKS, MessagePool, grouped
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import EMPTY_READINGS, SIGNS_OF_LIFE

__all__ = ["constant_kind", "find_commands"]

_FEWEST_KEYS = 2
"""Words before ``=`` that together tell a kind of message."""
_MANY_CODES = 4
"""Different single words that are no commands."""


def find_commands(pool: MessagePool) -> None:
    """Take the messages that begin with a command, and signs of life."""
    has_samples = pool.has_samples
    codes = _codes(pool)
    for head, members in grouped([one for one in pool.left if one not in codes], lambda one: _command(one, pool)).items():
        is_rare = pool.scene.is_dialled and has_samples and len(members) * RARE <= len(pool.texts)
        if not head or (is_rare and not any(one.replies for one in members)):
            continue
        behind = pool.rows[members[0]].gaps[1:2]
        is_row = bool(behind) and behind[0].strip() in COLUMN_MARKS
        if len({pool.texts[one] for one in members}) == 1 and not is_row:
            pool.take(constant_kind(members, pool))
            continue
        by_layout = pool.by_layout(members)
        is_paired = sum(is_key(pool.rows[members[0]], place) for place in range(len(pool.rows[members[0]].cells))) >= _FEWEST_KEYS
        if len(by_layout) == 1 and (is_paired or not any(" " in gap for gap in pool.rows[members[0]].gaps[2:])):
            pool.take(layout_of(members, pool))
        else:
            pool.take(text_kind(members, "event", f"{head}{_blank(behind[0] if behind else '')}", pool.scene))


def _codes(pool: MessagePool) -> set[Utterance]:
    """Single words that are said once each and not answered, where there are many: what was scanned or typed in."""
    single = [one for one in pool.left if len(pool.rows[one].cells) == 1 and not one.replies]
    once = [members[0] for members in grouped(single, pool.texts.__getitem__).values() if len(members) == 1]
    return set(once) if len(once) >= _MANY_CODES else set()


def constant_kind(members: list[Utterance], pool: MessagePool) -> MessageKind:
    """Return the kind of messages that are all the same: a sign of life, or an event."""
    text = pool.texts[members[0]]
    is_asking = all(one.replies for one in members) and (len(members) > 1 or text.endswith("?"))
    is_idle = pool.letters(members[0]) in SIGNS_OF_LIFE | EMPTY_READINGS or is_asking
    return literal_kind(members, "ignore" if is_idle else "event", pool.scene)


def _command(one: Utterance, pool: MessagePool) -> str:
    if pool.letters(one) in SIGNS_OF_LIFE:
        return pool.texts[one]
    row = pool.rows[one]
    keys = [cell for place, cell in enumerate(row.cells) if is_key(row, place)]
    return pool.head(one) if len(keys) < _FEWEST_KEYS else " ".join(keys)


def _blank(gap: str) -> str:
    """The gap behind a word, as far as it is the same wherever it ends."""
    return gap.rstrip() or " "

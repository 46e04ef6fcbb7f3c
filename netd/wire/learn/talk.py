"""What people say to each other, and what a device says of itself: messages that one rule takes, whatever is in them."""

from __future__ import annotations

from collections import Counter

from netd.wire.learn.banners import EARLY
from netd.wire.learn.cells import is_word
from netd.wire.learn.commands import constant_kind
from netd.wire.learn.kind import MessageKind, literal_kind, text_kind
from netd.wire.learn.pool import MessagePool, grouped
from netd.wire.learn.replies import AnswerKind
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import FAREWELLS

__all__ = ["find_rest", "find_talk", "find_talk_with_farewells"]

_MANY_LAYOUTS = 3
"""Layouts from which messages that are all answered in the same way are talk."""
_MOSTLY = 0.9
_FEWEST_READINGS, _READINGS = 3, 0.3
"""Messages of the same words, and their share, from which a program measures something."""
_MOST_COMMANDS = 12
"""Different messages with an answer of their own that are commands; more are talk."""


def find_talk_with_farewells(pool: MessagePool) -> None:
    """Take all messages if the same is heard because of each, whatever they say; but for the words that end a connection."""
    if _talk_of_all(pool) is None:
        return
    ends = [one for one in pool.left if _ends(one, pool)]
    texts = {pool.texts[one] for one in ends}
    ends = [one for one in pool.left if pool.texts[one] in texts]
    if ends:
        pool.take(literal_kind(ends, "bye", pool.scene))
    pool.take(text_kind(list(pool.left), "event", "", pool.scene))


def _ends(one: Utterance, pool: MessagePool) -> bool:
    """Whether a message takes leave. The only message of a connection does not: all of its kind are the last ones."""
    return one.is_last and one.place > 0 and pool.letters(one) in FAREWELLS


def find_talk(pool: MessagePool) -> None:
    """Take all messages if the same is heard because of each, once names and farewells are known."""
    if _talk_of_all(pool) is not None:
        pool.take(text_kind(list(pool.left), "event", "", pool.scene))


def _talk_of_all(pool: MessagePool) -> MessageKind | None:
    """The kind of all messages of the pool, if they are of many layouts and the same is heard because of each."""
    if not any(_is_sentence(one, pool) for one in pool.left):
        return None
    ends = {pool.texts[one] for one in pool.left if _ends(one, pool)}
    members = [one for one in pool.left if pool.texts[one] not in ends]
    whole = text_kind(members, "event", "", pool.scene)
    whole.listen(pool.scene)
    is_same = whole.answer.kind in {AnswerKind.CONSTANT, AnswerKind.TEMPLATE} and whole.answer.share >= _MOSTLY
    is_passed_on = whole.answer.verb != "" and "text" in whole.answer.fields
    layouts = {pool.rows[one].gaps for one in pool.left}
    is_various = len(layouts) >= _MANY_LAYOUTS and not _has_readings(pool)
    return whole if is_same and (is_passed_on or is_various) else None


def _has_readings(pool: MessagePool) -> bool:
    """Whether many of the messages say the same words with other numbers, as devices do and people do not."""
    rows = [pool.rows[one] for one in pool.left if pool.has_numbers(one)]
    alike = Counter((row.gaps, *(cell for cell in row.cells if is_word(cell))) for row in rows)
    return any(count >= _FEWEST_READINGS and count >= _READINGS * len(pool.left) for count in alike.values())


def _is_sentence(one: Utterance, pool: MessagePool) -> bool:
    """Whether the message has words with blanks between them."""
    row = pool.rows[one]
    return any(
        is_word(sooner) and is_word(later) and " " in gap and gap.strip(" ,.!?'") == ""
        for sooner, later, gap in zip(row.cells, row.cells[1:], row.gaps[1:], strict=False)
    )


def find_rest(pool: MessagePool) -> None:
    """Take what is left: sentences, and words that are commands if each has an answer of its own."""
    if pool.left:
        _take_answered(pool)
    if not pool.left:
        return
    if _is_noise(pool):
        pool.take(MessageKind(list(pool.left), "ignore", ["{*}"]))
    elif len({pool.texts[one] for one in pool.left}) == 1:
        pool.take(constant_kind(list(pool.left), pool))
    else:
        pool.take(text_kind(list(pool.left), "event", "", pool.scene))


def _take_answered(pool: MessagePool) -> None:
    """Take the messages whose own answer is always the same, where those of all vary."""
    whole = text_kind(list(pool.left), "event", "", pool.scene)
    whole.listen(pool.scene)
    distinct = grouped(pool.left, pool.texts.__getitem__)
    if whole.answer.kind is not AnswerKind.VARIED or len(distinct) > _MOST_COMMANDS:
        return
    for members in distinct.values():
        kind = constant_kind(members, pool)
        kind.listen(pool.scene)
        if kind.answer.kind is not AnswerKind.VARIED:
            pool.take(kind)


def _is_noise(pool: MessagePool) -> bool:
    """Whether the rest is what a device says when it starts, among its samples."""
    is_answered = any(one.replies or one.told for one in pool.left)
    is_early = pool.scene.is_dialled or all(one.place < EARLY for one in pool.left)
    return (
        (pool.has_samples or pool.scene.has_asks)
        and not is_answered
        and is_early
        and (pool.scene.has_asks or len(pool.left) * 4 <= len(pool.texts))
    )

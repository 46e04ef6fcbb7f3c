"""Messages with numbers, by their layout; the words in front and before ``=`` tell kinds apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from netd.wire.learn.cells import Cells, is_absent, is_number, is_word, parted
from netd.wire.learn.columns import counts_up, keeps_time
from netd.wire.learn.kind import MessageKind, literal_kind
from netd.wire.learn.layout import NO_HINTS, LayoutHints, is_key, layout_kind
from netd.wire.learn.pairs import pairs_kind
from netd.wire.learn.pool import MessagePool, grouped, is_glued
from netd.wire.learn.titles import Title, find_titles
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import REPORTS, SIGNS_OF_LIFE

__all__ = ["RARE", "find_numbered", "layout_of"]

RARE = 20
"""How many times as many messages of a device are samples as are words of its own."""
_MANY_COLUMNS = 5
"""Separators from which a message is a row of columns, whatever is in them."""
_FEWEST_NUMBERS = 3
"""Numbers in a column that make one of numbers of it."""
_MOST_KEYS = 8
"""Words before ``=`` in one place that still tell kinds of messages apart."""


def find_numbered(pool: MessagePool) -> None:
    """Take the messages with numbers."""
    numbered = [one for one in pool.left if pool.has_numbers(one) and not _is_prose(one, pool)]
    if pool.scene.is_dialled:
        numbered = _without_noise(numbered, pool)
    chosen = set(numbered)
    known = {(pool.head(one), pool.rows[one].gaps) for one in numbered if pool.head(one)}
    numbered = [one for one in pool.left if one in chosen or (pool.head(one), pool.rows[one].gaps) in known]
    for members in _merge_channels(grouped(numbered, pool.head), pool):
        _take_headed(members, pool)


def _without_noise(numbered: list[Utterance], pool: MessagePool) -> list[Utterance]:
    """Leave out what a device says of itself among its samples, and the torn beginning of what it said when netd came."""
    counts = Counter(pool.rows[one].gaps for one in numbered)
    return [
        one
        for one in numbered
        if counts[pool.rows[one].gaps] * RARE > len(numbered) and (one.place or counts[pool.rows[one].gaps] > 1)
    ]


def _is_prose(one: Utterance, pool: MessagePool) -> bool:
    """Whether the message is a sentence: words with blanks between them, said once."""
    row = pool.rows[one]
    words = [cell for cell in row.cells if is_word(cell)]
    if len(words) < 3 or any(gap.strip(" .!?'\"") not in {"", ","} for gap in row.gaps):
        return False
    return sum(other.gaps == row.gaps and other.cells[0] == row.cells[0] for other in pool.rows.values()) == 1


def _merge_channels(heads: dict[str, list[Utterance]], pool: MessagePool) -> list[list[Utterance]]:
    """The messages by their heads; heads with one number each and no answer are channels, and come together."""
    rows = pool.rows
    single = [
        head
        for head, members in heads.items()
        if head
        and head[0].isalpha()
        and not any(one.replies for one in members)
        and len({rows[one].gaps for one in members}) == 1
        and len(rows[members[0]].cells) == 2
    ]
    if len(single) < 2 or len({rows[heads[head][0]].gaps for head in single}) != 1:
        return list(heads.values())
    merged = [one for head in single for one in heads[head]]
    return [merged, *(members for head, members in heads.items() if head not in single)]


def _take_headed(members: list[Utterance], pool: MessagePool) -> None:
    """Take messages with one word in front: as columns, as pairs, or else by their layout."""
    by_layout = pool.by_layout(members)
    if len(by_layout) > 1:
        texts = [pool.texts[one] for one in members]
        columns = _columns(texts)
        if columns is not None:
            pool.rows.update(zip(members, columns, strict=True))
            by_layout = [members]
        elif (pairs := pairs_kind(members, texts, pool.scene)) is not None:
            pool.take(pairs)
            return
    for alike in by_layout:
        titled = find_titles(alike, pool)
        titles = titled.titles if titled is not None else ()
        if titled is not None:
            pool.take(literal_kind(titled.members, "ignore", pool.scene))
        known = set(titled.members) if titled is not None else set()
        for keyed in _by_keys([one for one in alike if one not in known], pool):
            for measured, hints in _by_numbers(keyed, titles, pool):
                _take_laid_out(measured, pool, hints)


def _by_numbers(
    members: list[Utterance], titles: tuple[Title, ...], pool: MessagePool
) -> Iterator[tuple[list[Utterance], LayoutHints]]:
    """*members* of one layout; apart are those with a word in a column of numbers: not measured, or no measurement."""
    rows = [pool.rows[one].cells for one in members]
    mixed = []
    for place, cells in enumerate(zip(*rows, strict=True)):
        words = [cell for cell in cells if not is_number(cell, has_commas=pool.has_commas) and not is_absent(cell)]
        if 0 < len(words) <= len(rows) - _FEWEST_NUMBERS and len(words) * 2 < len(rows) and all(map(is_word, words)):
            mixed.append(place)
    if not mixed:
        yield members, LayoutHints(titles)
        return
    columns = list(zip(*rows, strict=True))
    times, talks = [one.time for one in members], [one.talk for one in members]
    first = pool.rows[members[0]]
    hints = LayoutHints(
        titles,
        frozenset(
            place
            for place, cells in enumerate(columns)
            if place not in mixed and all(map(is_word, cells)) and len(set(cells)) > 1 and not is_key(first, place)
        ),
        frozenset(place for place, cells in enumerate(columns) if counts_up(cells, talks) or keeps_time(cells, times, talks)),
    )
    for apart in grouped(members, lambda one: tuple(is_word(pool.rows[one].cells[place]) for place in mixed)).values():
        yield apart, hints


def _columns(texts: Sequence[str]) -> list[Cells] | None:
    """*texts* as rows of columns, if they are such, whatever is in the columns."""
    for mark in ",;|\t":
        counts = {text.count(mark) for text in texts}
        if len(counts) == 1 and counts.pop() >= _MANY_COLUMNS:
            split = [[cell.strip() for cell in text.split(mark)] for text in texts]
            return [Cells(("", *[mark] * (len(cells) - 1), ""), tuple(cells)) for cells in split]
    return None


def _by_keys(members: list[Utterance], pool: MessagePool) -> list[list[Utterance]]:
    """*members* of one layout, by the words before ``=`` in them; those of one pair with a number stay together."""
    rows = pool.rows
    first = rows[members[0]]
    places = [place for place in range(len(first.cells)) if is_key(first, place)]
    is_pair = places == [0] and len(first.cells) == 2
    if is_pair and all(is_number(rows[one].cells[1]) or is_glued(rows[one].cells[1]) for one in members):
        return [members]
    is_command = is_word(first.cells[0]) and _are_answered_apart(members)

    def key(one: Utterance) -> tuple[str, ...]:
        word = rows[one].cells[0] if is_command else _glued_key(rows[one].cells[0]) if len(first.cells) == 1 else ""
        return (word, *(rows[one].cells[place] for place in places))

    found = grouped(members, key)
    return list(found.values()) if len(found) <= _MOST_KEYS else [members]


def _are_answered_apart(members: Sequence[Utterance]) -> bool:
    """Whether most messages have an answer of their own: the word in front then is a command."""
    answers = [one.replies[0] for one in members if one.replies]
    return len(answers) * 2 > len(members) and len(set(answers)) * 2 > len(answers) > 1


def _glued_key(cell: str) -> str:
    """The letters glued before a number."""
    parts = parted(cell)
    return parts[0] if parts is not None and is_glued(cell) else ""


def _take_laid_out(members: list[Utterance], pool: MessagePool, hints: LayoutHints) -> None:
    kind = layout_of(members, pool, hints=hints)
    if kind.verb == "event" and len(kind.parts) == 1 and not kind.is_literal:
        return  # a rule for them would take all other messages, too
    pool.take(kind)


def layout_of(members: list[Utterance], pool: MessagePool, *, hints: LayoutHints = NO_HINTS, verb: str = "") -> MessageKind:
    """Return the kind of *members*, which are of one layout.

    :param hints: what is known of the columns from more messages than these.
    :param verb: the verb of the rule, if it is known.
    """
    rows = [pool.rows[one] for one in members]
    kind = layout_kind(members, rows, pool.scene, hints=hints, has_commas=pool.has_commas)
    if verb:
        kind.verb = verb
    elif rows[0].cells[0].lower() in SIGNS_OF_LIFE:
        kind.verb = "ignore"
    elif _is_report(rows[0]):
        kind.verb = "event"
    return kind


def _is_report(row: Cells) -> bool:
    """Whether the message reports something that happened, with a number of it: ``E04``, ``ALARM 3``."""
    first = row.cells[1] if row.cells[0].isdigit() and len(row.cells) > 1 and not row.gaps[1] else row.cells[0]
    parts = parted(first)
    word = parts[0] if parts is not None else first
    return word.lower() in REPORTS

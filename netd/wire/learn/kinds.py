"""The kinds of messages of text: which of them one rule takes.

Names and farewells first, because they are known by their place in a connection; then messages with numbers, by their layout;
then commands, by the word in front; what is left is the talk of people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from netd.wire.learn.cells import Cells, is_number, is_word, parted, split_cells
from netd.wire.learn.columns import ColumnSlot
from netd.wire.learn.kind import MessageKind, literal_kind, text_kind
from netd.wire.learn.layout import layout_kind
from netd.wire.learn.naming import name_place
from netd.wire.learn.pairs import pairs_kind
from netd.wire.learn.replies import AnswerKind
from netd.wire.learn.scene import Scene
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import FAREWELLS, FLAGS, NOISE, REPORTS, SIGNS_OF_LIFE
from netd.wire.learn.wording import literal

__all__ = ["text_kinds"]

_MANY_COLUMNS = 5
"""Separators from which a message is a row of columns, whatever is in them."""
_MOST_KEYS = 8
"""Words before ``=`` in one place that still tell kinds of messages apart."""
_MANY_LAYOUTS = 3
"""Layouts from which messages that are all answered in the same way are talk."""
_EARLY = 3
"""Messages of a connection among which are those that a program says when it starts."""
_RARE = 20
"""How many times as many messages of a device are samples as are words of its own."""
_MOSTLY = 0.9
_MOST_COMMANDS = 12
"""Different messages with an answer of their own that are commands; more are talk."""
_COLUMN_MARKS = frozenset("|,;")
_COMMA_NUMBER = re.compile(r"(?:^|[;\t|=])\s*[+-]?[0-9]+,[0-9]+\s*(?=$|[;\t|])")


def text_kinds(utterances: Sequence[Utterance], scene: Scene) -> list[MessageKind]:
    """Return the kinds of *utterances*, which are text."""
    return _Sorting(list(utterances), scene).kinds()


class _Sorting:
    """Messages that are sorted into kinds; what has its kind leaves the pool."""

    def __init__(self, pool: list[Utterance], scene: Scene) -> None:
        self._pool = pool
        self._scene = scene
        texts = {one: scene.text(one) for one in pool}
        self._has_commas = any(map(_COMMA_NUMBER.search, texts.values())) and all(
            ";" in text or "\t" in text for text in texts.values() if "," in text
        )
        self._texts = texts
        self._rows = {one: split_cells(text, has_commas=self._has_commas) for one, text in texts.items()}
        self._found: list[MessageKind] = []

    def kinds(self) -> list[MessageKind]:
        for step in (
            self._whole,
            self._names,
            self._single_names,
            self._farewells,
            self._uniform,
            self._numbers,
            self._commands,
            self._talk,
        ):
            step()
        return self._found

    def _take(self, kind: MessageKind) -> None:
        kind.listen(self._scene)
        self._found.append(kind)
        taken = set(kind.members)
        self._pool = [one for one in self._pool if one not in taken]

    # names

    def _names(self) -> None:
        """First messages in which a keyword stands before a name."""
        firsts = [one for one in self._pool if one.place == 0 and name_place(self._rows[one]) is not None]
        firsts = [one for one in firsts if not self._is_sample_with_name(one)]
        for head in dict.fromkeys(self._rows[one].cells[0] for one in firsts):
            members = [
                one for one in self._pool if self._rows[one].cells[:1] == (head,) and name_place(self._rows[one]) is not None
            ]
            for rows in _by_gaps(members, self._rows):
                self._name(rows)

    def _is_sample_with_name(self, one: Utterance) -> bool:
        """Whether there are numbers beside the name, or the connection says more of the kind."""
        row = self._rows[one]
        place = name_place(row)
        assert place is not None, "the caller has asked"
        numbers = [cell for cell in row.cells[place + 1 :] if is_number(cell) and "." in cell]
        more = sum(
            1
            for other in self._pool
            if other.talk == one.talk
            and other is not one
            and self._rows[other].gaps == row.gaps
            and self._rows[other].cells[:1] == row.cells[:1]
        )
        return bool(numbers) or more > 1

    def _name(self, members: list[Utterance]) -> None:
        rows = [self._rows[one] for one in members]
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
                    self._scene.names[one.talk] = value
            elif column < place or (len(set(values)) == 1 and rows[0].gaps[column + 1].strip()[:1] in {"=", ":"}):
                parts.append(literal(values[0]))
            else:
                parts.append(ColumnSlot(f"w{column}", is_named=False, values=values))
        self._take(MessageKind(members, "name", parts))

    def _single_names(self) -> None:
        """First messages of one word that are answered, or that a greeting asks for."""
        firsts = [one for one in self._pool if one.place == 0]
        if not firsts or self._scene.is_dialled or any(kind.verb == "name" for kind in self._found):
            return
        words = [self._texts[one] for one in firsts]
        later = {self._texts[one] for one in self._pool if one.place}
        if not all(is_word(word) and word.lower() not in SIGNS_OF_LIFE | FAREWELLS | NOISE for word in words):
            return
        is_asked = self._scene.is_greeted or all(one.replies for one in firsts)
        is_used = all(any(re.search(rf"\b{re.escape(word)}\b".encode(), data) for data in self._heard()) for word in words)
        has_more = any(one.place for one in self._pool)
        if len(set(words)) < len(words) or later & set(words) or not has_more or not (is_asked or is_used):
            return
        if len(words) == 1 and not is_used and not self._scene.is_greeted:
            return
        for one, word in zip(firsts, words, strict=True):
            self._scene.names[one.talk] = word
        self._take(MessageKind(firsts, "name", [ColumnSlot("name", is_named=True, type="word", values=words)]))

    def _heard(self) -> Iterable[bytes]:
        for one in self._texts:
            yield from one.replies
            yield from (data for _, data in one.told)

    # farewells

    def _farewells(self) -> None:
        """Last messages of connections that the program hangs up."""
        lasts = Counter(self._texts[one] for one in self._pool if one.is_last and one.place > 0)
        for text, count in lasts.items():
            members = [one for one in self._pool if self._texts[one] == text]
            word = "".join(filter(str.isalpha, text)).lower()
            is_only_last = all(one.is_last for one in members)
            is_known = word in FAREWELLS
            hangs_up = count > 1 and all(one.hung_up for one in members) and not self._has_numbers(members[0])
            if members and is_only_last and (is_known or hangs_up):
                self._take(literal_kind(members, "bye", self._scene))
        headed = [
            one for one in self._pool if one.is_last and self._rows[one].cells and self._rows[one].cells[0].lower() in FAREWELLS
        ]
        for rows in _by_gaps(headed, self._rows):
            self._take(layout_of(rows, self._rows, self._scene, verb="bye"))

    # messages that are all treated the same

    def _whole(self) -> None:
        """All messages that are answered in the same way, whatever they say: talk, and what only keeps it."""
        whole = self._same_for_all()
        if whole is not None:
            ends = [one for one in self._pool if one.is_last and self._word(one) in FAREWELLS]
            texts = {self._texts[one] for one in ends}
            ends = [one for one in self._pool if self._texts[one] in texts]
            if ends:
                self._take(literal_kind(ends, "bye", self._scene))
            self._take(text_kind(list(self._pool), "event", "", self._scene))

    def _uniform(self) -> None:
        """The same, once names and farewells are known."""
        if self._same_for_all() is not None:
            self._take(text_kind(list(self._pool), "event", "", self._scene))

    def _same_for_all(self) -> MessageKind | None:
        """The kind of all messages of the pool, if they are of many layouts and the same is heard because of each."""
        layouts = {self._rows[one].gaps for one in self._pool}
        if len(layouts) < _MANY_LAYOUTS or not any(self._is_sentence(one) for one in self._pool):
            return None
        ends = {self._texts[one] for one in self._pool if one.is_last and self._word(one) in FAREWELLS}
        members = [one for one in self._pool if self._texts[one] not in ends]
        whole = text_kind(members, "event", "", self._scene)
        whole.listen(self._scene)
        is_same = whole.answer.kind in {AnswerKind.CONSTANT, AnswerKind.TEMPLATE} and whole.answer.share >= _MOSTLY
        return whole if is_same else None

    def _is_sentence(self, one: Utterance) -> bool:
        """Whether the message has words with blanks between them."""
        row = self._rows[one]
        return any(
            is_word(sooner) and is_word(later) and gap.strip(" ,.!?'") == ""
            for sooner, later, gap in zip(row.cells, row.cells[1:], row.gaps[1:], strict=False)
        )

    def _word(self, one: Utterance) -> str:
        """The letters of a message, in lower case."""
        return "".join(filter(str.isalpha, self._texts[one])).lower()

    # messages with numbers

    def _has_numbers(self, one: Utterance) -> bool:
        row = self._rows[one]
        return any(
            is_number(cell, has_commas=self._has_commas)
            or (_is_glued(cell) and gap.strip()[:1] not in {"=", ":"})
            or (cell.lower() in FLAGS and before.strip() in {"=", ":"})
            for before, cell, gap in zip(row.gaps, row.cells, row.gaps[1:], strict=False)
        )

    def _numbers(self) -> None:
        """Messages with numbers, by their layout; a word in capitals in front splits them."""
        numbered = [one for one in self._pool if self._has_numbers(one) and not self._is_prose(one)]
        if self._scene.is_dialled:
            numbered = self._without_noise(numbered)
        known = {(self._head(one), self._rows[one].gaps) for one in numbered if self._head(one)}
        numbered = [one for one in self._pool if one in set(numbered) or (self._head(one), self._rows[one].gaps) in known]
        heads = _by(numbered, self._head)
        plain = _merge_single(heads, self._rows)
        for members in plain:
            self._of_head(members)

    def _without_noise(self, numbered: list[Utterance]) -> list[Utterance]:
        """Leave out what a device says of itself among its samples, and the torn beginning of what it said when netd came."""
        counts = Counter(self._rows[one].gaps for one in numbered)
        return [
            one
            for one in numbered
            if counts[self._rows[one].gaps] * _RARE > len(numbered) and (one.place or counts[self._rows[one].gaps] > 1)
        ]

    def _is_prose(self, one: Utterance) -> bool:
        """Whether the message is a sentence: words with blanks between them, said once."""
        row = self._rows[one]
        words = [cell for cell in row.cells if is_word(cell)]
        if len(words) < 3 or any(gap.strip(" .!?'\"") not in {"", ","} for gap in row.gaps):
            return False
        return sum(other.gaps == row.gaps and other.cells[0] == row.cells[0] for other in self._rows.values()) == 1

    def _head(self, one: Utterance) -> str:
        """The word in front, if it tells kinds apart: in capitals, behind a mark, or before a mark between columns."""
        row = self._rows[one]
        if not row.cells or not is_word(row.cells[0]):
            return row.gaps[0].strip() if row.gaps[0].strip() and not row.gaps[0].startswith(tuple(",;|\t")) else ""
        word, mark = row.cells[0], row.gaps[0].strip()
        is_key = len(row.gaps) > 1 and row.gaps[1].strip() in {"=", ":"}
        is_column = len(row.gaps) > 2 and row.gaps[1].strip() in _COLUMN_MARKS and not self._has_numbers(one)
        is_command = is_column or (((word.isupper() and len(word) > 1) or bool(mark)) and not _is_glued(word))
        is_key = is_key and (not word.isupper() or self._has_numbers(one))
        return f"{mark}{word}" if is_command and not is_key else ""

    def _of_head(self, members: list[Utterance]) -> None:
        texts = [self._texts[one] for one in members]
        by_gaps = _by_gaps(members, self._rows)
        if len(by_gaps) > 1:
            columns = _columns(texts)
            if columns is not None:
                self._rows.update(zip(members, columns, strict=True))
                by_gaps = [members]
            else:
                pairs = pairs_kind(members, texts, self._scene)
                if pairs is not None:
                    self._take(pairs)
                    return
        for rows in by_gaps:
            for keyed in self._by_keys(rows):
                self._take(self._laid_out(keyed))

    def _by_keys(self, members: list[Utterance]) -> list[list[Utterance]]:
        """*members* of one layout, by the words before ``=`` in them; those of one pair with a number stay together."""
        rows = self._rows
        first = rows[members[0]]
        places = [place for place in range(len(first.cells)) if first.gaps[place + 1].strip()[:1] in {"=", ":"}]
        is_pair = places == [0] and len(first.cells) == 2
        if is_pair and all(is_number(rows[one].cells[1]) or _is_glued(rows[one].cells[1]) for one in members):
            return [members]
        is_command = is_word(first.cells[0]) and _are_answered_apart(members)
        found = _by(
            members,
            lambda one: "\0".join(
                [
                    rows[one].cells[0] if is_command else _glued_key(rows[one].cells[0]) if len(first.cells) == 1 else "",
                    *(rows[one].cells[place] for place in places),
                ]
            ),
        )
        return list(found.values()) if len(found) <= _MOST_KEYS else [members]

    def _laid_out(self, members: list[Utterance]) -> MessageKind:
        header = self._header(members[0])
        titles = self._rows[header[0]].cells if header else ()
        kind = layout_of(members, self._rows, self._scene, titles, has_commas=self._has_commas)
        if header:
            self._take(literal_kind(header, "ignore", self._scene))
        return kind

    def _header(self, one: Utterance) -> list[Utterance]:
        """The messages that are titles of the columns of *one*."""
        row = self._rows[one]
        if len(row.cells) < 2 or not row.gaps[1].strip(" ") or row.gaps[1].strip() in {"=", ":"}:
            return []
        found = [
            other
            for other in self._pool
            if self._rows[other].gaps == row.gaps and all(map(is_word, self._rows[other].cells)) and other.time <= one.time
        ]
        return found if len({self._texts[other] for other in found}) == 1 else []

    # commands and talk

    def _commands(self) -> None:
        """Messages without numbers: a word in capitals or behind a mark in front, or the same text again and again."""
        has_samples = any(kind.verb == "sample" for kind in self._found)
        for head, members in _by(self._pool, self._command).items():
            is_rare = self._scene.is_dialled and has_samples and len(members) * _RARE <= len(self._texts)
            if not head or (is_rare and not any(one.replies for one in members)):
                continue
            is_row = self._rows[members[0]].gaps[1].strip() in _COLUMN_MARKS
            if len({self._texts[one] for one in members}) == 1 and not is_row:
                self._take(self._constant(members))
                continue
            by_gaps = _by_gaps(members, self._rows)
            if len(by_gaps) == 1 and not any(" " in gap for gap in self._rows[members[0]].gaps[2:]):
                self._take(layout_of(members, self._rows, self._scene))
            else:
                self._take(text_kind(members, "event", f"{head}{_blank(self._rows[members[0]].gaps[1])}", self._scene))

    def _command(self, one: Utterance) -> str:
        text = self._texts[one]
        if self._word(one) in SIGNS_OF_LIFE:
            return text
        return self._head(one)

    def _constant(self, members: list[Utterance]) -> MessageKind:
        is_asking = all(one.replies for one in members) and (len(members) > 1 or self._texts[members[0]].endswith("?"))
        is_idle = self._word(members[0]) in SIGNS_OF_LIFE or is_asking
        return literal_kind(members, "ignore" if is_idle else "event", self._scene)

    def _talk(self) -> None:
        """What is left: sentences, and words that are commands if each has an answer of its own."""
        if not self._pool:
            return
        whole = text_kind(list(self._pool), "event", "", self._scene)
        whole.listen(self._scene)
        distinct = _by(self._pool, lambda one: self._texts[one])
        if whole.answer.kind is AnswerKind.VARIED and len(distinct) <= _MOST_COMMANDS:
            for members in distinct.values():
                kind = self._constant(members)
                kind.listen(self._scene)
                if kind.answer.kind is not AnswerKind.VARIED:
                    self._take(kind)
        if not self._pool:
            return
        if self._is_noise():
            self._take(MessageKind(list(self._pool), "ignore", ["{*}"]))
        elif len({self._texts[one] for one in self._pool}) == 1:
            self._take(self._constant(list(self._pool)))
        else:
            self._take(text_kind(list(self._pool), "event", "", self._scene))

    def _is_noise(self) -> bool:
        """Whether the rest is what a device says when it starts, among its samples."""
        has_samples = any(kind.verb == "sample" for kind in self._found)
        is_answered = any(one.replies or one.told for one in self._pool)
        is_early = self._scene.is_dialled or all(one.place < _EARLY for one in self._pool)
        return has_samples and not is_answered and is_early and len(self._pool) * 4 <= len(self._texts)


def layout_of(
    members: list[Utterance],
    rows: dict[Utterance, Cells],
    scene: Scene,
    header: Sequence[str] = (),
    *,
    verb: str = "",
    has_commas: bool = False,
) -> MessageKind:
    """The kind of *members* of one layout, with *verb* if that is known."""
    kind = layout_kind(members, [rows[one] for one in members], scene, header=header, has_commas=has_commas)
    if verb:
        kind.verb = verb
    elif rows[members[0]].cells[0].lower() in SIGNS_OF_LIFE:
        kind.verb = "ignore"
    elif _is_report(rows[members[0]]):
        kind.verb = "event"
    return kind


def _is_report(row: Cells) -> bool:
    """Whether the message reports something that happened, with a number of it: ``E04``, ``ALARM 3``."""
    first = row.cells[0]
    parts = parted(first)
    word = parts[0] if parts is not None else first
    return word.lower() in REPORTS


def _blank(gap: str) -> str:
    """The gap behind a word, as far as it is the same wherever it ends."""
    return gap.rstrip() or " "


def _are_answered_apart(members: Sequence[Utterance]) -> bool:
    """Whether most messages have an answer of their own: the word in front then is a command."""
    answers = [one.replies[0] for one in members if one.replies]
    return len(answers) * 2 > len(members) and len(set(answers)) * 2 > len(answers) > 1


def _glued_key(cell: str) -> str:
    """The letters glued before a number."""
    parts = parted(cell)
    return parts[0] if parts is not None and _is_glued(cell) else ""


def _is_glued(cell: str) -> bool:
    """Whether a number has a key before it or a unit behind it."""
    parts = parted(cell)
    return parts is not None and (len(parts[0]) <= 2 or "." in parts[1])


def _by(members: Iterable[Utterance], key: object) -> dict[str, list[Utterance]]:
    found: dict[str, list[Utterance]] = {}
    for one in members:
        found.setdefault(key(one), []).append(one)  # type: ignore[operator]
    return found


def _by_gaps(members: Iterable[Utterance], rows: dict[Utterance, Cells]) -> list[list[Utterance]]:
    """*members* by their layout, in the order of their first appearance."""
    found: dict[tuple[str, ...], list[Utterance]] = {}
    for one in members:
        found.setdefault(rows[one].gaps, []).append(one)
    return list(found.values())


def _merge_single(heads: dict[str, list[Utterance]], rows: dict[Utterance, Cells]) -> list[list[Utterance]]:
    """The messages by their heads; heads with one number each and no answer are channels, and come together."""
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


def _columns(texts: Sequence[str]) -> list[Cells] | None:
    """*texts* as rows of columns, if they are such, whatever is in the columns."""
    for mark in ",;|\t":
        counts = {text.count(mark) for text in texts}
        if len(counts) == 1 and counts.pop() >= _MANY_COLUMNS:
            split = [[cell.strip() for cell in text.split(mark)] for text in texts]
            return [Cells(("", *[mark] * (len(cells) - 1), ""), tuple(cells)) for cells in split]
    return None

"""What a program hears because of its messages: nothing, the same each time, its own words again, or answers that vary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from attrs import evolve, frozen

from netd.wire.framing import parse_frame
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.wording import escaped, literal

__all__ = ["AnswerKind", "LearntAnswer", "answer_to", "heard_by", "joined"]

_MOSTLY = 0.8
"""Share of messages that have to be answered, or told to others, for the rule to do so."""
_SELDOM = 0.5
"""Share of answered messages below which what was heard had another cause."""
_NUMBER = re.compile(rb"[0-9]+")
_SHORTEST_ECHO = 3
"""Characters of a field's value that occur in a single answer by chance no more."""


class AnswerKind(Enum):
    """What is heard because of a message."""

    NONE = "nothing"
    CONSTANT = "the same each time"
    TEMPLATE = "parts of the message"
    COUNTED = "the same but for its numbers"
    VARIED = "other answers each time"


@frozen
class LearntAnswer:
    """What is heard because of the messages of a kind.

    :ivar template: as it is written behind ``=>``; None where there is nothing to write.
    :ivar fields: the names of the fields in it.
    :ivar verb: ``tell`` or ``tell-all`` if others hear it, else empty.
    :ivar share: the share of the messages that are answered.
    """

    kind: AnswerKind
    template: str | None = None
    fields: frozenset[str] = frozenset()
    verb: str = ""
    share: float = 1.0


def joined(frames: Sequence[bytes], say: str) -> bytes | None:
    """Return several messages as the one reply that leaves the same bytes; None if there is no such reply."""
    if len(frames) == 1:
        return frames[0]
    if say == "raw" or say.startswith("silence"):
        return b"".join(frames)
    if not say.startswith(("lines", "until")):
        return None
    end = parse_frame(say).encode(b"")
    return end.join(frames)


def heard_by(utterance: Utterance, say: str, most: int | None = None) -> tuple[str, bytes | None]:
    """Return who hears because of *utterance* (``tell``, ``tell-all`` or nobody else), and what.

    :param most: how many of the messages that others hear count; None for all.
    """
    own = joined(utterance.replies, say) if utterance.replies else None
    told = _told(utterance)
    if not told:
        return "", own
    first = joined(told[0][:most], say)
    return ("tell-all" if own is not None else "tell"), first


def _told(utterance: Utterance) -> list[list[bytes]]:
    """What each of the others heard because of *utterance*."""
    told: dict[int, list[bytes]] = {}
    for talk, data in utterance.told:
        told.setdefault(talk, []).append(data)
    return list(told.values())


def answer_to(
    utterances: Sequence[Utterance],
    values: Sequence[Mapping[str, str]],
    say: str,
    encoding: str,
    is_about_itself: bool = False,
) -> LearntAnswer:
    """Return what is heard because of *utterances*.

    :param values: the texts of the fields of each message, by name; ``text`` is the message.
    :param is_about_itself: whether the program says who it is, or takes leave: what others hear of that is not said in its name.
    """
    if is_about_itself:
        utterances = [evolve(one, told=[]) for one in utterances]
    # What some of the others heard behind the rest had another cause: somebody left.
    fewest = min((len(pieces) for one in utterances for pieces in _told(one)), default=0)
    heard = [heard_by(one, say, fewest) for one in utterances]
    has_others = [one.others > 0 for one in utterances]
    told = sum(verb != "" for verb, _ in heard)
    is_told = told > 0 and told >= _MOSTLY * sum(has_others)
    pairs = [
        (data, fields)
        for (verb, data), fields in zip(heard, values, strict=True)
        if data is not None and (bool(verb) is is_told or is_told)
    ]
    if not pairs:
        return LearntAnswer(AnswerKind.NONE)
    share = 1.0 if is_told else len(pairs) / len(utterances)
    if share < _SELDOM:
        return LearntAnswer(AnswerKind.NONE, share=share)
    verb = ""
    if is_told:
        all_hear = any(verb == "tell-all" for verb, _ in heard)
        verb = "tell-all" if all_hear else "tell"
    template = _template(pairs, encoding)
    if template is None and not is_told and share >= _MOSTLY and len({_NUMBER.sub(b"0", data) for data, _ in pairs}) == 1:
        return LearntAnswer(AnswerKind.COUNTED, escaped(pairs[0][0]), share=share)  # without any, the program may wait for ever
    if template is None:
        return LearntAnswer(AnswerKind.VARIED, verb=verb, share=share)
    text, fields = template
    return LearntAnswer(AnswerKind.TEMPLATE if fields else AnswerKind.CONSTANT, text, fields, verb, share)


def _template(pairs: Sequence[tuple[bytes, Mapping[str, str]]], encoding: str) -> tuple[str, frozenset[str]] | None:
    """The text with fields that renders every answer, and the names of its fields."""
    answers = [answer for answer, _ in pairs]
    is_same = len(set(answers)) == 1
    try:
        texts = [answer.decode(encoding) for answer in answers]
    except UnicodeDecodeError:
        return (escaped(answers[0]), frozenset()) if is_same else None
    fields = [dict(one) for _, one in pairs]
    usable = [
        name
        for name in fields[0]
        if all(one.get(name, "") and one[name] in text for one, text in zip(fields, texts, strict=True))
    ]
    if is_same:
        is_one = len({tuple(sorted(one.items())) for one in fields}) == 1
        usable = [name for name in usable if is_one and _is_telling(fields[0][name])]
    clearest = max(range(len(fields)), key=lambda place: len({fields[place][name] for name in usable}))
    for names in _attempts(usable, fields[clearest]):
        found = _render_first(texts[clearest], fields[clearest], names)
        if all(_fill(found, one) == text for one, text in zip(fields, texts, strict=True)):
            used = frozenset(part for is_field, part in found if is_field)
            return "".join(f"{{{part}}}" if is_field else literal(part) for is_field, part in found), used
    return (literal(texts[0]), frozenset()) if is_same else None


def _is_telling(value: str) -> bool:
    """Whether a value in a single answer is there because of the message, and not by chance."""
    return len(value) >= _SHORTEST_ECHO and not value.isupper() and not value.isdigit()


def _attempts(usable: Sequence[str], values: Mapping[str, str]) -> list[list[str]]:
    """The sets of fields to try: the whole message first, then the longest values, then fewer of them."""
    ordered = sorted(usable, key=lambda name: -len(values[name]))
    attempts = [["text"]] if "text" in ordered else []
    if "text" in ordered and "name" in ordered:
        attempts.insert(0, ["text", "name"])
    rest = [name for name in ordered if name != "text"]
    attempts += [rest[: len(rest) - cut] for cut in range(len(rest))]
    attempts += [[name] for name in rest]
    return [attempt for attempt in attempts if attempt]


_Parts = list[tuple[bool, str]]


def _render_first(text: str, values: Mapping[str, str], names: Sequence[str]) -> _Parts:
    """*text* with the values of *names* as fields: the parts, and whether each is a field."""
    parts: _Parts = [(False, text)]
    for name in names:
        value = values[name]
        cut: _Parts = []
        for is_field, part in parts:
            if is_field:
                cut.append((is_field, part))
                continue
            pieces = re.split(_bounded(value), part)
            for place, piece in enumerate(pieces):
                cut += [(True, name)] * (place > 0) + [(False, piece)] * (piece != "")
        parts = cut
    return parts


def _bounded(value: str) -> str:
    """The expression that finds *value*, not within a longer word or number."""
    before = r"(?<!\w)" if value[:1].isalnum() else ""
    behind = r"(?!\w)" if value[-1:].isalnum() else ""
    return before + re.escape(value) + behind


def _fill(parts: _Parts, values: Mapping[str, str]) -> str:
    return "".join(values[part] if is_field else part for is_field, part in parts)

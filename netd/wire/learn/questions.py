"""Questions that an instrument is asked, each with its period and the kind of its answers: the option ``ask``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import median

from attrs import Factory, define, frozen

from netd.wire.learn.cells import split_cells
from netd.wire.learn.utterances import Overheard, OverheardDialogue, Utterance

__all__ = ["Question", "QuestionsAndRest", "questions_of", "written_period"]

_MOST_OF_A_SHAPE = 3
"""Questions that differ in a number alone; more are settings that somebody made."""
_FEWEST_PERIODS = 2


@define(eq=False)
class Question:
    """Something that the program hears again and again.

    :ivar answers: what it said to that.
    :ivar period: seconds between two of them; 0 if it is said once after connecting.
    """

    data: bytes
    heard: list[Overheard] = Factory(list)
    answers: list[Utterance] = Factory(list)
    period: float = 0.0


@frozen
class QuestionsAndRest:
    """What was asked, what was only said, and what the program said without being asked.

    :ivar said: what has no answer and comes again and again: for ``every``.
    :ivar settings: what was said in so many ways, or so irregularly, that a person or a program chose it.
    :ivar acknowledgements: what it said to these.
    :ivar is_each: whether each of them had a connection of its own.
    """

    asked: tuple[Question, ...]
    said: tuple[Question, ...]
    settings: tuple[bytes, ...]
    acknowledgements: tuple[Utterance, ...]
    unasked: tuple[Utterance, ...]
    is_each: bool


def questions_of(dialogue: OverheardDialogue) -> QuestionsAndRest:
    """Pair what the program heard with what it said next."""
    found: dict[bytes, Question] = {}
    open_now: dict[int, Question | None] = {}
    unasked: list[Utterance] = []
    events: list[Overheard | Utterance] = sorted([*dialogue.overheard, *dialogue.utterances], key=lambda one: one.time)
    for one in events:
        if isinstance(one, Overheard):
            question = found.setdefault(one.data, Question(one.data))
            question.heard.append(one)
            open_now[one.talk] = question
            continue
        asked = open_now.get(one.talk)
        if asked is None:
            unasked.append(one)
        else:
            asked.answers.append(one)
            open_now[one.talk] = None
    is_each = _is_each(dialogue)
    for question in found.values():
        question.period = _period(question.heard, is_each)
    settings = _settings(list(found.values()))
    if is_each:
        settings = tuple(question.data for question in found.values() if question.data in settings or not question.period)
    questions = [question for question in found.values() if question.data not in settings]
    asked_ones = [question for question in questions if len(question.answers) * 2 >= len(question.heard)]
    said = [question for question in questions if question not in asked_ones]
    for question in said:
        unasked += question.answers
    acknowledgements = tuple(one for data in settings for one in found[data].answers)
    return QuestionsAndRest(
        tuple(asked_ones), tuple(said), settings, acknowledgements, tuple(sorted(unasked, key=lambda one: one.time)), is_each
    )


def _settings(questions: Sequence[Question]) -> tuple[bytes, ...]:
    """What is said once in each of many ways."""
    shapes: dict[tuple[str, ...], list[Question]] = {}
    for question in questions:
        row = split_cells(question.data.decode("utf-8", "replace"))
        shapes.setdefault((*row.gaps, *row.cells[:1]), []).append(question)
    many = [group for group in shapes.values() if len(group) > _MOST_OF_A_SHAPE]
    return tuple(question.data for group in many for question in group)


def _is_each(dialogue: OverheardDialogue) -> bool:
    """Whether each question had a connection of its own."""
    talks = {one.talk for one in dialogue.overheard}
    return len(talks) == len(dialogue.overheard) > 2


def _period(heard: Sequence[Overheard], is_each: bool) -> float:
    """The usual time between two of the same question, or 0 if there is none."""
    gaps = [later.time - sooner.time for sooner, later in itertools.pairwise(heard) if is_each or later.talk == sooner.talk]
    usual = median(gaps) if len(gaps) >= _FEWEST_PERIODS else 0.0
    is_regular = sum(abs(gap - usual) <= 0.3 * usual for gap in gaps) * 2 > len(gaps)
    return usual if is_regular or not is_each else 0.0


def written_period(seconds: float) -> str:
    """Return *seconds* as an option has them, rounded as a person would have chosen them."""
    if seconds <= 0:
        return "0s"
    if seconds < 1:
        return f"{max(10, round(seconds * 20) * 50)}ms"
    if seconds < 10:
        return f"{round(seconds * 2) / 2:g}s"
    if seconds < 100:
        return f"{round(seconds):g}s" if abs(seconds - round(seconds / 5) * 5) > 1 else f"{round(seconds / 5) * 5:g}s"
    return f"{round(seconds / 60)}m" if abs(seconds / 60 - round(seconds / 60)) < 0.1 else f"{round(seconds)}s"

"""Answers of the recorders of several nodes as one. What belongs to node B has its name, as everywhere: ``session.main@B.x``.

What another node answers is read before anything else is done with it: a node with nonsense counts as one without an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve, frozen

from netd.cluster.address import own_pattern, pattern_between, split_instance, subject_at
from netd.cluster.rights import names_node
from netd.codec.jsontypes import read_as
from netd.errors import InvalidArguments, OperationFailed
from netd.recorder.results import (
    Gap,
    HistoryPage,
    HistoryPoints,
    NoteFacts,
    PastEvent,
    PastSamples,
    RunFacts,
    SeriesFacts,
    SeriesPoints,
)

__all__ = [
    "NodeAnswer",
    "merged_events",
    "merged_points",
    "merged_runs",
    "merged_series",
    "page_items",
    "patterns_for",
    "read_answer",
    "unanswered_gap",
]


_ANSWERS: dict[str, object] = {
    "subjects": list[SeriesFacts],
    "query": HistoryPoints,
    "read": HistoryPage,
    "events": list[PastEvent],
    "runs": list[RunFacts],
}
"""What each operation answers."""


@frozen
class NodeAnswer:
    """The answer of the recorder *instance*: objects of ``netd.recorder.results``."""

    instance: str
    value: Any

    @property
    def node(self) -> str:
        """The node; empty for this one."""
        return split_instance(self.instance)[1]


def read_answer(value: Any, verb: str) -> Any:
    """Return what the recorder of another node has answered to ``history.<verb>``, plain values, as objects.

    :raises OperationFailed: if it is no such answer.
    """
    try:
        found: Any = read_as(_ANSWERS[verb], value)
        if isinstance(found, HistoryPage):
            samples = [isinstance(one, dict) and "times" in one for one in found.items]
            items = [read_as(PastSamples if is_one else PastEvent, one) for one, is_one in zip(found.items, samples, strict=True)]
            found = evolve(found, items=items)
    except InvalidArguments as error:
        raise OperationFailed(f"its answer cannot be read: {error}") from None
    if isinstance(found, HistoryPoints):
        for one in found.series:
            if {len(one.min), len(one.max), len(one.mean), len(one.count)} != {len(one.times)}:
                raise OperationFailed(f"its answer cannot be read: the lists of {one.subject!r:.80} are not equally long")
    return found


def patterns_for(patterns: Iterable[str], node: str) -> list[str]:
    """Return those of *patterns* that subjects of *node* can match, in its own names; an empty *node* is this one.

    This node is asked for all of them: it may record subjects of others.
    """
    if not node:
        return list(patterns)
    return [own_pattern(pattern, node) for pattern in patterns if _is_about(pattern, node)]


def _is_about(pattern: str, node: str) -> bool:
    return pattern.startswith("custom.") or names_node([pattern], node)


def merged_series(answers: Sequence[NodeAnswer]) -> list[SeriesFacts]:
    """Merge answers of ``history.subjects``."""
    found: dict[tuple[str, str], SeriesFacts] = {}
    for answer in answers:
        for one in _named(answer, answer.value, answers):
            known = found.get((one.subject, one.unit))
            found[one.subject, one.unit] = one if known is None else _both(known, one)
    return sorted(found.values(), key=lambda one: (one.subject, one.unit))


def merged_points(answers: Sequence[NodeAnswer], unanswered: Iterable[Gap]) -> HistoryPoints:
    """Merge answers of ``history.query``, of which there is one at least."""
    read: list[tuple[NodeAnswer, HistoryPoints]] = [(answer, answer.value) for answer in answers]
    series: dict[tuple[str, str], SeriesPoints] = {}
    for answer, points in read:
        for one in _named(answer, points.series, answers):
            known = series.get((one.subject, one.unit))
            series[one.subject, one.unit] = one if known is None else _together(known, one)
    gaps = [_gap(answer, gap) for answer, points in read for gap in points.gaps]
    notes = [_note(answer, note) for answer, points in read for note in points.notes]
    return evolve(
        read[0][1],
        series=list(series.values()),
        gaps=sorted([*gaps, *unanswered], key=lambda gap: gap.begin),
        notes=sorted(notes, key=lambda note: note.time),
    )


def merged_events(answers: Sequence[NodeAnswer], newest: int) -> list[PastEvent]:
    """Merge answers of ``history.events``, newest first."""
    found = [one for answer in answers for one in _named(answer, answer.value, answers)]
    return sorted(found, key=lambda one: -one.time)[:newest]


def merged_runs(answers: Sequence[NodeAnswer], newest: int) -> list[RunFacts]:
    """Merge answers of ``history.runs``, newest first."""
    found = [_run(answer, run) for answer in answers for run in answer.value]
    return sorted(found, key=lambda run: -run.begin)[:newest]


def page_items(answer: NodeAnswer, answers: Sequence[NodeAnswer]) -> tuple[list[Any], str | None, list[Gap]]:
    """Return the items of a page of ``history.read``, where the next page of that recorder begins, and its gaps."""
    page: HistoryPage = answer.value
    return _named(answer, page.items, answers), page.after, [_gap(answer, gap) for gap in page.gaps]


def unanswered_gap(node: str, begin: float, end: float, why: str) -> Gap:
    """Return the gap that *node* leaves, which has not answered."""
    return Gap(begin, end, f"node {node} is missing: {why}")


def _named(answer: NodeAnswer, found: Iterable[Any], answers: Sequence[NodeAnswer]) -> list[Any]:
    """Return *found* with the names that its subjects have on this node.

    A node answers for its own subjects. Of another node's, this node's record counts where that node has not answered.
    """
    if answer.node:
        named = ((one, subject_at(one.subject, answer.node)) for one in found)
        return [evolve(one, subject=subject) for one, subject in named if subject is not None]
    answered = {other.node for other in answers if other.node}
    return [one for one in found if "@" not in one.subject or split_instance(one.subject.split(".")[1])[1] not in answered]


def _both(one: SeriesFacts, other: SeriesFacts) -> SeriesFacts:
    """Return facts about one series of which two nodes have recorded parts."""
    return evolve(
        one,
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        count=one.count + other.count,
        numeric=one.numeric or other.numeric,
    )


def _together(one: SeriesPoints, other: SeriesPoints) -> SeriesPoints:
    """Return the points of one series of which two nodes have recorded parts."""
    buckets: dict[float, list[tuple[float, float, float, int]]] = {}
    for points in (one, other):
        numbers = zip(points.min, points.max, points.mean, points.count, strict=True)
        for time, four in zip(points.times, numbers, strict=True):
            buckets.setdefault(time, []).append(four)
    times = sorted(buckets)
    counts = [sum(count for *_, count in buckets[time]) for time in times]
    return evolve(
        one,
        exact=one.exact and other.exact,
        times=times,
        min=[min(low for low, *_ in buckets[time]) for time in times],
        max=[max(high for _, high, *_ in buckets[time]) for time in times],
        mean=[
            sum(mean * count for _, _, mean, count in buckets[time]) / max(1, total)
            for time, total in zip(times, counts, strict=True)
        ],
        count=counts,
    )


def _gap(answer: NodeAnswer, gap: Gap) -> Gap:
    return evolve(gap, reason=f"node {answer.node}: {gap.reason}") if answer.node else gap


def _note(answer: NodeAnswer, note: NoteFacts) -> NoteFacts:
    if not answer.node:
        return note
    subject = None if note.subject is None else pattern_between(note.subject, answer.node, "")
    return evolve(note, subject=subject, instance=answer.instance)


def _run(answer: NodeAnswer, run: RunFacts) -> RunFacts:
    if not answer.node:
        return run
    return evolve(run, patterns=[pattern_between(one, answer.node, "") for one in run.patterns], instance=answer.instance)
